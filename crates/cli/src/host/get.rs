//! `get`.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use jiff::Timestamp;
use nexusfs_core::error::ErrorKind;
use nexusfs_core::filesystem::{Filesystem, ListOptions};
use nexusfs_core::metadata::Entry;
use rustix::fs::{FileType, Mode};

use super::check_local;
use super::own::OwnStore;
use super::posix::{Kept, PERMISSIONS};
use super::tally::Tally;
use super::target::{
    Aside, Target, give_mode, has_content, has_time, look, make_root, open_up, own_store, settle,
};
use super::walk::Excludes;
use crate::failure::{Exit, Failure, Result};
use crate::output::Output;
use crate::progress::{Progress, Unit};
use crate::session::Session;
use crate::signals::StopRequest;

/// Entries that are read together.
const PAGE: usize = 1000;
/// How much of a file is in memory.
const PIECE: usize = 256 * 1024;
/// Permissions of a file that has none kept; the umask takes its part.
const USUAL_MODE: u32 = 0o666;

/// Copy files and trees of the store to the host.
///
/// Copies the entries of the directory SOURCE into DEST; of several sources, each gets a directory in DEST. A file goes
/// into DEST if that is a directory or ends with '/', else to DEST. Each file is written aside, readable by the user
/// alone, and then renamed, with its time and permissions; directories get theirs when what is in them is there. The
/// umask applies. Files that are there with the same size and time are not copied. No symbolic link in DEST is
/// followed.
#[derive(Debug, Args)]
#[command(override_usage = "nexus get [OPTIONS] <SOURCE>... <DEST>")]
pub struct Get {
    /// What to get, and last where to on the host
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
    /// Print each file that is copied
    #[arg(short, long)]
    verbose: bool,
}

/// One source on its way.
struct Job {
    entry: Entry,
    /// The directory of the host that it goes into.
    directory: PathBuf,
    /// Its name there; `None` for a directory whose contents go there.
    name: Option<String>,
}

impl Get {
    pub fn run(self, session: &mut Session) -> Result<()> {
        let Some((target, sources)) = self.paths.split_last() else {
            return Err(Failure::usage("a source and a destination are needed"));
        };
        check_local(target)?;
        let excludes = Excludes::new(&self.exclude)?;
        let fs = session.open()?;
        let own = session.own_store()?;
        own.refuse_target(target)?;
        let several = sources.len() > 1;
        let mut jobs = Vec::new();
        for source in sources {
            let source = source
                .to_str()
                .ok_or_else(|| Failure::usage("SOURCE is not UTF-8"))?;
            let job = job(fs.stat(source)?, target, several)?;
            own.refuse_target(&job.directory)?;
            jobs.push(job);
        }
        if !self.dry_run {
            session.out.go_on_unheard();
        }
        let stop = StopRequest::install()?;
        let progress = Progress::new(&session.out, "get", Unit::Bytes);
        let mut run = Run {
            args: &self,
            fs: &fs,
            own: &own,
            excludes,
            tally: Tally::new(self.dry_run),
            progress,
            stop,
            umask: umask_of_process(),
            out: &mut session.out,
        };
        let done = run.jobs(&jobs);
        let Run {
            tally, progress, ..
        } = run;
        drop(progress);
        tally.print("Got", &mut session.out)?;
        done.and(tally.result())
    }
}

fn job(entry: Entry, target: &Path, several: bool) -> Result<Job> {
    let name = entry.path.name().to_owned();
    let ends_with_slash = target.to_string_lossy().ends_with('/');
    let (directory, name) = match entry.is_directory() {
        true if several && !name.is_empty() => (target.join(name), None),
        true => (target.to_owned(), None),
        false if several || ends_with_slash || target.is_dir() => (target.to_owned(), Some(name)),
        false => {
            let named = target.file_name().and_then(|name| name.to_str());
            let named = named.ok_or_else(|| {
                Failure::usage(format!("{} does not name a file", target.display()))
            })?;
            let directory = match target.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
                _ => PathBuf::from("."),
            };
            (directory, Some(named.to_owned()))
        }
    };
    Ok(Job {
        entry,
        directory,
        name,
    })
}

/// A `get` in progress.
struct Run<'a> {
    args: &'a Get,
    fs: &'a Filesystem,
    own: &'a OwnStore,
    excludes: Excludes,
    tally: Tally,
    progress: Progress,
    stop: StopRequest,
    /// Permission bits that nothing new has.
    umask: u32,
    out: &'a mut Output,
}

/// A directory on the host that gets its permissions and time when nothing more is written to it.
struct Unsettled {
    /// Below the target.
    names: Vec<String>,
    kept: Kept,
}

impl Run<'_> {
    fn jobs(&mut self, jobs: &[Job]) -> Result<()> {
        if self.progress.is_shown() {
            let mut total = 0;
            for job in jobs {
                total += self.size_of(&job.entry)?;
            }
            self.progress.set_total(total);
        }
        jobs.iter().try_for_each(|job| self.job(job))
    }

    fn size_of(&self, entry: &Entry) -> Result<u64> {
        let mut total = entry.file.as_ref().map_or(0, |file| file.size);
        if entry.is_directory() {
            each_below(self.fs, entry, false, &mut |below| {
                total += below.file.as_ref().map_or(0, |file| file.size);
                self.stop.check()
            })?;
        }
        Ok(total)
    }

    fn job(&mut self, job: &Job) -> Result<()> {
        let failed = |error| Failure::host("write", &job.directory, &error);
        let mut unsettled = Vec::new();
        let mut target = None;
        if !self.args.dry_run {
            if job.name.is_some() {
                std::fs::create_dir_all(&job.directory).map_err(failed)?;
            } else {
                let kept = self.kept(&job.entry)?;
                if make_root(&job.directory, kept.mode).map_err(failed)? {
                    unsettled.push(Unsettled {
                        names: Vec::new(),
                        kept,
                    });
                }
            }
            target = Some(Target::open(&job.directory, self.own).map_err(failed)?);
        }
        if let Some(name) = &job.name {
            let target = target.as_mut();
            return self.each(&job.entry, &[name], &job.directory, target, &mut unsettled);
        }
        let skip = job.entry.path.child_prefix().len();
        let done = each_below(self.fs, &job.entry, true, &mut |entry| {
            let relative = &entry.path.as_str()[skip..];
            if self.is_excluded(relative, entry.is_directory()) {
                return Ok(());
            }
            let names: Vec<&str> = relative.split('/').collect();
            self.each(
                entry,
                &names,
                &job.directory,
                target.as_mut(),
                &mut unsettled,
            )
        });
        // What was interrupted leaves no directory open to more than it should be.
        match target {
            Some(mut target) => done.and(self.settle(&unsettled, &job.directory, &mut target)),
            None => done,
        }
    }

    /// Gives directories their permissions and times, the innermost first.
    fn settle(
        &mut self,
        unsettled: &[Unsettled],
        directory: &Path,
        target: &mut Target<'_>,
    ) -> Result<()> {
        for Unsettled { names, kept } in unsettled.iter().rev() {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let mode = kept.mode.map(|mode| mode & !self.umask);
            let settled = target
                .directory(&names)
                .and_then(|directory| settle(directory, mode, kept.mtime));
            if let Err(error) = settled {
                let failure = Failure::host("write", &directory.join(names.join("/")), &error);
                self.tally.fail(failure, &self.progress)?;
            }
        }
        Ok(())
    }

    /// Returns what is kept for a directory; of the root of the store, nothing.
    fn kept(&self, entry: &Entry) -> Result<Kept> {
        Ok(Kept::of_store(self.fs, entry.path.as_str())?.unwrap_or_default())
    }

    /// Returns whether what is at `relative`, or a directory that it is in, is left out.
    fn is_excluded(&mut self, relative: &str, is_directory: bool) -> bool {
        if self.excludes.is_empty() {
            return false;
        }
        let ends = relative.match_indices('/').map(|(at, _)| at);
        let mut above = ends.map(|end| &relative[..end]);
        above.any(|directory| self.excludes.contain(directory, true))
            || self.excludes.contain(relative, is_directory)
    }

    /// Copies one file, or creates one directory, and reports the result.
    fn each(
        &mut self,
        entry: &Entry,
        names: &[&str],
        directory: &Path,
        target: Option<&mut Target<'_>>,
        unsettled: &mut Vec<Unsettled>,
    ) -> Result<()> {
        let host = directory.join(names.join("/"));
        let outcome = match &entry.file {
            Some(_) => self.file(entry, names, &host, target),
            None => self.directory(entry, names, &host, target, unsettled),
        };
        match outcome {
            Ok(()) => Ok(()),
            Err(failure) => self.tally.fail(failure, &self.progress),
        }
    }

    fn directory(
        &mut self,
        entry: &Entry,
        names: &[&str],
        host: &Path,
        target: Option<&mut Target<'_>>,
        unsettled: &mut Vec<Unsettled>,
    ) -> Result<()> {
        self.stop.check()?;
        if let Some(target) = target {
            let kept = self.kept(entry)?;
            let failed = |error| Failure::host("make", host, &error);
            let directory = target.directory_with(names, kept.mode).map_err(failed)?;
            if kept.mode.is_some() {
                open_up(directory).map_err(failed)?;
            }
            if kept != Kept::default() {
                unsettled.push(Unsettled {
                    names: names.iter().map(|name| (*name).to_owned()).collect(),
                    kept,
                });
            }
        }
        self.tally.directories += 1;
        Ok(())
    }

    fn file(
        &mut self,
        entry: &Entry,
        names: &[&str],
        host: &Path,
        target: Option<&mut Target<'_>>,
    ) -> Result<()> {
        self.stop.check()?;
        let Some(file) = &entry.file else {
            return Ok(());
        };
        let failed = |error| Failure::host("write", host, &error);
        let path = entry.path.as_str();
        let Some(kept) = Kept::of_store(self.fs, path)? else {
            return Ok(()); // Removed since it was listed.
        };
        let mtime = kept
            .mtime_of(&file.etag)
            .or_else(|| Timestamp::from_microsecond(entry.modified_at).ok())
            .unwrap_or(Timestamp::UNIX_EPOCH);
        let Some((name, parents)) = names.split_last() else {
            return Ok(());
        };
        let Some(target) = target else {
            self.tally.copied += 1;
            self.tally.bytes += file.size;
            return self.tell(path, host);
        };
        let directory = target.directory(parents).map_err(failed)?;
        // Where none are kept, a file keeps the permissions that it has on the host.
        let mut usual = USUAL_MODE & !self.umask;
        if let Some(stat) = look(directory, name).map_err(failed)? {
            if self.own.has_entry(&stat) {
                return Err(failed(own_store()));
            }
            let kind = FileType::from_raw_mode(stat.st_mode);
            if kind.is_dir() {
                let text = format!(
                    "a directory is in the place of the file: {}",
                    host.display()
                );
                return Err(Failure::new(Exit::Failure, text));
            }
            if kind.is_file() {
                usual = stat.st_mode & PERMISSIONS;
            }
            let same_size = kind.is_file() && stat.st_size as u64 == file.size;
            let same = match self.args.checksum {
                true => same_size && has_content(directory, name, &file.etag).map_err(failed)?,
                false => same_size && has_time(&stat, mtime),
            };
            let mode = kept.mode.map_or(usual, |mode| mode & !self.umask);
            if same && mode == stat.st_mode & PERMISSIONS {
                self.tally.unchanged += 1;
                self.progress.add(file.size);
                return Ok(());
            }
            if same && give_mode(directory, name, &stat, mode).map_err(failed)? {
                self.tally.retouched += 1;
                self.progress.add(file.size);
                return self.tell(path, host);
            }
        }
        let mut reader = match self.fs.open_reader(path) {
            Ok(reader) => reader,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        // The content may be one that came with other permissions than were read before it was opened.
        let kept = kept.narrowed_by(Kept::of_store(self.fs, path)?);
        let mode = kept.mode.map_or(usual, |mode| mode & !self.umask);
        let mut aside = Aside::create(directory).map_err(failed)?;
        let mut piece = vec![0; PIECE.min(reader.size().max(1) as usize)];
        let mut size = 0;
        loop {
            self.stop.check()?;
            let count = reader.read(&mut piece)?;
            if count == 0 {
                break;
            }
            aside.file.write_all(&piece[..count]).map_err(failed)?;
            self.progress.add(count as u64);
            size += count as u64;
        }
        aside.put_in_place(name, mode, mtime).map_err(failed)?;
        self.tally.copied += 1;
        self.tally.bytes += size;
        self.tell(path, host)
    }

    fn tell(&mut self, path: &str, host: &Path) -> Result<()> {
        if (!self.args.verbose && !self.args.dry_run) || self.out.quiet || self.out.json {
            return Ok(());
        }
        let line = format!("{path} -> {}", host.display());
        let out = &mut *self.out;
        self.progress.aside(|| out.line(line))
    }
}

/// Returns the permission bits that the process gives to nothing new.
fn umask_of_process() -> u32 {
    let umask = rustix::process::umask(Mode::RWXG | Mode::RWXO);
    rustix::process::umask(umask);
    umask.as_raw_mode() & PERMISSIONS
}

/// Passes everything below the directory `entry` to `visit`, directories too if they are wanted.
fn each_below(
    fs: &Filesystem,
    entry: &Entry,
    directories: bool,
    visit: &mut dyn FnMut(&Entry) -> Result<()>,
) -> Result<()> {
    let mut options = ListOptions {
        path: Some(entry.path.as_str().to_owned()),
        include_directories: directories,
        limit: PAGE,
        ..ListOptions::default()
    };
    loop {
        let page = fs.list(&options)?;
        page.entries.iter().try_for_each(&mut *visit)?;
        options.cursor = page.cursor;
        if options.cursor.is_none() {
            return Ok(());
        }
    }
}
