//! The suites of `crates/testkit` on every store of the product, and on those of the test kit.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod faults;
mod listed;
mod stores;

use nexusfs_testkit::{content_conformance, metadata_conformance, queue_model};

content_conformance!(local_contents, crate::stores::Local::new, local);
content_conformance!(memory_contents_under_lock, || {
    crate::stores::Memory::new(nexusfs::content::Publication::UnderLock, None)
});
content_conformance!(memory_contents_before_commit, || {
    crate::stores::Memory::new(nexusfs::content::Publication::BeforeCommit, None)
});
content_conformance!(slow_contents, || {
    let latency = std::time::Duration::from_micros(10);
    crate::stores::Memory::new(nexusfs::content::Publication::BeforeCommit, Some(latency))
});

metadata_conformance!(memory_store, crate::stores::memory);
metadata_conformance!(sqlite_store, crate::stores::Sqlite::create, file);

#[test]
fn the_queue_in_memory_does_what_the_model_does() {
    queue_model::check(stores::memory);
}

#[test]
fn the_queue_in_sqlite_does_what_the_model_does() {
    queue_model::check(stores::Sqlite::create);
}
