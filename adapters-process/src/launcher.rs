//! Starting a supervisor: a fresh copy of this program that owns one task from then on.
//!
//! The launcher holds the life lock, hands it over as the supervisor's standard input, and waits
//! for the one line in which the supervisor says how the start went. It never starts an agent
//! itself.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use async_trait::async_trait;
use domain::port::{Fault, LaunchFailure, Launcher, Seat};
use domain::task::TaskId;
use serde::{Deserialize, Serialize};

use crate::{SUPERVISE_VERB, SUPERVISOR_VARIABLE, TASK_ID_VARIABLE};

/// A life lock that is held, and gives itself up when it is dropped before it was handed over.
pub trait HeldLife: Send {
    /// The locked file, for the supervisor. From now on it is the supervisor's to give up.
    fn hand_over(self: Box<Self>) -> File;
}

/// Takes the life lock of a task.
pub type ClaimLife = dyn Fn(&TaskId) -> io::Result<Box<dyn HeldLife>> + Send + Sync;

/// Starts supervisors.
pub struct SupervisorLauncher {
    claim: Box<ClaimLife>,
    store: PathBuf,
    variables: Vec<(OsString, OsString)>,
}

impl SupervisorLauncher {
    /// Starts supervisors for the store in the folder `store`, whose life locks `claim` takes.
    pub fn new(
        store: PathBuf,
        claim: impl Fn(&TaskId) -> io::Result<Box<dyn HeldLife>> + Send + Sync + 'static,
    ) -> Self {
        Self { claim: Box::new(claim), store, variables: Vec::new() }
    }

    /// The same, with these variables added to the environment of the agents.
    #[must_use]
    pub fn with_variables(mut self, variables: Vec<(OsString, OsString)>) -> Self {
        self.variables = variables;
        self
    }
}

#[async_trait]
impl Launcher for SupervisorLauncher {
    async fn prepare(&self, id: &TaskId) -> Result<Box<dyn Seat>, Fault> {
        let life = (self.claim)(id).map_err(|error| Fault {
            step: format!("taking the life lock of {id}"),
            reason: error.to_string(),
        })?;
        Ok(Box::new(SupervisorSeat {
            id: id.clone(),
            store: self.store.clone(),
            variables: self.variables.clone(),
            life,
        }))
    }
}

struct SupervisorSeat {
    id: TaskId,
    store: PathBuf,
    variables: Vec<(OsString, OsString)>,
    life: Box<dyn HeldLife>,
}

#[async_trait]
impl Seat for SupervisorSeat {
    async fn start(self: Box<Self>) -> Result<(), LaunchFailure> {
        let failed = |error: io::Error| LaunchFailure::Supervisor(error.to_string());
        let arguments: [OsString; 3] =
            [SUPERVISE_VERB.into(), self.id.as_str().into(), self.store.into_os_string()];
        let mut supervisor = Command::new("/proc/self/exe")
            .arg0("task-bg")
            .args(arguments)
            .envs(self.variables)
            .env(SUPERVISOR_VARIABLE, self.id.as_str())
            .env_remove(TASK_ID_VARIABLE)
            .stdin(self.life.hand_over())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed)?;
        let mut line = String::new();
        let stdout = supervisor.stdout.take();
        stdout.map_or(Ok(0), |mut stdout| stdout.read_to_string(&mut line)).map_err(failed)?;
        match serde_json::from_str(&line) {
            Ok(Handshake::Started) => Ok(()),
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
}

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
