//! Durations as people write them: `90s 5m 2h 1d`, or plain seconds.

use std::time::Duration;

/// How long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// For at most so long.
    AtMost(Duration),
    /// For ever.
    Forever,
    /// As is usual: for ever where a person at a terminal watches, who can stop it, and else for `USUAL`.
    Usual,
}

/// For how long is waited where nothing else is asked for and nobody watches: agents' shells give up soon after.
const USUAL: Duration = Duration::from_secs(50);

impl Length {
    /// Reads a duration of which `0` means for ever, and `usual` what is usual.
    ///
    /// # Errors
    /// Those of [`parse_duration`].
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == "usual" {
            return Ok(Self::Usual);
        }
        let span = parse_duration(text)?;
        Ok(if span.is_zero() { Self::Forever } else { Self::AtMost(span) })
    }

    /// The limit, if there is one; `watched` says whether a person at a terminal watches.
    pub const fn limit(self, watched: bool) -> Option<Duration> {
        match self {
            Self::AtMost(span) => Some(span),
            Self::Usual if !watched => Some(USUAL),
            Self::Forever | Self::Usual => None,
        }
    }
}

/// Reads a duration: a number of seconds, or a number with one of the units `ms s m h d`.
///
/// # Errors
/// A sentence that names the forms, if it is none of them or longer than a hundred years.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let seconds_per_unit = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        _ => return Err(forms()),
    };
    let number: f64 = number.parse().map_err(|_| forms())?;
    let seconds = number * seconds_per_unit;
    if seconds > 100.0 * 366.0 * 86_400.0 {
        return Err("that is more than a hundred years".to_owned());
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| forms())
}

/// A duration as it can be written in a setting.
pub(crate) fn written(span: Duration) -> String {
    // Rounded up, so that a short time never reads as none at all.
    let millis = span.as_nanos().div_ceil(1_000_000);
    if millis == 0 {
        return "0s".to_owned();
    }
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    let unit = units.into_iter().find(|(unit, _)| millis.is_multiple_of(*unit));
    let (unit, name) = unit.unwrap_or((1, "ms"));
    format!("{}{name}", millis / unit)
}

/// The forms of a duration, as advice to whoever wrote none.
pub(crate) const FORMS: &str = "write it as seconds, or as in 500ms, 90s, 5m, 2h, 1d";

fn forms() -> String {
    FORMS.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_number_is_seconds_and_units_are_understood() {
        for (text, seconds) in [
            ("90", 90.0),
            ("90s", 90.0),
            ("5m", 300.0),
            ("2h", 7_200.0),
            ("1d", 86_400.0),
            ("1.5s", 1.5),
            ("500ms", 0.5),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_secs_f64(seconds)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "s", "-1", "1w", "1 m", "1.2.3", "9999999d", "∞"] {
            assert!(parse_duration(text).is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn a_span_is_written_as_it_is_read() {
        for (millis, expected) in [(1_800_000, "30m"), (90_000, "90s"), (500, "500ms"), (0, "0s")] {
            assert_eq!(written(Duration::from_millis(millis)), expected);
            assert_eq!(parse_duration(expected), Ok(Duration::from_millis(millis)));
        }
    }

    // Once, `wait` gave up on a person at a terminal after 50 s.
    #[test]
    fn where_nothing_is_asked_for_a_person_who_watches_has_no_limit_and_a_program_has_one() {
        assert_eq!(Length::parse("usual"), Ok(Length::Usual));
        assert!(Length::parse("").is_err());
        assert_eq!(Length::Usual.limit(true), None);
        assert_eq!(Length::Usual.limit(false), Some(USUAL));
        let asked = Length::AtMost(Duration::from_secs(5));
        assert_eq!(asked.limit(true), Some(Duration::from_secs(5)));
    }

    #[test]
    fn zero_means_for_ever_to_who_waits() {
        assert_eq!(Length::parse("0"), Ok(Length::Forever));
        assert_eq!(Length::Forever.limit(false), None);
    }
}
