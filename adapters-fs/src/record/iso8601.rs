//! Turns moments into text and text into moments, and asks no clock.
//!
//! Records get UTC with six digits of a second and `+00:00`, as the original's newer versions write
//! it, so that Python reads it and text sorts by time. The reader takes whatever any version wrote:
//! with or without a fraction, with `Z` or any offset, or with no offset at all, which means local
//! time.

use std::ops::Range;

use domain::task::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

/// The first moment Python can hold: 0001-01-01.
const FIRST: i64 = -62_135_596_800_000_000;
/// A moment shortly before the last that Python can hold: 9999-12-30, the last day jiff has whole.
const LAST: i64 = 253_402_128_000_000_000;

/// `at` as a record says it. Moments that four digits of a year cannot say become the nearest one.
pub(super) fn write(at: Timestamp) -> String {
    let micros = at.as_micros().clamp(FIRST, LAST);
    let at = jiff::Timestamp::from_microsecond(micros).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let civil = Offset::UTC.to_datetime(at);
    let (year, month, day) = (civil.year(), civil.month(), civil.day());
    let (hour, minute, second) = (civil.hour(), civil.minute(), civil.second());
    let micros = civil.subsec_nanosecond() / 1_000;
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}+00:00")
}

/// The moment that `text` says, if it says one. `zone` is asked only for a local time.
pub(super) fn read(text: &str, zone: fn() -> TimeZone) -> Option<Timestamp> {
    if let Some(micros) = ours(text.as_bytes()) {
        return Some(Timestamp::from_micros(micros));
    }
    let absolute = text.parse::<jiff::Timestamp>().ok();
    let at = absolute.or_else(|| {
        let civil: DateTime = text.parse().ok()?;
        // An hour that a clock change repeats or skips is taken as before the change.
        Some(civil.to_zoned(zone()).ok()?.timestamp())
    })?;
    Some(Timestamp::from_micros(at.as_microsecond()))
}

/// The microseconds that a text of our own form says. A listing reads tens of thousands of them, so
/// this form has a way of its own, ten times as fast; anything unusual is left to the other one.
fn ours(text: &[u8]) -> Option<i64> {
    const FORM: &[u8; 32] = b"dddd-dd-ddTdd:dd:dd.dddddd+00:00";
    let fits =
        |(form, byte): (&u8, &u8)| if *form == b'd' { byte.is_ascii_digit() } else { form == byte };
    if text.len() != FORM.len() || !FORM.iter().zip(text).all(fits) {
        return None;
    }
    let number = |digits: Range<usize>| {
        text[digits].iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0'))
    };
    let (year, month, day) = (number(0..4), number(5..7), number(8..10));
    let (hour, minute, second) = (number(11..13), number(14..16), number(17..19));
    // The last days of long months and odd years are left to the calendar.
    if year == 0 || !(1..=12).contains(&month) || !(1..=28).contains(&day) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    // Days since the epoch in the civil calendar, with the year beginning in March (H. Hinnant).
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
    Some(seconds * 1_000_000 + number(20..26))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::testing::strategies;
    use proptest::prelude::*;

    /// Two hours east of Greenwich.
    fn east() -> TimeZone {
        TimeZone::fixed(jiff::tz::offset(2))
    }

    fn micros(text: &str) -> Option<i64> {
        read(text, east).map(Timestamp::as_micros)
    }

    #[test]
    fn we_write_utc_with_six_digits_and_an_offset() {
        let at = Timestamp::from_micros(1_795_000_000_000_042);
        assert_eq!(write(at), "2026-11-18T11:06:40.000042+00:00");
        assert_eq!(write(Timestamp::from_micros(i64::MIN)), "0001-01-01T00:00:00.000000+00:00");
        assert_eq!(write(Timestamp::from_micros(i64::MAX)), "9999-12-30T00:00:00.000000+00:00");
    }

    #[test]
    fn every_form_that_any_version_wrote_is_read() {
        let at = 1_795_000_000_000_000;
        for text in [
            "2026-11-18T11:06:40+00:00",
            "2026-11-18T11:06:40.000000+00:00",
            "2026-11-18T11:06:40Z",
            "2026-11-18T11:06:40.000Z",
            "2026-11-18 11:06:40+00:00",
            "2026-11-18T06:06:40-05:00",
            "2026-11-18T16:36:40+05:30",
        ] {
            assert_eq!(micros(text), Some(at), "{text}");
        }
        assert_eq!(micros("2026-11-18T11:06:40.5Z"), Some(at + 500_000));
    }

    #[test]
    fn a_time_without_an_offset_is_local() {
        assert_eq!(micros("2026-11-18T13:06:40"), Some(1_795_000_000_000_000));
        assert_eq!(micros("2026-11-18T13:06:40.000042"), Some(1_795_000_000_000_042));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in ["", "yesterday", "2026-13-01T00:00:00Z", "null", "1795000000", "2026-11-18T"] {
            assert_eq!(micros(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn invariant_what_was_written_is_read_as_it_was(at in strategies::timestamp()) {
            prop_assert_eq!(read(&write(at), east), Some(at));
        }

        #[test]
        fn invariant_our_own_way_reads_what_the_calendar_reads(at in FIRST..LAST) {
            let text = write(Timestamp::from_micros(at));
            let calendar = text.parse::<jiff::Timestamp>().expect("a time").as_microsecond();
            prop_assert_eq!(calendar, at);
            prop_assert_eq!(ours(text.as_bytes()).unwrap_or(calendar), calendar);
        }

        #[test]
        fn invariant_written_times_sort_as_text(a in FIRST..LAST, b in FIRST..LAST) {
            let (a, b) = (Timestamp::from_micros(a), Timestamp::from_micros(b));
            prop_assert_eq!(a.cmp(&b), write(a).cmp(&write(b)));
        }
    }
}
