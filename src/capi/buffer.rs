//! `nexus_buffer`: the bytes of a whole read.

use std::ffi::c_void;
use std::ptr;

use super::handle::{Table, Tag};
use super::unwind;

/// Bytes that a call returned.
pub struct nexus_buffer {
    _opaque: [u8; 0],
}

pub(super) static BUFFERS: Table<nexus_buffer, Vec<u8>> = Table::new(Tag::Buffer, "nexus_buffer");

/// Returns the bytes of a buffer.
///
/// @param buffer  an open buffer
/// @return nexus_buffer_len bytes, valid until the buffer is freed, and not NULL even for 0 bytes;
///         NULL if `buffer` is NULL or freed
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn nexus_buffer_data(buffer: *const nexus_buffer) -> *const c_void {
    /// What an empty buffer points at: an empty `Vec` points at no memory at all.
    static NOTHING: [u8; 1] = [0];
    unwind::accessor(ptr::null(), || match BUFFERS.find(buffer) {
        None => ptr::null(),
        Some(bytes) if bytes.is_empty() => NOTHING.as_ptr().cast(),
        Some(bytes) => bytes.as_ptr().cast(),
    })
}

/// Returns the number of bytes of a buffer.
///
/// @param buffer  an open buffer
/// @return the number of bytes; 0 if `buffer` is NULL or freed
///
/// Threads: any, at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn nexus_buffer_len(buffer: *const nexus_buffer) -> usize {
    unwind::accessor(0, || BUFFERS.find(buffer).map_or(0, |bytes| bytes.len()))
}

/// Frees a buffer and its bytes.
///
/// @param buffer  the buffer; NULL and one that was freed are ignored
///
/// Threads: any.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn nexus_buffer_free(buffer: *mut nexus_buffer) {
    unwind::release(|| drop(BUFFERS.remove(buffer)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_hands_out_the_very_bytes_it_was_given() {
        let bytes = b"content".to_vec();
        let address = bytes.as_ptr();
        let buffer = BUFFERS.insert(bytes).unwrap();
        assert_eq!(nexus_buffer_data(buffer), address.cast(), "it was copied");
        assert_eq!(nexus_buffer_len(buffer), 7);
        nexus_buffer_free(buffer);
        assert!(nexus_buffer_data(buffer).is_null());
        assert_eq!(nexus_buffer_len(buffer), 0);
        nexus_buffer_free(buffer);
    }

    #[test]
    fn an_empty_buffer_has_an_address() {
        let buffer = BUFFERS.insert(Vec::new()).unwrap();
        assert!(nexus_buffer_data(buffer).addr() > 4096);
        nexus_buffer_free(buffer);
    }
}
