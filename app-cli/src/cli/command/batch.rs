//! `batch`: many orders, one JSON object a line; all checked before any is launched.
//!
//! A line that is wrong takes those with it that come after it, and no others.

mod line;
mod plan;
mod watch;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use domain::port::Clock;
use domain::task::{Runner, TaskId};
use domain::usecase::launch_once::Once;

use super::ordering::{self, Wanted};
use crate::Outcome;
use crate::cli::args::Batch;
use crate::cli::view::batched::{BatchView, BatchWaitedView, LaunchedLine, RejectedLine};
use crate::cli::view::waited::WaitedView;
use crate::kit::answer::Answer;
use crate::kit::context::Context;
use crate::kit::failure::{Failure, Kind};
use plan::{Checked, Plan};

/// The longest file, in bytes.
const MAX_FILE: u64 = 256 << 20;

pub(super) async fn batch(context: &Context, args: &Batch) -> Outcome {
    ordering::check_depth()?;
    let lines = read(&args.file)?;
    let plan = Plan::of(context, &lines).await;
    let rejected: Vec<RejectedLine> = plan.rejected;
    let mut launched = Vec::new();
    if rejected.is_empty() || !args.strict {
        launched = launch_all(context, plan.checked).await?;
    }
    let ids: Vec<TaskId> = launched.iter().map(|line| line.id.clone()).collect();
    let kind = (!rejected.is_empty()).then_some(Kind::Usage);
    let view = BatchView { launched, rejected };
    match args.wait {
        Some(length) if !ids.is_empty() => {
            let (waited, how) = watch::ended(context, ids, length.limit()).await?;
            let ended = waited.ended.clone();
            let now = context.wiring.clock.now();
            let view = BatchWaitedView { batch: view, waited: WaitedView { waited, now }, now };
            // A wrong line weighs more than how the others fared.
            Ok(Answer::with(view, kind.or(how)).collecting(ended))
        }
        Some(_) | None => Ok(Answer::with(view, kind)),
    }
}

/// Records all of them in the queue in one go, then lets in as many as there is room for.
async fn launch_all(
    context: &Context,
    checked: Vec<Checked>,
) -> Result<Vec<LaunchedLine>, Failure> {
    let wiring = &context.wiring;
    let mut ids: BTreeMap<String, TaskId> = BTreeMap::new();
    let mut launched = Vec::new();
    for line in checked {
        let wanted = line.resolved(&ids);
        let variables = line.variables();
        let ready = ordering::order(context, wanted).await?;
        let id = if ready.order.key.is_some() {
            match ordering::launch(context, ready, variables).await? {
                Once::Launched(task) | Once::Existing(task) => task.id().clone(),
            }
        } else {
            ordering::queue(context, ready, variables).await?
        };
        if let Some(name) = &line.name {
            ids.insert(name.clone(), id.clone());
        }
        launched.push(LaunchedLine { line: line.number, name: line.name, id });
    }
    wiring.admit().await?;
    launched.sort_by_key(|line| line.line);
    Ok(launched)
}

/// The lines that say something, each with its number.
fn read(path: &Path) -> Result<Vec<(usize, String)>, Failure> {
    let refused = |error: &io::Error| {
        let message = format!("the batch `{}` cannot be read: {error}", path.display());
        Failure::new(Kind::Usage, message)
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
    matches!(wanted.runner, Runner::Agent { .. })
}
