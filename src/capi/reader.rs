//! `nexus_reader`: a file read piece by piece.

use std::ffi::{c_char, c_void};

use parking_lot::Mutex;

use super::argument::{Output, buffer, path as path_of};
use super::error::nexus_error;
use super::fork::Engaged;
use super::guard::guard;
use super::handle::{Table, Tag, exclusive};
use super::status::nexus_status;
use super::store::{STORES, nexus_fs};
use crate::filesystem::ReadStream;

/// A file being read piece by piece.
pub struct nexus_reader {
    _opaque: [u8; 0],
}

pub(super) static READERS: Table<nexus_reader, Engaged<Mutex<Box<dyn ReadStream>>>> =
    Table::new(Tag::Reader, "nexus_reader");

/// <!-- section: Streams -->
/// Opens a file for reading piece by piece. The reader reads the content that the file had when it
/// was opened, even if the file changes or is deleted meanwhile.
///
/// @param fs      an open handle
/// @param path    the file; not NULL
/// @param reader  receives the reader; close it with nexus_reader_close; not NULL
/// @param error   receives what went wrong; may be NULL
/// @return OK; INVALID_PATH, ACCESS_DENIED, NOT_FOUND, IS_A_DIRECTORY, NOT_MOUNTED, CORRUPT, IO
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_reader_open(
    fs: *mut nexus_fs,
    path: *const c_char,
    reader: *mut *mut nexus_reader,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        let reader = Output::new(reader);
        guard(error, || {
            let fs = STORES.get(fs)?;
            let reader = reader.required("reader")?;
            let path = path_of(path, "path")?;
            let opened = fs.open_reader(path)?;
            reader.set(READERS.insert(Engaged::new(Mutex::new(opened)))?);
            Ok(())
        })
    }
}

/// Returns the size of the content.
///
/// @param reader  an open reader
/// @param size    receives the number of bytes; not NULL
/// @param error   receives what went wrong; may be NULL
/// @return OK
///
/// Threads: one at a time for one reader: a second call at once is MISUSE.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_reader_size(
    reader: *mut nexus_reader,
    size: *mut u64,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        let size = Output::new(size);
        guard(error, || {
            let reader = READERS.get(reader)?;
            let size = size.required("size")?;
            size.set(exclusive(&reader)?.size());
            Ok(())
        })
    }
}

/// Reads the next bytes from the position of the reader.
///
/// @param reader    an open reader
/// @param buf       where the bytes go; may be NULL if `cap` is 0
/// @param cap       size of `buf` in bytes
/// @param read_out  receives the number of bytes read: 0 at the end; not NULL
/// @param error     receives what went wrong; may be NULL
/// @return OK; CORRUPT, IO. After an error the bytes at `buf` are undefined
///
/// Threads: one at a time for one reader: a second call at once is MISUSE.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_reader_read(
    reader: *mut nexus_reader,
    buf: *mut c_void,
    cap: usize,
    read_out: *mut usize,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        let read_out = Output::new(read_out);
        guard(error, || {
            let reader = READERS.get(reader)?;
            let read_out = read_out.required("read_out")?;
            let buf = buffer(buf, cap, "buf")?;
            read_out.set(exclusive(&reader)?.read(buf)?);
            Ok(())
        })
    }
}

/// Sets the position of a reader.
///
/// @param reader  an open reader
/// @param offset  the new position in bytes from the beginning; reads after the end return 0 bytes
/// @param error   receives what went wrong; may be NULL
/// @return OK
///
/// Threads: one at a time for one reader: a second call at once is MISUSE.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_reader_seek(
    reader: *mut nexus_reader,
    offset: u64,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard(error, || {
            let reader = READERS.get(reader)?;
            exclusive(&reader)?.seek(offset)
        })
    }
}

/// Closes a reader.
///
/// @param reader  an open reader
/// @param error   receives what went wrong; may be NULL
/// @return OK; MISUSE if it is not open, or if another thread is using it
///
/// Threads: one at a time for one reader: a second call at once is MISUSE.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_reader_close(
    reader: *mut nexus_reader,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard(error, || {
            {
                // Another's call in flight is refused, as for every other call.
                let open = READERS.get(reader)?;
                drop(exclusive(&open)?);
            }
            drop(READERS.remove(reader)?);
            Ok(())
        })
    }
}
