//! URLs where a path of the host is wanted, and credentials in text.

use std::borrow::Cow;
use std::path::Path;

/// Schemes that are recognised behind one slash too, as a path that was normalised has them.
const KNOWN: [&str; 8] = [
    "file",
    "postgres",
    "postgresql",
    "s3",
    "gs",
    "az",
    "http",
    "https",
];

/// The placeholder of credentials.
const REDACTED: &str = "***";

/// Returns the scheme of `text` in lower case, if it is a URL and no path.
pub fn scheme_of(text: &str) -> Option<String> {
    let (scheme, rest) = text.trim_start().split_once(":/")?;
    let scheme = scheme.to_ascii_lowercase();
    // `jdbc:postgresql://` has two.
    let has_form = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.:".contains(&byte));
    let is_url = has_form && (rest.starts_with('/') || KNOWN.contains(&scheme.as_str()));
    is_url.then_some(scheme)
}

/// Returns what a URL is called in a message: by its scheme, which is shown only where it is a usual one. The rest may hold
/// credentials.
pub fn described(scheme: &str) -> String {
    match KNOWN.contains(&scheme) {
        true => format!("a URL ({scheme}://…)"),
        false => "a URL".to_owned(),
    }
}

/// Fails, with a reason that shows nothing of the text, if `path` is a URL: it would make a directory of that name.
///
/// # Errors
/// What it is instead of a path.
pub fn refuse_url(path: &Path) -> Result<(), String> {
    match path.to_str().and_then(scheme_of) {
        None => Ok(()),
        Some(scheme) => Err(format!(
            "is {}, not a path of this machine",
            described(&scheme)
        )),
    }
}

/// Returns `text` without the credentials in its URLs: the text between `:/` and the last `@` before a space or a
/// quote. More than the credentials may go, as a password may hold any character; less never does.
pub fn without_credentials(text: &str) -> Cow<'_, str> {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(colon) = rest.find(":/") {
        let start = colon + 1;
        let slashes = rest[start..].len() - rest[start..].trim_start_matches('/').len();
        let (before, behind) = rest.split_at(start + slashes);
        let end = behind
            .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`'))
            .unwrap_or(behind.len());
        shown.push_str(before);
        rest = match behind[..end].rfind('@') {
            Some(at) => {
                shown.push_str(REDACTED);
                &behind[at..]
            }
            None => behind,
        };
    }
    match shown.is_empty() {
        true => Cow::Borrowed(text),
        false => Cow::Owned(shown + rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_no_paths() {
        for (text, scheme) in [
            ("postgresql://u:secret@host/db", "postgresql"),
            ("S3://bucket/x", "s3"),
            (" s3://bucket", "s3"),
            ("file:///srv/data", "file"),
            ("file:/srv/data", "file"),
            ("s3:/bucket/x", "s3"),
            ("postgresql+asyncpg://host", "postgresql+asyncpg"),
            ("jdbc:postgresql://host", "jdbc:postgresql"),
            ("x-y.z1://", "x-y.z1"),
        ] {
            assert_eq!(scheme_of(text).as_deref(), Some(scheme), "{text:?}");
        }
        for path in [
            "",
            "data",
            "./s3://bucket",
            "/srv/s3://bucket",
            "../a:b",
            "a:b",
            "a:/b",
            "://host",
            "1a://b",
            "a b://c",
            "é://c",
            ":memory:",
        ] {
            assert_eq!(scheme_of(path), None, "{path:?}");
        }
    }

    #[test]
    fn credentials_are_left_out_whatever_they_hold() {
        for (text, shown) in [
            ("plain text", "plain text"),
            ("a:b", "a:b"),
            ("https://host/a@b c", "https://***@b c"),
            ("s3://bucket/key", "s3://bucket/key"),
            ("postgresql://u:secret@host/db", "postgresql://***@host/db"),
            ("postgresql:/u:secret@host/db", "postgresql:/***@host/db"),
            (
                "'x://u:se/cr?et#@host' and 'y://v:w@h'",
                "'x://***@host' and 'y://***@h'",
            ),
            ("x://u:s@c://r@host", "x://***@host"),
            ("x://secret@", "x://***@"),
        ] {
            assert_eq!(without_credentials(text), shown, "{text:?}");
        }
    }
}
