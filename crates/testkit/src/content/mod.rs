//! Stores of contents for tests, and what every one must do.

#[macro_use]
pub mod conformance;
mod failing;
mod memory;
mod slow;

pub use failing::{FailingContents, Fault, Operation, When};
pub use memory::MemoryContents;
pub use slow::{Latency, SlowContents};
