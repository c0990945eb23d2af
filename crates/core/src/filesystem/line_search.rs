//! Searching the lines of contents for a regular expression or a text, as `grep` does.
//!
//! Matching takes time linear in the content, whatever the expression, and can be interrupted anywhere
//! ([`super::expression`]). A content may come in pieces: memory is bounded by the longest line, and that by
//! [`MAX_LINE_BYTES`].

use std::io::BufRead;

use super::expression::{Expression, Searcher, Work};
use crate::call::Call;
use crate::error::{Error, Result};

/// Most bytes of a line that are searched and shown. Of a longer line, only the beginning counts: it
/// is searched as if the line ended there. Such lines are data, not text, and a match in
/// them would have to be held whole.
pub(crate) const MAX_LINE_BYTES: usize = 256 * 1024;

/// Bytes of a content that are checked to decide whether it is binary.
const BINARY_SAMPLE_BYTES: usize = 8 * 1024;

/// Longest expression, in bytes.
const MAX_PATTERN_BYTES: usize = 64 * 1024;

/// U+FEFF, with which some editors begin a file in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Called with the number of a line that matches, from 1; the line without its end; and where in it
/// the first match begins and ends. Returning `false` ends the search.
pub(crate) type Found<'a> = &'a mut dyn FnMut(u64, &[u8], usize, usize) -> bool;

/// A compiled pattern, applied to each line by itself: `^` and `$` are the line's.
#[derive(Debug, Clone)]
pub(crate) struct LineSearch {
    expression: Expression,
}

impl LineSearch {
    /// Returns the search for `pattern`, a regular expression or, with `literal`, the text itself; with
    /// `ignore_case`, letters match in either case.
    ///
    /// # Errors
    /// InvalidArgument, with the reason, for an expression that is malformed, uses what cannot be
    /// matched in linear time (look-around, back-references), or is too large.
    pub(crate) fn compile(pattern: &str, ignore_case: bool, literal: bool) -> Result<LineSearch> {
        let (what, expression) = match literal {
            true => ("literal pattern", regex_syntax::escape(pattern)),
            false => ("regular expression", pattern.to_owned()),
        };
        let refuse = |reason| Error::invalid_argument(format!("{what}: {reason}"));
        if pattern.len() > MAX_PATTERN_BYTES {
            return Err(refuse("it has at most 65536 bytes".into()));
        }
        let expression = Expression::compile(&expression, ignore_case).map_err(refuse)?;
        Ok(LineSearch { expression })
    }

    /// Returns what searches for the pattern.
    pub(crate) fn searcher(&self) -> Searcher {
        self.expression.searcher()
    }

    /// Returns whether `content`, or the beginning of one, is binary: whether there is a NUL in the
    /// first 8 KiB.
    pub(crate) fn is_binary(content: &[u8]) -> bool {
        content[..content.len().min(BINARY_SAMPLE_BYTES)].contains(&0)
    }
}

/// The search of a content that comes in pieces. A line ends with LF or CRLF; the last one may lack its end. A
/// byte-order mark in front of the first one is no part of it.
#[derive(Debug)]
pub(crate) struct LineScan<'a> {
    searcher: &'a mut Searcher,
    work: Work<'a>,
    /// Number of the line that comes next or has begun.
    line: u64,
    /// The beginning of a line whose end has not come; at most [`MAX_LINE_BYTES`].
    begun: Vec<u8>,
    /// How much of that line has come.
    begun_bytes: usize,
}

impl<'a> LineScan<'a> {
    /// Returns the search of a content by `searcher`, for `call`.
    pub(crate) fn new(searcher: &'a mut Searcher, call: &'a Call) -> Self {
        LineScan {
            searcher,
            work: Work::new(call),
            line: 1,
            begun: Vec::new(),
            begun_bytes: 0,
        }
    }

    /// Searches the lines that `piece` completes. Returns `false` once `found` has; then the search is over, and
    /// neither this nor [`Self::finish`] is to be called again.
    ///
    /// # Errors
    /// Cancelled, if the call was interrupted.
    pub(crate) fn feed(&mut self, mut piece: &[u8], found: Found<'_>) -> Result<bool> {
        while !piece.is_empty() {
            let (line, rest, complete) = split_line(piece);
            piece = rest;
            let goes_on = match (complete, self.begun_bytes) {
                (false, _) => {
                    self.begin(line);
                    return Ok(true);
                }
                // The usual case: the whole line is in the piece, and is not copied.
                (true, 0) => {
                    let kept = &line[..line.len().min(MAX_LINE_BYTES)];
                    self.search_line(kept, line.len(), found)?
                }
                (true, _) => {
                    self.begin(line);
                    self.search_begun(found)?
                }
            };
            if !goes_on {
                return Ok(false);
            }
            self.line += 1;
        }
        Ok(true)
    }

    /// Searches the last line, if it had no end.
    ///
    /// # Errors
    /// Cancelled, if the call was interrupted.
    pub(crate) fn finish(mut self, found: Found<'_>) -> Result<()> {
        let is_empty = self.line == 1 && self.begun == BYTE_ORDER_MARK;
        if self.begun_bytes > 0 && !is_empty {
            self.search_begun(found)?;
        }
        Ok(())
    }

    fn begin(&mut self, part: &[u8]) {
        let room = MAX_LINE_BYTES - self.begun.len();
        self.begun.extend_from_slice(&part[..part.len().min(room)]);
        self.begun_bytes += part.len();
    }

    fn search_begun(&mut self, found: Found<'_>) -> Result<bool> {
        let whole_bytes = std::mem::take(&mut self.begun_bytes);
        let mut begun = std::mem::take(&mut self.begun);
        let goes_on = self.search_line(&begun, whole_bytes, found)?;
        begun.clear();
        self.begun = begun;
        Ok(goes_on)
    }

    /// Searches one line, of which `line` is at most the first [`MAX_LINE_BYTES`] and `whole_bytes`
    /// the length without the LF.
    fn search_line(&mut self, line: &[u8], whole_bytes: usize, found: Found<'_>) -> Result<bool> {
        self.work.spend(1)?;
        let line = match line {
            [text @ .., b'\r'] if line.len() == whole_bytes => text,
            line => line,
        };
        let line = match line.strip_prefix(BYTE_ORDER_MARK) {
            Some(text) if self.line == 1 => text,
            _ => line,
        };
        Ok(match self.searcher.find(line, &mut self.work)? {
            Some((start, end)) => found(self.line, line, start, end),
            None => true,
        })
    }
}

/// Returns the first line of `piece` without its LF, what follows, and whether there was a LF.
fn split_line(piece: &[u8]) -> (&[u8], &[u8], bool) {
    let mut rest = piece;
    // Reading from a slice cannot fail, and searches for the LF many bytes at a time.
    let bytes = rest.skip_until(b'\n').unwrap_or(piece.len());
    match &piece[..bytes] {
        [line @ .., b'\n'] => (line, rest, true),
        line => (line, rest, false),
    }
}

/// Returns a line as text, with U+FFFD in place of NULs and of what is no UTF-8, and where in the text the match
/// from `start` to `end` in `line` begins and ends. A match that begins or ends inside a character is
/// widened to all of it. `start` is at most `end`, and that at most the length of `line`.
pub(crate) fn as_text(line: &[u8], start: usize, end: usize) -> (String, usize, usize) {
    let mut text = String::with_capacity(line.len());
    let (mut text_start, mut text_end) = (0, 0);
    let mut at = 0;
    for (valid, replaced) in parts(line) {
        let shown_at = text.len();
        // Where the match begins or ends in this chunk, and so does its text.
        if (at..at + valid.len()).contains(&start) {
            text_start = shown_at + floor_boundary(valid, start - at);
        }
        if (at..=at + valid.len()).contains(&end) {
            text_end = shown_at + ceil_boundary(valid, end - at);
        }
        text.push_str(valid);
        at += valid.len();

        if !replaced.is_empty() {
            let shown_at = text.len();
            text.push(char::REPLACEMENT_CHARACTER);
            if (at..at + replaced.len()).contains(&start) {
                text_start = shown_at;
            }
            if (at + 1..=at + replaced.len()).contains(&end) {
                text_end = text.len();
            }
            at += replaced.len();
        }
    }
    if start == line.len() {
        text_start = text.len();
    }
    (text, text_start, text_end.max(text_start))
}

/// Returns what of `line` is shown as it is, each part with the bytes behind it that are not: a NUL, which would
/// end the text for C, or what is no UTF-8.
fn parts(line: &[u8]) -> impl Iterator<Item = (&str, &[u8])> {
    line.utf8_chunks().flat_map(|chunk| {
        let valid = chunk.valid().split_inclusive('\0');
        valid
            .map(|part| match part.strip_suffix('\0') {
                Some(text) => (text, &b"\0"[..]),
                None => (part, &b""[..]),
            })
            .chain([("", chunk.invalid())])
    })
}

/// Returns the beginning of the character that `at` lies in.
fn floor_boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Returns the end of the character that `at` lies in, or `at` between characters.
fn ceil_boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Hit = (u64, Vec<u8>, usize, usize);

    fn compile(pattern: &str) -> LineSearch {
        LineSearch::compile(pattern, false, false).unwrap_or_else(|error| panic!("{error}"))
    }

    fn hits(pattern: &str, content: &[u8]) -> Vec<Hit> {
        hits_of(&compile(pattern), std::iter::once(content))
    }

    fn hits_in_pieces<'a>(pattern: &str, pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Hit> {
        hits_of(&compile(pattern), pieces)
    }

    fn hits_of<'a>(search: &LineSearch, pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Hit> {
        let mut hits = Vec::new();
        let mut found = |line, text: &[u8], start, end| {
            hits.push((line, text.to_vec(), start, end));
            true
        };
        let call = Call::for_test();
        let mut searcher = search.searcher();
        let mut scan = LineScan::new(&mut searcher, &call);
        for piece in pieces {
            assert!(scan.feed(piece, &mut found).unwrap());
        }
        scan.finish(&mut found).unwrap();
        hits
    }

    #[test]
    fn lines_are_numbered_from_1_with_the_first_match() {
        let expected = vec![(1, b"an ox".to_vec(), 3, 5), (3, b"ox, ox".to_vec(), 0, 2)];
        assert_eq!(hits("ox", b"an ox\na cow\nox, ox\n"), expected);
    }

    #[test]
    fn lines_end_with_lf_or_crlf_or_the_content() {
        let lines = |content: &[u8]| -> Vec<Vec<u8>> {
            hits("", content).into_iter().map(|hit| hit.1).collect()
        };
        assert_eq!(lines(b""), Vec::<Vec<u8>>::new());
        assert_eq!(lines(b"\n"), [b""]);
        assert_eq!(lines(b"a"), [b"a"]);
        assert_eq!(lines(b"a\n"), [b"a"]);
        assert_eq!(lines(b"a\r\nb\r\n"), [b"a", b"b"]);
        assert_eq!(lines(b"a\n\nb"), [&b"a"[..], b"", b"b"]);
        assert_eq!(lines(b"a\rb\r\r\n"), [b"a\rb\r"]);
        assert_eq!(lines(b"a\r"), [b"a"]);
    }

    #[test]
    fn anchors_are_those_of_the_line() {
        let content = b"abc\r\nxabc\nabcx\nabc";
        let numbers: Vec<u64> = hits("^abc$", content).iter().map(|hit| hit.0).collect();
        assert_eq!(numbers, [1, 4]);
        assert_eq!(hits("c.x", b"abc\nx"), [], "a match never crosses lines");
        assert_eq!(hits(r"c\sx", b"abc\nx"), [], "a match never crosses lines");
    }

    #[test]
    fn case_is_ignored_on_demand() {
        let search = LineSearch::compile("straße", true, false).unwrap();
        let content = "STRAßE\nstraße\nweg\n".as_bytes();
        assert_eq!(hits_of(&search, std::iter::once(content)).len(), 2);
        assert_eq!(hits("Ox", b"ox").len(), 0);
    }

    #[test]
    fn a_literal_pattern_is_the_text_itself() {
        let lines = |pattern: &str, ignore_case| -> Vec<u64> {
            let search = LineSearch::compile(pattern, ignore_case, true).unwrap();
            let content = b"a.c(d)*\nabc(d)*\nA.C(D)*\n";
            let found = hits_of(&search, std::iter::once(&content[..]));
            found.iter().map(|hit| hit.0).collect()
        };
        assert_eq!(lines("a.c(", false), [1]);
        assert_eq!(lines("a.c(", true), [1, 3]);
        assert_eq!(lines("*", false), [1, 2, 3]);
        assert_eq!(lines("^a", false), [0; 0]);
        assert_eq!(lines("", false), [1, 2, 3]);
        let long = "x".repeat(MAX_PATTERN_BYTES);
        assert_eq!(lines(&long, false), [0; 0], "a long text has no automaton");
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_line() {
        let marked = b"\xef\xbb\xbfword \xef\xbb\xbf\n\xef\xbb\xbfword";
        let expected = vec![(1, b"word \xef\xbb\xbf".to_vec(), 0, 4)];
        assert_eq!(hits("^word", marked), expected);
        assert_eq!(hits_in_pieces("^word", marked.chunks(1)), expected);
        assert_eq!(hits("^$", b"\xef\xbb\xbf\n").len(), 1);
        assert_eq!(
            hits("", b"\xef\xbb\xbf"),
            [],
            "nothing but the mark is no line"
        );
    }

    #[test]
    fn the_search_ends_when_enough_was_found() {
        let mut seen = Vec::new();
        let (search, call) = (compile("a"), Call::for_test());
        let mut searcher = search.searcher();
        let mut scan = LineScan::new(&mut searcher, &call);
        let goes_on = scan.feed(b"a\na\na\na", &mut |line, _, _, _| {
            seen.push(line);
            line < 2
        });
        assert!(!goes_on.unwrap());
        assert_eq!(seen, [1, 2]);
    }

    #[test]
    fn bytes_that_are_no_utf_8_do_not_hide_a_match() {
        let expected = vec![(2, b"\xff ox \xfe".to_vec(), 2, 4)];
        assert_eq!(hits("ox", b"\x80\n\xff ox \xfe\n"), expected);
    }

    #[test]
    fn of_a_long_line_the_beginning_is_searched() {
        let mut content = vec![b'-'; MAX_LINE_BYTES - 1];
        content.extend_from_slice(b"ab\nb\n");
        let found = |pattern: &str| -> Vec<u64> {
            let whole = hits(pattern, &content);
            let pieces = hits_in_pieces(pattern, content.chunks(100_000));
            assert!(
                whole == pieces,
                "pieces of a long line differ from the whole"
            );
            whole.iter().map(|hit| hit.0).collect()
        };
        assert_eq!(found("a"), [1], "the last byte that counts");
        assert_eq!(
            found("b"),
            [2],
            "the first one that does not, and the next line"
        );
    }

    #[test]
    fn a_carriage_return_around_the_limit_is_the_same_in_pieces() {
        for dashes in MAX_LINE_BYTES - 3..MAX_LINE_BYTES + 2 {
            for end in ["\r\n", "\r\r\n", "\r"] {
                let content = ["-".repeat(dashes).as_str(), end].concat();
                let whole = hits("", content.as_bytes());
                let pieces = content.as_bytes().chunks(MAX_LINE_BYTES - 1);
                assert!(
                    whole == hits_in_pieces("", pieces),
                    "{dashes} dashes and {end:?} differ in pieces"
                );
            }
        }
    }

    #[test]
    fn memory_of_a_scan_is_bounded() {
        let (search, call) = (compile("x"), Call::for_test());
        let mut searcher = search.searcher();
        let mut scan = LineScan::new(&mut searcher, &call);
        for _ in 0..40 {
            scan.feed(&[b'-'; 100_000], &mut |_, _, _, _| true).unwrap();
        }
        assert_eq!(scan.begun.len(), MAX_LINE_BYTES);
    }

    #[test]
    fn bad_expressions_are_refused_in_one_line() {
        let long = "a".repeat(MAX_PATTERN_BYTES + 1);
        for (pattern, reason) in [
            ("(", "unclosed group"),
            ("a\n(?P<", "unclosed"),
            ("[z-a]", "invalid"),
            ("*", "repetition"),
            (r"(a)\1", "backreferences"),
            ("(?=a)", "look-around"),
            (r"\w{5000}", "too large"),
            (long.as_str(), "65536"),
        ] {
            let error = LineSearch::compile(pattern, false, false).unwrap_err();
            let message = error.to_string();
            assert_eq!(error.kind(), crate::error::ErrorKind::InvalidArgument);
            assert!(!message.contains('\n'), "{message:?}");
            assert!(message.contains(reason), "{pattern:.40}: {message}");
        }
    }

    #[test]
    fn binary_content_has_a_nul_near_its_beginning() {
        assert!(!LineSearch::is_binary(b""));
        assert!(!LineSearch::is_binary(b"text \xff\n"));
        assert!(LineSearch::is_binary(b"a\0b"));
        let mut content = vec![b'a'; 8192];
        content.push(0);
        assert!(!LineSearch::is_binary(&content));
        content[8191] = 0;
        assert!(LineSearch::is_binary(&content));
    }

    #[test]
    fn a_line_becomes_text_with_the_match_in_place() {
        for (line, start, end, expected) in [
            (&b"an ox"[..], 3, 5, ("an ox", 3, 5)),
            (b"", 0, 0, ("", 0, 0)),
            (b"ab", 2, 2, ("ab", 2, 2)),
            (b"\xffab", 1, 2, ("\u{fffd}ab", 3, 4)),
            (b"\xff\xfeab", 2, 4, ("\u{fffd}\u{fffd}ab", 6, 8)),
            (b"a\xffb", 1, 2, ("a\u{fffd}b", 1, 4)),
            (b"a\xffb", 1, 1, ("a\u{fffd}b", 1, 1)),
            (b"a\xff", 2, 2, ("a\u{fffd}", 4, 4)),
            ("é".as_bytes(), 1, 2, ("é", 0, 2)),
            ("é".as_bytes(), 0, 1, ("é", 0, 2)),
            (b"\xe2\x82x", 1, 2, ("\u{fffd}x", 0, 3)),
            (b"a\0b", 2, 3, ("a\u{fffd}b", 4, 5)),
            (b"a\0\0\xff", 1, 3, ("a\u{fffd}\u{fffd}\u{fffd}", 1, 7)),
        ] {
            let (text, text_start, text_end) = as_text(line, start, end);
            let got = (text.as_str(), text_start, text_end);
            assert_eq!(got, expected, "{line:?} {start}..{end}");
        }
    }

    fn any_content() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop::sample::select(vec![
            &b"a"[..],
            b"b",
            b"ab",
            b"\n",
            b"\r\n",
            b"\r",
            b"\xff",
            b"\0",
            "é".as_bytes(),
            b"\xe2\x82",
        ]);
        prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn pieces_are_searched_like_the_whole(
            content in any_content(), size in 1..12_usize,
            pattern in prop::sample::select(vec!["", "a", "ab", "^b", "b$", "é", "."]),
        ) {
            prop_assert_eq!(hits_in_pieces(pattern, content.chunks(size)), hits(pattern, &content));
        }

        #[test]
        fn a_line_matches_as_it_does_by_itself(content in any_content()) {
            let regex = regex::bytes::Regex::new("ab|b$").unwrap();
            let mut lines: Vec<&[u8]> = content.split(|byte| *byte == b'\n').collect();
            if lines.last() == Some(&&b""[..]) {
                lines.pop();
            }
            let expected: Vec<Hit> = (1..)
                .zip(lines)
                .map(|(number, line)| (number, line.strip_suffix(b"\r").unwrap_or(line)))
                .filter_map(|(number, line)| {
                    let first = regex.find(line)?;
                    Some((number, line.to_vec(), first.start(), first.end()))
                })
                .collect();
            prop_assert_eq!(hits("ab|b$", &content), expected);
        }

        #[test]
        fn the_match_is_inside_its_text(
            line in any_content(), a in any::<prop::sample::Index>(), b in any::<prop::sample::Index>()
        ) {
            let (a, b) = (a.index(line.len() + 1), b.index(line.len() + 1));
            let (start, end) = (a.min(b), a.max(b));
            let (text, text_start, text_end) = as_text(&line, start, end);
            let replaced = String::from_utf8_lossy(&line).replace('\0', "\u{fffd}");
            prop_assert_eq!(&text, &replaced);
            prop_assert!(text_start <= text_end && text_end <= text.len());
            let shown = text.get(text_start..text_end);
            prop_assert!(shown.is_some(), "{} {}..{}", text, text_start, text_end);
            if let Ok(matched) = std::str::from_utf8(&line[start..end])
                && !matched.contains('\0')
                && std::str::from_utf8(&line[..start]).is_ok()
                && std::str::from_utf8(&line[end..]).is_ok()
            {
                prop_assert_eq!(shown, Some(matched));
            }
        }
    }
}
