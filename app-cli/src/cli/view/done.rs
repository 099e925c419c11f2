//! What `complete` and `prune` answer.

use domain::plan::prune::Expiry;
use domain::task::{Task, TaskId, Verdict};
use domain::usecase::prune::{Mode, Pruned};
use serde_json::{Value, json};

use super::{View, failure, rows, task, terminal};
use crate::kit::bound::Shape;
use crate::kit::failure::{Failure, Kind};

/// A task that was ended by hand.
pub(crate) struct CompletedView {
    /// The task as it is now.
    pub(crate) task: Task,
    /// Whether it had ended before, so that only the result could be kept beside the ending.
    pub(crate) late: bool,
}

impl CompletedView {
    /// The failure that says that the earlier ending stands.
    fn late(&self) -> Failure {
        let message = format!(
            "task {} has already ended: {}; the result was kept beside that ending",
            self.task.id(),
            task::status_words(&self.task)
        );
        let show = format!("run `task-bg output --result {}` to see both", self.task.id());
        Failure::new(Kind::AlreadyEnded, message).hint(show)
    }
}

impl View for CompletedView {
    fn json(&self) -> Value {
        let id = self.task.id().as_str();
        let mut answer = json!({"taskId": id, "id": id, "status": self.task.status().word(), "completed": !self.late, "reason": task::reason(&self.task), "description": self.task.order().description});
        if let (true, Value::Object(answer)) = (self.late, &mut answer) {
            answer.insert("lateResult".to_owned(), json!(self.task.progress().late_result));
            failure::add(answer, &self.late());
        }
        answer
    }

    fn table(&self) -> String {
        if self.late {
            return format!("{}\n", self.late().message);
        }
        format!("{} is {}\n", self.task.id(), task::status_words(&self.task))
    }
}

/// What was expired.
pub(crate) struct PrunedView {
    /// What was expired.
    pub(crate) pruned: Pruned,
    /// Whether the tasks expired, or only would have.
    pub(crate) mode: Mode,
    /// Whether all of it is wanted, however long it is.
    pub(crate) whole: bool,
}

impl PrunedView {
    /// What could not be expired, with why.
    fn refused(&self) -> Vec<(String, Failure)> {
        let refused = self.pruned.refused.iter();
        refused.map(|(id, trouble)| (id.to_string(), trouble.clone().into())).collect()
    }

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
            json!({"taskId": expiry.id.as_str(), "id": expiry.id.as_str(), "reason": reason, "detail": detail})
        });
        json!({
            "removed": ids,
            "details": details.collect::<Vec<_>>(),
            "spared": self.pruned.spared.iter().map(TaskId::as_str).collect::<Vec<_>>(),
            "refused": failure::refused(&self.refused()),
            "survivors": self.pruned.survivors,
            "dryRun": self.mode == Mode::DryRun,
        })
    }

    fn shape(&self) -> Option<Shape> {
        let lists = vec![
            // The details name the same tasks.
            rows::of_ids("removed", "removedOmitted"),
            rows::of_others("details", &["taskId", "id", "reason"], "detailsOmitted"),
            rows::of_ids("spared", "sparedOmitted"),
            rows::of_tasks("refused", "refusedOmitted"),
            rows::of_ids("survivors", "survivorsOmitted"),
        ];
        let more = match self.mode {
            Mode::DryRun => "task-bg prune --dry-run --all",
            Mode::Execute if self.pruned.refused.is_empty() => {
                "task-bg list --status error --sort ended"
            }
            Mode::Execute => "task-bg list --sort ended",
        };
        let shape = Shape { lists, more: Some(more.to_owned()), ..Shape::default() };
        (!self.whole).then_some(shape)
    }

    fn failures(&self) -> Vec<Failure> {
        self.refused().into_iter().map(|(_, failure)| failure).collect()
    }

    fn table(&self) -> String {
        let verb = match self.mode {
            Mode::DryRun => "would expire",
            Mode::Execute => "expired",
        };
        let lines: String = self
            .pruned
            .expired
            .iter()
            .map(|expiry| format!("{verb} {}: {}\n", expiry.id, Self::why(expiry).1))
            .collect();
        let lines = lines + &failure::refused_lines(&self.refused());
        if lines.is_empty() { "nothing has expired\n".to_owned() } else { lines }
    }
}
