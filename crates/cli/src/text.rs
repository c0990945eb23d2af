//! Values as people read them.

use std::borrow::Cow;

use nexusfs_core::time::Micros;

/// Returns `text` without what would steer a terminal or end the line: control characters and those that
/// turn the direction of writing are shown escaped.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(steers) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match steers(c) {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

fn steers(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Returns a number of bytes with a unit of 1024, rounded up like `ls -h` does: `512`, `1.5K`, `20M`.
pub fn human_bytes(bytes: u64) -> String {
    const UNITS: [char; 6] = ['K', 'M', 'G', 'T', 'P', 'E'];
    if bytes < 1024 {
        return bytes.to_string();
    }
    let bytes = u128::from(bytes);
    let mut unit = 1024u128;
    for name in UNITS {
        let tenths = (bytes * 10).div_ceil(unit);
        if tenths < 100 {
            return format!("{}.{}{name}", tenths / 10, tenths % 10);
        }
        let whole = bytes.div_ceil(unit);
        if whole < 1024 || name == 'E' {
            return format!("{whole}{name}");
        }
        unit *= 1024;
    }
    bytes.to_string()
}

/// Returns `time` to the second, in UTC: `2026-11-22 17:43:00`; `-` for a time that is not known.
pub fn clock(time: Option<Micros>) -> String {
    match time.and_then(|time| jiff::Timestamp::from_microsecond(time).ok()) {
        Some(time) => time.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        None => "-".to_owned(),
    }
}

/// Returns a span of seconds as `43s`, `12m05s`, `3h20m`, `5d02h`.
pub fn span(seconds: i64) -> String {
    let (sign, seconds) = (if seconds < 0 { "-" } else { "" }, seconds.unsigned_abs());
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0..60 => format!("{sign}{seconds}s"),
        60..3600 => format!("{sign}{minutes}m{:02}s", seconds % 60),
        3600..86_400 => format!("{sign}{hours}h{:02}m", minutes % 60),
        _ => format!("{sign}{days}d{:02}h", hours % 24),
    }
}

/// Returns `count` with the noun, in the plural where it belongs.
pub fn counted(count: u64, noun: &str) -> String {
    match (count, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) if !noun.ends_with("ey") => format!("{count} {stem}ies"),
        _ => format!("{count} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_up_and_never_wider_than_four() {
        for (bytes, shown) in [
            (0, "0"),
            (1023, "1023"),
            (1024, "1.0K"),
            (1025, "1.1K"),
            (10 * 1024 - 1, "10K"),
            (1024 * 1024 - 1, "1.0M"),
            (1536 * 1024, "1.5M"),
            (u64::MAX, "16E"),
        ] {
            assert_eq!(human_bytes(bytes), shown, "{bytes}");
        }
    }

    #[test]
    fn spans_have_two_units() {
        for (seconds, shown) in [
            (0, "0s"),
            (59, "59s"),
            (725, "12m05s"),
            (12_000, "3h20m"),
            (440_000, "5d02h"),
            (-61, "-1m01s"),
        ] {
            assert_eq!(span(seconds), shown);
        }
    }

    #[test]
    fn what_steers_a_terminal_is_escaped() {
        assert_eq!(printable("grün \"x\""), "grün \"x\"");
        assert_eq!(
            printable("a\x1b[31m\nb\u{202e}"),
            "a\\u{1b}[31m\\nb\\u{202e}"
        );
    }
}
