//! Contents behind something that breaks.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::sync::Arc;

use nexusfs_core::call::Call;
use nexusfs_core::content::{
    ContentFile, ContentHash, ContentStore, LocalContents, NewContent, Publication, Reclaimed,
    Spool, Staged, Staging,
};
use nexusfs_core::error::{Error, Result};
use parking_lot::Mutex;

/// A kind of call of a backend, or of what it hands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Starting a content, alone or in a spool.
    Stage,
    /// Appending to a content that is being written.
    Write,
    /// Finishing it.
    Finish,
    /// Starting a spool.
    Spool,
    /// Keeping a small content in a spool.
    KeepSmall,
    /// Making a scratch file.
    Scratch,
    /// Publishing.
    Publish,
    /// Opening a content.
    Open,
    /// Reading an open content.
    Read,
    /// Asking for a size.
    SizeOf,
    /// Removing.
    Remove,
    /// Walking over all.
    Walk,
    /// Reclaiming or counting what is unfinished.
    Unfinished,
}

impl Operation {
    /// Every kind.
    pub const ALL: [Operation; 13] = [
        Operation::Stage,
        Operation::Write,
        Operation::Finish,
        Operation::Spool,
        Operation::KeepSmall,
        Operation::Scratch,
        Operation::Publish,
        Operation::Open,
        Operation::Read,
        Operation::SizeOf,
        Operation::Remove,
        Operation::Walk,
        Operation::Unfinished,
    ];
}

/// When a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Before it did anything.
    Before,
    /// After it did everything: the answer is lost.
    After,
}

/// The call that fails: number `number`, counted from 0, of the kind `operation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// The kind.
    pub operation: Operation,
    /// Which of its calls.
    pub number: usize,
    /// Whether it did its work.
    pub when: When,
}

/// A backend of which chosen calls fail.
#[derive(Debug, Clone)]
pub struct FailingContents {
    inner: Arc<dyn ContentStore>,
    faults: Faults,
}

impl FailingContents {
    /// Returns `inner`, with nothing that fails yet.
    pub fn new(inner: Arc<dyn ContentStore>) -> Self {
        FailingContents {
            inner,
            faults: Faults::default(),
        }
    }

    /// Counts calls from 0 again, and has `faults` fail.
    pub fn fail(&self, faults: &[Fault]) {
        let mut plan = self.faults.0.lock();
        plan.calls.clear();
        plan.faults = faults.to_vec();
    }

    /// Returns how many calls of this kind there were since [`fail`](Self::fail).
    pub fn calls(&self, operation: Operation) -> usize {
        self.faults
            .0
            .lock()
            .calls
            .get(&operation)
            .copied()
            .unwrap_or(0)
    }
}

#[derive(Debug, Clone, Default)]
struct Faults(Arc<Mutex<Plan>>);

#[derive(Debug, Default)]
struct Plan {
    calls: HashMap<Operation, usize>,
    faults: Vec<Fault>,
}

impl Faults {
    /// Makes one call, which fails if it is its turn.
    fn call<T>(&self, operation: Operation, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let fault = {
            let mut plan = self.0.lock();
            let count = plan.calls.entry(operation).or_default();
            let number = *count;
            *count += 1;
            let is_it = |fault: &&Fault| fault.operation == operation && fault.number == number;
            plan.faults.iter().find(is_it).copied()
        };
        match fault {
            None => work(),
            Some(fault) => {
                if fault.when == When::After {
                    work()?;
                }
                let source = io::Error::other(format!("made to fail, {fault:?}"));
                Err(Error::io("cannot reach the contents", source))
            }
        }
    }

    fn staging(&self, inner: Box<dyn Staging>) -> Box<dyn Staging> {
        Box::new(FailingStaging {
            inner,
            faults: self.clone(),
        })
    }
}

impl ContentStore for FailingContents {
    fn publication(&self) -> Publication {
        self.inner.publication()
    }

    fn stage(&self, call: &Call) -> Result<Box<dyn Staging>> {
        let staging = self
            .faults
            .call(Operation::Stage, || self.inner.stage(call))?;
        Ok(self.faults.staging(staging))
    }

    fn spool(&self, call: &Call) -> Result<Box<dyn Spool>> {
        let inner = self
            .faults
            .call(Operation::Spool, || self.inner.spool(call))?;
        let faults = self.faults.clone();
        Ok(Box::new(FailingSpool { inner, faults }))
    }

    fn scratch(&self) -> Result<File> {
        self.faults
            .call(Operation::Scratch, || self.inner.scratch())
    }

    fn publish(&self, staged: &[&dyn Staged], call: &Call) -> Result<()> {
        let publish = || self.inner.publish(staged, call);
        self.faults.call(Operation::Publish, publish)
    }

    fn open(&self, hash: &ContentHash, call: &Call) -> Result<Option<Box<dyn ContentFile>>> {
        let file = self
            .faults
            .call(Operation::Open, || self.inner.open(hash, call))?;
        Ok(file.map(|inner| {
            let faults = self.faults.clone();
            Box::new(FailingFile { inner, faults }) as _
        }))
    }

    fn size_of(&self, hash: &ContentHash, call: &Call) -> Result<Option<u64>> {
        let size_of = || self.inner.size_of(hash, call);
        self.faults.call(Operation::SizeOf, size_of)
    }

    fn remove(&self, hashes: &[ContentHash], call: &Call) -> Result<()> {
        let remove = || self.inner.remove(hashes, call);
        self.faults.call(Operation::Remove, remove)
    }

    fn walk(
        &self,
        visit: &mut dyn FnMut(ContentHash, u64) -> Result<bool>,
        call: &Call,
    ) -> Result<()> {
        let walk = || self.inner.walk(visit, call);
        self.faults.call(Operation::Walk, walk)
    }

    fn reclaim_unfinished(&self, call: &Call) -> Result<Reclaimed> {
        let reclaim = || self.inner.reclaim_unfinished(call);
        self.faults.call(Operation::Unfinished, reclaim)
    }

    fn unfinished(&self, call: &Call) -> Result<Reclaimed> {
        let count = || self.inner.unfinished(call);
        self.faults.call(Operation::Unfinished, count)
    }

    fn local(&self) -> Option<&dyn LocalContents> {
        self.inner.local()
    }
}

struct FailingStaging {
    inner: Box<dyn Staging>,
    faults: Faults,
}

impl Staging for FailingStaging {
    fn write(&mut self, data: &[u8], call: &Call) -> Result<()> {
        let inner = &mut self.inner;
        self.faults
            .call(Operation::Write, || inner.write(data, call))
    }

    fn finish(self: Box<Self>, call: &Call) -> Result<Arc<dyn Staged>> {
        let FailingStaging { inner, faults } = *self;
        faults.call(Operation::Finish, || inner.finish(call))
    }
}

#[derive(Debug)]
struct FailingSpool {
    inner: Box<dyn Spool>,
    faults: Faults,
}

impl Spool for FailingSpool {
    fn stage(&self, call: &Call) -> Result<Box<dyn Staging>> {
        let staging = self
            .faults
            .call(Operation::Stage, || self.inner.stage(call))?;
        Ok(self.faults.staging(staging))
    }

    fn keep_small(&self, data: &[u8]) -> Result<NewContent> {
        let keep = || self.inner.keep_small(data);
        self.faults.call(Operation::KeepSmall, keep)
    }
}

struct FailingFile {
    inner: Box<dyn ContentFile>,
    faults: Faults,
}

impl ContentFile for FailingFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8], call: &Call) -> Result<usize> {
        let read = || self.inner.read_at(offset, buffer, call);
        self.faults.call(Operation::Read, read)
    }

    fn size(&self, call: &Call) -> Result<u64> {
        self.inner.size(call)
    }

    fn forget_cached(&self) {
        self.inner.forget_cached();
    }
}
