//! The lists in the documentation and in module comments are complete, and name nothing that is not there.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod figures;
mod files;
mod format;

use std::fs;
use std::path::Path;

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(file: &str) -> String {
    fs::read_to_string(project().join(file)).unwrap()
}

/// Returns what stands between backticks in `text`.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Returns the section of `page` that begins with `heading`, up to the next one of its level.
fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let start = page.find(heading).expect(heading);
    let level = heading.split(' ').next().unwrap();
    let rest = &page[start + heading.len()..];
    let end = rest.find(&format!("\n{level} ")).unwrap_or(rest.len());
    &rest[..end]
}
