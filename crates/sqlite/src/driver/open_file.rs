//! The files that SQLite has open.
#![allow(unsafe_code)]

use std::ffi::c_int;
use std::ptr;

use rusqlite::ffi::{self, sqlite3_file};

/// Returns the open file that `which` asks for, an operation of `sqlite3_file_control` for that; null if there is none.
/// SQLite has it open as long as `connection` is.
pub(super) fn file_of(connection: &rusqlite::Connection, which: c_int) -> *mut sqlite3_file {
    let mut file: *mut sqlite3_file = ptr::null_mut();
    // SAFETY: SQLite sets the pointer, or leaves it alone.
    unsafe {
        ffi::sqlite3_file_control(
            connection.handle(),
            c"main".as_ptr(),
            which,
            (&raw mut file).cast(),
        );
    }
    file
}
