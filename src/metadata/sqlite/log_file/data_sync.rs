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

/// The second descriptor, which a connection opens when it syncs for the second time. Most only read.
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
    pub fn sync(&mut self) -> Synced {
        if !self.has_name {
            return Synced::NotDone;
        }
        if self.file.is_none() {
            self.file = self.open();
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

    /// Opens the WAL, unless its path leads to another file by now. Then it is not tried again.
    fn open(&mut self) -> Option<File> {
        let identity = self.identity.take()?;
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(libc::O_NOFOLLOW);
        let file = options.open(&self.path).ok()?;
        let metadata = file.metadata().ok()?;
        (identity == (metadata.dev(), metadata.ino())).then_some(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn synced_twice(path: &Path, meanwhile: impl FnOnce()) -> [Synced; 2] {
        fs::write(path, "frames").unwrap();
        // As SQLite has it.
        let _open = File::open(path).unwrap();
        let mut data = DataSync::of(path);
        let first = data.sync();
        data.note_name();
        meanwhile();
        [first, data.sync()]
    }

    #[test]
    fn the_first_sync_is_sqlites_which_makes_the_name_durable() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("db-wal");
        assert_eq!(synced_twice(&path, || {}), [Synced::NotDone, Synced::Done]);
    }

    #[test]
    fn another_file_at_the_path_is_not_synced_in_its_place() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("db-wal");
        let moved = place.path().join("moved");
        let others: [&dyn Fn(); 3] = [
            &|| fs::rename(&path, &moved).unwrap(),
            &|| {
                fs::rename(&path, &moved).unwrap();
                fs::write(&path, "another").unwrap();
            },
            &|| {
                fs::rename(&path, &moved).unwrap();
                std::os::unix::fs::symlink(&moved, &path).unwrap();
            },
        ];
        for other in others {
            assert_eq!(synced_twice(&path, other), [Synced::NotDone; 2]);
            let _ = fs::remove_file(&path);
        }
    }
}
