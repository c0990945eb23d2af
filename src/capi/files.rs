//! Files and directories.

use std::ffi::{c_char, c_void};

use super::argument::{Output, buffer, bytes, flag, path as path_of};
use super::buffer::{BUFFERS, nexus_buffer};
use super::entry::{hand_out, nexus_entry};
use super::error::nexus_error;
use super::guard::guard;
use super::options::{self, nexus_write_options};
use super::status::nexus_status;
use super::store::{STORES, nexus_fs};
use crate::error::Result;
use crate::filesystem::{Conditions, MkdirOptions, RelocateOptions, WriteOptions};
use crate::metadata::Entry;

/// Flag of mkdir: create missing parents, too.
pub const NEXUS_MKDIR_PARENTS: u32 = 1;
/// Flag of mkdir: return OK if the directory exists.
pub const NEXUS_MKDIR_EXIST_OK: u32 = 2;

/// Stores the entry of a successful change, if the caller wants it.
pub(super) fn give_entry(output: Output<*mut nexus_entry>, entry: &Entry) -> Result<()> {
    if let Some(output) = output.wanted() {
        output.set(hand_out(entry)?);
    }
    Ok(())
}

/// Decodes the flags of a mkdir.
pub(super) fn mkdir_options(flags: u32) -> Result<MkdirOptions> {
    super::argument::flags(flags, NEXUS_MKDIR_PARENTS | NEXUS_MKDIR_EXIST_OK, "flags")?;
    Ok(MkdirOptions {
        parents: flags & NEXUS_MKDIR_PARENTS != 0,
        exist_ok: flags & NEXUS_MKDIR_EXIST_OK != 0,
    })
}

/// <!-- section: Files -->
/// Writes a whole file and replaces an existing one atomically: a reader sees the old or the new
/// bytes, never a mix. The call creates missing parent directories.
///
/// @param fs     an open handle
/// @param path   the file; not NULL
/// @param data   the bytes; may be NULL if `len` is 0
/// @param len    how many
/// @param error  receives what went wrong; may be NULL
/// @return OK; INVALID_PATH, ACCESS_DENIED, READ_ONLY, IS_A_DIRECTORY, NOT_A_DIRECTORY,
///         NOT_MOUNTED, BUSY, NO_SPACE, IO
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_write(
    fs: *mut nexus_fs,
    path: *const c_char,
    data: *const c_void,
    len: usize,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard(error, || {
            let fs = STORES.get(fs)?;
            let path = path_of(path, "path")?;
            let data = bytes(data, len, "data")?;
            fs.write(path, data, &WriteOptions::default())?;
            Ok(())
        })
    }
}

/// Writes a whole file under conditions.
///
/// @param fs       an open handle
/// @param path     the file; not NULL
/// @param data     the bytes; may be NULL if `len` is 0
/// @param len      how many
/// @param options  conditions and MIME type; NULL for none
/// @param entry    receives the new entry; free it with nexus_entry_free; may be NULL
/// @param error    receives what went wrong; may be NULL
/// @return OK; what nexus_write returns; INVALID_ARGUMENT, CONFLICT, LEASE_LOST
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_write_with(
    fs: *mut nexus_fs,
    path: *const c_char,
    data: *const c_void,
    len: usize,
    options: *const nexus_write_options,
    entry: *mut *mut nexus_entry,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        let entry = Output::new(entry);
        guard(error, || {
            let fs = STORES.get(fs)?;
            let path = path_of(path, "path")?;
            let data = bytes(data, len, "data")?;
            let new = fs.write(path, data, &options::write(options)?)?;
            give_entry(entry, &new)
        })
    }
}

/// Appends to a file, or creates it. The cost is that of writing the whole file.
///
/// @param fs     an open handle
/// @param path   the file; not NULL
/// @param data   the bytes; may be NULL if `len` is 0
/// @param len    how many
/// @param error  receives what went wrong; may be NULL
/// @return OK; what nexus_write returns; CORRUPT
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_append(
    fs: *mut nexus_fs,
    path: *const c_char,
    data: *const c_void,
    len: usize,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard(error, || {
            let fs = STORES.get(fs)?;
            let path = path_of(path, "path")?;
            let data = bytes(data, len, "data")?;
            fs.append(path, data, &WriteOptions::default())?;
            Ok(())
        })
    }
}

/// Appends to a file, or creates it, under conditions.
///
/// @param fs       an open handle
/// @param path     the file; not NULL
/// @param data     the bytes; may be NULL if `len` is 0
/// @param len      how many
/// @param options  conditions and MIME type; NULL for none
/// @param entry    receives the new entry; free it with nexus_entry_free; may be NULL
/// @param error    receives what went wrong; may be NULL
/// @return OK; what nexus_append returns; INVALID_ARGUMENT, CONFLICT, LEASE_LOST
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_append_with(
    fs: *mut nexus_fs,
    path: *const c_char,
    data: *const c_void,
    len: usize,
    options: *const nexus_write_options,
    entry: *mut *mut nexus_entry,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        let entry = Output::new(entry);
        guard(error, || {
            let fs = STORES.get(fs)?;
            let path = path_of(path, "path")?;
            let data = bytes(data, len, "data")?;
            let new = fs.append(path, data, &options::write(options)?)?;
            give_entry(entry, &new)
        })
    }
}

/// Reads a whole file and checks it against its etag.
///
/// @param fs      an open handle
/// @param path    the file; not NULL
/// @param buffer  receives the content; free it with nexus_buffer_free; not NULL
/// @param error   receives what went wrong; may be NULL
/// @return OK; INVALID_PATH, ACCESS_DENIED, NOT_FOUND, IS_A_DIRECTORY, NOT_MOUNTED, CORRUPT, IO
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_read(
    fs: *mut nexus_fs,
    path: *const c_char,
    buffer: *mut *mut nexus_buffer,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        let buffer = Output::new(buffer);
        guard(error, || {
            let fs = STORES.get(fs)?;
            let buffer = buffer.required("buffer")?;
            let path = path_of(path, "path")?;
            buffer.set(BUFFERS.insert(fs.read(path)?)?);
            Ok(())
        })
    }
}

/// Reads a part of a file. The call verifies the bytes like nexus_read.
///
/// @param fs        an open handle
/// @param path      the file; not NULL
/// @param offset    first byte to read, from 0
/// @param buf       where the bytes go; may be NULL if `cap` is 0
/// @param cap       size of `buf` in bytes
/// @param read_out  receives the number of bytes read: fewer than `cap` only at the end of the
///                  file, 0 at or after it; not NULL
/// @param error     receives what went wrong; may be NULL
/// @return OK; what nexus_read returns. After an error the bytes at `buf` are undefined
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_read_at(
    fs: *mut nexus_fs,
    path: *const c_char,
    offset: u64,
    buf: *mut c_void,
    cap: usize,
    read_out: *mut usize,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        let read_out = Output::new(read_out);
        guard(error, || {
            let fs = STORES.get(fs)?;
            let read_out = read_out.required("read_out")?;
            let path = path_of(path, "path")?;
            let buf = buffer(buf, cap, "buf")?;
            read_out.set(fs.read_at(path, offset, buf)?);
            Ok(())
        })
    }
}

/// Returns the entry of a file or directory.
///
/// @param fs     an open handle
/// @param path   the file or directory; not NULL
/// @param entry  receives the entry; free it with nexus_entry_free; not NULL
/// @param error  receives what went wrong; may be NULL
/// @return OK; INVALID_PATH, ACCESS_DENIED, NOT_FOUND (also below a file), IO
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_stat(
    fs: *mut nexus_fs,
    path: *const c_char,
    entry: *mut *mut nexus_entry,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        let entry = Output::new(entry);
        guard(error, || {
            let fs = STORES.get(fs)?;
            let entry = entry.required("entry")?;
            let path = path_of(path, "path")?;
            entry.set(hand_out(&fs.stat(path)?)?);
            Ok(())
        })
    }
}

/// Returns whether a file or directory exists. A path that the handle may not see does not exist
/// for it.
///
/// @param fs      an open handle
/// @param path    the path; not NULL
/// @param exists  receives 1 or 0; not NULL
/// @param error   receives what went wrong; may be NULL
/// @return OK; INVALID_PATH, IO
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_exists(
    fs: *mut nexus_fs,
    path: *const c_char,
    exists: *mut i32,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        let exists = Output::new(exists);
        guard(error, || {
            let fs = STORES.get(fs)?;
            let exists = exists.required("exists")?;
            let path = path_of(path, "path")?;
            exists.set(i32::from(fs.exists(path)?));
            Ok(())
        })
    }
}

/// Returns whether a directory exists. A path that the handle may not see does not exist for it.
///
/// @param fs            an open handle
/// @param path          the path; not NULL
/// @param is_directory  receives 1 or 0; not NULL
/// @param error         receives what went wrong; may be NULL
/// @return OK; INVALID_PATH, IO
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_is_directory(
    fs: *mut nexus_fs,
    path: *const c_char,
    is_directory: *mut i32,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        let is_directory = Output::new(is_directory);
        guard(error, || {
            let fs = STORES.get(fs)?;
            let is_directory = is_directory.required("is_directory")?;
            let path = path_of(path, "path")?;
            is_directory.set(i32::from(fs.is_directory(path)?));
            Ok(())
        })
    }
}

/// Deletes a file and its metadata.
///
/// @param fs     an open handle
/// @param path   the file; not NULL
/// @param error  receives what went wrong; may be NULL
/// @return OK; INVALID_PATH, ACCESS_DENIED, READ_ONLY, NOT_FOUND, IS_A_DIRECTORY, BUSY, NO_SPACE,
///         IO
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_delete(
    fs: *mut nexus_fs,
    path: *const c_char,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard(error, || {
            let fs = STORES.get(fs)?;
            let path = path_of(path, "path")?;
            fs.delete(path, &Conditions::default())
        })
    }
}

/// Deletes a file and its metadata under conditions.
///
/// @param fs       an open handle
/// @param path     the file; not NULL
/// @param options  conditions; NULL for none
/// @param error    receives what went wrong; may be NULL
/// @return OK; what nexus_delete returns; INVALID_ARGUMENT, CONFLICT, LEASE_LOST
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_delete_with(
    fs: *mut nexus_fs,
    path: *const c_char,
    options: *const nexus_write_options,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard(error, || {
            let fs = STORES.get(fs)?;
            let path = path_of(path, "path")?;
            fs.delete(path, &options::conditions(options)?)
        })
    }
}

/// Renames a file, or a directory with everything in it, atomically. Metadata moves along. A file
/// may replace a file; the target keeps its path id. A directory needs a target that does not exist
/// or is an empty directory. Contents that move to another backend are copied before the
/// transaction, so other writers do not wait for the copy. Replacing a work item under a live lease
/// requires its lease token: see nexus_rename_with. Other writers wait while a tree is renamed,
/// about 10 microseconds for each file. An interrupt ends the call without a change.
///
/// @param fs     an open handle
/// @param from   the file or directory; not NULL
/// @param to     its new path; not NULL
/// @param error  receives what went wrong; may be NULL
/// @return OK, even if both paths are the same; INVALID_PATH, ACCESS_DENIED, READ_ONLY, NOT_FOUND,
///         NOT_A_DIRECTORY, IS_A_DIRECTORY, NOT_EMPTY, NOT_MOUNTED, BUSY, CANCELLED, NO_SPACE, IO;
///         INVALID_ARGUMENT if a directory would move into itself; CONFLICT if `to` is a work item
///         under a lease; CORRUPT if a content that must move to another backend is damaged
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_rename(
    fs: *mut nexus_fs,
    from: *const c_char,
    to: *const c_char,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard(error, || {
            let fs = STORES.get(fs)?;
            let from = path_of(from, "from")?;
            let to = path_of(to, "to")?;
            fs.rename(from, to, &RelocateOptions::default())
        })
    }
}

/// Renames under conditions.
///
/// @param fs       an open handle
/// @param from     the file or directory; not NULL
/// @param to       its new path; not NULL
/// @param flags    0 or NEXUS_NO_REPLACE
/// @param options  conditions on `from`; NULL for none; `if_none_match` is INVALID_ARGUMENT. If
///                 `lease_path` is `to` and `lease` is its token, the call may replace the leased
///                 work item
/// @param error    receives what went wrong; may be NULL
/// @return OK; what nexus_rename returns; ALREADY_EXISTS, CONFLICT, LEASE_LOST
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_rename_with(
    fs: *mut nexus_fs,
    from: *const c_char,
    to: *const c_char,
    flags: u32,
    options: *const nexus_write_options,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard(error, || {
            let fs = STORES.get(fs)?;
            let from = path_of(from, "from")?;
            let to = path_of(to, "to")?;
            fs.rename(from, to, &options::relocate(flags, options)?)
        })
    }
}

/// Copies a file, or a directory with everything in it, atomically. Within a backend it copies no
/// content bytes. It copies metadata, but not the running state of a work item. The copy has new
/// path ids and version 1. Other writers wait, and interrupts work, as for nexus_rename.
///
/// @param fs     an open handle
/// @param from   the file or directory; not NULL
/// @param to     the path of the copy; not NULL
/// @param error  receives what went wrong; may be NULL
/// @return OK; what nexus_rename returns
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_copy(
    fs: *mut nexus_fs,
    from: *const c_char,
    to: *const c_char,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard(error, || {
            let fs = STORES.get(fs)?;
            let from = path_of(from, "from")?;
            let to = path_of(to, "to")?;
            fs.copy(from, to, &RelocateOptions::default())
        })
    }
}

/// Copies under conditions.
///
/// @param fs       an open handle
/// @param from     the file or directory; not NULL
/// @param to       the path of the copy; not NULL
/// @param flags    0 or NEXUS_NO_REPLACE
/// @param options  conditions on `from`; NULL for none; `if_none_match` is INVALID_ARGUMENT. If
///                 `lease_path` is `to` and `lease` is its token, the call may replace the leased
///                 work item
/// @param error    receives what went wrong; may be NULL
/// @return OK; what nexus_copy returns; ALREADY_EXISTS, CONFLICT, LEASE_LOST
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_copy_with(
    fs: *mut nexus_fs,
    from: *const c_char,
    to: *const c_char,
    flags: u32,
    options: *const nexus_write_options,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard(error, || {
            let fs = STORES.get(fs)?;
            let from = path_of(from, "from")?;
            let to = path_of(to, "to")?;
            fs.copy(from, to, &options::relocate(flags, options)?)
        })
    }
}

/// Creates a directory, which exists even while it is empty. A write does not need one: it creates
/// the directories above the file.
///
/// @param fs     an open handle
/// @param path   the directory; not NULL
/// @param flags  bitwise OR of NEXUS_MKDIR_PARENTS and NEXUS_MKDIR_EXIST_OK, or 0
/// @param error  receives what went wrong; may be NULL
/// @return OK; INVALID_PATH, ACCESS_DENIED, READ_ONLY, ALREADY_EXISTS, NOT_FOUND for a missing
///         parent, NOT_A_DIRECTORY, INVALID_ARGUMENT, BUSY, NO_SPACE, IO
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_mkdir(
    fs: *mut nexus_fs,
    path: *const c_char,
    flags: u32,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard(error, || {
            let fs = STORES.get(fs)?;
            let path = path_of(path, "path")?;
            fs.mkdir(path, mkdir_options(flags)?)
        })
    }
}

/// Removes a directory. Other writers wait, and interrupts work, as for nexus_rename.
///
/// @param fs         an open handle
/// @param path       the directory; not NULL
/// @param recursive  1: remove everything in it, too; 0: remove it only if it is empty
/// @param error      receives what went wrong; may be NULL
/// @return OK; INVALID_PATH, ACCESS_DENIED, READ_ONLY, NOT_FOUND, NOT_A_DIRECTORY, NOT_EMPTY,
///         INVALID_ARGUMENT, BUSY, CANCELLED, NO_SPACE, IO
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_rmdir(
    fs: *mut nexus_fs,
    path: *const c_char,
    recursive: i32,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard(error, || {
            let fs = STORES.get(fs)?;
            let path = path_of(path, "path")?;
            fs.rmdir(path, flag(recursive, "recursive")?)
        })
    }
}
