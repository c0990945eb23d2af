//! Metadata out of a store and into one, as JSON lines, and with the contents in bundles.
//!
//! A line describes one file; without a bundle the content itself stays in the store. What a line says is in [`mod@line`],
//! for both directions.
//!
//! - [`export`] writes what the caller may read, in pages of short transactions, beside the target
//!   ([`aside`]) and then in its place.
//! - [`bundle`] packs lines and contents into one file, and brings them into a store.
//! - [`import`] reads every line first ([`lines`], [`line_reader`]), within bounds ([`limits`]), and keeps them on the disk
//!   ([`line_spool`]). Then it decides what becomes of each ([`plan`], [`newer`], [`backends`]) and has one transaction make
//!   all of it, which asks for one line after the other ([`planned`]). What became of them is in the [`report`]. What is
//!   wrong with any line is collected ([`bad_lines`]) and leaves everything as it was.
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
