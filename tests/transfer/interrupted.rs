//! Interrupts while an import is carried out.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use nexusfs::error::{ErrorKind, Result};
use nexusfs::filesystem::{ChangeSet, Filesystem, Store};
use nexusfs::metadata::{
    Change, Conditions, ImportSource, ImportedDirectory, ImportedFile, MetadataValues,
};
use nexusfs::path::VirtualPath;
use nexusfs::path_id::PathId;
use serde_json::json;

/// An import of two lines that make nothing. The handle is interrupted when the line number `at`, counting from 0
/// through all passes, is asked for.
struct Interrupted {
    fs: Arc<Filesystem>,
    at: usize,
    asked: AtomicUsize,
}

impl fmt::Debug for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "interrupted at {}", self.at)
    }
}

impl ImportSource for Interrupted {
    fn files(&self) -> usize {
        2
    }

    fn file(&self, _: usize) -> Result<Option<(ImportedFile, Conditions)>> {
        if self.asked.fetch_add(1, Ordering::Relaxed) == self.at {
            self.fs.interrupt();
        }
        Ok(None)
    }

    fn has_dependencies(&self) -> bool {
        false
    }

    fn dependencies(
        &self,
        _: usize,
        _: &[Option<PathId>],
    ) -> Result<Option<(VirtualPath, MetadataValues)>> {
        Ok(None)
    }

    fn directories(&self) -> usize {
        0
    }

    fn directory(&self, _: usize) -> Result<Option<ImportedDirectory>> {
        Ok(None)
    }
}

#[test]
fn an_interrupt_is_of_no_line() {
    let directory = tempfile::tempdir().unwrap();
    let config = json!({"data_dir": directory.path().join("data")});
    let fs = Arc::new(nexusfs::connect(Some(&config.to_string())).unwrap());
    // The policy asks for both lines, then the transaction.
    for at in [0, 2] {
        let source = Interrupted {
            fs: Arc::clone(&fs),
            at,
            asked: AtomicUsize::new(0),
        };
        let mut changes = ChangeSet::default();
        changes.push(Change::Import(Arc::new(source)));
        let store: &dyn Store = &*fs;
        let error = store.commit(&changes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled, "{at}: {error}");
        // What an import does with an error that names a line.
        assert_eq!(error.outside_batch().to_string(), "interrupted", "{at}");
    }
}
