//! What `wait` answers: what has ended, what has not, what cannot be judged, and the command to go on with.

use domain::task::{Task, Timestamp, text};
use domain::usecase::reconcile::{Believed, Note};
use domain::usecase::wait::Waited;
use serde_json::{Value, json};

use super::{View, WAIT_PREVIEW, failure, task, terminal};
use crate::kit::failure::Failure;

/// How a wait ended.
pub(crate) struct WaitedView {
    /// How it ended.
    pub(crate) waited: Waited,
    /// The moment it is now.
    pub(crate) now: Timestamp,
}

impl WaitedView {
    fn ended(task: &Task) -> Value {
        let mut entry = json!({
            "taskId": task.id().as_str(),
            "status": task.status().word(),
            "reason": task::reason(task),
            "description": task.order().description,
            "result": text::preview(&task::gist(task), WAIT_PREVIEW),
            "outputCommand": task::output_command(task),
        });
        if let Some(note) = Note::of_ended(task) {
            entry["note"] = task::sentence(task, note).into();
        }
        if task.progress().left.count > 0 {
            entry["survivors"] = task::survivors(task).into();
        }
        entry
    }

    fn pending(&self, believed: &Believed) -> Value {
        let task = &believed.task;
        let activity = &task.progress().activity;
        let elapsed = task::duration(task, self.now).as_millis();
        json!({
            "taskId": task.id().as_str(),
            "status": task.status().word(),
            "elapsedMs": u64::try_from(elapsed).unwrap_or(u64::MAX),
            "lastTool": activity.last_tool,
            "lastMessage": activity.last_message.as_deref().map(|said| text::preview(said, WAIT_PREVIEW)),
            "note": believed.note.map(|note| task::sentence(task, note)),
        })
    }

    /// Those of which nobody can say whether they have ended, with why.
    fn refused(&self) -> Vec<(String, Failure)> {
        let refused = self.waited.refused.iter();
        refused.map(|(id, trouble)| (id.to_string(), trouble.clone().into())).collect()
    }

    /// The command to go on with.
    fn next(&self) -> Option<String> {
        let pending: Vec<&str> =
            self.waited.pending.iter().map(|believed| believed.task.id().as_str()).collect();
        (!pending.is_empty()).then(|| format!("task-bg wait {}", pending.join(" ")))
    }
}

impl View for WaitedView {
    fn json(&self) -> Value {
        let pending = self.waited.pending.iter().map(|believed| self.pending(believed));
        let mut answer = json!({
            "ended": self.waited.ended.iter().map(Self::ended).collect::<Vec<_>>(),
            "pending": pending.collect::<Vec<_>>(),
            "timedOut": self.waited.timed_out,
            "next": self.next(),
        });
        let refused = self.refused();
        if !refused.is_empty() {
            answer["refused"] = failure::refused(&refused);
        }
        failure::add_first(&mut answer, &refused);
        answer
    }

    fn lines(&self) -> Vec<Value> {
        let pending = self.waited.pending.iter().map(|believed| self.pending(believed));
        let refused = failure::refused(&self.refused());
        let refused = refused.as_array().cloned().unwrap_or_default();
        self.waited.ended.iter().map(Self::ended).chain(pending).chain(refused).collect()
    }

    fn table(&self) -> String {
        let mut rows = terminal::table(&["ID", "STATUS", "TIME", "DESCRIPTION", "LAST"]);
        let pending = self.waited.pending.iter().map(|believed| &believed.task);
        for task in self.waited.ended.iter().chain(pending) {
            rows.add_row([
                task.id().to_string(),
                task::status_words(task),
                terminal::span(task::duration(task, self.now)),
                terminal::one_line(&task.order().description, 40),
                terminal::one_line(&task::gist(task), 80),
            ]);
        }
        let refused = failure::refused_lines(&self.refused());
        if rows.is_empty() && refused.is_empty() {
            return "there is nothing to wait for\n".to_owned();
        }
        let notes = self.waited.ended.iter().filter_map(|task| {
            let note = task::sentence(task, Note::of_ended(task)?);
            Some(format!("{}: {note}\n", task.id()))
        });
        let refused = notes.collect::<String>() + &refused;
        let next = self.next().map(|next| {
            let why =
                if self.waited.timed_out { "the time ran out" } else { "some have not ended" };
            format!("{why}; go on with `{next}`\n")
        });
        let rows = if rows.is_empty() { String::new() } else { terminal::lines(&rows) };
        format!("{rows}{refused}{}", next.unwrap_or_default())
    }
}
