//! Glob patterns over the paths of the store.
//!
//! A pattern is first expanded, as a shell would do it: every `{a,b}` is replaced by each of its
//! alternatives in turn, which leaves patterns without braces. Each of those is split into
//! segments and normalised like a path, and all together become one regular expression, so that
//! matching takes linear time whatever the pattern.
//!
//! The regular expression is our own and not that of `globset`: there, `?` and `[…]` stand for one
//! byte, so that they do not match `é`, and `[!x]` matches `/`, so that it leaves its segment.

use regex::Regex;

use crate::error::{Error, Result};
use crate::path::{VirtualPath, is_within};

/// Longest pattern, in bytes: that of a path.
const MAX_PATTERN_BYTES: usize = crate::path::MAX_PATH_BYTES;
/// Most patterns that one with braces may stand for.
const MAX_ALTERNATIVES: usize = 1024;
/// Most tokens in all alternatives together.
const MAX_TOKENS: usize = 64 * 1024;
/// Deepest nesting of braces.
const MAX_DEPTH: usize = 16;
/// Most bytes of the compiled regular expression.
const MAX_COMPILED_BYTES: usize = 16 * 1024 * 1024;

/// A compiled glob pattern.
///
/// | in a pattern | matches |
/// |---|---|
/// | `*` | any characters of one segment, none included |
/// | `?` | one character of a segment |
/// | `[a-z_]`, `[!a-z]` | one character of a segment that is, or is not, in the class (`[^…]` is `[!…]`) |
/// | `**` as a whole segment | any number of segments; at the end, at least one |
/// | `{a,b/c}` | either of the alternatives, which may hold anything |
/// | `\x` | `x` itself |
///
/// Everything else is itself, a leading `.` included.
#[derive(Debug, Clone)]
pub(crate) struct GlobPattern {
    base: VirtualPath,
    literal_prefix: String,
    regex: Regex,
}

impl GlobPattern {
    /// Returns the compiled `pattern`, which is relative to `base` unless it begins with `/`.
    ///
    /// # Errors
    /// InvalidArgument, with the reason, for a malformed or too complex pattern, and for an
    /// absolute one that can only match outside of `base`.
    pub(crate) fn compile(base: &VirtualPath, pattern: &str) -> Result<GlobPattern> {
        Self::try_compile(base, pattern).map_err(|reason| {
            let shown: String = pattern
                .chars()
                .take(80)
                .flat_map(char::escape_debug)
                .collect();
            let dots = if pattern.chars().nth(80).is_some() {
                "…"
            } else {
                ""
            };
            Error::invalid_argument(format!("glob pattern \"{shown}{dots}\": {reason}"))
        })
    }

    fn try_compile(base: &VirtualPath, pattern: &str) -> Result<GlobPattern, &'static str> {
        if pattern.is_empty() {
            return Err("a pattern cannot be empty");
        }
        if pattern.len() > MAX_PATTERN_BYTES {
            return Err("a pattern has at most 4096 bytes");
        }
        let mut alternatives = Vec::new();
        for tokens in expand(pattern)? {
            alternatives.push(Alternative::of(base, &tokens)?);
        }
        let expressions: Vec<String> = alternatives.iter().map(Alternative::expression).collect();
        let regex = regex::RegexBuilder::new(&format!("^(?:{})$", expressions.join("|")))
            .size_limit(MAX_COMPILED_BYTES)
            .build()
            .map_err(|_| "it is too complex")?;
        Ok(GlobPattern {
            literal_prefix: literal_prefix(base, &alternatives),
            base: base.clone(),
            regex,
        })
    }

    /// Returns the longest text known to begin every path that matches. It is a raw prefix and may
    /// end inside a segment.
    pub(crate) fn literal_prefix(&self) -> &str {
        &self.literal_prefix
    }

    /// Returns whether the normalised `path` lies under the base and matches.
    pub(crate) fn matches(&self, path: &str) -> bool {
        is_within(path, self.base.as_str()) && self.regex.is_match(path)
    }
}

fn literal_prefix(base: &VirtualPath, alternatives: &[Alternative]) -> String {
    let common = alternatives
        .iter()
        .map(Alternative::literal_prefix)
        .reduce(|a, b| {
            let matching = a.chars().zip(b.chars()).take_while(|(a, b)| a == b);
            matching.map(|(c, _)| c).collect()
        })
        .unwrap_or_default();
    // Both begin every path that matches, so the longer one says more.
    if common.len() < base.as_str().len() {
        base.as_str().to_owned()
    } else {
        common
    }
}

/// One element of a pattern without braces.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Separator,
    Literal(char),
    AnyCharacter,
    Star,
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

/// Returns the patterns that `pattern` stands for once its braces are expanded.
fn expand(pattern: &str) -> Result<Vec<Vec<Token>>, &'static str> {
    let mut reader = Reader {
        rest: pattern.chars(),
    };
    let (expanded, end) = reader.sequence(0)?;
    match end {
        None => Ok(expanded),
        Some(_) => Err("a '}' has no '{'"),
    }
}

/// Reads a pattern from left to right.
struct Reader<'a> {
    rest: std::str::Chars<'a>,
}

impl Reader<'_> {
    /// Reads up to the end, or inside of braces up to `,` or `}`. Returns every way to read it, and
    /// the character that ended it.
    fn sequence(&mut self, depth: usize) -> Result<(Vec<Vec<Token>>, Option<char>), &'static str> {
        let mut ways = vec![Vec::new()];
        loop {
            let token = match self.rest.next() {
                None => return Ok((ways, None)),
                Some('}') => return Ok((ways, Some('}'))),
                Some(',') if depth > 0 => return Ok((ways, Some(','))),
                Some('{') => {
                    ways = combine(&ways, &self.alternatives(depth + 1)?)?;
                    continue;
                }
                Some('/') => Token::Separator,
                Some('?') => Token::AnyCharacter,
                Some('*') => Token::Star,
                Some('[') => self.class()?,
                Some('\\') => match self.rest.next() {
                    Some('/') => Token::Separator,
                    Some(escaped) => Token::Literal(escaped),
                    None => return Err("a '\\' escapes nothing"),
                },
                Some(literal) => Token::Literal(literal),
            };
            for way in &mut ways {
                way.push(token.clone());
            }
            check_size(&ways)?;
        }
    }

    /// Reads the alternatives after a `{`, and the `}`.
    fn alternatives(&mut self, depth: usize) -> Result<Vec<Vec<Token>>, &'static str> {
        if depth > MAX_DEPTH {
            return Err("its braces are nested too deeply");
        }
        let mut all = Vec::new();
        loop {
            let (ways, end) = self.sequence(depth)?;
            all.extend(ways);
            match end {
                Some(',') => {}
                Some(_) => return Ok(all),
                None => return Err("a '{' has no '}'"),
            }
        }
    }

    /// Reads a class after its `[`. As everywhere, a `]` that comes first and a `-` at either end
    /// are themselves.
    fn class(&mut self) -> Result<Token, &'static str> {
        let negated = self.rest.as_str().starts_with(['!', '^']);
        if negated {
            self.rest.next();
        }
        let mut ranges = Vec::new();
        while ranges.is_empty() || !self.rest.as_str().starts_with(']') {
            let first = self.member()?;
            let mut ahead = self.rest.clone();
            let last = if ahead.next() == Some('-') && !ahead.as_str().starts_with(']') {
                self.rest = ahead;
                self.member()?
            } else {
                first
            };
            if last < first {
                return Err("a range in '[…]' runs backwards");
            }
            ranges.push((first, last));
        }
        self.rest.next();
        Ok(Token::Class { negated, ranges })
    }

    /// Reads one character of a class.
    fn member(&mut self) -> Result<char, &'static str> {
        match self.rest.next() {
            None => Err("a '[' has no ']'"),
            Some('/') => Err("a '[…]' cannot hold '/'"),
            Some('\\') => self.rest.next().ok_or("a '\\' escapes nothing"),
            Some(member) => Ok(member),
        }
    }
}

/// Returns each of `heads` followed by each of `tails`.
fn combine(heads: &[Vec<Token>], tails: &[Vec<Token>]) -> Result<Vec<Vec<Token>>, &'static str> {
    if heads.len().saturating_mul(tails.len()) > MAX_ALTERNATIVES {
        return Err("its braces stand for more than 1024 patterns");
    }
    let mut combined = Vec::with_capacity(heads.len() * tails.len());
    for head in heads {
        for tail in tails {
            combined.push([head.as_slice(), tail.as_slice()].concat());
        }
        check_size(&combined)?;
    }
    Ok(combined)
}

fn check_size(ways: &[Vec<Token>]) -> Result<(), &'static str> {
    if ways.iter().map(Vec::len).sum::<usize>() > MAX_TOKENS {
        return Err("it is too complex");
    }
    Ok(())
}

/// One segment of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    /// `**`.
    AnySegments,
    /// Anything else; without separators.
    Name(Vec<Token>),
}

impl Segment {
    fn of(tokens: &[Token]) -> Segment {
        if tokens == [Token::Star, Token::Star] {
            Segment::AnySegments
        } else {
            Segment::Name(tokens.to_vec())
        }
    }

    fn of_name(name: &str) -> Segment {
        Segment::Name(name.chars().map(Token::Literal).collect())
    }

    /// Returns the name, where there is just one that matches.
    fn literal(&self) -> Option<String> {
        match self {
            Segment::AnySegments => None,
            Segment::Name(tokens) => tokens
                .iter()
                .map(|token| match token {
                    Token::Literal(c) => Some(*c),
                    _ => None,
                })
                .collect(),
        }
    }
}

/// An absolute pattern without braces.
#[derive(Debug)]
struct Alternative {
    segments: Vec<Segment>,
}

impl Alternative {
    /// Returns the pattern made of `tokens`, normalised like a path.
    fn of(base: &VirtualPath, tokens: &[Token]) -> Result<Alternative, &'static str> {
        let absolute = tokens.first() == Some(&Token::Separator);
        let mut segments: Vec<Segment> = if absolute {
            Vec::new()
        } else {
            base.segments().map(Segment::of_name).collect()
        };
        for tokens in tokens.split(|token| *token == Token::Separator) {
            let segment = Segment::of(tokens);
            match segment.literal().as_deref() {
                Some("" | ".") => continue,
                Some("..") => return Err("a '..' segment is not allowed"),
                _ => {}
            }
            // Twice is no more than once, and would only be slower.
            if segment != Segment::AnySegments || segments.last() != Some(&segment) {
                segments.push(segment);
            }
        }
        let alternative = Alternative { segments };
        if absolute && !alternative.can_lie_within(base) {
            return Err("it matches nothing under the directory to be searched");
        }
        Ok(alternative)
    }

    /// Returns false if the literal segments at the beginning lead out of `base`.
    fn can_lie_within(&self, base: &VirtualPath) -> bool {
        let mut segments = self.segments.iter();
        for expected in base.segments() {
            match segments.next() {
                None => return false,
                Some(Segment::AnySegments) => return true,
                Some(segment) => {
                    if segment.literal().is_some_and(|name| name != expected) {
                        return false;
                    }
                }
            }
        }
        true
    }

    /// Returns a regular expression for whole paths.
    fn expression(&self) -> String {
        let mut expression = String::new();
        for (index, segment) in self.segments.iter().enumerate() {
            match segment {
                Segment::AnySegments if index + 1 == self.segments.len() => {
                    expression.push_str("(?:/[^/]+)+");
                }
                Segment::AnySegments => expression.push_str("(?:/[^/]+)*"),
                Segment::Name(tokens) => {
                    expression.push('/');
                    push_name(tokens, &mut expression);
                }
            }
        }
        if expression.is_empty() {
            expression.push('/');
        }
        expression
    }

    /// Returns the longest text that begins every path which matches.
    fn literal_prefix(&self) -> String {
        let mut prefix = String::new();
        for segment in &self.segments {
            // Also where `**` stands for no segment: another one follows.
            prefix.push('/');
            let Segment::Name(tokens) = segment else {
                return prefix;
            };
            for token in tokens {
                let Token::Literal(c) = token else {
                    return prefix;
                };
                prefix.push(*c);
            }
        }
        if prefix.is_empty() {
            prefix.push('/');
        }
        prefix
    }
}

/// Appends the regular expression for one segment.
fn push_name(tokens: &[Token], expression: &mut String) {
    if tokens.iter().all(|token| *token == Token::Star) {
        // A name has at least one character; without this, `/*` would match the root.
        expression.push_str("[^/]+");
        return;
    }
    let mut after_star = false;
    for token in tokens {
        match token {
            Token::Star if after_star => {}
            Token::Star => expression.push_str("[^/]*"),
            Token::AnyCharacter => expression.push_str("[^/]"),
            // Segments hold no separators.
            Token::Separator => expression.push('/'),
            Token::Literal(c) => {
                expression.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
            }
            Token::Class { negated, ranges } => {
                // A range such as `+-9` spans the separator.
                expression.push_str(if *negated { "[[^" } else { "[[" });
                for (first, last) in ranges {
                    let (first, last) = (u32::from(*first), u32::from(*last));
                    expression.push_str(&format!(r"\x{{{first:x}}}-\x{{{last:x}}}"));
                }
                expression.push_str("]&&[^/]]");
            }
        }
        after_star = *token == Token::Star;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn path(text: &str) -> VirtualPath {
        VirtualPath::parse(text).unwrap()
    }

    fn glob(base: &str, pattern: &str) -> GlobPattern {
        GlobPattern::compile(&path(base), pattern)
            .unwrap_or_else(|error| panic!("{pattern:?}: {error}"))
    }

    /// Asserts what the pattern matches and what not, and that its prefix excludes no match.
    #[track_caller]
    fn check(base: &str, pattern: &str, matching: &[&str], others: &[&str]) {
        let glob = glob(base, pattern);
        for path in matching {
            assert!(glob.matches(path), "{pattern:?} misses {path:?}");
            let prefix = glob.literal_prefix();
            assert!(path.starts_with(prefix), "{pattern:?}: prefix {prefix:?}");
        }
        for path in others {
            assert!(!glob.matches(path), "{pattern:?} matches {path:?}");
        }
    }

    #[test]
    fn a_star_stays_inside_its_segment() {
        check("/", "*", &["/a", "/.a", "/é"], &["/", "/a/b"]);
        check("/", "*.txt", &["/a.txt", "/.txt"], &["/d/a.txt", "/a.txt2"]);
        check("/", "a*c", &["/ac", "/abc"], &["/a/c", "/acd", "/bac"]);
        check("/d", "*", &["/d/a"], &["/d", "/d/a/b", "/a", "/da"]);
        check("/", "a**c", &["/abc"], &["/a/c"]);
        check("/", "***", &["/abc"], &["/a/c"]);
    }

    #[test]
    fn a_double_star_crosses_segments() {
        check("/", "**", &["/a", "/a/b/c"], &["/"]);
        check(
            "/",
            "**/x",
            &["/x", "/a/x", "/a/b/x"],
            &["/ax", "/x/a", "/a/bx"],
        );
        check("/", "a/**", &["/a/b", "/a/b/c"], &["/a", "/ab"]);
        check(
            "/",
            "a/**/b",
            &["/a/b", "/a/x/b", "/a/x/y/b"],
            &["/ab", "/a/xb", "/b"],
        );
        check("/", "a/**/**/b", &["/a/b", "/a/x/b"], &["/ab"]);
        check(
            "/d",
            "**/*.rs",
            &["/d/a.rs", "/d/e/a.rs"],
            &["/a.rs", "/da.rs"],
        );
    }

    #[test]
    fn a_question_mark_is_one_character_of_a_segment() {
        check(
            "/",
            "a?",
            &["/ab", "/aé", "/a\u{1f600}"],
            &["/a", "/abc", "/a/"],
        );
        check("/", "a?b", &["/axb"], &["/a/b"]);
    }

    #[test]
    fn classes_hold_characters_and_ranges() {
        check("/", "[abc]", &["/a", "/c"], &["/d", "/ab", "/"]);
        check("/", "[a-c]x", &["/ax", "/bx"], &["/dx", "/-x"]);
        check("/", "[!a-c]", &["/d", "/é"], &["/a", "/b"]);
        check("/", "[^a]", &["/b", "/^"], &["/a"]);
        check("/", "[ä-ö]", &["/å", "/ä"], &["/a", "/z"]);
        check("/", "[]a]", &["/]", "/a"], &["/b"]);
        check("/", "[!]a]", &["/b"], &["/]", "/a"]);
        check("/", "[a-]", &["/a", "/-"], &["/b"]);
        check("/", "[-a]", &["/a", "/-"], &["/b"]);
        check("/", r"[\]\\]", &["/]", "/\\"], &["/a"]);
        check("/", "[{,}]", &["/{", "/,", "/}"], &["/a"]);
        check("/", "[a&&b~~]", &["/&", "/~"], &["/e"]);
    }

    #[test]
    fn a_class_never_matches_a_separator() {
        check("/", "a[!x]b", &["/ayb"], &["/a/b", "/axb"]);
        check("/", "a[+-9]b", &["/a0b", "/a.b"], &["/a/b"]);
        check("/", "**/[!x]*", &["/a", "/d/a"], &["/x", "/d/x"]);
    }

    #[test]
    fn braces_are_alternatives() {
        check(
            "/",
            "*.{rs,toml}",
            &["/a.rs", "/a.toml"],
            &["/a.md", "/a.{rs,toml}"],
        );
        check("/", "{a,b}{c,d}", &["/ac", "/bd"], &["/ab", "/a"]);
        check("/", "a{,b}", &["/a", "/ab"], &["/abb"]);
        check("/", "{a,b{c,d}}", &["/a", "/bc", "/bd"], &["/b"]);
        check("/", "x{/y,z}", &["/x/y", "/xz"], &["/xy"]);
        check("/", "{a,**}/z", &["/a/z", "/z", "/b/c/z"], &["/az"]);
        check("/", "a,b", &["/a,b"], &["/a"]);
        check("/", "{x}", &["/x"], &["/{x}"]);
    }

    #[test]
    fn a_backslash_escapes() {
        check("/", r"\*", &["/*"], &["/a"]);
        check("/", r"\[a\]\?\{\}\\", &["/[a]?{}\\"], &["/a"]);
        check("/", r"a\/b", &["/a/b"], &[]);
        check("/", r"\a", &["/a"], &[]);
        check("/", r"{\,,\}}", &["/,", "/}"], &[]);
    }

    #[test]
    fn other_characters_are_themselves() {
        check("/", "a.b+c(d)|^$#", &["/a.b+c(d)|^$#"], &["/axb+c(d)|^$#"]);
        check("/", "A", &["/A"], &["/a"]);
        check("/", "%_", &["/%_"], &["/ab"]);
    }

    #[test]
    fn patterns_are_normalised_like_paths() {
        for pattern in ["a/b", "/a/b", "./a//b/", "a/./b/.", "/a/b/"] {
            check("/", pattern, &["/a/b"], &["/a", "/b"]);
        }
        check("/", "/", &["/"], &["/a"]);
        check("/d", ".", &["/d"], &["/d/a"]);
    }

    #[test]
    fn an_absolute_pattern_lies_under_the_base() {
        check("/a/b", "/a/b/*", &["/a/b/c"], &["/a/b", "/c"]);
        check("/a/b", "/a/*/c", &["/a/b/c"], &["/a/x/c"]);
        check(
            "/a/b",
            "/**/c",
            &["/a/b/c", "/a/b/x/c"],
            &["/c", "/a/c", "/a/bc"],
        );
        for pattern in ["/", "/a", "/a/c/*", "/ab/**", "{/a/b,/x}/c"] {
            let error = GlobPattern::compile(&path("/a/b"), pattern).unwrap_err();
            assert!(error.to_string().contains("under the directory"), "{error}");
        }
    }

    #[test]
    fn the_prefix_limits_as_much_as_it_may() {
        for (base, pattern, prefix) in [
            ("/", "*", "/"),
            ("/", "**", "/"),
            ("/", "**/x", "/"),
            ("/", "a", "/a"),
            ("/", "a/b*c", "/a/b"),
            ("/", "a/**", "/a/"),
            ("/", "a/**/b", "/a/"),
            ("/", "a?", "/a"),
            ("/", "a[b]", "/a"),
            ("/", r"a\*b", "/a*b"),
            ("/", r"a\\*", "/a\\"),
            ("/", "{abc,abd}/x", "/ab"),
            ("/", "{a,b}", "/"),
            ("/", "a{,b}", "/a"),
            ("/", "/", "/"),
            ("/d", "*", "/d/"),
            ("/d", "x/*", "/d/x/"),
            ("/d", "{x,y}", "/d/"),
            ("/d", "{.,x}", "/d"),
            ("/d/e", "/*/e/f", "/d/e"),
            ("/", "é{ä,å}", "/é"),
        ] {
            assert_eq!(
                glob(base, pattern).literal_prefix(),
                prefix,
                "{base} {pattern}"
            );
        }
    }

    #[test]
    fn bad_patterns_are_refused_with_the_reason() {
        let deep = format!("{}{}", "{".repeat(17), "}".repeat(17));
        let many = "{a,b}".repeat(11);
        let long = "a".repeat(4097);
        let wide = format!("{{a,b,c,d}}{{a,b,c,d}}{{a,b,c,d}}{}", "x".repeat(2000));
        for (pattern, reason) in [
            ("", "empty"),
            ("[a", "a '[' has no ']'"),
            ("[", "a '[' has no ']'"),
            ("[]", "a '[' has no ']'"),
            ("[z-a]", "runs backwards"),
            ("[a/b]", "cannot hold '/'"),
            ("{a", "a '{' has no '}'"),
            ("{a,{b}", "a '{' has no '}'"),
            ("a}", "a '}' has no '{'"),
            ("a\\", "escapes nothing"),
            ("[\\", "escapes nothing"),
            ("a/../b", "'..'"),
            ("{a,.}./b", "'..'"),
            (deep.as_str(), "nested too deeply"),
            (many.as_str(), "1024"),
            (long.as_str(), "4096"),
            (wide.as_str(), "too complex"),
        ] {
            let error = GlobPattern::compile(&VirtualPath::root(), pattern)
                .expect_err(&format!("{pattern:.60?} was accepted"));
            let message = error.to_string();
            assert_eq!(error.kind(), crate::error::ErrorKind::InvalidArgument);
            assert!(message.contains(reason), "{pattern:.60?}: {message}");
            assert!(!message.contains('\n') && message.len() < 500, "{message}");
        }
    }

    /// A matcher to compare with, written for its plainness: it tries everything. It knows `*`, `?`,
    /// `**`, `[…]` and one level of braces, no escapes.
    mod reference {
        pub fn matches(pattern: &str, path: &str) -> bool {
            alternatives(pattern)
                .iter()
                .any(|pattern| segments(&split(pattern), &split(path)))
        }

        fn alternatives(pattern: &str) -> Vec<String> {
            let Some((head, rest)) = pattern.split_once('{') else {
                return vec![pattern.to_owned()];
            };
            let (inner, tail) = rest.split_once('}').unwrap();
            inner
                .split(',')
                .flat_map(|choice| alternatives(&format!("{head}{choice}{tail}")))
                .collect()
        }

        fn split(path: &str) -> Vec<&str> {
            path.split('/').filter(|name| !name.is_empty()).collect()
        }

        fn segments(pattern: &[&str], path: &[&str]) -> bool {
            match (pattern, path) {
                ([], _) => path.is_empty(),
                (["**"], _) => !path.is_empty(),
                (["**", rest @ ..], _) => {
                    (0..=path.len()).any(|skipped| segments(rest, &path[skipped..]))
                }
                ([first, rest @ ..], [name, others @ ..]) => {
                    let first: Vec<char> = first.chars().collect();
                    let name: Vec<char> = name.chars().collect();
                    characters(&first, &name) && segments(rest, others)
                }
                (_, []) => false,
            }
        }

        fn characters(pattern: &[char], name: &[char]) -> bool {
            match (pattern, name) {
                ([], _) => name.is_empty(),
                (['*', rest @ ..], _) => {
                    (0..=name.len()).any(|skipped| characters(rest, &name[skipped..]))
                }
                (['?', rest @ ..], [_, others @ ..]) => characters(rest, others),
                (['[', '!', member, ']', rest @ ..], [c, others @ ..]) => {
                    c != member && characters(rest, others)
                }
                (['[', from, '-', to, ']', rest @ ..], [c, others @ ..]) => {
                    (from..=to).contains(&c) && characters(rest, others)
                }
                ([literal, rest @ ..], [c, others @ ..]) => {
                    literal == c && characters(rest, others)
                }
                (_, []) => false,
            }
        }
    }

    fn any_pattern() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "a", "b", "é", "*", "?", "**", "/", "/**/", "[!a]", "[a-b]", "{a,b}", "{a/b,*}", "{,b}",
        ]);
        prop::collection::vec(piece, 1..8).prop_map(|pieces| pieces.concat())
    }

    fn any_path() -> impl Strategy<Value = String> {
        let name = prop::sample::select(vec!["a", "b", "é", "ab", "ba", "aab", "éa"]);
        prop::collection::vec(name, 0..4).prop_map(|names| format!("/{}", names.join("/")))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn it_agrees_with_the_reference(
            pattern in any_pattern(), paths in prop::collection::vec(any_path(), 1..8)
        ) {
            let compiled = glob("/", &pattern);
            for path in paths {
                let expected = reference::matches(&pattern, &path);
                prop_assert_eq!(compiled.matches(&path), expected, "{} {}", pattern, path);
            }
        }

        #[test]
        fn the_prefix_excludes_no_match(
            base in any_path(), pattern in any_pattern(), path in any_path()
        ) {
            let Ok(compiled) = GlobPattern::compile(&self::path(&base), &pattern) else {
                return Ok(());
            };
            if compiled.matches(&path) {
                let prefix = compiled.literal_prefix();
                prop_assert!(path.starts_with(prefix), "{}: {} {}", pattern, prefix, path);
                prop_assert!(is_within(&path, &base));
            }
        }

        #[test]
        fn any_text_is_compiled_or_refused(
            pattern in "([a-c/*?!^,.&~é-]|\\[|\\]|\\{|\\}|\\\\){0,24}", path in any_path()
        ) {
            if let Ok(compiled) = GlobPattern::compile(&VirtualPath::root(), &pattern) {
                let _ = compiled.matches(&path);
            }
        }

        #[test]
        fn an_escaped_path_matches_itself_alone(name in "[ -.0-~é]{1,12}", other in any_path()) {
            prop_assume!(name != "." && name != "..");
            let pattern: String = name.chars().flat_map(|c| ['\\', c]).collect();
            let compiled = glob("/", &pattern);
            let path = format!("/{name}");
            prop_assert!(compiled.matches(&path));
            prop_assert_eq!(compiled.literal_prefix(), path.as_str());
            prop_assert_eq!(compiled.matches(&other), other == path);
        }
    }
}
#[cfg(test)]
mod timing {
    use super::*;
    #[test]
    fn timing() {
        let t = std::time::Instant::now();
        for p in [
            "{a,b}".repeat(10),
            "**/{a,b}*".repeat(6),
            format!("{{a,b}}{{c,d}}{{e,f}}{}", "?".repeat(4000)),
            "*a".repeat(2000),
            "**/a/".repeat(800),
            format!("{}{}", "{a,b}".repeat(6), "[!a-z]".repeat(500)),
        ] {
            let r = GlobPattern::compile(&VirtualPath::root(), &p);
            eprintln!("{:.30} {:?} {:?}", p, r.as_ref().err(), t.elapsed());
            if let Ok(g) = r {
                let path = format!("/{}", "a".repeat(255));
                let t = std::time::Instant::now();
                for _ in 0..100 {
                    g.matches(&path);
                }
                eprintln!("  match {:?}", t.elapsed() / 100);
            }
        }
        let g = globset::GlobBuilder::new("/a?")
            .literal_separator(true)
            .build()
            .unwrap()
            .compile_matcher();
        eprintln!("globset ? é {}", g.is_match("/aé"));
        let g = globset::GlobBuilder::new("/a[!x]b")
            .literal_separator(true)
            .build()
            .unwrap()
            .compile_matcher();
        eprintln!("globset [!x] / {}", g.is_match("/a/b"));
        let data = b"the quick brown fox jumps over the lazy dog\n".repeat(2_000_000);
        let s = crate::filesystem::line_search::LineSearch::compile("cat", false).unwrap();
        let t = std::time::Instant::now();
        s.search(&data, &mut |_, _, _, _| true);
        eprintln!("grep {} MB {:?}", data.len() / 1_000_000, t.elapsed());
    }
}
