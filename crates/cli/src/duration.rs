//! Spans of time as options take them.

use std::time::Duration;

/// Parses a duration: a number with `ms`, `s`, `m`, `h` or `d`; without a unit, seconds.
pub fn parse(text: &str) -> Result<Duration, String> {
    const FORM: &str = "not a span of time like 30s, 5m, 1.5h or 250ms";
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let number: f64 = text[..end].parse().map_err(|_| FORM.to_owned())?;
    let unit = match &text[end..] {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return Err(FORM.to_owned()),
    };
    Duration::try_from_secs_f64(number * unit).map_err(|_| "too long".to_owned())
}

/// Returns the whole milliseconds of `span`.
pub fn milliseconds(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_units() {
        for (text, expected) in [
            ("250ms", 250),
            ("30", 30_000),
            ("1.5s", 1_500),
            ("2m", 120_000),
            ("1h", 3_600_000),
            ("1d", 86_400_000),
        ] {
            assert_eq!(parse(text).map(milliseconds), Ok(expected), "{text}");
        }
        for wrong in ["", "s", "-5s", "5 s", "5y", "1.2.3", "1e400"] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
