//! Lines of bounded length.

use std::io::{self, BufRead, Read};

/// Longest line, in bytes. Each value of a file's metadata may have 1 MiB.
pub(super) const MAX_LINE_BYTES: u64 = 256 * 1024 * 1024;

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

/// Reads lines one by one.
pub(super) struct LineReader<R> {
    input: R,
    limit: u64,
    buffer: Vec<u8>,
}

impl<R: BufRead> LineReader<R> {
    /// Returns a reader of the lines of `input` that have at most `limit` bytes.
    pub fn new(input: R, limit: u64) -> Self {
        LineReader {
            input,
            limit,
            buffer: Vec::new(),
        }
    }

    /// Reads the next line.
    pub fn next(&mut self) -> io::Result<Next<'_>> {
        self.buffer.clear();
        let mut bounded = (&mut self.input).take(self.limit + 1);
        if bounded.read_until(b'\n', &mut self.buffer)? == 0 {
            return Ok(Next::End);
        }
        if self.buffer.last() == Some(&b'\n') {
            self.buffer.pop();
        } else if self.buffer.len() as u64 > self.limit {
            self.buffer = Vec::new();
            self.pass_over_rest()?;
            return Ok(Next::TooLong);
        }
        if self.buffer.last() == Some(&b'\r') {
            self.buffer.pop();
        }
        Ok(Next::Line(&self.buffer))
    }

    fn pass_over_rest(&mut self) -> io::Result<()> {
        loop {
            let bytes = self.input.fill_buf()?;
            let (passed, found) = match bytes.iter().position(|byte| *byte == b'\n') {
                Some(at) => (at + 1, true),
                None => (bytes.len(), bytes.is_empty()),
            };
            self.input.consume(passed);
            if found {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(input: &[u8], limit: u64) -> Vec<String> {
        let mut reader = LineReader::new(io::BufReader::with_capacity(3, input), limit);
        let mut found = Vec::new();
        loop {
            match reader.next().unwrap() {
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
}
