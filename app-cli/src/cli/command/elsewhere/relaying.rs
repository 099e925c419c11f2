//! Verbs whose work is done on another machine: the machine's answer is read, and told as one about the task here.

use std::thread;
use std::time::Duration;

use adapters_process::remote::ssh::Call;
use domain::port::remotes::{Stop, Unheard};
use domain::port::{Gap, LogText, Portion, Remotes as _};
use domain::task::TaskId;
use domain::task::text::character_end;
use domain::usecase::output::Output as Receipt;
use domain::usecase::status;
use serde_json::{Map, Value};

use super::{There, refresh_ids, there, unplaced};
use crate::Outcome;
use crate::cli::args::{Diff, Output};
use crate::cli::view::output::OutputView;
use crate::cli::view::relayed::RelayedView;
use crate::kit::answer::Answer;
use crate::kit::context::Context;
use crate::kit::failure::{Failure, Kind};
use crate::kit::{console, terminal};

/// How long an answer may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// How long to wait before asking for more of a log at whose end somebody is.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest time between two questions to a machine that does not answer.
const LONGEST: Duration = Duration::from_secs(10);

/// Asks a machine, and returns its answer as an object.
fn asked(
    context: &Context,
    there: &There,
    words: Vec<String>,
) -> Result<Map<String, Value>, Failure> {
    told(context, there, &Call::of(words, PATIENCE))
}

/// Makes a call about a task, and returns the answer as an object.
pub(super) fn told(
    context: &Context,
    there: &There,
    call: &Call,
) -> Result<Map<String, Value>, Failure> {
    let answer = context.wiring.remotes.object(&there.host, call).map_err(|it| silence(&it))?;
    let Value::Object(mut answer) = answer else {
        return Err(Failure::new(Kind::Unexpected, "the answer of that machine is no object"));
    };
    if let Some(Value::String(error)) = answer.get("error")
        && !answer.contains_key("output")
    {
        let (own, theirs) = (there.pointer.id().as_str(), there.id.as_str());
        let error = terminal::one_line(&error.replace(theirs, own), 500);
        let code = answer.get("code").and_then(Value::as_str).unwrap_or_default();
        let kind = Kind::ALL.into_iter().find(|kind| kind.word() == code);
        let failure = Failure::new(kind.unwrap_or(Kind::Unexpected), error);
        return Err(failure.about(there.pointer.id()));
    }
    for key in ["taskId", "id"] {
        if answer.contains_key(key) {
            answer.insert(key.to_owned(), there.pointer.id().as_str().into());
        }
    }
    Ok(answer)
}

pub(super) fn silence(unheard: &Unheard) -> Failure {
    Failure { kind: Kind::Unexpected, ..Failure::of_silence(unheard) }
}

/// What a task wrote that is kept elsewhere; `None` if it is not known yet what that machine calls it.
pub(crate) async fn logged(
    context: &Context,
    id: &TaskId,
    args: &Output,
) -> Result<Option<OutputView>, Failure> {
    let Some(there) = there(context, id).await else { return Ok(None) };
    let mut words = vec!["output".to_owned(), "--json".to_owned()];
    for (flag, is_set) in [("--full", args.full), ("--raw", args.raw), ("--events", args.events)] {
        words.extend(is_set.then(|| flag.to_owned()));
    }
    for (flag, value) in [("--tail", args.tail.map(|it| it as u64)), ("--since", args.since)] {
        words.extend(value.into_iter().flat_map(|value| [flag.to_owned(), value.to_string()]));
    }
    words.push(there.id.to_string());
    let answer = asked(context, &there, words)?;
    let log = read(&answer);
    let is_missing = answer.get("output").is_none_or(Value::is_null);
    hear_of_its_end(context, &there, &answer).await;
    let believed = status::status(context.wiring.world(), id).await?;
    let path = path(&there, &answer);
    let mut command = "task-bg output".to_owned();
    for (flag, is_set) in [(" --events", args.events), (" --raw", args.raw)] {
        command.push_str(if is_set { flag } else { "" });
    }
    Ok(Some(OutputView {
        receipt: Receipt { believed, log },
        log: None,
        path,
        command,
        is_result: false,
        is_raw: args.raw,
        is_by_second_name: false,
        is_missing,
        whole: args.full,
    }))
}

/// A part of what a task wrote that is kept elsewhere, of at most so many bytes, and where the whole is; `None` for a task
/// of this store, and for one whose end is known here and of which a result is meant.
pub(crate) async fn portion(
    context: &Context,
    id: &TaskId,
    start: Portion,
    room: usize,
) -> Result<Option<(LogText, String)>, Failure> {
    let Some(there) = there(context, id).await else { return Ok(None) };
    let mut words: Vec<String> = ["output", "--json", "--raw"].map(ToOwned::to_owned).into();
    let began = match start {
        Portion::From(offset) => {
            words.extend(["--since".to_owned(), offset.to_string()]);
            Some(offset)
        }
        Portion::LastLines(lines) => {
            words.extend(["--tail".to_owned(), lines.to_string()]);
            None
        }
        Portion::Ends => None,
    };
    words.push(there.id.to_string());
    let answer = asked(context, &there, words)?;
    hear_of_its_end(context, &there, &answer).await;
    let log = read(&answer);
    Ok(Some((cut(log, began, room), path(&there, &answer))))
}

/// The text without what there is no room for: its end where it was read from an offset, else its beginning.
fn cut(mut log: LogText, began: Option<u64>, room: usize) -> LogText {
    let length = log.text.len();
    let Some(began) = began else {
        let mut from = length.saturating_sub(room);
        while !log.text.is_char_boundary(from) {
            from += 1;
        }
        log.truncated |= from > 0;
        return LogText { text: log.text.split_off(from), ..log };
    };
    let end = character_end(&log.text, room);
    if end < length {
        log.text.truncate(end);
        log.next_offset = began + end as u64;
    }
    let rest = log.total_bytes.saturating_sub(log.next_offset);
    let gap = (rest > 0).then_some(Gap { offset: log.next_offset, bytes: rest });
    LogText { truncated: gap.is_some(), gap, ..log }
}

/// Where the whole log is.
fn path(there: &There, answer: &Map<String, Value>) -> String {
    let path = answer.get("outputFile").and_then(Value::as_str).unwrap_or_default();
    format!("{}:{}", there.host, terminal::one_line(path, 500))
}

/// Brings the pointer up to date if an answer about its log says that the task stands otherwise.
async fn hear_of_its_end(context: &Context, there: &There, answer: &Map<String, Value>) {
    let said = answer.get("status").and_then(Value::as_str).unwrap_or_default();
    if said != there.pointer.status().word() {
        refresh_ids(context, std::slice::from_ref(there.pointer.id())).await;
    }
}

/// The part of a log that an answer has.
fn read(answer: &Map<String, Value>) -> LogText {
    let number = |value: Option<&Value>| value.and_then(Value::as_u64).unwrap_or_default();
    let gap = answer
        .get("gap")
        .and_then(Value::as_object)
        .map(|gap| Gap { offset: number(gap.get("offset")), bytes: number(gap.get("bytes")) });
    LogText {
        text: answer.get("output").and_then(Value::as_str).unwrap_or_default().to_owned(),
        total_bytes: number(answer.get("totalBytes")),
        truncated: answer.get("truncated").and_then(Value::as_bool).unwrap_or_default(),
        next_offset: number(answer.get("nextOffset")),
        gap,
        unfinished: 0,
    }
}

/// Shows what the task writes as it comes, if it is kept elsewhere: `show` shows a piece.
pub(crate) async fn followed(
    context: &Context,
    id: &TaskId,
    args: &Output,
    show: &dyn Fn(&str) -> Result<(), u8>,
) -> Option<Outcome> {
    let there = there(context, id).await?;
    let (mut offset, mut pause, mut was_said) = (args.since.unwrap_or(0), PAUSE, false);
    // The first piece is the end of what there is, where that is asked for.
    let (mut tail, mut is_first) = (args.tail, true);
    loop {
        let mut words: Vec<String> = ["output", "--json"].map(ToOwned::to_owned).into();
        words.extend(match tail {
            Some(lines) => ["--tail".to_owned(), lines.to_string()],
            None => ["--since".to_owned(), offset.to_string()],
        });
        words.extend(args.raw.then(|| "--raw".to_owned()));
        words.extend(args.events.then(|| "--events".to_owned()));
        words.push(there.id.to_string());
        let call = Call::of(words, PATIENCE);
        let answer = match context.wiring.remotes.object(&there.host, &call) {
            Ok(Value::Object(answer)) => answer,
            Ok(_) => Map::new(),
            Err(unheard) if is_first && unheard.is_certain() => {
                return Some(Err(silence(&unheard)));
            }
            Err(unheard) => {
                if !was_said {
                    console::remark(&format!("{unheard}; it is asked again"));
                    was_said = true;
                }
                thread::sleep(pause);
                pause = pause.saturating_mul(2).min(LONGEST);
                continue;
            }
        };
        (pause, was_said, is_first) = (PAUSE, false, false);
        let log = read(&answer);
        let is_exhausted = tail.take().is_none() && log.next_offset <= offset;
        offset = log.next_offset.max(offset);
        if let Err(code) = show(&log.text) {
            return Some(Ok(Answer::exiting(code)));
        }
        let status = answer.get("status").and_then(Value::as_str).unwrap_or_default();
        let ended =
            domain::task::Status::from_word(status).is_none_or(domain::task::Status::is_ended);
        if ended && is_exhausted {
            refresh_ids(context, std::slice::from_ref(id)).await;
            let tasks = context.tasks(std::slice::from_ref(id)).await;
            return Some(Ok(Answer::nothing().collecting(tasks)));
        }
        if console::is_reader_gone() {
            return Some(Ok(Answer::nothing()));
        }
        if is_exhausted {
            thread::sleep(PAUSE);
        }
    }
}

/// What the task changed, if it is kept elsewhere.
pub(crate) async fn diffed(context: &Context, id: &TaskId, args: &Diff) -> Option<Outcome> {
    let there = there(context, id).await?;
    let mut words = vec!["diff".to_owned(), "--json".to_owned()];
    words.extend(args.full.then(|| "--full".to_owned()));
    words.push(there.id.to_string());
    let answer = asked(context, &there, words);
    Some(answer.map(|mut answer| {
        if answer.contains_key("more") {
            let more = format!("task-bg diff --full {id}");
            answer.insert("more".to_owned(), more.into());
        }
        let text = answer.get("diff").and_then(Value::as_str).unwrap_or_default().to_owned();
        Answer::ok(RelayedView { answer, text })
    }))
}

/// What became of tasks that were to be cancelled elsewhere.
#[derive(Default)]
pub(crate) struct CancelledThere {
    /// Those that ended as cancelled.
    pub(crate) cancelled: Vec<TaskId>,
    /// Those that had ended before, and of which something was left.
    pub(crate) stopped: Vec<TaskId>,
    /// The others, with why.
    pub(crate) refused: Vec<(TaskId, Failure)>,
    /// What is left there, a sentence a machine.
    pub(crate) notes: Vec<String>,
}

/// Cancels those of these tasks that are kept elsewhere, and takes them out of the list.
pub(crate) async fn cancelled(
    context: &Context,
    ids: &mut Vec<TaskId>,
    grace: Duration,
) -> CancelledThere {
    let mut done = CancelledThere::default();
    if !context.wiring.hosts.has_any() {
        return done;
    }
    let mut asked: Vec<(Stop, Vec<TaskId>)> = Vec::new();
    for id in ids.clone() {
        let Some(task) = context.tasks(std::slice::from_ref(&id)).await.pop() else { continue };
        // One that was ended by hand, or taken for lost, may go on there: its exit was never heard of.
        let may_go_on = !task.status().is_ended() || task.progress().exit.is_none();
        let Some(host) = task.kept_on().filter(|_| may_go_on) else { continue };
        if task.status().is_ended() && task.progress().remote_id.is_none() {
            continue;
        }
        ids.retain(|known| *known != id);
        let Some(There { id: remote, .. }) = there(context, &id).await else {
            let failure = unplaced(host, &id);
            done.refused.push((id, failure));
            continue;
        };
        match asked.iter_mut().find(|(stop, _)| stop.host == host) {
            Some((stop, own)) => {
                stop.ids.push(remote);
                own.push(id);
            }
            None => asked.push((Stop { host: host.to_owned(), ids: vec![remote] }, vec![id])),
        }
    }
    if asked.is_empty() {
        return done;
    }
    let stops: Vec<Stop> = asked.iter().map(|(stop, _)| stop.clone()).collect();
    let answers = context.wiring.remotes.cancel(&stops, grace);
    let all: Vec<TaskId> = asked.iter().flat_map(|(_, own)| own.clone()).collect();
    let heard = refresh_ids(context, &all).await;
    done.notes.extend(heard.notes);
    for ((stop, own), answer) in asked.into_iter().zip(answers) {
        let stopped = match answer {
            Ok(stopped) => stopped,
            Err(unheard) => {
                done.notes.clear();
                let failure = silence(&unheard);
                done.refused.extend(own.into_iter().map(|id| (id, failure.clone())));
                continue;
            }
        };
        if !stopped.survivors.is_empty() {
            let pids: Vec<String> = stopped.survivors.iter().map(ToString::to_string).collect();
            done.notes.push(format!("processes are left on `{}`: {}", stop.host, pids.join(", ")));
        }
        for (remote, id) in stop.ids.into_iter().zip(own) {
            match stopped.refused.iter().find(|(known, _)| *known == remote) {
                None if stopped.stopped.contains(&remote) => done.stopped.push(id),
                None => done.cancelled.push(id),
                Some((_, why)) => {
                    let why = why.replace(remote.as_str(), id.as_str());
                    let kind = if why.contains("already ended") {
                        Kind::AlreadyEnded
                    } else {
                        Kind::Unexpected
                    };
                    done.refused.push((id.clone(), Failure::new(kind, why).about(&id)));
                }
            }
        }
    }
    done
}
