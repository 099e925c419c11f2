//! What `wait_for_tasks` says of the tasks it waited for, within a bound, and of whose endings that tells.
//!
//! Of each ending that it tells it says at least how the task ended. An ending for which there is no room is not told, and
//! comes next. Nothing here waits.

use std::time::Duration;

use domain::port::Clock;
use domain::task::{Status, Task, Timestamp};
use domain::usecase::output::quoted_in_part;
use domain::usecase::wait::Waited;

use crate::kit::context::Context;
use crate::kit::environment;
use crate::kit::failure::Failure;
use crate::mcp::told::Told;
use crate::mcp::words;

/// The most characters of an answer.
const BOUND: usize = 9_500;
/// How much of results there is in an answer, in characters: of a few tasks, and of many, whose heads take room as well.
const RESULTS: (usize, usize) = (6_000, 4_500);
/// The least of a result that is worth showing, in characters.
const LEAST: usize = 80;
/// How many tasks are a few.
const FEW: usize = 5;
/// The most tasks of which an answer has the results.
const SHOWN: usize = 15;
/// The most tasks of a kind that it has a line about beside those.
const NAMED: usize = 10;
/// What the words about a result that was cut take, in characters.
const CUT: usize = 100;

/// What is said, and the tasks of whose endings it tells.
pub(in crate::mcp) struct Telling {
    /// The words.
    pub(in crate::mcp) said: String,
    /// The tasks of whose endings they tell.
    pub(in crate::mcp) told: Vec<Task>,
}

/// What is said of a wait that took so long, and that asked for more time than there is for one if `clamped`.
///
/// The results of tasks whose endings the caller knows (`is_known`) are shown only where it asked for nothing else; otherwise there
/// is a line about each. Those said longest ago come first, so that whoever asks again hears of all in the end.
pub(in crate::mcp) async fn tell(
    context: &Context,
    told: &Told,
    waited: Waited,
    is_known: impl Fn(&Task) -> bool,
    (spent, clamped): (Duration, Option<Duration>),
) -> Telling {
    let now = context.wiring.clock.now();
    let Waited { ended, pending, refused, timed_out } = waited;
    let all = ended.len() + pending.len() + refused.len();
    let mut head = format!("ended: {} of {all}\nwaited: {:.1} s", ended.len(), spent.as_secs_f64());
    if timed_out {
        head.push_str(&format!(", time is over (look {})", told.next_look()));
    }
    if let Some(most) = clamped {
        head.push_str(&format!("\nnote: one call waits at most {} s", most.as_secs()));
    }
    let around = environment::tasks_around();
    for own in pending.iter().map(|believed| believed.task.id()).filter(|id| around.contains(id)) {
        head.push_str(&format!(
            "\nnote: this server is part of {own}, which does not end before it"
        ));
    }
    let (mut known, mut new): (Vec<Task>, Vec<Task>) =
        ended.into_iter().partition(|task| is_known(task));
    if new.is_empty() && !timed_out {
        std::mem::swap(&mut known, &mut new);
    }
    for tasks in [&mut known, &mut new] {
        tasks.sort_by_key(|task| told.answer(task.id()));
    }
    if new.len() > SHOWN {
        // Those that failed are worth more room than the others.
        new.sort_by_key(|task| (told.answer(task.id()), task.status() == Status::Completed));
    }
    let later = new.split_off(new.len().min(SHOWN + NAMED)).len();
    let (shown, named) = new.split_at(new.len().min(SHOWN));
    let mut rest = String::new();
    if !named.is_empty() {
        rest.push_str("\nended as well, and task_output shows what each found:\n");
        rest.push_str(&lines(named.iter(), now));
    }
    if later > 0 {
        rest.push_str(&format!("and {later} more, which wait_for_tasks tells next\n"));
    }
    if !known.is_empty() {
        rest.push_str("\ntold before, and task_output shows what each found:\n");
        rest.push_str(&lines(known.iter(), now));
    }
    if !pending.is_empty() {
        rest.push_str("\nstill working:\n");
        rest.push_str(&lines(pending.iter().map(|believed| &believed.task), now));
        rest.push_str("next: do other work, or call wait_for_tasks again\n");
    }
    for (id, trouble) in refused.iter().take(NAMED / 2) {
        let why = words::one_line(&Failure::from(trouble.clone()).sentence(), 200);
        rest.push_str(&format!("\n{id} cannot be judged: {why}\n"));
    }
    rest.push_str(&and_more(refused.len().saturating_sub(NAMED / 2)));
    let heads: Vec<String> = shown.iter().map(|task| words::head(task, now)).collect();
    let taken = head.chars().count() + rest.chars().count();
    let taken = heads.iter().fold(taken, |taken, head| taken + head.chars().count() + CUT);
    let most = if shown.len() <= FEW { RESULTS.0 } else { RESULTS.1 };
    let share = most.min(BOUND.saturating_sub(taken)) / shown.len().max(1);
    let mut said = head + "\n";
    for (task, head) in shown.iter().zip(heads) {
        // What cannot be looked at now can be looked at later.
        let log = quoted_in_part(context.wiring.world(), task).await.ok().flatten();
        said.push_str(&format!("\n{head}\n{}\n", words::found_by(task, share.max(LEAST), log)));
    }
    said.push_str(&rest);
    Telling { said: said.trim_end().to_owned(), told: new }
}

/// A line about each of the first of these tasks, and how many more there are.
fn lines<'a>(tasks: impl ExactSizeIterator<Item = &'a Task>, now: Timestamp) -> String {
    let more = tasks.len().saturating_sub(NAMED);
    let lines = tasks.take(NAMED).map(|task| format!("{}\n", words::line(task, now)));
    lines.collect::<String>() + &and_more(more)
}

fn and_more(more: usize) -> String {
    if more == 0 { String::new() } else { format!("and {more} more\n") }
}
