//! Glob patterns over the paths of the store.
//!
//! A pattern is first expanded, as a shell would do it: every `{a,b}` is replaced by each of its
//! alternatives in turn, which leaves patterns without braces. Each of those is split into
//! segments and normalised like a path, and all together become one regular expression, so that
//! matching takes linear time whatever the pattern, and can be interrupted.
//!
//! The regular expression is our own and not that of `globset`: there, `?` and `[…]` match one byte, so that they do
//! not match `é`, and `[!x]` matches `/`, so that it leaves its segment.

use super::expression::{Expression, Searcher, Work};
use crate::error::{Error, Result};
use crate::path::{VirtualPath, is_within, quoted};

/// Longest pattern, in bytes: that of a path.
const MAX_PATTERN_BYTES: usize = crate::path::MAX_PATH_BYTES;
/// Most patterns to which one with braces may expand.
const MAX_ALTERNATIVES: usize = 1024;
/// Most tokens in all alternatives together.
const MAX_TOKENS: usize = 64 * 1024;
/// Most of them that are wildcards or classes. The time for compiling them is not interrupted.
const MAX_WILDCARDS: usize = 4096;
/// Deepest nesting of braces.
const MAX_DEPTH: usize = 16;

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
    expression: Expression,
}

/// What a pattern without a `/` is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bare {
    /// What is directly in the base.
    ChildOfBase,
    /// A name anywhere below the base.
    NameAtAnyDepth,
}

impl GlobPattern {
    /// Returns the compiled `pattern`, which is relative to `base` unless it begins with `/`. What `bare` says is
    /// about each alternative by itself; a `/` at its end does not count.
    ///
    /// # Errors
    /// InvalidArgument, with the reason, for a malformed or too complex pattern, and for one that
    /// can only match outside of `base`.
    pub(crate) fn compile(base: &VirtualPath, pattern: &str, bare: Bare) -> Result<GlobPattern> {
        Self::try_compile(base, pattern, bare).map_err(|reason| {
            Error::invalid_argument(format!("glob pattern {}: {reason}", quoted(pattern)))
        })
    }

    fn try_compile(
        base: &VirtualPath,
        pattern: &str,
        bare: Bare,
    ) -> Result<GlobPattern, &'static str> {
        if pattern.is_empty() {
            return Err("a pattern cannot be empty");
        }
        if pattern.len() > MAX_PATTERN_BYTES {
            return Err("a pattern has at most 4096 bytes");
        }
        let expanded = expand(pattern)?;
        let wildcards = expanded
            .iter()
            .flatten()
            .filter(|token| token.is_wildcard());
        if wildcards.count() > MAX_WILDCARDS {
            return Err("it is too complex");
        }
        let mut alternatives = Vec::new();
        for tokens in expanded {
            let alternative = Alternative::of(base, &tokens, bare)?;
            if alternative.can_lie_within(base) {
                alternatives.push(alternative);
            }
        }
        if alternatives.is_empty() {
            return Err("it matches nothing under the directory to be searched");
        }
        let expressions: Vec<String> = alternatives.iter().map(Alternative::expression).collect();
        let expression = Expression::of_glob(&format!("^(?:{})$", expressions.join("|")))
            .map_err(|_| "it is too complex")?;
        Ok(GlobPattern {
            literal_prefix: literal_prefix(base, &alternatives),
            base: base.clone(),
            expression,
        })
    }

    /// Returns the longest text known to begin every path that matches. It is a raw prefix and may
    /// end inside a segment.
    pub(crate) fn literal_prefix(&self) -> &str {
        &self.literal_prefix
    }

    /// Returns what matches paths against the pattern.
    pub(crate) fn matcher(&self) -> GlobMatcher {
        GlobMatcher {
            base: self.base.clone(),
            searcher: self.expression.searcher(),
        }
    }
}

/// A pattern at work.
#[derive(Debug)]
pub(crate) struct GlobMatcher {
    base: VirtualPath,
    searcher: Searcher,
}

impl GlobMatcher {
    /// Returns whether the normalised `path` lies under the base and matches.
    ///
    /// # Errors
    /// Cancelled, if the call was interrupted.
    pub(crate) fn matches(&mut self, path: &str, work: &mut Work<'_>) -> Result<bool> {
        work.spend(1)?;
        Ok(is_within(path, self.base.as_str()) && self.searcher.is_match(path.as_bytes(), work)?)
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

impl Token {
    fn is_wildcard(&self) -> bool {
        !matches!(self, Token::Separator | Token::Literal(_))
    }
}

/// Expands the braces of `pattern`.
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
    fn of(base: &VirtualPath, tokens: &[Token], bare: Bare) -> Result<Alternative, &'static str> {
        let absolute = tokens.first() == Some(&Token::Separator);
        let mut segments: Vec<Segment> = if absolute {
            Vec::new()
        } else {
            base.segments().map(Segment::of_name).collect()
        };
        let mut from_first = tokens
            .iter()
            .skip_while(|token| **token != Token::Separator);
        let is_bare = !absolute && from_first.all(|token| *token == Token::Separator);
        let at_any_depth = is_bare && bare == Bare::NameAtAnyDepth;
        for tokens in tokens.split(|token| *token == Token::Separator) {
            let segment = Segment::of(tokens);
            match segment.literal().as_deref() {
                Some("" | ".") => continue,
                Some("..") => return Err("a '..' segment is not allowed"),
                _ if at_any_depth => segments.push(Segment::AnySegments),
                _ => {}
            }
            // Twice is no more than once, and would only be slower.
            if segment != Segment::AnySegments || segments.last() != Some(&segment) {
                segments.push(segment);
            }
        }
        Ok(Alternative { segments })
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
            // Also if `**` matches no segment: another one follows.
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
                expression.push_str(&regex_syntax::escape(c.encode_utf8(&mut [0; 4])));
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
mod tests;
