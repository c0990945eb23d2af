//! The C interface: the functions and types that `include/nexus.h` declares, and nothing else.
//!
//! One file for each object. An export decodes its arguments, makes one call of a
//! [`Store`](crate::filesystem::Store) or its like, and encodes the result. Which store that is only `store`
//! knows, which opens it.
//!
//! ```text
//! let output = Output::new(output);        // blank, whatever happens next
//! guard(error, || {                        // errors and panics become a status
//!     let fs = STORES.get(fs)?;            // a handle, looked up, never dereferenced
//!     let path = path(path, "path")?;      // arguments, checked, named in errors
//!     output.set(hand_out(&fs.stat(path)?)?);
//!     Ok(())
//! })
//! ```
//!
//! `scripts/generate-header` generates the header from these files, in the order of the modules
//! below. A comment `<!-- section: … -->` begins a section of it. The generator does not expand
//! macros, so every export is written out.
//!
//! Most `unsafe` code is here; the rest is in `driver` of `nexusfs-sqlite`. Two things make it sound: the
//! conventions in the header, by which C passes pointers that are valid for the call and outputs that
//! are writable, and the invariants of `handle.rs` and `text.rs`, which those files state.

// The names are C's.
#![allow(non_camel_case_types)]
// What a caller must keep is in the conventions of the header, for all functions at once.
#![allow(clippy::missing_safety_doc)]

#[cfg(not(target_pointer_width = "64"))]
compile_error!("handles need pointers of 64 bits");

// Machinery.
mod arena;
mod argument;
mod fork;
mod guard;
mod handle;
mod unwind;

// Types and exports, in the order of the header.
pub mod library;

pub mod status;

pub mod error;

pub mod text;

pub mod options;

pub mod progress;

pub mod store;

pub mod files;

pub mod buffer;

pub mod entry;

pub mod reader;

pub mod writer;

pub mod finding;

pub mod matches;

pub mod strings;

pub mod metadata;

pub mod batch;

pub mod work;

pub mod claims;

pub mod work_list;

pub mod upkeep;
