//! What `launch`, `run`, `retry` and `resume` answer: the names of new tasks.

use domain::task::notice::wait_command;
use domain::task::{SessionId, Task};
use serde_json::{Value, json};

use super::waited::{WaitedView, wait_for};
use super::{View, WAIT_PREVIEW, failure, rows, task, terminal};
use crate::cli::command::ordering::Once;
use crate::kit::bound::Shape;
use crate::kit::failure::Failure;

/// A task that has just been launched, or was there under the same key.
pub(crate) struct Launched {
    task: Task,
    existing: bool,
}

impl Launched {
    /// The task as it is now.
    pub(crate) fn of(once: &Once) -> Self {
        Self { task: once.task().clone(), existing: matches!(once, Once::Existing(_)) }
    }
}

impl Launched {
    /// The command to go on with: to wait for its end, or to see what it found.
    fn next(&self) -> String {
        if self.task.status().is_ended() {
            task::output_command(&self.task)
        } else {
            wait_command([self.task.id()].into_iter())
        }
    }
}

impl View for Launched {
    fn ids(&self) -> Vec<String> {
        vec![self.task.id().to_string()]
    }

    fn json(&self) -> Value {
        let (task, order) = (&self.task, self.task.order());
        let mut answer = json!({
            "taskId": task.id().as_str(),
            "id": task.id().as_str(),
            "sessionId": order.session.as_ref().map(SessionId::as_str),
            "session_id": order.session.as_ref().map(SessionId::as_str),
            "parent_session_id": order.parent.as_ref().map_or("main", SessionId::as_str),
            "description": order.description,
            "agent": order.agent,
            "status": task.status().word(),
            "outputFile": task.progress().output_file,
            "next": self.next(),
        });
        if let Some(name) = &order.name {
            answer["name"] = json!(name.as_str());
        }
        if self.existing {
            answer["existing"] = json!(true);
        }
        if order.lineage.attempt > 1 {
            answer["attempt"] = json!(order.lineage.attempt);
        }
        if let Some(worktree) = &order.worktree {
            answer["worktree"] = json!({"path": worktree.path, "branch": worktree.branch});
        }
        answer
    }

    fn table(&self) -> String {
        let id = self.task.id();
        let label = terminal::one_line(self.task.order().label(), 200);
        let how = if self.existing { "already launched" } else { "launched" };
        let status = self.task.status().word();
        let worktree = self.task.order().worktree.as_ref();
        let worktree = worktree
            .map(|it| format!("in {} on {}\n", terminal::one_line(&it.path, 400), it.branch));
        let worktree = worktree.unwrap_or_default();
        let next = self.next();
        format!("{how} {id}  {label} ({status})\n{worktree}go on with `{next}`\n")
    }
}

/// Several tasks that have just been launched, and those that could not be.
pub(crate) struct ManyLaunched {
    launched: Vec<Launched>,
    refused: Vec<(String, Failure)>,
}

impl ManyLaunched {
    /// The tasks as they are now, and why others could not be launched.
    pub(crate) fn of(tasks: &[Once], refused: Vec<(String, Failure)>) -> Self {
        Self { launched: tasks.iter().map(Launched::of).collect(), refused }
    }
}

impl View for ManyLaunched {
    fn ids(&self) -> Vec<String> {
        self.launched.iter().map(|one| one.task.id().to_string()).collect()
    }

    fn json(&self) -> Value {
        let launched: Vec<Value> = self.launched.iter().map(Launched::json).collect();
        let mut answer = json!({"launched": launched, "refused": failure::refused(&self.refused)});
        let pending = self.launched.iter().map(|one| &one.task);
        let pending: Vec<_> =
            pending.filter(|task| !task.status().is_ended()).map(Task::id).collect();
        if !pending.is_empty() {
            answer["next"] = json!(wait_for(&pending));
        }
        failure::add_first(&mut answer, &self.refused);
        answer
    }

    fn shape(&self) -> Option<Shape> {
        let lists = vec![
            rows::of_tasks("launched", "launchedOmitted"),
            rows::of_tasks("refused", "refusedOmitted"),
        ];
        Some(Shape { lists, more: Some("task-bg list".to_owned()), ..Shape::default() })
    }

    fn line_lists(&self) -> &'static [&'static str] {
        &["launched", "refused"]
    }

    fn failures(&self) -> Vec<Failure> {
        self.refused.iter().map(|(_, failure)| failure.clone()).collect()
    }

    fn table(&self) -> String {
        if self.launched.is_empty() && self.refused.is_empty() {
            return "there is nothing to try once more\n".to_owned();
        }
        let launched: String = self.launched.iter().map(Launched::table).collect();
        launched + &failure::refused_lines(&self.refused)
    }
}

/// Several tasks that were launched and waited for, and those that could not be launched.
pub(crate) struct ManyWaited {
    /// How the launched ones fared.
    pub(crate) waited: WaitedView,
    /// Those that could not be launched, with why.
    pub(crate) refused: Vec<(String, Failure)>,
}

impl View for ManyWaited {
    fn ids(&self) -> Vec<String> {
        self.waited.ids()
    }

    fn json(&self) -> Value {
        self.json_within(WAIT_PREVIEW)
    }

    fn shape(&self) -> Option<Shape> {
        self.waited.shape()
    }

    fn line_lists(&self) -> &'static [&'static str] {
        self.waited.line_lists()
    }

    fn json_within(&self, texts: usize) -> Value {
        let mut answer = self.waited.json_within(texts);
        if let (Value::Array(refused), Value::Object(answer)) =
            (failure::refused(&self.refused), &mut answer)
            && !refused.is_empty()
            && let Value::Array(all) = answer.entry("refused").or_insert_with(|| json!([]))
        {
            all.extend(refused);
        }
        failure::add_first(&mut answer, &self.refused);
        answer
    }

    fn failures(&self) -> Vec<Failure> {
        let refused = self.refused.iter().map(|(_, failure)| failure.clone());
        refused.chain(self.waited.failures()).collect()
    }

    fn table(&self) -> String {
        self.waited.table() + &failure::refused_lines(&self.refused)
    }
}
