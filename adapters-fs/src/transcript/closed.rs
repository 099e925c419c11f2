//! The beginning of a JSON text, made into a JSON text of its own.
//!
//! A line that is too long to be held is known by its beginning alone: who speaks in it, and how the text
//! begins. So what was cut off is closed: a text that is a value gets its quote, lists and objects get
//! their brackets, and what stands half-finished before them is dropped. Nothing here understands a value.

/// `beginning`, cut and closed so that a parser can read it, if it is the beginning of JSON.
pub(super) fn closed(beginning: &[u8]) -> Vec<u8> {
    let mut scan = Scan::default();
    for (at, byte) in beginning.iter().enumerate() {
        scan.take(at, *byte);
    }
    // A value that is a text keeps what there is of it.
    let mut json = if let Some(Text { begin, is_value: true, .. }) = scan.text {
        let mut json = beginning[..whole_characters(beginning, begin)].to_vec();
        json.push(b'"');
        json
    } else {
        scan.open = scan.safe_open;
        beginning[..scan.safe].to_vec()
    };
    json.extend(scan.open.iter().rev().map(|open| if *open == b'{' { b'}' } else { b']' }));
    json
}

/// Where a scan of JSON stands.
#[derive(Default)]
struct Scan {
    /// The brackets that are open.
    open: Vec<u8>,
    /// The text that is open.
    text: Option<Text>,
    /// Whether what comes next in an object is a value.
    after_colon: bool,
    /// How much can be kept if the text ended here, and the brackets that are open then.
    safe: usize,
    safe_open: Vec<u8>,
}

/// A text that is open.
struct Text {
    begin: usize,
    is_value: bool,
    escaped: bool,
}

impl Scan {
    fn take(&mut self, at: usize, byte: u8) {
        if let Some(text) = &mut self.text {
            match byte {
                _ if text.escaped => text.escaped = false,
                b'\\' => text.escaped = true,
                b'"' => self.text = None,
                _ => {}
            }
            return;
        }
        match byte {
            b'"' => {
                let is_value = self.after_colon || self.open.last() != Some(&b'{');
                self.text = Some(Text { begin: at + 1, is_value, escaped: false });
            }
            b':' => self.after_colon = true,
            // Before a comma there is a whole member.
            b',' => {
                self.after_colon = false;
                self.is_safe(at);
            }
            b'{' | b'[' => {
                self.after_colon = false;
                self.open.push(byte);
                self.is_safe(at + 1);
            }
            b'}' | b']' => {
                self.open.pop();
                self.is_safe(at + 1);
            }
            _ => {}
        }
    }

    fn is_safe(&mut self, at: usize) {
        self.safe = at;
        self.safe_open.clone_from(&self.open);
    }
}

/// Where the text that begins at `begin` has to be cut so that neither an escape nor a character is
/// halved at its end.
fn whole_characters(json: &[u8], begin: usize) -> usize {
    let mut at = begin;
    let mut end = begin;
    while at < json.len() {
        at += match json[at] {
            b'\\' if json.get(at + 1) == Some(&b'u') => 6,
            b'\\' => 2,
            byte if byte.is_ascii() => 1,
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            _ => 4,
        };
        if at <= json.len() {
            end = at;
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn parsed(beginning: &[u8]) -> Option<Value> {
        serde_json::from_slice(&closed(beginning)).ok()
    }

    #[test]
    fn a_text_that_was_cut_off_keeps_its_beginning() {
        let line = r#"{"role":"assistant","content":[{"type":"text","text":"one \u00e4 ä two"}]}"#;
        let cut = |end: &str| {
            let at = line.find(end).expect("it is there");
            parsed(&line.as_bytes()[..at]).expect("it is JSON")["content"][0]["text"].clone()
        };
        assert_eq!(cut(" two"), "one ä ä");
        assert_eq!(cut("0e4"), "one ");
        let half = line.find('ä').expect("it is there") + 1;
        let text = parsed(&line.as_bytes()[..half]).expect("it is JSON");
        assert_eq!(text["content"][0]["text"], "one ä ");
    }

    #[test]
    fn a_half_finished_member_is_dropped() {
        for cut in [r#"{"a":1,"b"#, r#"{"a":1,"b""#, r#"{"a":1,"b":"#, r#"{"a":1,"b":tr"#] {
            assert_eq!(parsed(cut.as_bytes()), Some(serde_json::json!({"a": 1})), "{cut}");
        }
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<u32>().prop_map(Value::from),
            "[a-zäß\"\\\\\n{}\\[\\],:]{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::vec(("[a-z\"\\\\{]{0,3}", inner), 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn invariant_every_beginning_of_an_object_can_be_closed(value in json(), share in 0.0f64..1.0) {
            let text = serde_json::json!({ "x": value }).to_string();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a share of a short text")]
            let cut = 1 + ((text.len() - 1) as f64 * share) as usize;
            prop_assert!(parsed(&text.as_bytes()[..cut]).is_some(), "{} -> {}", &text, String::from_utf8_lossy(&closed(&text.as_bytes()[..cut])));
        }
    }
}
