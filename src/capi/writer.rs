//! `nexus_writer`: a file written piece by piece.

use std::ffi::{c_char, c_void};

use parking_lot::Mutex;

use super::argument::{Output, bytes, path as path_of};
use super::entry::nexus_entry;
use super::error::nexus_error;
use super::files::give_entry;
use super::fork::Engaged;
use super::guard::guard;
use super::handle::{Table, Tag, exclusive};
use super::options::{self, nexus_write_options};
use super::status::nexus_status;
use super::store::{STORES, nexus_fs};
use crate::error::Error;
use crate::filesystem::WriteStream;

/// A file being written piece by piece.
pub struct nexus_writer {
    _opaque: [u8; 0],
}

/// `None` after a commit that failed: the writer can only be aborted then, as after a write that failed.
type Writing = Option<Box<dyn WriteStream>>;

pub(super) static WRITERS: Table<nexus_writer, Engaged<Mutex<Writing>>> =
    Table::new(Tag::Writer, "nexus_writer");

fn spent() -> Error {
    Error::misuse("the commit of this nexus_writer failed: abort it")
}

/// Begins to write a file piece by piece, in bounded memory. The commit creates the file, or
/// replaces the existing one.
///
/// @param fs       an open handle
/// @param path     the file; not NULL
/// @param options  conditions, which the commit checks, and MIME type; NULL for none
/// @param writer   receives the writer; end it with nexus_writer_commit or nexus_writer_abort; not
///                 NULL
/// @param error    receives what went wrong; may be NULL
/// @return OK; INVALID_PATH, ACCESS_DENIED, READ_ONLY, IS_A_DIRECTORY, NOT_A_DIRECTORY,
///         NOT_MOUNTED, INVALID_ARGUMENT, NO_SPACE, IO
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_writer_open(
    fs: *mut nexus_fs,
    path: *const c_char,
    options: *const nexus_write_options,
    writer: *mut *mut nexus_writer,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        let writer = Output::new(writer);
        guard(error, || {
            let fs = STORES.get(fs)?;
            let writer = writer.required("writer")?;
            let path = path_of(path, "path")?;
            let opened = fs.open_writer(path, &options::write(options)?)?;
            writer.set(WRITERS.insert(Engaged::new(Mutex::new(Some(opened))))?);
            Ok(())
        })
    }
}

/// Writes the next bytes. After an error the written content is incomplete, and only
/// nexus_writer_abort may follow.
///
/// @param writer  an open writer
/// @param data    the bytes; may be NULL if `len` is 0
/// @param len     how many
/// @param error   receives what went wrong; may be NULL
/// @return OK; NO_SPACE, IO; MISUSE after a failed write or commit
///
/// Threads: one at a time for one writer: a second call at once is MISUSE.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_writer_write(
    writer: *mut nexus_writer,
    data: *const c_void,
    len: usize,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard(error, || {
            let writer = WRITERS.get(writer)?;
            let data = bytes(data, len, "data")?;
            let mut writer = exclusive(&writer)?;
            writer.as_mut().ok_or_else(spent)?.write(data)
        })
    }
}

/// Makes the written bytes the content of the file. OK ends the writer. An error leaves the file
/// unchanged, and only nexus_writer_abort may follow.
///
/// @param writer  an open writer
/// @param entry   receives the new entry; free it with nexus_entry_free; may be NULL
/// @param error   receives what went wrong; may be NULL
/// @return OK; CONFLICT, LEASE_LOST, INVALID_PATH, ACCESS_DENIED, READ_ONLY, IS_A_DIRECTORY,
///         NOT_A_DIRECTORY, BUSY, NO_SPACE, IO; MISUSE after a failed write or commit
///
/// Threads: one at a time for one writer: a second call at once is MISUSE.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_writer_commit(
    writer: *mut nexus_writer,
    entry: *mut *mut nexus_entry,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        let entry = Output::new(entry);
        guard(error, || {
            let written = {
                // In use until it is removed: another's call meanwhile is refused.
                let open = WRITERS.get(writer)?;
                let mut open = exclusive(&open)?;
                let written = open.take().ok_or_else(spent)?.commit()?;
                let _removed = WRITERS.remove(writer)?;
                written
            };
            give_entry(entry, &written)
        })
    }
}

/// Ends a writer and discards the written bytes.
///
/// @param writer  an open writer
/// @param error   receives what went wrong; may be NULL
/// @return OK; MISUSE if it is not open, or if another thread is using it
///
/// Threads: one at a time for one writer: a second call at once is MISUSE.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_writer_abort(
    writer: *mut nexus_writer,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard(error, || {
            // Another's call in flight is refused, as for every other call.
            let open = WRITERS.get(writer)?;
            let _open = exclusive(&open)?;
            let _removed = WRITERS.remove(writer)?;
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use std::ptr;
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::capi::status::{NEXUS_STATUS_MISUSE, NEXUS_STATUS_OK};
    use crate::filesystem::WriteOptions;

    #[test]
    fn a_writer_that_is_being_committed_is_in_use() {
        let place = tempfile::tempdir().unwrap();
        let config = serde_json::json!({"data_dir": place.path(), "housekeeping": false});
        let fs = crate::connect(Some(&config.to_string())).unwrap();
        let opened = fs.open_writer("/a", &WriteOptions::default()).unwrap();
        let writer = WRITERS
            .insert(Engaged::new(Mutex::new(Some(Box::new(opened)))))
            .unwrap();
        let beside = rusqlite::Connection::open(place.path().join("metadata.db")).unwrap();
        beside.execute_batch("BEGIN IMMEDIATE").unwrap();
        let address = writer.expose_provenance();
        let commit = thread::spawn(move || {
            let writer = ptr::with_exposed_provenance_mut(address);
            // SAFETY: NULL is allowed for both outputs.
            unsafe { nexus_writer_commit(writer, ptr::null_mut(), ptr::null_mut()) }
        });
        let begun = Instant::now();
        while !WRITERS.get(writer).unwrap().is_locked() {
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "a commit that waits for the database does not hold its writer"
            );
            thread::yield_now();
        }
        // SAFETY: NULL is allowed for the error, and for no bytes.
        let written = unsafe { nexus_writer_write(writer, ptr::null(), 0, ptr::null_mut()) };
        // SAFETY: as above.
        let aborted = unsafe { nexus_writer_abort(writer, ptr::null_mut()) };
        beside.execute_batch("ROLLBACK").unwrap();
        assert_eq!(written, NEXUS_STATUS_MISUSE, "a write during the commit");
        assert_eq!(aborted, NEXUS_STATUS_MISUSE, "an abort during the commit");
        assert_eq!(commit.join().unwrap(), NEXUS_STATUS_OK, "the commit itself");
        assert!(fs.exists("/a").unwrap());
        // SAFETY: as above.
        let ended = unsafe { nexus_writer_abort(writer, ptr::null_mut()) };
        assert_eq!(ended, NEXUS_STATUS_MISUSE, "the commit ended the writer");
    }
}
