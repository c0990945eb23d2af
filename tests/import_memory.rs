//! How much memory an import takes: that of the lines is on the disk.
#![allow(clippy::unwrap_used, unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::fmt::Write as _;
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use nexusfs::content::ContentHash;
use nexusfs::filesystem::{ImportLimits, ImportOptions, WriteOptions};
use serde_json::json;

/// Counts what is allocated. SQLite has its own allocator, and bounds of its own.
struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(live, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Most bytes of memory for a line.
const FOR_A_LINE: usize = 300;
const LINES: usize = 10_000;

#[test]
fn a_line_takes_little_memory_however_long_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let config = json!({"data_dir": directory.path().join("data"), "durability": "normal"});
    let store = nexusfs::connect(Some(&config.to_string())).unwrap();
    store
        .write("/content", b"text", &WriteOptions::default())
        .unwrap();
    let etag = ContentHash::of(b"text").to_string();
    let long = "long/".repeat(20);
    let mut text = String::new();
    for number in 0..LINES {
        let line = json!({
            "path": format!("/{long}{number}"), "etag": etag, "size": 4,
            "path_id": format!("018f0000-0000-7000-8000-{number:012x}"),
            "custom_metadata": {"status": "pending", "note": "x".repeat(2000)},
        });
        writeln!(text, "{line}").unwrap();
    }
    let file = directory.path().join("lines");
    fs::write(&file, &text).unwrap();
    drop(text);
    let options = ImportOptions {
        limits: ImportLimits::default(),
        ..ImportOptions::default()
    };
    let before = LIVE.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    store
        .import_metadata(file.to_str().unwrap(), &options, &mut |_, _, _| true)
        .unwrap();
    let taken = MOST.load(Ordering::Relaxed) - before;
    assert!(
        taken < LINES * FOR_A_LINE + 4 * 1024 * 1024,
        "{} bytes a line",
        taken / LINES
    );
}
