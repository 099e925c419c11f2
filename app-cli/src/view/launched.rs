//! What `launch` and `run` answer.

use domain::task::{SessionId, Task};
use serde_json::{Value, json};

use super::{View, terminal};

/// A task that has just been launched.
pub(crate) struct Launched {
    task: Task,
}

impl Launched {
    /// The task as it is once its agent runs.
    pub(crate) fn of(task: &Task) -> Self {
        Self { task: task.clone() }
    }
}

impl View for Launched {
    fn json(&self) -> Value {
        let (task, order) = (&self.task, self.task.order());
        json!({
            "taskId": task.id().as_str(),
            "id": task.id().as_str(),
            "session_id": order.session.as_ref().map(SessionId::as_str),
            "parent_session_id": order.parent.as_ref().map_or("main", SessionId::as_str),
            "description": order.description,
            "agent": order.agent,
            "status": task.status().word(),
            "outputFile": task.progress().output_file,
        })
    }

    fn table(&self) -> String {
        let id = self.task.id();
        let label = terminal::one_line(&self.task.order().description, 200);
        format!("launched {id}  {label}\nwait for it with `task-bg wait {id}`\n")
    }
}
