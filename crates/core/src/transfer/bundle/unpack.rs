//! Reading a bundle.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tar::{Archive, Entry, EntryType};
use zstd::stream::read::Decoder;

use super::super::bad_lines::BadLines;
use super::super::host_file::{host_error, open_plain, refused};
use super::super::limits::Budget;
use super::super::line::DirectoryLine;
use super::super::line_reader::{LineReader, MAX_LINE_BYTES, Next, ReadError};
use super::super::lines::Lines;
use super::contents::Unpacked;
use super::head::{self, Sums};
use super::seal::{Seal, Sum};
use super::{CONTENTS, DIRECTORIES, END, FILES, HEAD, MAGIC, MAX_SEAL_BYTES, damaged};
use crate::call::Call;
use crate::content::{ContentHash, LOCAL_BACKEND, NewContent, Spool};
use crate::error::{Error, Result};
use crate::filesystem::{Filesystem, ImportOptions, Progress};

/// Bytes that are read at once.
const STEP: usize = 256 * 1024;
/// Greatest window, as a power of 2: 8 MiB. Bundles are written with 2 MiB.
const MAX_WINDOW_LOG: u32 = 23;

impl Filesystem {
    /// Brings what [`bundle_export`](Self::bundle_export) wrote into the store, in one transaction, and returns
    /// a JSON report as [`import_metadata`](Self::import_metadata) does, with the number of `directories`
    /// that were made.
    ///
    /// The bundle is read to its end and checked, every content by its hash, before anything of it can be
    /// seen. Contents go where this handle places what is at their paths.
    ///
    /// # Errors
    /// `Corrupt` for a bundle that was changed or cut off, or holds more than it says; `InvalidArgument` for a file that is none, and for
    /// bad lines; else as `import_metadata`. Nothing was changed.
    pub fn bundle_import(
        &self,
        file: &str,
        options: &ImportOptions,
        progress: Progress<'_>,
    ) -> Result<String> {
        let call = self.begin();
        let path = Path::new(file);
        self.check_host_file(path)?;
        let mut bad = BadLines::default();
        let input = open_plain(path)?;
        let budget = Budget::new(&options.limits, &input);
        let mut lines = Lines::new(|| self.scratch(), options.invalid_work_keys, budget)?;
        let mut unpacking = Unpacking {
            spool: self.placement().store(LOCAL_BACKEND)?.spool(&call)?,
            inline_max: self.placement().routes().inline_max(),
            lines: &mut lines,
            bad: &mut bad,
            call: &call,
            progress: &mut *progress,
            sum: Sum::default(),
            declared: None,
            unpacked: Unpacked::default(),
        };
        unpacking.file(path, input)?;
        let unpacked = Arc::new(unpacking.unpacked);
        lines.end()?;
        if !options.dry_run {
            // Tokens of the store that the items come from must not be given out here.
            self.store().pass_over_leases(&call)?;
        }
        let report = self.carry_out(
            Arc::new(lines),
            options,
            Some(&unpacked),
            &mut bad,
            &call,
            progress,
        )?;
        report.to_json()
    }
}

/// Why a member could not be read.
enum Failure {
    /// The bundle failed.
    Source(io::Error),
    Failed(Error),
}

type Unpack<T> = std::result::Result<T, Failure>;

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Source(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Failed(error)
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Source(error) => Failure::Source(error),
            ReadError::Failed(error) => Failure::Failed(error),
        }
    }
}

/// A bundle being read.
struct Unpacking<'a, 'p> {
    spool: Box<dyn Spool>,
    inline_max: usize,
    lines: &'a mut Lines,
    bad: &'a mut BadLines,
    call: &'a Call,
    progress: Progress<'p>,
    sum: Sum,
    /// What the bundle says that it holds.
    declared: Option<Sums>,
    unpacked: Unpacked,
}

impl Unpacking<'_, '_> {
    fn file(&mut self, path: &Path, mut file: File) -> Result<()> {
        let failed = |error| host_error("read", path, error);
        let mut magic = Vec::new();
        (&mut file)
            .take(MAGIC.len() as u64)
            .read_to_end(&mut magic)
            .map_err(failed)?;
        if magic != MAGIC {
            return Err(refused(path, "is not a bundle"));
        }
        let total = file.metadata().map_err(failed)?.len();
        let state = Rc::new(SourceState::default());
        state.room.set(self.lines.budget.unpacked());
        let source = Source {
            input: (&MAGIC[..]).chain(file),
            state: Rc::clone(&state),
        };
        let outcome = self.archive(source, &state, total);
        if state.is_beyond.get() {
            // Before what was read of it: a part that is cut off there looks damaged.
            return Err(match self.declared {
                Some(_) => damaged("it holds more than it says"),
                None => self.lines.budget.beyond_unpacked(),
            });
        }
        match (outcome, state.failure.take()) {
            (Ok(()), _) => Ok(()),
            (Err(Failure::Failed(error)), _) => Err(error),
            (Err(Failure::Source(_)), Some(error)) => Err(failed(error)),
            // What the decoders say.
            (Err(Failure::Source(error)), None) => Err(damaged(error)),
        }
    }

    fn archive(&mut self, source: impl Read, state: &Rc<SourceState>, total: u64) -> Unpack<()> {
        let mut decoder = Decoder::new(source)?;
        // A greater window would take as much memory, whatever the bundle holds.
        decoder.window_log_max(MAX_WINDOW_LOG)?;
        let mut unpacked = Bounded {
            input: decoder,
            state: Rc::clone(state),
        };
        let seal = {
            let mut archive = Archive::new(&mut unpacked);
            let mut members = archive.entries()?.raw(true);
            self.head(members.next(), state)?;
            let mut seal = None;
            for member in members {
                if seal.is_some() {
                    return Err(damaged("something follows its end").into());
                }
                self.tell(state.count.get(), total)?;
                seal = self.member(member?)?;
            }
            seal
        };
        let Some(seal) = seal else {
            return Err(damaged("its end is missing").into());
        };
        if self.sum.seal() != seal {
            return Err(damaged("its parts are not those that were written").into());
        }
        // An archive ends with zeros. Reading to the end of the file checks the checksum of the whole.
        let mut rest = [0; 4096];
        loop {
            self.call.check()?;
            match unpacked.read(&mut rest)? {
                0 => break,
                count if rest[..count].iter().all(|byte| *byte == 0) => {}
                _ => return Err(damaged("something follows its end").into()),
            }
        }
        let sums = self.sum.sums(state.unpacked.get());
        match self.declared.is_none_or(|declared| declared == sums) {
            true => Ok(()),
            false => Err(damaged("it does not hold what it says").into()),
        }
    }

    fn tell(&mut self, done: u64, total: u64) -> Result<()> {
        self.call.check()?;
        match (self.progress)(done.min(total), total, "bytes read") {
            true => Ok(()),
            false => Err(Error::cancelled()),
        }
    }

    fn head<R: Read>(
        &mut self,
        member: Option<io::Result<Entry<'_, R>>>,
        state: &SourceState,
    ) -> Unpack<()> {
        let mut member = member.ok_or_else(|| damaged("it is empty"))??;
        let (name, size) = describe(&member)?;
        let text = short_text(&mut member, size)?;
        if name != HEAD {
            return Err(Error::invalid_argument("the file is not a bundle").into());
        }
        self.declared = head::read(&text)?;
        match self.declared {
            Some(sums) => {
                let budget = &self.lines.budget;
                budget.check(sums.lines, sums.line_bytes, sums.unpacked_bytes)?;
                let rest = sums.unpacked_bytes.checked_sub(state.unpacked.get());
                state.room.set(rest.unwrap_or_default());
            }
            // Of the first version.
            None => self.sum.add(&name, size, &ContentHash::of(text.as_bytes())),
        }
        Ok(())
    }

    /// Returns an error if more was found than the bundle says that it holds.
    fn check_declared(&self) -> Result<()> {
        let Some(declared) = self.declared else {
            return Ok(());
        };
        let found = self.sum.sums(0);
        let (lines, line_bytes) = self.lines.budget.taken();
        let is_beyond = lines > declared.lines
            || line_bytes > declared.line_bytes
            || found.contents > declared.contents
            || found.content_bytes > declared.content_bytes;
        match is_beyond {
            true => Err(damaged("it holds more than it says")),
            false => Ok(()),
        }
    }

    /// Takes in one member; returns what the last one says.
    fn member<R: Read>(&mut self, mut member: Entry<'_, R>) -> Unpack<Option<Seal>> {
        let (name, size) = describe(&member)?;
        if name == END {
            let text = short_text(&mut member, size)?;
            let seal = serde_json::from_str(&text).map_err(|_| damaged("its end is unreadable"))?;
            return Ok(Some(seal));
        }
        let hash = if let Some(hash) = name.strip_prefix(CONTENTS) {
            let hash = ContentHash::parse(hash).map_err(|_| damaged("a name is no hash"))?;
            self.content(&hash, size, &mut member)?;
            hash
        } else {
            let mut input = Hashing {
                input: &mut member,
                hasher: Sha256::new(),
                count: 0,
            };
            if name.starts_with(FILES) {
                self.files(&mut input)?;
            } else if name.starts_with(DIRECTORIES) {
                self.directories(&mut input)?;
            } else {
                return Err(damaged("it has a part that is unknown").into());
            }
            if input.count != size {
                return Err(damaged("it is cut off").into());
            }
            self.sum.add_line_bytes(size);
            ContentHash::from_bytes(input.hasher.finalize().into())
        };
        self.sum.add(&name, size, &hash);
        self.check_declared()?;
        Ok(None)
    }

    fn files(&mut self, input: &mut impl Read) -> Unpack<()> {
        let before = self.lines.number();
        self.lines.read(
            BufReader::with_capacity(STEP, input),
            self.bad,
            self.call,
            &mut *self.progress,
        )?;
        self.sum.add_lines(self.lines.number() - before, 0);
        Ok(())
    }

    fn directories(&mut self, input: &mut impl Read) -> Unpack<()> {
        let unreadable = || damaged("a directory is unreadable");
        let buffered = BufReader::with_capacity(STEP, input);
        let longest = self.lines.budget.longest_line().min(MAX_LINE_BYTES);
        let mut lines = LineReader::new(buffered, longest);
        loop {
            let line = match lines.next(self.call)? {
                Next::Line(line) => std::str::from_utf8(line).map_err(|_| unreadable())?,
                Next::TooLong => {
                    self.lines.budget.take(longest + 1)?;
                    return Err(unreadable().into());
                }
                Next::End => return Ok(()),
            };
            DirectoryLine::parse(line).map_err(|_| unreadable())?;
            self.lines.add_directory(line)?;
            self.sum.add_lines(0, 1);
        }
    }

    fn content(&mut self, expected: &ContentHash, size: u64, input: &mut impl Read) -> Unpack<()> {
        let content = match size <= self.inline_max as u64 {
            true => {
                let mut data = Vec::with_capacity(size as usize);
                input.take(size).read_to_end(&mut data)?;
                self.spool.keep_small(&data)?
            }
            false => {
                let mut staging = self.spool.stage(self.call)?;
                let mut buffer = vec![0; STEP];
                loop {
                    self.call.check()?;
                    match input.read(&mut buffer)? {
                        0 => break,
                        count => staging.write(&buffer[..count], self.call)?,
                    }
                }
                NewContent::Staged(staging.finish(self.call)?)
            }
        };
        if content.hash() != *expected || content.size() != size {
            return Err(damaged(format!("the content {expected} has other bytes")).into());
        }
        self.sum.add_content(size);
        let contents = &mut self.unpacked.contents;
        if contents.insert(*expected, content).is_some() {
            return Err(damaged("it has a content twice").into());
        }
        Ok(())
    }
}

/// Returns name and length of a member, which must be a plain file.
fn describe<R: Read>(member: &Entry<'_, R>) -> Unpack<(String, u64)> {
    if member.header().entry_type() != EntryType::Regular {
        return Err(damaged("it has a part that is no plain file").into());
    }
    let name = String::from_utf8(member.path_bytes().into_owned())
        .map_err(|_| damaged("a name is unreadable"))?;
    Ok((name, member.size()))
}

fn short_text<R: Read>(member: &mut Entry<'_, R>, size: u64) -> Unpack<String> {
    if size > MAX_SEAL_BYTES {
        return Err(damaged("its head or end is too long").into());
    }
    let mut text = String::new();
    member.read_to_string(&mut text)?;
    Ok(text)
}

/// What is known of the file while decoders read it.
#[derive(Default)]
struct SourceState {
    /// Bytes that were read.
    count: Cell<u64>,
    /// Bytes that were unpacked.
    unpacked: Cell<u64>,
    /// Bytes that may be unpacked yet.
    room: Cell<u64>,
    /// There are more.
    is_beyond: Cell<bool>,
    /// How reading failed, if it did.
    failure: Cell<Option<io::Error>>,
}

/// The file that decoders read.
struct Source<R> {
    input: R,
    state: Rc<SourceState>,
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.input.read(buffer) {
            Ok(count) => {
                self.state.count.set(self.state.count.get() + count as u64);
                Ok(count)
            }
            Err(error) => {
                let kind = error.kind();
                self.state.failure.set(Some(error));
                Err(kind.into())
            }
        }
    }
}

/// What is unpacked, up to a bound.
struct Bounded<R> {
    input: R,
    state: Rc<SourceState>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.state.room.get()).unwrap_or(usize::MAX);
        // One byte more says whether there are more.
        let most = buffer.len().min(room.saturating_add(1));
        let count = self.input.read(&mut buffer[..most])?;
        if count > room {
            self.state.is_beyond.set(true);
            return Err(io::Error::other("more is unpacked than may be"));
        }
        self.state.room.set((room - count) as u64);
        self.state
            .unpacked
            .set(self.state.unpacked.get() + count as u64);
        Ok(count)
    }
}

/// Hashes what is read through it.
struct Hashing<R> {
    input: R,
    hasher: Sha256,
    count: u64,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        self.count += count as u64;
        Ok(count)
    }
}
