//! Syncs of the WAL that write its bytes and its length, and not its times.
//!
//! SQLite calls `fsync` unless it was compiled with `HAVE_FDATASYNC`, and a crate that depends on this one compiles SQLite without the
//! options of `.cargo/config.toml`. A second descriptor of the WAL does the same for both. To close it drops no lock: SQLite's locks are on
//! the database and the WAL-index.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// How a sync ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Synced {
    Done,
    /// With the number of the error.
    Failed(Option<i32>),
    /// SQLite's own function has to do it.
    NotDone,
}

/// The second descriptor, which a connection opens when it first syncs. Most only read.
#[derive(Debug, Default)]
pub(super) struct DataSync {
    path: PathBuf,
    /// Device and inode of the WAL that SQLite has open. It is not another file's while SQLite has.
    identity: Option<(u64, u64)>,
    /// SQLite's first sync makes the name of the WAL durable, too.
    has_name: bool,
    file: Option<File>,
}

impl DataSync {
    /// Returns that of the WAL at `path`, which SQLite has just opened.
    pub fn of(path: &Path) -> Self {
        let metadata = path.symlink_metadata().ok();
        DataSync {
            path: path.to_owned(),
            identity: metadata.map(|metadata| (metadata.dev(), metadata.ino())),
            ..DataSync::default()
        }
    }

    /// Makes the content of the WAL durable, if it can.
    ///
    /// The kernel reports a failure of writing back to the descriptors that were open before, and where nobody saw it yet to the next one.
    /// So this one is opened before SQLite syncs by its own for the first time: that sync reports what failed until then, and this
    /// descriptor what fails later. Where the first sync fails, the next one opens another descriptor, which does not report that failure again.
    pub fn sync(&mut self) -> Synced {
        if !self.has_name {
            self.file = self.open();
            return Synced::NotDone;
        }
        match &self.file {
            Some(file) => match file.sync_data() {
                Ok(()) => Synced::Done,
                Err(error) => Synced::Failed(error.raw_os_error()),
            },
            None => Synced::NotDone,
        }
    }

    /// Notes that SQLite's own function has synced the WAL and its name.
    pub fn note_name(&mut self) {
        self.has_name = true;
    }

    /// Opens the WAL, unless its path leads to another file by now.
    fn open(&self) -> Option<File> {
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(libc::O_NOFOLLOW);
        let file = options.open(&self.path).ok()?;
        let metadata = file.metadata().ok()?;
        (self.identity == Some((metadata.dev(), metadata.ino()))).then_some(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A file that is moved away before the first sync, or after it.
    struct Wal {
        _directory: tempfile::TempDir,
        path: PathBuf,
        moved: PathBuf,
        /// As SQLite has it.
        _open: File,
        data: DataSync,
    }

    fn wal() -> Wal {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("db-wal");
        fs::write(&path, "frames").unwrap();
        Wal {
            moved: directory.path().join("moved"),
            _open: File::open(&path).unwrap(),
            data: DataSync::of(&path),
            _directory: directory,
            path,
        }
    }

    #[test]
    fn the_first_sync_is_sqlites_which_makes_the_name_durable() {
        let mut wal = wal();
        // Until one succeeds.
        assert_eq!(wal.data.sync(), Synced::NotDone);
        assert_eq!(wal.data.sync(), Synced::NotDone);
        wal.data.note_name();
        assert_eq!(wal.data.sync(), Synced::Done);
    }

    #[test]
    fn the_descriptor_is_opened_before_sqlites_first_sync() {
        let mut wal = wal();
        assert_eq!(wal.data.sync(), Synced::NotDone);
        fs::rename(&wal.path, &wal.moved).unwrap();
        wal.data.note_name();
        assert_eq!(wal.data.sync(), Synced::Done, "it was opened later");
    }

    #[test]
    fn another_file_at_the_path_is_not_synced_in_its_place() {
        let others: [fn(&Wal); 3] = [
            |_| {},
            |wal| fs::write(&wal.path, "another").unwrap(),
            |wal| std::os::unix::fs::symlink(&wal.moved, &wal.path).unwrap(),
        ];
        for other in others {
            let mut wal = wal();
            fs::rename(&wal.path, &wal.moved).unwrap();
            other(&wal);
            assert_eq!(wal.data.sync(), Synced::NotDone);
            wal.data.note_name();
            assert_eq!(wal.data.sync(), Synced::NotDone);
        }
    }
}
