//! The command line, run as a program: in a pipe and on a terminal.
//!
//! | what | where |
//! |---|---|
//! | a store for one test, and running the program on it | `store` |
//! | a terminal for the program | `terminal` |
//! | files, directories, search | `files` |
//! | metadata, export, import, upkeep | `metadata`, `transfer`, `upkeep` |
//! | every kind of damage | `damage` |
//! | trees of the host, in and out | `trees` |
//! | the files of the store itself | `own_store` |
//! | the queue | `queue`, `worker`, `worker_ends` |
//! | what goes wrong, and the exit codes | `failures` |
//! | options, environment, config files | `configuration` |
//! | every command, on a terminal and in a pipe | `everywhere` |
//! | what people see on a terminal | `screens` |
//! | completions, manual pages, docs/cli.md, docs/operations.md | `documents` |

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod configuration;
mod damage;
mod documents;
mod everywhere;
mod failures;
mod files;
mod metadata;
mod own_store;
mod permissions;
mod queue;
mod screens;
mod store;
mod terminal;
mod transfer;
mod trees;
mod upkeep;
mod worker;
mod worker_ends;
