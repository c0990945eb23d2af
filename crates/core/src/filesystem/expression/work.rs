//! Counts the work of a search, and polls its call for interrupts.

use crate::call::Call;
use crate::error::Result;

/// Units of work between two polls. A unit is a byte of text read, or a state of an automaton visited: some
/// nanoseconds, so that a call is polled every few milliseconds.
const UNITS_BETWEEN_POLLS: usize = 64 * 1024;

/// The work of one call.
#[derive(Debug)]
pub(crate) struct Work<'a> {
    call: &'a Call,
    /// Units until the next poll.
    left: usize,
}

impl<'a> Work<'a> {
    pub(crate) fn new(call: &'a Call) -> Self {
        Work {
            call,
            left: UNITS_BETWEEN_POLLS,
        }
    }

    /// Counts `units` that are about to be done, and polls the call if it is time.
    ///
    /// # Errors
    /// Cancelled, if the call was interrupted.
    #[inline]
    pub(crate) fn spend(&mut self, units: usize) -> Result<()> {
        match self.left.checked_sub(units) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => self.poll(),
        }
    }

    #[cold]
    fn poll(&mut self) -> Result<()> {
        self.left = UNITS_BETWEEN_POLLS;
        self.call.check()
    }
}
