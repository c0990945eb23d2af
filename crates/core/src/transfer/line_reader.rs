//! Lines of bounded length.

use std::io::{self, BufRead, Read};
use std::path::Path;

use super::host_file::host_error;
use crate::call::Call;
use crate::error::Error;

/// Longest line, in bytes. Each value of a file's metadata may have 1 MiB.
pub(super) const MAX_LINE_BYTES: u64 = 256 * 1024 * 1024;
/// Bytes that are read before the call is asked again whether it was interrupted.
const STEP: u64 = 256 * 1024;
/// What goes on for this many times the longest line has no lines, and is not read further.
const PASSED_OVER: u64 = 4;

/// What was read next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<'a> {
    /// A line, without its end.
    Line(&'a [u8]),
    /// A line that is longer than allowed; it was passed over.
    TooLong,
    /// Nothing is left.
    End,
}

/// Why lines could not be read.
#[derive(Debug)]
pub(super) enum ReadError {
    /// The source of the lines failed.
    Source(io::Error),
    /// Anything else.
    Failed(Error),
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        ReadError::Source(error)
    }
}

impl From<Error> for ReadError {
    fn from(error: Error) -> Self {
        ReadError::Failed(error)
    }
}

impl ReadError {
    /// Returns the error for lines of `file`, a file of the host.
    pub fn at_file(self, file: &Path) -> Error {
        match self {
            ReadError::Source(error) => host_error("read", file, error),
            ReadError::Failed(error) => error,
        }
    }
}

/// Reads lines one by one.
pub(super) struct LineReader<R> {
    input: R,
    limit: u64,
    buffer: Vec<u8>,
    /// Whether the rest has no lines.
    ended: bool,
}

impl<R: BufRead> LineReader<R> {
    /// Returns a reader of the lines of `input` that have at most `limit` bytes.
    pub fn new(input: R, limit: u64) -> Self {
        LineReader {
            input,
            limit,
            buffer: Vec::new(),
            ended: false,
        }
    }

    /// Reads the next line.
    pub fn next(&mut self, call: &Call) -> Result<Next<'_>, ReadError> {
        self.buffer.clear();
        if self.ended || self.read_up_to(self.limit + 1, call)? == 0 {
            return Ok(Next::End);
        }
        if self.is_whole() {
            self.buffer.pop();
        } else if self.buffer.len() as u64 > self.limit {
            self.buffer = Vec::new();
            self.pass_over_rest(call)?;
            return Ok(Next::TooLong);
        }
        if self.buffer.last() == Some(&b'\r') {
            self.buffer.pop();
        }
        Ok(Next::Line(&self.buffer))
    }

    /// Adds to the buffer until it has `length` bytes, the line ends, or nothing is left. Returns its length.
    fn read_up_to(&mut self, length: u64, call: &Call) -> Result<usize, ReadError> {
        loop {
            call.check()?;
            let room = length - self.buffer.len() as u64;
            let mut piece = (&mut self.input).take(room.min(STEP));
            let count = piece.read_until(b'\n', &mut self.buffer)?;
            if count == 0 || self.is_whole() || self.buffer.len() as u64 == length {
                return Ok(self.buffer.len());
            }
        }
    }

    fn is_whole(&self) -> bool {
        self.buffer.last() == Some(&b'\n')
    }

    fn pass_over_rest(&mut self, call: &Call) -> Result<(), ReadError> {
        let mut passed = 0;
        while passed < PASSED_OVER * self.limit {
            self.buffer.clear();
            let count = self.read_up_to(STEP, call)?;
            if count == 0 || self.is_whole() {
                return Ok(());
            }
            passed += count as u64;
        }
        self.ended = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::call::Interrupts;
    use crate::error::ErrorKind;

    fn all(input: &[u8], limit: u64) -> Vec<String> {
        let mut reader = LineReader::new(io::BufReader::with_capacity(3, input), limit);
        let mut found = Vec::new();
        loop {
            match reader.next(&Call::for_test()).unwrap() {
                Next::Line(line) => found.push(String::from_utf8_lossy(line).into_owned()),
                Next::TooLong => found.push("too long".to_owned()),
                Next::End => return found,
            }
        }
    }

    #[test]
    fn lines_end_with_a_line_feed_or_the_file() {
        assert_eq!(all(b"a\r\n\nbc", 9), ["a", "", "bc"]);
        assert_eq!(all(b"a\n", 9), ["a"]);
        assert_eq!(all(b"", 9), Vec::<String>::new());
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over() {
        assert_eq!(
            all(b"1234\n12345\n123456789\n12\n", 4),
            ["1234", "too long", "too long", "12"]
        );
        assert_eq!(all(b"1234567890", 4), ["too long"]);
    }

    #[test]
    fn a_line_of_several_pieces_is_one_line() {
        let line = "x".repeat(3 * STEP as usize + 1);
        assert!(all(format!("{line}\nafter").as_bytes(), 4 * STEP) == [&line, "after"]);
    }

    #[test]
    fn what_has_no_lines_is_not_read_to_its_end() {
        let mut input = io::BufReader::new(io::repeat(0));
        let mut reader = LineReader::new(&mut input, STEP);
        let call = Call::for_test();
        assert_eq!(reader.next(&call).unwrap(), Next::TooLong);
        assert_eq!(reader.next(&call).unwrap(), Next::End);
    }

    #[test]
    fn a_line_without_end_can_be_interrupted() {
        for pieces_before in [3, 100] {
            let interrupts = Interrupts::default();
            let call = interrupts.begin(Duration::from_secs(1));
            let source = Interrupting {
                after: pieces_before * STEP,
                interrupts,
            };
            let mut reader = LineReader::new(io::BufReader::new(source), 64 * STEP);
            match reader.next(&call) {
                Err(ReadError::Failed(error)) => assert_eq!(error.kind(), ErrorKind::Cancelled),
                other => panic!("{other:?}"),
            }
        }
    }

    /// Has no end, and interrupts the call once some bytes were read.
    struct Interrupting {
        after: u64,
        interrupts: Interrupts,
    }

    impl Read for Interrupting {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.after == 0 {
                self.interrupts.interrupt();
            }
            self.after = self.after.saturating_sub(buffer.len() as u64);
            buffer.fill(b'x');
            Ok(buffer.len())
        }
    }
}
