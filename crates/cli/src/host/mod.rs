//! `put` and `get`: trees of the host's files into the store and out of it.
//!
//! | what | where |
//! |---|---|
//! | what a file of the host is beyond its bytes, kept as metadata | [`posix`] |
//! | walking a tree of the host | `walk` |
//! | changes on their way into the store, in batches | `load` |
//! | a directory of the host that nothing written can leave | `target` |
//! | the store itself, which is neither put nor written over | [`own`] |
//! | counts and reports of copied, unchanged and skipped files | `tally` |

pub mod get;
mod load;
pub mod own;
mod posix;
pub mod put;
mod tally;
mod target;
mod walk;

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::builder::{PathBufValueParser, TypedValueParser};
use nexusfs_core::host::address::refuse_url;

use crate::failure::{Failure, Result};

/// Returns the parser of an argument that is a path of the host. A URL is refused, which would make a directory of that name.
pub fn local_path() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| match refuse_url(&path) {
        Ok(()) => Ok(path),
        Err(reason) => Err(format!("it {reason}")),
    })
}

/// Fails if `path` is a URL.
pub fn check_local(path: &Path) -> Result<()> {
    refuse_url(path).map_err(|reason| Failure::usage(format!("the path of the host {reason}")))
}

/// Writes `bytes` aside and renames them to `path`, which has all of them or stays as it is. What is no plain file, such as a pipe or a
/// link (/dev/stdout is one), is written to.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |error| Failure::host("write", path, &error);
    if fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()) {
        return fs::write(path, bytes).map_err(failed);
    }
    let aside = path.with_file_name(format!(".nexus-{}", uuid::Uuid::now_v7().simple()));
    let done = File::create_new(&aside)
        .and_then(|mut file| file.write_all(bytes))
        .and_then(|()| fs::rename(&aside, path));
    if done.is_err() {
        let _ = fs::remove_file(&aside);
    }
    done.map_err(failed)
}
