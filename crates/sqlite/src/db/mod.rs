//! The database: its connections, its tables, and what their rows hold.
//!
//! | what | where |
//! |---|---|
//! | connections, and how they wait | `connection` |
//! | tables, views, migrations | `schema`, `schema/` |
//! | what every transaction reads first | `versions` |
//! | the ranges that it then runs on | `visible` |
//! | rows of paths; values that a column may hold | `rows`, `columns` |
//! | names of backends; who needs a content | `backends`, `holders` |
//! | the times that are written down; the sequence of lease tokens; random bytes | `time`, `lease_tokens`, `random` |

pub(super) mod backends;
pub(super) mod columns;
pub(super) mod connection;
pub(super) mod holders;
pub(super) mod lease_tokens;
pub(super) mod random;
pub(super) mod rows;
pub(super) mod schema;
pub(super) mod time;
pub(super) mod versions;
pub(super) mod visible;
