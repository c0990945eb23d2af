//! Panics: none leaves the library, and none is printed.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::Once;

use super::fork;

thread_local! {
    /// How many exports are running on this thread: more than one inside a callback.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    /// Where the last panic of this thread was raised, as `file:line`.
    static RAISED_AT: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Runs the body of an export that frees something. Does nothing in a child forked while a store
/// was open: what it would free may hold locks there.
pub(super) fn release(body: impl FnOnce()) {
    if !fork::is_poisoned() {
        // A panic in a destructor has nowhere to be reported; the object is gone all the same.
        let _ = quietly(body);
    }
}

/// Runs the body of an export that only looks at memory; `fallback` stands for a panic.
#[inline]
pub(super) fn accessor<R>(fallback: R, body: impl FnOnce() -> R) -> R {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(fallback)
}

/// Returns whether an export is running on this thread.
pub(super) fn is_calling() -> bool {
    DEPTH.with(Cell::get) > 0
}

/// Catches panics of `body` without a line on standard error.
pub(super) fn quietly<R>(body: impl FnOnce() -> R) -> std::thread::Result<R> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !note(info) {
                previous(info);
            }
        }));
    });
    DEPTH.with(|depth| depth.set(depth.get() + 1));
    // Unwind safety: everything shared is behind locks that do not poison and changes in
    // transactions that roll back.
    let outcome = catch_unwind(AssertUnwindSafe(body));
    DEPTH.with(|depth| depth.set(depth.get() - 1));
    outcome
}

/// Keeps where a panic was raised, if an export runs on this thread; else it is not ours.
fn note(info: &PanicHookInfo<'_>) -> bool {
    let inside = DEPTH.try_with(Cell::get).is_ok_and(|depth| depth > 0);
    if inside && let Some(location) = info.location() {
        // The end of the name alone: a whole path may be one of the machine that built the library.
        let file = location.file();
        let file = file
            .rmatch_indices('/')
            .nth(1)
            .map_or(file, |(slash, _)| &file[slash + 1..]);
        let _ = RAISED_AT.try_with(|at| {
            if let Ok(mut at) = at.try_borrow_mut() {
                *at = format!("{file}:{}", location.line());
            }
        });
    }
    inside
}

/// Returns the message of a panic that [`quietly`] caught on this thread, and where it was raised.
pub(super) fn panic_message(payload: &(dyn Any + Send)) -> String {
    let what = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without text");
    let at = RAISED_AT.try_with(RefCell::take).unwrap_or_default();
    format!("a defect in Nexus, please report it: {what} ({at})")
}
