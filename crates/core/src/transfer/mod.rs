//! Metadata out of a store and into one, as JSON lines, and with the contents in bundles.
//!
//! A line describes one file; without a bundle the content itself stays in the store. [`mod@line`] has the format, for
//! both directions.
//!
//! - [`export`] writes what the caller may read, in pages of short transactions, beside the target
//!   ([`aside`]) and then in its place.
//! - [`bundle`] packs lines and contents into one file, and imports them into a store.
//! - [`import`] reads every line first ([`lines`], [`line_reader`]), within bounds ([`limits`]), and keeps them on the
//!   disk ([`line_spool`]). Then it plans the action for each line ([`plan`], [`newer`], [`backends`]). One transaction
//!   applies the plan and fetches one line after the other ([`planned`]). The [`report`] has the results. Errors of
//!   lines are collected ([`bad_lines`]); if there are any, the import changes nothing.
//! - [`host_file`] opens what is read, and names it in errors.

mod aside;
mod backends;
mod bad_lines;
mod bundle;
mod export;
mod host_file;
mod import;
mod limits;
mod line;
mod line_reader;
mod line_spool;
mod lines;
mod newer;
mod plan;
mod planned;
mod report;
