//! The configuration as hosts meet it: every key, every source, what wins, and what is refused.
#![allow(clippy::expect_used)]

mod addresses;
mod effective;
mod files;
mod host;
mod identity;
mod keys;
mod refusals;
mod sources;
