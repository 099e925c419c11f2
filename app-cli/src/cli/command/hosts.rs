//! `hosts`: which other machines there are and how they are, and this program copied to one.
//!
//! Nothing is changed on a machine before somebody has said yes.

use std::io::{BufRead as _, IsTerminal as _};
use std::time::Duration;

use adapters_process::remote::side_by_side;
use adapters_process::remote::ssh::{Call, REMOTE_PLACE, Ssh};
use domain::port::remotes::Silence;
use domain::port::{Clock as _, TaskStore as _};
use domain::task::text::counted;
use domain::task::{Ending, Event, Reason, Task};
use domain::usecase::Trouble;

use super::elsewhere;
use crate::Outcome;
use crate::cli::args::{Hosts, HostsAction};
use crate::cli::view::hosts::{HostRow, HostsView};
use crate::kit::answer::Answer;
use crate::kit::console;
use crate::kit::context::Context;
use crate::kit::failure::{Failure, Kind};

/// How long a machine may take to say its version.
const ANSWER: Duration = Duration::from_secs(15);
/// How long the program may take to arrive.
const COPY: Duration = Duration::from_secs(300);
/// What a copy does there, whose size is the first word. It takes its place only once it is whole and has run: where the
/// connection is cut, what has come so far ends like a whole one. Without a single quote, it is one word for any shell.
const INSTALL: &str = r#"mkdir -p .local/bin && cd .local/bin || exit 1
new=.task-bg.$$
trap "rm -f $new" EXIT
cat > $new || exit 1
[ "$(wc -c < $new)" -eq "$1" ] || { echo "only a part of it arrived" >&2; exit 1; }
chmod 755 $new && ./$new --version > /dev/null && mv -f $new task-bg"#;

pub(super) async fn hosts(context: &Context, args: &Hosts) -> Outcome {
    match (args.action, &args.host) {
        (Some(HostsAction::Add), Some(host)) => add(context, host, (args.yes, args.force)),
        (Some(HostsAction::Remove), Some(host)) => remove(context, host, args.force).await,
        (Some(_), None) | (None, _) => list(context),
    }
}

fn list(context: &Context) -> Outcome {
    let names = context.wiring.hosts.names().map_err(|error| unkept(&error))?;
    let rows = side_by_side(&names, |host| row(host));
    Ok(Answer::ok(HostsView { rows, done: None }))
}

/// How a machine is.
fn row(host: &str) -> HostRow {
    let host = host.to_owned();
    match version(&host) {
        Ok(version) => {
            let is_same = version == env!("CARGO_PKG_VERSION");
            HostRow { host, is_reachable: true, version: Some(version), is_same, note: None }
        }
        Err(failure) => HostRow {
            host,
            is_reachable: failure.1,
            version: None,
            is_same: false,
            note: Some(failure.0.with_hint()),
        },
    }
}

/// The version that a machine has; else why not, and whether the machine answers at all.
fn version(host: &str) -> Result<String, (Failure, bool)> {
    let call = Call::of(vec!["--version".to_owned()], ANSWER);
    let said = Ssh::default().call(host, &call).map_err(|why| {
        let is_reachable = matches!(why, Silence::NoProgram);
        let unheard = domain::port::Unheard { host: host.to_owned(), why };
        (Failure::of_silence(&unheard), is_reachable)
    })?;
    let words = String::from_utf8_lossy(&said.stdout).into_owned();
    let version = words.lines().find_map(|line| line.strip_prefix("task-bg ")?.split(' ').next());
    let fits = |it: &&str| it.len() <= 40 && it.chars().all(|c| c.is_ascii_graphic());
    version.filter(fits).map(ToOwned::to_owned).ok_or_else(|| {
        let message = format!("`{host}` says no version of task-bg");
        let hint = format!("run `task-bg hosts add {host}` to copy this one there");
        (Failure::new(Kind::Unexpected, message).hint(hint), true)
    })
}

fn add(context: &Context, host: &str, (is_agreed, is_forced): (bool, bool)) -> Outcome {
    let machine = machine(host)?;
    // As `uname -sm` says it there.
    let here = format!("Linux {}", std::env::consts::ARCH);
    if machine != here {
        let message = format!("`{host}` is a machine of another kind: `{machine}`, not `{here}`");
        return Err(Failure::new(Kind::LaunchFailed, message)
            .hint("install a task-bg there that was built for it"));
    }
    let program = std::fs::read("/proc/self/exe").map_err(|error| {
        Failure::new(Kind::Unexpected, format!("this program cannot be read: {error}"))
    })?;
    let (version, size) = (env!("CARGO_PKG_VERSION"), program.len());
    if let (Ok(there), false) = (self::version(host), is_forced)
        && age(&there) == Age::Newer
    {
        let message =
            format!("`{host}` has task-bg {there}, which is newer than this one, {version}");
        return Err(Failure::new(Kind::WrongState, message)
            .hint("bring the one here up to date, or add `--force` to copy over it"));
    }
    if !is_agreed {
        agree(&format!(
            "copy task-bg {version} ({} MiB) to `{host}`, as {REMOTE_PLACE} in the home folder there?",
            program.len().div_ceil(1 << 20)
        ))?;
    }
    let call = Call { input: program, ..Call::of(Vec::new(), COPY) };
    let words = ["sh", "-c", INSTALL, "sh", &size.to_string()].map(ToOwned::to_owned);
    let said =
        Ssh::default().run(host, words.into_iter(), &call).map_err(|why| silent(host, why))?;
    if said.code != 0 {
        let message = format!("task-bg could not be copied to `{host}`: {}", said.complaint);
        return Err(Failure::new(Kind::LaunchFailed, message)
            .hint("make room in the home folder there, and let it be written"));
    }
    context.wiring.hosts.add(host).map_err(|error| unkept(&error))?;
    let row = row(host);
    let done = format!("copied task-bg {version} to `{host}`");
    let hint = (!row.is_same).then(|| {
        format!(
            "another task-bg comes first on the PATH of `{host}`: remove it, or bring it up to date"
        )
    });
    Ok(Answer::ok(HostsView { rows: vec![row], done: Some(done) }).saying(hint))
}

/// How the program of another machine stands to this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Age {
    /// It comes before this one.
    Older,
    /// It is of the same version.
    Same,
    /// It comes after this one.
    Newer,
}

/// How this version stands to ours; one that is no version counts as older.
pub(super) fn age(version: &str) -> Age {
    let parts = |version: &str| -> Option<Vec<u64>> {
        let numbers = version.split(['-', '+']).next().unwrap_or_default();
        numbers.split('.').map(|part| part.parse().ok()).collect()
    };
    match parts(version).cmp(&parts(env!("CARGO_PKG_VERSION"))) {
        std::cmp::Ordering::Less => Age::Older,
        std::cmp::Ordering::Equal => Age::Same,
        std::cmp::Ordering::Greater => Age::Newer,
    }
}

/// What kind of machine it is.
fn machine(host: &str) -> Result<String, Failure> {
    let words = ["uname", "-sm"].map(ToOwned::to_owned);
    let call = Call::of(Vec::new(), ANSWER);
    let said =
        Ssh::default().run(host, words.into_iter(), &call).map_err(|why| silent(host, why))?;
    let words = String::from_utf8_lossy(&said.stdout).into_owned();
    let last = words.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    Ok(domain::task::text::one_line(last, 80))
}

fn silent(host: &str, why: Silence) -> Failure {
    Failure::of_silence(&domain::port::Unheard { host: host.to_owned(), why })
}

/// Asks the person at the terminal.
fn agree(question: &str) -> Result<(), Failure> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() || console::watched().is_none() {
        let failure = Failure::new(Kind::Usage, "nobody is there to be asked");
        return Err(failure.hint("add `--yes` to copy without asking"));
    }
    console::remark(&format!("{question} [y/N]"));
    let mut answer = String::new();
    drop(stdin.lock().read_line(&mut answer));
    if ["y", "yes"].contains(&answer.trim().to_lowercase().as_str()) {
        return Ok(());
    }
    Err(Failure::new(Kind::WrongState, "nothing was copied").hint("answer `y`, or add `--yes`"))
}

async fn remove(context: &Context, host: &str, is_forced: bool) -> Outcome {
    let left = elsewhere::kept_on(context, host).await;
    if let (Some(task), false) = (left.first(), is_forced) {
        let tasks = counted(left.len(), "task");
        let message = format!("{tasks} on `{host}` not known to have ended, such as {}", task.id());
        return Err(Failure::new(Kind::WrongState, message)
            .hint(format!("run `task-bg cancel {}`, or wait for its end", task.id()))
            .hint(
                "if that machine is gone for ever, `--force` ends here as lost what is kept there",
            ));
    }
    let troubles = give_up(context, host, &left).await;
    if !context.wiring.hosts.remove(host).map_err(|error| unkept(&error))? {
        return Err(Failure::new(Kind::NotFound, format!("`{host}` is no machine that is known"))
            .hint("run `task-bg hosts` to see those that are"));
    }
    let given_up = match left.len() {
        0 => String::new(),
        count => format!(", {count} unended of its tasks with it"),
    };
    let done = format!("forgot `{host}`{given_up}; what is there stays, {REMOTE_PLACE} too");
    Ok(Answer::ok(HostsView { rows: Vec::new(), done: Some(done) }).noting(troubles))
}

/// Ends the pointers to these tasks, which nobody can ask about any more. Nothing is stopped there.
async fn give_up(context: &Context, host: &str, tasks: &[Task]) -> Vec<Trouble> {
    let wiring = &context.wiring;
    let mut troubles = Vec::new();
    for task in tasks {
        let message = format!("`{host}` was abandoned: nobody knows what became of the task there");
        let ending = Ending::failed(Reason::Lost, message);
        let event = Event::Ended { ending, exit: None, next: None };
        if let Err(error) = wiring.store.apply(task.id(), event, wiring.clock.now()).await {
            troubles.push(error.into());
        }
    }
    troubles
}

fn unkept(error: &std::io::Error) -> Failure {
    Failure::new(Kind::StoreUnavailable, format!("`.hosts` in the store: {error}"))
        .hint("run `task-bg doctor` to see what is wrong with the store")
}
