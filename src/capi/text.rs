//! Texts that C receives: single strings, and the strings of a list in one piece of memory.

use std::ffi::{CString, c_char};
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::HashMap;

use super::arena::Arena;
use super::unwind;
use crate::error::{Error, Result};

/// Number of strings that C received and has not freed.
pub(super) static OPEN_STRINGS: AtomicU64 = AtomicU64::new(0);

/// Returns `text` as a C string. A C string cannot contain NUL, so the text ends there.
pub(super) fn c_string(text: impl Into<String>) -> CString {
    let mut bytes = text.into().into_bytes();
    if let Some(nul) = bytes.iter().position(|&byte| byte == 0) {
        bytes.truncate(nul);
    }
    CString::new(bytes).unwrap_or_default()
}

/// Returns a copy of `text` that `nexus_string_free` frees.
pub(super) fn hand_out(text: &str) -> Result<*mut c_char> {
    // SAFETY: a call without conditions; the result is checked.
    let memory = unsafe { libc::malloc(text.len() + 1) }.cast::<u8>();
    if memory.is_null() {
        return Err(Error::internal("out of memory"));
    }
    // SAFETY: the memory is new and has room for the text and its NUL.
    unsafe {
        ptr::copy_nonoverlapping(text.as_ptr(), memory, text.len());
        memory.add(text.len()).write(0);
    }
    OPEN_STRINGS.fetch_add(1, Ordering::Relaxed);
    Ok(memory.cast())
}

/// Frees a string that a call returned as `char *`.
///
/// @param string  the string; NULL is ignored. It is ordinary memory: freeing it twice, or
///                something else, is undefined.
///
/// Threads: any.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nexus_string_free(string: *mut c_char) {
    unwind::release(|| {
        if !string.is_null() {
            // SAFETY: the caller's promise: the string came from `hand_out`, which uses malloc.
            unsafe { libc::free(string.cast()) };
            OPEN_STRINGS.fetch_sub(1, Ordering::Relaxed);
        }
    });
}

/// Receives the strings of a row.
pub(super) trait Texts {
    /// Copies `text`, NUL-terminated, and returns the address of the copy.
    fn put(&mut self, text: &[u8]) -> *const c_char;

    /// Like [`put`](Self::put) for a text that many rows of one list have.
    fn put_shared(&mut self, text: &str) -> *const c_char {
        self.put(text.as_bytes())
    }

    /// Copies `text`; returns NULL for `None`.
    fn put_optional(&mut self, text: Option<&[u8]>) -> *const c_char {
        text.map_or(ptr::null(), |text| self.put(text))
    }
}

/// An [`Arena`] being filled with the strings of a list: shared ones are stored once.
pub(super) struct ListTexts {
    arena: Arena,
    /// The latest shared texts: neighbours in a list mostly have the same.
    latest: [Option<(Box<str>, *const c_char)>; 4],
    /// The other ones.
    shared: HashMap<Box<str>, *const c_char>,
}

impl ListTexts {
    /// Returns texts with room for `bytes` bytes, terminators included; more is allowed.
    pub(super) fn with_capacity(bytes: usize) -> Self {
        ListTexts {
            arena: Arena::with_capacity(bytes),
            latest: [const { None }; 4],
            shared: HashMap::default(),
        }
    }

    /// Returns memory for `count` values, which never moves.
    pub(super) fn room_for<T: Copy>(&mut self, count: usize) -> *mut T {
        self.arena.room_for(count)
    }

    /// Returns the arena with all the strings.
    pub(super) fn into_arena(self) -> Arena {
        self.arena
    }
}

impl Texts for ListTexts {
    #[inline]
    fn put(&mut self, text: &[u8]) -> *const c_char {
        self.arena.put(text)
    }

    fn put_shared(&mut self, text: &str) -> *const c_char {
        for (known, pointer) in self.latest.iter().flatten() {
            if **known == *text {
                return *pointer;
            }
        }
        let (text, pointer) = match self.shared.remove_entry(text) {
            Some(known) => known,
            None => (text.into(), self.arena.put(text.as_bytes())),
        };
        self.latest.rotate_right(1);
        if let Some((text, pointer)) = self.latest[0].replace((text, pointer)) {
            self.shared.insert(text, pointer);
        }
        pointer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;

    fn read(pointer: *const c_char) -> &'static str {
        // SAFETY: every pointer of these tests is NUL-terminated and outlives the look.
        unsafe { CStr::from_ptr(pointer) }.to_str().unwrap()
    }

    #[test]
    fn shared_texts_are_stored_once() {
        let mut texts = ListTexts::with_capacity(0);
        let names = ["local", "text/plain", "local", "a", "b", "c", "local", ""];
        let pointers: Vec<_> = names.map(|name| texts.put_shared(name)).to_vec();
        assert_eq!(pointers[0], pointers[2]);
        assert_eq!(pointers[0], pointers[6]);
        assert_ne!(pointers[0], pointers[1]);
        for (name, pointer) in names.iter().zip(pointers) {
            assert_eq!(read(pointer), *name);
        }
    }

    #[test]
    fn a_nul_ends_a_c_string() {
        assert_eq!(c_string("a\0b"), c"a".to_owned());
        assert_eq!(c_string("plain"), c"plain".to_owned());
    }
}
