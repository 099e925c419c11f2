//! What is said to a task-bg on another machine and what it answers: lines of a batch, and answers as JSON.
//!
//! Nothing that comes from there is believed further than its form goes. Whatever stands before the answer, such as the
//! greeting of a shell, is passed over.

use domain::port::remotes::{Accepted, Again, Declined, Found, Parcel, Silence, Sought, Stopped};
use domain::task::{Dependence, Order, Reason, Runner, Status, TaskId};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::Decode;
use super::complaint::shown;
use super::ssh::Said;

/// The most characters of an answer that is none which are repeated.
const QUOTED: usize = 200;

/// The words by which a machine is asked about tasks.
pub(super) fn look(sought: &[Sought]) -> Vec<String> {
    let words = ["status", "--json", "--full"].map(ToOwned::to_owned);
    words.into_iter().chain(sought.iter().map(word)).collect()
}

/// How a task is named on a command line there.
fn word(sought: &Sought) -> String {
    match sought {
        Sought::Id(id) => id.to_string(),
        Sought::Key(key) => format!("key:{key}"),
    }
}

/// The lines of a batch.
pub(super) fn lines(parcels: &[Parcel]) -> Vec<u8> {
    let lines = parcels.iter().map(|parcel| format!("{}\n", Value::Object(line(parcel))));
    lines.collect::<String>().into_bytes()
}

fn line(parcel: &Parcel) -> Map<String, Value> {
    let Parcel { id, order, level_is_said, effort, worktree, after, start_in, variables } = parcel;
    let mut line = Map::new();
    let mut set = |key: &str, value: Value| drop(line.insert(key.to_owned(), value));
    set("description", json!(order.description));
    // Other lines of the same batch know it by its id here, and the machine knows it by that again.
    set("name", json!(id.as_str()));
    set("key", json!(id.as_str()));
    set("on", json!("local"));
    match &order.runner {
        Runner::Agent { name, autonomy } => {
            set("prompt", json!(order.prompt.as_str()));
            set("droid", json!(order.agent));
            set("runner", json!(name.as_str()));
            if *level_is_said {
                set("autonomy", json!(autonomy.word()));
            }
        }
        Runner::Command(argv) => set("command", json!(argv)),
        Runner::Elsewhere => {}
    }
    let mut add = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            line.insert(key.to_owned(), value);
        }
    };
    let Order { model, cwd, time_limit, silence, placement, retries, .. } = order;
    add("model", model.as_ref().map(|it| json!(it)));
    add("reasoning_effort", effort.as_ref().map(|it| json!(it)));
    add("cwd", cwd.as_ref().map(|it| json!(it)));
    add("timeout", time_limit.map(|it| json!(it.as_secs_f64())));
    add("stale", silence.map(|it| json!(it.as_secs_f64())));
    add("start_in", start_in.map(|it| json!(it.as_secs_f64())));
    add("priority", (placement.priority != 0).then(|| json!(placement.priority)));
    add("hold", placement.held.then(|| json!(true)));
    let comes_after = match placement.dependence {
        Dependence::OnCompletion => "after",
        Dependence::OnEnd => "after_any",
    };
    let after: Vec<&str> = after.iter().map(TaskId::as_str).collect();
    add(comes_after, (!after.is_empty()).then(|| json!(after)));
    if retries.left > 0 {
        let on: Vec<&str> = retries.on.iter().copied().map(Reason::word).collect();
        add("retries", Some(json!(retries.left)));
        add("retry_on", (!on.is_empty()).then(|| json!(on)));
        add("backoff", Some(json!(retries.backoff.as_secs_f64())));
    }
    let made = worktree.as_deref().map(|name| match name {
        "" => json!(true),
        name => json!(name),
    });
    add("worktree", made);
    let env: Map<String, Value> =
        variables.0.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    add("env", (!env.is_empty()).then_some(Value::Object(env)));
    line
}

/// The words by which a machine goes on with a task that it has.
pub(super) fn again(again: &Again) -> Vec<String> {
    let Again { id, key, autonomy, follow_up } = again;
    let verb = if follow_up.is_some() { "resume" } else { "retry" };
    let mut words: Vec<String> = [verb, "--json", "--key", key.as_str()].map(Into::into).into();
    if let Some(level) = autonomy {
        words.extend(["--autonomy".to_owned(), level.word().to_owned()]);
    }
    if let Some(follow_up) = follow_up {
        words.extend(follow_up.forks.then(|| "--fork".to_owned()));
        words.extend(["--prompt-file".to_owned(), "-".to_owned()]);
    }
    words.push(id.to_string());
    words
}

/// What it reads.
pub(super) fn follow_up(again: &Again) -> Vec<u8> {
    let prompt = again.follow_up.as_ref().map(|follow_up| follow_up.prompt.as_str());
    prompt.unwrap_or_default().as_bytes().to_vec()
}

/// The answer as text: the last line that is an object of JSON.
fn answer(said: &Said) -> Result<&str, Silence> {
    let text = std::str::from_utf8(&said.stdout).unwrap_or_default();
    let line = text.lines().rev().find(|line| line.starts_with('{'));
    line.ok_or_else(|| Silence::Garbled(odd(said)))
}

/// The answer, whatever it says.
pub(super) fn object(said: &Said) -> Result<Value, Silence> {
    let line = answer(said)?;
    let value: Value = serde_json::from_str(line).map_err(|_| Silence::Garbled(odd(said)))?;
    let is_usage = value.get("code").is_some_and(|code| code == "usage");
    match value.get("error").and_then(Value::as_str).filter(|_| is_usage) {
        Some(error) => Err(Silence::OtherVersion(shown(error))),
        None => Ok(value),
    }
}

/// That an answer is none, with its beginning or what was complained about.
fn odd(said: &Said) -> String {
    let text = String::from_utf8_lossy(&said.stdout[..said.stdout.len().min(4 * QUOTED)]);
    let first = text.lines().map(shown).find(|line| !line.is_empty()).unwrap_or_default();
    let words = if first.is_empty() { said.complaint.clone() } else { first };
    let words = domain::task::text::preview(&words, QUOTED);
    let code = said.code;
    if words.is_empty() {
        format!("it exited with code {code} and said nothing")
    } else {
        format!("what it says is no answer of task-bg (exit code {code}): {words}")
    }
}

/// A failure as a program is told of it.
#[derive(Deserialize)]
struct Failed {
    error: String,
    code: String,
    hint: Option<String>,
}

/// Reads an answer of this form.
fn read<'a, T: Deserialize<'a>>(said: &Said, line: &'a str) -> Result<T, Silence> {
    serde_json::from_str(line).map_err(|_| match serde_json::from_str::<Failed>(line) {
        Ok(failed) if failed.code == "usage" => Silence::OtherVersion(shown(&failed.error)),
        Ok(failed) => Silence::Failed(shown(&failed.error)),
        Err(_) => Silence::Garbled(odd(said)),
    })
}

#[derive(Deserialize)]
struct Batch {
    launched: Vec<Launched>,
    rejected: Vec<Rejected>,
}

#[derive(Deserialize)]
struct Launched {
    line: usize,
    #[serde(rename = "taskId")]
    id: String,
    #[serde(default)]
    status: String,
}

/// The task that a machine says it has, and how it fares.
fn accepted(id: &str, status: &str) -> Option<Accepted> {
    let id = TaskId::parse(id).ok()?;
    Some(Accepted { id, runs: Status::from_word(status) == Some(Status::Running) })
}

#[derive(Deserialize)]
struct Rejected {
    line: usize,
    error: String,
    hint: Option<String>,
}

/// What became of each of so many lines; `None` for those that the answer does not name.
pub(super) fn taken(
    said: &Said,
    count: usize,
) -> Result<Vec<Option<Result<Accepted, Declined>>>, Silence> {
    let line = answer(said)?;
    let batch: Batch = read(said, line)?;
    let mut taken: Vec<Option<Result<Accepted, Declined>>> = vec![None; count];
    for Launched { line, id, status } in batch.launched {
        let place = taken.get_mut(line.wrapping_sub(1));
        if let (Some(place), Some(accepted)) = (place, accepted(&id, &status)) {
            *place = Some(Ok(accepted));
        }
    }
    for Rejected { line, error, hint } in batch.rejected {
        if let Some(place) = taken.get_mut(line.wrapping_sub(1)) {
            let hint = hint.map(|hint| shown(&hint));
            *place = Some(Err(Declined { error: shown(&error), hint }));
        }
    }
    Ok(taken)
}

#[derive(Deserialize)]
struct Taken {
    #[serde(rename = "taskId")]
    id: String,
    // A failure may name a task as well.
    status: String,
}

/// The task that takes up another one, or why there is none.
pub(super) fn taken_again(said: &Said) -> Result<Result<Accepted, Declined>, Silence> {
    let line = answer(said)?;
    if let Ok(Taken { id, status }) = serde_json::from_str::<Taken>(line) {
        return accepted(&id, &status).map(Ok).ok_or_else(|| Silence::Garbled(odd(said)));
    }
    match serde_json::from_str::<Failed>(line) {
        Ok(failed) if failed.code != "usage" => {
            let hint = failed.hint.map(|hint| shown(&hint));
            Ok(Err(Declined { error: shown(&failed.error), hint }))
        }
        _ => Err(read::<Taken>(said, line).err().unwrap_or_else(|| Silence::Garbled(odd(said)))),
    }
}

#[derive(Deserialize)]
struct Statuses<'a> {
    #[serde(borrow)]
    tasks: Vec<&'a RawValue>,
    refused: Vec<Refused>,
}

#[derive(Deserialize)]
struct Refused {
    #[serde(rename = "taskId")]
    word: String,
    error: String,
    code: Option<String>,
}

/// What of a record says which task it is.
#[derive(Deserialize)]
struct Named<'a> {
    id: &'a str,
    progress: Option<Keyed>,
}

#[derive(Deserialize)]
struct Keyed {
    key: Option<String>,
}

/// The answer about one task alone: its record, or a failure.
fn of_one<'a>(
    said: &Said,
    line: &'a str,
    only: &Sought,
) -> Result<(Vec<&'a str>, Vec<Refused>), Silence> {
    if serde_json::from_str::<Named<'_>>(line).is_ok() {
        return Ok((vec![line], Vec::new()));
    }
    match serde_json::from_str::<Failed>(line) {
        Ok(Failed { error, code, .. }) if ["not_found", "unreadable"].contains(&code.as_str()) => {
            Ok((Vec::new(), vec![Refused { word: word(only), error, code: Some(code) }]))
        }
        _ => read::<Statuses<'_>>(said, line).and_then(|_| Err(Silence::Garbled(odd(said)))),
    }
}

/// What is said of each of these tasks.
pub(super) fn found(
    said: &Said,
    sought: &[Sought],
    decode: &Decode,
) -> Result<Vec<Found>, Silence> {
    let line = answer(said)?;
    let (records, refused) = if let [only] = sought {
        of_one(said, line, only)?
    } else {
        let Statuses { tasks, refused } = read(said, line)?;
        (tasks.into_iter().map(RawValue::get).collect(), refused)
    };
    let named: Vec<(&str, Named<'_>)> = records
        .iter()
        .filter_map(|record| Some((*record, serde_json::from_str(record).ok()?)))
        .collect();
    let find = |sought: &Sought| {
        let fits = |named: &Named<'_>| match sought {
            Sought::Id(id) => named.id == id.as_str(),
            Sought::Key(key) => {
                let known = named.progress.as_ref().and_then(|it| it.key.as_deref());
                known == Some(key.as_str())
            }
        };
        if let Some((record, it)) = named.iter().find(|(_, named)| fits(named)) {
            let id = TaskId::parse(it.id).map_err(|invalid| invalid.to_string());
            return match id.and_then(|id| decode(record, &id)) {
                Ok(task) => Found::Task(Box::new(task)),
                Err(why) => Found::Unclear(shown(&why)),
            };
        }
        match refused.iter().find(|refused| refused.word == word(sought)) {
            Some(refused) if refused.code.as_deref() == Some("not_found") => Found::Nothing,
            Some(refused) => Found::Unclear(shown(&refused.error)),
            None => Found::Unclear("it says nothing of the task".to_owned()),
        }
    };
    Ok(sought.iter().map(find).collect())
}

#[derive(Deserialize)]
struct Cancelled {
    #[serde(rename = "cancelled")]
    _those: Vec<String>,
    #[serde(default)]
    stopped: Vec<String>,
    #[serde(default)]
    refused: Vec<Refused>,
    #[serde(default)]
    survivors: Vec<u32>,
}

/// What became of a cancel.
pub(super) fn stopped(said: &Said) -> Result<Stopped, Silence> {
    let line = answer(said)?;
    let Cancelled { stopped, refused, survivors, .. } = read(said, line)?;
    let stopped = stopped.iter().filter_map(|id| TaskId::parse(id).ok()).collect();
    let refused = refused.into_iter().filter_map(|it| {
        // A task that has just ended by itself is seen to be over by the next look.
        let id = TaskId::parse(&it.word).ok()?;
        Some((id, shown(&it.error)))
    });
    Ok(Stopped { stopped, refused: refused.collect(), survivors })
}

#[derive(Deserialize)]
struct Waited {
    #[serde(rename = "timedOut")]
    _timed_out: bool,
}

/// Whether that was the answer to a wait.
pub(super) fn waited(said: &Said) -> Result<(), Silence> {
    let line = answer(said)?;
    read::<Waited>(said, line).map(drop)
}
