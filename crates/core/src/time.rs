//! Times of the wall clock, and their text: RFC 3339, in UTC when written.

use jiff::SignedDuration;
use jiff::civil::DateTime;

/// Microseconds since 1970-01-01 00:00 UTC.
pub type Micros = i64;

/// The least and the greatest time with a text form: the years 0 to 9999.
pub const LEAST_TIME: Micros = -62_167_219_200_000_000;
/// See [`LEAST_TIME`].
pub const MAX_TIME: Micros = 253_402_300_799_999_999;

const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// Returns the current time.
pub fn now() -> Micros {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_micros() as Micros)
}

/// Parses a time in the form of RFC 3339; without an offset it is UTC. Digits beyond the microsecond are dropped.
pub fn parse_time(text: &str) -> Option<Micros> {
    let offset = offset_of(text)?;
    let local: DateTime = text[..text.len() - offset.len()].parse().ok()?;
    let since = local.duration_since(EPOCH).as_micros();
    let time = Micros::try_from(since).ok()? - offset_micros(offset)?;
    // A time outside of the calendar could not be formatted again.
    calendar_text(time).map(|_| time)
}

/// Returns `time` in the form of RFC 3339 in UTC, for example `2026-11-22T17:43:00.5Z`.
pub fn format_time(time: Micros) -> String {
    let nearest = if time < 0 {
        DateTime::MIN
    } else {
        DateTime::MAX
    };
    calendar_text(time).unwrap_or_else(|| format!("{nearest}Z"))
}

/// As [`format_time`]; `None` for a time that no calendar has.
pub(crate) fn calendar_text(time: Micros) -> Option<String> {
    let time = EPOCH.checked_add(SignedDuration::from_micros(time)).ok()?;
    Some(format!("{time}Z"))
}

/// Returns how far the offset of a time is ahead of UTC.
fn offset_micros(offset: &str) -> Option<Micros> {
    let Some(sign) = offset.bytes().next().filter(|sign| b"+-".contains(sign)) else {
        return Some(0);
    };
    let (hours, minutes) = offset[1..].split_once(':')?;
    let (hours, minutes): (Micros, Micros) = (hours.parse().ok()?, minutes.parse().ok()?);
    let ahead = (hours * 60 + minutes) * 60_000_000;
    let is_offset = hours < 24 && minutes < 60;
    is_offset.then_some(if sign == b'-' { -ahead } else { ahead })
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
    fn the_calendar_goes_from_the_year_0_to_the_end_of_9999() {
        for text in ["0000-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"] {
            assert_eq!(format_time(parse_time(text).unwrap()), text);
        }
        assert_eq!(parse_time("0000-01-01T00:00:00Z"), Some(LEAST_TIME));
        assert_eq!(parse_time("9999-12-31T23:59:59.999999Z"), Some(MAX_TIME));
        assert_eq!(parse_time("9999-12-31T23:59:59-00:01"), None);
        assert!(parse_time("0000-01-01T00:00:00+00:01").is_some());
        assert_eq!(format_time(i64::MAX), "9999-12-31T23:59:59.999999999Z");
        assert_eq!(calendar_text(i64::MIN), None);
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
            "2026-03-01T10:00:00+24:00",
            "2026-03-01T10:00:00+02:60",
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
