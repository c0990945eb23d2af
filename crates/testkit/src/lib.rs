//! What every store must do, and stores to try that with.
//!
//! | what | where |
//! |---|---|
//! | the cases that a store of metadata, or of contents, has to pass | [`metadata::conformance`], [`content::conformance`] |
//! | the work queue against a model of it | [`queue_model`] |
//! | contents in memory, slow ones, failing ones | [`content`] |
//! | metadata in memory: a second store, simple and slow | [`metadata`] |
//!
//! A store gets here as a factory. What is here knows the traits of the product, and no store but its own.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[macro_use]
pub mod content;
#[macro_use]
pub mod metadata;
pub mod queue_model;
