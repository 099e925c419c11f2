//! What `cleanup` and `rm` answer: what was removed, what was kept and why, and what nobody was told of.

use std::collections::BTreeSet;

use domain::task::TaskId;
use domain::task::text::counted;
use domain::usecase::cleanup::{Cleaned, Kept};
use domain::usecase::prune::Mode;
use serde_json::{Value, json};

use super::{View, failure, rows, terminal};
use crate::kit::bound::Shape;
use crate::kit::failure::{Failure, Kind};

/// What was cleaned up.
pub(crate) struct CleanedView {
    /// What was cleaned up.
    pub(crate) cleaned: Cleaned,
    /// Those of the removed tasks whose parents were not told how they ended.
    pub(crate) untold: BTreeSet<TaskId>,
    /// Whether anything was removed, or only would be.
    pub(crate) mode: Mode,
    /// The command that shows what was left out: those that stay, or in a dry run those that have ended.
    pub(crate) more: String,
}

/// Why a task was kept, in words, with all that is known of the cause.
struct Reasons {
    why: String,
    hint: Option<String>,
}

impl Reasons {
    fn of(kept: &Kept) -> Self {
        match kept {
            Kept::Trouble(trouble) => {
                let failure = Failure::from(trouble.clone());
                let hint = failure.hints.join("; ");
                Self { why: failure.sentence(), hint: (!hint.is_empty()).then_some(hint) }
            }
            Kept::AtWork { .. }
            | Kept::Held { .. }
            | Kept::Needed { .. }
            | Kept::LeftBehind { .. }
            | Kept::InUse { .. }
            | Kept::Unnamed { .. }
            | Kept::Elsewhere { .. } => Self { why: kept.to_string(), hint: None },
        }
    }
}

impl CleanedView {
    /// The kind of the first failure that kept a task, if one did.
    pub(crate) fn trouble(&self) -> Option<Kind> {
        self.cleaned.kept.iter().find_map(|(_, kept)| match kept {
            Kept::Trouble(trouble) => Some(Failure::from(trouble.clone()).kind),
            Kept::AtWork { .. }
            | Kept::Held { .. }
            | Kept::Needed { .. }
            | Kept::LeftBehind { .. }
            | Kept::InUse { .. }
            | Kept::Unnamed { .. }
            | Kept::Elsewhere { .. } => None,
        })
    }

    /// Why tasks were kept, a line each.
    fn kept_lines(&self) -> String {
        let cleaned = &self.cleaned;
        let kept = cleaned.kept.iter().map(|(id, kept)| {
            let Reasons { why, hint } = Reasons::of(kept);
            let hint = hint.map_or_else(String::new, |hint| format!("; {hint}"));
            format!("kept {id}: {why}{hint}\n")
        });
        let named = |id: &TaskId| cleaned.kept.iter().any(|(kept, _)| kept == id);
        let worktrees = cleaned.worktrees_kept.iter().filter(|kept| !named(&kept.id)).map(|kept| {
            let path = terminal::one_line(&kept.worktree.path, 400);
            format!("kept {} and its worktree {path}: {}\n", kept.id, kept.why)
        });
        kept.chain(worktrees).collect()
    }
}

impl View for CleanedView {
    fn json(&self) -> Value {
        let kept = self.cleaned.kept.iter().map(|(id, kept)| {
            let Reasons { why, hint } = Reasons::of(kept);
            let mut row = json!({"taskId": id.as_str(), "id": id.as_str(), "error": why});
            if let Some(hint) = hint {
                row["hint"] = json!(hint);
            }
            row
        });
        let worktrees = self.cleaned.worktrees_kept.iter().map(|kept| {
            let (path, branch) = (&kept.worktree.path, &kept.worktree.branch);
            json!({"taskId": kept.id.as_str(), "id": kept.id.as_str(), "path": path, "branch": branch, "why": kept.why})
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
            "untold": self.untold.iter().map(TaskId::as_str).collect::<Vec<_>>(),
            "dryRun": self.mode == Mode::DryRun,
        })
    }

    fn shape(&self) -> Option<Shape> {
        let lists = vec![
            rows::of_ids("deleted", "deletedOmitted"),
            rows::of_ids("untold", "untoldOmitted"),
            rows::of_others("unreadable", &["file"], "unreadableOmitted"),
            rows::of_others("kept", &["taskId", "id"], "keptOmitted"),
            rows::of_others("worktreesKept", &["taskId", "id", "path"], "worktreesKeptOmitted"),
        ];
        Some(Shape { lists, more: Some(self.more.clone()), ..Shape::default() })
    }

    fn table(&self) -> String {
        let cleaned = &self.cleaned;
        let (verb, known) = match self.mode {
            Mode::DryRun => ("would remove", "are"),
            Mode::Execute => ("removed", "were"),
        };
        let untold = match self.untold.len() {
            0 => String::new(),
            count => {
                format!("{count} of them {known} not told to the sessions that launched them\n")
            }
        };
        format!(
            "{verb} {} and {}\n{untold}{}",
            counted(cleaned.removed.len(), "task"),
            counted(cleaned.swept, "leftover"),
            self.kept_lines()
        )
    }
}

/// What became of the tasks that were to be removed.
pub(crate) struct RemovedView {
    /// What was removed, and what was kept.
    pub(crate) cleaned: CleanedView,
    /// The words that mean no task, and the tasks that have not ended.
    pub(crate) refused: Vec<(String, Failure)>,
}

impl View for RemovedView {
    fn json(&self) -> Value {
        let mut answer = self.cleaned.json();
        answer["refused"] = failure::refused(&self.refused);
        failure::add_first(&mut answer, &self.refused);
        answer
    }

    fn ids(&self) -> Vec<String> {
        self.cleaned.cleaned.removed.iter().map(ToString::to_string).collect()
    }

    fn shape(&self) -> Option<Shape> {
        let mut shape = self.cleaned.shape()?;
        shape.lists.push(rows::of_tasks("refused", "refusedOmitted"));
        Some(shape)
    }

    fn failures(&self) -> Vec<Failure> {
        self.refused.iter().map(|(_, failure)| failure.clone()).collect()
    }

    fn table(&self) -> String {
        let how = if self.cleaned.mode == Mode::DryRun { "would remove" } else { "removed" };
        let ids = self.cleaned.cleaned.removed.iter();
        let removed: String = ids.map(|id| format!("{how} {id}\n")).collect();
        removed + &self.cleaned.kept_lines() + &failure::refused_lines(&self.refused)
    }
}
