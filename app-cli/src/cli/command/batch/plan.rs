//! Which lines can be launched, in which order, and what is wrong with the others.
//!
//! A line may come after any other line, by name, or after a task that is there; lines that wait for
//! each other in a circle are all wrong, and so is whatever comes after a wrong one.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use domain::port::{Clock, TaskStore};
use domain::task::{Target, TaskId, template as templates, text};

use super::line::Line;
use super::{Wanted, is_for_agent, ordering};
use crate::cli::view::batched::{RejectedLine, Wrong};
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

    /// What people recognise it by.
    pub(super) fn label(&self) -> &str {
        let Wanted { description, prompt, .. } = &self.wanted;
        let said = if description.trim().is_empty() { prompt } else { description };
        self.name.as_deref().unwrap_or(said)
    }

    /// The names of the lines that it comes after.
    pub(super) fn waits_for(&self) -> impl Iterator<Item = &String> {
        self.after.iter().filter_map(|earlier| match earlier {
            Earlier::Line(name) => Some(name),
            Earlier::Task(_) => None,
        })
    }
}

impl Plan {
    /// Checks every line. Those that do not say where they run do so `on` that place, with these options of a cluster's
    /// own.
    pub(super) async fn of(
        context: &Context,
        on: Option<&Target>,
        options: &[String],
        lines: &[(usize, String)],
    ) -> Self {
        let mut rejected = Vec::new();
        let mut parsed: Vec<(usize, Line)> = Vec::new();
        let mut names = BTreeSet::new();
        for (number, text) in lines {
            match Line::parse(text) {
                Ok(line) => match line.name.clone().filter(|name| !names.insert(name.clone())) {
                    Some(name) => {
                        let error = format!("another line is called `{name}` as well");
                        rejected.push(RejectedLine { line: *number, wrong: error.into() });
                    }
                    None => parsed.push((*number, line)),
                },
                Err(error) => rejected.push(RejectedLine { line: *number, wrong: error.into() }),
            }
        }
        let mut checked = Vec::new();
        for (number, line) in parsed {
            match check(context, number, line.placed(on, options), &names).await {
                Ok(line) => checked.push(line),
                Err(wrong) => rejected.push(RejectedLine { line: number, wrong }),
            }
        }
        let checked = without_twins(checked, &mut rejected);
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
) -> Result<Checked, Wrong> {
    if !line.after.is_empty() && !line.after_any.is_empty() {
        return Err("it has both `after` and `after_any`".to_owned().into());
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
        return Err(format!("`{name}` is no name of a variable").into());
    }
    let name = line.name.clone();
    let wanted = line.wanted(context.wiring.clock.now())?;
    // Everything that could be refused later is refused now.
    let ready = ordering::order(context, wanted.clone()).await?;
    ordering::check_worktree(context, &ready).await?;
    if is_for_agent(&wanted) {
        for id in templates::wanted(&wanted.prompt) {
            if !names.contains(id.as_str()) && context.wiring.store.load(&id).await.is_err() {
                return Err(format!(
                    "its prompt wants the result of `{id}`, which is neither a line nor a task"
                )
                .into());
            }
        }
    }
    Ok(Checked { number, name, wanted, after })
}

/// What stands in a prompt for the result of a line or a task.
pub(super) fn template(name: &str) -> String {
    format!("{{{{task:{name}.result}}}}")
}

/// Rejects lines that want a worktree of a name that an earlier one has.
fn without_twins(checked: Vec<Checked>, rejected: &mut Vec<RejectedLine>) -> Vec<Checked> {
    let mut taken: BTreeMap<(Option<PathBuf>, String), usize> = BTreeMap::new();
    let mut kept = Vec::new();
    for line in checked {
        let name = line.wanted.worktree.clone().filter(|name| !name.is_empty());
        let Some(name) = name else {
            kept.push(line);
            continue;
        };
        match taken.entry((line.wanted.cwd.clone(), name)) {
            Entry::Vacant(free) => {
                free.insert(line.number);
                kept.push(line);
            }
            Entry::Occupied(first) => {
                let ((_, name), number) = (first.key(), first.get());
                let error = format!("line {number} has a worktree called `{name}` as well");
                rejected.push(RejectedLine { line: line.number, wrong: error.into() });
            }
        }
    }
    kept
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
        let waits: Vec<String> = line.waits_for().map(|name| format!("`{name}`")).collect();
        let error = format!(
            "it comes after {}, which is wrong itself or waits for this one in turn",
            text::some_of(&waits, text::NAMED)
        );
        rejected.push(RejectedLine { line: line.number, wrong: error.into() });
    }
    ordered
}
