//! Nexus without a store of its own: what programs call, and what a store has to do.
//!
//! Here is everything that does not depend on where a store is: names, rules, work items, the traits of metadata and of contents,
//! the calls on a store, and export, import and upkeep over them. `nexusfs-sqlite` is the store, and opens it; `nexusfs` is the
//! library that programs link, and has all of this under its own name.
//!
//! | what | where |
//! |---|---|
//! | errors; calls; log lines | [`error`], [`call`], [`log`] |
//! | names of files, their ids, ranges of names | [`path`], [`path_id`], [`range`] |
//! | times and clocks; JSON texts; words as text; paths and directories of the host | [`time`], [`clock`], [`json`], `text_form`, [`host`] |
//! | configuration | [`config`] |
//! | tenants, agents, namespaces | [`access`] |
//! | contents; paths and what is said of them; work items | [`content`], [`metadata`], [`work`] |
//! | the calls | [`filesystem`], `embedded` |
//! | export and import; upkeep | `transfer`, `maintenance` |

#![forbid(unsafe_code)]

pub mod access;
pub mod call;
pub mod clock;
pub mod config;
pub mod content;
mod embedded;
pub mod error;
pub mod filesystem;
pub mod host;
pub mod json;
pub mod log;
mod maintenance;
pub mod metadata;
pub mod path;
pub mod path_id;
pub mod range;
mod text_form;
pub mod time;
mod transfer;
pub mod work;
