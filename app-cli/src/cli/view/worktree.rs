//! What `diff` answers, and what `status` says of a worktree. Paths are shown as they are, but
//! harmless for a terminal.

use domain::port::worktrees::{Changes, Head, WorktreeError};
use domain::task::{TaskId, Worktree, text};
use domain::usecase::diff::Difference;
use serde_json::{Map, Value, json};

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
    fn is_verbatim(&self) -> bool {
        true
    }

    fn json(&self) -> Value {
        let Difference { worktree, changes, diff } = &self.found;
        let mut answer = json!({
            "taskId": self.id.as_str(),
            "id": self.id.as_str(),
            "diff": diff.text,
        });
        if let Value::Object(answer) = &mut answer {
            answer.extend(facts(worktree, changes));
            answer.insert("truncated".to_owned(), json!(diff.truncated));
        }
        answer
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
        let more = Some(format!("task-bg diff --full {}", self.id));
        (!self.whole).then(|| Shape { texts: TEXTS, more, ..Shape::default() })
    }

    fn table(&self) -> String {
        let note = note(&self.found.worktree, &self.found.changes);
        let note = note.map(|note| format!("note: {}\n", terminal::harmless(&note)));
        let text = terminal::harmless(&self.found.diff.text);
        let text = format!("{}{text}", note.unwrap_or_default());
        if self.found.diff.truncated {
            format!("{text}\n… there is more: `task-bg diff --full {}`\n", self.id)
        } else {
            text
        }
    }
}

/// The members of an answer that say what changed.
fn facts(of: &Worktree, changes: &Changes) -> Map<String, Value> {
    let mut facts = Map::new();
    let mut add = |key: &str, value| facts.insert(key.to_owned(), value);
    add("files", json!(changes.files));
    add("omitted", json!(changes.omitted));
    add("ahead", json!(changes.ahead));
    add("dirty", json!(changes.dirty));
    if let Some(note) = note(of, changes) {
        add("note", json!(note));
    }
    facts
}

/// What changed in a worktree, for programs.
pub(super) fn json(of: &Worktree, found: &Result<Changes, WorktreeError>) -> Value {
    match found {
        Ok(changes) => facts(of, changes).into(),
        Err(error) => json!({ "error": error.to_string() }),
    }
}

/// That something else is checked out than the task's branch, or that its branch is not there any more, and how to see
/// what is committed on it. Without this, an empty difference would pass for one in which nothing was done.
fn note(of: &Worktree, changes: &Changes) -> Option<String> {
    let (own, gone) = (&of.branch, changes.branch_gone);
    let missing = format!("the branch `{own}` is not there any more: it was deleted or renamed");
    let Some(head) = &changes.elsewhere else {
        return gone.then_some(missing);
    };
    let out = match head {
        Head::Branch(name) => format!("the branch `{name}` is checked out there"),
        Head::Commit(id) => format!("the commit `{id}` is checked out there, without a branch"),
    };
    Some(if gone {
        format!("{out}; {missing}")
    } else {
        let words = ["git", "-C", &of.repository, "diff", &of.base, own];
        let show = shlex::try_join(words).unwrap_or_default();
        format!("{out}, and not `{own}`; `{show}` shows what is committed on that one")
    })
}

/// The same on one line for people.
pub(super) fn words(of: &Worktree, found: &Result<Changes, WorktreeError>) -> String {
    let changes = match found {
        Ok(changes) => changes,
        Err(error) => return error.to_string(),
    };
    let files = changes.files.len() + changes.omitted;
    let dirty = if changes.dirty { ", not all committed" } else { "" };
    let list = if files == 0 { String::new() } else { format!(": {}", changes.files.join(", ")) };
    let plural = |one| if one { "" } else { "s" };
    let (ahead, s) = (changes.ahead, plural(changes.ahead == 1));
    let note = note(of, changes).map_or_else(String::new, |note| format!(" ({note})"));
    format!("{files} file{}, {ahead} commit{s} ahead{dirty}{list}{note}", plural(files == 1))
}
