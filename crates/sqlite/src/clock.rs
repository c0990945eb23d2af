//! The clocks of the machine.

use std::fs;

use nexusfs_core::clock::Clock;
use nexusfs_core::error::{Error, Result};
use nexusfs_core::time::{Micros, now};
use nix::sys::time::TimeValLike;
use nix::time::ClockId;

/// Where the kernel names the current boot.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// The clocks of the machine. Those of the system library: it finds the kernel's in a checker of memory, too.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn wall(&self) -> Micros {
        now()
    }

    fn since_boot(&self) -> Micros {
        // It cannot fail: every kernel that the library runs on has this clock.
        ClockId::CLOCK_BOOTTIME
            .now()
            .map_or(0, |time| time.num_microseconds())
    }

    fn boot_id(&self) -> Result<String> {
        let id = fs::read_to_string(BOOT_ID)
            .map_err(|error| Error::io("cannot read the id of this boot", error))?;
        Ok(id.trim().to_owned())
    }
}
