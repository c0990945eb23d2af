//! Paths of the host.

use std::path::{Component, Path, PathBuf};

/// Returns where `path` leads. What is missing on the way may yet be made, so that `..` leads back out of it.
pub fn resolve_host_path(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut there = PathBuf::new();
    for component in absolute.components() {
        if component == Component::ParentDir {
            there.pop();
            continue;
        }
        there.push(component);
        if let Ok(real) = there.canonicalize() {
            there = real;
        }
    }
    there
}
