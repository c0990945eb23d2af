//! Virtual paths: the only way to name a file inside the crate.
//!
//! A [`VirtualPath`] is absolute, normalised and valid, so a file has exactly one name and everything
//! behind the facade can compare paths as bytes. Everything under a directory is the byte range
//! from `dir/` up to `dir0` (`0` follows `/`), which is what makes a subtree a range scan.

use std::fmt;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use crate::error::{Error, ErrorKind, Result};
use crate::text_form::text_form;

/// Longest name of one segment, in bytes.
pub const MAX_NAME_BYTES: usize = 255;
/// Longest path, in bytes, after normalisation.
pub const MAX_PATH_BYTES: usize = 4096;
/// Most segments of a path.
pub const MAX_SEGMENTS: usize = 100;

/// An absolute, normalised, valid path. The root is `/`; no other path ends in `/`.
///
/// ```
/// use nexusfs::path::VirtualPath;
///
/// let path = VirtualPath::parse("project//src/./main.c")?;
/// assert_eq!(path.as_str(), "/project/src/main.c");
/// assert!(path.is_within(&VirtualPath::parse("/project")?));
/// assert!(VirtualPath::parse("/project/../etc/passwd").is_err());
/// # Ok::<(), nexusfs::error::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VirtualPath(Box<str>);

impl VirtualPath {
    /// Returns the path that `input` names: a missing leading `/` is added; `//`, `/./` and a
    /// trailing `/` are dropped.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidPath`], with the reason in the message.
    pub fn parse(input: &str) -> Result<Self> {
        let refuse = |reason| Err(invalid(reason, input));
        if input.is_empty() {
            return refuse("a path cannot be empty");
        }
        // No byte more than most paths have, so that what is kept of it need not be moved.
        let slash_is_missing = usize::from(!input.starts_with('/'));
        let mut path = String::with_capacity(input.len() + slash_is_missing);
        let mut segments = 0;
        let is_plain = is_printable_ascii(input);
        let mut rest = Some(input);
        while let Some(text) = rest {
            let (segment, behind) = first_segment(text);
            rest = behind;
            if matches!(segment, "" | ".") {
                continue;
            }
            if let Err(reason) = check_name(segment, is_plain) {
                return refuse(reason);
            }
            path.push('/');
            path.push_str(segment);
            segments += 1;
        }
        if segments == 0 {
            return Ok(Self::root());
        }
        if segments > MAX_SEGMENTS {
            return refuse("a path has at most 100 segments");
        }
        if path.len() > MAX_PATH_BYTES {
            return refuse("a path has at most 4096 bytes");
        }
        Ok(VirtualPath(path.into_boxed_str()))
    }

    /// Returns the path whose text is `stored`: one that the store holds, and so was parsed before.
    pub fn from_stored(stored: String) -> Self {
        debug_assert!(Self::parse(&stored).is_ok_and(|path| path.as_str() == stored));
        VirtualPath(stored.into_boxed_str())
    }

    /// Returns `/`.
    pub fn root() -> Self {
        VirtualPath("/".into())
    }

    /// Returns the text, for example `/workspace/acme/notes.txt`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether this is `/`.
    pub fn is_root(&self) -> bool {
        &*self.0 == "/"
    }

    /// Returns the last segment; empty for the root.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// Returns the segments in order; none for the root.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|segment| !segment.is_empty())
    }

    /// Returns the directory that holds this path, or `None` for the root.
    pub fn parent(&self) -> Option<VirtualPath> {
        parent_of(&self.0).map(|parent| VirtualPath(parent.into()))
    }

    /// Returns whether `self` is `other` or lies under it.
    pub fn is_within(&self, other: &VirtualPath) -> bool {
        is_within(&self.0, &other.0)
    }

    /// Returns the path of `self` after its ancestor `from` has become `to`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidPath`] if the new path is too long or too deep.
    pub fn moved(&self, from: &VirtualPath, to: &VirtualPath) -> Result<VirtualPath> {
        VirtualPath::parse(&format!("{to}{}", &self.0[from.0.len()..]))
    }

    /// Returns the prefix shared by everything under this path: `/a/`, or `/` for the root.
    pub fn child_prefix(&self) -> String {
        if self.is_root() {
            "/".to_owned()
        } else {
            format!("{}/", self.0)
        }
    }
}

impl fmt::Display for VirtualPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_form!(VirtualPath, VirtualPath::parse);

impl fmt::Debug for VirtualPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &self.0)
    }
}

impl From<&VirtualPath> for Box<str> {
    fn from(path: &VirtualPath) -> Self {
        path.0.clone()
    }
}

impl From<VirtualPath> for Box<str> {
    fn from(path: VirtualPath) -> Self {
        path.0
    }
}

/// Returns the directory that holds the normalised `path`, or `None` for the root.
pub fn parent_of(path: &str) -> Option<&str> {
    match path.rfind('/')? {
        0 if path.len() == 1 => None,
        0 => Some("/"),
        slash => Some(&path[..slash]),
    }
}

/// Returns whether the normalised `path` is `ancestor` or lies under it.
pub(crate) fn is_within(path: &str, ancestor: &str) -> bool {
    ancestor == "/"
        || path
            .strip_prefix(ancestor)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Returns `text` if it may be one segment of a path; tenant and agent ids follow the same rules.
///
/// # Errors
/// [`ErrorKind::InvalidArgument`] naming `what` and the reason.
pub fn parse_id<'a>(what: &str, text: &'a str) -> Result<&'a str> {
    let reason = match text {
        "" => Some("it cannot be empty"),
        "." => Some("'.' is not a name"),
        _ if text.contains('/') => Some("it cannot contain '/'"),
        _ => check_name(text, false).err(),
    };
    match reason {
        None => Ok(text),
        Some(reason) => Err(Error::invalid_argument(format!(
            "{what} {} is not valid: {reason}",
            quoted(text)
        ))),
    }
}

/// Returns the error for a path `input` that breaks a rule.
pub(crate) fn invalid(reason: &'static str, input: &str) -> Error {
    Error::new(ErrorKind::InvalidPath, reason).at(quoted(input))
}

/// Returns `text`, which may hold anything, in quotes, escaped and cut.
pub(crate) fn quoted(text: &str) -> String {
    let mut chars = text.chars();
    let mut quoted = String::from('"');
    quoted.extend(chars.by_ref().take(80).flat_map(char::escape_debug));
    if chars.next().is_some() {
        quoted.push('…');
    }
    quoted.push('"');
    quoted
}

/// Splits at the first `/`. Segments are short, so that a loop is faster than a search.
pub fn first_segment(text: &str) -> (&str, Option<&str>) {
    match text.bytes().position(|byte| byte == b'/') {
        Some(end) => (&text[..end], Some(&text[end + 1..])),
        None => (text, None),
    }
}

/// Compares all bytes, whatever the first ones are: the compiler makes that a comparison of many at once.
fn is_printable_ascii(text: &str) -> bool {
    let is_printable = |byte: u8| (b' '..=b'~').contains(&byte);
    text.bytes()
        .fold(true, |all, byte| all & is_printable(byte))
}

/// Checks one segment that is neither empty nor `.`, or says which rule it breaks. The characters of a plain one are
/// known to be allowed.
fn check_name(name: &str, is_plain: bool) -> std::result::Result<(), &'static str> {
    if name == ".." {
        return Err("a '..' segment is not allowed");
    }
    if name.len() > MAX_NAME_BYTES {
        return Err("a name has at most 255 bytes");
    }
    if is_plain {
        return Ok(());
    }
    if let Some(reason) = name.bytes().find_map(refused_ascii) {
        return Err(reason);
    }
    if name.is_ascii() {
        return Ok(());
    }
    if let Some(reason) = name.chars().find_map(refused_unicode) {
        return Err(reason);
    }
    let normalized = match is_nfc_quick(name.chars()) {
        IsNormalized::Yes => true,
        IsNormalized::No => false,
        IsNormalized::Maybe => name.nfc().eq(name.chars()),
    };
    if normalized {
        Ok(())
    } else {
        Err("a name must be in Unicode normalisation form C")
    }
}

fn refused_ascii(byte: u8) -> Option<&'static str> {
    match byte {
        0 => Some("a NUL byte is not allowed"),
        0x01..=0x1f | 0x7f => Some("a control character is not allowed"),
        _ => None,
    }
}

fn refused_unicode(c: char) -> Option<&'static str> {
    match c {
        '\u{80}'..='\u{9f}' => Some("a control character is not allowed"),
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            Some("a bidirectional control character is not allowed")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
