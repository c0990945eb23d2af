//! Writing a bundle.

use std::cell::RefCell;
use std::collections::HashSet;
use std::io::{self, Read};
use std::path::Path;

use serde_json::json;
use tar::Builder;
use zstd::stream::write::Encoder;

use super::super::aside::Aside;
use super::super::line;
use super::head::{self, Sums};
use super::seal::{Seal, Sum};
use super::{DIRECTORIES, END, FILES, content_name, header};
use crate::access::Action;
use crate::call::Call;
use crate::content::{ContentHash, ContentReader, missing};
use crate::error::{Error, Result};
use crate::filesystem::{ExportOptions, Filesystem, Progress};
use crate::metadata::{DescribedEntry, EntryQuery, Scope};
use crate::path::{VirtualPath, parse_id};
use crate::range::PathRange;

/// The same content gives the same bytes only at the same level.
const LEVEL: i32 = 3;
/// How often a file is read again because others changed it meanwhile.
const ATTEMPTS: usize = 64;
/// Bytes between two progress reports.
const PROGRESS_BYTES: u64 = 4 * 1024 * 1024;

impl Filesystem {
    /// Writes what the caller may read of the files that `options` select, with their contents and with
    /// the directories that were made, to `file`, a path of the host, and returns a JSON report: `files`,
    /// `directories`, `contents`, `content_bytes`, `sha256`. The file appears whole or not at all; as long
    /// as the store does not change, its bytes are the same each time.
    ///
    /// Each file is as it was at one moment; the moments differ.
    ///
    /// # Errors
    /// `InvalidArgument`; `Corrupt` naming the file whose content is damaged; `Unsupported` naming a file with
    /// metadata of more than 256 MiB; `NotMounted`; `Io`, `NoSpace`; `Cancelled`.
    pub fn bundle_export(
        &self,
        file: &str,
        options: &ExportOptions,
        progress: Progress<'_>,
    ) -> Result<String> {
        let call = self.begin();
        if let Some(tenant) = &options.tenant_id {
            parse_id("tenant_id", tenant)?;
        }
        let mut aside = Aside::create(self, Path::new(file))?;
        let watch = Watch {
            call: &call,
            progress: RefCell::new(progress),
            bytes: RefCell::new(0),
        };
        let failure = RefCell::new(None);
        let packed = self.pack(&mut aside, options, &watch, &failure);
        let (seal, sums) = match (packed, failure.into_inner()) {
            (_, Some(error)) => return Err(error),
            (Err(Failure::Failed(error)), None) => return Err(error),
            (Err(Failure::Target(error)), None) => return Err(aside.failed(error)),
            (Ok(packed), None) => packed,
        };
        aside.write_again_at_start(&head::frame(&sums)?)?;
        aside.put_in_place()?;
        Ok(json!(seal).to_string())
    }

    fn pack(
        &self,
        mut aside: &mut Aside,
        options: &ExportOptions,
        watch: &Watch<'_, '_>,
        failure: &RefCell<Option<Error>>,
    ) -> Packed<(Seal, Sums)> {
        // The sums in the first frame are not known yet.
        let first = head::frame(&Sums::default())?;
        aside.write(&first)?;
        let mut encoder = Encoder::new(&mut aside, LEVEL)?;
        encoder.include_checksum(true)?;
        let mut pack = Pack {
            builder: Builder::new(Counting {
                output: encoder,
                count: head::MEMBER_BYTES as u64,
            }),
            sum: Sum::default(),
            packed: HashSet::new(),
            pages: 0,
            failure,
        };
        let mut last: Option<String> = None;
        loop {
            watch.tell()?;
            let page = self.export_page(options, true, last.as_deref(), watch.call)?;
            let Some((end, _)) = page.last() else { break };
            last = Some(end.path.as_str().to_owned());
            self.pack_page(page, options, &mut pack, watch)?;
        }
        let sum = std::mem::take(&mut pack.sum);
        let seal = sum.seal();
        pack.text(END, &format!("{}\n", json!(seal)))?;
        let Pack { builder, .. } = pack;
        let Counting { output, count } = builder.into_inner()?;
        output.finish()?;
        Ok((seal, sum.sums(count)))
    }

    fn pack_page(
        &self,
        page: Vec<DescribedEntry>,
        options: &ExportOptions,
        pack: &mut Pack<'_, impl io::Write>,
        watch: &Watch<'_, '_>,
    ) -> Packed<()> {
        let (mut files, mut directories) = (String::new(), String::new());
        let (mut file_count, mut directory_count) = (0, 0);
        for described in page {
            let entry = &described.0;
            if options.modified_after != 0 && entry.modified_at <= options.modified_after {
                continue;
            }
            if entry.is_directory() {
                directory_count += u64::from(line::write_directory(&described, &mut directories)?);
                continue;
            }
            let Some((entry, metadata)) = self.pack_content(described, pack, watch)? else {
                continue;
            };
            file_count += u64::from(line::write(&entry, &metadata, &mut files)?);
        }
        let number = pack.pages;
        pack.pages += 1;
        pack.sum.add_lines(file_count, directory_count);
        pack.sum
            .add_line_bytes((files.len() + directories.len()) as u64);
        if directory_count > 0 {
            pack.text(&format!("{DIRECTORIES}{number:08}.jsonl"), &directories)?;
        }
        if file_count > 0 {
            pack.text(&format!("{FILES}{number:08}.jsonl"), &files)?;
        }
        Ok(())
    }

    /// Makes sure that the content of the file is in the bundle, and returns the file as it was when it had
    /// that; `None` if it is gone.
    fn pack_content(
        &self,
        mut described: DescribedEntry,
        pack: &mut Pack<'_, impl io::Write>,
        watch: &Watch<'_, '_>,
    ) -> Packed<Option<DescribedEntry>> {
        for attempt in 0..ATTEMPTS {
            let path = described.0.path.clone();
            let Some(etag) = described.0.file.as_ref().map(|file| file.etag) else {
                return Ok(None);
            };
            if pack.packed.contains(&etag) {
                return Ok(Some(described));
            }
            // A file that others replaced is missing for a moment; one that stays the same is lost.
            match self.content_to_pack(&path, &etag, watch.call)? {
                Found::Open(reader) => {
                    pack.content(&etag, reader, &path, watch)?;
                    return Ok(Some(described));
                }
                Found::Missing if attempt > 2 => return Err(missing(&etag).at(&path).into()),
                Found::Missing | Found::Changed => {}
            }
            match self.describe(&path, watch.call)? {
                Some(now) => described = now,
                None => return Ok(None),
            }
        }
        let what = "the file keeps changing";
        Err(Error::conflict(what).at(&described.0.path).into())
    }

    fn content_to_pack(
        &self,
        path: &VirtualPath,
        etag: &ContentHash,
        call: &Call,
    ) -> Result<Found> {
        let found = self.granted(call, |policy, grant| {
            // The rules may be others than when the file was listed.
            match policy.check(path, Action::Read) {
                Ok(_) => self.store().content(path, grant),
                Err(_) => Ok(None),
            }
        })?;
        let Some((entry, Some(content))) = found else {
            return Ok(Found::Changed);
        };
        if entry.file.is_none_or(|file| file.etag != *etag) {
            return Ok(Found::Changed);
        }
        let opened = self.placement().open(content, call);
        Ok(match opened.map_err(|error| error.at(path))? {
            Some(reader) => Found::Open(Box::new(reader)),
            None => Found::Missing,
        })
    }

    /// Returns the file at `path` as it is now.
    fn describe(&self, path: &VirtualPath, call: &Call) -> Result<Option<DescribedEntry>> {
        let query = EntryQuery {
            scope: Scope::Range(PathRange::of_path(path.as_str())),
            directories: false,
            after: None,
            limit: 1,
        };
        let found = self.granted(call, |_, grant| {
            self.store().described_page(&query, 1, grant)
        })?;
        Ok(found.into_iter().next())
    }
}

enum Found {
    Open(Box<ContentReader>),
    /// The path holds it, but its file is not there.
    Missing,
    /// The path holds something else.
    Changed,
}

/// Why a bundle could not be written.
enum Failure {
    /// The target failed.
    Target(io::Error),
    Failed(Error),
}

type Packed<T> = std::result::Result<T, Failure>;

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Target(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Failed(error)
    }
}

/// Reports the progress.
struct Watch<'a, 'p> {
    call: &'a Call,
    progress: RefCell<Progress<'p>>,
    bytes: RefCell<u64>,
}

impl Watch<'_, '_> {
    fn tell(&self) -> Result<()> {
        self.call.check()?;
        match (self.progress.borrow_mut())(*self.bytes.borrow(), 0, "bytes") {
            true => Ok(()),
            false => Err(Error::cancelled()),
        }
    }

    fn add(&self, count: u64) -> Result<()> {
        let before = *self.bytes.borrow();
        *self.bytes.borrow_mut() += count;
        match before / PROGRESS_BYTES == (before + count) / PROGRESS_BYTES {
            true => Ok(()),
            false => self.tell(),
        }
    }
}

/// A bundle being written.
struct Pack<'a, W: io::Write> {
    builder: Builder<W>,
    sum: Sum,
    /// The contents that are in it.
    packed: HashSet<ContentHash>,
    pages: u64,
    /// What failed while a content was read.
    failure: &'a RefCell<Option<Error>>,
}

impl<W: io::Write> Pack<'_, W> {
    fn text(&mut self, name: &str, text: &str) -> io::Result<()> {
        let bytes = text.as_bytes();
        self.builder
            .append(&header(name, bytes.len() as u64)?, bytes)?;
        self.sum
            .add(name, bytes.len() as u64, &ContentHash::of(bytes));
        Ok(())
    }

    fn content(
        &mut self,
        etag: &ContentHash,
        reader: Box<ContentReader>,
        path: &VirtualPath,
        watch: &Watch<'_, '_>,
    ) -> io::Result<()> {
        let (name, size) = (content_name(etag), reader.size());
        let mut source = Source {
            reader,
            offset: 0,
            path,
            watch,
            failure: self.failure,
        };
        self.builder.append(&header(&name, size)?, &mut source)?;
        self.sum.add(&name, size, etag);
        self.sum.add_content(size);
        self.packed.insert(*etag);
        Ok(())
    }
}

/// Counts what is written through it.
struct Counting<W> {
    output: W,
    count: u64,
}

impl<W: io::Write> io::Write for Counting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.output.write(bytes)?;
        self.count += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// A content as a stream. What fails is kept, since a stream can only say that it failed.
struct Source<'a, 'w, 'p> {
    reader: Box<ContentReader>,
    offset: u64,
    path: &'a VirtualPath,
    watch: &'a Watch<'w, 'p>,
    failure: &'a RefCell<Option<Error>>,
}

impl Read for Source<'_, '_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self
            .reader
            .read_at(self.offset, buffer, self.watch.call)
            .map_err(|error| error.at(self.path))
            .and_then(|count| {
                self.watch.add(count as u64)?;
                Ok(count)
            });
        match read {
            Ok(count) => {
                self.offset += count as u64;
                Ok(count)
            }
            Err(error) => {
                *self.failure.borrow_mut() = Some(error);
                Err(io::Error::other("a content cannot be read"))
            }
        }
    }
}
