//! Contents that others change while they are read: an engine on a backend that lets them.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use nexusfs::call::{Call, Interrupts};
use nexusfs::config::{self, EngineSettings, MountDeclaration};
use nexusfs::content::{
    ContentFile, ContentHash, ContentStore, Placement, Publication, Reclaimed, Spool, Staged,
    Staging,
};
use nexusfs::error::Result;
use nexusfs::filesystem::{Engine, Home, Progress};
use nexusfs::sqlite::SystemClock;
use nexusfs::sqlite::files::LocalContentStore;
use nexusfs::sqlite::{SqliteOptions, SqliteStore};

use super::*;

/// Contents that are gone for those who open them as long as `others` do something first.
#[derive(Debug)]
struct Overtaken {
    contents: LocalContentStore,
    others: Others,
}

struct Others {
    fs: OnceLock<Filesystem>,
    /// How often they replace the file, and write its content again.
    times: AtomicU32,
    /// Whether contents are gone where nobody wrote them again.
    are_gone: bool,
}

impl std::fmt::Debug for Others {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "others, {} times", self.times.load(Ordering::Relaxed))
    }
}

impl ContentStore for Overtaken {
    fn open(&self, hash: &ContentHash, call: &Call) -> Result<Option<Box<dyn ContentFile>>> {
        let others = &self.others;
        let left = others.times.load(Ordering::Relaxed);
        if left > 0 {
            others.times.store(left - 1, Ordering::Relaxed);
            let fs = others.fs.get().unwrap();
            write(fs, "/a", b"two")?;
            write(fs, "/a", b"one")?;
            return Ok(None);
        }
        match others.are_gone {
            true => Ok(None),
            false => self.contents.open(hash, call),
        }
    }

    fn publication(&self) -> Publication {
        self.contents.publication()
    }

    fn stage(&self, call: &Call) -> Result<Box<dyn Staging>> {
        self.contents.stage(call)
    }

    fn spool(&self, call: &Call) -> Result<Box<dyn Spool>> {
        self.contents.spool(call)
    }

    fn scratch(&self) -> Result<File> {
        self.contents.scratch()
    }

    fn publish(&self, staged: &[&dyn Staged], call: &Call) -> Result<()> {
        self.contents.publish(staged, call)
    }

    fn size_of(&self, hash: &ContentHash, call: &Call) -> Result<Option<u64>> {
        self.contents.size_of(hash, call)
    }

    fn remove(&self, hashes: &[ContentHash], call: &Call) -> Result<()> {
        self.contents.remove(hashes, call)
    }

    fn walk(
        &self,
        visit: &mut dyn FnMut(ContentHash, u64) -> Result<bool>,
        call: &Call,
    ) -> Result<()> {
        self.contents.walk(visit, call)
    }

    fn reclaim_unfinished(&self, call: &Call) -> Result<Reclaimed> {
        self.contents.reclaim_unfinished(call)
    }

    fn unfinished(&self, call: &Call) -> Result<Reclaimed> {
        self.contents.unfinished(call)
    }
}

/// A home of which nothing is asked here.
struct Nowhere;

impl Home for Nowhere {
    fn data_dir(&self) -> &Path {
        unreachable!()
    }

    fn wrong_markers(
        &self,
        _: &[MountDeclaration],
        _: &Call,
    ) -> Result<Vec<(String, &'static str)>> {
        unreachable!()
    }

    fn mark_again(&self, _: &str, _: &[MountDeclaration], _: &Call) -> Result<bool> {
        unreachable!()
    }

    fn backup(&self, _: &Path, _: &Placement, _: &Call, _: Progress<'_>) -> Result<String> {
        unreachable!()
    }

    fn spawn(&self, _: &str, _: Box<dyn FnOnce() + Send>) -> io::Result<JoinHandle<()>> {
        unreachable!()
    }
}

/// Returns a handle on a new store in `place` with the file `/a`, and others who replace it so many times while it is read.
fn overtaken(place: &Place, times: u32, are_gone: bool) -> Filesystem {
    let call = Interrupts::default().begin(Duration::from_secs(5));
    let options = SqliteOptions {
        clock: Arc::new(SystemClock),
        cache_kib: 1024,
        housekeeping: false,
    };
    let uuid = "00000000-0000-4000-8000-000000000000";
    let database = place.path("metadata.db");
    let (store, uuid) = SqliteStore::open(&database, uuid, options, &call).unwrap();
    let contents = Arc::new(Overtaken {
        contents: LocalContentStore::open(&place.path("")).unwrap(),
        others: Others {
            fs: OnceLock::new(),
            times: AtomicU32::new(0),
            are_gone,
        },
    });
    let placement = Placement::new(Arc::clone(&contents) as _, Vec::new(), 0);
    let config = json!({"data_dir": place.path(""), "housekeeping": false});
    let config = config::resolve(Some(&config.to_string())).unwrap();
    let settings = EngineSettings {
        cache_size_mb: 1,
        housekeeping: false,
    };
    let engine = Engine::new(Arc::new(store), uuid, Arc::new(Nowhere), settings, &call).unwrap();
    let fs = Filesystem::on(Arc::new(engine), placement, config, &call).unwrap();
    write(&fs, "/a", b"one").unwrap();
    let others = &contents.others;
    assert!(others.fs.set(fs.clone()).is_ok());
    others.times.store(times, Ordering::Relaxed);
    fs
}

#[test]
fn a_content_that_was_replaced_and_written_again_is_not_gone() {
    let place = Place::new();
    let fs = overtaken(&place, 20, false);
    assert_eq!(fs.read("/a").unwrap(), b"one");
    let place = Place::new();
    let fs = overtaken(&place, 0, true);
    refused(fs.read("/a"), ErrorKind::Corrupt);
}
