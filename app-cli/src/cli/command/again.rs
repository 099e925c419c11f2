//! `retry` and `resume`: a new task that takes up one that has ended.

use domain::port::remotes::FollowUp;
use domain::port::{Agent, Agents, StoreError, TaskStore};
use domain::task::{Autonomy, Order, Prompt, Query, Runner, Status, Target, Task, TaskId};
use domain::usecase::Trouble;
use domain::usecase::again::{self, Manner, Unsaid};
use domain::usecase::launch_once::{KeyClaim, claim};
use domain::usecase::ship::follow_up as follow_up_order;

use super::folder::working_folder;
use super::launch::read_prompt;
use super::ordering::{self, Level, Once, Ready, Said, Wanted, refused_prompt};
use super::{elsewhere, isolate, wait};
use crate::Outcome;
use crate::cli::args::{AutonomyArg, EnvArg, Length, Resume, Retry};
use crate::cli::view::launched::{Launched, ManyLaunched, ManyWaited};
use crate::cli::view::waited::Besides;
use crate::kit::answer::Answer;
use crate::kit::context::{Context, parse_sessions};
use crate::kit::environment;
use crate::kit::failure::{Failure, Kind};
use crate::kit::wiring::Variables;

/// `retry`. A task that cannot be tried once more keeps no other from being tried.
pub(super) async fn retry(context: &Context, args: Retry) -> Outcome {
    ordering::check_depth()?;
    if args.key.is_some() && args.ids.len() > 1 {
        let failure = Failure::new(Kind::Usage, "a key is for one task, and several are named");
        return Err(failure.hint("give one id with --key"));
    }
    if let Some(known) = of_key(context, args.key.as_deref()).await? {
        return Ok(answer(&known));
    }
    let mut refused: Vec<(String, Failure)> = Vec::new();
    let ids = if args.failed {
        failed(context, &args.parent).await?
    } else {
        context.resolve_each(&args.ids, &mut refused).await
    };
    let (mut launched, mut notes) = (Vec::new(), Vec::new());
    let own = Changes::of(args.autonomy, args.env);
    let changes = Changes { on: args.on, key: args.key, cluster_options: args.slurm, ..own };
    for id in &ids {
        match retry_one(context, id, &changes).await {
            Ok((once, note)) => {
                launched.push(once);
                notes.extend(note);
            }
            // Another `retry --failed` was first.
            Err(NotRetried::Tried(_)) if args.failed => {}
            Err(NotRetried::Tried(failure) | NotRetried::Failed(failure)) => {
                refused.push((id.to_string(), failure));
            }
        }
    }
    match (args.failed, launched.as_slice(), refused.as_slice()) {
        (false, [], [_]) if args.ids.len() == 1 => Err(refused.remove(0).1),
        (_, [_, ..], _) if args.wait.is_some() => {
            let length = args.wait.unwrap_or(Length::Usual);
            let ids = launched.iter().map(|once| once.task().id().clone()).collect();
            let wait::Seen { waited, kind, summary, .. } =
                wait::outcome(context, ids, length).await?;
            let kind = kind.or_else(|| refused.first().map(|(_, failure)| failure.kind));
            let ended = waited.ended.clone();
            let waited = wait::view(context, waited, Besides::Nothing).await.below(summary);
            let troubles: Vec<Trouble> = launched.iter().flat_map(Once::troubles).collect();
            let view = ManyWaited { waited, refused };
            Ok(Answer::with(view, kind).collecting(ended).noting(troubles).saying(notes))
        }
        (false, [only], []) if args.ids.len() == 1 => Ok(answer(only).saying(notes)),
        _ => {
            let kind = refused.first().map(|(_, failure)| failure.kind);
            let troubles: Vec<Trouble> = launched.iter().flat_map(Once::troubles).collect();
            let view = ManyLaunched::of(&launched, refused);
            Ok(Answer::with(view, kind).noting(troubles).saying(notes))
        }
    }
}

fn answer(once: &Once) -> Answer {
    Answer::ok(Launched::of(once)).noting(once.troubles())
}

/// The last attempts that had failed when this command began and were not tried once more.
async fn failed(context: &Context, parents: &[String]) -> Result<Vec<TaskId>, Failure> {
    let parents = parse_sessions(parents)?;
    let query = Query { parents, statuses: vec![Status::Error], ..Query::default() };
    let listing = context.wiring.store.list(&query).await?;
    let mut untried = Vec::new();
    for task in listing.tasks.iter().rev() {
        let in_time = task.state().ended_at().is_none_or(|ended| ended <= context.began);
        if in_time && again::says_what_to_run(task) && is_last(context, task).await {
            untried.push(task.id().clone());
        }
    }
    Ok(untried)
}

/// Whether no attempt follows the task.
async fn is_last(context: &Context, task: &Task) -> bool {
    match &task.progress().retried_as {
        None => true,
        Some(next) => {
            matches!(context.wiring.store.load(next).await, Err(StoreError::NotFound { .. }))
        }
    }
}

/// Why a task was not tried once more.
enum NotRetried {
    /// Another attempt follows it already.
    Tried(Failure),
    /// It cannot be tried once more, or the attempt could not be started.
    Failed(Failure),
}

impl<E: Into<Failure>> From<E> for NotRetried {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// What was taken for what a record of the original does not say.
fn unsaid_note(task: &Task, order: &Order, autonomy: Option<AutonomyArg>) -> String {
    let cwd = order.cwd.as_deref().unwrap_or_default();
    let (what, level) = match (&order.runner, autonomy) {
        (Runner::Agent { autonomy: level, .. }, None) => {
            ("neither an autonomy nor a folder", format!("`{}` and ", level.word()))
        }
        (Runner::Agent { .. } | Runner::Command(_) | Runner::Elsewhere, _) => {
            ("no folder", String::new())
        }
    };
    format!("the record of {} says {what}: the attempt has {level}`{cwd}`", task.id())
}

/// Tries a task once more; returns the attempt, and what is to be said of it.
async fn retry_one(
    context: &Context,
    id: &TaskId,
    changes: &Changes,
) -> Result<(Once, Option<String>), NotRetried> {
    let wiring = &context.wiring;
    let named = wiring.store.load(id).await?;
    // Attempts follow one another: the last one is tried once more.
    let mut last = again::attempts(&wiring.store, &named).await.pop().unwrap_or(named);
    if elsewhere::refresh(context, std::slice::from_ref(&last)).await.has_changed {
        last = wiring.store.load(last.id()).await?;
    }
    let theirs = again::is_of_the_original(&last);
    let unsaid = || -> Result<Unsaid, Failure> {
        let Wanted { work, .. } = Wanted::default();
        Ok(Unsaid { runner: ordering::runner(context, &work)?, cwd: Some(working_folder(None)?) })
    };
    let unsaid = theirs.then(unsaid).transpose()?;
    let order = again::retry(&last, Some(wiring.minted_session()), unsaid)
        .map_err(|why| not_retried(&last, &why))?;
    // What the first attempt was allowed, however it came to be, the next one is.
    let level = if theirs && changes.autonomy.is_none() { Level::OfDroid } else { Level::Said };
    let goes_on = changes.on.as_ref().is_none_or(|on| *on == last.order().target);
    if let (true, Some(host), Some(there)) = (goes_on, last.kept_on(), &last.progress().remote_id) {
        let order = Order { key: changes.key.clone(), ..order };
        let how = (changes.level_there()?, None);
        let next = wiring.world().mint();
        let once = ordering::ship_again(context, (host, there.clone()), next, order, how).await?;
        return Ok((once, None));
    }
    let (ready, anew) = taken_up(context, order, changes, level).await?;
    let note = theirs.then(|| unsaid_note(&last, &ready.order, changes.autonomy)).or(anew);
    let next = wiring.world().mint();
    // Of several that try it at once exactly one is not refused.
    match Box::pin(ordering::launch(context, next.clone(), ready)).await {
        Ok(once) => Ok((once, note)),
        Err(failure) => {
            let known = wiring.store.load(last.id()).await;
            let known = known.ok().and_then(|task| task.progress().retried_as.clone());
            let tried = known.is_some_and(|known| known != next);
            Err(if tried { NotRetried::Tried(failure) } else { NotRetried::Failed(failure) })
        }
    }
}

/// `resume`.
pub(super) async fn resume(context: &Context, args: Resume) -> Outcome {
    ordering::check_depth()?;
    let wiring = &context.wiring;
    if let Some(known) = of_key(context, args.key.as_deref()).await? {
        return Ok(answer(&known));
    }
    let id = context.resolve(&args.id).await?;
    let mut task = wiring.store.load(&id).await?;
    if elsewhere::refresh(context, std::slice::from_ref(&task)).await.has_changed {
        task = wiring.store.load(&id).await?;
    }
    let prompt = match (&args.prompt_file, args.prompt) {
        (Some(path), _) => read_prompt(path)?,
        (None, prompt) => prompt.unwrap_or_default(),
    };
    let prompt = Prompt::parse(&prompt).map_err(|invalid| refused_prompt(&invalid))?;
    let changes = Changes { key: args.key, ..Changes::of(args.autonomy, args.env) };
    if let (Some(host), Some(there)) = (task.kept_on(), task.progress().remote_id.clone()) {
        let follow_up = FollowUp { prompt: prompt.clone(), forks: args.fork };
        let order = follow_up_order(&task, prompt, wiring.minted_session());
        let order = order.map_err(|why| refused("resumed", &id, &why))?;
        let order = Order { key: changes.key.clone(), ..order };
        let how = (changes.level_there()?, Some(follow_up));
        let next = wiring.world().mint();
        let once = ordering::ship_again(context, (host, there), next, order, how).await?;
        return resumed(context, once, args.wait, None).await;
    }
    let agent = wiring.agents.of(&task.order().runner);
    let around = environment::circumstances(&environment::text);
    let forks = args.fork || agent.is_some_and(|agent| agent.only_forks(&around));
    let manner = if forks { Manner::Fork } else { Manner::Same };
    let session = wiring.minted_session();
    let abilities = agent.map(Agent::abilities);
    let order = again::resume(&task, prompt, manner, Some(session), abilities)
        .map_err(|why| refused("resumed", &id, &why))?;
    let (ready, anew) = taken_up(context, order, &changes, Level::Said).await?;
    let next = wiring.world().mint();
    let once = Box::pin(ordering::launch(context, next, ready)).await?;
    resumed(context, once, args.wait, anew).await
}

/// Tells of a task that goes on with another one, or of its end where that is waited for.
async fn resumed(
    context: &Context,
    once: Once,
    wait: Option<Length>,
    anew: Option<String>,
) -> Outcome {
    let Some(length) = wait else { return Ok(answer(&once).saying(anew)) };
    let id = once.task().id().clone();
    let answer = wait::for_launched(context, id, length).await?;
    Ok(answer.noting(once.troubles()).saying(anew))
}

/// The task that was launched under this key.
async fn of_key(context: &Context, key: Option<&str>) -> Result<Option<Once>, Failure> {
    let wiring = &context.wiring;
    match claim(wiring.world(), &wiring.keys, key).await? {
        KeyClaim::Existing(task) => Ok(Some(Once::Existing(*task))),
        // The launch claims it again, once it is known that there can be one.
        KeyClaim::Free(_) => Ok(None),
    }
}

/// What is to be another than it was.
struct Changes {
    /// The autonomy.
    autonomy: Option<AutonomyArg>,
    /// Where it runs.
    on: Option<Target>,
    /// Options of the cluster's own, in place of those that it had.
    cluster_options: Vec<String>,
    /// The name under which it is never started twice.
    key: Option<String>,
    /// The variables added to its environment.
    variables: Variables,
}

impl Changes {
    fn of(autonomy: Option<AutonomyArg>, env: Vec<EnvArg>) -> Self {
        let variables = env.into_iter().map(EnvArg::pair).collect();
        Self { autonomy, on: None, cluster_options: Vec::new(), key: None, variables }
    }
}

impl Changes {
    /// The autonomy that another machine is told of.
    fn level_there(&self) -> Result<Option<Autonomy>, Failure> {
        if self.variables.is_empty() {
            return Ok(self.autonomy.map(|AutonomyArg(level)| level));
        }
        let message = "`--env` is not passed on to a machine that goes on with a task of its own";
        Err(Failure::new(Kind::Usage, message).hint("launch a new task there with --on and --env"))
    }
}

/// The order with these changes, and the droid as it is defined now; with a note, if its worktree had to be made
/// anew.
async fn taken_up(
    context: &Context,
    order: Order,
    changes: &Changes,
    level: Level,
) -> Result<(Ready, Option<String>), Failure> {
    let runner = match (&order.runner, changes.autonomy) {
        (Runner::Agent { name, .. }, Some(AutonomyArg(level))) => {
            Runner::Agent { name: name.clone(), autonomy: level }
        }
        (runner, _) => runner.clone(),
    };
    let given = order.briefing.as_ref();
    let said = Said {
        names_droid: given.is_some_and(|given| given.is_named),
        effort: given.and_then(|given| given.reasoning_effort.clone()),
        level,
    };
    let target = changes.on.clone().unwrap_or(order.target);
    // Another place has other options.
    let is_there = matches!(target, Target::Slurm { .. });
    let kept = if is_there { order.cluster_options } else { Vec::new() };
    let given = Some(&changes.cluster_options).filter(|given| !given.is_empty());
    let cluster_options = given.cloned().unwrap_or(kept);
    let cwd = if target.is_local() { order.cwd.or(working_folder(None).ok()) } else { order.cwd };
    let order = Order { runner, target, cluster_options, cwd, key: changes.key.clone(), ..order };
    let ready = ordering::brief(context, order, said, changes.variables.clone()).await?;
    let anew = isolate::restored(&ready.order).await?;
    Ok((ready, anew))
}

/// Why a task cannot be tried again. One that a cluster has may be on a node that never answers again.
fn not_retried(task: &Task, why: &again::NotAgain) -> Failure {
    let (id, failure) = (task.id(), refused("tried once more", task.id(), why));
    let node = task.progress().host.as_deref().filter(|_| task.is_at_a_cluster());
    match (why, node) {
        (again::NotAgain::NotEnded, Some(node)) => failure
            .hint(format!("if its node `{node}` does not answer, run `task-bg cancel {id}` first")),
        _ => failure,
    }
}

fn refused(what: &str, id: &TaskId, why: &again::NotAgain) -> Failure {
    let mut failure = Failure::new(Kind::WrongState, format!("task {id} cannot be {what}"));
    failure.causes.push(why.to_string());
    match why {
        again::NotAgain::NotEnded => failure.hint(format!("run `task-bg wait {id}` first")),
        again::NotAgain::Elsewhere => {
            failure.hint(format!("run `task-bg retry {id}` to begin anew, or launch a new task"))
        }
        again::NotAgain::NotOurs
        | again::NotAgain::NoSession
        | again::NotAgain::Unnamed
        | again::NotAgain::OddlyNamed(_)
        | again::NotAgain::CannotResume => failure.hint("launch a new task instead"),
        again::NotAgain::CannotFork => {
            failure.hint("leave out --fork, or launch a new task instead")
        }
    }
}
