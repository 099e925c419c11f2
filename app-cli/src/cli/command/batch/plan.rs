//! Which lines can be launched, in which order, and what is wrong with the others.
//!
//! A line may come after any other line, by name, or after a task that is there; lines that wait for
//! each other in a circle are all wrong, and so is whatever comes after a wrong one.

use std::collections::{BTreeMap, BTreeSet};

use adapters_process::local::launcher::Variables;
use domain::port::{Clock, TaskStore};
use domain::task::{TaskId, template as templates};

use super::line::Line;
use super::{Wanted, is_for_agent, ordering};
use crate::cli::view::batched::RejectedLine;
use crate::kit::context::Context;

/// What is to be done with a batch.
pub(super) struct Plan {
    /// The lines to launch, each after those it waits for.
    pub(super) checked: Vec<Checked>,
    /// The lines that are wrong.
    pub(super) rejected: Vec<RejectedLine>,
}

/// A line that can be launched.
pub(super) struct Checked {
    /// Its number, counted from 1.
    pub(super) number: usize,
    /// What other lines call it.
    pub(super) name: Option<String>,
    wanted: Wanted,
    env: BTreeMap<String, String>,
    after: Vec<Earlier>,
}

/// What a line comes after.
#[derive(Clone, PartialEq, Eq)]
enum Earlier {
    /// A line of the batch.
    Line(String),
    /// A task that is there.
    Task(TaskId),
}

impl Checked {
    /// What is asked for, with the names of other lines replaced by their tasks.
    pub(super) fn resolved(&self, ids: &BTreeMap<String, TaskId>) -> Wanted {
        let mut wanted = self.wanted.clone();
        wanted.after = self
            .after
            .iter()
            .filter_map(|earlier| match earlier {
                Earlier::Line(name) => ids.get(name).cloned(),
                Earlier::Task(id) => Some(id.clone()),
            })
            .collect();
        if is_for_agent(&wanted) {
            for (name, id) in ids {
                wanted.prompt = wanted.prompt.replace(&template(name), &template(id.as_str()));
            }
        }
        wanted
    }

    /// The variables added to its environment.
    pub(super) fn variables(&self) -> Variables {
        self.env.iter().map(|(name, value)| (name.into(), value.into())).collect()
    }

    fn waits_for(&self) -> impl Iterator<Item = &String> {
        self.after.iter().filter_map(|earlier| match earlier {
            Earlier::Line(name) => Some(name),
            Earlier::Task(_) => None,
        })
    }
}

impl Plan {
    /// Checks every line.
    pub(super) async fn of(context: &Context, lines: &[(usize, String)]) -> Self {
        let mut rejected = Vec::new();
        let mut parsed: Vec<(usize, Line)> = Vec::new();
        let mut names = BTreeSet::new();
        for (number, text) in lines {
            match Line::parse(text) {
                Ok(line) => match line.name.clone().filter(|name| !names.insert(name.clone())) {
                    Some(name) => {
                        let error = format!("another line is called `{name}` as well");
                        rejected.push(RejectedLine { line: *number, error });
                    }
                    None => parsed.push((*number, line)),
                },
                Err(error) => rejected.push(RejectedLine { line: *number, error }),
            }
        }
        let mut checked = Vec::new();
        for (number, line) in parsed {
            match check(context, number, line, &names).await {
                Ok(line) => checked.push(line),
                Err(error) => rejected.push(RejectedLine { line: number, error }),
            }
        }
        let checked = in_order(checked, &mut rejected);
        rejected.sort_by_key(|line| line.line);
        Self { checked, rejected }
    }
}

async fn check(
    context: &Context,
    number: usize,
    line: Line,
    names: &BTreeSet<String>,
) -> Result<Checked, String> {
    if !line.after.is_empty() && !line.after_any.is_empty() {
        return Err("it has both `after` and `after_any`".to_owned());
    }
    let mut after = Vec::new();
    for typed in line.after.iter().chain(&line.after_any) {
        after.push(if names.contains(typed) {
            Earlier::Line(typed.clone())
        } else {
            let found = context.resolve(typed).await;
            Earlier::Task(found.map_err(|_| {
                format!("`{typed}` is neither the name of a line nor the id of a task")
            })?)
        });
    }
    for name in line.hands_on(names) {
        // Whose result is wanted has to have ended by then.
        let earlier = Earlier::Line(name.clone());
        if !after.contains(&earlier) {
            after.push(earlier);
        }
    }
    if let Some(name) = line.env.keys().find(|name| name.is_empty() || name.contains(['=', '\0'])) {
        return Err(format!("`{name}` is no name of a variable"));
    }
    let (name, env) = (line.name.clone(), line.env.clone());
    let wanted = line.wanted(context.wiring.clock.now())?;
    // Everything that could be refused later is refused now.
    let ready = ordering::order(context, wanted.clone()).await;
    ready.map_err(|failure| failure.sentence())?;
    if is_for_agent(&wanted) {
        for id in templates::wanted(&wanted.prompt) {
            if !names.contains(id.as_str()) && context.wiring.store.load(&id).await.is_err() {
                return Err(format!(
                    "its prompt wants the result of `{id}`, which is neither a line nor a task"
                ));
            }
        }
    }
    Ok(Checked { number, name, wanted, env, after })
}

/// What stands in a prompt for the result of a line or a task.
pub(super) fn template(name: &str) -> String {
    format!("{{{{task:{name}.result}}}}")
}

/// The lines in an order in which each comes after those it waits for.
fn in_order(mut left: Vec<Checked>, rejected: &mut Vec<RejectedLine>) -> Vec<Checked> {
    let (mut ordered, mut done): (Vec<Checked>, BTreeSet<String>) = Default::default();
    loop {
        let ready = |line: &Checked| line.waits_for().all(|name| done.contains(name));
        let (now, later): (Vec<_>, Vec<_>) = left.into_iter().partition(ready);
        left = later;
        if now.is_empty() {
            break;
        }
        done.extend(now.iter().filter_map(|line| line.name.clone()));
        ordered.extend(now);
    }
    for line in &left {
        let waits: Vec<&str> = line.waits_for().map(String::as_str).collect();
        let error = format!(
            "it comes after `{}`, which is wrong itself or waits for this one in turn",
            waits.join("`, `")
        );
        rejected.push(RejectedLine { line: line.number, error });
    }
    ordered
}
