//! What every store of metadata must do, and a second one.

#[macro_use]
pub mod conformance;
mod memory;

pub use memory::{MemoryDatabase, MemoryStore};
