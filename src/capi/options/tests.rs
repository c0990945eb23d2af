//! Options structs of other versions, and what is refused.

use super::*;
use crate::error::ErrorKind;

/// What a host compiled against a later version passes.
#[repr(C)]
struct Later {
    known: nexus_list_options,
    added: u64,
}

fn later(added: u64) -> Later {
    let mut known = nexus_list_options::DEFAULT;
    known.struct_size = size_of::<Later>() as u32;
    known.limit = 9;
    Later { known, added }
}

fn list_of(options: &nexus_list_options) -> Result<ListOptions> {
    // SAFETY: the reference is readable for the size it states, unless that is refused.
    unsafe { list(options) }
}

#[test]
fn null_means_the_defaults() {
    // SAFETY: NULL is allowed.
    unsafe {
        assert_eq!(list(ptr::null()).unwrap(), ListOptions::default());
        assert_eq!(write(ptr::null()).unwrap(), WriteOptions::default());
        assert_eq!(find(ptr::null()).unwrap(), FindOptions::default());
        assert_eq!(grep(ptr::null()).unwrap(), GrepOptions::default());
        assert_eq!(export(ptr::null()).unwrap(), ExportOptions::default());
        assert_eq!(import(ptr::null()).unwrap(), ImportOptions::default());
    }
}

#[test]
fn a_shorter_struct_is_completed_with_defaults() {
    let mut options = nexus_list_options::DEFAULT;
    options.recursive = 0;
    options.include_directories = 1;
    options.path = c"/a".as_ptr();
    options.limit = 7;
    for size in 4..=size_of::<nexus_list_options>() {
        options.struct_size = size as u32;
        let read = list_of(&options).unwrap();
        let has = |offset, length| size >= offset + length;
        let expected = ListOptions {
            path: has(std::mem::offset_of!(nexus_list_options, path), 8).then(|| "/a".into()),
            recursive: !has(4, 4),
            include_directories: has(8, 4),
            limit: if has(std::mem::offset_of!(nexus_list_options, limit), 8) {
                7
            } else {
                0
            },
            ..ListOptions::default()
        };
        assert_eq!(read, expected, "struct_size {size}");
    }
}

#[test]
fn a_longer_struct_is_accepted_where_its_extra_bytes_are_zero() {
    let zero = later(0);
    // SAFETY: the whole of the longer struct is readable.
    let read = unsafe { list((&raw const zero).cast()) }.unwrap();
    assert_eq!(read.limit, 9);
    let set = later(1 << 40);
    // SAFETY: as above.
    let error = unsafe { list((&raw const set).cast()) }.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.to_string().contains("does not know"), "{error}");
}

#[test]
fn a_struct_that_was_not_initialised_is_refused() {
    for size in [0, 1, 3, 4097, u32::MAX] {
        let mut options = nexus_list_options::DEFAULT;
        options.struct_size = size;
        let error = list_of(&options).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.to_string().contains("nexus_list_options"), "{error}");
    }
}

#[test]
fn wrong_values_are_named() {
    let mut options = nexus_write_options::DEFAULT;
    let said = |options: &nexus_write_options| {
        // SAFETY: the strings are NULL or NUL-terminated literals.
        unsafe { write(options) }.unwrap_err().to_string()
    };
    options.if_none_match = 2;
    assert_eq!(said(&options), "if_none_match is 2; it is 0 or 1");
    options.if_none_match = 0;
    options.if_match = c"abc".as_ptr();
    assert_eq!(
        said(&options),
        "if_match is no etag (64 hexadecimal digits)"
    );
    options.if_match = ptr::null();
    options.lease = 5;
    assert_eq!(said(&options), "lease is given, but lease_path is NULL");
    let mut options = nexus_import_options::DEFAULT;
    options.mode = 4;
    // SAFETY: the reference is readable.
    let error = unsafe { import(&options) }.unwrap_err();
    assert_eq!(
        error.to_string(),
        "mode is 4, which is none of its constants"
    );
}

#[test]
fn write_options_become_conditions() {
    let etag = ContentHashText::of(b"x");
    let mut options = nexus_write_options::DEFAULT;
    options.if_match = etag.0.as_ptr();
    options.lease_path = c"/job".as_ptr();
    options.lease = 5;
    // SAFETY: the strings are NUL-terminated and outlive the call.
    let read = unsafe { conditions(&options) }.unwrap();
    assert_eq!(read.if_match, Some(crate::content::ContentHash::of(b"x")));
    let lease = LeaseCondition {
        path: "/job".into(),
        token: 5,
    };
    assert_eq!(read.lease, Some(lease));
    options.mime_type = c"text/plain".as_ptr();
    // SAFETY: as above.
    assert!(unsafe { conditions(&options) }.is_err());
    // SAFETY: as above.
    let read = unsafe { write(&options) }.unwrap();
    assert_eq!(read.mime_type.as_deref(), Some("text/plain"));
}

struct ContentHashText(std::ffi::CString);

impl ContentHashText {
    fn of(bytes: &[u8]) -> Self {
        let hash = crate::content::ContentHash::of(bytes).to_string();
        ContentHashText(std::ffi::CString::new(hash).unwrap())
    }
}
