//! Metadata out of a store and into one, as JSON lines.
//!
//! A line describes one file; the content itself stays in the store. What a line says is in [`mod@line`],
//! for both directions.
//!
//! - [`export`] writes what the caller may read, in pages of short transactions, beside the target
//!   ([`aside`]) and then in its place.
//! - [`import`] reads every line first ([`line_reader`]), then decides what becomes of each ([`plan`])
//!   and commits the whole plan in one transaction. What is wrong with any line is collected
//!   ([`bad_lines`]) and leaves everything as it was.

mod aside;
mod bad_lines;
mod export;
mod import;
mod line;
mod line_reader;
mod plan;
