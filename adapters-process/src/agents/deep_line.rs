//! A line of JSON that is nested too deep to be read: what lies too deep is left out, and all the rest of it is kept.
//!
//! The arguments of a tool may be nested as deep as a model likes, and stand in one line with what an agent found at
//! last. Nothing here calls itself, so no line is too deep for the stack. It does not check whether the line is JSON.

use std::borrow::Cow;

/// How deep lists and objects may stand in each other; what stands deeper becomes `null`. Fewer than a reader of
/// JSON bears, and more than any event of an agent has.
const DEPTH: usize = 64;

/// The line, without what is nested too deep.
pub(super) fn flattened(line: &[u8]) -> Option<Cow<'_, [u8]>> {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    let mut kept = Vec::new();
    // From where on everything is kept that is not kept yet; `None` within what is too deep.
    let mut from = Some(0);
    for (at, byte) in line.iter().enumerate() {
        if in_text {
            in_text = escaped || *byte != b'"';
            escaped = !escaped && *byte == b'\\';
            continue;
        }
        match byte {
            b'"' => in_text = true,
            b'[' | b'{' => {
                depth += 1;
                if depth == DEPTH + 1 {
                    kept.extend_from_slice(line.get(from.take()?..at)?);
                    kept.extend_from_slice(b"null");
                }
            }
            b']' | b'}' => {
                if depth == DEPTH + 1 {
                    from = Some(at + 1);
                }
                depth = depth.checked_sub(1)?;
            }
            _ => {}
        }
    }
    if kept.is_empty() {
        return Some(Cow::Borrowed(line));
    }
    kept.extend_from_slice(line.get(from?..)?);
    Some(Cow::Owned(kept))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(line: &str) -> Option<String> {
        flattened(line.as_bytes()).map(|line| String::from_utf8_lossy(&line).into_owned())
    }

    #[test]
    fn what_lies_too_deep_is_left_out_and_what_follows_is_kept() {
        for extra in [0, 1, 100_000] {
            let (open, close) = (DEPTH + extra, "]}".repeat(DEPTH + extra));
            let deep = format!("{}\"]\\\"\"{close}", r#"{"a":["#.repeat(open));
            let line = format!(r#"{{"deep":{deep},"after":{deep},"result":"]}}\\"}}"#);
            let flat = flat(&line).expect("it is whole");
            let value: serde_json::Value = serde_json::from_str(&flat).expect("it is JSON still");
            assert_eq!(value["result"], "]}\\");
        }
    }

    #[test]
    fn a_line_that_is_not_too_deep_stays_as_it_is_and_one_that_is_cut_off_has_no_end() {
        let line = r#"{"a":[{"b":"[[\"{"}],"c":null}"#;
        assert!(matches!(flattened(line.as_bytes()), Some(Cow::Borrowed(_))));
        assert_eq!(flat(&"[".repeat(300_000)), None);
        assert_eq!(flat("]"), None);
    }
}
