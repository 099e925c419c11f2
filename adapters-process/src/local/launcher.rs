//! Starting a supervisor: a fresh copy of this program that owns one task from then on.
//!
//! The launcher holds the life lock, hands it over as the supervisor's standard input, and waits
//! for the one line in which the supervisor says how the start went. It never starts an agent
//! itself.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;

use async_trait::async_trait;
use domain::port::{Environment, Fault, LaunchFailure, Launcher, Seat};
use domain::task::{TaskId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{REMIND_VERB, SUPERVISE_VERB, SUPERVISOR_VARIABLE, TASK_ID_VARIABLE};

/// A life lock that is held, and gives itself up when it is dropped before it was handed over.
pub trait HeldLife: Send {
    /// The locked file, for the supervisor. From now on it is the supervisor's to give up.
    fn hand_over(self: Box<Self>) -> File;
}

/// Variables with their values.
pub type Variables = Vec<(OsString, OsString)>;

/// Where life locks and environments are kept.
pub trait Station: Send + Sync {
    /// Takes the life lock of a task.
    ///
    /// # Errors
    /// The system's, if somebody else holds it or it cannot be taken.
    fn claim(&self, id: &TaskId) -> io::Result<Box<dyn HeldLife>>;

    /// Keeps an environment for a task that is about to wait.
    ///
    /// # Errors
    /// The system's, if it cannot be kept.
    fn keep(&self, id: &TaskId, environment: &Variables) -> io::Result<()>;

    /// The environment kept for a task.
    ///
    /// # Errors
    /// The system's, if there is none that can be read.
    fn kept(&self, id: &TaskId) -> io::Result<Variables>;
}

/// Starts supervisors.
pub struct SupervisorLauncher {
    station: Box<dyn Station>,
    store: PathBuf,
    environment: Box<dyn Fn() -> Variables + Send + Sync>,
}

impl SupervisorLauncher {
    /// Starts supervisors for the store in the folder `store`; agents that do not wait start with
    /// the environment that `environment` gives.
    pub fn new(
        store: PathBuf,
        station: Box<dyn Station>,
        environment: impl Fn() -> Variables + Send + Sync + 'static,
    ) -> Self {
        Self { station, store, environment: Box::new(environment) }
    }
}

#[async_trait]
impl Launcher for SupervisorLauncher {
    async fn prepare(&self, id: &TaskId, whose: Environment) -> Result<Box<dyn Seat>, Fault> {
        let fault = |step: &str, error: &io::Error| Fault {
            step: format!("{step} {id}"),
            reason: error.to_string(),
        };
        let life =
            self.station.claim(id).map_err(|error| fault("taking the life lock of", &error))?;
        let environment = match whose {
            Environment::Callers => Ok((self.environment)()),
            // Told only when it is started: a task whose environment is lost has to end.
            Environment::Kept => self.station.kept(id),
        };
        Ok(Box::new(SupervisorSeat {
            id: id.clone(),
            store: self.store.clone(),
            environment,
            life,
        }))
    }

    async fn keep_environment(&self, id: &TaskId) -> Result<(), Fault> {
        self.station.keep(id, &(self.environment)()).map_err(|error| Fault {
            step: format!("keeping the environment of {id}"),
            reason: error.to_string(),
        })
    }

    async fn remind(&self, at: Timestamp) -> Result<(), Fault> {
        let micros = at.as_micros().to_string();
        let spawned = Command::new("/proc/self/exe")
            .arg0("task-bg")
            .arg(REMIND_VERB)
            .args([OsStr::new(&micros), self.store.as_os_str()])
            .env_remove(TASK_ID_VARIABLE)
            .env(SUPERVISOR_VARIABLE, REMIND_VERB)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        spawned.map(reap).map_err(|error| Fault {
            step: "starting the reminder".to_owned(),
            reason: error.to_string(),
        })
    }
}

struct SupervisorSeat {
    id: TaskId,
    store: PathBuf,
    environment: io::Result<Variables>,
    life: Box<dyn HeldLife>,
}

impl SupervisorSeat {
    /// Starts the supervisor, with its standard output going to `stdout`.
    fn spawn(self, stdout: Stdio) -> Result<Child, LaunchFailure> {
        let spawned = self.command(stdout)?.spawn();
        spawned.map_err(|error| LaunchFailure::Supervisor(error.to_string()))
    }

    /// How the supervisor is started, with its standard output going to `stdout`.
    fn command(self, stdout: Stdio) -> Result<Command, LaunchFailure> {
        let environment = self.environment.map_err(|error| {
            LaunchFailure::Supervisor(format!("its environment was lost: {error}"))
        })?;
        let arguments: [OsString; 3] =
            [SUPERVISE_VERB.into(), self.id.as_str().into(), self.store.into_os_string()];
        let mut command = Command::new("/proc/self/exe");
        command
            .arg0("task-bg")
            .args(arguments)
            .env_clear()
            .envs(environment)
            .env(SUPERVISOR_VARIABLE, self.id.as_str())
            .env_remove(TASK_ID_VARIABLE)
            .stdin(self.life.hand_over())
            .stdout(stdout)
            .stderr(Stdio::null());
        Ok(command)
    }
}

#[async_trait]
impl Seat for SupervisorSeat {
    async fn start(self: Box<Self>) -> Result<(), LaunchFailure> {
        let failed = |error: io::Error| LaunchFailure::Supervisor(error.to_string());
        let mut supervisor = self.spawn(Stdio::piped())?;
        let mut line = String::new();
        let stdout = supervisor.stdout.take();
        stdout.map_or(Ok(0), |mut stdout| stdout.read_to_string(&mut line)).map_err(failed)?;
        match serde_json::from_str(&line) {
            Ok(Handshake::Started) => {
                reap(supervisor);
                Ok(())
            }
            Ok(Handshake::NotFound { program }) => Err(LaunchFailure::NotFound { program }),
            Ok(Handshake::NotStarted { program, reason }) => {
                Err(LaunchFailure::NotStarted { program, reason })
            }
            Ok(Handshake::Failed { reason }) => Err(LaunchFailure::Supervisor(reason)),
            Err(_) => {
                let ended = supervisor.wait().map_err(failed)?;
                Err(LaunchFailure::Supervisor(format!("it ended without a word ({ended})")))
            }
        }
    }

    async fn begin(self: Box<Self>) -> Result<(), LaunchFailure> {
        reap(self.spawn(Stdio::null())?);
        Ok(())
    }

    async fn succeed(self: Box<Self>) -> LaunchFailure {
        match self.command(Stdio::null()) {
            Ok(mut command) => LaunchFailure::Supervisor(command.exec().to_string()),
            Err(failure) => failure,
        }
    }
}

/// Sees to it that a supervisor that ends before this process does is no zombie for long. Where no
/// thread can be had it is one, until this process ends.
fn reap(mut supervisor: Child) {
    let wait = move || drop(supervisor.wait());
    drop(thread::Builder::new().name("reaper".into()).stack_size(STACK).spawn(wait));
}

/// The stack of a thread that makes one system call, in bytes.
const STACK: usize = 64 << 10;

/// What a supervisor tells its launcher, once.
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Handshake {
    /// The agent runs, and that is recorded.
    Started,
    /// The agent's program is not to be found.
    NotFound { program: String },
    /// The agent's program does not start.
    NotStarted { program: String, reason: String },
    /// The supervisor did not get that far.
    Failed { reason: String },
}
