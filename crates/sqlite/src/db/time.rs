//! The times that a store writes down.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use nexusfs_core::clock::Clock;
use nexusfs_core::time::Micros;

/// Bits of a [`BootTime`] for the microseconds of one boot: nine years.
const BOOT_BITS: u32 = 48;

/// A time of the boot clock. Times of an earlier boot are less than all of a later one, so a deadline of another boot
/// has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) struct BootTime(pub i64);

impl BootTime {
    /// Returns the moment `later` microseconds after this one.
    pub fn after(self, later: Micros) -> Self {
        BootTime(self.0.saturating_add(later))
    }
}

/// The clocks of an engine.
#[derive(Debug)]
pub(in super::super) struct Time {
    clock: Arc<dyn Clock>,
    boot_number: i64,
    newest: AtomicI64,
}

impl Time {
    /// Returns the time by `clock` in the boot that the store calls `boot_number`.
    pub fn new(clock: Arc<dyn Clock>, boot_number: i64) -> Self {
        Time {
            clock,
            boot_number,
            newest: AtomicI64::default(),
        }
    }

    /// Returns the time of the wall clock.
    pub fn wall(&self) -> Micros {
        self.clock.wall()
    }

    /// Returns a time for a change. They only grow, so that creation order is a total order within a
    /// process.
    pub fn of_change(&self) -> Micros {
        let wall = self.wall();
        let previous = self.newest.fetch_max(wall, Ordering::Relaxed);
        if previous < wall {
            return wall;
        }
        self.newest.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Returns the time of the boot clock.
    pub fn boot(&self) -> BootTime {
        let boot = self.boot_number.saturating_mul(1 << BOOT_BITS);
        BootTime(boot.saturating_add(self.clock.since_boot()))
    }
}
