//! One call in flight: its timeout, and whether it was interrupted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// Counts the interrupts of one handle. A call that began before the latest one is cancelled.
#[derive(Debug, Clone, Default)]
pub struct Interrupts(Arc<AtomicU64>);

/// Set once the handle is shut down: every call is cancelled from then on.
const SHUT_DOWN: u64 = 1 << 63;

impl Interrupts {
    /// Cancels the calls in flight.
    pub fn interrupt(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    /// Cancels the calls in flight and all that come.
    pub fn shut_down(&self) {
        self.0.fetch_or(SHUT_DOWN, Ordering::SeqCst);
    }

    /// Begins a call that waits for others' commits up to `busy_timeout`.
    pub fn begin(&self, busy_timeout: Duration) -> Call {
        Call {
            interrupts: self.clone(),
            began_at: self.count(),
            outlives_handle: false,
            busy_timeout,
        }
    }

    /// Begins a call of an object that was opened on the handle, and outlives it: an interrupt cancels it,
    /// shutting the handle down does not.
    pub fn begin_of_child(&self, busy_timeout: Duration) -> Call {
        Call {
            outlives_handle: true,
            ..self.begin(busy_timeout)
        }
    }

    fn count(&self) -> u64 {
        self.0.load(Ordering::SeqCst) & !SHUT_DOWN
    }
}

/// A call in flight.
#[derive(Debug, Clone)]
pub struct Call {
    interrupts: Interrupts,
    began_at: u64,
    outlives_handle: bool,
    busy_timeout: Duration,
}

impl Call {
    /// Returns a call that is never interrupted.
    #[cfg(test)]
    pub(crate) fn for_test() -> Self {
        Interrupts::default().begin(Duration::from_secs(1))
    }

    /// Returns whether the call was interrupted.
    pub fn is_cancelled(&self) -> bool {
        match self.outlives_handle {
            true => self.interrupts.count() != self.began_at,
            false => self.interrupts.0.load(Ordering::SeqCst) != self.began_at,
        }
    }

    /// Returns [`Cancelled`](crate::error::ErrorKind::Cancelled) if the call was interrupted.
    pub fn check(&self) -> Result<()> {
        if self.is_cancelled() {
            Err(Error::cancelled())
        } else {
            Ok(())
        }
    }

    /// Returns how long the call waits for another's commit.
    pub fn busy_timeout(&self) -> Duration {
        self.busy_timeout
    }

    /// Returns when waiting for another's commit ends, if it begins now.
    pub fn busy_deadline(&self) -> Option<Instant> {
        Instant::now().checked_add(self.busy_timeout)
    }
}
