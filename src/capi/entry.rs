//! `nexus_entry`, one row about a file or directory, and `nexus_entries`, a list of them.

use std::ffi::{CString, c_char};
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};

use super::arena::Arena;
use super::handle::{Table, Tag};
use super::text::{ListTexts, Texts, c_string};
use super::unwind;
use crate::error::{Error, Result};
use crate::filesystem::Page;
use crate::metadata::{Entry, EntryRef};

/// `kind` of a row without an entry: the batch operation left none.
pub const NEXUS_KIND_NONE: i32 = 0;
/// `kind` of a file.
pub const NEXUS_KIND_FILE: i32 = 1;
/// `kind` of a directory.
pub const NEXUS_KIND_DIRECTORY: i32 = 2;

/// Describes one file or directory. Read-only. Later versions add fields at the end, so use it
/// through the pointer and never copy or size it yourself.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct nexus_entry {
    /// Size of this struct in the library that made it.
    pub struct_size: u32,
    /// One of the NEXUS_KIND_ constants.
    pub kind: i32,
    /// Its virtual path; NULL only for NEXUS_KIND_NONE.
    pub path: *const c_char,
    /// Bytes of content; 0 for a directory.
    pub size: u64,
    /// SHA-256 of the content, 64 hexadecimal digits; NULL for a directory.
    pub etag: *const c_char,
    /// 1 at creation; each change of content adds 1. 0 for a directory.
    pub version: u64,
    /// MIME type; NULL for a directory.
    pub mime_type: *const c_char,
    /// Its id, a UUID that renames and overwrites keep. NULL for an implicit directory, which
    /// exists only because it has entries.
    pub path_id: *const c_char,
    /// The backend that holds the content, "local" for the store's own; NULL for a directory.
    pub backend_name: *const c_char,
    /// Microseconds since 1970 UTC; 0 for a directory without id.
    pub created_at: i64,
    /// Microseconds since 1970 UTC; 0 for a directory without id.
    pub modified_at: i64,
}

/// A list of entries, ordered by the bytes of their paths (the results of a batch: by operation).
pub struct nexus_entries {
    _opaque: [u8; 0],
}

pub(super) struct EntryList {
    rows: Rows,
    /// Owns the rows' strings, and the rows of `rows.chunks`.
    _memory: Arena,
    cursor: Option<CString>,
}

// SAFETY: what the rows point to moves with them and is not changed any more.
unsafe impl Send for EntryList {}
// SAFETY: as above; rows and texts are only read.
unsafe impl Sync for EntryList {}

/// Rows of a list.
struct Rows {
    /// The first [`CHUNK`].
    first: Vec<nexus_entry>,
    /// The rows after that, [`CHUNK`] in each piece, in the arena of the list: a long list is never
    /// copied while it grows.
    chunks: Vec<*mut nexus_entry>,
    len: usize,
}

/// Rows of each piece of a long list.
const CHUNK: usize = 512;

impl Rows {
    fn get(&self, index: usize) -> *const nexus_entry {
        if index < self.first.len() {
            return &raw const self.first[index];
        }
        if index >= self.len {
            return ptr::null();
        }
        let chunk = self.chunks[index / CHUNK - 1];
        // SAFETY: every chunk has room for CHUNK rows, of which those below `len` are written.
        unsafe { chunk.add(index % CHUNK) }
    }

    fn push(&mut self, row: nexus_entry, texts: &mut ListTexts) {
        let index = self.len;
        if index < CHUNK {
            self.first.push(row);
        } else {
            if index.is_multiple_of(CHUNK) {
                self.chunks.push(texts.room_for(CHUNK));
            }
            // SAFETY: the chunk has room for CHUNK rows, and nobody has a pointer to this one yet.
            unsafe { self.chunks[index / CHUNK - 1].add(index % CHUNK).write(row) };
        }
        self.len += 1;
    }
}

pub(super) static ENTRY_LISTS: Table<nexus_entries, EntryList> =
    Table::new(Tag::Entries, "nexus_entries");

/// Number of single entries that C received and has not freed.
pub(super) static OPEN_ENTRIES: AtomicU64 = AtomicU64::new(0);

/// A list being filled.
pub(super) struct EntryListBuilder {
    rows: Rows,
    texts: ListTexts,
}

impl EntryListBuilder {
    /// Returns an empty list.
    pub(super) fn new() -> Self {
        EntryListBuilder {
            rows: Rows {
                first: Vec::new(),
                chunks: Vec::new(),
                len: 0,
            },
            texts: ListTexts::with_capacity(0),
        }
    }

    /// Adds a row about `entry`, or about none.
    pub(super) fn push(&mut self, entry: Option<EntryRef<'_>>) {
        let row = encode(entry, &mut self.texts);
        self.rows.push(row, &mut self.texts);
    }

    /// Returns the list, whose next page begins at `cursor`.
    fn finish(self, cursor: Option<&str>) -> EntryList {
        EntryList {
            rows: self.rows,
            _memory: self.texts.into_arena(),
            cursor: cursor.map(c_string),
        }
    }

    /// Returns the list as a handle; its next page begins at `cursor`.
    pub(super) fn hand_out(self, cursor: Option<&str>) -> Result<*mut nexus_entries> {
        ENTRY_LISTS.insert(self.finish(cursor))
    }
}

/// Returns the list of `page`.
pub(super) fn hand_out_page(page: &Page) -> Result<*mut nexus_entries> {
    let mut list = EntryListBuilder::new();
    for entry in &page.entries {
        list.push(Some(entry.borrow()));
    }
    list.hand_out(page.cursor.as_deref())
}

/// Returns the list of a batch's results: one row for each operation.
pub(super) fn hand_out_results(results: &[Option<Entry>]) -> Result<*mut nexus_entries> {
    let mut list = EntryListBuilder::new();
    for entry in results {
        list.push(entry.as_ref().map(Entry::borrow));
    }
    list.hand_out(None)
}

/// Returns a copy of `entry` in one piece of memory that `nexus_entry_free` frees.
pub(super) fn hand_out(entry: &Entry) -> Result<*mut nexus_entry> {
    let header = size_of::<nexus_entry>();
    let shared = |text: &str| text.len() + 1;
    let shared = entry
        .file
        .as_ref()
        .map_or(0, |file| shared(&file.mime_type) + shared(&file.backend));
    let size = header + own_text_bytes(entry) + shared;
    // SAFETY: a call without conditions; the result is checked.
    let memory = unsafe { libc::malloc(size) }.cast::<u8>();
    if memory.is_null() {
        return Err(Error::internal("out of memory"));
    }
    let mut texts = Block {
        // SAFETY: the strings' part begins within the memory.
        next: unsafe { memory.add(header) },
        room: size - header,
    };
    let row = encode(Some(entry.borrow()), &mut texts);
    let pointer = memory.cast::<nexus_entry>();
    // SAFETY: the memory is aligned for anything (malloc) and has room for the header.
    unsafe { pointer.write(row) };
    OPEN_ENTRIES.fetch_add(1, Ordering::Relaxed);
    Ok(pointer)
}

/// The strings of a single entry, stored after it in the same memory.
struct Block {
    next: *mut u8,
    room: usize,
}

impl Texts for Block {
    fn put(&mut self, text: &[u8]) -> *const c_char {
        let needed = text.len() + 1;
        assert!(
            needed <= self.room,
            "an entry's strings were measured wrong"
        );
        let start = self.next;
        // SAFETY: `room` bytes from `next` are ours.
        unsafe {
            ptr::copy_nonoverlapping(text.as_ptr(), start, text.len());
            start.add(text.len()).write(0);
            self.next = start.add(needed);
        }
        self.room -= needed;
        start.cast()
    }
}

/// Returns the bytes of the strings of `entry`, except its MIME type and backend.
fn own_text_bytes(entry: &Entry) -> usize {
    const ETAG: usize = 64 + 1;
    const PATH_ID: usize = 36 + 1;
    entry.path.as_str().len()
        + 1
        + entry.path_id.map_or(0, |_| PATH_ID)
        + entry.file.as_ref().map_or(0, |_| ETAG)
}

/// Returns the row of `entry`, its strings stored in `texts`.
fn encode(entry: Option<EntryRef<'_>>, texts: &mut impl Texts) -> nexus_entry {
    let mut row = nexus_entry {
        struct_size: size_of::<nexus_entry>() as u32,
        kind: NEXUS_KIND_NONE,
        path: ptr::null(),
        size: 0,
        etag: ptr::null(),
        version: 0,
        mime_type: ptr::null(),
        path_id: ptr::null(),
        backend_name: ptr::null(),
        created_at: 0,
        modified_at: 0,
    };
    let Some(entry) = entry else {
        return row;
    };
    row.kind = NEXUS_KIND_DIRECTORY;
    row.path = texts.put(entry.path.as_bytes());
    if let Some(id) = entry.path_id {
        row.path_id = texts.put(id.encode(&mut [0; 36]).as_bytes());
        row.created_at = entry.created_at;
        row.modified_at = entry.modified_at;
    }
    if let Some(file) = entry.file {
        row.kind = NEXUS_KIND_FILE;
        row.size = file.size;
        row.etag = texts.put(&file.etag.to_hex());
        row.version = file.version;
        row.mime_type = texts.put_shared(file.mime_type);
        row.backend_name = texts.put_shared(file.backend);
    }
    row
}

/// Frees an entry that a call returned singly, as nexus_stat does. Do not pass rows of a list.
///
/// @param entry  the entry; NULL is ignored. It is ordinary memory: freeing it twice, or something
///               else, is undefined.
///
/// Threads: any.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_entry_free(entry: *mut nexus_entry) {
    unwind::release(|| {
        if !entry.is_null() {
            // SAFETY: the caller's promise: the entry came from `hand_out`, which uses malloc.
            unsafe { libc::free(entry.cast()) };
            OPEN_ENTRIES.fetch_sub(1, Ordering::Relaxed);
        }
    });
}

/// Returns the number of rows of a list.
///
/// @param list  an open list
/// @return the number of rows; 0 if `list` is NULL or freed
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn nexus_entries_len(list: *const nexus_entries) -> usize {
    unwind::accessor(0, || ENTRY_LISTS.find(list).map_or(0, |list| list.rows.len))
}

/// Returns one row of a list.
///
/// @param list   an open list
/// @param index  which row, from 0
/// @return the row, valid until the list is freed; NULL if `index` is out of range or `list` is
///         NULL or freed
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn nexus_entries_at(list: *const nexus_entries, index: usize) -> *const nexus_entry {
    unwind::accessor(ptr::null(), || {
        let list = ENTRY_LISTS.find(list);
        list.map_or(ptr::null(), |list| list.rows.get(index))
    })
}

/// Returns the cursor of the next page.
///
/// @param list  an open list
/// @return the value of `cursor` for the next page, valid until the list is freed; NULL if there is
///         no next page, or if `list` is NULL or freed
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn nexus_entries_cursor(list: *const nexus_entries) -> *const c_char {
    unwind::accessor(ptr::null(), || {
        let list = ENTRY_LISTS.find(list);
        let cursor = list.as_ref().and_then(|list| list.cursor.as_ref());
        cursor.map_or(ptr::null(), |cursor| cursor.as_ptr())
    })
}

/// Frees a list and its rows.
///
/// @param list  the list; NULL and one that was freed are ignored
///
/// Threads: any.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn nexus_entries_free(list: *mut nexus_entries) {
    unwind::release(|| drop(ENTRY_LISTS.remove(list)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::ContentHash;
    use crate::metadata::FileInfo;
    use crate::path::VirtualPath;
    use crate::path_id::PathId;
    use std::ffi::CStr;

    fn file(path: &str) -> Entry {
        Entry {
            path: VirtualPath::parse(path).unwrap(),
            path_id: PathId::parse("01890a5d-ac96-774b-bcce-b302099a8057"),
            created_at: 5,
            modified_at: 6,
            file: Some(FileInfo {
                etag: ContentHash::of(b"hello"),
                size: 5,
                version: 2,
                mime_type: "text/plain".into(),
                backend: "local".into(),
            }),
        }
    }

    fn directory(path: &str) -> Entry {
        Entry {
            path: VirtualPath::parse(path).unwrap(),
            path_id: None,
            created_at: 0,
            modified_at: 0,
            file: None,
        }
    }

    fn read(text: *const c_char) -> &'static str {
        // SAFETY: the strings of these tests' rows are NUL-terminated and not freed before use.
        unsafe { CStr::from_ptr(text) }.to_str().unwrap()
    }

    fn check_file(row: &nexus_entry, path: &str) {
        assert_eq!(row.struct_size as usize, size_of::<nexus_entry>());
        assert_eq!((row.kind, row.size, row.version), (NEXUS_KIND_FILE, 5, 2));
        assert_eq!((row.created_at, row.modified_at), (5, 6));
        assert_eq!(read(row.path), path);
        assert_eq!(read(row.etag), ContentHash::of(b"hello").to_string());
        assert_eq!(read(row.mime_type), "text/plain");
        assert_eq!(read(row.path_id), "01890a5d-ac96-774b-bcce-b302099a8057");
        assert_eq!(read(row.backend_name), "local");
    }

    fn check_directory(row: &nexus_entry, path: &str) {
        assert_eq!(
            (row.kind, row.size, row.version),
            (NEXUS_KIND_DIRECTORY, 0, 0)
        );
        assert_eq!(read(row.path), path);
        for absent in [row.etag, row.mime_type, row.path_id, row.backend_name] {
            assert!(absent.is_null());
        }
    }

    #[test]
    fn a_page_becomes_rows_and_a_cursor() {
        let page = Page {
            entries: vec![file("/a/b"), directory("/a/c"), file("/\u{e9}")],
            cursor: Some("next".into()),
        };
        let list = hand_out_page(&page).unwrap();
        assert_eq!(nexus_entries_len(list), 3);
        assert_eq!(read(nexus_entries_cursor(list)), "next");
        // SAFETY: rows within range are valid until the list is freed.
        let row = |index| unsafe { &*nexus_entries_at(list, index) };
        check_file(row(0), "/a/b");
        check_directory(row(1), "/a/c");
        check_file(row(2), "/\u{e9}");
        assert!(nexus_entries_at(list, 3).is_null(), "a row out of range");
        nexus_entries_free(list);
        assert!(nexus_entries_at(list, 0).is_null(), "a row of a freed list");
        assert_eq!(nexus_entries_len(list), 0);
        assert!(nexus_entries_cursor(list).is_null());
        nexus_entries_free(list);
    }

    #[test]
    fn a_long_list_has_every_row() {
        let mut list = EntryListBuilder::new();
        let count = 3 * CHUNK + 7;
        for n in 0..count {
            list.push(Some(file(&format!("/f{n}")).borrow()));
        }
        let list = list.hand_out(None).unwrap();
        assert_eq!(nexus_entries_len(list), count);
        for n in 0..count {
            // SAFETY: the row is within range.
            check_file(unsafe { &*nexus_entries_at(list, n) }, &format!("/f{n}"));
        }
        assert!(
            nexus_entries_at(list, count).is_null(),
            "a row out of range"
        );
        nexus_entries_free(list);
    }

    #[test]
    fn an_operation_without_entry_has_an_empty_row() {
        let list = hand_out_results(&[None, Some(file("/x"))]).unwrap();
        // SAFETY: the rows are within range.
        let (none, some) = unsafe { (&*nexus_entries_at(list, 0), &*nexus_entries_at(list, 1)) };
        assert_eq!(none.kind, NEXUS_KIND_NONE);
        assert!(none.path.is_null());
        check_file(some, "/x");
        nexus_entries_free(list);
    }

    #[test]
    fn a_single_entry_is_one_piece_of_memory() {
        for (entry, check) in [
            (file("/f"), check_file as fn(&nexus_entry, &str)),
            (directory("/d"), check_directory),
        ] {
            let pointer = hand_out(&entry).unwrap();
            // SAFETY: just handed out.
            unsafe {
                check(&*pointer, entry.path.as_str());
                nexus_entry_free(pointer);
            }
        }
    }
}
