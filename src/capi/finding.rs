//! Listing and searching.

use std::ffi::c_char;

use super::argument::{Output, paths as paths_of, text};
use super::entry::{EntryListBuilder, hand_out_page, nexus_entries};
use super::error::nexus_error;
use super::guard::guard;
use super::matches::{MATCH_LISTS, MatchList, nexus_matches};
use super::options::{self, nexus_find_options, nexus_grep_options, nexus_list_options};
use super::status::nexus_status;
use super::store::{STORES, nexus_fs};
use super::strings::{STRING_LISTS, StringList, nexus_strings};

/// <!-- section: Finding -->
/// Lists a directory, or the paths with a prefix. The cost is proportional to the number of rows
/// returned.
///
/// @param fs       an open handle
/// @param options  what to list; NULL: every file that the handle may see
/// @param entries  receives the rows; free them with nexus_entries_free; not NULL
/// @param error    receives what went wrong; may be NULL
/// @return OK; INVALID_ARGUMENT, INVALID_PATH, ACCESS_DENIED, NOT_FOUND for a missing directory,
///         NOT_A_DIRECTORY, IO
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_list(
    fs: *mut nexus_fs,
    options: *const nexus_list_options,
    entries: *mut *mut nexus_entries,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        let entries = Output::new(entries);
        guard(error, || {
            let fs = STORES.get(fs)?;
            let entries = entries.required("entries")?;
            let mut list = EntryListBuilder::new();
            let cursor = fs.visit(&options::list(options)?, &mut |entry| {
                list.push(Some(entry))
            })?;
            entries.set(list.hand_out(cursor.as_deref())?);
            Ok(())
        })
    }
}

/// Finds files whose whole path below the base matches a pattern: `*` and `?` match within a
/// segment, `**` matches across segments, and `[a-z]`, `[!a-z]` and `{a,b}` have their usual
/// meaning. So `*.py` finds only files directly in the base. With a segment `**` before it, it
/// finds names at any depth.
///
/// @param fs       an open handle
/// @param pattern  the pattern, below the base; not NULL
/// @param options  where and how much to search; NULL: all paths, no limit
/// @param entries  receives the rows; free them with nexus_entries_free; not NULL
/// @param error    receives what went wrong; may be NULL
/// @return OK; INVALID_ARGUMENT, INVALID_PATH, ACCESS_DENIED, NOT_FOUND for a missing base,
///         NOT_A_DIRECTORY for a base that is a file, IO
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_glob(
    fs: *mut nexus_fs,
    pattern: *const c_char,
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
            let pattern = text(pattern, "pattern")?;
            let page = fs.glob(pattern, &options::find(options)?)?;
            entries.set(hand_out_page(&page)?);
            Ok(())
        })
    }
}

/// Searches the lines of files for a regular expression or a literal text, in time linear in their
/// size. It skips and counts binary files. It searches only the first 256 KiB of a line, and
/// returns at most 64 MiB of lines. A byte-order mark at the start of a file (U+FEFF in UTF-8) does
/// not belong to its first line.
///
/// An expression has at most 64 KiB and 100 levels of groups. With its repetitions expanded, it has
/// at most 2,048 characters and choices; of alternatives that are plain texts, only the longest
/// counts. An expression with look-around or back-references is INVALID_ARGUMENT.
///
/// @param fs       an open handle
/// @param pattern  the regular expression, or the text with `literal`; not NULL
/// @param options  where and how much to search; NULL for the defaults
/// @param matches  receives the rows; free them with nexus_matches_free; not NULL
/// @param error    receives what went wrong; may be NULL
/// @return OK; INVALID_ARGUMENT, INVALID_PATH, ACCESS_DENIED, NOT_FOUND for a missing base,
///         NOT_MOUNTED, CORRUPT, CANCELLED, IO
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_grep(
    fs: *mut nexus_fs,
    pattern: *const c_char,
    options: *const nexus_grep_options,
    matches: *mut *mut nexus_matches,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        let matches = Output::new(matches);
        guard(error, || {
            let fs = STORES.get(fs)?;
            let matches = matches.required("matches")?;
            let pattern = text(pattern, "pattern")?;
            let found = fs.grep(pattern, &options::grep(options)?)?;
            matches.set(MATCH_LISTS.insert(MatchList::new(&found))?);
            Ok(())
        })
    }
}

/// Returns the etags of many files in one call.
///
/// @param fs     an open handle
/// @param paths  `n` paths, none of them NULL; may be NULL if `n` is 0
/// @param n      how many
/// @param ids    receives `n` rows in the same order: the etag, or NULL if the file does not exist
///               or the handle may not read it; free them with nexus_strings_free; not NULL
/// @param error  receives what went wrong; may be NULL
/// @return OK; INVALID_ARGUMENT, INVALID_PATH, IO
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_content_ids(
    fs: *mut nexus_fs,
    paths: *const *const c_char,
    n: usize,
    ids: *mut *mut nexus_strings,
    error: *mut *mut nexus_error,
) -> nexus_status {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        let ids = Output::new(ids);
        guard(error, || {
            let fs = STORES.get(fs)?;
            let ids = ids.required("ids")?;
            let hashes = fs.content_ids(&paths_of(paths, n, "paths")?)?;
            ids.set(STRING_LISTS.insert(StringList::of_hashes(&hashes))?);
            Ok(())
        })
    }
}
