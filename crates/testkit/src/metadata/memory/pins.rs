//! Who removes contents of a store, and who has them stay.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use nexusfs_core::call::Call;
use nexusfs_core::error::{Error, ErrorKind, Result};
use parking_lot::Mutex;

/// How long to wait between attempts.
const PAUSE: Duration = Duration::from_millis(1);

/// A lock that any number share who pin contents, and that one has alone who removes some.
#[derive(Debug, Clone, Default)]
pub(super) struct Pins(Arc<Mutex<Holders>>);

#[derive(Debug, Default)]
struct Holders {
    pinned: usize,
    is_removing: bool,
}

/// Contents stay.
pub(super) struct Pinned(Pins);

impl Drop for Pinned {
    fn drop(&mut self) {
        self.0.0.lock().pinned -= 1;
    }
}

/// A removal is under way.
pub(super) struct Removing(Pins);

impl Drop for Removing {
    fn drop(&mut self) {
        self.0.0.lock().is_removing = false;
    }
}

impl Pins {
    /// Pins, unless a removal is under way.
    pub fn try_pin(&self) -> Option<Pinned> {
        let mut holders = self.0.lock();
        if holders.is_removing {
            return None;
        }
        holders.pinned += 1;
        Some(Pinned(self.clone()))
    }

    /// Pins, after the removal that is under way.
    pub fn pin(&self, call: &Call) -> Result<Pinned> {
        let deadline = call.busy_deadline();
        loop {
            if let Some(pinned) = self.try_pin() {
                return Ok(pinned);
            }
            call.check()?;
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                let what = "files of dropped contents are being removed";
                return Err(Error::new(ErrorKind::Busy, what));
            }
            thread::sleep(PAUSE);
        }
    }

    /// Begins a removal, unless something is pinned or another is under way; with `wait`, after that.
    pub fn remove(&self, wait: bool, call: &Call) -> Result<Option<Removing>> {
        let deadline = call.busy_deadline();
        loop {
            {
                let mut holders = self.0.lock();
                if holders.pinned > 0 {
                    return Ok(None);
                }
                if !holders.is_removing {
                    holders.is_removing = true;
                    return Ok(Some(Removing(self.clone())));
                }
            }
            if !wait || deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Ok(None);
            }
            call.check()?;
            thread::sleep(PAUSE);
        }
    }
}
