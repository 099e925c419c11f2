//! What kind of failure a model's service reports: by HTTP status, or by words that all agents pass on.
//!
//! Knows no agent. What one agent alone says is in that agent's adapter. Nobody may ask this of words that are not
//! reported as an error: what a model or a tool says may be about anything.

use domain::task::Reason;

/// The kind of failure that an HTTP status stands for; `None` where only the words tell.
pub(super) const fn of_status(status: u16) -> Option<Reason> {
    match status {
        401 | 403 => Some(Reason::Auth),
        402 | 429 => Some(Reason::RateLimit),
        _ => None,
    }
}

/// The kind of failure that an error in words of a model's service stands for. A status that they name counts
/// alone, but for the one that stands for any bad request.
pub(super) fn of_words(words: &str) -> Option<Reason> {
    let words = words.to_ascii_lowercase();
    if let Some(status) = status_in(&words).filter(|status| *status != 400) {
        return of_status(status);
    }
    // A full disk is no limit of a model's.
    let words = words.replace("disk quota", "disk");
    let any = |signs: &[&str]| signs.iter().any(|sign| words.contains(sign));
    if any(&[
        "rate limit",
        "rate_limit",
        "too many requests",
        "usage limit",
        "quota",
        "payment required",
    ]) {
        return Some(Reason::RateLimit);
    }
    let refused = [
        "unauthorized",
        "not logged in",
        "authentication_error",
        "authentication_failed",
        "invalid api key",
        "api key not valid",
    ];
    any(&refused).then_some(Reason::Auth)
}

/// As many of the last lines of a log as that, without those that are empty at its end.
pub(super) fn last_lines(log: &str, count: usize) -> &str {
    let log = log.trim_end();
    let at = log.rmatch_indices('\n').nth(count.saturating_sub(1));
    at.map_or(log, |(at, _)| &log[at + 1..])
}

/// The HTTP status that words in lower case name as one.
fn status_in(words: &str) -> Option<u16> {
    let named = ["status: ", "status ", "status code ", "\"code\":"].into_iter();
    let number = |(at, sign): (usize, &str)| {
        let rest = words.get(at + sign.len()..)?.trim_start();
        let digits = rest.split(|it: char| !it.is_ascii_digit()).next()?;
        digits.parse().ok().filter(|status| (400..600).contains(status))
    };
    named.flat_map(|sign| words.match_indices(sign)).find_map(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_or_the_words_tell_a_missing_login_from_a_limit_and_from_other_failures() {
        assert_eq!(of_status(401), Some(Reason::Auth));
        assert_eq!(of_status(403), Some(Reason::Auth));
        assert_eq!(of_status(402), Some(Reason::RateLimit));
        assert_eq!(of_status(429), Some(Reason::RateLimit));
        assert_eq!(of_status(500), None);
        for (words, reason) in [
            ("unexpected status 401 Unauthorized: no", Some(Reason::Auth)),
            ("exceeded retry limit, last status: 429 Too Many Requests", Some(Reason::RateLimit)),
            ("[API Error: {\"error\":{\"code\":401}}]", Some(Reason::Auth)),
            ("unexpected status 403 Forbidden: no", Some(Reason::Auth)),
            ("unexpected status 402 Payment Required: no", Some(Reason::RateLimit)),
            ("[API Error: {\"error\":{\"code\": 402}}]", Some(Reason::RateLimit)),
            ("unexpected status 500: exit status 1", None),
            ("request a quota increase", Some(Reason::RateLimit)),
            ("mock error 500", None),
            ("unexpected status 500: the quota service is down", None),
            (
                "[API Error: {\"error\":{\"code\":400,\"message\":\"API key not valid.\"}}]",
                Some(Reason::Auth),
            ),
            ("write failed: Disk quota exceeded (os error 122)", None),
        ] {
            assert_eq!(of_words(words), reason, "{words}");
        }
    }
}
