//! Options structs: read as far as the caller's version of them goes.

use std::ffi::c_char;
use std::ptr;

use super::argument::{self, flag, optional_etag, optional_path, optional_text};
use crate::error::{Error, Result};
use crate::filesystem::{
    ClaimOptions, Conditions, ExportOptions, FindOptions, GrepOptions, ImportLimits, ImportMode,
    ImportOptions, InvalidWorkKeys, LeaseCondition, ListOptions, MissingContent, NewerBy,
    RelocateOptions, WriteOptions,
};

/// Conditions on a change, and the MIME type of a write. Initialise with NEXUS_WRITE_OPTIONS_INIT.
/// The transaction that makes the change checks the conditions. It returns CONFLICT if one is not
/// met, and LEASE_LOST if the lease token is not valid.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct nexus_write_options {
    /// sizeof(nexus_write_options)
    pub struct_size: u32,
    /// 1: the file must not exist. 0: no condition.
    pub if_none_match: i32,
    /// The file must exist with this etag. NULL: no condition.
    pub if_match: *const c_char,
    /// MIME type of a write or append. NULL: an existing file keeps its MIME type, and the library
    /// guesses that of a new file from its name. A call that writes no content returns
    /// INVALID_ARGUMENT if this is set.
    pub mime_type: *const c_char,
    /// The work item that `lease` belongs to; required unless `lease` is 0.
    pub lease_path: *const c_char,
    /// The lease token that must be valid for `lease_path`. 0: no condition.
    pub lease: u64,
}

/// Options of nexus_list. Initialise with NEXUS_LIST_OPTIONS_INIT.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct nexus_list_options {
    /// sizeof(nexus_list_options)
    pub struct_size: u32,
    /// 1: all files below the directory. 0: its direct children, files and directories. `prefix`
    /// implies 1.
    pub recursive: i32,
    /// 1: a recursive listing includes directories. 0: it has files only.
    pub include_directories: i32,
    /// The directory to list. NULL: "/".
    pub path: *const c_char,
    /// List all paths that begin with these bytes, instead of a directory. The prefix need not end
    /// at a segment: "/data" matches "/database". NULL: no prefix. INVALID_ARGUMENT if `path` is
    /// set, too.
    pub prefix: *const c_char,
    /// Most rows to return. 0: all.
    pub limit: u64,
    /// The cursor that nexus_entries_cursor returned for the previous page. NULL: begin at the
    /// first row.
    pub cursor: *const c_char,
}

/// Options of nexus_glob and nexus_find_by_meta. Initialise with NEXUS_FIND_OPTIONS_INIT.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct nexus_find_options {
    /// sizeof(nexus_find_options)
    pub struct_size: u32,
    /// The directory to search. NULL: "/".
    pub base: *const c_char,
    /// Most rows to return. 0: all.
    pub limit: u64,
    /// The cursor that nexus_entries_cursor returned for the previous page. NULL: begin at the
    /// first row.
    pub cursor: *const c_char,
}

/// Options of nexus_grep. Initialise with NEXUS_GREP_OPTIONS_INIT.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct nexus_grep_options {
    /// sizeof(nexus_grep_options)
    pub struct_size: u32,
    /// 1: ignore the case of letters. 0: match it.
    pub ignore_case: i32,
    /// The directory or file to search. `file_pattern` does not apply if it is a file. NULL: "/".
    pub base: *const c_char,
    /// Search only files that match this glob pattern. A pattern without `/`, or with one only at
    /// its end, matches file names at any depth below `base`. A pattern with a `/` matches paths
    /// below `base`; one that begins with `/` matches whole paths. Each alternative of `{a,b}` is
    /// such a pattern. NULL: all files.
    pub file_pattern: *const c_char,
    /// Most rows to return. 0: 1,000.
    pub max_matches: u64,
    /// Most bytes of content to search. 0: no limit.
    pub max_bytes: u64,
    /// 1: the pattern is literal text. 0: it is a regular expression.
    pub literal: i32,
    /// Must be 0.
    pub reserved: i32,
}

/// Options of nexus_export_metadata and nexus_bundle_export. Initialise with
/// NEXUS_EXPORT_OPTIONS_INIT.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct nexus_export_options {
    /// sizeof(nexus_export_options)
    pub struct_size: u32,
    /// Export only paths that begin with these bytes. NULL: all paths.
    pub prefix: *const c_char,
    /// Export only files in the directories of this tenant, in every namespace. NULL: all files.
    pub tenant_id: *const c_char,
    /// Export only files modified after this time, in microseconds since 1970 UTC. 0: all files.
    pub modified_after: i64,
}

/// Options of nexus_import_metadata and nexus_bundle_import. Initialise with
/// NEXUS_IMPORT_OPTIONS_INIT.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct nexus_import_options {
    /// sizeof(nexus_import_options)
    pub struct_size: u32,
    /// How to import a path that exists: one of the NEXUS_IMPORT_ constants.
    pub mode: i32,
    /// 1: report the changes without making them.
    pub dry_run: i32,
    /// How to import a work key whose value has the wrong type: NEXUS_KEYS_REFUSE or
    /// NEXUS_KEYS_RENAME.
    pub invalid_work_keys: i32,
    /// How to import a line whose content is missing: no file that the handle may read has it.
    /// NEXUS_MISSING_REFUSE or NEXUS_MISSING_SKIP. A bundle that lacks one of its contents is
    /// damaged in either case.
    pub missing_content: i32,
    /// What NEXUS_IMPORT_AUTO compares: NEXUS_NEWER_BY_CONTENT or NEXUS_NEWER_BY_ALL.
    pub newer_by: i32,
    /// Most lines, including those of directories. 0: 100,000 plus one for each 8 bytes of the
    /// file.
    pub max_lines: u64,
    /// Most bytes of all lines together. 0: 16 MiB plus 100 times the size of the file.
    pub max_bytes: u64,
    /// Most bytes of an unpacked bundle. 0: 64 MiB plus 100 times the size of the file.
    pub max_unpacked: u64,
}

/// Options of nexus_work_claim. Initialise with NEXUS_CLAIM_OPTIONS_INIT.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct nexus_claim_options {
    /// sizeof(nexus_claim_options)
    pub struct_size: u32,
    /// Most items to claim, 1 to 10,000.
    pub max: u32,
    /// Claim only items whose paths begin with these bytes. NULL: all items.
    pub prefix: *const c_char,
    /// Duration of the lease in milliseconds, 1 to 366 days.
    pub lease_ms: u64,
}

/// Import: keep an existing file.
pub const NEXUS_IMPORT_SKIP: i32 = 0;
/// Import: replace an existing file.
pub const NEXUS_IMPORT_OVERWRITE: i32 = 1;
/// Import: store the imported file under a free name, "name_imported1" and so on.
pub const NEXUS_IMPORT_REMAP: i32 = 2;
/// Import: keep the newer of the two files.
pub const NEXUS_IMPORT_AUTO: i32 = 3;

/// Import: reject a line that has a work key with a value of the wrong type.
pub const NEXUS_KEYS_REFUSE: i32 = 0;
/// Import: store such a key under "x_" and its name, and report it.
pub const NEXUS_KEYS_RENAME: i32 = 1;

/// Import: reject a line whose content is missing.
pub const NEXUS_MISSING_REFUSE: i32 = 0;
/// Import: skip such a line, and report it as missing.
pub const NEXUS_MISSING_SKIP: i32 = 1;

/// Import: NEXUS_IMPORT_AUTO compares the modification times of the contents.
pub const NEXUS_NEWER_BY_CONTENT: i32 = 0;
/// Import: NEXUS_IMPORT_AUTO compares the latest of modified_at, started_at and completed_at. If
/// these are equal, a line with a different content, different metadata or a different work state
/// counts as newer.
pub const NEXUS_NEWER_BY_ALL: i32 = 1;

/// Flag of a rename or copy: return ALREADY_EXISTS if the target exists.
pub const NEXUS_NO_REPLACE: u32 = 1;

/// A longer struct than this is no newer version but memory that was never initialised.
const MAX_STRUCT_SIZE: usize = 4096;

/// A struct that begins with its size in the caller's version.
///
/// # Safety
/// The type is `repr(C)`, begins with `struct_size`, and every initialised value of its fields is
/// valid (numbers and raw pointers only).
unsafe trait Versioned: Copy {
    /// What NULL means, and the fields that a shorter struct does not have.
    const DEFAULT: Self;
    /// The C type, for messages.
    const NAME: &'static str;
    /// Where each field ends.
    const ENDS: &'static [usize];
}

macro_rules! versioned {
    ($type:ident { $($field:ident: $field_type:ty = $default:expr,)* }) => {
        // SAFETY: the struct is declared above: repr(C), numbers and raw pointers only.
        unsafe impl Versioned for $type {
            const DEFAULT: Self = $type {
                struct_size: size_of::<$type>() as u32,
                $($field: $default,)*
            };
            const NAME: &'static str = stringify!($type);
            const ENDS: &'static [usize] = &[
                size_of::<u32>(),
                $(std::mem::offset_of!($type, $field) + size_of::<$field_type>(),)*
            ];
        }
        // The last field ends the struct: padding behind it would hold garbage that a newer
        // library takes for a field. And the types above are those of the declaration.
        const _: () = {
            let ends = <$type as Versioned>::ENDS;
            assert!(ends[ends.len() - 1] == size_of::<$type>());
            let value = <$type as Versioned>::DEFAULT;
            $(let _: $field_type = value.$field;)*
        };
    };
}

versioned!(nexus_write_options {
    if_none_match: i32 = 0,
    if_match: *const c_char = ptr::null(),
    mime_type: *const c_char = ptr::null(),
    lease_path: *const c_char = ptr::null(),
    lease: u64 = 0,
});
versioned!(nexus_list_options {
    recursive: i32 = 1,
    include_directories: i32 = 0,
    path: *const c_char = ptr::null(),
    prefix: *const c_char = ptr::null(),
    limit: u64 = 0,
    cursor: *const c_char = ptr::null(),
});
versioned!(nexus_find_options {
    base: *const c_char = ptr::null(),
    limit: u64 = 0,
    cursor: *const c_char = ptr::null(),
});
versioned!(nexus_grep_options {
    ignore_case: i32 = 0,
    base: *const c_char = ptr::null(),
    file_pattern: *const c_char = ptr::null(),
    max_matches: u64 = 0,
    max_bytes: u64 = 0,
    literal: i32 = 0,
    reserved: i32 = 0,
});
versioned!(nexus_export_options {
    prefix: *const c_char = ptr::null(),
    tenant_id: *const c_char = ptr::null(),
    modified_after: i64 = 0,
});
versioned!(nexus_import_options {
    mode: i32 = NEXUS_IMPORT_SKIP,
    dry_run: i32 = 0,
    invalid_work_keys: i32 = NEXUS_KEYS_REFUSE,
    missing_content: i32 = NEXUS_MISSING_REFUSE,
    newer_by: i32 = NEXUS_NEWER_BY_CONTENT,
    max_lines: u64 = 0,
    max_bytes: u64 = 0,
    max_unpacked: u64 = 0,
});

versioned!(nexus_claim_options {
    max: u32 = 1,
    prefix: *const c_char = ptr::null(),
    lease_ms: u64 = 30_000,
});

/// Returns the options at `pointer`: defaults for NULL and for what the struct is too short for.
///
/// # Safety
/// `pointer` is NULL, or as many bytes from there are readable as the `struct_size` there says.
unsafe fn read<T: Versioned>(pointer: *const T) -> Result<T> {
    if pointer.is_null() {
        return Ok(T::DEFAULT);
    }
    let refuse = |what: String| {
        Err(Error::invalid_argument(format!(
            "{}: struct_size {what}",
            T::NAME
        )))
    };
    // SAFETY: every version of the struct begins with its size.
    let size = unsafe { pointer.cast::<u32>().read_unaligned() } as usize;
    if !(size_of::<u32>()..=MAX_STRUCT_SIZE).contains(&size) {
        return refuse(format!(
            "is {size}; initialise the struct with its INIT macro"
        ));
    }
    if size > size_of::<T>() {
        // SAFETY: the caller's promise; it is longer than what this version knows.
        let unknown = unsafe {
            std::slice::from_raw_parts(
                pointer.cast::<u8>().add(size_of::<T>()),
                size - size_of::<T>(),
            )
        };
        if unknown.iter().any(|&byte| byte != 0) {
            return refuse(format!(
                "is {size}, with options that this version of the library does not know"
            ));
        }
    }
    // A field that is not there as a whole is not there.
    let known = T::ENDS.iter().copied().filter(|&end| end <= size).max();
    let mut options = T::DEFAULT;
    // SAFETY: at most `size` bytes are read and `size_of::<T>()` written; any bytes are valid.
    unsafe {
        ptr::copy_nonoverlapping(
            pointer.cast::<u8>(),
            (&raw mut options).cast::<u8>(),
            known.unwrap_or(0),
        );
    }
    Ok(options)
}

/// # Safety
/// As for [`read`], and the strings in there are NULL or NUL-terminated.
pub(super) unsafe fn write(pointer: *const nexus_write_options) -> Result<WriteOptions> {
    // SAFETY: the caller's promise.
    unsafe {
        let options = read(pointer)?;
        let lease = match options.lease {
            0 => None,
            token => Some(LeaseCondition {
                path: optional_path(options.lease_path, "lease_path")?
                    .ok_or_else(|| {
                        Error::invalid_argument("lease is given, but lease_path is NULL")
                    })?
                    .to_owned(),
                token,
            }),
        };
        Ok(WriteOptions {
            conditions: Conditions {
                if_match: optional_etag(options.if_match, "if_match")?,
                if_none_match: flag(options.if_none_match, "if_none_match")?,
                lease,
            },
            mime_type: optional_text(options.mime_type, "mime_type")?.map(str::to_owned),
        })
    }
}

/// The options of a call that writes no content.
///
/// # Safety
/// As for [`write()`].
pub(super) unsafe fn conditions(pointer: *const nexus_write_options) -> Result<Conditions> {
    // SAFETY: the caller's promise.
    let options = unsafe { write(pointer) }?;
    if options.mime_type.is_some() {
        return Err(Error::invalid_argument(
            "mime_type is given, but this call writes no content",
        ));
    }
    Ok(options.conditions)
}

/// # Safety
/// As for [`write()`].
pub(super) unsafe fn relocate(
    flags: u32,
    pointer: *const nexus_write_options,
) -> Result<RelocateOptions> {
    argument::flags(flags, NEXUS_NO_REPLACE, "flags")?;
    Ok(RelocateOptions {
        // SAFETY: the caller's promise.
        conditions: unsafe { conditions(pointer) }?,
        no_replace: flags & NEXUS_NO_REPLACE != 0,
    })
}

/// # Safety
/// As for [`write()`].
pub(super) unsafe fn claim(pointer: *const nexus_claim_options) -> Result<ClaimOptions> {
    // SAFETY: the caller's promise.
    unsafe {
        let options = read(pointer)?;
        Ok(ClaimOptions {
            prefix: optional_path(options.prefix, "prefix")?.map(str::to_owned),
            max: options.max as usize,
            lease_ms: options.lease_ms,
        })
    }
}

/// # Safety
/// As for [`write()`].
pub(super) unsafe fn list(pointer: *const nexus_list_options) -> Result<ListOptions> {
    // SAFETY: the caller's promise.
    unsafe {
        let options = read(pointer)?;
        Ok(ListOptions {
            path: optional_path(options.path, "path")?.map(str::to_owned),
            prefix: optional_path(options.prefix, "prefix")?.map(str::to_owned),
            recursive: flag(options.recursive, "recursive")?,
            include_directories: flag(options.include_directories, "include_directories")?,
            limit: count(options.limit),
            cursor: optional_text(options.cursor, "cursor")?.map(str::to_owned),
        })
    }
}

/// # Safety
/// As for [`write()`].
pub(super) unsafe fn find(pointer: *const nexus_find_options) -> Result<FindOptions> {
    // SAFETY: the caller's promise.
    unsafe {
        let options = read(pointer)?;
        Ok(FindOptions {
            base: optional_path(options.base, "base")?.map(str::to_owned),
            limit: count(options.limit),
            cursor: optional_text(options.cursor, "cursor")?.map(str::to_owned),
        })
    }
}

/// # Safety
/// As for [`write()`].
pub(super) unsafe fn grep(pointer: *const nexus_grep_options) -> Result<GrepOptions> {
    // SAFETY: the caller's promise.
    unsafe {
        let options = read(pointer)?;
        if options.reserved != 0 {
            return Err(Error::invalid_argument("reserved is not 0"));
        }
        Ok(GrepOptions {
            base: optional_path(options.base, "base")?.map(str::to_owned),
            file_pattern: optional_text(options.file_pattern, "file_pattern")?.map(str::to_owned),
            ignore_case: flag(options.ignore_case, "ignore_case")?,
            literal: flag(options.literal, "literal")?,
            max_matches: count(options.max_matches),
            max_bytes: options.max_bytes,
        })
    }
}

/// # Safety
/// As for [`write()`].
pub(super) unsafe fn export(pointer: *const nexus_export_options) -> Result<ExportOptions> {
    // SAFETY: the caller's promise.
    unsafe {
        let options = read(pointer)?;
        Ok(ExportOptions {
            prefix: optional_path(options.prefix, "prefix")?.map(str::to_owned),
            tenant_id: optional_text(options.tenant_id, "tenant_id")?.map(str::to_owned),
            modified_after: options.modified_after,
        })
    }
}

/// # Safety
/// As for [`read`].
pub(super) unsafe fn import(pointer: *const nexus_import_options) -> Result<ImportOptions> {
    // SAFETY: the caller's promise.
    let options = unsafe { read(pointer) }?;
    let unknown = |name, value| {
        Err(Error::invalid_argument(format!(
            "{name} is {value}, which is none of its constants"
        )))
    };
    Ok(ImportOptions {
        mode: match options.mode {
            NEXUS_IMPORT_SKIP => ImportMode::Skip,
            NEXUS_IMPORT_OVERWRITE => ImportMode::Overwrite,
            NEXUS_IMPORT_REMAP => ImportMode::Remap,
            NEXUS_IMPORT_AUTO => ImportMode::Auto,
            other => return unknown("mode", other),
        },
        dry_run: flag(options.dry_run, "dry_run")?,
        invalid_work_keys: match options.invalid_work_keys {
            NEXUS_KEYS_REFUSE => InvalidWorkKeys::Refuse,
            NEXUS_KEYS_RENAME => InvalidWorkKeys::Rename,
            other => return unknown("invalid_work_keys", other),
        },
        missing_content: match options.missing_content {
            NEXUS_MISSING_REFUSE => MissingContent::Refuse,
            NEXUS_MISSING_SKIP => MissingContent::Skip,
            other => return unknown("missing_content", other),
        },
        newer_by: match options.newer_by {
            NEXUS_NEWER_BY_CONTENT => NewerBy::Content,
            NEXUS_NEWER_BY_ALL => NewerBy::All,
            other => return unknown("newer_by", other),
        },
        limits: ImportLimits {
            lines: options.max_lines,
            bytes: options.max_bytes,
            unpacked: options.max_unpacked,
        },
    })
}

/// A value beyond `usize` means no limit.
fn count(limit: u64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
