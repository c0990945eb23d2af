//! `nexus_match`, a line that grep found, and `nexus_matches`, a list of them.

use std::ffi::c_char;
use std::ptr;

use super::arena::Arena;
use super::handle::{Table, Tag};
use super::text::{ListTexts, Texts};
use super::unwind;
use crate::filesystem::Matches;

/// One line that nexus_grep found. Read-only. Later versions add fields at the end, so use it
/// through the pointer and never copy or size it yourself.
#[repr(C)]
pub struct nexus_match {
    /// Size of this struct in the library that made it.
    pub struct_size: u32,
    /// The file.
    pub path: *const c_char,
    /// Line number, from 1.
    pub line: u64,
    /// The line without its line end, as UTF-8. U+FFFD replaces NULs and bytes that are not UTF-8.
    pub text: *const c_char,
    /// Start of the first match in the line, as a byte offset in `text`.
    pub match_start: u64,
    /// End of that match, as a byte offset in `text`.
    pub match_end: u64,
}

/// A list of matching lines, ordered by path and line.
pub struct nexus_matches {
    _opaque: [u8; 0],
}

pub(super) struct MatchList {
    rows: Vec<nexus_match>,
    /// Owns the rows' strings.
    _texts: Arena,
    skipped: u64,
    truncated: bool,
}

// SAFETY: the rows point into `_texts`, which moves with them and is not changed any more.
unsafe impl Send for MatchList {}
// SAFETY: as above; rows and texts are only read.
unsafe impl Sync for MatchList {}

pub(super) static MATCH_LISTS: Table<nexus_matches, MatchList> =
    Table::new(Tag::Matches, "nexus_matches");

impl MatchList {
    pub(super) fn new(found: &Matches) -> Self {
        // The paths repeat; their part of the estimate is generous.
        let estimate = found
            .matches
            .iter()
            .map(|found| found.text.len() + 1 + found.path.as_str().len() + 1)
            .sum();
        let mut texts = ListTexts::with_capacity(estimate);
        let rows = found
            .matches
            .iter()
            .map(|found| nexus_match {
                struct_size: size_of::<nexus_match>() as u32,
                path: texts.put_shared(found.path.as_str()),
                line: found.line,
                text: texts.put(found.text.as_bytes()),
                match_start: found.match_start as u64,
                match_end: found.match_end as u64,
            })
            .collect();
        MatchList {
            rows,
            _texts: texts.into_arena(),
            skipped: found.skipped,
            truncated: found.truncated,
        }
    }
}

/// Returns the number of rows of a list.
///
/// @param list  an open list
/// @return the number of rows; 0 if `list` is NULL or freed
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn nexus_matches_len(list: *const nexus_matches) -> usize {
    unwind::accessor(0, || {
        MATCH_LISTS.find(list).map_or(0, |list| list.rows.len())
    })
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
pub extern "C" fn nexus_matches_at(list: *const nexus_matches, index: usize) -> *const nexus_match {
    unwind::accessor(ptr::null(), || {
        let list = MATCH_LISTS.find(list);
        let row = list.as_ref().and_then(|list| list.rows.get(index));
        row.map_or(ptr::null(), ptr::from_ref)
    })
}

/// Returns the number of binary files that a search skipped.
///
/// @param list  an open list
/// @return the number of files; 0 if `list` is NULL or freed
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn nexus_matches_skipped(list: *const nexus_matches) -> u64 {
    unwind::accessor(0, || MATCH_LISTS.find(list).map_or(0, |list| list.skipped))
}

/// Returns whether a search ended early, at `max_matches`, at `max_bytes`, or at 64 MiB of lines.
///
/// @param list  an open list
/// @return 1 or 0; 0 if `list` is NULL or freed
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn nexus_matches_truncated(list: *const nexus_matches) -> i32 {
    unwind::accessor(0, || {
        MATCH_LISTS
            .find(list)
            .map_or(0, |list| i32::from(list.truncated))
    })
}

/// Frees a list and its rows.
///
/// @param list  the list; NULL and one that was freed are ignored
///
/// Threads: any.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn nexus_matches_free(list: *mut nexus_matches) {
    unwind::release(|| drop(MATCH_LISTS.remove(list)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filesystem::Match;
    use crate::path::VirtualPath;
    use std::ffi::CStr;

    #[test]
    fn what_was_found_becomes_rows() {
        let found = |line, text: &str| Match {
            path: VirtualPath::parse("/log").unwrap(),
            line,
            text: text.into(),
            match_start: 1,
            match_end: 3,
        };
        let list = MATCH_LISTS
            .insert(MatchList::new(&Matches {
                matches: vec![found(1, "abcd"), found(9, "")],
                skipped: 2,
                truncated: true,
            }))
            .unwrap();
        assert_eq!(nexus_matches_len(list), 2);
        // SAFETY: the row is within range, its strings NUL-terminated, the list open.
        unsafe {
            let row = &*nexus_matches_at(list, 0);
            assert_eq!(CStr::from_ptr(row.path), c"/log");
            assert_eq!(CStr::from_ptr(row.text), c"abcd");
            assert_eq!((row.line, row.match_start, row.match_end), (1, 1, 3));
            let row = &*nexus_matches_at(list, 1);
            assert_eq!(CStr::from_ptr(row.text), c"");
            assert_eq!(row.line, 9);
        }
        assert!(nexus_matches_at(list, 2).is_null());
        assert_eq!(nexus_matches_skipped(list), 2);
        assert_eq!(nexus_matches_truncated(list), 1);
        nexus_matches_free(list);
        assert_eq!(nexus_matches_len(list), 0);
    }
}
