//! The stores under test, as the suites open them.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nexusfs::call::Interrupts;
use nexusfs::clock::Clock;
use nexusfs::content::{ContentHash, ContentStore, Publication, Reclaimed};
use nexusfs::metadata::MetadataStore;
use nexusfs::sqlite::files::LocalContentStore;
use nexusfs::sqlite::{SqliteOptions, SqliteStore};
use nexusfs_testkit::content::conformance::Backend;
use nexusfs_testkit::content::{Latency, MemoryContents, SlowContents};
use nexusfs_testkit::metadata::MemoryDatabase;
use nexusfs_testkit::metadata::conformance::Database;
use tempfile::TempDir;

/// Contents in a directory.
pub struct Local(TempDir);

impl Local {
    pub fn new() -> Self {
        Local(TempDir::new().unwrap())
    }
}

impl Backend for Local {
    fn open(&self) -> Arc<dyn ContentStore> {
        Arc::new(LocalContentStore::open(self.0.path()).unwrap())
    }

    fn overwrite(&self, hash: &ContentHash, bytes: &[u8]) {
        let name = hash.to_string();
        let shard = self.0.path().join("cas").join(&name[..2]);
        fs::create_dir_all(&shard).unwrap();
        // Another file: the one that has the name may be a staged content, too, which nothing could replace then.
        let other = self.0.path().join("other");
        fs::write(&other, bytes).unwrap();
        fs::rename(other, shard.join(name)).unwrap();
    }

    fn leave_unfinished(&self) -> Reclaimed {
        let tmp = self.0.path().join("tmp");
        fs::write(tmp.join("018f2b6a-0000-7000-8000-000000000001"), b"begun").unwrap();
        let spool = tmp.join("018f2b6a-0000-7000-8000-000000000002");
        fs::create_dir(&spool).unwrap();
        fs::write(
            spool.join("018f2b6a-0000-7000-8000-000000000003"),
            b"spooled",
        )
        .unwrap();
        fs::write(spool.join("small"), b"small").unwrap();
        Reclaimed {
            files: 2,
            bytes: 17,
        }
    }
}

/// Contents in memory, which may take their time.
pub struct Memory {
    contents: MemoryContents,
    latency: Option<Latency>,
}

impl Memory {
    pub fn new(publication: Publication, latency: Option<Duration>) -> Self {
        Memory {
            contents: MemoryContents::new(publication),
            latency: latency.map(Latency::of_all),
        }
    }
}

impl Backend for Memory {
    fn open(&self) -> Arc<dyn ContentStore> {
        let contents = Arc::new(self.contents.clone());
        match self.latency {
            Some(latency) => Arc::new(SlowContents::new(contents, latency)),
            None => contents,
        }
    }

    fn overwrite(&self, hash: &ContentHash, bytes: &[u8]) {
        self.contents.overwrite(hash, bytes);
    }

    fn leave_unfinished(&self) -> Reclaimed {
        Reclaimed::default()
    }
}

/// A database file.
pub struct Sqlite(TempDir);

impl Sqlite {
    pub fn create() -> Box<dyn Database> {
        // Nothing here is about durability, so the disk need not sync.
        let directory = TempDir::new_in("/dev/shm").or_else(|_| TempDir::new());
        Box::new(Sqlite(directory.unwrap()))
    }
}

impl Database for Sqlite {
    fn open(&self, clock: Arc<dyn Clock>) -> Arc<dyn MetadataStore> {
        let options = SqliteOptions {
            cache_kib: 1024,
            housekeeping: false,
            clock,
        };
        let uuid = "00000000-0000-7000-8000-000000000000";
        let call = Interrupts::default().begin(Duration::from_secs(30));
        let opened = SqliteStore::open(&self.0.path().join("metadata.db"), uuid, options, &call);
        Arc::new(opened.unwrap().0)
    }

    fn directory(&self) -> Option<&Path> {
        Some(self.0.path())
    }
}

/// Returns an empty database in memory.
pub fn memory() -> Box<dyn Database> {
    Box::new(MemoryDatabase::new("place-of-local"))
}
