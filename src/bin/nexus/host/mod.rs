//! `put` and `get`: trees of the host's files into the store and out of it.
//!
//! | what | where |
//! |---|---|
//! | what a file of the host is beyond its bytes, kept as metadata | [`posix`] |
//! | walking a tree of the host | `walk` |
//! | changes on their way into the store, in batches | `load` |
//! | a directory of the host that nothing written can leave | `target` |
//! | the store itself, which is neither put nor written over | [`own`] |
//! | counting and telling what was done and what was not | `tally` |

pub mod get;
mod load;
pub mod own;
mod posix;
pub mod put;
mod tally;
mod target;
mod walk;
