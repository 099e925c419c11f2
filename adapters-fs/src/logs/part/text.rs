//! Where characters and lines begin and end in bytes that may not be text at all.
//!
//! One broken sequence of bytes counts as one character: the replacement character it is shown as.
//! Nothing here reads a file.

/// `bytes` without the first part of a character at its end, of which the rest may still come.
pub(super) fn without_broken_end(bytes: &[u8]) -> &[u8] {
    // Only the last three bytes can be the beginning of an unfinished character.
    let tail = bytes.len().saturating_sub(3);
    for start in tail..bytes.len() {
        let unfinished =
            |error: std::str::Utf8Error| error.valid_up_to() == 0 && error.error_len().is_none();
        if std::str::from_utf8(&bytes[start..]).is_err_and(unfinished) {
            return &bytes[..start];
        }
    }
    bytes
}

/// How many bytes at the beginning of `bytes` may be the rest of a character that began before.
pub(super) fn broken_beginning(bytes: &[u8]) -> usize {
    bytes.iter().take(3).take_while(|byte| **byte & 0xC0 == 0x80).count()
}

/// Where the `nth` line feed from the end stands, counted from 1; or how many there are, if fewer.
pub(super) fn last_feed(bytes: &[u8], nth: usize) -> Result<usize, usize> {
    let mut found = 0;
    for (at, byte) in bytes.iter().enumerate().rev() {
        if *byte == b'\n' {
            found += 1;
            if found == nth {
                return Ok(at);
            }
        }
    }
    Err(found)
}
