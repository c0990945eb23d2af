//! Times as text: RFC 3339, in UTC when written.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::metadata::Micros;

/// Returns the time that `text` stands for, in the form of RFC 3339; without an offset it is UTC.
/// Digits beyond the microsecond are dropped.
pub fn parse_time(text: &str) -> Option<Micros> {
    let offset = offset_of(text)?;
    let time = if offset.is_empty() {
        let naive: DateTime = text.parse().ok()?;
        naive.to_zoned(TimeZone::UTC).ok()?.timestamp()
    } else {
        text.parse::<Timestamp>().ok()?
    };
    Some(time.as_microsecond())
}

/// Returns `time` in the form of RFC 3339 in UTC, for example `2026-11-22T17:43:00.5Z`.
pub fn format_time(time: Micros) -> String {
    match Timestamp::from_microsecond(time) {
        Ok(time) => time.to_string(),
        Err(_) if time < 0 => Timestamp::MIN.to_string(),
        Err(_) => Timestamp::MAX.to_string(),
    }
}

/// Returns what follows date, time and fraction, if `text` has the form of RFC 3339 with or without
/// an offset. Other forms of ISO 8601, which the parser would take as well, are refused.
fn offset_of(text: &str) -> Option<&str> {
    const FORM: &[u8] = b"dddd-dd-ddTdd:dd:dd";
    let bytes = text.as_bytes();
    let fits = |(form, byte): (&u8, &u8)| match form {
        b'd' => byte.is_ascii_digit(),
        b'T' => matches!(byte, b'T' | b't' | b' '),
        _ => byte == form,
    };
    if bytes.len() < FORM.len() || !FORM.iter().zip(bytes).all(fits) {
        return None;
    }
    let rest = &text[FORM.len()..];
    let offset = match rest.strip_prefix('.') {
        None => rest,
        Some(rest) => {
            let offset = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            if offset.len() == rest.len() {
                return None;
            }
            offset
        }
    };
    let numeric = |offset: &[u8]| {
        matches!(offset, [b'+' | b'-', a, b, b':', c, d]
            if [a, b, c, d].iter().all(|digit| digit.is_ascii_digit()))
    };
    (matches!(offset, "" | "Z" | "z") || numeric(offset.as_bytes())).then_some(offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_without_offset_is_utc() {
        let utc = parse_time("2026-03-01T10:00:00Z");
        assert!(utc.is_some());
        assert_eq!(parse_time("2026-03-01T10:00:00"), utc);
        assert_eq!(parse_time("2026-03-01 10:00:00.000000"), utc);
        assert_eq!(parse_time("2026-03-01T12:00:00+02:00"), utc);
        assert_eq!(parse_time("2026-03-01t04:30:00-05:30"), utc);
    }

    #[test]
    fn microseconds_survive_and_are_written_in_utc() {
        let time = parse_time("2026-03-01T12:00:00.123456+02:00").unwrap();
        assert_eq!(format_time(time), "2026-03-01T10:00:00.123456Z");
        assert_eq!(parse_time(&format_time(time)), Some(time));
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "",
            "tomorrow",
            "2026-03-01",
            "2026-03-01T10:00",
            "20260301T100000Z",
            "2026-03-01T10:00:00.",
            "2026-03-01T10:00:00.Z",
            "2026-03-01T10:00:00+0200",
            "2026-03-01T10:00:00Z[UTC]",
            "2026-02-30T10:00:00Z",
            "2026-03-01T25:00:00Z",
            "2026-03-01T10:00:00Z ",
            "1772359200",
        ] {
            assert_eq!(parse_time(text), None, "{text:?} was taken for a time");
        }
    }
}
