//! What `doctor --on slurm` says: whether the programs are here, the controller answers and is set as it should be, and,
//! by one small task, what a node sees of the store, the home folder and the droid.

use std::fs::File;
use std::time::Duration;

use adapters_process::slurm::Config;
use domain::port::{Clock as _, JobFiles as _, TaskStore as _};
use domain::task::{Status, Target};
use domain::usecase::wait::{Until, WaitRequest, wait};

use super::{fail, warn, well};
use crate::cli::command::ordering::{self, Wanted, Work};
use crate::cli::view::doctor::Finding;
use crate::kit::context::Context;
use crate::kit::environment;
use crate::kit::failure::Failure;

/// How long the controller may take to answer.
const QUESTION: Duration = Duration::from_secs(15);
/// How long the small task may take to be placed and to end.
const PROBE: Duration = Duration::from_secs(60);
/// How far the clocks of two hosts may be apart.
const APART: i64 = 2;
/// What a node says of itself. Its words are the store's folder and a file that is locked on this host.
const SCRIPT: &str = r#"echo host=$(uname -n)
echo home=$HOME
echo agent=$(command -v droid || echo none)
echo now=$(date +%s)
test -w "$0" && echo store=writable || echo store=unwritable
if command -v flock > /dev/null; then flock -n "$1" true && echo locks=apart || echo locks=seen; fi"#;

/// Everything about tasks on this target.
pub(super) async fn target(context: &Context, target: &Target) -> Vec<Finding> {
    let mut findings = vec![programs()];
    let config = match context.wiring.cluster.config(QUESTION) {
        Ok(config) => config,
        Err(failure) => {
            let fix = "look whether `scontrol ping` answers here, and ask whoever administers the cluster";
            findings.push(fail("controller", failure.to_string(), fix));
            return findings;
        }
    };
    let name = config.get("ClusterName").unwrap_or("a cluster");
    findings.push(well("controller", format!("{name} answers")));
    findings.push(partition(context, target));
    findings.push(licences(context));
    findings.extend(settings(&config));
    findings.extend(Box::pin(node(context, target)).await);
    findings
}

fn programs() -> Finding {
    let path = environment::variable("PATH").unwrap_or_default();
    let is_there =
        |name: &&str| std::env::split_paths(&path).any(|folder| folder.join(name).is_file());
    let all = ["sbatch", "squeue", "scancel", "scontrol", "sinfo"];
    let missing: Vec<&str> = all.into_iter().filter(|name| !is_there(name)).collect();
    if missing.is_empty() {
        return well("slurm", all.join(", "));
    }
    let fix = "run task-bg on a machine from which jobs are submitted, or put the programs of Slurm on PATH";
    fail("slurm", format!("not on PATH: {}", missing.join(", ")), fix)
}

fn partition(context: &Context, target: &Target) -> Finding {
    let (up, _) = match context.wiring.cluster.offers() {
        Ok(offers) => offers,
        Err(failure) => return warn("partition", failure.to_string(), "look at `sinfo`"),
    };
    let wanted = match target {
        Target::Slurm { partition: Some(partition) } => partition.split(',').collect(),
        Target::Slurm { partition: None } | Target::Local | Target::Ssh { .. } => Vec::new(),
    };
    let listed = up.join(", ");
    match wanted.iter().find(|name| !up.iter().any(|known| known == *name)) {
        Some(name) => {
            fail("partition", format!("{name} is not up"), format!("name one that is: {listed}"))
        }
        None if up.is_empty() => fail("partition", "none is up", "look at `sinfo`"),
        None => well("partition", format!("up: {listed}")),
    }
}

fn licences(context: &Context) -> Finding {
    let taken = context.settings.licences();
    if taken.is_empty() {
        return well(
            "licences",
            "no model takes one (`[slurm.licences]`), so nothing limits models across nodes",
        );
    }
    let known = context.wiring.cluster.offers().map(|(_, licences)| licences).unwrap_or_default();
    let unknown: Vec<&str> =
        taken.values().filter(|name| !known.contains(name)).map(String::as_str).collect();
    if unknown.is_empty() {
        return well("licences", taken.values().cloned().collect::<Vec<_>>().join(", "));
    }
    let fix = "correct `[slurm.licences]`, or ask whoever administers the cluster to add them (`Licenses=`)";
    fail("licences", format!("the cluster has none called {}", unknown.join(", ")), fix)
}

/// What of the cluster's settings makes a difference.
fn settings(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    let asked = "ask whoever administers the cluster; see docs/slurm-administration.md";
    let seconds = |name| config.seconds(name);
    findings.push(match seconds("KillWait") {
        Some(wait) if wait <= 10 => warn(
            "KillWait",
            format!("{wait} s: agents have half of that to end by themselves after scancel"),
            asked,
        ),
        wait => well("KillWait", format!("{} s", wait.unwrap_or(30))),
    });
    findings.push(match seconds("MinJobAge") {
        Some(age) if age < 60 => {
            warn("MinJobAge", format!("{age} s: Slurm forgets soon how jobs ended"), asked)
        }
        age => well("MinJobAge", format!("{} s", age.unwrap_or(300))),
    });
    let track = config.get("ProctrackType").unwrap_or("unknown");
    findings.push(if track.contains("cgroup") {
        well("ProctrackType", track)
    } else {
        let words = format!(
            "{track}: what leaves its parents may survive a job whose supervisor was killed"
        );
        warn("ProctrackType", words, asked)
    });
    let said = |name: &str| format!("{name} {}", config.get(name).unwrap_or("unknown"));
    let others = ["JobRequeue", "PrivateData", "SlurmdTimeout"].map(said).join(", ");
    findings.push(well("cluster", others));
    findings
}

/// What a node sees, by a task of its own.
async fn node(context: &Context, target: &Target) -> Vec<Finding> {
    let wiring = &context.wiring;
    let lock = wiring.dir.cluster_answer().with_file_name("doctor.lock");
    let held = File::create(&lock);
    let is_held = held.as_ref().is_ok_and(|file| file.try_lock().is_ok());
    let store = wiring.dir.root().to_string_lossy().into_owned();
    let words = ["sh", "-c", SCRIPT, &store, &lock.to_string_lossy()].map(ToOwned::to_owned);
    let before = wiring.clock.now();
    let said = Box::pin(asked(context, target, words.into())).await;
    drop(held);
    std::fs::remove_file(&lock).unwrap_or_default();
    let said = match said {
        Ok(said) => said,
        Err(failure) => {
            let fix = failure.hints.first().cloned();
            let fix =
                fix.unwrap_or_else(|| "see what `task-bg list` and `squeue` say of it".to_owned());
            return vec![fail("node", failure.sentence(), fix)];
        }
    };
    let value = |name: &str| {
        said.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).unwrap_or_default()
    };
    let host = value("host");
    let mut findings = vec![match value("store") {
        "writable" => well(
            "node",
            format!("{host} sees this store, runs this program, and its ending was read here"),
        ),
        _ => fail(
            "node",
            format!("{host} cannot write to the store"),
            "share its folder, under the same path",
        ),
    }];
    findings.push(match value("agent") {
        "none" => warn(
            "droid there",
            format!("{host} finds no droid"),
            "install it where every node finds it",
        ),
        path => well("droid there", path),
    });
    let home = environment::text("HOME").unwrap_or_default();
    findings.push(if value("home") == home {
        well("home there", home)
    } else {
        let words = format!("{} there, {home} here", value("home"));
        warn(
            "home there",
            words,
            "credentials below the home folder are found only where it is the same",
        )
    });
    let now = value("now").parse::<i64>().unwrap_or_default();
    let (begun, ended) =
        (before.as_micros() / 1_000_000, wiring.clock.now().as_micros() / 1_000_000);
    findings.push(if now + APART >= begun && now <= ended + APART {
        well("clocks", format!("less than {APART} s apart"))
    } else {
        let apart = (now - begun).abs();
        warn("clocks", format!("about {apart} s apart"), "have all hosts keep their time by NTP")
    });
    findings.push(match value("locks") {
        "seen" => well("locks", "what one host locks, the others see locked"),
        "apart" if is_held => {
            well("locks", "end at the border of a host, and nothing relies on them")
        }
        _ => well("locks", "could not be tried; nothing relies on them"),
    });
    let lag = wiring.jobs.lag().await.as_secs();
    findings.push(well(
        "lag",
        format!("a word of Slurm counts {lag} s after a job is over, as records may come late"),
    ));
    findings
}

/// What the words say on a node.
async fn asked(context: &Context, target: &Target, words: Vec<String>) -> Result<String, Failure> {
    let wanted = Wanted {
        description: "doctor: what a node sees".to_owned(),
        prompt: ordering::quoted(&words)?,
        work: Work::Command(words),
        on: Some(target.clone()),
        timeout: Some(PROBE),
        ..Wanted::default()
    };
    let ready = ordering::order(context, wanted).await?;
    let world = context.wiring.world();
    let once = Box::pin(ordering::launch(context, world.mint(), ready)).await?;
    let id = once.task().id().clone();
    let request = WaitRequest { ids: vec![id.clone()], until: Until::All, at_most: Some(PROBE) };
    Box::pin(wait(world, &request)).await?;
    let task = context.wiring.store.load(&id).await?;
    if task.status() == Status::Completed {
        return Ok(task.state().result().unwrap_or_default().to_owned());
    }
    let kind = crate::kit::failure::Kind::Unexpected;
    let failure = Failure::new(
        kind,
        format!("task {id} did not end well on a node: it is {}", task.status().word()),
    );
    Err(failure.hint(format!("`task-bg status {id}` says more; `task-bg cancel {id}` ends it")))
}
