//! What `doctor` says about the store: its folder, its records, tasks nobody looks after, leftovers.
//!
//! With `--fix` it mends only what cannot do harm: it makes the folder, closes it to others, and
//! sweeps what is derived.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::PathBuf;

use adapters_fs::inspection::{
    FolderState, Odd, StoreCondition, close_files, stopped_holders, store_condition,
};
use adapters_process::local::group::remove_forsaken;
use adapters_process::local::open_logs::logs_into;
use adapters_process::local::supervisors::supervisors_over;
use domain::port::{Clock as _, Doomed, Fault, Host as _, TaskStore as _};
use domain::task::{ProcessId, Query, Runner, Task, TaskId, text};
use domain::usecase::list::{Listed, list, survey};
use domain::usecase::reconcile::Note;

use super::super::isolate::{cut_off, take_back_of};
use super::{fail, warn, well};
use crate::cli::view::doctor::Finding;
use crate::cli::view::listing::{FREE_LOGS, too_much_logs};
use crate::cli::view::task::store_of;
use crate::kit::context::Context;
use crate::kit::environment;
use crate::kit::failure::Failure;
use crate::kit::size::rounded_size;

/// The room on the disk below which there is a warning, in bytes.
const LITTLE: u64 = 256 << 20;
/// How many things of a kind are named.
const NAMED: usize = 10;
const FIX: &str = "run `task-bg doctor --fix`";

/// The folder: ours, there, writable, closed to others, with room, and nothing of somebody else's in it.
pub(super) fn folder(context: &Context, fix: bool) -> Vec<Finding> {
    let dir = &context.wiring.dir;
    if let Err(unfit) = dir.check(environment::any_owner()) {
        let failure = Failure::from(unfit);
        return vec![fail("store", failure.message, failure.hints.join("; "))];
    }
    let mut mended = Vec::new();
    let mut condition = store_condition(dir);
    let unusable = matches!(condition.folder, FolderState::Unusable(_));
    if fix && !unusable && (condition.folder == FolderState::Absent || condition.open) {
        mended.extend(dir.prepare().is_ok().then_some("the folder was made, or closed to others"));
    }
    if fix && !condition.loose.is_empty() && close_files(&condition.loose) == 0 {
        mended.push("files were closed to others");
    }
    if !mended.is_empty() {
        condition = store_condition(dir);
    }
    let named = dir.root().display();
    let StoreCondition { folder, open, shared, loose, foreign, odd, replaceable_in, owner, free } =
        condition;
    let done = mended.iter().map(|what| format!("; {what}")).collect::<String>();
    let store = match folder {
        FolderState::Unusable(why) => {
            let fix = Failure::from(Fault::of("", why.as_str())).hints;
            fail("store", format!("`{named}` cannot be used: {why}"), fix.join("; "))
        }
        FolderState::Absent => well("store", format!("`{named}` is made when the first task is")),
        FolderState::Ready if open && shared => warn(
            "store",
            format!("others can look into `{named}`, which holds more than a store"),
            format!(
                "set `{}` to a folder of its own, or close this one by hand: `chmod 700 {named}`",
                environment::DIR
            ),
        ),
        FolderState::Ready if open || !loose.is_empty() => warn(
            "store",
            format!(
                "others can look into `{named}`: {} of its files are open to them",
                loose.len()
            ),
            FIX,
        ),
        FolderState::Ready => well("store", format!("`{named}` can be written{done}")),
    };
    let mut findings = vec![store];
    if !foreign.is_empty() {
        let files = foreign.iter().take(NAMED).map(|path| format!("`{}`", path.display()));
        let files: Vec<String> = files.collect();
        let detail = format!(
            "{} files in the store belong to another user than it does, and may be no more than looked at: {}",
            foreign.len(),
            files.join(", ")
        );
        let fix = format!(
            "run `sudo chown -R {owner} {named}`, after removing what nobody you know made"
        );
        findings.push(warn("owners", detail, fix));
    }
    findings.extend(replaceable_in.map(|folder| {
        let folder = folder.display();
        let detail =
            format!("every user can put something else in the place of `{named}`, in `{folder}`");
        let fix = format!(
            "run `chmod o-w {folder}` (or `+t`), or set `{}` to a folder elsewhere",
            environment::DIR
        );
        warn("parent", detail, fix)
    }));
    findings.extend(out_of_place(&odd));
    findings.extend(held_up(&stopped_holders(dir)));
    let room = match free {
        Some(free) if free < LITTLE => warn(
            "room",
            format!("{} MiB are left", free >> 20),
            "run `task-bg cleanup --delete --older-than 7d` to remove old tasks",
        ),
        Some(free) => well("room", format!("{} MiB are left", free >> 20)),
        None => well("room", "the system does not say how much is left"),
    };
    findings.push(room);
    findings
}

/// Locks that nobody gets, as whoever holds them is stopped.
fn held_up(held: &[(PathBuf, String)]) -> Option<Finding> {
    let named: Vec<String> =
        held.iter().map(|(path, holder)| format!("`{}`: {holder}", path.display())).collect();
    if named.is_empty() {
        return None;
    }
    let detail = format!(
        "{} locks of the store are held by processes that were stopped by a signal, and commands that need one give \
         up after a while: {}",
        held.len(),
        text::some_of(&named, NAMED)
    );
    let fix = "let the process go on with `kill -CONT` and its number, or end it with `kill -9`: nothing is lost";
    Some(warn("holders", detail, fix))
}

/// What lies in the store's own folders and is not what belongs there.
fn out_of_place(odd: &[Odd]) -> Option<Finding> {
    let named = odd.iter().map(|Odd { path, what }| format!("`{}` is {what}", path.display()));
    let named: Vec<String> = named.collect();
    let first = odd.first()?.path.to_string_lossy();
    let detail = format!(
        "{} entries of the store are not what belongs there, and commands pass them over or put them aside: {}",
        odd.len(),
        text::some_of(&named, NAMED)
    );
    let remove = shlex::try_quote(&first).map_or_else(|_| first.to_string(), |it| it.to_string());
    let fix = format!(
        "look at them and remove what nobody needs, as with `rm -r {remove}`; one that is closed to its owner is opened \
         with `chmod u+rwX`"
    );
    Some(warn("entries", detail, fix))
}

/// The records: readable, looked after, and nothing lying about.
/// Says as well which agents the tasks are for: each record is read once.
pub(super) async fn records(context: &Context, fix: bool) -> (Vec<Finding>, Used) {
    let wiring = &context.wiring;
    // Counted first: whoever looks with `--fix` also completes what somebody else began.
    let leftovers = leftovers(context, fix).await;
    let world = wiring.world();
    let mut surveyed = survey(world).await;
    if let (true, Ok((listed, _))) = (fix, &mut surveyed) {
        // A repair that fails leaves what was seen.
        if let Ok(repaired) = list(world, &Query::default()).await {
            *listed = repaired;
        }
        wiring.admit().await;
    } else if let Ok((listed, _)) = &surveyed
        && listed.listing.tally.queued > 0
    {
        // The look may have found that a slot is free.
        wiring.admit_in_passing().await;
    }
    match surveyed {
        Ok((listed, unlocked)) => {
            let mut used = Used::default();
            for task in &listed.listing.tasks {
                used.add(task);
            }
            let locks = locks(&unlocked, fix);
            let (records, supervision) = (unreadable(&listed), unattended(&listed));
            let at_large = wiring.host.at_large().await;
            let survivors = survivors(&listed, &at_large, wiring.host.store().as_deref());
            let logs = logs(context, &listed);
            let mut findings = vec![records, locks, supervision, survivors, leftovers, logs];
            findings.extend(unrecorded(context, &at_large).await);
            (findings, used)
        }
        Err(trouble) => {
            let why = Failure::from(trouble).sentence();
            (vec![fail("records", why, "see the finding on the store")], Used::default())
        }
    }
}

/// How much the logs of ended tasks take now, whatever their records say.
fn logs(context: &Context, listed: &Listed) -> Finding {
    let ended = listed.listing.tasks.iter().filter(|task| task.status().is_ended());
    let bytes = ended.filter_map(|task| context.wiring.store.logs_of(task.id())).sum();
    match too_much_logs(bytes, context.settings.ended_logs.value) {
        Some(words) => warn("logs", words, format!("run `{FREE_LOGS}`, or with a shorter time")),
        None => well("logs", format!("those of ended tasks take {}", rounded_size(bytes))),
    }
}

/// Tasks that run although their records are gone, as where the whole store was removed, or an older one put in its place.
async fn unrecorded(context: &Context, at_large: &[(TaskId, ProcessId)]) -> Option<Finding> {
    let dir = &context.wiring.dir;
    // Whether there is a record says its name; what cannot be looked at may be there.
    let is_gone = |id: &TaskId| {
        let looked = dir.record(id).symlink_metadata();
        looked.is_err_and(|error| error.kind() == ErrorKind::NotFound)
    };
    let supervisors = supervisors_over(dir.root());
    // One whose supervisor was killed is found by the processes that write into its log.
    let is_alone = |id: &TaskId| !supervisors.iter().any(|(over, _)| over == id);
    let forsaken = at_large
        .iter()
        .filter(|(id, process)| is_alone(id) && is_gone(id) && logs_into(process, id, dir.root()));
    let forsaken: BTreeMap<TaskId, u32> =
        forsaken.map(|(id, process)| (id.clone(), process.pid)).rev().collect();
    let alone = supervisors.iter().filter(|(id, _)| is_gone(id)).map(|(id, pid)| (id, pid));
    let mut named: Vec<String> = alone.map(|(id, pid)| format!("{id} (process {pid})")).collect();
    for (id, pid) in &forsaken {
        // Nobody bounds its logs any more, and nobody can see them: it stays as it is.
        let rests = context.wiring.host.rests(&Doomed::named(id.clone())).await;
        let how = if rests { ", frozen" } else { "" };
        named.push(format!("{id} (process {pid}{how})"));
    }
    if named.is_empty() {
        return None;
    }
    let detail = format!(
        "{} tasks run whose records are gone from this store, as where it was removed, moved or replaced by an older one: {}",
        named.len(),
        text::some_of(&named, NAMED)
    );
    let fix = "put the store back where it was, and each records how it ends; or end one with `kill` and its number, and what is \
         frozen with `kill -9`";
    Some(warn("unrecorded", detail, fix))
}

/// Which agents the tasks of a store are for.
#[derive(Debug, Default)]
pub(super) struct Used {
    /// Those of all tasks.
    pub(super) ever: BTreeSet<String>,
    /// Those of the tasks that have not ended.
    pub(super) now: BTreeSet<String>,
}

impl Used {
    fn add(&mut self, task: &Task) {
        if let Runner::Agent { name, .. } = &task.order().runner {
            self.ever.insert(name.to_string());
            self.now.extend((!task.status().is_ended()).then(|| name.to_string()));
        }
    }
}

fn unreadable(listed: &Listed) -> Finding {
    let listing = &listed.listing;
    if listing.unreadable.is_empty() {
        return well("records", format!("all {} can be read", listing.tally.total()));
    }
    let entries = listing.unreadable.iter().take(NAMED);
    let named: Vec<String> =
        entries.map(|entry| format!("`{}` ({})", entry.file, entry.reason)).collect();
    warn(
        "records",
        format!("{} cannot be read: {}", listing.unreadable.len(), named.join(", ")),
        "they are never changed or removed; mend them or move them away by hand",
    )
}

fn locks(unlocked: &[TaskId], fix: bool) -> Finding {
    if unlocked.is_empty() {
        return well("locks", "every task that runs has its life lock");
    }
    let ids: Vec<&str> = unlocked.iter().map(TaskId::as_str).collect();
    let named = text::some_of(&ids, NAMED);
    if fix {
        return well("locks", format!("the supervisors of {named} were asked to put them back"));
    }
    let detail = format!(
        "{} tasks run whose life lock somebody removed from `.active`, so that commands may overlook them: {named}",
        unlocked.len()
    );
    warn("locks", detail, FIX)
}

fn unattended(listed: &Listed) -> Finding {
    // What another machine runs is looked after there.
    let alone = |note: &Note| {
        matches!(
            note,
            Note::Unsupervised
                | Note::Orphaned
                | Note::Unrecordable
                | Note::Stopped
                | Note::StoppedInRest
                | Note::AgentGone
                | Note::HeldUp
                | Note::NodeSilent
        )
    };
    let alone: Vec<_> = listed.notes.iter().filter(|(_, note)| alone(note)).collect();
    if alone.is_empty() {
        return well("supervision", "every task that runs has somebody who looks after it");
    }
    let word = |note: &Note| match note {
        Note::Unsupervised => "never had a supervisor of ours",
        Note::Orphaned => "lost its supervisor",
        Note::Stopped => "has a supervisor that was stopped by a signal",
        Note::StoppedInRest => {
            "has a supervisor that was stopped by a signal, and is frozen as long as that is"
        }
        Note::HeldUp => "has no supervisor seen from here, and its life lock is held",
        Note::AgentGone => "lost its agent, and how it ended is not recorded yet",
        Note::Unrecordable => "is gone, which cannot be recorded",
        Note::ClusterSilent => "is at a cluster that does not answer",
        Note::NodeSilent => "runs on a node that does not answer",
        Note::Elsewhere | Note::Copied | Note::Adopted | Note::LeftBehind | Note::EmptyAnswer => {
            "needs nobody"
        }
    };
    let supervisor = |id: &TaskId| {
        let task = listed.listing.tasks.iter().find(|task| task.id() == id);
        task.and_then(|task| task.progress().supervisor.as_ref()).map(|it| it.pid)
    };
    let stopped =
        alone.iter().filter(|(_, note)| matches!(note, Note::Stopped | Note::StoppedInRest));
    let stopped: Vec<String> =
        stopped.filter_map(|(id, _)| supervisor(id)).map(|pid| pid.to_string()).collect();
    let fix = if stopped.is_empty() {
        "`task-bg cancel` stops one, `task-bg prune` ends those that ran too long".to_owned()
    } else {
        format!(
            "`kill -CONT {}` lets supervisors that were stopped go on; `task-bg cancel` stops a task",
            text::some_of(&stopped, NAMED)
        )
    };
    let notes = alone.iter().take(NAMED);
    let named: Vec<String> = notes.map(|(id, note)| format!("{id} {}", word(note))).collect();
    let words = format!("{} tasks run or wait on their own: {}", alone.len(), named.join(", "));
    warn("supervision", words, fix)
}

/// Names what ended tasks left, by their records and by what lives and carries their names.
fn survivors(listed: &Listed, at_large: &[(TaskId, ProcessId)], store: Option<&str>) -> Finding {
    let left = |task: &Task| {
        let recorded = task.progress().left.processes.iter();
        let carrying =
            at_large.iter().filter(|(id, _)| id == task.id()).map(|(_, process)| process);
        recorded.chain(carrying).map(|process| process.pid).collect::<BTreeSet<u32>>()
    };
    let ended = listed.listing.tasks.iter().filter(|task| task.status().is_ended());
    let with: Vec<(&Task, BTreeSet<u32>)> =
        ended.map(|task| (task, left(task))).filter(|(_, pids)| !pids.is_empty()).collect();
    let Some((first, _)) = with.first() else {
        return well("survivors", "no process of a task that has ended");
    };
    let named = with.iter().take(NAMED).map(|(task, pids)| {
        let pids: Vec<String> = pids.iter().map(u32::to_string).collect();
        format!("{} ({})", task.id(), text::some_of(&pids, NAMED))
    });
    let named: Vec<String> = named.collect();
    // A copy of a store ends nothing.
    let copied = !first.is_of_store(store);
    let over = copied.then(|| format!(" with `{}={}`", environment::DIR, store_of(first)));
    let over = over.unwrap_or_default();
    warn(
        "survivors",
        format!("{} ended tasks left processes: {}", with.len(), named.join("; ")),
        format!("`task-bg cancel {}`{over} ends those of one", first.id()),
    )
}

async fn leftovers(context: &Context, fix: bool) -> Finding {
    let store = &context.wiring.store;
    let found = if fix { store.sweep().await } else { store.leftovers() };
    if fix {
        remove_forsaken(context.wiring.clock.now());
    }
    // Of launches that were cut off while they made a worktree.
    let worktrees = if fix { take_back_of(context, None).await } else { cut_off(context) };
    match found.map(|count| count + worktrees) {
        Ok(0) => well("leftovers", "none"),
        Ok(count) if fix => well("leftovers", format!("{count} were removed")),
        Ok(count) => warn("leftovers", format!("{count} that belong to no task any more"), FIX),
        Err(error) => {
            fail("leftovers", Failure::from(error).sentence(), "see the finding on the store")
        }
    }
}
