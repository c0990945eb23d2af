//! Removes the bytes of contents without references.
//!
//! Only a writer of the same content waits for it: it happens between two short transactions (see
//! [`begin_removal`](crate::metadata::References::begin_removal)). The caller that dropped contents in backends of this machine
//! removes them before its call returns. A thread, which runs as long as there is work, removes those in remote backends, and
//! those that another removal kept the caller from. Without `housekeeping` there is no thread, and the caller removes all.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::{Filesystem, Home};
use crate::call::{Call, Interrupts};
use crate::content::Placement;
use crate::error::Result;
use crate::log::{self, Level};
use crate::metadata::MetadataStore;

/// Contents that are removed between two transactions: in backends of this machine, and in those that are far away.
const STEPS: (usize, usize) = (256, 64);
/// How long the thread waits for others' commits.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it waits before it tries again where others keep it from removing: at first, and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_secs(1));

impl Filesystem {
    /// Removes the contents that are pending deletion, or has the thread remove them. What fails is left for the next
    /// removal.
    pub(crate) fn remove_dropped(&self, call: &Call) {
        let engine = &self.handle.engine;
        let has_thread = engine.settings.housekeeping;
        let (store, placement) = (&*engine.store, self.placement());
        let mut is_left = false;
        for name in placement.writable_names() {
            let is_far = placement.publishes_before_commit(name).unwrap_or(true);
            if !has_thread || !is_far {
                let step = || remove_step(store, placement, name, !has_thread, call);
                while !call.is_cancelled() && matches!(step(), Ok(1..)) {}
            }
            is_left |= has_thread && !matches!(store.has_pending_deletions(name, call), Ok(false));
        }
        if is_left {
            engine.remover.wake(&*engine.home, &engine.store, placement);
        }
    }

    /// Removes all contents that are pending deletion and that nothing keeps, and returns how many.
    pub(crate) fn remove_all_dropped(&self, call: &Call) -> Result<u64> {
        let placement = self.placement();
        let mut all = 0;
        for name in placement.writable_names() {
            loop {
                call.check()?;
                match remove_step(self.store(), placement, name, true, call)? {
                    0 => break,
                    count => all += count as u64,
                }
            }
        }
        Ok(all)
    }
}

/// Removes some contents of the backend that are pending deletion, and returns how many: 0 at the end, and where they are
/// kept. With `wait`, waits until others have ended a removal.
fn remove_step(
    store: &dyn MetadataStore,
    placement: &Placement,
    backend: &str,
    wait: bool,
    call: &Call,
) -> Result<usize> {
    let limit = match placement.publishes_before_commit(backend)? {
        true => STEPS.1,
        false => STEPS.0,
    };
    let Some(removal) = store.begin_removal(backend, limit, wait, call)? else {
        return Ok(0);
    };
    placement.store(backend)?.remove(&removal.hashes, call)?;
    let count = removal.hashes.len();
    store.end_removal(removal, call)?;
    Ok(count)
}

/// The thread of one engine that removes contents, while there are any.
#[derive(Default)]
pub(super) struct Remover {
    work: Arc<Work>,
    /// Ends what the thread does in backends that are far away.
    interrupts: Interrupts,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Work {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Where contents were dropped, of each handle once.
    placements: Vec<Arc<Placement>>,
    /// More was dropped since the thread looked.
    is_woken: bool,
    is_running: bool,
    is_closing: bool,
}

impl Remover {
    /// Has the contents of `placement` removed that are pending deletion.
    pub fn wake(
        &self,
        home: &dyn Home,
        store: &Arc<dyn MetadataStore>,
        placement: &Arc<Placement>,
    ) {
        let mut state = self.work.state.lock();
        if !state
            .placements
            .iter()
            .any(|known| Arc::ptr_eq(known, placement))
        {
            state.placements.push(Arc::clone(placement));
        }
        state.is_woken = true;
        self.work.changed.notify_one();
        if state.is_running || state.is_closing {
            return;
        }
        let (store, work) = (Arc::clone(store), Arc::clone(&self.work));
        let far = self.interrupts.clone();
        let run = move || work.run(&*store, &far);
        match home.spawn("nexus-removal", Box::new(run)) {
            Ok(thread) => {
                state.is_running = true;
                // The one before has ended, or is about to.
                *self.thread.lock() = Some(thread);
            }
            Err(error) => log::emit(
                Level::Warn,
                &format_args!("contents stay pending deletion: {error}"),
            ),
        }
    }
}

impl Drop for Remover {
    fn drop(&mut self) {
        self.work.state.lock().is_closing = true;
        self.work.changed.notify_one();
        self.interrupts.shut_down();
        if let Some(thread) = self.thread.lock().take() {
            let _ = thread.join();
        }
    }
}

impl Work {
    fn run(&self, store: &dyn MetadataStore, far: &Interrupts) {
        let mut pause = PAUSES.0;
        loop {
            let placement = {
                let mut state = self.state.lock();
                state.is_woken = false;
                match state.placements.first() {
                    Some(placement) => Arc::clone(placement),
                    None => {
                        state.is_running = false;
                        return;
                    }
                }
            };
            match self.remove(store, &placement, far) {
                Ok(true) => pause = PAUSES.0,
                // Another process copies the store, or removes contents, too.
                Ok(false)
                    if !self.state.lock().is_closing && is_pending(store, &placement, far) =>
                {
                    let mut state = self.state.lock();
                    if !state.is_closing {
                        self.changed.wait_for(&mut state, pause);
                    }
                    pause = (2 * pause).min(PAUSES.1);
                }
                Ok(false) => self.done(&placement),
                Err(error) => {
                    if !self.state.lock().is_closing {
                        log::emit(
                            Level::Warn,
                            &format_args!("contents stay pending deletion: {error}"),
                        );
                    }
                    self.state.lock().is_woken = false;
                    self.done(&placement);
                }
            }
        }
    }

    /// Removes some contents; returns whether there were any that it could.
    fn remove(
        &self,
        store: &dyn MetadataStore,
        placement: &Placement,
        far: &Interrupts,
    ) -> Result<bool> {
        let mut any = false;
        for name in placement.writable_names() {
            let call = match placement.publishes_before_commit(name)? {
                true if self.state.lock().is_closing => continue,
                true => far.begin(PATIENCE),
                false => Interrupts::default().begin(PATIENCE),
            };
            any |= remove_step(store, placement, name, false, &call)? > 0;
        }
        Ok(any)
    }

    fn done(&self, placement: &Arc<Placement>) {
        let mut state = self.state.lock();
        if !state.is_woken {
            state
                .placements
                .retain(|other| !Arc::ptr_eq(other, placement));
        }
    }
}

/// Returns whether anything of the backends of `placement` is pending deletion.
fn is_pending(store: &dyn MetadataStore, placement: &Placement, interrupts: &Interrupts) -> bool {
    let call = interrupts.begin(PATIENCE);
    let mut names = placement.writable_names();
    names.any(|name| matches!(store.has_pending_deletions(name, &call), Ok(true)))
}
