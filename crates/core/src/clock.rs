//! The wall clock and the boot clock.
//!
//! The wall clock is for people, and may be set at any time. The boot clock measures leases. It cannot be set, runs
//! while the machine sleeps, and is the same for every process (`CLOCK_BOOTTIME` of `clock_gettime(2)`).

use std::fmt::Debug;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::error::Result;
use crate::time::Micros;

/// Returns the time.
pub trait Clock: Debug + Send + Sync {
    /// Returns the wall's time.
    fn wall(&self) -> Micros;

    /// Returns the time since the machine was started, in microseconds.
    fn since_boot(&self) -> Micros;

    /// Returns what names this boot of the machine.
    fn boot_id(&self) -> Result<String>;
}

/// Clocks that only move when a test sets them.
#[derive(Debug)]
pub struct ManualClock {
    wall: AtomicI64,
    since_boot: AtomicI64,
    boot_id: String,
}

impl ManualClock {
    /// Returns clocks that show `wall` and `since_boot` in the boot called `boot_id`.
    pub fn new(wall: Micros, since_boot: Micros, boot_id: &str) -> Self {
        ManualClock {
            wall: AtomicI64::new(wall),
            since_boot: AtomicI64::new(since_boot),
            boot_id: boot_id.to_owned(),
        }
    }

    /// Lets `time` pass.
    pub fn advance(&self, time: Micros) {
        self.step_wall(time);
        self.since_boot.fetch_add(time, Ordering::SeqCst);
    }

    /// Sets the wall's clock forward or, with a negative `time`, back; no time passes.
    pub fn step_wall(&self, time: Micros) {
        self.wall.fetch_add(time, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn wall(&self) -> Micros {
        self.wall.load(Ordering::SeqCst)
    }

    fn since_boot(&self) -> Micros {
        self.since_boot.load(Ordering::SeqCst)
    }

    fn boot_id(&self) -> Result<String> {
        Ok(self.boot_id.clone())
    }
}
