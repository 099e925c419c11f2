//! `batch`: many orders, one JSON object a line; all are checked before any is launched.
//!
//! If a line is wrong or cannot be launched, the lines that have to come after it are not launched either;
//! all others are.

mod fields;
mod line;
mod plan;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use domain::port::Clock;
use domain::task::{Status, TaskId, TaskName, text};
use domain::usecase::Trouble;
use domain::usecase::enqueue::make_durable;

use super::ordering::{self, Wanted, Work};
use super::wait;
use crate::Outcome;
use crate::cli::args::Batch;
use crate::cli::view::batched::{BatchView, BatchWaitedView, LaunchedLine, RejectedLine};
use crate::cli::view::waited::Besides;
use crate::kit::answer::Answer;
use crate::kit::context::Context;
use crate::kit::failure::{Failure, Kind};
use plan::{Checked, Plan};

/// The longest file, in bytes.
const MAX_FILE: u64 = 256 << 20;

pub(super) async fn batch(context: &Context, args: &Batch) -> Outcome {
    ordering::check_depth()?;
    let lines = read(&args.file)?;
    let plan = Plan::of(context, args.on.as_ref(), &args.slurm, &lines).await;
    let mut all = All { rejected: plan.rejected, ..All::default() };
    // A wrong line weighs more than whatever else went wrong.
    let mut kind = (!all.rejected.is_empty()).then_some(Kind::Usage);
    if all.rejected.is_empty() || !args.strict {
        let failed = all.launch(context, plan.checked).await;
        kind = kind.or(failed);
        let ids: Vec<TaskId> = all.launched.iter().map(|line| line.id.clone()).collect();
        // One announcement, so the records become durable together, before anybody hears of them.
        all.troubles.extend(make_durable(context.wiring.world(), &ids).await);
        all.troubles.extend(context.wiring.admit().await.troubles);
    }
    let All { launched, rejected, troubles, .. } = all;
    let ids: Vec<TaskId> = launched.iter().map(|line| line.id.clone()).collect();
    let unkept = unkept_names(&launched);
    let view = BatchView { launched, rejected };
    match args.wait {
        Some(length) if !ids.is_empty() => {
            let wait::Seen { waited, kind: how, silent, summary } =
                wait::outcome(context, ids, length).await?;
            let ended = waited.ended.clone();
            let now = context.wiring.clock.now();
            let view = BatchWaitedView {
                batch: view,
                waited: wait::view(context, waited, Besides::Nothing).await.below(summary),
                now,
            };
            let answer = Answer::with(view, kind.or(how)).collecting(ended).noting(troubles);
            Ok(answer.saying(unkept).saying(silent))
        }
        Some(_) | None => {
            let orphaned = ordering::orphaned(Context::default_parent().is_none());
            Ok(Answer::with(view, kind).noting(troubles).saying(unkept).saying(orphaned))
        }
    }
}

/// That some names count within the batch alone, if they do: they are none that a task may have.
fn unkept_names(launched: &[LaunchedLine]) -> Option<String> {
    let names = launched.iter().filter_map(|line| line.name.as_deref());
    let mut refused = names.filter_map(|name| Some((name, TaskName::parse(name).err()?)));
    let (name, why) = refused.next()?;
    let others = refused.count();
    let others = if others > 0 { format!(", like {others} more,") } else { String::new() };
    let name = text::one_line(name, 40);
    Some(format!(
        "the name `{name}`{others} counts in this batch alone, no task is called so: {why}"
    ))
}

/// What became of all lines so far.
#[derive(Default)]
struct All {
    launched: Vec<LaunchedLine>,
    rejected: Vec<RejectedLine>,
    /// What could not be done once a line was launched.
    troubles: Vec<Trouble>,
    /// The tasks of those lines that have a name.
    ids: BTreeMap<String, TaskId>,
}

impl All {
    /// Records all of them in the queue in one go, without admitting anybody. A line that fails keeps only
    /// those from being launched that have to come after it. Returns what kind of failure the first one
    /// was.
    async fn launch(&mut self, context: &Context, checked: Vec<Checked>) -> Option<Kind> {
        let mut kind = None;
        let mut freights = Vec::new();
        for line in checked {
            match self.launch_one(context, &line, &mut freights).await {
                Ok((id, status)) => {
                    if let Some(name) = &line.name {
                        self.ids.insert(name.clone(), id.clone());
                    }
                    let label = line.label().to_owned();
                    let Checked { number: line, name, .. } = line;
                    self.launched.push(LaunchedLine { line, name, label, id, status });
                }
                Err(failure) => {
                    kind.get_or_insert(failure.kind);
                    let (line, wrong) = (line.number, failure.into());
                    self.rejected.push(RejectedLine { line, wrong });
                }
            }
        }
        self.ship(context, freights, &mut kind).await;
        self.launched.sort_by_key(|line| line.line);
        self.rejected.sort_by_key(|line| line.line);
        kind
    }

    /// Orders those that are for other machines, with one call a machine.
    async fn ship(
        &mut self,
        context: &Context,
        freights: Vec<ordering::Freight>,
        kind: &mut Option<Kind>,
    ) {
        for (id, outcome) in ordering::send(context, freights).await {
            match outcome {
                Ok(launched) => {
                    self.troubles.extend(launched.troubles);
                    let line = self.launched.iter_mut().find(|line| line.id == id);
                    if let Some(line) = line {
                        line.status = launched.task.status();
                    }
                }
                Err(failure) => {
                    kind.get_or_insert(failure.kind);
                    let Some(at) = self.launched.iter().position(|line| line.id == id) else {
                        continue;
                    };
                    let line = self.launched.remove(at).line;
                    self.rejected.push(RejectedLine { line, wrong: failure.into() });
                }
            }
        }
    }

    async fn launch_one(
        &mut self,
        context: &Context,
        line: &Checked,
        freights: &mut Vec<ordering::Freight>,
    ) -> Result<(TaskId, Status), Failure> {
        if let Some(missing) = line.waits_for().find(|name| !self.ids.contains_key(*name)) {
            let message = format!("it comes after `{missing}`, which could not be launched");
            return Err(Failure::new(Kind::Usage, message));
        }
        let wanted = line.resolved(&self.ids);
        let ready = ordering::order(context, wanted).await?;
        let id = context.wiring.world().mint();
        if ready.order.key.is_some() {
            let once = ordering::launch(context, id, ready).await?;
            self.troubles.extend(once.troubles());
            return Ok((once.task().id().clone(), once.task().status()));
        }
        match ordering::Freight::of(id.clone(), ready) {
            Ok(freight) => freights.push(freight),
            Err(here) => {
                let (id, ready) = *here;
                self.troubles.extend(ordering::queue(context, id, ready).await?);
            }
        }
        Ok((id, Status::Queued))
    }
}

/// The lines that are not empty, each with its number.
fn read(path: &Path) -> Result<Vec<(usize, String)>, Failure> {
    let refused = |error: &io::Error| {
        let message = format!("the batch `{}` cannot be read: {error}", path.display());
        Failure::new(Kind::Usage, message)
            .hint("name a text file that you can read, or - for standard input")
    };
    let source: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(path).map_err(|error| refused(&error))?)
    };
    let mut lines = Vec::new();
    for (index, line) in BufReader::new(source.take(MAX_FILE)).lines().enumerate() {
        let line = line.map_err(|error| refused(&error))?;
        if !line.trim().is_empty() {
            lines.push((index + 1, line));
        }
    }
    Ok(lines)
}

/// Whether the order is one for an agent.
const fn is_for_agent(wanted: &Wanted) -> bool {
    matches!(wanted.work, Work::Agent { .. })
}

/// Reads one line, and what it wants.
#[cfg(feature = "fuzzing")]
pub(super) fn fuzzed(text: &str) {
    drop(
        line::Line::parse(text)
            .and_then(|line| line.wanted(domain::task::Timestamp::from_micros(0))),
    );
}
