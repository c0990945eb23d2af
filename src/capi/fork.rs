//! Forks: SQLite's locks do not survive one, so a child forked while a store is open may not use
//! this library until it has called exec.

use std::ops::Deref;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::error::{Error, ErrorKind, Result};

/// How many objects of this process keep an engine open, a connect in progress included.
static ENGINE_USERS: AtomicU64 = AtomicU64::new(0);
/// Set in a forked child, and never reset.
static POISONED: AtomicBool = AtomicBool::new(false);

/// Returns whether this process was forked while a store was open.
#[inline]
pub(super) fn is_poisoned() -> bool {
    POISONED.load(Ordering::Relaxed)
}

extern "C" fn in_child() {
    // Nothing but atomics: locks may be held by threads that do not exist here.
    if ENGINE_USERS.load(Ordering::Relaxed) > 0 {
        POISONED.store(true, Ordering::Relaxed);
    }
}

/// Has forks of this process watched from now on.
pub(super) fn watch() -> Result<()> {
    static REGISTERED: OnceLock<i32> = OnceLock::new();
    // SAFETY: the handler touches atomics only, and stays: the library is never unloaded
    // (`-z nodelete`).
    match REGISTERED.get_or_init(|| unsafe { libc::pthread_atfork(None, None, Some(in_child)) }) {
        0 => Ok(()),
        &code => Err(Error::new(
            ErrorKind::Io,
            format!("watch forks: {}", std::io::Error::from_raw_os_error(code)),
        )),
    }
}

/// Says that an engine is, or may be, open.
pub(super) struct EngineUse(());

impl EngineUse {
    pub(super) fn new() -> Self {
        ENGINE_USERS.fetch_add(1, Ordering::Relaxed);
        EngineUse(())
    }
}

impl Drop for EngineUse {
    fn drop(&mut self) {
        ENGINE_USERS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An object that keeps its engine open.
pub(super) struct Engaged<T> {
    // The order matters: the engine is closed before its use ends.
    object: T,
    _engine: EngineUse,
}

impl<T> Engaged<T> {
    pub(super) fn new(object: T) -> Self {
        Self::begun(EngineUse::new(), object)
    }

    /// For an object whose making already counted.
    pub(super) fn begun(engine: EngineUse, object: T) -> Self {
        Engaged {
            object,
            _engine: engine,
        }
    }
}

impl<T> Deref for Engaged<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.object
    }
}
