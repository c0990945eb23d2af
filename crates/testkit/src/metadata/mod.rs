//! What every store of metadata must do.

#[macro_use]
pub mod conformance;
