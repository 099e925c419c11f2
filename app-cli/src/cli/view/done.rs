//! What `complete`, `prune` and `cleanup` answer.

use domain::plan::prune::Expiry;
use domain::task::{Task, TaskId, Verdict};
use domain::usecase::cleanup::Cleaned;
use domain::usecase::prune::{Mode, Pruned};
use serde_json::{Value, json};

use super::{View, task, terminal};

/// A task that was ended by hand.
pub(crate) struct CompletedView {
    /// The task as it is now.
    pub(crate) task: Task,
}

impl View for CompletedView {
    fn json(&self) -> Value {
        let id = self.task.id().as_str();
        json!({"taskId": id, "id": id, "status": self.task.status().word(), "reason": task::reason(&self.task)})
    }

    fn table(&self) -> String {
        format!("{} is {}\n", self.task.id(), task::status_words(&self.task))
    }
}

/// What was given up.
pub(crate) struct PrunedView {
    /// What was given up.
    pub(crate) pruned: Pruned,
    /// Whether it really was.
    pub(crate) mode: Mode,
}

impl PrunedView {
    fn why(expiry: &Expiry) -> (&'static str, String) {
        match expiry.verdict {
            Verdict::Fresh => ("", String::new()),
            Verdict::TimedOut { age } => {
                (domain::task::Reason::Timeout.word(), format!("it is {} old", terminal::span(age)))
            }
            Verdict::Stale { silence } => (
                domain::task::Reason::Stale.word(),
                format!("no sign of life for {}", terminal::span(silence)),
            ),
        }
    }
}

impl View for PrunedView {
    fn json(&self) -> Value {
        let ids: Vec<&str> = self.pruned.expired.iter().map(|expiry| expiry.id.as_str()).collect();
        let details = self.pruned.expired.iter().map(|expiry| {
            let (reason, detail) = Self::why(expiry);
            json!({"taskId": expiry.id.as_str(), "reason": reason, "detail": detail})
        });
        json!({
            "removed": ids,
            "details": details.collect::<Vec<_>>(),
            "spared": self.pruned.spared.iter().map(TaskId::as_str).collect::<Vec<_>>(),
            "survivors": self.pruned.survivors,
            "dryRun": self.mode == Mode::DryRun,
        })
    }

    fn table(&self) -> String {
        let verb = match self.mode {
            Mode::DryRun => "would give up",
            Mode::Execute => "gave up",
        };
        let lines: String = self
            .pruned
            .expired
            .iter()
            .map(|expiry| format!("{verb} {}: {}\n", expiry.id, Self::why(expiry).1))
            .collect();
        if lines.is_empty() { "there is nothing to give up\n".to_owned() } else { lines }
    }
}

/// What was cleaned up.
pub(crate) struct CleanedView {
    /// What was cleaned up.
    pub(crate) cleaned: Cleaned,
}

impl View for CleanedView {
    fn json(&self) -> Value {
        let kept = self
            .cleaned
            .kept
            .iter()
            .map(|(id, error)| json!({"taskId": id.as_str(), "error": error.to_string()}));
        let worktrees = self.cleaned.worktrees_kept.iter().map(|kept| {
            let (path, branch) = (&kept.worktree.path, &kept.worktree.branch);
            json!({"taskId": kept.id.as_str(), "path": path, "branch": branch, "why": kept.why})
        });
        let unreadable = self.cleaned.unreadable.iter();
        let unreadable =
            unreadable.map(|entry| json!({"file": entry.file, "reason": entry.reason}));
        json!({
            "cleaned": true,
            "swept": self.cleaned.swept,
            "deleted": self.cleaned.removed.iter().map(TaskId::as_str).collect::<Vec<_>>(),
            "kept": kept.collect::<Vec<_>>(),
            "worktreesKept": worktrees.collect::<Vec<_>>(),
            "unreadable": unreadable.collect::<Vec<_>>(),
        })
    }

    fn table(&self) -> String {
        let cleaned = &self.cleaned;
        let kept = cleaned.kept.iter().map(|(id, error)| format!("kept {id}: {error}\n"));
        let worktrees = cleaned.worktrees_kept.iter().map(|kept| {
            let path = terminal::one_line(&kept.worktree.path, 400);
            format!("kept {} and its worktree {path}: {}\n", kept.id, kept.why)
        });
        format!(
            "removed {} tasks and {} leftovers\n{}",
            cleaned.removed.len(),
            cleaned.swept,
            kept.chain(worktrees).collect::<String>()
        )
    }
}
