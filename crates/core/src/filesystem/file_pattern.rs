//! The patterns by which files are chosen, for callers that walk trees of their own.

use std::time::Duration;

use super::expression::Work;
use super::pattern::{Bare, GlobMatcher, GlobPattern};
use crate::call::{Call, Interrupts};
use crate::error::Result;
use crate::path::VirtualPath;

/// A glob pattern that chooses files of a tree: without a `/`, or with one only at its end, by their name at any depth;
/// with a `/`, by their path below the tree's root; with one at the beginning, by their whole path. Everywhere that a
/// file pattern is taken, this is what it means.
///
/// ```
/// use nexusfs::filesystem::FilePattern;
///
/// use nexusfs::path::VirtualPath;
///
/// let root = VirtualPath::parse("/p")?;
/// let mut names = FilePattern::compile(&root, "*.py")?;
/// assert!(names.matches("/p/a.py") && names.matches("/p/src/a.py"));
/// let mut paths = FilePattern::compile(&root, "src/*.py")?;
/// assert!(paths.matches("/p/src/a.py") && !paths.matches("/p/lib/src/a.py"));
/// # Ok::<(), nexusfs::error::Error>(())
/// ```
#[derive(Debug)]
pub struct FilePattern {
    matcher: GlobMatcher,
    call: Call,
}

impl FilePattern {
    /// Returns the compiled `pattern` for the tree at `root`.
    ///
    /// # Errors
    /// InvalidArgument, with the reason, for a malformed or too complex pattern, and for one that can only match
    /// outside of `root`.
    pub fn compile(root: &VirtualPath, pattern: &str) -> Result<FilePattern> {
        let pattern = GlobPattern::compile(root, pattern, Bare::NameAtAnyDepth)?;
        Ok(FilePattern {
            matcher: pattern.matcher(),
            call: Interrupts::default().begin(Duration::ZERO),
        })
    }

    /// Returns whether the file at `path`, a normalised path, is chosen.
    pub fn matches(&mut self, path: &str) -> bool {
        let mut work = Work::new(&self.call);
        // It fails only if the call is interrupted, which is impossible here.
        self.matcher.matches(path, &mut work).unwrap_or(false)
    }
}
