//! SQLite itself: its statements and its files.
//!
//! | what | where |
//! |---|---|
//! | the statement cache of a connection | `statements` |
//! | the VFS shim between SQLite and its files | `vfs` |
//! | the files that it has open | `open_file` |
//! | the header of the WAL-index | `wal_index` |
//! | room for a full disk | `reserve` |

mod open_file;
pub(super) mod reserve;
pub(super) mod statements;
pub(super) mod vfs;
pub(super) mod wal_index;
