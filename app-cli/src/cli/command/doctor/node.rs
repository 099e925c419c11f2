//! What a node of the cluster sees, by one small task that runs there: the store, the home folder, the droid, the time, and
//! what of the file system reaches from one host to another.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::port::{Clock as _, JobFiles as _, TaskStore as _};
use domain::task::{Failure as Failed, Reason, State, Status, Target, Task, Timestamp};
use domain::usecase::wait::{Until, WaitRequest, wait};

use super::{fail, warn, well};
use crate::cli::command::ordering::{self, Wanted, Work};
use crate::cli::view::doctor::Finding;
use crate::kit::context::Context;
use crate::kit::environment;
use crate::kit::failure::{Failure, Kind};

/// How long the small task may take to be placed and to end.
const PROBE: Duration = Duration::from_secs(60);
/// How far the clocks of two hosts may be apart, in seconds.
const APART: i64 = 2;
/// How late an ending may be read here, in seconds, before that is worth a word.
const LATE: i64 = 10;
/// What this host leaves in a file for the node, and the node in its place.
const OURS: &str = "left on the host that asks";
const THEIRS: &str = "left on a node";
/// What a node says of itself. Its words are the store's folder and two files of this host: one that is locked, and one
/// that the node reads, tries to make anew, and replaces.
const SCRIPT: &str = r#"echo host=$(uname -n)
echo home=$HOME
agent=$(command -v droid || echo none)
echo agent=$agent
if [ -n "$FACTORY_API_KEY" ]; then echo credentials=key
elif ls "$HOME"/.factory/auth* > /dev/null 2>&1; then
  credentials=readable
  for file in "$HOME"/.factory/auth*; do test -r "$file" || credentials=unreadable; done
  echo credentials=$credentials
elif grep -q customModels "$HOME/.factory/settings.json" 2> /dev/null; then echo credentials=settings
else echo credentials=none; fi
if [ "$agent" = none ] || [ -n "$FACTORY_AIRGAP_ENABLED" ] || ! command -v curl > /dev/null; then echo service=untried
elif curl -s -o /dev/null -m 5 "${FACTORY_API_BASE_URL:-https://api.factory.ai}"; then echo service=reached
else echo service=unreached; fi
test -w "$0" && echo store=writable || echo store=unwritable
if command -v flock > /dev/null; then flock -n "$1" true && echo locks=apart || echo locks=seen; fi
echo file=$(cat "$2")
(set -C; echo x > "$2") 2> /dev/null && echo anew=made || echo anew=refused
echo "THEIRS" > "$2.new" && mv -f "$2.new" "$2" && echo replaced=yes || echo replaced=no
echo now=$(date +%s)"#;

/// The files of one look, removed at its end.
struct Probe {
    lock: PathBuf,
    file: PathBuf,
    /// The lock, if it could be had.
    held: Option<File>,
}

impl Probe {
    fn beside(path: &Path) -> Self {
        let number = std::process::id();
        let lock = path.with_file_name(format!("doctor.{number}.lock"));
        let file = path.with_file_name(format!("doctor.{number}"));
        let held = File::create(&lock).ok().filter(|file| file.try_lock().is_ok());
        // What could not be left is not seen there.
        fs::write(&file, OURS).unwrap_or_default();
        Self { lock, file, held }
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        for path in [&self.lock, &self.file] {
            fs::remove_file(path).unwrap_or_default();
        }
    }
}

/// What a node said, and what was seen of it from here.
struct Said {
    words: String,
    /// When the task was ordered, and when its end was read here.
    between: (Timestamp, Timestamp),
    /// When it ended, by the clock of the node.
    ended: Option<Timestamp>,
}

impl Said {
    fn value(&self, name: &str) -> &str {
        let mut lines = self.words.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).unwrap_or_default()
    }
}

/// What a node sees, by a task of its own.
pub(super) async fn node(context: &Context, target: &Target) -> Vec<Finding> {
    let wiring = &context.wiring;
    // Where it cannot be made, the node says that it sees nothing.
    drop(wiring.dir.prepare_programs());
    let probe = Probe::beside(&wiring.dir.cluster_answer());
    let said = match Box::pin(asked(context, target, &probe)).await {
        Ok(said) => said,
        Err(failure) => {
            let fix = failure.hints.first().cloned();
            let fix =
                fix.unwrap_or_else(|| "see what `task-bg list` and `squeue` say of it".to_owned());
            return vec![fail("node", failure.sentence(), fix)];
        }
    };
    let mut findings = vec![store(&said)];
    findings.extend(agent(&said));
    findings.push(home(&said));
    findings.push(clocks(&said));
    findings.push(match said.value("locks") {
        "seen" => well("locks", "what one host locks, the others see locked"),
        "apart" if probe.held.is_some() => {
            well("locks", "end at the border of a host, and nothing relies on them")
        }
        _ => well("locks", "could not be tried; nothing relies on them"),
    });
    findings.push(files(&said, &probe));
    findings.push(delay(&said));
    let lag = wiring.jobs.lag().await.as_secs();
    findings.push(well(
        "lag",
        format!("a word of Slurm counts {lag} s after a job is over, as records may come late"),
    ));
    findings
}

fn store(said: &Said) -> Finding {
    let host = said.value("host");
    match said.value("store") {
        "writable" => well(
            "node",
            format!("{host} sees this store, runs this program, and its ending was read here"),
        ),
        _ => fail(
            "node",
            format!("{host} cannot write to the store"),
            "share its folder, under the same path",
        ),
    }
}

/// Whether a droid could work there.
fn agent(said: &Said) -> Vec<Finding> {
    let host = said.value("host");
    let mut findings = vec![match said.value("agent") {
        "none" => warn(
            "droid there",
            format!("{host} finds no droid"),
            "install it where every node finds it",
        ),
        path => well("droid there", path),
    }];
    findings.push(match said.value("credentials") {
        "key" => well("credentials there", "`FACTORY_API_KEY` travels with a task"),
        "readable" => well("credentials there", format!("{host} reads those of the home folder")),
        "settings" => well("credentials there", "models of the settings bring their own"),
        "unreadable" => warn(
            "credentials there",
            format!("{host} cannot read those of the home folder"),
            "make `~/.factory/auth*` readable for yourself on every node",
        ),
        _ => warn(
            "credentials there",
            format!("{host} sees neither `FACTORY_API_KEY` nor a login in the home folder"),
            "log in where the home folder is shared, or export `FACTORY_API_KEY` before you launch",
        ),
    });
    match said.value("service") {
        "reached" => findings.push(well("service there", "the droid's service answers")),
        "unreached" => findings.push(warn(
            "service there",
            format!("{host} does not reach the droid's service"),
            "set `https_proxy` before you launch, or ask for a partition whose nodes reach it",
        )),
        _ => {}
    }
    findings
}

fn home(said: &Said) -> Finding {
    let home = environment::text("HOME").unwrap_or_default();
    let there = said.value("home");
    if there == home {
        return well("home there", home);
    }
    let words = format!("{there} there, {home} here");
    let fix = "credentials below the home folder are found only where it is the same";
    warn("home there", words, fix)
}

fn seconds(moment: Timestamp) -> i64 {
    moment.as_micros() / 1_000_000
}

fn clocks(said: &Said) -> Finding {
    let now = said.value("now").parse().unwrap_or_default();
    super::clocks(now, (seconds(said.between.0), seconds(said.between.1)), APART, "all hosts")
}

/// Whether what one host does to a file is what the other sees.
fn files(said: &Said, probe: &Probe) -> Finding {
    let mut wrong = Vec::new();
    if said.value("file") != OURS {
        wrong.push("a file that was just written here was not seen there");
    }
    if said.value("anew") != "refused" {
        wrong.push("a file that is there can be made once more (`O_EXCL`), so a job may run twice");
    }
    let now = fs::read_to_string(&probe.file).unwrap_or_default();
    if said.value("replaced") != "yes" || now.trim() != THEIRS {
        wrong.push("a file that was replaced there (`rename`) was not seen here");
    }
    if wrong.is_empty() {
        return well("files", "one host sees what another writes, makes once and replaces");
    }
    fail(
        "files",
        wrong.join("; "),
        "keep the store on a file system that all hosts share, under the same path",
    )
}

/// How late an ending that was recorded there is read here.
fn delay(said: &Said) -> Finding {
    let late = said.ended.map_or(0, |ended| said.between.1.as_micros() - ended.as_micros());
    let words = format!(
        "an ending that was recorded there was read here {:.1} s later, by the clocks of both",
        Duration::from_micros(u64::try_from(late).unwrap_or(0)).as_secs_f32()
    );
    if late / 1_000_000 <= LATE {
        return well("delay", words);
    }
    warn("delay", words, "have the file system keep attributes for less long (`acregmax` of NFS)")
}

/// What the script says on a node.
async fn asked(context: &Context, target: &Target, probe: &Probe) -> Result<Said, Failure> {
    let wiring = &context.wiring;
    let script = SCRIPT.replace("THEIRS", THEIRS);
    let store = wiring.dir.root().to_string_lossy();
    let (lock, file) = (probe.lock.to_string_lossy(), probe.file.to_string_lossy());
    let words = ["sh", "-c", &script, &store, &lock, &file].map(ToOwned::to_owned).to_vec();
    let wanted = Wanted {
        description: "doctor: what a node sees".to_owned(),
        prompt: ordering::quoted(&words)?,
        work: Work::Command(words),
        on: Some(target.clone()),
        timeout: Some(PROBE),
        ..Wanted::default()
    };
    let begun = wiring.clock.now();
    let ready = ordering::order(context, wanted).await?;
    let world = wiring.world();
    let once = Box::pin(ordering::launch(context, world.mint(), ready)).await?;
    let id = once.task().id().clone();
    let request = WaitRequest { ids: vec![id.clone()], until: Until::All, at_most: Some(PROBE) };
    Box::pin(wait(world, &request)).await?;
    let read = wiring.clock.now();
    let task: Task = wiring.store.load(&id).await?;
    if task.status() == Status::Completed {
        let words = task.state().result().unwrap_or_default().to_owned();
        return Ok(Said { words, between: (begun, read), ended: task.state().ended_at() });
    }
    if let State::Error(Failed { reason: Reason::LaunchFailed, message, .. }) = task.state() {
        let message = format!("a job was placed, and nothing ran of it from the store: {message}");
        return Err(Failure::new(Kind::Unexpected, message).hint(format!(
            "share `{store}` with every node, under the same path and writable there; `srun ls -ld {store}` shows what one sees"
        )));
    }
    let message = format!("task {id} did not end well on a node: it is {}", task.status().word());
    Err(Failure::new(Kind::Unexpected, message)
        .hint(format!("`task-bg status {id}` says more; `task-bg cancel {id}` ends it")))
}
