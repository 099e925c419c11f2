//! Mirroring: the pointers to tasks of other machines are brought up to date, with one call a machine.
//!
//! A machine that does not answer decides nothing: its tasks stay as they were last heard of. Nothing here judges a task
//! of this machine.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::custody::{self, Held};
use super::{Trouble, World};
use crate::port::StoreError;
use crate::port::remotes::{Found, Question, Remotes, Sought, Unheard};
use crate::task::mirror::Mirror;
use crate::task::{Ending, Event, Reason, Task, TaskId};

/// The most attempts at one task that are followed at a time.
const ATTEMPTS: usize = 16;

/// What could not be heard or recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// How many records changed.
    pub changed: usize,
    /// The machines that did not answer.
    pub silent: Vec<Unheard>,
    /// What could not be recorded.
    pub troubles: Vec<Trouble>,
}

/// A pointer that is brought up to date.
struct Pointer {
    id: TaskId,
    sought: Sought,
    /// Held where it is not known yet which task there it means.
    held: Option<Held>,
}

/// Brings those of these tasks up to date that are kept on other machines and whose end is not known here.
pub async fn mirror(world: World<'_>, remotes: &dyn Remotes, tasks: &[Task]) -> Heard {
    let mut heard = Heard::default();
    let mut asked: BTreeMap<String, Vec<Pointer>> = BTreeMap::new();
    for task in tasks {
        let Some(host) = task.unended_on() else { continue };
        let pointer = match &task.progress().remote_id {
            Some(remote) => {
                Pointer { id: task.id().clone(), sought: Sought::Id(remote.clone()), held: None }
            }
            None => match unplaced(world, task).await {
                Some(pointer) => pointer,
                None => continue,
            },
        };
        asked.entry(host.into()).or_default().push(pointer);
    }
    for _ in 0..ATTEMPTS {
        if asked.is_empty() {
            break;
        }
        asked = Box::pin(round(world, remotes, asked, &mut heard)).await;
    }
    heard
}

/// A pointer whose launcher has not recorded what it stands for, as a question about its key; `None` while somebody is
/// about to do so.
async fn unplaced(world: World<'_>, task: &Task) -> Option<Pointer> {
    let held = custody::take(world, task.id()).await.ok().flatten()?;
    // It may have been placed or ended since it was read.
    let id = held.task.id().clone();
    let sought = match &held.task.progress().remote_id {
        Some(remote) => Sought::Id(remote.clone()),
        None => Sought::Key(id.clone()),
    };
    Some(Pointer { id, sought, held: Some(held) })
}

/// Asks each machine once. Returns what is to be asked about further attempts.
async fn round(
    world: World<'_>,
    remotes: &dyn Remotes,
    asked: BTreeMap<String, Vec<Pointer>>,
    heard: &mut Heard,
) -> BTreeMap<String, Vec<Pointer>> {
    let question = |(host, pointers): (&String, &Vec<Pointer>)| Question {
        host: host.clone(),
        sought: pointers.iter().map(|pointer| pointer.sought.clone()).collect(),
    };
    let questions: Vec<Question> = asked.iter().map(question).collect();
    let answers = remotes.look(&questions);
    let mut further: BTreeMap<String, Vec<Pointer>> = BTreeMap::new();
    for ((host, pointers), answer) in asked.into_iter().zip(answers) {
        let found = match answer {
            Ok(found) => found,
            Err(unheard) => {
                heard.silent.push(unheard);
                continue;
            }
        };
        for (pointer, found) in pointers.into_iter().zip(found) {
            let event = match found {
                Found::Unclear(_) => continue,
                Found::Nothing => Event::Ended {
                    ending: forgotten(&host, &pointer.sought),
                    exit: None,
                    next: None,
                },
                Found::Task(task) => match Mirror::follower(&task) {
                    Some(next) => {
                        let sought = Sought::Id(next.clone());
                        let next = Pointer { sought, ..pointer };
                        further.entry(host.clone()).or_default().push(next);
                        continue;
                    }
                    None => Event::Mirrored(Box::new(Mirror::of(&task))),
                },
            };
            record(world, pointer, event, heard).await;
        }
    }
    further
}

async fn record(world: World<'_>, pointer: Pointer, event: Event, heard: &mut Heard) {
    let Pointer { id, held, .. } = pointer;
    if let (Event::Mirrored(mirror), Ok(known)) = (&event, world.store.load(&id).await)
        && mirror.is_known_to(&known)
    {
        return;
    }
    match world.store.apply(&id, event, world.clock.now()).await {
        Ok(task) => {
            heard.changed += 1;
            // Only one of those who hear of an end is not refused, so that it is done once.
            if task.status().is_ended() {
                world.ended(&task);
            }
        }
        // Somebody else heard of its end first.
        Err(StoreError::Refused { .. }) => {}
        Err(error) => return heard.troubles.push(error.into()),
    }
    // What cannot be removed now stays a name that means nothing.
    drop(held.map(Held::let_go));
}

/// How a pointer ends whose machine knows no such task.
fn forgotten(host: &str, sought: &Sought) -> Ending {
    match sought {
        Sought::Id(remote) => {
            let message = format!("`{host}` has no task {remote} any more");
            Ending::failed(Reason::Lost, message)
        }
        Sought::Key(_) => {
            let message = format!("its launch was cut short before `{host}` had taken it");
            Ending::failed(Reason::LaunchFailed, message)
        }
    }
}

/// What is to be said of the machines that did not answer, a sentence each.
pub fn silences(silent: &[Unheard]) -> Vec<String> {
    silent.iter().map(ToString::to_string).collect()
}
