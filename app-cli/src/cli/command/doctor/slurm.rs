//! What `doctor --on slurm` says: whether the programs are here, and the controller answers and is set as it should be.
//! What a node sees is in [`super::node`].

use std::time::Duration;

use adapters_process::slurm::Config;
use domain::task::Target;

use super::node::node;
use super::{fail, warn, well};
use crate::cli::view::doctor::Finding;
use crate::kit::context::Context;
use crate::kit::environment;

/// How long the controller may take to answer.
const QUESTION: Duration = Duration::from_secs(15);
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
