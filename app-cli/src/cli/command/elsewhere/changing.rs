//! Verbs that change a task: the machine that keeps it decides, and the pointer here hears what it decided.
//!
//! What somebody wrote goes to that machine by its standard input, and is on no command line.

use std::collections::BTreeMap;

use adapters_process::remote::side_by_side;
use adapters_process::remote::ssh::Call;
use domain::task::{Report, Task, TaskId};
use serde_json::{Value, json};

use super::relaying::{PATIENCE, silence, told};
use super::{There, refresh_ids, there, unplaced};
use crate::kit::context::Context;
use crate::kit::failure::{Failure, Kind};
use crate::kit::terminal;

/// Ends the task with a report if it is kept elsewhere and has not ended as far as is known here; the pointer as it is
/// then.
pub(crate) async fn completed(
    context: &Context,
    id: &TaskId,
    report: &Report,
) -> Result<Option<Task>, Failure> {
    let Some(host) = unended_on(context, id).await else { return Ok(None) };
    let Some(there) = there(context, id).await else { return Err(unplaced(&host, id)) };
    let mut words: Vec<String> = ["complete", "--json", "--report", "-"].map(Into::into).into();
    words.push(there.id.to_string());
    let report = json!({"result": report.result, "error": report.error});
    let call = Call { input: report.to_string().into_bytes(), ..Call::of(words, PATIENCE) };
    let answer = told(context, &there, &call);
    // Whatever it said, it may have ended there.
    refresh_ids(context, std::slice::from_ref(id)).await;
    answer?;
    Ok(context.tasks(std::slice::from_ref(id)).await.pop())
}

/// The tasks that were to be released elsewhere.
#[derive(Default)]
pub(crate) struct ReleasedThere {
    /// Those that were.
    pub(crate) released: Vec<TaskId>,
    /// The others, with why.
    pub(crate) refused: Vec<(String, Failure)>,
}

/// Releases those of these tasks that are kept elsewhere, with one call a machine, and takes them out of the list.
pub(crate) async fn released(context: &Context, ids: &mut Vec<TaskId>) -> ReleasedThere {
    let mut done = ReleasedThere::default();
    let mut asked: BTreeMap<String, Vec<There>> = BTreeMap::new();
    for id in ids.clone() {
        let Some(host) = unended_on(context, &id).await else { continue };
        ids.retain(|known| *known != id);
        match there(context, &id).await {
            Some(there) => asked.entry(host).or_default().push(there),
            None => done.refused.push((id.to_string(), unplaced(&host, &id))),
        }
    }
    let asked: Vec<(String, Vec<There>)> = asked.into_iter().collect();
    // So one that hangs holds up no other.
    let answers = side_by_side(&asked, |(host, those)| {
        let mut words: Vec<String> = ["release", "--json"].map(Into::into).into();
        words.extend(those.iter().map(|there| there.id.to_string()));
        context.wiring.remotes.object(host, &Call::of(words, PATIENCE))
    });
    let mut all = Vec::new();
    for (those, answer) in asked.into_iter().map(|(_, those)| those).zip(answers) {
        all.extend(those.iter().map(|there| there.pointer.id().clone()));
        for there in those {
            let own = there.pointer.id().clone();
            match &answer {
                Err(unheard) => done.refused.push((own.to_string(), silence(unheard))),
                Ok(answer) => match refusal(answer, &there) {
                    None => done.released.push(own),
                    Some(failure) => done.refused.push((own.to_string(), failure)),
                },
            }
        }
    }
    refresh_ids(context, &all).await;
    done
}

/// Why a machine did not release a task; `None` if it says that it did.
fn refusal(answer: &Value, there: &There) -> Option<Failure> {
    let (own, theirs) = (there.pointer.id(), there.id.as_str());
    let rows = |key: &str| answer.get(key).and_then(Value::as_array).into_iter().flatten();
    if rows("released").any(|id| id == theirs) {
        return None;
    }
    let row = rows("refused").find(|row| row["taskId"] == theirs).unwrap_or(answer);
    let word = |key: &str| row.get(key).and_then(Value::as_str).unwrap_or_default();
    let kind = Kind::ALL.into_iter().find(|kind| kind.word() == word("code"));
    let error = match word("error") {
        "" => format!("`{}` says nothing of task {own}", there.host),
        error => terminal::one_line(&error.replace(theirs, own.as_str()), 500),
    };
    Some(Failure::new(kind.unwrap_or(Kind::Unexpected), error).about(own))
}

/// The machine that keeps a task whose end is not known here.
async fn unended_on(context: &Context, id: &TaskId) -> Option<String> {
    if !context.wiring.hosts.has_any() {
        return None;
    }
    let task = context.tasks(std::slice::from_ref(id)).await.pop()?;
    task.unended_on().map(ToOwned::to_owned)
}
