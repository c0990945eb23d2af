//! Arguments from C, checked before use.
//!
//! Each function names the parameter in its error.

use std::ffi::{CStr, c_char, c_void};
use std::{ptr, slice};

use crate::content::ContentHash;
use crate::error::{Error, ErrorKind, Result};

fn missing(name: &str) -> Error {
    Error::invalid_argument(format!("{name} is NULL"))
}

/// Returns the text at `pointer`, or `None` if it is NULL.
///
/// # Safety
/// `pointer` is NULL, or NUL-terminated and unchanged for `'a`.
pub(super) unsafe fn optional_text<'a>(
    pointer: *const c_char,
    name: &str,
) -> Result<Option<&'a str>> {
    // SAFETY: the caller's promise.
    unsafe { decode(pointer, ErrorKind::InvalidArgument, name) }
}

/// Returns the text at `pointer`.
///
/// # Safety
/// `pointer` is NULL, or NUL-terminated and unchanged for `'a`.
pub(super) unsafe fn text<'a>(pointer: *const c_char, name: &str) -> Result<&'a str> {
    // SAFETY: the caller's promise.
    unsafe { optional_text(pointer, name) }?.ok_or_else(|| missing(name))
}

/// Like [`optional_text`] for a path in the store: text that is not UTF-8 is INVALID_PATH.
///
/// # Safety
/// `pointer` is NULL, or NUL-terminated and unchanged for `'a`.
pub(super) unsafe fn optional_path<'a>(
    pointer: *const c_char,
    name: &str,
) -> Result<Option<&'a str>> {
    // SAFETY: the caller's promise.
    unsafe { decode(pointer, ErrorKind::InvalidPath, name) }
}

/// Like [`text`] for a path in the store: text that is not UTF-8 is INVALID_PATH.
///
/// # Safety
/// `pointer` is NULL, or NUL-terminated and unchanged for `'a`.
pub(super) unsafe fn path<'a>(pointer: *const c_char, name: &str) -> Result<&'a str> {
    // SAFETY: the caller's promise.
    unsafe { optional_path(pointer, name) }?.ok_or_else(|| missing(name))
}

/// Returns the content hash at `pointer`, or `None` if it is NULL.
///
/// # Safety
/// `pointer` is NULL, or NUL-terminated and unchanged for the call.
pub(super) unsafe fn optional_etag(
    pointer: *const c_char,
    name: &str,
) -> Result<Option<ContentHash>> {
    // SAFETY: the caller's promise.
    let hex = unsafe { optional_text(pointer, name) }?;
    hex.map(|hex| {
        ContentHash::parse(hex).map_err(|_| {
            Error::invalid_argument(format!("{name} is no etag (64 hexadecimal digits)"))
        })
    })
    .transpose()
}

/// # Safety
/// `pointer` is NULL, or NUL-terminated and unchanged for `'a`.
unsafe fn decode<'a>(
    pointer: *const c_char,
    kind: ErrorKind,
    name: &str,
) -> Result<Option<&'a str>> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: the caller's promise.
    let bytes = unsafe { CStr::from_ptr(pointer) };
    match bytes.to_str() {
        Ok(text) => Ok(Some(text)),
        Err(_) => Err(Error::new(kind, format!("{name} is not valid UTF-8"))),
    }
}

/// Returns the `len` bytes at `pointer`.
///
/// # Safety
/// `pointer` is NULL, or `len` bytes from there are readable and unchanged for `'a`.
pub(super) unsafe fn bytes<'a>(pointer: *const c_void, len: usize, name: &str) -> Result<&'a [u8]> {
    check_extent(pointer, len, name)?;
    if len == 0 {
        return Ok(&[]);
    }
    // SAFETY: the caller's promise; the pointer is not NULL and the length within bounds.
    Ok(unsafe { slice::from_raw_parts(pointer.cast(), len) })
}

/// Returns the `len` bytes at `pointer`, to be written.
///
/// # Safety
/// `pointer` is NULL, or `len` bytes from there are writable and nobody else's for `'a`.
pub(super) unsafe fn buffer<'a>(
    pointer: *mut c_void,
    len: usize,
    name: &str,
) -> Result<&'a mut [u8]> {
    check_extent(pointer, len, name)?;
    if len == 0 {
        return Ok(&mut []);
    }
    // SAFETY: the caller's promise; the pointer is not NULL and the length within bounds.
    Ok(unsafe { slice::from_raw_parts_mut(pointer.cast(), len) })
}

fn check_extent(pointer: *const c_void, len: usize, name: &str) -> Result<()> {
    if pointer.is_null() && len > 0 {
        return Err(Error::invalid_argument(format!(
            "{name} is NULL, but its length is {len}"
        )));
    }
    if isize::try_from(len).is_err() {
        return Err(Error::invalid_argument(format!(
            "the length of {name} is impossible: {len}"
        )));
    }
    Ok(())
}

/// Returns the `count` texts at `pointer`, each of them a path in the store.
///
/// # Safety
/// `pointer` is NULL, or the address of `count` pointers, each NULL or NUL-terminated; all of it
/// unchanged for `'a`.
pub(super) unsafe fn paths<'a>(
    pointer: *const *const c_char,
    count: usize,
    name: &str,
) -> Result<Vec<&'a str>> {
    check_extent(pointer.cast(), count, name)?;
    if isize::try_from(count.saturating_mul(size_of::<*const c_char>())).is_err() {
        return Err(Error::invalid_argument(format!(
            "the number of {name} is impossible: {count}"
        )));
    }
    (0..count)
        .map(|at| {
            // SAFETY: the caller's promise; `at` is less than `count`.
            let found = unsafe { optional_path(*pointer.add(at), name) };
            match found {
                Ok(Some(path)) => Ok(path),
                Ok(None) => Err(missing(&format!("{name}[{at}]"))),
                Err(error) => Err(Error::new(
                    error.kind(),
                    format!("{name}[{at}] is not valid UTF-8"),
                )),
            }
        })
        .collect()
}

/// Returns a flag as a `bool`; it must be 0 or 1.
pub(super) fn flag(value: i32, name: &str) -> Result<bool> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(Error::invalid_argument(format!(
            "{name} is {other}; it is 0 or 1"
        ))),
    }
}

/// Refuses bits of `value` that are not in `known`.
pub(super) fn flags(value: u32, known: u32, name: &str) -> Result<()> {
    match value & !known {
        0 => Ok(()),
        unknown => Err(Error::invalid_argument(format!(
            "{name} has unknown bits: {unknown:#x}"
        ))),
    }
}

/// The value of an output until the call succeeds.
pub(super) trait Blank {
    const BLANK: Self;
}

impl<T> Blank for *mut T {
    const BLANK: Self = ptr::null_mut();
}
impl Blank for i32 {
    const BLANK: Self = 0;
}
impl Blank for u64 {
    const BLANK: Self = 0;
}
impl Blank for usize {
    const BLANK: Self = 0;
}

/// An output pointer, which receives a result.
pub(super) struct Output<T>(*mut T);

impl<T: Blank> Output<T> {
    /// Blanks the output, unless it is NULL.
    ///
    /// # Safety
    /// `pointer` is NULL, or writable as long as the output is used.
    pub(super) unsafe fn new(pointer: *mut T) -> Self {
        if !pointer.is_null() {
            // SAFETY: the caller's promise.
            unsafe { pointer.write(T::BLANK) };
        }
        Output(pointer)
    }

    /// Refuses NULL.
    pub(super) fn required(self, name: &str) -> Result<Self> {
        if self.0.is_null() {
            return Err(missing(name));
        }
        Ok(self)
    }

    /// Returns `None` for an output that the caller does not want.
    pub(super) fn wanted(self) -> Option<Self> {
        (!self.0.is_null()).then_some(self)
    }

    /// Stores the result. It is the last thing a call does, since it cannot be taken back.
    pub(super) fn set(self, value: T) {
        debug_assert!(!self.0.is_null());
        // SAFETY: `new`'s caller promised it; `required` or `wanted` came first.
        unsafe { self.0.write(value) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said<T: std::fmt::Debug>(result: Result<T>) -> String {
        let error = result.unwrap_err();
        format!("{:?}: {error}", error.kind())
    }

    #[test]
    fn texts_are_checked_and_named() {
        let not_text = c"\xFF".as_ptr();
        // SAFETY: all pointers are NULL or NUL-terminated literals.
        unsafe {
            assert_eq!(text(c"\u{e9}".as_ptr(), "key").unwrap(), "\u{e9}");
            assert_eq!(optional_text(ptr::null(), "key").unwrap(), None);
            assert_eq!(
                said(text(ptr::null(), "key")),
                "InvalidArgument: key is NULL"
            );
            assert_eq!(
                said(text(not_text, "key")),
                "InvalidArgument: key is not valid UTF-8"
            );
            assert_eq!(
                said(path(not_text, "from")),
                "InvalidPath: from is not valid UTF-8"
            );
            assert_eq!(
                said(path(ptr::null(), "from")),
                "InvalidArgument: from is NULL"
            );
        }
    }

    #[test]
    fn bytes_need_an_address_unless_there_are_none() {
        let impossible = isize::MAX as usize + 1;
        // SAFETY: the pointers are NULL or lengths are refused before they are used.
        unsafe {
            assert_eq!(bytes(ptr::null(), 0, "data").unwrap(), b"");
            assert_eq!(
                said(bytes(ptr::null(), 3, "data")),
                "InvalidArgument: data is NULL, but its length is 3"
            );
            let some = b"x".as_ptr().cast();
            assert_eq!(bytes(some, 1, "data").unwrap(), b"x");
            assert!(said(bytes(some, impossible, "data")).contains("impossible"));
            assert_eq!(buffer(ptr::null_mut(), 0, "buf").unwrap(), b"");
        }
    }

    #[test]
    fn a_list_of_paths_names_the_bad_one() {
        let list = [c"/a".as_ptr(), ptr::null()];
        // SAFETY: the list holds two pointers, NULL or NUL-terminated.
        unsafe {
            assert_eq!(paths(list.as_ptr(), 1, "paths").unwrap(), ["/a"]);
            assert_eq!(
                said(paths(list.as_ptr(), 2, "paths")),
                "InvalidArgument: paths[1] is NULL"
            );
            assert!(paths(ptr::null(), 0, "paths").unwrap().is_empty());
            assert!(paths(list.as_ptr(), usize::MAX / 4, "paths").is_err());
        }
    }

    #[test]
    fn flags_are_exact() {
        assert!(flag(1, "recursive").unwrap());
        assert_eq!(
            said(flag(2, "recursive")),
            "InvalidArgument: recursive is 2; it is 0 or 1"
        );
        flags(3, 3, "flags").unwrap();
        assert_eq!(
            said(flags(6, 3, "flags")),
            "InvalidArgument: flags has unknown bits: 0x4"
        );
    }

    #[test]
    fn an_output_is_blank_until_it_is_set() {
        let mut count = 5_u64;
        // SAFETY: `count` is writable.
        let output = unsafe { Output::new(&raw mut count) };
        let output = output.required("count").unwrap();
        // SAFETY: it is initialised; read through a pointer because the output holds one.
        assert_eq!(unsafe { (&raw const count).read() }, 0);
        output.set(7);
        assert_eq!(count, 7);
        // SAFETY: NULL is allowed.
        let none = unsafe { Output::<u64>::new(ptr::null_mut()) };
        assert!(none.required("count").is_err());
    }
}
