//! One scenario's home around the real `droid`, and everything it may ask.
//!
//! A [`Stage`] is a sandbox whose `droid` is the real one and knows the scripted model from its settings. It remembers
//! every command and every task, so that a failure can show them and the end can prove that nothing is left running.
//! What it waits for is always something that happens, never an amount of time.

use std::cell::RefCell;
use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::process::{alive, comes_true, processes_of_task, wait_at_most};
use crate::run::{Ran, Run, Started};
use crate::sandbox::{Programs, Sandbox, task_id, text};

/// How long anything that has to happen may take, on a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(50);

/// How much of a long file a report shows, from its end.
const SHOWN: usize = 6_000;

/// What all scenarios share.
#[derive(Debug)]
pub(super) struct Arena {
    programs: Programs,
    /// What the scripted model was asked by all of them, one request a line.
    model_log: PathBuf,
    /// The settings with which `droid` finds the scripted model.
    settings: Value,
}

impl Arena {
    /// What `cargo xtask e2e` has prepared, or what of it is missing.
    pub(super) fn of_environment() -> Result<Self, String> {
        let variable = |name: &str| {
            let value = env::var(name).ok().filter(|value| !value.is_empty());
            value.ok_or_else(|| format!("`{name}` is not set"))
        };
        // Lives as long as the process, of which there is one for all scenarios.
        let program = |name: &str| variable(name).map(|path| &*path.leak());
        let programs = Programs {
            task_bg: program("TASK_BG_BIN")?,
            hook: program("TASK_BG_HOOK_BIN")?,
            droid: program("REAL_DROID")?,
        };
        let file = Path::new(&variable("HOME")?).join(".factory/settings.json");
        let settings = fs::read_to_string(&file).map_err(|error| error.to_string());
        let settings = settings.and_then(|settings| {
            serde_json::from_str(&settings).map_err(|error| error.to_string())
        });
        let settings =
            settings.map_err(|error| format!("reading `{}`: {error}", file.display()))?;
        Ok(Self { programs, model_log: variable("MODEL_LOG")?.into(), settings })
    }
}

/// The home of one scenario.
pub(super) struct Stage {
    sandbox: Sandbox,
    model_log: PathBuf,
    settings: Value,
    /// How long the model's log was before; what is older is none of this stage's business.
    model_log_from: u64,
    /// Every command and what it printed.
    said: RefCell<Vec<String>>,
    /// The ids of the tasks that were launched.
    tasks: RefCell<Vec<String>>,
}

impl Stage {
    /// A fresh home with the arena's programs and settings.
    pub(super) fn new(arena: &Arena) -> Self {
        let stage = Self {
            sandbox: Sandbox::new(arena.programs),
            model_log: arena.model_log.clone(),
            model_log_from: arena.model_log.metadata().map_or(0, |log| log.len()),
            settings: arena.settings.clone(),
            said: RefCell::default(),
            tasks: RefCell::default(),
        };
        stage.set_up_droid(|_| {});
        stage
    }

    /// Writes droid's settings after a change to those with which it finds the scripted model.
    pub(super) fn set_up_droid(&self, change: impl FnOnce(&mut Value)) {
        let mut settings = self.settings.clone();
        change(&mut settings);
        let folder = self.sandbox.home().join(".factory");
        fs::create_dir_all(&folder).expect("a folder in the sandbox");
        fs::write(folder.join("settings.json"), settings.to_string()).expect("a file in it");
    }

    /// What droid's settings are by now.
    pub(super) fn droid_settings(&self) -> Value {
        let file = self.sandbox.home().join(".factory/settings.json");
        let settings = fs::read_to_string(&file).expect("droid's settings");
        serde_json::from_str(&settings).unwrap_or_else(|error| panic!("{error}: {settings}"))
    }

    /// A path that a prompt can mention.
    pub(super) fn path(&self, name: &str) -> String {
        text(&self.sandbox.path(name))
    }

    /// The folder that agents work in.
    pub(super) fn work(&self) -> PathBuf {
        self.sandbox.work()
    }

    /// Makes the file that a model or a tool call waits for.
    pub(super) fn open_gate(&self, name: &str) {
        self.sandbox.open_gate(name);
    }

    /// Runs `task-bg` to its end, which has to be this exit code.
    pub(super) fn code<A: Into<OsString>>(
        &self,
        code: i32,
        arguments: impl IntoIterator<Item = A>,
    ) -> Ran {
        self.heard(self.task_bg(arguments).run()).code_is(code)
    }

    /// Runs `task-bg`, which has to succeed, and returns its answer.
    pub(super) fn ok<A: Into<OsString>>(&self, arguments: impl IntoIterator<Item = A>) -> Value {
        self.code(0, arguments).json()
    }

    /// Runs a shell script in which all programs are on the search path, and which has to succeed.
    pub(super) fn shell(&self, script: &str) -> Ran {
        // Without it, droid looks for its maker on the network, for seconds.
        self.heard(self.sandbox.shell(script).env("FACTORY_AIRGAP_ENABLED", "1").run()).ok()
    }

    /// Starts `task-bg`, which may block; its end goes to [`Stage::heard`].
    pub(super) fn start<A: Into<OsString>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
    ) -> Started {
        self.task_bg(arguments).start()
    }

    /// Remembers what came of a command.
    pub(super) fn heard(&self, ran: Ran) -> Ran {
        self.said.borrow_mut().push(ran.to_string());
        ran
    }

    /// Launches an agent with this prompt, and returns what `launch` printed and the task's id.
    pub(super) fn launch<A: Into<OsString>>(
        &self,
        prompt: &str,
        options: impl IntoIterator<Item = A>,
    ) -> (Ran, String) {
        let words = ["launch", "a real agent", "--prompt-file", "-"].map(OsString::from);
        let words = words.into_iter().chain(options.into_iter().map(Into::into));
        let ran = self.heard(self.task_bg(words).stdin(prompt).run()).ok();
        let id = self.note_task(&ran.json());
        (ran, id)
    }

    /// The id in the answer of a launch, which is remembered.
    pub(super) fn note_task(&self, answer: &Value) -> String {
        let id = task_id(answer);
        self.tasks.borrow_mut().push(id.clone());
        id
    }

    /// Launches an agent with this prompt and no option.
    pub(super) fn launched(&self, prompt: &str) -> String {
        self.launch(prompt, [] as [&str; 0]).1
    }

    /// What `status` says now.
    pub(super) fn status(&self, id: &str) -> Value {
        self.ok(["status", id])
    }

    /// What `status` says once it is to be expected that it `fits`.
    pub(super) fn status_once(&self, id: &str, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        // Looking at the file costs less than asking over and over, and says the same. What has ended changes no more.
        until(&format!("a record of {id} with {what}"), || {
            let record = self.sandbox.record(id);
            fits(&record) || !record["completed_at"].is_null()
        });
        let status = self.status(id);
        assert!(fits(&status), "`status` does not show {what}: {status:#}");
        status
    }

    /// Waits for the end of a task with `task-bg wait`, whose exit code has to be this one, and returns its record.
    pub(super) fn ended(&self, id: &str, code: i32) -> Value {
        self.code(code, ["wait", "--timeout", "50", id]).done();
        self.sandbox.record(id)
    }

    /// What the model has been asked by agents of this stage.
    ///
    /// They are told apart by their folder, which `droid` mentions in every request.
    pub(super) fn requests(&self) -> Vec<Value> {
        let mut log = Vec::new();
        if let Ok(mut file) = File::open(&self.model_log) {
            // What cannot be read is asked for again by whoever waits for it.
            drop(file.seek(SeekFrom::Start(self.model_log_from)));
            drop(file.read_to_end(&mut log));
        }
        let (log, folder) = (String::from_utf8_lossy(&log), text(&self.work()));
        let ours = log.lines().filter(|line| line.contains(&folder));
        // The last line may still be on its way.
        ours.filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Waits until the model has been asked so many times by agents of this stage: then they wait for its answer.
    pub(super) fn until_asked(&self, times: usize) {
        until(&format!("{times} requests to the model"), || self.requests().len() >= times);
    }

    /// The number that a tool call wrote to a file, once it has.
    pub(super) fn pid_in(&self, name: &str) -> u32 {
        self.sandbox.pid_in(name)
    }

    /// Holds that of every task and of the whole home nothing runs or is about to.
    pub(super) fn assert_nothing_is_left(&self) {
        for id in self.tasks.borrow().iter() {
            if !comes_true(|| processes_of_task(id).is_empty()) {
                let left = processes_of_task(id);
                let lines = left.iter().map(|seen| format!("{} {}", seen.pid, seen.command_line));
                panic!("still running of {id}:\n{}", lines.collect::<Vec<_>>().join("\n"));
            }
        }
        self.sandbox.assert_nothing_left();
        let active = self.sandbox.active();
        assert!(active.is_empty(), "still in the index of what has not ended: {active:?}");
    }

    /// All that was done here: the commands, and of each task the record, the log and the events.
    pub(super) fn report(&self) -> String {
        let mut parts = self.said.borrow().clone();
        for id in self.tasks.borrow().iter() {
            for kind in ["json", "out", "events.jsonl"] {
                let name = format!("{id}.{kind}");
                let bytes = fs::read(self.sandbox.store().join(&name)).unwrap_or_default();
                parts.push(format!("--- {name} ---\n{}", end_of(&String::from_utf8_lossy(&bytes))));
            }
            let left = processes_of_task(id);
            let left = left.iter().map(|seen| format!("{} {}\n", seen.pid, seen.command_line));
            parts.push(format!("--- processes of {id} ---\n{}", left.collect::<String>()));
        }
        parts.join("\n\n")
    }

    fn task_bg<A: Into<OsString>>(&self, arguments: impl IntoIterator<Item = A>) -> Run {
        // Without it, droid looks for its maker on the network, for seconds.
        self.sandbox.task_bg(arguments).env("FACTORY_AIRGAP_ENABLED", "1")
    }
}

/// Waits until something holds.
pub(super) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    wait_at_most(PATIENCE, what, || holds().then_some(()));
}

/// Waits until a process is gone.
pub(super) fn until_gone(pid: u32) {
    until(&format!("the end of process {pid}"), || !alive(pid));
}

/// The last part of a text.
fn end_of(text: &str) -> &str {
    let from = text.len().saturating_sub(SHOWN);
    let start = (from..=text.len()).find(|at| text.is_char_boundary(*at));
    &text[start.unwrap_or_default()..]
}

/// The number of a process that a record names under `progress`.
pub(super) fn process_of(record: &Value, key: &str) -> u32 {
    let pid = record["progress"][key]["pid"].as_u64().and_then(|pid| pid.try_into().ok());
    pid.unwrap_or_else(|| panic!("no process `{key}` in {record:#}"))
}

/// Holds that a task ended as an error for this reason, and returns its message.
#[track_caller]
pub(super) fn error_of<'a>(record: &'a Value, reason: &str) -> &'a str {
    assert_eq!(record["status"], "error", "{record:#}");
    assert_eq!(record["progress"]["reason"], reason, "{record:#}");
    record["error"].as_str().unwrap_or_default()
}

/// Holds that a task completed, as `status` or `wait` tells it, with this text.
#[track_caller]
pub(super) fn assert_completed(record: &Value, text: &str) {
    assert_eq!(record["status"], "completed", "{record:#}");
    assert_eq!(record["result"], text, "{record:#}");
}
