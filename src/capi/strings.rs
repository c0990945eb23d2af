//! `nexus_strings`: a list of strings, some of which may be absent.

use std::ffi::c_char;
use std::ptr;

use super::arena::Arena;
use super::handle::{Table, Tag};
use super::unwind;
use crate::content::ContentHash;

/// A list of strings, some of which may be absent.
pub struct nexus_strings {
    _opaque: [u8; 0],
}

pub(super) struct StringList {
    rows: Vec<*const c_char>,
    /// Owns the strings.
    _texts: Arena,
}

// SAFETY: the rows point into `_texts`, which moves with them and is not changed any more.
unsafe impl Send for StringList {}
// SAFETY: as above; rows and texts are only read.
unsafe impl Sync for StringList {}

pub(super) static STRING_LISTS: Table<nexus_strings, StringList> =
    Table::new(Tag::Strings, "nexus_strings");

impl StringList {
    pub(super) fn of_hashes(hashes: &[Option<ContentHash>]) -> Self {
        const HEX: usize = 64 + 1;
        let mut texts = Arena::with_capacity(hashes.iter().flatten().count() * HEX);
        let rows = hashes
            .iter()
            .map(|hash| hash.map_or(ptr::null(), |hash| texts.put(&hash.to_hex())))
            .collect();
        StringList {
            rows,
            _texts: texts,
        }
    }
}

/// Returns the number of rows of a list.
///
/// @param list  an open list
/// @return the number of rows, absent ones included; 0 if `list` is NULL or freed
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn nexus_strings_len(list: *const nexus_strings) -> usize {
    unwind::accessor(0, || {
        STRING_LISTS.find(list).map_or(0, |list| list.rows.len())
    })
}

/// Returns one row of a list.
///
/// @param list   an open list
/// @param index  which row, from 0
/// @return the string, valid until the list is freed; NULL if the row is absent, `index` is out of
///         range, or `list` is NULL or freed
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn nexus_strings_at(list: *const nexus_strings, index: usize) -> *const c_char {
    unwind::accessor(ptr::null(), || {
        let list = STRING_LISTS.find(list);
        let row = list.as_ref().and_then(|list| list.rows.get(index));
        row.copied().unwrap_or(ptr::null())
    })
}

/// Frees a list and its strings.
///
/// @param list  the list; NULL and one that was freed are ignored
///
/// Threads: any.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn nexus_strings_free(list: *mut nexus_strings) {
    unwind::release(|| drop(STRING_LISTS.remove(list)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;

    #[test]
    fn an_absent_hash_is_a_null_row() {
        let hash = ContentHash::of(b"x");
        let list = StringList::of_hashes(&[Some(hash), None, Some(hash)]);
        let list = STRING_LISTS.insert(list).unwrap();
        assert_eq!(nexus_strings_len(list), 3);
        // SAFETY: the row is within range and present, the list open.
        let text = unsafe { CStr::from_ptr(nexus_strings_at(list, 2)) };
        assert_eq!(text.to_str().unwrap(), hash.to_string());
        assert!(nexus_strings_at(list, 1).is_null());
        assert!(nexus_strings_at(list, 3).is_null());
        nexus_strings_free(list);
        assert!(nexus_strings_at(list, 0).is_null(), "a row of a freed list");
    }
}
