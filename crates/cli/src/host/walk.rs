//! Walking a tree of the host.

use std::fs::{FileType, Metadata};
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use nexusfs_core::filesystem::FilePattern;
use nexusfs_core::path::VirtualPath;
use walkdir::WalkDir;

use super::own::OwnStore;
use crate::failure::{Failure, Result};

/// File patterns of what is left out. One that ends with a `/` is about directories alone.
pub struct Excludes {
    patterns: Vec<Exclude>,
}

struct Exclude {
    pattern: FilePattern,
    directories_only: bool,
}

impl Excludes {
    pub fn new(patterns: &[String]) -> Result<Excludes> {
        let compile = |text: &String| {
            let pattern = FilePattern::compile(&VirtualPath::root(), text)
                .map_err(|error| Failure::usage(format!("--exclude: {error}")))?;
            Ok(Exclude {
                pattern,
                directories_only: text.ends_with('/'),
            })
        };
        let patterns = patterns.iter().map(compile).collect::<Result<_>>()?;
        Ok(Excludes { patterns })
    }

    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Returns whether what is at `relative`, a path below the source, is left out.
    pub fn contain(&mut self, relative: &str, is_directory: bool) -> bool {
        let path = format!("/{relative}");
        self.patterns.iter_mut().any(|exclude| {
            (is_directory || !exclude.directories_only) && exclude.pattern.matches(&path)
        })
    }
}

/// An entry of a tree.
pub enum Found {
    Directory {
        to: VirtualPath,
        metadata: Metadata,
    },
    File {
        host: PathBuf,
        to: VirtualPath,
        metadata: Metadata,
        /// It was named as the source: a link is followed.
        is_named: bool,
    },
    /// Nothing that a store can hold.
    Skipped {
        host: PathBuf,
        reason: String,
    },
    /// Something that could not be read.
    Failed(Failure),
}

/// Walks the tree at `root` in the order of names, directories before what is in them; `to` is where the root comes
/// to be. The store `own` is skipped. Ends when `visit` fails.
pub fn walk(
    root: &Path,
    to: &VirtualPath,
    excludes: &mut Excludes,
    own: &OwnStore,
    visit: &mut dyn FnMut(Found) -> Result<()>,
) -> Result<()> {
    let mut tree = WalkDir::new(root).sort_by_file_name().into_iter();
    while let Some(entry) = tree.next() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let path = error.path().unwrap_or(root).to_owned();
                let error = error
                    .into_io_error()
                    .unwrap_or_else(|| io::Error::other("the tree contains itself"));
                visit(Found::Failed(Failure::host("read", &path, &error)))?;
                continue;
            }
        };
        let relative = entry.path().strip_prefix(root).unwrap_or(entry.path());
        let is_root = entry.depth() == 0;
        let is_directory = entry.file_type().is_dir();
        if !is_root && excludes.contain(&relative.to_string_lossy(), is_directory) {
            if is_directory {
                tree.skip_current_dir();
            }
            continue;
        }
        let file_type = match is_root {
            // A link that is named as the source is followed.
            true => std::fs::metadata(entry.path()).map(|metadata| metadata.file_type()),
            false => Ok(entry.file_type()),
        };
        let host = entry.path().to_owned();
        let file_type = match file_type {
            Ok(file_type) => file_type,
            Err(error) => {
                visit(Found::Failed(Failure::host("read", &host, &error)))?;
                continue;
            }
        };
        let skipped = |reason: &str| Found::Skipped {
            host: host.clone(),
            reason: reason.to_owned(),
        };
        if let Some(reason) = unsupported(file_type) {
            visit(skipped(reason))?;
            continue;
        }
        let target = match target_of(to, relative) {
            Ok(target) => target,
            Err(reason) => {
                if file_type.is_dir() {
                    tree.skip_current_dir();
                }
                visit(skipped(&reason))?;
                continue;
            }
        };
        match std::fs::metadata(&host) {
            Ok(metadata) if own.has(&metadata) => {
                if file_type.is_dir() {
                    tree.skip_current_dir();
                }
                visit(skipped("the store itself"))?;
            }
            Ok(metadata) if file_type.is_dir() => visit(Found::Directory {
                to: target,
                metadata,
            })?,
            Ok(metadata) => visit(Found::File {
                host,
                to: target,
                metadata,
                is_named: is_root,
            })?,
            Err(error) => visit(Found::Failed(Failure::host("read", &host, &error)))?,
        }
    }
    Ok(())
}

/// Returns why something of this type is not put, if so.
fn unsupported(file_type: FileType) -> Option<&'static str> {
    match file_type {
        _ if file_type.is_dir() || file_type.is_file() => None,
        _ if file_type.is_symlink() => Some("a symbolic link"),
        _ if file_type.is_fifo() => Some("a pipe"),
        _ if file_type.is_socket() => Some("a socket"),
        _ => Some("a device"),
    }
}

/// Returns the destination of `relative` below `to`, or why there is none.
fn target_of(to: &VirtualPath, relative: &Path) -> Result<VirtualPath, String> {
    if relative.as_os_str().is_empty() {
        return Ok(to.clone());
    }
    let relative = relative.to_str().ok_or("the name is not UTF-8")?;
    VirtualPath::parse(&format!("{}{relative}", to.child_prefix())).map_err(|error| {
        let text = error.to_string();
        // The message has the path of the host.
        match text.split_once(": \"") {
            Some((reason, _)) => reason.to_owned(),
            None => text,
        }
    })
}
