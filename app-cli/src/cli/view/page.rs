//! `report --html`: one page that shows how tasks fared, with all it needs in it.
//!
//! The page is the files beside this one: what they draw is JSON in the page, put there by [`inert`] alone, so that
//! nothing in it can end the element it stands in. Their script puts every text into the page as text. A policy in the
//! page lets nothing be loaded, and no script run but its own.

use domain::task::text::{self, screen::settled};
use domain::task::{SessionId, State, Task, TaskId, Timestamp, preview};
use serde_json::{Map, Value, json};

use super::{View, task, terminal};

const FRAME: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");

/// How many characters of long texts a page has, shared by its tasks: more than that no browser likes to show.
const TEXTS: usize = 16 << 20;
/// The most, and the fewest, characters of one text.
const TEXT: (usize, usize) = (20_000, 300);
/// The characters of a text that stands in one line.
const LINE: usize = 200;

/// What the page shows.
pub(crate) struct Page<'a> {
    /// The tasks, every attempt among them.
    pub(crate) tasks: &'a [Task],
    /// What has to be said of some of them.
    pub(crate) notes: Vec<(TaskId, String)>,
    /// The sessions whose they are; none if they are everybody's.
    pub(crate) parents: &'a [SessionId],
    /// How many records could not be read.
    pub(crate) unreadable: usize,
    /// The moment it is now.
    pub(crate) now: Timestamp,
    /// Bits that no text could know when it was written.
    pub(crate) random: [u8; 16],
}

impl Page<'_> {
    /// The page as HTML.
    pub(crate) fn html(&self) -> String {
        let nonce: String = self.random.iter().map(|byte| format!("{byte:02x}")).collect();
        let data = inert(&self.data());
        // In one pass over our own frame: what is put in is not looked at again.
        let mut html = String::with_capacity(FRAME.len() + STYLE.len() + SCRIPT.len() + data.len());
        let mut rest = FRAME;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((name, after)) = after.split_once("}}") else { break };
            html.push_str(before);
            html.push_str(match name {
                "nonce" => &nonce,
                "style" => STYLE,
                "script" => SCRIPT,
                "data" => &data,
                _ => "",
            });
            rest = after;
        }
        html + rest
    }

    fn data(&self) -> Value {
        let (most, fewest) = TEXT;
        let limit = (TEXTS / self.tasks.len().max(1)).clamp(fewest, most);
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "generated": self.now.as_micros() / 1000,
            "parents": self.parents.iter().map(|parent| shown(parent.as_str())).collect::<Vec<_>>(),
            "unreadable": self.unreadable,
            "tasks": self.tasks.iter().map(|task| self.row(task, limit)).collect::<Vec<_>>(),
        })
    }

    fn row(&self, task: &Task, limit: usize) -> Value {
        let (order, progress) = (task.order(), task.progress());
        let (activity, lineage) = (&progress.activity, &order.lineage);
        // Milliseconds with their fraction: tasks of one batch stand in their order.
        #[expect(clippy::cast_precision_loss, reason = "the moment of a task has 52 bits for long")]
        let moment = |at: Option<Timestamp>| at.map(|at| at.as_micros() as f64 / 1000.0);
        let message = match task.state() {
            State::Error(failure) => Some(failure.message.as_str()),
            State::Queued(_) | State::Running(_) | State::Completed(_) | State::Cancelled(_) => {
                None
            }
        };
        let long = |text: &str| text::without_middle(&text::harmless(settled(text).trim()), limit);
        let gist = preview::line(task, LINE);
        let gist = if gist.is_empty() { task::gist(task, LINE) } else { gist };
        let ids = |ids: &[TaskId]| ids.iter().map(|id| shown(id.as_str())).collect::<Vec<_>>();
        let note = self.notes.iter().find(|(id, _)| id == task.id());
        let mut row = json!({
            "id": shown(task.id().as_str()),
            "name": order.name.as_ref().map(|name| shown(name.as_str())),
            "label": terminal::one_line(order.label(), LINE),
            "agent": shown(&order.agent),
            "model": shown(order.model.as_deref().unwrap_or_default()),
            "status": task.status().word(),
            "reason": task::reason(task),
            "queued": moment(task.queued_at()),
            "started": moment(task.started_at()),
            "ended": moment(task.state().ended_at()),
            "attempt": lineage.attempt,
            "retryOf": lineage.retry_of.as_ref().map(|id| shown(id.as_str())),
            "after": ids(&order.placement.after),
            "tools": activity.tool_calls,
            "lastTool": activity.last_tool.as_deref().map(shown),
            "input": activity.usage.map(|usage| usage.input_tokens),
            "output": activity.usage.map(|usage| usage.output_tokens),
            "cached": activity.usage.map(|usage| usage.cache_read_input_tokens),
            "cost": activity.usage.and_then(|usage| usage.cost_usd()),
            "gist": gist,
            "message": message.map(long),
            "result": task.state().result().map(long),
            "late": progress.late_result.as_deref().map(long),
            "note": note.map(|(_, note)| long(note)),
        });
        if let Value::Object(row) = &mut row {
            without_nothing(row);
        }
        row
    }
}

/// A short text on one line, harmless.
fn shown(text: &str) -> String {
    terminal::one_line(text, LINE)
}

/// Drops what is not known, so that the script finds nothing there.
fn without_nothing(row: &mut Map<String, Value>) {
    row.retain(|_, value| !value.is_null());
}

/// A value as JSON that means the same and cannot end the script element it stands in, nor begin a comment in it: none
/// of the characters that HTML or a line of a script acts on is in it.
fn inert(value: &Value) -> String {
    let mut inert = String::new();
    for c in value.to_string().chars() {
        // Between its texts JSON has none of these, and in a text each may be written as its number.
        match c {
            '<' | '>' | '&' | '\'' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' => {
                inert.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            _ => inert.push(c),
        }
    }
    inert
}

/// What `report --html` answers once the page is written.
pub(crate) struct PageView {
    /// Where it is.
    pub(crate) file: String,
    /// How many tasks it shows.
    pub(crate) tasks: usize,
    /// Its bytes.
    pub(crate) bytes: usize,
}

impl View for PageView {
    fn json(&self) -> Value {
        json!({"html": self.file, "tasks": self.tasks, "bytes": self.bytes})
    }

    fn table(&self) -> String {
        let tasks = text::counted(self.tasks, "task");
        format!("{tasks} in {}\n", terminal::harmless(&self.file))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whatever_a_text_holds_it_is_the_same_text_and_ends_no_element(text in "\\PC*|(</script>|<!--|\\PC)*") {
            let inert = inert(&json!({"text": text}));
            prop_assert!(!inert.contains(['<', '>', '&', '\u{2028}', '\u{2029}']), "{inert}");
            let read: Value = serde_json::from_str(&inert).expect("it is JSON");
            prop_assert_eq!(&read["text"], &json!(text));
        }
    }

    #[test]
    fn the_page_has_nothing_of_the_frame_left_and_loads_nothing() {
        let page = Page {
            tasks: &[],
            notes: Vec::new(),
            parents: &[],
            unreadable: 0,
            now: Timestamp::from_millis(0),
            random: [7; 16],
        };
        let html = page.html();
        assert!(!html.contains("{{") && html.contains("'nonce-07070707"), "{html}");
        for word in
            ["http://", "https://", "src=", "href=", "url(", "@import", "innerHTML", "eval("]
        {
            let found = html.replace("\"http://www.w3.org/2000/svg\"", "");
            assert!(!found.contains(word), "{word}");
        }
    }
}
