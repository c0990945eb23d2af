//! Contents: bytes named by their hash.
mod hash;
pub use hash::ContentHash;
