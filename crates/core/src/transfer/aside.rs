//! A file of the host that is written under a temporary name and then renamed.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::host_file::{host_error, refused};
use crate::error::{Error, Result};
use crate::filesystem::Filesystem;
use crate::host::directory::create_file_at;

/// A new file in the directory of its target. Dropped before [`put_in_place`](Self::put_in_place), it
/// leaves nothing.
pub(super) struct Aside {
    writer: BufWriter<File>,
    temporary: PathBuf,
    target: PathBuf,
}

impl Aside {
    /// Creates the file that is to become `target`, readable by its owner only. It must not be one of a store.
    pub fn create(fs: &Filesystem, target: &Path) -> Result<Self> {
        fs.check_host_file(target)?;
        let Some(name) = target.file_name() else {
            return Err(refused(target, "does not name a file"));
        };
        // What is renamed over is gone, be it /dev/null. A directory is not renamed over.
        if fs::metadata(target).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
            return Err(refused(target, "is no plain file"));
        }
        let unique = format!(".{}.{}", name.to_string_lossy(), Uuid::now_v7().simple());
        // A name has at most 255 bytes.
        let start = unique.len().saturating_sub(200);
        let start = (start..).find(|at| unique.is_char_boundary(*at));
        let temporary = directory_of(target).join(&unique[start.unwrap_or_default()..]);
        let file =
            create_file_at(&temporary).map_err(|error| host_error("create", target, error))?;
        Ok(Aside {
            writer: BufWriter::new(file),
            temporary,
            target: target.to_owned(),
        })
    }

    /// Adds `bytes`.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.writer
            .write_all(bytes)
            .map_err(|error| host_error("write", &self.target, error))
    }

    /// Writes `bytes` over those that the file begins with.
    pub fn write_again_at_start(&mut self, bytes: &[u8]) -> Result<()> {
        let written = self
            .writer
            .flush()
            .and_then(|()| self.writer.get_ref().write_all_at(bytes, 0));
        written.map_err(|error| host_error("write", &self.target, error))
    }

    /// Returns the error for `source`, met while the file was written.
    pub fn failed(&self, source: io::Error) -> Error {
        host_error("write", &self.target, source)
    }

    /// Makes the file durable and puts it in the place of its target.
    pub fn put_in_place(mut self) -> Result<()> {
        let placed = (|| {
            self.writer.flush()?;
            self.writer.get_ref().sync_all()?;
            fs::rename(&self.temporary, &self.target)?;
            File::open(directory_of(&self.target))?.sync_all()
        })();
        placed.map_err(|error| host_error("write", &self.target, error))
    }
}

impl Write for &mut Aside {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        // After the rename the name is gone already.
        let _ = fs::remove_file(&self.temporary);
    }
}

fn directory_of(file: &Path) -> &Path {
    match file.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    }
}
