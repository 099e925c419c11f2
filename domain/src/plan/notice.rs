//! What to tell a parent now: a message, and the marks to record once it was said.
//!
//! A message is bounded, whatever agents wrote and however many there are; tasks that do not fit are
//! counted and come with the next message. Nothing is recorded here.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::task::notice::{
    Mark, Occasion, Stage, name, of_ended, output_command, tells_all, wait_command,
};
use crate::task::{Status, Task, TaskId, Timestamp};

/// The most tasks of a kind that one message names.
pub const MAX_TASKS: usize = 20;
/// The most characters of one message.
pub const MAX_MESSAGE: usize = 8_000;
/// The characters reserved for the heading, and as many for the sentence about the rest.
const REMARK: usize = 120;

/// A task of a parent, and how far telling of it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The task, as recorded.
    pub task: Task,
    /// How far telling of it has come.
    pub stage: Stage,
    /// What is odd about it, if it has not ended.
    pub delay: Option<Delay>,
    /// Whether it has not ended by its record, and its agent is gone.
    pub is_gone: bool,
}

/// Why a parent may want to look at a task that is at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delay {
    /// It has given no sign of life for so long.
    Silent(Duration),
    /// It has been at work for so long.
    Long(Duration),
}

impl Delay {
    /// How long a task may give no sign of life before its parent hears of that.
    const SILENCE: Duration = Duration::from_secs(10 * 60);
    /// How long a task may be at work before its parent hears of that.
    const LENGTH: Duration = Duration::from_secs(30 * 60);

    /// Whether a task with this id is old enough for any of it; its record need not be read before.
    pub fn is_possible(id: &TaskId, now: Timestamp) -> bool {
        id.minted_at().is_some_and(|minted| now.since(minted) >= Self::SILENCE)
    }

    /// What is odd about a task that runs, if anything.
    pub fn of(task: &Task, now: Timestamp) -> Option<Self> {
        let started = task.started_at().filter(|_| task.status() == Status::Running)?;
        let silent = now.since(task.progress().last_update.unwrap_or(started).max(started));
        let long = now.since(started);
        if silent >= Self::SILENCE {
            Some(Self::Silent(silent))
        } else {
            (long >= Self::LENGTH).then_some(Self::Long(long))
        }
    }

    fn words(self) -> String {
        let minutes = |span: Duration| span.as_secs() / 60;
        match self {
            Self::Silent(span) => format!("no sign of life for {} min", minutes(span)),
            Self::Long(span) => format!("at work for {} min", minutes(span)),
        }
    }
}

/// What to tell a parent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NoticePlan {
    /// The words; `None` if there is nothing to say.
    pub message: Option<String>,
    /// The marks to record once the words were said.
    pub marks: Vec<(TaskId, Mark)>,
}

/// Plans what to tell a parent of its tasks, given oldest first.
///
/// A parent at work is told of endings. One whose session begins, or goes on with what it knew cut
/// short, is also told what has not ended: it may have forgotten the ids. One about to stop is also
/// reminded, once, of the tasks that are still at work and of the endings it has not read to the end. Of a task that
/// goes on and on, or says nothing, it is told once while it works.
pub fn plan_notice(occasion: Occasion, pending: &[Pending]) -> NoticePlan {
    let (mut ended, mut at_work, mut unread) = (Vec::new(), Vec::new(), Vec::new());
    let (mut unended, mut late, mut gone) = (Vec::new(), Vec::new(), Vec::new());
    for Pending { task, stage, delay, is_gone } in pending {
        match (task.status().is_ended(), stage, occasion) {
            (true, Stage::Open | Stage::Named | Stage::Ended, _) => ended.push(task),
            (true, Stage::Told, Occasion::Stopping) => unread.push(task),
            (false, Stage::Open | Stage::Ended, Occasion::Stopping)
            | (false, _, Occasion::Starting)
                if *is_gone =>
            {
                gone.push(task);
            }
            (false, Stage::Open | Stage::Ended, Occasion::Stopping) => at_work.push(task),
            (false, _, Occasion::Starting) => unended.push(task),
            (false, Stage::Open, Occasion::Working) if *is_gone => {
                gone.extend(delay.map(|_| task));
            }
            (false, Stage::Open, Occasion::Working) => {
                late.extend(delay.map(|delay| (task, delay)));
            }
            (true, Stage::Told, Occasion::Starting | Occasion::Working)
            | (false, Stage::Named | Stage::Told, Occasion::Stopping)
            | (false, Stage::Named | Stage::Ended | Stage::Told, Occasion::Working) => {}
        }
    }
    let reminder = format!(
        "{}{}{}{}",
        overview(&unended),
        of_late(&late),
        of_gone(&gone),
        reminder(&at_work, &unread)
    );
    let (told, notices) = notices(&ended, MAX_MESSAGE - reminder.chars().count());
    if notices.is_empty() && reminder.is_empty() {
        return NoticePlan::default();
    }
    let mark = |task: &&Task| match occasion {
        Occasion::Starting | Occasion::Working if !tells_all(task) => Mark::Told,
        // A parent that is about to stop is told once only.
        Occasion::Starting | Occasion::Working | Occasion::Stopping => Mark::Settled,
    };
    let told = ended[..told].iter().map(|task| (task.id().clone(), mark(task)));
    // The others are named at the next stop.
    let unread = unread.iter().take(MAX_TASKS).map(|task| (task.id().clone(), Mark::Settled));
    let late = late.iter().map(|(task, _)| *task);
    let gone = gone.iter().copied().filter(|_| occasion != Occasion::Starting);
    let at_work = at_work
        .iter()
        .copied()
        .chain(late)
        .chain(gone)
        .map(|task| (task.id().clone(), Mark::Named));
    NoticePlan {
        marks: told.chain(unread).chain(at_work).collect(),
        message: Some(format!("{notices}{reminder}")),
    }
}

/// The tasks that go on and on, or say nothing.
fn of_late(late: &[(&Task, Delay)]) -> String {
    if late.is_empty() {
        return String::new();
    }
    let tasks: Vec<&Task> = late.iter().map(|(task, _)| *task).collect();
    let delay = |of: &Task| late.iter().find(|(task, _)| task.id() == of.id()).map(|it| it.1);
    let words = |task: &Task| {
        format!("{} ({})", name(task), delay(task).map(Delay::words).unwrap_or_default())
    };
    let (names, _) = named(&tasks, words);
    format!(
        "task-bg: not ended yet: {names}.\n  `task-bg output --tail 30 ID` shows what one wrote last, `task-bg cancel ID` ends it; you will not be told again.\n"
    )
}

/// The tasks whose agents are gone, and whose endings are not recorded.
fn of_gone(gone: &[&Task]) -> String {
    if gone.is_empty() {
        return String::new();
    }
    let (names, _) = named(gone, name);
    format!(
        "task-bg: the agent is gone, and how it ended is not recorded yet: {names}.\n  `task-bg status ID` says why.\n"
    )
}

/// As many notices as fit into `room` characters, and how many they are.
fn notices(ended: &[&Task], room: usize) -> (usize, String) {
    let mut items = String::new();
    let (mut told, mut length) = (0, 2 * REMARK);
    for task in ended.iter().take(MAX_TASKS) {
        let item = of_ended(task);
        length += item.chars().count();
        if length > room {
            break;
        }
        items.push_str(&item);
        told += 1;
    }
    if ended.is_empty() {
        return (0, String::new());
    }
    let total = ended.len();
    let have = if total == 1 { "task has" } else { "tasks have" };
    let rest = match total - told {
        0 => String::new(),
        rest => {
            format!("{rest} more will be named with the next message; `task-bg list` shows all.\n")
        }
    };
    (told, format!("task-bg: {total} background {have} ended.\n{items}{rest}"))
}

/// What has not ended, for a parent whose session begins or goes on.
fn overview(unended: &[&Task]) -> String {
    if unended.is_empty() {
        return String::new();
    }
    let state = |task: &Task| format!("{} ({})", name(task), task.status().word());
    let (names, wait) = named(unended, state);
    let have = if unended.len() == 1 { "task has" } else { "tasks have" };
    let total = unended.len();
    format!(
        "task-bg: {total} background {have} not ended: {names}.\n  `{wait}` waits for what they find.\n"
    )
}

/// The first of `tasks` by name, with a count of the others, and the command that waits for all of them.
fn named(tasks: &[&Task], name: impl Fn(&Task) -> String) -> (String, String) {
    let shown = &tasks[..tasks.len().min(MAX_TASKS)];
    let rest = tasks.len() - shown.len();
    let names: Vec<String> = shown.iter().map(|task| name(task)).collect();
    let ids = shown.iter().map(|task| task.id());
    // Without ids the command waits for all tasks of the parent.
    let wait = if rest == 0 { wait_command(ids) } else { wait_command([].into_iter()) };
    (format!("{}{}", names.join(", "), and_more(rest)), wait)
}

/// The reminder for a parent that is about to stop.
fn reminder(at_work: &[&Task], unread: &[&Task]) -> String {
    let mut words = String::new();
    if !at_work.is_empty() {
        let (names, wait) = named(at_work, name);
        words.push_str(&format!(
            "task-bg: still at work: {names}.\n  `{wait}` waits for what they find. They also go on by themselves when you stop; you will not be asked about them again.\n",
        ));
    }
    if !unread.is_empty() {
        let shown = &unread[..unread.len().min(MAX_TASKS)];
        let commands: Vec<String> =
            shown.iter().map(|task| format!("`{}`", output_command(task))).collect();
        let rest = match unread.len() - shown.len() {
            0 => String::new(),
            rest => format!(", and {rest} more, which will be named at the next stop"),
        };
        words.push_str(&format!(
            "task-bg: ended, and not read to the end: {}{rest}.\n",
            commands.join(", "),
        ));
    }
    words
}

fn and_more(rest: usize) -> String {
    if rest == 0 { String::new() } else { format!(", and {rest} more") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::{Ending, Event, Order};
    use crate::testing;
    use proptest::prelude::*;

    fn at(number: u64) -> Timestamp {
        testing::ORDERED.plus(Duration::from_secs(number))
    }

    fn pending(number: u64, stage: Stage, result: Option<&str>) -> Pending {
        let id = TaskId::mint(at(number), [0; 3]);
        let order = Order { description: format!("task {number}"), ..testing::order() };
        let task = Task::ordered(id, order, None, at(number));
        let end = |result: &str| {
            let ending = Ending::Completed { result: result.into() };
            task.clone()
                .apply(Event::Ended { ending, exit: None, next: None }, at(number + 1))
                .expect("ended")
        };
        let task = result.map_or(task.clone(), |result| end(result).task);
        Pending { task, stage, delay: None, is_gone: false }
    }

    fn marks(plan: &NoticePlan) -> Vec<Mark> {
        plan.marks.iter().map(|(_, mark)| *mark).collect()
    }

    #[test]
    fn at_work_a_parent_is_told_of_endings_alone_and_only_a_whole_result_settles_them() {
        let long = "word ".repeat(100);
        let all = [
            pending(1, Stage::Ended, Some("short")),
            pending(2, Stage::Ended, Some(&long)),
            pending(3, Stage::Told, Some("known")),
            pending(4, Stage::Open, None),
            pending(5, Stage::Ended, None),
        ];
        let plan = plan_notice(Occasion::Working, &all);
        let message = plan.message.clone().expect("a message");
        assert!(message.starts_with("task-bg: 2 background tasks have ended.\n"), "{message}");
        assert_eq!(marks(&plan), [Mark::Settled, Mark::Told]);
        assert_eq!(plan_notice(Occasion::Working, &all[2..]), NoticePlan::default());
    }

    #[test]
    fn at_a_stop_what_is_at_work_and_what_was_not_read_is_named_once() {
        let all = [
            pending(1, Stage::Told, Some("long")),
            pending(2, Stage::Open, None),
            pending(3, Stage::Named, None),
            pending(4, Stage::Ended, Some("found")),
        ];
        let plan = plan_notice(Occasion::Stopping, &all);
        let message = plan.message.clone().expect("a message");
        for part in ["1 background task has ended", "still at work: ", "not read to the end: "] {
            assert_eq!(message.matches(part).count(), 1, "{part}\n{message}");
        }
        assert!(!message.contains("task 3"), "{message}");
        assert_eq!(marks(&plan), [Mark::Settled, Mark::Settled, Mark::Named]);
        let named = [pending(3, Stage::Named, None)];
        assert_eq!(plan_notice(Occasion::Stopping, &named), NoticePlan::default());
    }

    #[test]
    fn what_does_not_fit_is_counted_and_stays_untold() {
        let all: Vec<Pending> =
            (0..25).map(|number| pending(number, Stage::Ended, Some("x"))).collect();
        let plan = plan_notice(Occasion::Working, &all);
        let message = plan.message.clone().expect("a message");
        assert_eq!((plan.marks.len(), message.matches("\n- ").count()), (MAX_TASKS, MAX_TASKS));
        assert!(message.contains("25 background tasks have ended"), "{message}");
        assert!(message.contains("5 more will be named"), "{message}");
    }

    #[test]
    fn of_more_unread_endings_than_there_is_room_for_the_others_are_named_at_the_next_stop() {
        let all: Vec<Pending> =
            (0..25).map(|number| pending(number, Stage::Told, Some("x"))).collect();
        let plan = plan_notice(Occasion::Stopping, &all);
        let message = plan.message.clone().expect("a message");
        assert!(message.contains("and 5 more, which will be named at the next stop"), "{message}");
        let named = |it: &&Pending| message.contains(it.task.id().as_str());
        let (named, others): (Vec<&Pending>, Vec<&Pending>) = all.iter().partition(named);
        assert_eq!((named.len(), others.len()), (MAX_TASKS, 5));
        let marked = |it: &&Pending| plan.marks.iter().any(|(id, _)| id == it.task.id());
        assert!(named.iter().all(marked) && !others.iter().any(marked), "{:?}", plan.marks);
    }

    fn stage() -> impl Strategy<Value = Stage> {
        prop_oneof![Just(Stage::Open), Just(Stage::Named), Just(Stage::Ended), Just(Stage::Told)]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn invariant_a_message_is_bounded_and_something_is_always_said_of_an_ending(
            stages in proptest::collection::vec((stage(), any::<bool>(), 0usize..700), 0..90),
            occasion in prop_oneof![
                Just(Occasion::Starting), Just(Occasion::Working), Just(Occasion::Stopping)
            ],
        ) {
            let all: Vec<Pending> = stages
                .into_iter()
                .zip(0u64..)
                .map(|((stage, ended, length), number)| {
                    let result = "ä ".repeat(length);
                    pending(number, stage, ended.then_some(result.as_str()))
                })
                .collect();
            let plan = plan_notice(occasion, &all);
            let length = plan.message.as_deref().map_or(0, |message| message.chars().count());
            prop_assert!(length <= MAX_MESSAGE, "{length}");
            // What has not ended is named at each start, without a mark.
            prop_assert!(plan.message.is_some() || plan.marks.is_empty());
            prop_assert!(plan.message.is_none() || !plan.marks.is_empty() || occasion == Occasion::Starting);
            let untold = |pending: &&Pending| {
                pending.task.status().is_ended() && pending.stage != Stage::Told
            };
            if let Some(first) = all.iter().find(untold) {
                prop_assert!(plan.marks.iter().any(|(id, _)| id == first.task.id()));
            }
        }
    }
}
