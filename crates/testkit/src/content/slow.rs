//! Contents behind a network, as far as time goes.

use std::fs::File;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use nexusfs_core::call::Call;
use nexusfs_core::content::{
    ContentFile, ContentHash, ContentStore, LocalContents, Publication, Reclaimed, Spool, Staged,
    Staging,
};
use nexusfs_core::error::Result;

/// How long a sleeping call takes to hear an interrupt.
const PIECE: Duration = Duration::from_millis(2);

/// How long each call takes, beyond what it does.
#[derive(Debug, Clone, Copy, Default)]
pub struct Latency {
    /// [`ContentStore::publish`]
    pub publish: Duration,
    /// [`ContentStore::remove`]
    pub remove: Duration,
    /// [`ContentStore::open`]
    pub open: Duration,
    /// Each other call, and each reading of an open content.
    pub other: Duration,
}

impl Latency {
    /// Returns the latency of a backend that takes `each` for every call.
    pub fn of_all(each: Duration) -> Self {
        Latency {
            publish: each,
            remove: each,
            open: each,
            other: each,
        }
    }
}

/// A backend whose calls take some time.
#[derive(Debug, Clone)]
pub struct SlowContents {
    inner: Arc<dyn ContentStore>,
    latency: Latency,
}

impl SlowContents {
    /// Returns `inner` with `latency`.
    pub fn new(inner: Arc<dyn ContentStore>, latency: Latency) -> Self {
        SlowContents { inner, latency }
    }
}

/// Sleeps for `time`, unless the call is interrupted.
fn pass(time: Duration, call: &Call) -> Result<()> {
    let end = Instant::now() + time;
    loop {
        call.check()?;
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        thread::sleep(left.min(PIECE));
    }
}

impl ContentStore for SlowContents {
    fn publication(&self) -> Publication {
        self.inner.publication()
    }

    fn stage(&self, call: &Call) -> Result<Box<dyn Staging>> {
        pass(self.latency.other, call)?;
        self.inner.stage(call)
    }

    fn spool(&self, call: &Call) -> Result<Box<dyn Spool>> {
        pass(self.latency.other, call)?;
        self.inner.spool(call)
    }

    fn scratch(&self) -> Result<File> {
        thread::sleep(self.latency.other);
        self.inner.scratch()
    }

    fn publish(&self, staged: &[&dyn Staged], call: &Call) -> Result<()> {
        match self.publication() {
            // It goes on to its end.
            Publication::UnderLock => thread::sleep(self.latency.publish),
            Publication::BeforeCommit => pass(self.latency.publish, call)?,
        }
        self.inner.publish(staged, call)
    }

    fn open(&self, hash: &ContentHash, call: &Call) -> Result<Option<Box<dyn ContentFile>>> {
        pass(self.latency.open, call)?;
        let file = self.inner.open(hash, call)?;
        Ok(file.map(|inner| {
            let latency = self.latency.other;
            Box::new(SlowFile { inner, latency }) as _
        }))
    }

    fn size_of(&self, hash: &ContentHash, call: &Call) -> Result<Option<u64>> {
        pass(self.latency.other, call)?;
        self.inner.size_of(hash, call)
    }

    fn remove(&self, hashes: &[ContentHash], call: &Call) -> Result<()> {
        pass(self.latency.remove, call)?;
        self.inner.remove(hashes, call)
    }

    fn walk(
        &self,
        visit: &mut dyn FnMut(ContentHash, u64) -> Result<bool>,
        call: &Call,
    ) -> Result<()> {
        pass(self.latency.other, call)?;
        self.inner.walk(visit, call)
    }

    fn reclaim_unfinished(&self, call: &Call) -> Result<Reclaimed> {
        pass(self.latency.other, call)?;
        self.inner.reclaim_unfinished(call)
    }

    fn unfinished(&self, call: &Call) -> Result<Reclaimed> {
        pass(self.latency.other, call)?;
        self.inner.unfinished(call)
    }

    fn local(&self) -> Option<&dyn LocalContents> {
        self.inner.local()
    }
}

struct SlowFile {
    inner: Box<dyn ContentFile>,
    latency: Duration,
}

impl ContentFile for SlowFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8], call: &Call) -> Result<usize> {
        pass(self.latency, call)?;
        self.inner.read_at(offset, buffer, call)
    }

    fn size(&self, call: &Call) -> Result<u64> {
        self.inner.size(call)
    }

    fn forget_cached(&self) {
        self.inner.forget_cached();
    }
}
