//! The memory of a list: its strings, and the rows of a long one.

use std::alloc::Layout;
use std::ffi::c_char;
use std::ptr::{self, NonNull};

const SMALLEST_BLOCK: usize = 4096;
/// A huge page on x86-64, and on aarch64 with pages of 4 KiB.
const HUGE_PAGE: usize = 2 * 1024 * 1024;

/// Memory that is allocated piece by piece, never moves, and is freed as a whole. Its strings are
/// NUL-terminated.
///
/// Blocks grow from 4 KiB. From 2 MiB on they are huge pages, if the system has them: otherwise a list of
/// 100,000 entries spends a sixth of its time in faults for 4 KiB each.
pub(super) struct Arena {
    blocks: Vec<Block>,
    /// What is left of the last block.
    next: *mut u8,
    room: usize,
    /// Bytes of all blocks.
    total: usize,
}

// SAFETY: the blocks are ours alone and move with the arena.
unsafe impl Send for Arena {}
// SAFETY: nothing in it changes through a shared reference.
unsafe impl Sync for Arena {}

impl Arena {
    /// Returns an arena with room for `bytes` bytes, terminators included; more is allowed.
    pub(super) fn with_capacity(bytes: usize) -> Self {
        let mut arena = Arena {
            blocks: Vec::new(),
            next: ptr::null_mut(),
            room: 0,
            total: 0,
        };
        if bytes > 0 {
            arena.add_block(bytes);
        }
        arena
    }

    /// Copies `text`, NUL-terminated, and returns the address of the copy.
    #[inline]
    pub(super) fn put(&mut self, text: &[u8]) -> *const c_char {
        let needed = text.len() + 1;
        if needed > self.room {
            self.add_block(needed);
        }
        let start = self.next;
        // SAFETY: `needed` bytes from `next` are ours, and nobody has a pointer to them yet.
        unsafe {
            ptr::copy_nonoverlapping(text.as_ptr(), start, text.len());
            start.add(text.len()).write(0);
        }
        self.advance(needed);
        start.cast_const().cast()
    }

    /// Returns room for `count` values, aligned as they need it.
    pub(super) fn room_for<T: Copy>(&mut self, count: usize) -> *mut T {
        let size = size_of::<T>() * count;
        let padding = self.next.align_offset(align_of::<T>());
        match size.checked_add(padding) {
            Some(needed) if needed <= self.room => self.advance(padding),
            // Blocks are aligned for anything.
            _ => self.add_block(size),
        }
        let start = self.next;
        self.advance(size);
        start.cast()
    }

    /// Passes over the next `count` bytes, which are in the block.
    #[inline]
    fn advance(&mut self, count: usize) {
        // `wrapping_add`: an arena without blocks has a NULL in `next`.
        self.next = self.next.wrapping_add(count);
        self.room -= count;
    }

    #[cold]
    fn add_block(&mut self, needed: usize) {
        // As much again as there is.
        let block = Block::new(needed.max(self.total.clamp(SMALLEST_BLOCK, HUGE_PAGE)));
        self.next = block.start.as_ptr();
        self.room = block.size;
        self.total += block.size;
        self.blocks.push(block);
    }
}

struct Block {
    start: NonNull<u8>,
    size: usize,
    is_mapped: bool,
}

impl Block {
    /// Returns a block of at least `size` bytes.
    fn new(size: usize) -> Self {
        if size >= HUGE_PAGE
            && let Some(block) = Block::map(size.next_multiple_of(HUGE_PAGE))
        {
            return block;
        }
        let layout = Block::layout(size);
        // SAFETY: the size is not zero.
        let start = unsafe { std::alloc::alloc(layout) };
        match NonNull::new(start) {
            Some(start) => Block {
                start,
                size,
                is_mapped: false,
            },
            None => std::alloc::handle_alloc_error(layout),
        }
    }

    /// Returns a block of `size` bytes in huge pages; `None` if there is no memory.
    fn map(size: usize) -> Option<Self> {
        let reserved = size.checked_add(HUGE_PAGE)?;
        // SAFETY: a new mapping, which touches nothing that exists.
        let memory = unsafe {
            libc::mmap(
                ptr::null_mut(),
                reserved,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if memory == libc::MAP_FAILED {
            return None;
        }
        let head = memory.addr().next_multiple_of(HUGE_PAGE) - memory.addr();
        let tail = HUGE_PAGE - head;
        let memory = memory.cast::<u8>();
        // SAFETY: what is cut off lies within the mapping, whose rest is `size` bytes long. The advice may
        // be refused, which changes nothing but the speed.
        unsafe {
            if head > 0 {
                libc::munmap(memory.cast(), head);
            }
            let start = memory.add(head);
            if tail > 0 {
                libc::munmap(start.add(size).cast(), tail);
            }
            libc::madvise(start.cast(), size, libc::MADV_HUGEPAGE);
            Some(Block {
                start: NonNull::new_unchecked(start),
                size,
                is_mapped: true,
            })
        }
    }

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size, 16)
            .unwrap_or_else(|_| std::alloc::handle_alloc_error(Layout::new::<u8>()))
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        let start = self.start.as_ptr();
        // SAFETY: the block was made by `map` or by `alloc` with this size, and nobody uses it any more.
        unsafe {
            match self.is_mapped {
                true => drop(libc::munmap(start.cast(), self.size)),
                false => std::alloc::dealloc(start, Block::layout(self.size)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;

    fn read(pointer: *const c_char) -> &'static [u8] {
        // SAFETY: every pointer of these tests is NUL-terminated and outlives the look.
        unsafe { CStr::from_ptr(pointer) }.to_bytes()
    }

    #[test]
    fn strings_stay_in_place_when_the_estimate_was_too_small() {
        let mut arena = Arena::with_capacity(8);
        let texts: Vec<String> = (0..5000).map(|n| format!("text {n}")).collect();
        let pointers: Vec<_> = texts
            .iter()
            .map(|text| arena.put(text.as_bytes()))
            .collect();
        let large = arena.put(&[b'x'; 100_000]);
        for (text, pointer) in texts.iter().zip(pointers) {
            assert_eq!(read(pointer), text.as_bytes());
        }
        assert_eq!(read(large).len(), 100_000);
    }

    #[test]
    fn values_are_aligned_between_strings_in_blocks_of_every_size() {
        let mut arena = Arena::with_capacity(0);
        let mut rooms = Vec::new();
        for n in 0..60_000_u64 {
            let text = arena.put(&[b'y'; 37]);
            let room = arena.room_for::<u64>(10);
            assert!(room.is_aligned(), "value {n} is not aligned");
            // SAFETY: the room is for ten values.
            unsafe { room.add(9).write(n) };
            rooms.push((text, room));
        }
        assert!(arena.total > 2 * HUGE_PAGE, "no large block was needed");
        for (n, (text, room)) in rooms.into_iter().enumerate() {
            assert_eq!(read(text), [b'y'; 37]);
            // SAFETY: written above.
            assert_eq!(unsafe { room.add(9).read() }, n as u64);
        }
    }
}
