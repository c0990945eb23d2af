//! `put`.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use nexusfs_core::content::ContentHash;
use nexusfs_core::error::ErrorKind;
use nexusfs_core::filesystem::Filesystem;
use nexusfs_core::path::VirtualPath;

use super::check_local;
use super::load::{Loader, Pending, SMALL, open_plain};
use super::own::OwnStore;
use super::posix::{Kept, Posix};
use super::tally::Tally;
use super::walk::{Excludes, Found, walk};
use crate::failure::{Exit, Failure, Result};
use crate::output::Output;
use crate::progress::{Progress, Unit};
use crate::session::Session;
use crate::signals::StopRequest;

/// Copy files and trees of the host into the store.
///
/// Copies the entries of the directory SOURCE into DEST; of several sources, each gets a directory in DEST. A file goes
/// into DEST if that is a directory or ends with '/', else to DEST. Times and permissions are kept as metadata
/// (posix.mtime, posix.mode), of directories too. Files that are in the store with the same size, time and mode are not
/// read again, so what was interrupted is just repeated. Symbolic links, special files, names that a store rejects, and
/// the store itself are skipped and reported.
#[derive(Debug, Args)]
#[command(override_usage = "nexus put [OPTIONS] <SOURCE>... <DEST>")]
pub struct Put {
    /// What to put, and last where to in the store
    #[arg(value_name = "PATH", required = true, num_args = 2.., value_hint = ValueHint::AnyPath)]
    paths: Vec<PathBuf>,
    /// Leave out what matches: '*.o' at any depth, 'docs/*.pdf' below SOURCE; may be repeated
    #[arg(short, long, value_name = "GLOB")]
    exclude: Vec<String>,
    /// Change nothing, only print what would be done
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Compare contents instead of times
    #[arg(short, long)]
    checksum: bool,
    /// Print each file that is put
    #[arg(short, long)]
    verbose: bool,
}

impl Put {
    pub fn run(self, session: &mut Session) -> Result<()> {
        let Some((target, sources)) = self.paths.split_last() else {
            return Err(Failure::usage("a source and a destination are needed"));
        };
        sources.iter().try_for_each(|source| check_local(source))?;
        let mut excludes = Excludes::new(&self.exclude)?;
        let target = target
            .to_str()
            .ok_or_else(|| Failure::usage("DEST is not UTF-8"))?;
        let directory = VirtualPath::parse(target)?;
        let fs = match self.dry_run {
            true => session.open()?,
            false => session.open_or_create()?,
        };
        let into = sources.len() > 1 || target.ends_with('/') || fs.is_directory(target)?;
        let own = session.own_store()?;
        let mut jobs = Vec::new();
        for source in sources {
            own.refuse(source)?;
            let metadata =
                std::fs::metadata(source).map_err(|error| Failure::host("read", source, &error))?;
            let named = sources.len() > 1 || (into && !metadata.is_dir());
            let to = match named {
                true => VirtualPath::parse(&format!(
                    "{}{}",
                    directory.child_prefix(),
                    name_of(source)?
                ))?,
                false => directory.clone(),
            };
            jobs.push((source.as_path(), to));
        }
        if !self.dry_run {
            session.out.go_on_unheard();
        }
        let stop = StopRequest::install()?;
        let mut progress = Progress::new(&session.out, "put", Unit::Bytes);
        if progress.is_shown() {
            progress.set_total(size_of(&jobs, &mut excludes, &own, &stop)?);
        }
        let mut run = Run {
            args: &self,
            fs: &fs,
            loader: Loader::new(&fs),
            tally: Tally::new(self.dry_run),
            progress,
            stop,
            out: &mut session.out,
        };
        let done = run.jobs(&jobs, &mut excludes, &own);
        let Run {
            tally, progress, ..
        } = run;
        drop(progress);
        tally.print("Put", &mut session.out)?;
        done.and(tally.result())
    }
}

/// Returns the bytes of all files, for the estimate of the remaining time.
fn size_of(
    jobs: &[(&Path, VirtualPath)],
    excludes: &mut Excludes,
    own: &OwnStore,
    stop: &StopRequest,
) -> Result<u64> {
    let mut total = 0;
    for (source, to) in jobs {
        walk(source, to, excludes, own, &mut |found| {
            if let Found::File { metadata, .. } = found {
                total += metadata.len();
            }
            stop.check()
        })?;
    }
    Ok(total)
}

/// Returns the name that `source` has in the directory it goes to.
fn name_of(source: &Path) -> Result<String> {
    let absolute = match source.file_name() {
        Some(_) => Ok(source.to_owned()),
        // '.' and '..' have the name of the directory that they refer to.
        None => source.canonicalize(),
    };
    let absolute = absolute.map_err(|error| Failure::host("read", source, &error))?;
    let name = absolute.file_name().and_then(|name| name.to_str());
    name.map(str::to_owned).ok_or_else(|| {
        Failure::usage(format!(
            "{} has no name that a store takes",
            source.display()
        ))
    })
}

/// A `put` in progress.
struct Run<'a> {
    args: &'a Put,
    fs: &'a Filesystem,
    loader: Loader<'a>,
    tally: Tally,
    progress: Progress,
    stop: StopRequest,
    out: &'a mut Output,
}

impl Run<'_> {
    fn jobs(
        &mut self,
        jobs: &[(&Path, VirtualPath)],
        excludes: &mut Excludes,
        own: &OwnStore,
    ) -> Result<()> {
        let mut done = Ok(());
        for (source, to) in jobs {
            done = walk(source, to, excludes, own, &mut |found| self.visit(found));
            if done.is_err() {
                break;
            }
        }
        // What was read before a signal or a failure is kept: the next put does not read it again.
        match self.commit() {
            Ok(()) => done,
            Err(failure) => done.and(Err(failure)),
        }
    }

    fn visit(&mut self, found: Found) -> Result<()> {
        self.stop.check()?;
        match found {
            Found::Skipped { host, reason } => {
                self.tally.skip(&host, &reason, &self.progress);
                return Ok(());
            }
            Found::Failed(failure) => return self.tally.fail(failure, &self.progress),
            Found::Directory { to, metadata } => {
                if !to.is_root() {
                    let posix = Posix::of_host(&metadata);
                    let kept = Kept::of_store(self.fs, to.as_str())?.unwrap_or_default();
                    let changed = (!kept.is_of_directory(&posix)).then_some(posix);
                    self.add(Pending::Directory(to, changed))?;
                }
            }
            Found::File {
                host,
                to,
                metadata,
                is_named,
            } => {
                if let Err(failure) = self.file(host, to, &metadata, is_named) {
                    return self.tally.fail(failure, &self.progress);
                }
            }
        }
        Ok(())
    }

    fn file(
        &mut self,
        host: PathBuf,
        to: VirtualPath,
        listed: &std::fs::Metadata,
        is_named: bool,
    ) -> Result<()> {
        let etag = match self.fs.stat(to.as_str()) {
            Ok(entry) => match &entry.file {
                Some(file) => {
                    let same_size = file.size == listed.len();
                    let kept = Kept::of_store(self.fs, to.as_str())?.unwrap_or_default();
                    let posix = Posix::of_host(listed);
                    if same_size && kept.is(&posix, &file.etag) && !self.args.checksum {
                        self.tally.unchanged += 1;
                        self.progress.add(listed.len());
                        return Ok(());
                    }
                    Some((file.etag, kept))
                }
                None => {
                    let text = format!("a directory is in the place of the file: {to}");
                    return Err(Failure::new(Exit::Failure, text));
                }
            },
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        // Time and size are those of the file that is read, from before it is read: what changes meanwhile is
        // put the next time.
        let (mut file, metadata) = open_plain(&host, is_named)?;
        let posix = Posix::of_host(&metadata);
        let mut data = Vec::new();
        file.by_ref()
            .take(SMALL + 1)
            .read_to_end(&mut data)
            .map_err(|error| Failure::host("read", &host, &error))?;
        if data.len() as u64 > SMALL {
            return self.large(&host, &to, data, file, posix, metadata.len());
        }
        self.progress.add(data.len() as u64);
        let change = match etag {
            Some((etag, kept)) if etag == ContentHash::of(&data) => {
                if kept.is(&posix, &etag) {
                    self.tally.unchanged += 1;
                    return Ok(());
                }
                Pending::Touch {
                    host,
                    to,
                    etag,
                    posix,
                }
            }
            _ => Pending::File {
                host,
                to,
                data,
                posix,
            },
        };
        self.add(change)
    }

    fn large(
        &mut self,
        host: &Path,
        to: &VirtualPath,
        begin: Vec<u8>,
        rest: std::fs::File,
        posix: Posix,
        size: u64,
    ) -> Result<()> {
        let bytes = match self.args.dry_run {
            true => size,
            false => {
                self.commit()?;
                let mut source = begin.as_slice().chain(rest);
                self.loader
                    .stream(host, &mut source, to, posix, &self.progress, &self.stop)?
            }
        };
        self.tally.copied += 1;
        self.tally.bytes += bytes;
        self.tell(host, to)
    }

    fn add(&mut self, change: Pending) -> Result<()> {
        if self.args.dry_run {
            return self.done(change, Ok(()));
        }
        self.loader.add(change);
        match self.loader.is_full() {
            true => self.commit(),
            false => Ok(()),
        }
    }

    fn commit(&mut self) -> Result<()> {
        let mut outcomes = Vec::new();
        let committed = self.loader.commit(&mut |change, outcome| {
            outcomes.push((change, outcome));
            Ok(())
        });
        for (change, outcome) in outcomes {
            self.done(change, outcome)?;
        }
        committed
    }

    /// Counts and reports a change that was made, or was not.
    fn done(&mut self, change: Pending, outcome: Result<()>) -> Result<()> {
        if let Err(failure) = outcome {
            return self.tally.fail(failure, &self.progress);
        }
        match change {
            Pending::Directory(..) => {
                self.tally.directories += 1;
                Ok(())
            }
            Pending::Touch { host, to, .. } => {
                self.tally.retouched += 1;
                self.tell(&host, &to)
            }
            Pending::File { host, to, data, .. } => {
                self.tally.copied += 1;
                self.tally.bytes += data.len() as u64;
                self.tell(&host, &to)
            }
        }
    }

    fn tell(&mut self, host: &Path, to: &VirtualPath) -> Result<()> {
        if (!self.args.verbose && !self.args.dry_run) || self.out.quiet || self.out.json {
            return Ok(());
        }
        let line = format!(
            "{} -> {to}",
            crate::text::printable(&host.display().to_string())
        );
        let out = &mut *self.out;
        self.progress.aside(|| out.line(line))
    }
}
