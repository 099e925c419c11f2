//! Slurm as a cluster: its programs `sbatch`, `squeue`, `scancel`, `scontrol` and `sinfo`, each with a time limit.
//!
//! Every program starts from an emptied environment with the few variables that it needs, so that none of this process's
//! gets into a job, and none of the user's settings for these programs (`SBATCH_…`, `SQUEUE_FORMAT`) changes what they
//! say. Nothing here knows a record. Main type: [`Slurm`].

mod answer;
mod asking;
pub mod option;
mod submitting;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::port::cluster::{Age, Cluster, ClusterFailure, Jobs, Named, Submission, Submitted};
use domain::task::{TaskId, Timestamp};

use asking::{Said, ask};

/// How long a question may take. An unreachable controller answers after 4 to 8 seconds.
const QUESTION: Duration = Duration::from_secs(15);
/// For how long those that wait do not ask again a controller that did not answer, which takes seconds to find out.
const SILENT: Duration = Duration::from_secs(20);
/// How long handing a job over may take.
const HANDING_OVER: Duration = Duration::from_secs(40);

/// The cluster that the programs of Slurm on `PATH` lead to.
#[derive(Debug)]
pub struct Slurm {
    /// Reads the variables its programs start with. No supervisor keeps a copy of them that its task does not need.
    variables: fn() -> Vec<(OsString, OsString)>,
    /// Which licence a task of a group takes.
    licences: BTreeMap<String, String>,
    /// The answer that was had last.
    last: Latest<Jobs>,
    /// The nodes that answered when it was asked last.
    nodes: Latest<Arc<BTreeSet<String>>>,
    /// Where processes of this user share what was answered; see [`Slurm::sharing`].
    shared: Option<PathBuf>,
}

/// The variables that the programs of Slurm need; whoever reads the environment hands them over.
pub const VARIABLES: [&str; 7] =
    ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "SLURM_CONF", "SLURM_CONF_SERVER"];

/// What `scontrol show config` says that matters to us.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// All of it, by name.
    values: Vec<(String, String)>,
}

impl Config {
    /// The value with this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The value with this name, as seconds.
    pub fn seconds(&self, name: &str) -> Option<u64> {
        self.get(name)?.split_whitespace().next()?.parse().ok()
    }
}

impl Slurm {
    /// The cluster, whose programs start with these variables. Asks nothing.
    pub fn new(variables: fn() -> Vec<(OsString, OsString)>) -> Self {
        let licences = BTreeMap::new();
        let (last, nodes) = (Mutex::new(None), Mutex::new(None));
        Self { variables, licences, last, nodes, shared: None }
    }

    /// The same, where a task of a group, as `model:x`, takes one licence of this name.
    #[must_use]
    pub fn taking(self, licences: BTreeMap<String, String>) -> Self {
        Self { licences, ..self }
    }

    /// The same, sharing its answers with other processes through this file.
    #[must_use]
    pub fn sharing(self, file: PathBuf) -> Self {
        Self { shared: Some(file), ..self }
    }

    fn ask(&self, program: &str, words: &[&str], limit: Duration) -> Result<Said, ClusterFailure> {
        ask(&(self.variables)(), program, words, "", limit)
    }

    /// What `scontrol show config` says.
    ///
    /// # Errors
    /// [`ClusterFailure`] if it says nothing.
    pub fn config(&self, limit: Duration) -> Result<Config, ClusterFailure> {
        let said = self.ask("scontrol", &["show", "config"], limit)?.or_refused()?;
        Ok(Config { values: answer::config(&said) })
    }

    /// The partitions that are up, and the licences that there are.
    ///
    /// # Errors
    /// [`ClusterFailure`] if there is no answer.
    pub fn offers(&self) -> Result<(Vec<String>, Vec<String>), ClusterFailure> {
        let up = self.ask("sinfo", &["-h", "-o", "%R|%a"], QUESTION)?.or_refused()?;
        let licences = self.ask("scontrol", &["show", "licenses", "-o"], QUESTION)?.or_refused()?;
        Ok((answer::partitions(&up), answer::licences(&licences)))
    }

    /// Signals the job of this number, if it still has this name: numbers are given out again.
    fn scancel(&self, words: &[&str], job: Named<'_>) -> Result<(), ClusterFailure> {
        let name = format!("--name={}", job.task);
        let words = [words, &[name.as_str(), job.id]].concat();
        self.ask("scancel", &words, QUESTION)?.or_refused().map(drop)
    }

    fn ask_jobs(&self) -> Result<String, ClusterFailure> {
        let words = ["-h", "-r", "-t", "all", "--me", "-o", answer::FORMAT];
        self.ask("squeue", &words, QUESTION)?.or_refused()
    }
}

#[async_trait]
impl Cluster for Slurm {
    async fn submit(&self, job: &Submission) -> Result<Submitted, ClusterFailure> {
        let words = submitting::words(job, &self.licences);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let said = ask(&(self.variables)(), "sbatch", &words, &job.script, HANDING_OVER);
        // Whatever was known does not have this one.
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let said = match said {
            Err(ClusterFailure::Unreachable(words)) => return Err(ClusterFailure::Lost(words)),
            said => said?,
        };
        if said.well {
            return answer::submitted(&said.out).ok_or_else(|| {
                ClusterFailure::Lost(format!("`sbatch` said `{}`", said.out.trim()))
            });
        }
        // The controller may have taken a job whose sender it did not answer in time.
        let failure = said.failure();
        Err(match failure {
            ClusterFailure::Unreachable(words) if words.contains("timed out") => {
                ClusterFailure::Lost(words)
            }
            failure @ (ClusterFailure::Absent { .. }
            | ClusterFailure::Unreachable(_)
            | ClusterFailure::Refused(_)
            | ClusterFailure::Lost(_)) => failure,
        })
    }

    async fn jobs(&self, age: Age) -> Result<Jobs, ClusterFailure> {
        latest(&self.last, age, || {
            let (said, asked_at) = match (&self.shared, age) {
                (Some(file), Age::Shared(at_most)) => {
                    asking::shared(file, at_most, || self.ask_jobs())?
                }
                (None, _) | (_, Age::Own(_)) => (self.ask_jobs()?, now()),
            };
            Ok(Jobs { known: Arc::new(answer::jobs(&said)), asked_at })
        })
    }

    async fn answers(&self, node: &str, age: Age) -> Result<bool, ClusterFailure> {
        let nodes = latest(&self.nodes, age, || {
            let words = ["-a", "-h", "-N", "-o", "%N|%T"];
            let ask = || self.ask("sinfo", &words, QUESTION)?.or_refused();
            let file = self.shared.as_ref().map(|file| file.with_extension("nodes"));
            let said = match (file, age) {
                (Some(file), Age::Shared(at_most)) => asking::shared(&file, at_most, ask)?.0,
                (None, _) | (_, Age::Own(_)) => ask()?,
            };
            Ok(Arc::new(answer::answering(&said)))
        });
        Ok(nodes?.contains(node))
    }

    async fn exit_code(&self, job: Named<'_>) -> Option<String> {
        let said = self.ask("scontrol", &["show", "job", "-o", job.id], QUESTION).ok()?;
        answer::value(&said.out, "JobName").filter(|name| name == job.task.as_str())?;
        answer::value(&said.out, "ExitCode")
    }

    async fn ask_to_stop(&self, job: Named<'_>) -> Result<(), ClusterFailure> {
        self.scancel(&["--batch", "--signal=TERM"], job)
    }

    async fn end(&self, job: Named<'_>) -> Result<(), ClusterFailure> {
        self.scancel(&[], job)
    }

    async fn release(&self, task: &TaskId) -> Result<(), ClusterFailure> {
        // By its name it would pass for released where there is no such job.
        let jobs = self.jobs(Age::Own(Duration::ZERO)).await?;
        let Some(seen) = jobs.known.get(task) else {
            return Err(ClusterFailure::Refused(format!("it knows no job called {task}")));
        };
        self.ask("scontrol", &["release", &seen.id], QUESTION)?.or_refused().map(drop)
    }
}

/// What was answered last, and when; or that there was no answer, which takes seconds to find out.
type Latest<T> = Mutex<Option<(Instant, Result<T, ClusterFailure>)>>;

/// What was answered last, if it is no older than that; else what is answered now.
fn latest<T: Clone>(
    latest: &Latest<T>,
    age: Age,
    ask: impl FnOnce() -> Result<T, ClusterFailure>,
) -> Result<T, ClusterFailure> {
    let mut latest = latest.lock().unwrap_or_else(PoisonError::into_inner);
    let at_most = |answer: &Result<T, ClusterFailure>| match age {
        Age::Shared(at_most) if answer.is_err() => at_most.max(SILENT),
        Age::Shared(at_most) | Age::Own(at_most) => at_most,
    };
    let is_young = |(asked, answer): &&(Instant, _)| asked.elapsed() <= at_most(answer);
    if let Some((_, answer)) = latest.as_ref().filter(is_young) {
        return answer.clone();
    }
    let answer = ask();
    *latest = Some((Instant::now(), answer.clone()));
    answer
}

fn now() -> Timestamp {
    use domain::port::Clock as _;
    crate::clock::SystemClock.now()
}
