//! Metadata and path ids.

use std::ffi::c_char;

use super::argument::{Output, path as path_of, text};
use super::entry::{hand_out_page, nexus_entries};
use super::error::nexus_error;
use super::guard::guard;
use super::options::{self, nexus_find_options, nexus_write_options};
use super::status::nexus_status;
use super::store::{STORES, nexus_fs};
use super::text::hand_out;
use crate::filesystem::Conditions;

/// <!-- section: Metadata -->
/// Sets one metadata key of a file, or of an explicit directory. The keys of work items (status,
/// priority, depends_on, worker_id, started_at, completed_at, not_before, tags, max_attempts) have
/// types, and only files may have them. An implicit directory, which exists only because it has
/// entries, has no metadata: the call returns IS_A_DIRECTORY. nexus_mkdir with NEXUS_MKDIR_EXIST_OK
/// makes it explicit. A rename moves the metadata of a directory, a copy copies it, and a bundle
/// contains it; nexus_export_metadata omits it.
///
/// @param fs          an open handle
/// @param path        the file or directory; not NULL
/// @param key         the key, 1 to 255 bytes; not NULL
/// @param value_json  the value, a JSON text; not NULL
/// @param error       receives what went wrong; may be NULL
/// @return OK; INVALID_PATH, ACCESS_DENIED, READ_ONLY, NOT_FOUND, IS_A_DIRECTORY, BUSY, NO_SPACE,
///         IO; INVALID_ARGUMENT for a bad key or value; NOT_FOUND, CYCLE for dependencies; CONFLICT
///         for a work key of an item under another worker's lease
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_set_meta(
    fs: *mut nexus_fs,
    path: *const c_char,
    key: *const c_char,
    value_json: *const c_char,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard(error, || {
            let fs = STORES.get(fs)?;
            let path = path_of(path, "path")?;
            let key = text(key, "key")?;
            let value = text(value_json, "value_json")?;
            fs.set_meta(path, key, value, &Conditions::default())
        })
    }
}

/// Sets one metadata key under conditions; see nexus_set_meta.
///
/// @param fs          an open handle
/// @param path        the file or directory; not NULL
/// @param key         the key, 1 to 255 bytes; not NULL
/// @param value_json  the value, a JSON text; not NULL
/// @param options     conditions; NULL for none
/// @param error       receives what went wrong; may be NULL
/// @return OK; what nexus_set_meta returns; CONFLICT, LEASE_LOST
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_set_meta_with(
    fs: *mut nexus_fs,
    path: *const c_char,
    key: *const c_char,
    value_json: *const c_char,
    options: *const nexus_write_options,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard(error, || {
            let fs = STORES.get(fs)?;
            let path = path_of(path, "path")?;
            let key = text(key, "key")?;
            let value = text(value_json, "value_json")?;
            fs.set_meta(path, key, value, &options::conditions(options)?)
        })
    }
}

/// Sets several metadata keys in one transaction, and keeps all other keys. See nexus_set_meta.
///
/// @param fs           an open handle
/// @param path         the file or directory; not NULL
/// @param object_json  a JSON object; not NULL
/// @param error        receives what went wrong; may be NULL
/// @return OK; what nexus_set_meta returns
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_set_meta_many(
    fs: *mut nexus_fs,
    path: *const c_char,
    object_json: *const c_char,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard(error, || {
            let fs = STORES.get(fs)?;
            let path = path_of(path, "path")?;
            let object = text(object_json, "object_json")?;
            fs.set_meta_many(path, object)
        })
    }
}

/// Returns one metadata key of a file, or of an explicit directory.
///
/// @param fs     an open handle
/// @param path   the file or directory; not NULL
/// @param key    the key, 1 to 255 bytes; not NULL
/// @param json   receives the value as JSON, to be freed with nexus_string_free; not NULL
/// @param error  receives what went wrong; may be NULL
/// @return OK; INVALID_PATH, ACCESS_DENIED, NOT_FOUND for an absent file or key, IS_A_DIRECTORY,
///         IO
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_get_meta(
    fs: *mut nexus_fs,
    path: *const c_char,
    key: *const c_char,
    json: *mut *mut c_char,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        let json = Output::new(json);
        guard(error, || {
            let fs = STORES.get(fs)?;
            let json = json.required("json")?;
            let path = path_of(path, "path")?;
            let key = text(key, "key")?;
            json.set(hand_out(&fs.get_meta(path, key)?)?);
            Ok(())
        })
    }
}

/// Returns all metadata of a file, or of an explicit directory.
///
/// @param fs           an open handle
/// @param path         the file or directory; not NULL
/// @param object_json  receives a JSON object; free it with nexus_string_free; not NULL
/// @param error        receives what went wrong; may be NULL
/// @return OK; INVALID_PATH, ACCESS_DENIED, NOT_FOUND, IS_A_DIRECTORY, IO
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_list_meta(
    fs: *mut nexus_fs,
    path: *const c_char,
    object_json: *mut *mut c_char,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        let object_json = Output::new(object_json);
        guard(error, || {
            let fs = STORES.get(fs)?;
            let object_json = object_json.required("object_json")?;
            let path = path_of(path, "path")?;
            object_json.set(hand_out(&fs.list_meta(path)?)?);
            Ok(())
        })
    }
}

/// Deletes one metadata key of a file, or of an explicit directory.
///
/// @param fs     an open handle
/// @param path   the file or directory; not NULL
/// @param key    the key, 1 to 255 bytes; not NULL
/// @param error  receives what went wrong; may be NULL
/// @return OK; INVALID_PATH, ACCESS_DENIED, READ_ONLY, NOT_FOUND for an absent file or key,
///         INVALID_ARGUMENT for a key that only the library writes, IS_A_DIRECTORY, CONFLICT for a work key under a lease, BUSY, NO_SPACE, IO
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_delete_meta(
    fs: *mut nexus_fs,
    path: *const c_char,
    key: *const c_char,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard(error, || {
            let fs = STORES.get(fs)?;
            let path = path_of(path, "path")?;
            let key = text(key, "key")?;
            fs.delete_meta(path, key)
        })
    }
}

/// Finds the files and explicit directories whose metadata key has a given value. An index answers
/// the search, except for the status `completed`, worker_id, times, max_attempts and an empty
/// depends_on: these scan the work keys of all files in the range.
///
/// @param fs          an open handle
/// @param key         the key, 1 to 255 bytes; not NULL
/// @param value_json  the value, a JSON text; not NULL
/// @param options     where and how much to search; NULL: all paths, no limit
/// @param entries     receives the rows; free them with nexus_entries_free; not NULL
/// @param error       receives what went wrong; may be NULL
/// @return OK; INVALID_ARGUMENT, INVALID_PATH, ACCESS_DENIED, NOT_FOUND for a missing base,
///         NOT_A_DIRECTORY for a base that is a file, IO
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_find_by_meta(
    fs: *mut nexus_fs,
    key: *const c_char,
    value_json: *const c_char,
    options: *const nexus_find_options,
    entries: *mut *mut nexus_entries,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        let entries = Output::new(entries);
        guard(error, || {
            let fs = STORES.get(fs)?;
            let entries = entries.required("entries")?;
            let key = text(key, "key")?;
            let value = text(value_json, "value_json")?;
            let page = fs.find_by_meta(key, value, &options::find(options)?)?;
            entries.set(hand_out_page(&page)?);
            Ok(())
        })
    }
}

/// Returns the id of a file or of an explicit directory: a UUID that never changes, and that
/// renames and overwrites keep.
///
/// @param fs     an open handle
/// @param path   the file or directory; not NULL
/// @param id     receives 36 characters, to be freed with nexus_string_free; not NULL
/// @param error  receives what went wrong; may be NULL
/// @return OK; INVALID_PATH, ACCESS_DENIED, NOT_FOUND, IO
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_path_id(
    fs: *mut nexus_fs,
    path: *const c_char,
    id: *mut *mut c_char,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        let id = Output::new(id);
        guard(error, || {
            let fs = STORES.get(fs)?;
            let id = id.required("id")?;
            let path = path_of(path, "path")?;
            id.set(hand_out(&fs.path_id(path)?.to_string())?);
            Ok(())
        })
    }
}

/// Returns the current path of the file or directory with an id.
///
/// @param fs     an open handle
/// @param id     36 characters; not NULL
/// @param path   receives the path, to be freed with nexus_string_free; not NULL
/// @param error  receives what went wrong; may be NULL
/// @return OK; INVALID_ARGUMENT, NOT_FOUND (also for what the handle may not see), IO
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_path_of_id(
    fs: *mut nexus_fs,
    id: *const c_char,
    path: *mut *mut c_char,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        let path = Output::new(path);
        guard(error, || {
            let fs = STORES.get(fs)?;
            let path = path.required("path")?;
            let id = text(id, "id")?;
            path.set(hand_out(fs.path_of_id(id)?.as_str())?);
            Ok(())
        })
    }
}
