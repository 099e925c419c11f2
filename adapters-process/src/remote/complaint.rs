//! What ssh and other machines complain about: whether there was a connection, and words that may be shown.

use domain::port::remotes::Silence;
use domain::task::text;

/// The most characters of a complaint that are repeated.
const QUOTED: usize = 300;

/// What ssh says when it made no connection.
const UNREACHABLE: [&str; 20] = [
    "could not resolve hostname",
    "connect to host",
    "connection refused",
    "no route to host",
    "network is unreachable",
    "permission denied",
    "host key verification failed",
    "remote host identification has changed",
    "kex_exchange_identification",
    "banner exchange",
    "connection closed by",
    "too many authentication failures",
    "no matching",
    "bad configuration option",
    "bad owner or permissions",
    "hostname contains invalid characters",
    "can't open user config file",
    "unable to negotiate",
    "unknown port",
    "connection timed out",
];

/// Why ssh itself failed, in its words.
pub(super) fn lost(complaint: &str) -> Silence {
    let lines = || complaint.lines().map(str::trim).filter(|line| !line.is_empty());
    let tells = |line: &&str| {
        let line = line.to_lowercase();
        UNREACHABLE.iter().any(|words| line.contains(words))
    };
    if let Some(line) = lines().rev().find(tells) {
        return Silence::Unreachable(shown(line));
    }
    let last = last_line(complaint);
    Silence::Cut(if last.is_empty() { "ssh said nothing of why".to_owned() } else { last })
}

/// The last thing that was said.
pub(super) fn last_line(words: &str) -> String {
    words.lines().rev().map(shown).find(|line| !line.is_empty()).unwrap_or_default()
}

/// A line of somebody else's, as it may be shown: one line, of bounded length, that no terminal acts on.
pub(super) fn shown(line: &str) -> String {
    let line = line.trim();
    text::one_line(line.strip_prefix("ssh: ").unwrap_or(line), QUOTED)
}
