//! Handles: pointers that are never dereferenced.
//!
//! A handle's value is made of the tag of its type (8 bits, such that the value is no address of
//! user space on any system), the number of a slot (24 bits), the generation of that slot (28
//! bits), and four zero bits, so that it is aligned like a pointer. A lookup compares the
//! generation, so a handle that is NULL, stale, foreign or made up is refused. A slot whose
//! generations are used up is never used again, so no handle value occurs twice.
//!
//! Slots live in chunks that are allocated once and stay for the life of the process, so a lookup
//! takes no lock. Each slot has one atomic word:
//!
//! ```text
//! generation << 32 | LIVE | CLOSING | number of pins
//! ```
//!
//! * A pin is taken only on a LIVE slot, by compare-and-swap. The value exists while any pin does.
//! * Removal turns LIVE into CLOSING and takes a pin in the same operation, so exactly one caller
//!   removes a value, and no thread can pin it from then on.
//! * The last pin of a CLOSING slot takes the value out, frees the slot and drops the value.

use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ops::Deref;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::error::{Error, Result};

const LIVE: u64 = 1 << 31;
const CLOSING: u64 = 1 << 30;
const PINS: u64 = CLOSING - 1;

const SLOT_BITS: u32 = 24;
const GENERATION_BITS: u32 = 28;
const ALIGNMENT_BITS: u32 = 4;
const LAST_GENERATION: u64 = (1 << GENERATION_BITS) - 1;
/// The last slot number is kept free: [`reserved`] uses it.
const MAX_SLOTS: u32 = (1 << SLOT_BITS) - 1;

/// Chunk `k` holds `64 << k` slots.
const FIRST_CHUNK: u32 = 64;
const CHUNKS: usize = 19;

/// The type of an object: the top byte of its handles. No value makes a canonical address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Tag {
    Fs = 0x41,
    Reader,
    Writer,
    Batch,
    Buffer,
    Entries,
    Matches,
    Strings,
    WorkList,
    Error,
}

/// Returns the handle value of `slot` in its `generation`.
const fn encode(tag: Tag, slot: u32, generation: u64) -> usize {
    (tag as usize) << 56
        | (slot as usize) << (GENERATION_BITS + ALIGNMENT_BITS)
        | (generation as usize) << ALIGNMENT_BITS
}

/// Returns the one handle value with `tag` that no table ever returns.
pub(super) const fn reserved(tag: Tag) -> usize {
    encode(tag, MAX_SLOTS, LAST_GENERATION)
}

struct Slot<T> {
    state: AtomicU64,
    value: UnsafeCell<MaybeUninit<T>>,
}

struct FreeSlots {
    /// Slots that were used before; the newest is the warmest.
    reusable: Vec<u32>,
    /// The first slot never used.
    fresh: u32,
}

/// All open objects of one type: values `T` behind handles of the C type `H`.
pub(super) struct Table<H, T> {
    tag: Tag,
    /// The C type, for messages.
    name: &'static str,
    chunks: [AtomicPtr<Slot<T>>; CHUNKS],
    free: Mutex<FreeSlots>,
    open: AtomicU64,
    /// With `returned`: makes a removal wait until other threads return their pins.
    waiting: Mutex<()>,
    returned: Condvar,
    _handle: PhantomData<fn(*mut H)>,
    /// The table owns its values, so threads may share it only if they may share the values.
    _value: PhantomData<T>,
}

impl<H, T: Send + Sync + 'static> Table<H, T> {
    pub(super) const fn new(tag: Tag, name: &'static str) -> Self {
        Table {
            tag,
            name,
            chunks: [const { AtomicPtr::new(ptr::null_mut()) }; CHUNKS],
            free: Mutex::new(FreeSlots {
                reusable: Vec::new(),
                fresh: 0,
            }),
            open: AtomicU64::new(0),
            waiting: Mutex::new(()),
            returned: Condvar::new(),
            _handle: PhantomData,
            _value: PhantomData,
        }
    }

    /// Returns the number of values that were inserted and not yet dropped.
    pub(super) fn open(&self) -> u64 {
        self.open.load(Ordering::Acquire)
    }

    /// Keeps `value` and returns its handle.
    pub(super) fn insert(&self, value: T) -> Result<*mut H> {
        let (index, slot) = self.take_slot()?;
        // SAFETY: the slot came off the free list, so it is neither LIVE nor CLOSING: no pin
        // exists or can be taken, and nobody else has it.
        unsafe { (*slot.value.get()).write(value) };
        let generation = (slot.state.load(Ordering::Relaxed) >> 32) + 1;
        slot.state.store(generation << 32 | LIVE, Ordering::Release);
        self.open.fetch_add(1, Ordering::Relaxed);
        Ok(ptr::without_provenance_mut(encode(
            self.tag, index, generation,
        )))
    }

    /// Returns the value of `handle`, which stays at least as long as the pin.
    ///
    /// # Errors
    /// Misuse, unless `handle` is one of this table that is open.
    #[inline]
    pub(super) fn get(&self, handle: *const H) -> Result<Pin<'_, H, T>> {
        match self.pin(handle, |state| state + 1) {
            Some(pin) => Ok(pin),
            None => Err(self.misuse(handle)),
        }
    }

    /// Like [`get`](Self::get), without an error.
    #[inline]
    pub(super) fn find(&self, handle: *const H) -> Option<Pin<'_, H, T>> {
        self.pin(handle, |state| state + 1)
    }

    /// Closes `handle` for all other callers and returns its value, which is dropped with the last
    /// pin.
    ///
    /// # Errors
    /// Misuse, unless `handle` is one of this table that is open.
    pub(super) fn remove(&self, handle: *const H) -> Result<Pin<'_, H, T>> {
        let removed = self.pin(handle, |state| (state + 1) & !LIVE | CLOSING);
        removed.ok_or_else(|| self.misuse(handle))
    }

    /// Takes a pin: changes the word of a live slot with `change`.
    #[inline]
    fn pin(&self, handle: *const H, change: impl Fn(u64) -> u64) -> Option<Pin<'_, H, T>> {
        let bits = handle.addr();
        if bits >> 56 != self.tag as usize || bits & ((1 << ALIGNMENT_BITS) - 1) != 0 {
            return None;
        }
        let index = (bits >> (GENERATION_BITS + ALIGNMENT_BITS)) as u32 & MAX_SLOTS;
        let generation = (bits >> ALIGNMENT_BITS) as u64 & LAST_GENERATION;
        let slot = self.slot(index)?;
        let wanted = generation << 32 | LIVE;
        let mut state = slot.state.load(Ordering::Relaxed);
        loop {
            if state & !PINS != wanted {
                return None;
            }
            match slot.state.compare_exchange_weak(
                state,
                change(state),
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => {
                    return Some(Pin {
                        table: self,
                        slot,
                        index,
                    });
                }
                Err(now) => state = now,
            }
        }
    }

    /// Returns the slot with this number, if its chunk exists.
    #[inline]
    fn slot(&self, index: u32) -> Option<&Slot<T>> {
        let (chunk, offset) = place(index);
        let chunk = self.chunks.get(chunk)?.load(Ordering::Acquire);
        // SAFETY: a chunk, once published, is initialised, is never freed, and has an `offset`th slot
        // (see `place`).
        (!chunk.is_null()).then(|| unsafe { &*chunk.add(offset) })
    }

    fn take_slot(&self) -> Result<(u32, &Slot<T>)> {
        let mut free = self.free.lock();
        let index = match free.reusable.pop() {
            Some(index) => index,
            None if free.fresh < MAX_SLOTS => {
                let (chunk, offset) = place(free.fresh);
                if offset == 0 {
                    self.chunks[chunk].store(new_chunk(chunk), Ordering::Release);
                }
                free.fresh += 1;
                free.fresh - 1
            }
            None => {
                return Err(Error::internal(format!(
                    "too many open {} objects",
                    self.name
                )));
            }
        };
        match self.slot(index) {
            Some(slot) => Ok((index, slot)),
            None => Err(Error::internal("a handle slot without a chunk")),
        }
    }

    /// The end of a removal: no thread can reach the value any more.
    fn reclaim(&self, index: u32, slot: &Slot<T>) {
        // SAFETY: the slot is CLOSING and the caller gave back its last pin, so the value is
        // initialised, and this is the only thread that will touch it.
        let value = unsafe { (*slot.value.get()).assume_init_read() };
        let generation = slot.state.load(Ordering::Relaxed) >> 32;
        slot.state.store(generation << 32, Ordering::Relaxed);
        if generation < LAST_GENERATION {
            self.free.lock().reusable.push(index);
        }
        let _counted = Counted(&self.open);
        // Last, and without the lock: it may take long, and it may panic.
        drop(value);
    }

    #[cold]
    fn misuse(&self, handle: *const H) -> Error {
        let name = self.name;
        Error::misuse(if handle.is_null() {
            format!("the {name} is NULL")
        } else if handle.addr() >> 56 != self.tag as usize {
            format!("this is no {name}")
        } else {
            format!("this {name} is not open: it was closed or freed")
        })
    }
}

/// One value, which counts as open until this is dropped.
struct Counted<'t>(&'t AtomicU64);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Release);
    }
}

/// Returns the chunk of a slot and its index in the chunk.
#[inline]
const fn place(index: u32) -> (usize, usize) {
    let chunk = (index / FIRST_CHUNK + 1).ilog2();
    let first = ((1 << chunk) - 1) * FIRST_CHUNK;
    (chunk as usize, (index - first) as usize)
}

/// Returns a new chunk of free slots, which is never freed.
fn new_chunk<T>(chunk: usize) -> *mut Slot<T> {
    let slots: Box<[Slot<T>]> = (0..(FIRST_CHUNK as usize) << chunk)
        .map(|_| Slot {
            state: AtomicU64::new(0),
            value: UnsafeCell::new(MaybeUninit::uninit()),
        })
        .collect();
    Box::into_raw(slots).cast()
}

/// The use of one value, which exists as long as the pin.
pub(super) struct Pin<'t, H, T: Send + Sync + 'static> {
    table: &'t Table<H, T>,
    slot: &'t Slot<T>,
    index: u32,
}

impl<H, T: Send + Sync + 'static> Pin<'_, H, T> {
    /// Waits until this is the only pin. Only valid for a pin that [`Table::remove`] returned; with
    /// another it may wait forever.
    pub(super) fn wait_for_others(&self) {
        let mut waiting = self.table.waiting.lock();
        while self.slot.state.load(Ordering::Acquire) & PINS > 1 {
            self.table.returned.wait(&mut waiting);
        }
    }

    #[cold]
    fn leave_closing(&self, others: u64) {
        if others == 0 {
            self.table.reclaim(self.index, self.slot);
        } else {
            // Under the lock, so that a waiter either sees the new count or is woken.
            let _waiting = self.table.waiting.lock();
            self.table.returned.notify_all();
        }
    }
}

impl<H, T: Send + Sync + 'static> Deref for Pin<'_, H, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the slot was LIVE when the pin was taken, so the value is initialised, and it is
        // taken out only after the last pin is gone.
        unsafe { (*self.slot.value.get()).assume_init_ref() }
    }
}

impl<H, T: Send + Sync + 'static> Drop for Pin<'_, H, T> {
    #[inline]
    fn drop(&mut self) {
        // AcqRel: what the value's users did happens before its drop, whichever thread does that.
        let before = self.slot.state.fetch_sub(1, Ordering::AcqRel);
        if before & CLOSING != 0 {
            self.leave_closing((before & PINS) - 1);
        }
    }
}

/// Returns the use of an object that only one thread may use at a time.
///
/// # Errors
/// Misuse, if another call is using the object.
pub(super) fn exclusive<T>(object: &Mutex<T>) -> Result<MutexGuard<'_, T>> {
    object.try_lock().ok_or_else(|| {
        Error::misuse("another call uses this object now: it is for one thread at a time")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    use proptest::prelude::*;

    struct Object;

    fn table() -> Table<Object, u64> {
        Table::new(Tag::Buffer, "nexus_buffer")
    }

    fn value_of(table: &Table<Object, u64>, handle: usize) -> Option<u64> {
        table.find(ptr::without_provenance(handle)).map(|pin| *pin)
    }

    proptest! {
        /// Against a map: what is open is found, what was closed never again.
        #[test]
        fn a_handle_finds_its_own_value_and_only_while_open(
            steps in prop::collection::vec((any::<bool>(), any::<prop::sample::Index>()), 1..400),
        ) {
            let table = table();
            let mut open: HashMap<usize, u64> = HashMap::new();
            let mut closed: Vec<usize> = Vec::new();
            for (number, (insert, which)) in steps.into_iter().enumerate() {
                let number = number as u64;
                if insert || open.is_empty() {
                    let handle = table.insert(number).unwrap().addr();
                    prop_assert!(!closed.contains(&handle), "{handle:#x} was handed out twice");
                    prop_assert_eq!(open.insert(handle, number), None);
                } else {
                    let handle = *which.get(&open.keys().copied().collect::<Vec<_>>());
                    let removed = *table.remove(ptr::without_provenance(handle)).unwrap();
                    prop_assert_eq!(Some(removed), open.remove(&handle));
                    closed.push(handle);
                }
                prop_assert_eq!(table.open(), open.len() as u64);
                for (&handle, &value) in &open {
                    prop_assert_eq!(value_of(&table, handle), Some(value));
                }
                for &handle in &closed {
                    prop_assert_eq!(value_of(&table, handle), None, "{:#x} is stale", handle);
                    prop_assert!(table.remove(ptr::without_provenance(handle)).is_err());
                }
            }
        }

        #[test]
        fn a_made_up_handle_finds_nothing(bits: usize) {
            let table = table();
            let handle = table.insert(7).unwrap().addr();
            prop_assume!(bits != handle);
            prop_assert_eq!(value_of(&table, bits), None);
            prop_assert_eq!(value_of(&table, handle ^ 1), None);
            prop_assert_eq!(value_of(&table, handle), Some(7));
        }
    }

    #[test]
    fn slots_fill_chunks_without_gaps() {
        let mut expected = (0, 0);
        for index in 0..100_000 {
            assert_eq!(place(index), expected, "slot {index}");
            expected.1 += 1;
            if expected.1 == (FIRST_CHUNK as usize) << expected.0 {
                expected = (expected.0 + 1, 0);
            }
        }
        assert!(
            place(MAX_SLOTS - 1).0 < CHUNKS,
            "the last slot has no chunk"
        );
    }

    #[test]
    fn a_slot_with_used_up_generations_is_retired() {
        let table = table();
        let first = table.insert(1).unwrap();
        drop(table.remove(first).unwrap());
        let slot = table.slot(0).unwrap();
        slot.state
            .store((LAST_GENERATION - 1) << 32, Ordering::Relaxed);
        let last = table.insert(2).unwrap();
        assert_eq!(last.addr(), encode(Tag::Buffer, 0, LAST_GENERATION));
        drop(table.remove(last).unwrap());
        let next = table.insert(3).unwrap();
        assert_eq!(next.addr(), encode(Tag::Buffer, 1, 1), "slot 0 came back");
        assert!(table.get(first).is_err());
    }

    #[test]
    fn no_handle_looks_like_an_address() {
        for tag in [Tag::Fs, Tag::Error] {
            let top = encode(tag, 0, 1) >> 47;
            assert!(top != 0 && top != (1 << 17) - 1, "{tag:?} is canonical");
        }
    }

    #[test]
    fn a_removed_value_lives_as_long_as_its_pins() {
        struct Counted(Arc<AtomicUsize>);
        impl Drop for Counted {
            fn drop(&mut self) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let dropped = Arc::new(AtomicUsize::new(0));
        let table: Table<Object, Counted> = Table::new(Tag::Fs, "nexus_fs");
        let handle = table.insert(Counted(Arc::clone(&dropped))).unwrap();
        let pin = table.get(handle).unwrap();
        let removed = table.remove(handle).unwrap();
        assert!(table.get(handle).is_err(), "a closing handle was found");
        drop(removed);
        assert_eq!(dropped.load(Ordering::Relaxed), 0, "dropped under a pin");
        assert_eq!(table.open(), 1, "what is not dropped yet does not count");
        drop(pin);
        assert_eq!(table.open(), 0);
        assert_eq!(dropped.load(Ordering::Relaxed), 1, "the last pin drops it");
    }

    #[test]
    fn removal_waits_for_the_calls_in_flight() {
        let table: &'static Table<Object, AtomicU64> =
            Box::leak(Box::new(Table::new(Tag::Fs, "nexus_fs")));
        let handle = table.insert(AtomicU64::new(0)).unwrap().addr();
        let (started, starts) = std::sync::mpsc::channel();
        let users: Vec<_> = (0..4)
            .map(|_| {
                let started = started.clone();
                std::thread::spawn(move || {
                    let pin = table.get(ptr::without_provenance(handle)).unwrap();
                    started.send(()).unwrap();
                    // Until the removal has begun, which shows in the handle being refused.
                    while table.find(ptr::without_provenance(handle)).is_some() {
                        std::thread::yield_now();
                    }
                    pin.fetch_add(1, Ordering::Relaxed);
                })
            })
            .collect();
        for _ in 0..4 {
            starts.recv().unwrap();
        }
        let removed = table.remove(ptr::without_provenance(handle)).unwrap();
        removed.wait_for_others();
        assert_eq!(
            removed.load(Ordering::Relaxed),
            4,
            "a user was still at work"
        );
        for user in users {
            user.join().unwrap();
        }
    }

    #[test]
    fn threads_that_insert_find_and_remove_do_not_meet() {
        let table: &'static Table<Object, u64> = Box::leak(Box::new(table()));
        let threads: Vec<_> = (0..4u64)
            .map(|thread| {
                std::thread::spawn(move || {
                    for round in 0..20_000u64 {
                        let value = thread << 32 | round;
                        let handle = table.insert(value).unwrap();
                        assert_eq!(*table.get(handle).unwrap(), value);
                        assert_eq!(*table.remove(handle).unwrap(), value);
                        assert!(table.get(handle).is_err());
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(table.open(), 0);
    }
}
