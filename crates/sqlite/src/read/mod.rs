//! Reads, except those of the work queue.
//!
//! | what | where |
//! |---|---|
//! | connections for reading | `readers` |
//! | one entry; the entries of a directory; those of a tree | `entries`, `listing`, `scan` |
//! | metadata, and files by it | `find` |
//! | sizes; files of the same content | `statistics`, `duplicates` |

pub(super) mod duplicates;
pub(super) mod entries;
pub(super) mod find;
pub(super) mod listing;
pub(super) mod readers;
pub(super) mod scan;
pub(super) mod statistics;
