//! What every command works with: the adapters, and the format of the answer.

use std::collections::BTreeMap;

use adapters_fs::{DataDir, NoHome};
use domain::plan::family::family;
use domain::plan::queue::Obstacle;
use domain::port::{Clock, Host, LifeLocks, Queue, StoreError, TaskStore};
use domain::task::{Query, SessionId, Status, Task, TaskId, Timestamp, text};
use domain::usecase::left_behind::without_gone;
use domain::usecase::notify::collect;
use domain::usecase::resolve::{distinctive, resolve};
use domain::usecase::waiting::obstacles;

use crate::kit::answer::Format;
use crate::kit::failure::{Failure, Kind};
use crate::kit::settings::Settings;
use crate::kit::wiring::Wiring;
use crate::kit::{console, environment};

/// How much of what was typed is repeated, in characters.
const QUOTED: usize = 80;

/// What every command works with.
pub(crate) struct Context {
    /// The concrete adapters.
    pub(crate) wiring: Wiring,
    /// The settings, each with its source.
    pub(crate) settings: Settings,
    /// How to answer.
    pub(crate) format: Format,
    /// When the command began.
    pub(crate) began: Timestamp,
}

/// Whether a verb needs a store that is fit for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// It is about tasks.
    Checked,
    /// It says what is wrong with the store, or has nothing to do with it.
    Any,
}

impl Context {
    /// Finds the store and reads the settings; touches nothing yet. Returns the format of the answer even
    /// where that fails.
    pub(crate) fn new(
        asked: Option<Format>,
        usual: Option<Format>,
        place: Place,
    ) -> (Result<Self, Failure>, Format) {
        Self::over(DataDir::locate(&environment::variable), (asked, usual), place)
    }

    /// The same over this store.
    pub(crate) fn over(
        dir: Result<DataDir, NoHome>,
        (asked, usual): (Option<Format>, Option<Format>),
        place: Place,
    ) -> (Result<Self, Failure>, Format) {
        let (settings, problem) = Settings::read(asked, dir.as_ref().ok());
        let format = console::format(settings.format.value, usual);
        let context = match (dir, problem) {
            (Err(error), _) => Err(error.into()),
            (Ok(_), Some(failure)) => Err(failure),
            (Ok(dir), None) => {
                if place == Place::Checked
                    && let Err(unfit) = dir.check(environment::any_owner())
                {
                    return (Err(unfit.into()), format);
                }
                let wiring = Wiring::over(dir, &settings);
                let began = wiring.clock.now();
                Ok(Self { wiring, settings, format, began })
            }
        };
        (context, format)
    }

    /// That the store was moved while this command waited, and where it is, if so.
    pub(crate) fn moved(&self) -> Option<String> {
        let from = self.wiring.dir.moved_from()?.display();
        let now = self.wiring.dir.root().display();
        Some(format!("the store `{from}` was moved meanwhile: it is `{now}` (`TASK_BG_DIR`)"))
    }

    /// The one task that `typed` means.
    pub(crate) async fn resolve(&self, typed: &str) -> Result<TaskId, Failure> {
        Ok(resolve(&self.wiring.store, typed).await?)
    }

    /// How many characters at the end of an id are enough to name each of these tasks; all where that cannot be said.
    pub(crate) async fn short<'a>(&self, tasks: impl Iterator<Item = &'a TaskId>) -> usize {
        let ids: Vec<&TaskId> = tasks.collect();
        distinctive(&self.wiring.store, &ids).await.unwrap_or(usize::MAX)
    }

    /// The tasks that all of `typed` mean, each once.
    pub(crate) async fn resolve_all(&self, typed: &[String]) -> Result<Vec<TaskId>, Failure> {
        let mut ids = Vec::new();
        for typed in typed {
            let id = self.resolve(typed).await?;
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        Ok(ids)
    }

    /// The tasks that all of `typed` mean, each once; words that mean none go to `refused`.
    pub(crate) async fn resolve_each(
        &self,
        typed: &[String],
        refused: &mut Vec<(String, Failure)>,
    ) -> Vec<TaskId> {
        let mut ids = Vec::new();
        for typed in typed {
            match self.resolve(typed).await {
                Ok(id) if ids.contains(&id) => {}
                Ok(id) => ids.push(id),
                Err(failure) => refused.push((text::preview(typed, QUOTED), failure)),
            }
        }
        ids
    }

    /// All tasks of these sessions, oldest first, and the sessions of which none is recorded.
    pub(crate) async fn of_parents(
        &self,
        parents: &[String],
    ) -> Result<(Vec<TaskId>, Vec<SessionId>), Failure> {
        let mut unknown = parse_sessions(parents)?;
        let query = Query { parents: unknown.clone(), ..Query::default() };
        let listing = TaskStore::list(&self.wiring.store, &query).await?;
        let of = |session: &SessionId| {
            let parent = |task: &Task| task.order().parent.clone();
            listing
                .tasks
                .iter()
                .any(|it| session.launched(parent(it).as_ref().map(SessionId::as_str)))
        };
        unknown.retain(|session| !of(session));
        Ok((listing.tasks.iter().rev().map(|task| task.id().clone()).collect(), unknown))
    }

    /// The tasks of the families of these sessions of which something is to be stopped, as [`Self::to_stop`] has them.
    pub(crate) async fn to_stop_of_families(
        &self,
        parents: &[String],
    ) -> Result<Vec<TaskId>, Failure> {
        let parents = parse_sessions(parents)?;
        let listing = TaskStore::list(&self.wiring.store, &Query::default()).await?;
        let tasks: Vec<Task> = listing.tasks.into_iter().rev().collect();
        Ok(self.to_stop(&family(&tasks, &parents)).await)
    }

    /// Those of these tasks of which something is to be stopped: those that have not ended, those that run first, then
    /// those that wait, each in the order given, and last those that have ended and whose processes live. Looks once
    /// at the machine.
    async fn to_stop(&self, tasks: &[&Task]) -> Vec<TaskId> {
        let mut at_large = Some(self.wiring.host.at_large().await);
        let mut to_stop: Vec<(u8, TaskId)> = Vec::new();
        for &task in tasks {
            let lives = at_large.iter().flatten().any(|(id, _)| id == task.id());
            let rank = match task.status() {
                Status::Running => 0,
                Status::Queued => 1,
                Status::Completed | Status::Error | Status::Cancelled => {
                    let left = without_gone(self.wiring.world(), task.clone(), &mut at_large).await;
                    if !lives && left.progress().left.count == 0 {
                        continue;
                    }
                    2
                }
            };
            to_stop.push((rank, task.id().clone()));
        }
        to_stop.sort_by_key(|(rank, _)| *rank);
        to_stop.into_iter().map(|(_, id)| id).collect()
    }

    /// All tasks that have not ended: ours from the index, and those that another program recorded.
    pub(crate) async fn unfinished(&self) -> Result<Vec<TaskId>, Failure> {
        let unended: BTreeMap<TaskId, bool> = TaskStore::unended(&self.wiring.store)
            .await?
            .into_iter()
            .map(|(id, read)| (id, read.is_ok()))
            .collect();
        let mut recorded = Vec::new();
        for id in self.wiring.locks.index().await?.unfinished() {
            if !unended.contains_key(&id) {
                let loaded = self.wiring.store.load(&id).await;
                // Its launcher is just about to record it, or has died.
                if matches!(loaded, Err(StoreError::NotFound { .. })) {
                    continue;
                }
            }
            recorded.push(id);
        }
        // What cannot be read is named by `list`, and nobody can wait for it.
        let readable = unended.into_iter().filter(|(_, is_readable)| *is_readable);
        let others: Vec<TaskId> =
            readable.map(|(id, _)| id).filter(|id| !recorded.contains(id)).collect();
        recorded.extend(others);
        Ok(recorded)
    }

    /// All tasks of this machine of which something is to be stopped, as [`Self::to_stop`] has them: those that have not
    /// ended, from the index and from the records as well, since somebody may have removed what the index is made of,
    /// and those that have ended and whose processes live. Of two passes, one for each status, both would miss a task
    /// that starts in between.
    pub(crate) async fn to_stop_of_all(&self) -> Result<Vec<TaskId>, Failure> {
        let unfinished = self.unfinished().await?;
        let listing = TaskStore::list(&self.wiring.store, &Query::default()).await?;
        let ours: Vec<&Task> = (listing.tasks.iter().rev())
            .filter(|task| task.belongs_to(self.wiring.host.name()))
            .collect();
        let mut ids = self.to_stop(&ours).await;
        ids.extend(unfinished.into_iter().filter(|id| !ids.contains(id)).collect::<Vec<_>>());
        Ok(ids)
    }

    /// These tasks without the one that this command runs in and those around it: who waited for them would
    /// wait for itself.
    pub(crate) fn not_around(ids: Vec<TaskId>) -> Vec<TaskId> {
        let around = environment::tasks_around();
        ids.into_iter().filter(|id| !around.contains(id)).collect()
    }

    /// The tasks in the queue, in the order in which they are considered.
    pub(crate) async fn queue(&self) -> Result<Vec<TaskId>, Failure> {
        let waiting = self.wiring.queue.waiting().await?;
        Ok(waiting.into_iter().map(|waiting| waiting.id).collect())
    }

    /// What keeps those of these tasks that are queued from starting. A look that fails costs no answer.
    pub(crate) async fn waits(&self, tasks: &[Task]) -> Vec<(TaskId, Obstacle)> {
        obstacles(self.wiring.world(), tasks).await.unwrap_or_default()
    }

    /// These tasks as recorded; what cannot be read is left out.
    pub(crate) async fn tasks(&self, ids: &[TaskId]) -> Vec<Task> {
        let mut tasks = Vec::new();
        for id in ids {
            tasks.extend(TaskStore::load(&self.wiring.store, id).await);
        }
        tasks
    }

    /// Notes that the session this command runs in has seen how these tasks fared, so that it is not
    /// told again. A command that runs in no session says nothing about who has seen what, and
    /// neither does one in a task that only inherited the name of the session that launched it.
    pub(crate) async fn collected(&self, tasks: &[Task]) {
        self.wiring.note_collected(tasks);
        let caller = Self::default_parent().and_then(|caller| SessionId::parse(&caller).ok());
        let Some(caller) = caller.filter(|_| !tasks.is_empty()) else { return };
        let around: Vec<TaskId> = environment::task().into_iter().collect();
        let inherited = |task: &Task| task.order().parent.as_ref() == Some(&caller);
        if !self.tasks(&around).await.iter().any(inherited) {
            // At worst the session is told what it knows.
            drop(collect(&self.wiring.notices, &caller, tasks).await);
        }
    }

    /// The session that launches tasks, where no argument names it.
    pub(crate) fn default_parent() -> Option<String> {
        environment::parent_session().filter(|parent| parent != "main")
    }
}

/// A session id from the command line.
///
/// # Errors
/// A usage failure if it cannot be one.
pub(crate) fn parse_session(text: &str) -> Result<SessionId, Failure> {
    SessionId::parse(text).map_err(|invalid| {
        let failure = Failure::new(Kind::Usage, format!("that is no session id: {invalid}"));
        failure
            .hint("`task-bg list` names sessions as `parent_session_id`; a variable may be unset")
    })
}

/// Several of them, each once.
///
/// # Errors
/// A usage failure if one of them cannot be one.
pub(crate) fn parse_sessions(typed: &[String]) -> Result<Vec<SessionId>, Failure> {
    let mut sessions = Vec::new();
    for typed in typed {
        let session = parse_session(typed)?;
        if !sessions.contains(&session) {
            sessions.push(session);
        }
    }
    Ok(sessions)
}
