//! What `diff` answers, and what `status` says of a worktree. Paths are shown as they are, but
//! harmless for a terminal.

use domain::port::worktrees::{Changes, WorktreeError};
use domain::task::{TaskId, text};
use domain::usecase::diff::Difference;
use serde_json::{Value, json};

use super::{View, terminal};
use crate::kit::bound::Shape;

/// What a task changed.
pub(crate) struct DiffView {
    /// The task.
    pub(crate) id: TaskId,
    /// What it changed.
    pub(crate) found: Difference,
    /// Whether all of it was asked for.
    pub(crate) whole: bool,
}

impl View for DiffView {
    fn json(&self) -> Value {
        let Difference { changes, diff } = &self.found;
        json!({
            "taskId": self.id.as_str(),
            "id": self.id.as_str(),
            "diff": diff.text,
            "files": changes.files,
            "omitted": changes.omitted,
            "ahead": changes.ahead,
            "dirty": changes.dirty,
            "truncated": diff.truncated,
        })
    }

    fn json_within(&self, texts: usize) -> Value {
        let mut answer = self.json();
        if text::beginning(&self.found.diff.text, texts).len() < self.found.diff.text.len() {
            answer["diff"] = json!(text::beginning(&self.found.diff.text, texts));
            answer["truncated"] = json!(true);
            answer["more"] = json!(format!("task-bg diff --full {}", self.id));
        }
        answer
    }

    fn shape(&self) -> Option<Shape> {
        const TEXTS: &[usize] = &[28_000, 24_000, 20_000, 15_000, 10_000, 5_000];
        (!self.whole).then(|| Shape { texts: TEXTS, ..Shape::default() })
    }

    fn table(&self) -> String {
        let text = terminal::harmless(&self.found.diff.text);
        if self.found.diff.truncated {
            format!("{text}\n… there is more: `task-bg diff --full {}`\n", self.id)
        } else {
            text
        }
    }
}

/// What changed in a worktree, for programs.
pub(super) fn json(found: &Result<Changes, WorktreeError>) -> Value {
    match found {
        Ok(changes) => json!({
            "files": changes.files,
            "omitted": changes.omitted,
            "ahead": changes.ahead,
            "dirty": changes.dirty,
        }),
        Err(error) => json!({ "error": error.to_string() }),
    }
}

/// The same on one line for people.
pub(super) fn words(found: &Result<Changes, WorktreeError>) -> String {
    let changes = match found {
        Ok(changes) => changes,
        Err(error) => return error.to_string(),
    };
    let files = changes.files.len() + changes.omitted;
    let dirty = if changes.dirty { ", not all committed" } else { "" };
    let list = if files == 0 { String::new() } else { format!(": {}", changes.files.join(", ")) };
    let plural = |one| if one { "" } else { "s" };
    let (ahead, s) = (changes.ahead, plural(changes.ahead == 1));
    format!("{files} file{}, {ahead} commit{s} ahead{dirty}{list}", plural(files == 1))
}
