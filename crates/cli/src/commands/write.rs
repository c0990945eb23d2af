//! `write`.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

use clap::{Args, ValueHint};
use nexusfs_core::content::ContentHash;
use nexusfs_core::filesystem::{Conditions, Filesystem, LeaseCondition, WriteOptions};
use nexusfs_core::metadata::Entry;

use crate::failure::{Exit, Failure, Result, reason};
use crate::host::local_path;
use crate::json::EntryRow;
use crate::session::Session;

/// How much is in memory while a file is written from stdin or from a file.
const PIECE: usize = 256 * 1024;

/// Write a file, from an argument, a file or stdin.
///
/// The file is replaced at once: readers see the old or the new content. Parents are made.
#[derive(Debug, Args)]
pub struct Write {
    /// The file to write
    path: String,
    /// The content; without it, or as '-', stdin
    #[arg(conflicts_with = "file")]
    content: Option<String>,
    /// Take the content from this file of the host
    #[arg(short, long, value_name = "FILE", value_parser = local_path(), value_hint = ValueHint::FilePath)]
    file: Option<PathBuf>,
    /// Add to what is there
    #[arg(short, long)]
    append: bool,
    /// Only if the file has this etag
    #[arg(long, value_name = "ETAG", conflicts_with = "if_none_match", value_parser = etag)]
    if_match: Option<ContentHash>,
    /// Only if the file does not exist
    #[arg(long)]
    if_none_match: bool,
    /// MIME type, instead of the one that the name suggests
    #[arg(long, value_name = "TYPE")]
    mime_type: Option<String>,
    /// Only while this work lease is held
    #[arg(long, value_name = "TOKEN")]
    lease: Option<u64>,
    /// The work item of the lease, if it is not the file itself
    #[arg(long, value_name = "PATH", requires = "lease")]
    lease_path: Option<String>,
}

fn etag(text: &str) -> Result<ContentHash, nexusfs_core::error::Error> {
    ContentHash::parse(text)
}

impl Write {
    pub fn run(self, session: &mut Session) -> Result<()> {
        let options = self.options();
        let fs = session.open_or_create()?;
        let entry = match self.content.as_deref() {
            Some(text) if text != "-" => match self.append {
                true => fs.append(&self.path, text.as_bytes(), &options)?,
                false => fs.write(&self.path, text.as_bytes(), &options)?,
            },
            _ => {
                if let Some(file) = &self.file {
                    session.own_store()?.refuse(file)?;
                }
                self.write_from(&fs, &options)?
            }
        };
        match session.out.json {
            true => session.out.json(&EntryRow::new(entry.borrow())),
            false => Ok(()),
        }
    }

    fn options(&self) -> WriteOptions {
        let lease = self.lease.map(|token| LeaseCondition {
            path: self.lease_path.clone().unwrap_or_else(|| self.path.clone()),
            token,
        });
        WriteOptions {
            conditions: Conditions {
                if_match: self.if_match,
                if_none_match: self.if_none_match,
                lease,
            },
            mime_type: self.mime_type.clone(),
        }
    }

    fn write_from(&self, fs: &Filesystem, options: &WriteOptions) -> Result<Entry> {
        match &self.file {
            None => {
                let failed = |error: io::Error| {
                    Failure::new(
                        Exit::Failure,
                        format!("cannot read stdin: {}", reason(&error)),
                    )
                };
                self.copy(fs, options, io::stdin().lock(), failed)
            }
            Some(path) => {
                let failed = |error: io::Error| Failure::host("read", path, &error);
                let source = File::open(path).map_err(failed)?;
                self.copy(fs, options, source, failed)
            }
        }
    }

    fn copy(
        &self,
        fs: &Filesystem,
        options: &WriteOptions,
        mut source: impl Read,
        failed: impl Fn(io::Error) -> Failure,
    ) -> Result<Entry> {
        if self.append {
            let mut bytes = Vec::new();
            source.read_to_end(&mut bytes).map_err(&failed)?;
            return Ok(fs.append(&self.path, &bytes, options)?);
        }
        let mut writer = fs.open_writer(&self.path, options)?;
        let mut piece = vec![0; PIECE];
        loop {
            match source.read(&mut piece) {
                Ok(0) => return Ok(writer.commit()?),
                Ok(count) => writer.write(&piece[..count])?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(error)),
            }
        }
    }
}
