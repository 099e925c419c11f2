//! What `cancel` answers: which tasks it stopped, which it could not cancel, and which processes
//! survived.

use domain::task::TaskId;
use serde_json::{Value, json};

use super::{View, failure, rows};
use crate::kit::bound::Shape;
use crate::kit::failure::Failure;

/// What became of the tasks that were to be cancelled.
pub(crate) struct CancelledView {
    /// Those that ended as cancelled.
    pub(crate) cancelled: Vec<TaskId>,
    /// Those that had ended before and had processes left, which were stopped.
    pub(crate) stopped: Vec<TaskId>,
    /// Those that could not be cancelled, with why.
    pub(crate) refused: Vec<(String, Failure)>,
    /// The numbers of processes that are left after all.
    pub(crate) survivors: Vec<u32>,
    /// The tasks of which nobody could say that nothing is left.
    pub(crate) unproved: Vec<TaskId>,
}

impl View for CancelledView {
    fn ids(&self) -> Vec<String> {
        self.cancelled.iter().chain(&self.stopped).map(ToString::to_string).collect()
    }

    fn json(&self) -> Value {
        let ids = |ids: &[TaskId]| ids.iter().map(|id| json!(id.as_str())).collect::<Vec<_>>();
        let mut answer = json!({
            "cancelled": ids(&self.cancelled),
            "stopped": ids(&self.stopped),
            "refused": failure::refused(&self.refused),
            "survivors": self.survivors,
        });
        if !self.unproved.is_empty() {
            answer["unproved"] = ids(&self.unproved).into();
        }
        failure::add_first(&mut answer, &self.refused);
        answer
    }

    fn shape(&self) -> Option<Shape> {
        let lists = vec![
            rows::of_ids("cancelled", "cancelledOmitted"),
            rows::of_ids("stopped", "stoppedOmitted"),
            rows::of_tasks("refused", "refusedOmitted"),
            rows::of_ids("survivors", "survivorsOmitted"),
            rows::of_ids("unproved", "unprovedOmitted"),
        ];
        let only = if self.refused.is_empty() { " --status cancelled" } else { "" };
        let more = Some(format!("task-bg list{only} --sort ended"));
        Some(Shape { lists, more, ..Shape::default() })
    }

    fn failures(&self) -> Vec<Failure> {
        self.refused.iter().map(|(_, failure)| failure.clone()).collect()
    }

    fn table(&self) -> String {
        let cancelled = self.cancelled.iter().map(|id| format!("cancelled {id}\n"));
        let stopped = self.stopped.iter().map(|id| format!("stopped what was left of {id}\n"));
        let refused =
            self.refused.iter().map(|(_, failure)| format!("refused: {}\n", failure.sentence()));
        let survivors = self.survivors.iter().map(|pid| format!("process {pid} is still there\n"));
        let unproved = self.unproved.iter().map(|id| {
            format!("nothing of {id} is found any more; without its supervisor that is no proof that nothing is left\n")
        });
        let lines = cancelled.chain(stopped).chain(refused).chain(survivors);
        let lines: String = lines.chain(unproved).collect();
        if lines.is_empty() { "there is nothing to cancel\n".to_owned() } else { lines }
    }
}
