//! Progress functions: a long call reports its progress on the caller's thread.

use std::cell::RefCell;
use std::ffi::{c_char, c_void};
use std::mem::ManuallyDrop;

/// Receives the progress of a long call, on the thread that made the call. The library holds no
/// lock meanwhile, so the function may use the store. It may not close the handle of that call.
///
/// @param user   what was passed with the function
/// @param done   amount done so far
/// @param total  total amount; 0 if it is not known
/// @param what   names the current step; valid during the call of the function
/// @return 0 to go on; anything else ends the call with NEXUS_STATUS_CANCELLED
///
/// It must return normally: no exception, no longjmp.
pub type nexus_progress_fn = Option<
    unsafe extern "C" fn(user: *mut c_void, done: u64, total: u64, what: *const c_char) -> i32,
>;

thread_local! {
    /// The handles whose calls are in a progress function on this thread. It is empty between calls. Hosts call while a
    /// thread ends, too, when what has a destructor is gone.
    static WAITING_CALLS: ManuallyDrop<RefCell<Vec<usize>>> =
        const { ManuallyDrop::new(RefCell::new(Vec::new())) };
}

/// Returns whether a call on `handle` waits for its progress function on this thread.
pub(super) fn is_inside<H>(handle: *const H) -> bool {
    WAITING_CALLS.with(|calls| calls.borrow().contains(&handle.addr()))
}

/// A host's progress function for one call.
pub(super) struct Observer {
    function: nexus_progress_fn,
    user: *mut c_void,
    handle: usize,
    /// Reused for each text.
    what: Vec<u8>,
}

impl Observer {
    /// # Safety
    /// `function` may be called with `user` as long as the observer lives.
    pub(super) unsafe fn new<H>(
        function: nexus_progress_fn,
        user: *mut c_void,
        handle: *const H,
    ) -> Self {
        Observer {
            function,
            user,
            handle: handle.addr(),
            what: Vec::new(),
        }
    }

    /// Tells the host; returns whether to go on.
    pub(super) fn tell(&mut self, done: u64, total: u64, what: &str) -> bool {
        let Some(function) = self.function else {
            return true;
        };
        self.what.clear();
        self.what.extend_from_slice(what.as_bytes());
        self.what.push(0);
        WAITING_CALLS.with(|calls| calls.borrow_mut().push(self.handle));
        // SAFETY: the promise made to `new`; the text is NUL-terminated.
        let answer = unsafe { function(self.user, done, total, self.what.as_ptr().cast()) };
        WAITING_CALLS.with(|calls| {
            let mut calls = calls.borrow_mut();
            calls.pop();
            if calls.is_empty() {
                *calls = Vec::new();
            }
        });
        answer == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capi::store::nexus_fs;
    use std::ffi::CStr;
    use std::ptr;

    type Told = Vec<(u64, u64, String, bool)>;
    const FS: *const nexus_fs = ptr::without_provenance(0x10);

    unsafe extern "C" fn note(
        user: *mut c_void,
        done: u64,
        total: u64,
        what: *const c_char,
    ) -> i32 {
        // SAFETY: the test passes a `Told`, and the text is NUL-terminated.
        let (told, what) = unsafe { (&mut *user.cast::<Told>(), CStr::from_ptr(what)) };
        let what = what.to_str().unwrap().to_owned();
        told.push((done, total, what, is_inside(FS)));
        i32::from(done == 2)
    }

    #[test]
    fn the_host_is_told_and_may_cancel() {
        let mut told = Told::new();
        // SAFETY: `note` may be called with a `Told`.
        let mut observer = unsafe { Observer::new(Some(note), (&raw mut told).cast(), FS) };
        assert!(observer.tell(1, 2, "first"));
        assert!(!observer.tell(2, 2, "2nd"), "the cancellation was lost");
        assert!(!is_inside(FS), "the function has returned");
        let expected = [
            (1, 2, "first".to_owned(), true),
            (2, 2, "2nd".to_owned(), true),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn without_a_function_nothing_is_cancelled() {
        // SAFETY: there is no function to call.
        let mut observer = unsafe { Observer::new(None, ptr::null_mut(), FS) };
        assert!(observer.tell(1, 0, "alone"));
    }

    unsafe extern "C" fn close(
        user: *mut c_void,
        _done: u64,
        _total: u64,
        _what: *const c_char,
    ) -> i32 {
        // SAFETY: the handle may be anything; the test passes a place for an error.
        unsafe { crate::capi::store::nexus_close(FS.cast_mut(), user.cast()) }
    }

    #[test]
    fn a_handle_cannot_be_closed_by_its_own_progress_function() {
        let mut error: *mut crate::capi::error::nexus_error = ptr::null_mut();
        // SAFETY: `close` may be called with a place for an error.
        let mut observer = unsafe { Observer::new(Some(close), (&raw mut error).cast(), FS) };
        assert!(!observer.tell(1, 2, "closing"), "the closing was accepted");
        // SAFETY: a message is NUL-terminated and lives until the error is freed.
        let said = unsafe { CStr::from_ptr(crate::capi::error::nexus_error_message(error)) };
        let said = said.to_str().unwrap();
        assert!(said.contains("cannot be closed from within"), "{said}");
        crate::capi::error::nexus_error_free(error);
    }
}
