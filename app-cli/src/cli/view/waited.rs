//! What `wait` answers: what has ended, what has not, what cannot be judged, and the command to go on with.

use domain::plan::queue::Obstacle;
use domain::task::notice::wait_command;
use domain::task::{Task, TaskId, Timestamp, preview, text};
use domain::usecase::reconcile::{Believed, Note};
use domain::usecase::wait::Waited;
use serde_json::{Value, json};

use super::task_lines::{self, OnScreen, TaskLine};
use super::{View, WAIT_PREVIEW, failure, rows, task, terminal};
use crate::kit::bound::Shape;
use crate::kit::failure::Failure;

/// The most tasks that the command to go on with names.
const NAMED: usize = 50;
/// How many of them are named on a terminal.
const NAMED_ON_SCREEN: usize = 5;

/// The command that waits for these tasks. Of more than one cares to name, it is the one that waits for all of the
/// session, or for all that have not ended.
pub(super) fn wait_for(ids: &[&TaskId]) -> String {
    wait_command(ids.iter().copied().take(if ids.len() > NAMED { 0 } else { NAMED }))
}

/// How a wait ended.
pub(crate) struct WaitedView {
    /// How it ended.
    pub(crate) waited: Waited,
    /// What keeps those that are queued from starting.
    pub(crate) obstacles: Vec<(TaskId, Obstacle)>,
    /// Who keeps the life locks of those that are held up, in words; none where that cannot be told.
    pub(crate) holders: Vec<(String, TaskId)>,
    /// The moment it is now.
    pub(crate) now: Timestamp,
    /// Which store this is, where any of the tasks left something.
    pub(crate) store: Option<String>,
    /// What is to be said besides.
    pub(crate) besides: Besides,
    /// The terminal that it is shown on; none if it goes elsewhere.
    pub(crate) screen: Option<OnScreen>,
    /// How the wait went, in a line that goes below the tasks at a terminal.
    pub(crate) summary: Option<String>,
}

/// What is to be said of a wait besides how it ended.
#[derive(Default)]
pub(crate) enum Besides {
    /// Nothing.
    #[default]
    Nothing,
    /// The task was launched by the same command.
    Launched(TaskId),
    /// There was nothing to wait for.
    Idle {
        /// The sessions whose tasks were meant; none if everybody's were.
        parents: Vec<String>,
        /// The tasks that ended in the last minutes, failures first.
        recent: Vec<Task>,
    },
}

/// That there was nothing to wait for, as a sentence.
fn idle(parents: &[String]) -> String {
    let named: Vec<String> = parents.iter().map(|parent| terminal::one_line(parent, 100)).collect();
    if named.is_empty() {
        return "there was nothing to wait for: no task is unfinished".to_owned();
    }
    let named = text::some_of(&named, text::NAMED);
    format!("there was nothing to wait for: no task of session {named} is unfinished")
}

impl WaitedView {
    /// The same with a line about the wait below it at a terminal.
    pub(crate) fn below(self, summary: Option<String>) -> Self {
        Self { summary, ..self }
    }

    /// What is to be said of a task that has ended.
    fn note(&self, task: &Task) -> Option<String> {
        let note = Note::of_ended(task, || self.store.clone())?;
        Some(task::sentence(task, note))
    }

    fn ended(&self, task: &Task, texts: usize) -> Value {
        let id = task.id().as_str();
        let mut entry = json!({
            "taskId": id,
            "id": id,
            "status": task.status().word(),
            "reason": task::reason(task),
            "description": text::preview(task.order().label(), texts),
            "result": preview::preview(task, texts),
            "outputCommand": task::output_command(task),
        });
        if let Some(note) = self.note(task) {
            entry["note"] = note.into();
        }
        if task.progress().left.count > 0 {
            entry["survivors"] = task::survivors(task).into();
        }
        entry
    }

    fn pending(&self, believed: &Believed, texts: usize) -> Value {
        let task = &believed.task;
        let activity = &task.progress().activity;
        let elapsed = task::duration(task, self.now).as_millis();
        let id = task.id().as_str();
        json!({
            "taskId": id,
            "id": id,
            "status": task.status().word(),
            "description": text::preview(task.order().label(), texts),
            "elapsedMs": u64::try_from(elapsed).unwrap_or(u64::MAX),
            "lastTool": activity.last_tool,
            "lastMessage": activity.last_message.as_deref().map(|said| text::preview(said, texts)),
            "note": believed.note.map(|note| self.noted(task, note)).or_else(|| self.waits(task)),
        })
    }

    /// The sentence of a note, with who keeps the lock of a task that is held up, where that can be told.
    fn noted(&self, task: &Task, note: Note) -> String {
        let sentence = task::sentence(task, note);
        match self.holders.iter().find(|(holder, id)| id == task.id() && !holder.is_empty()) {
            Some((holder, _)) => format!("{sentence}: now {holder} holds it"),
            None => sentence,
        }
    }

    fn waits(&self, task: &Task) -> Option<String> {
        let found = self.obstacles.iter().find(|(id, _)| id == task.id());
        found.map(|(id, obstacle)| task::obstacle(id, obstacle))
    }

    /// Those of which nobody can say whether they have ended, with why.
    fn refused(&self) -> Vec<(String, Failure)> {
        let refused = self.waited.refused.iter();
        refused.map(|(id, trouble)| (id.to_string(), trouble.clone().into())).collect()
    }

    /// What gives way first in an answer that is too long.
    pub(super) fn limits(&self) -> Shape {
        let pending = rows::of_tasks("pending", "pendingOmitted");
        let ended = rows::of_tasks("ended", "endedOmitted");
        let lists = vec![pending, ended, rows::of_tasks("refused", "refusedOmitted")];
        let more = Some(self.more());
        Shape { texts: &[150, 80, 40], lists, more }
    }

    /// The command that shows what was left out, a page at a time: those first that have not ended.
    fn more(&self) -> String {
        let pending = self.waited.pending.iter().map(|believed| &believed.task);
        let mut parents =
            pending.chain(&self.waited.ended).map(|task| task.order().parent.as_ref());
        let first = parents.next().flatten();
        let parent = first.filter(|first| parents.all(|other| other == Some(first)));
        let parent = parent.and_then(|parent| shlex::try_quote(parent.as_str()).ok());
        let parent = parent.map_or_else(String::new, |parent| format!(" --parent {parent}"));
        format!("task-bg list{parent} --sort status")
    }

    /// A line a task, and below them what a person has to know besides.
    fn drawn_on(&self, OnScreen { screen, short, times }: OnScreen) -> String {
        let pending = self.waited.pending.iter().map(|believed| &believed.task);
        let (idle, recent) = match &self.besides {
            Besides::Idle { parents, recent } => {
                (screen.wrapped(&idle(parents)), recent.as_slice())
            }
            Besides::Nothing | Besides::Launched(_) => (String::new(), &[][..]),
        };
        let line = |task: &Task| {
            let found = self.obstacles.iter().find(|(id, _)| id == task.id());
            let why = found.map(|found| task_lines::obstacle(short, self.now, times, found));
            TaskLine::of(task, short, self.now, times).waiting(None, why)
        };
        let lines: Vec<TaskLine> =
            self.waited.ended.iter().chain(pending).chain(recent).map(line).collect();
        let notes = self.waited.ended.iter().filter_map(|task| {
            let note = self.note(task)?;
            Some(screen.wrapped(&format!("{}: {note}", task_lines::short_id(task.id(), short))))
        });
        let notes: String = notes.collect();
        let refused = screen.wrapped(&failure::refused_lines(&self.refused()));
        let next = match self.waited.pending.as_slice() {
            [] => String::new(),
            [only] => format!("task-bg wait {}", task_lines::short_id(only.task.id(), short)),
            // So many ids would fill the screen.
            many if many.len() > NAMED_ON_SCREEN => wait_command(std::iter::empty()),
            _ => self.next().unwrap_or_default(),
        };
        let next = if next.is_empty() {
            next
        } else {
            let why =
                if self.waited.timed_out { "the time ran out" } else { "some have not ended" };
            screen.wrapped(&format!("{why}; go on with `{next}`"))
        };
        let summary = self.summary.as_ref().map_or_else(String::new, |it| screen.wrapped(it));
        format!("{idle}{}{notes}{refused}{summary}{next}", task_lines::table(&lines, screen))
    }

    /// The command to go on with.
    fn next(&self) -> Option<String> {
        let pending = self.waited.pending.iter().map(|believed| believed.task.id());
        let pending: Vec<&TaskId> = pending.collect();
        (!pending.is_empty()).then(|| wait_for(&pending))
    }
}

impl View for WaitedView {
    fn ids(&self) -> Vec<String> {
        let pending = self.waited.pending.iter().map(|believed| &believed.task);
        self.waited.ended.iter().chain(pending).map(|task| task.id().to_string()).collect()
    }

    fn json(&self) -> Value {
        self.json_within(WAIT_PREVIEW)
    }

    fn json_within(&self, texts: usize) -> Value {
        let pending = self.waited.pending.iter().map(|believed| self.pending(believed, texts));
        let ended = self.waited.ended.iter().map(|task| self.ended(task, texts));
        let mut answer = json!({
            "ended": null,
            "pending": null,
            "timedOut": self.waited.timed_out,
            "next": self.next(),
        });
        // `json!` would copy what it is given.
        answer["ended"] = ended.collect();
        answer["pending"] = pending.collect();
        match &self.besides {
            Besides::Nothing => {}
            Besides::Launched(id) => {
                answer["taskId"] = json!(id.as_str());
                answer["id"] = json!(id.as_str());
            }
            Besides::Idle { parents, recent } => {
                answer["idle"] = json!(idle(parents));
                let recent = recent.iter().map(|task| self.ended(task, texts));
                answer["recent"] = recent.collect::<Vec<_>>().into();
            }
        }
        let refused = self.refused();
        if !refused.is_empty() {
            answer["refused"] = failure::refused(&refused);
        }
        failure::add_first(&mut answer, &refused);
        answer
    }

    fn shape(&self) -> Option<Shape> {
        Some(self.limits())
    }

    fn line_lists(&self) -> &'static [&'static str] {
        &["ended", "pending", "refused"]
    }

    fn failures(&self) -> Vec<Failure> {
        self.refused().into_iter().map(|(_, failure)| failure).collect()
    }

    fn table(&self) -> String {
        if let Some(on) = self.screen {
            return self.drawn_on(on);
        }
        let mut rows = terminal::table(&["ID", "STATUS", "TIME", "DESCRIPTION", "LAST"]);
        let pending = self.waited.pending.iter().map(|believed| &believed.task);
        for task in self.waited.ended.iter().chain(pending) {
            rows.add_row([
                task.id().to_string(),
                task::status_words(task),
                terminal::span(task::duration(task, self.now)),
                terminal::one_line(task.order().label(), 40),
                self.waits(task).unwrap_or_else(|| task::gist(task, 80)),
            ]);
        }
        let refused = failure::refused_lines(&self.refused());
        if let Besides::Idle { parents, recent } = &self.besides {
            let recent = recent.iter().map(|task| {
                let label = terminal::one_line(task.order().label(), 40);
                let (id, how) = (task.id(), task::status_words(task));
                format!("ended lately: {id}  {how}  {label}  {}\n", task::gist(task, 80))
            });
            return format!("{}\n{}", idle(parents), recent.collect::<String>());
        }
        let notes = self.waited.ended.iter().filter_map(|task| {
            let note = self.note(task)?;
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
