//! Numbers of bytes as people write them in settings.

/// The least that a log may be bounded to, in bytes: its ends are to be of use.
pub(crate) const LEAST_LOG: u64 = 64 << 10;

/// How much of the disk a log may take where nothing says it, in bytes.
pub(crate) const USUAL_LOG: u64 = 256 << 20;

/// How much of the disk the logs of ended tasks may take before that is said, where nothing says it, in bytes.
pub(crate) const USUAL_ENDED_LOGS: u64 = 4 << 30;

/// Reads how large a log may grow: a size, or `0` for as large as it likes.
///
/// # Errors
/// What was expected.
pub(crate) fn parse_log_size(text: &str) -> Result<u64, String> {
    match parse_size(text)? {
        size @ 1..LEAST_LOG => {
            Err(format!("{size} bytes are too few for the two ends of a log; give 64KiB or more"))
        }
        size => Ok(size),
    }
}

/// Reads a number of bytes, or one with `KiB`, `MiB` or `GiB`; `0` stands for no bound.
///
/// # Errors
/// What was expected.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let forms = || "give a size such as `256MiB`, `1GiB` or `0` for no bound".to_owned();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return Err(forms()),
    };
    let number: u64 = number.parse().map_err(|_| forms())?;
    number.checked_mul(1 << shift).ok_or_else(|| "that is more than any disk holds".to_owned())
}

/// A number of bytes for people, to a tenth of its unit.
pub(crate) fn rounded_size(size: u64) -> String {
    for (shift, unit) in [(30, "GiB"), (20, "MiB"), (10, "KiB")] {
        if size >> shift > 0 {
            let tenths = (u128::from(size) * 10) >> shift;
            return format!("{}.{} {unit}", tenths / 10, tenths % 10);
        }
    }
    format!("{size} bytes")
}

/// A number of bytes as it can be written in a setting.
pub(crate) fn written_size(size: u64) -> String {
    for (shift, unit) in [(30, "GiB"), (20, "MiB"), (10, "KiB")] {
        if size > 0 && size.is_multiple_of(1 << shift) {
            return format!("{}{unit}", size >> shift);
        }
    }
    size.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them_and_written_as_they_are_read() {
        for (text, size) in [
            ("0", 0),
            ("65536", 65_536),
            ("64KiB", 65_536),
            ("64 MiB", 64 << 20),
            ("64m", 64 << 20),
            ("2GB", 2 << 30),
        ] {
            assert_eq!(parse_log_size(text), Ok(size), "{text}");
            assert_eq!(parse_log_size(&written_size(size)), Ok(size), "{text}");
        }
        for (size, text) in [(9, "9 bytes"), (1536, "1.5 KiB"), (5 << 30, "5.0 GiB")] {
            assert_eq!(rounded_size(size), text);
        }
        assert_eq!(parse_size("1KiB"), Ok(1_024));
        for text in ["", "x", "-1", "1.5GiB", "12", "99999999TiB", "MiB"] {
            assert!(parse_log_size(text).is_err(), "{text}");
        }
    }
}
