//! Paths, their entries and everything said about them.
mod entry;
pub use entry::{Entry, FileInfo, Micros, PathId};
