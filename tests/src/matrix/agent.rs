//! One real agent in a home of its own, which knows the scripted model and nothing else.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::process::wait_at_most;
use crate::sandbox::{Programs, Sandbox, executable, task_id};

/// How long anything that has to happen may take, on a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(90);

/// What differs from one agent to another.
pub(super) struct Kind {
    /// Its name, as a runner.
    pub(super) name: &'static str,
    /// The variable that says how it is started here.
    variable: &'static str,
    /// What its shell tool is called, and the key of the command.
    shell: (&'static str, &'static str),
    /// Whether it can go on in a copy of a session.
    pub(super) forks: bool,
    /// Whether it gives up within seconds on a model that answers with 429 or 500.
    pub(super) gives_up: bool,
    /// How it ends when somebody else terminates it.
    pub(super) terminated: &'static str,
    /// The options that it needs at this machine.
    options: &'static [&'static str],
}

/// All of them.
pub(super) const KINDS: [Kind; 4] = [
    Kind {
        name: "claude",
        variable: "REAL_CLAUDE",
        shell: ("Bash", "command"),
        forks: true,
        gives_up: true,
        terminated: "exit",
        options: &["--env", "CLAUDE_CODE_MAX_RETRIES=1"],
    },
    Kind {
        name: "codex",
        variable: "REAL_CODEX",
        shell: ("exec_command", "cmd"),
        forks: true,
        gives_up: true,
        terminated: "signal",
        options: &[],
    },
    Kind {
        name: "gemini",
        variable: "REAL_GEMINI",
        shell: ("run_shell_command", "command"),
        forks: false,
        gives_up: false,
        terminated: "no_result",
        options: &["--model", "gemini-2.5-flash"],
    },
    Kind {
        name: "opencode",
        variable: "REAL_OPENCODE",
        shell: ("bash", "command"),
        forks: true,
        gives_up: false,
        terminated: "signal",
        options: &[],
    },
];

impl Kind {
    /// The model that it needs at this machine.
    pub(super) fn model(&self) -> Option<&'static str> {
        let at = self.options.iter().position(|word| *word == "--model")?;
        self.options.get(at + 1).copied()
    }

    /// The words that start it, if it is here.
    fn start(&self) -> Option<String> {
        variable(self.variable)
    }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// One agent in a home of its own.
pub(super) struct Agent {
    /// Which.
    pub(super) kind: &'static Kind,
    sandbox: Sandbox,
    model_log: PathBuf,
}

impl Agent {
    /// The agent, if it is here.
    pub(super) fn new(kind: &'static Kind) -> Option<Self> {
        Self::among(kind, &[kind])
    }

    /// Whether droid is here, which is then in each home.
    pub(super) fn droid_is_here() -> bool {
        variable("REAL_DROID").is_some()
    }

    /// The agent in a home that it shares with others, if all of them are here.
    pub(super) fn among(kind: &'static Kind, all: &[&'static Kind]) -> Option<Self> {
        // Lives as long as the process.
        let program = |name: &str| variable(name).map(|path| &*path.leak());
        let programs = Programs {
            task_bg: program("TASK_BG_BIN")?,
            hook: program("TASK_BG_HOOK_BIN")?,
            droid: program("REAL_DROID").unwrap_or("/bin/false"),
        };
        let settings = Path::new(&variable("HOME")?).join(".factory/settings.json");
        let of_droid = fs::read_to_string(settings).ok()?;
        let settings: Value = serde_json::from_str(&of_droid).ok()?;
        let address = settings["customModels"][0]["baseUrl"].as_str()?.to_owned();
        let sandbox = Sandbox::new(programs)
            .with_env("ANTHROPIC_BASE_URL", &address)
            .with_env("ANTHROPIC_API_KEY", "not-a-key")
            .with_env("SCRIPTED_KEY", "not-a-key")
            .with_env("GEMINI_API_KEY", "not-a-key")
            .with_env("GOOGLE_GEMINI_BASE_URL", &address)
            .with_env("FACTORY_AIRGAP_ENABLED", "1")
            .with_env("OPENCODE_DISABLE_MODELS_FETCH", "1");
        for kind in all {
            let script = format!("#!/bin/sh\nexec {} \"$@\"\n", kind.start()?);
            executable(&sandbox.path("bin").join(kind.name), &script);
        }
        let agent = Self { kind, sandbox, model_log: variable("MODEL_LOG")?.into() };
        agent.set_up(&address, of_droid);
        Some(agent)
    }

    fn set_up(&self, address: &str, of_droid: String) {
        let put = |name: &str, text: String| {
            let file = self.sandbox.home().join(name);
            fs::create_dir_all(file.parent().expect("a folder")).expect("a folder in the home");
            fs::write(file, text).expect("a file in the home");
        };
        put(".factory/settings.json", of_droid);
        put(
            ".codex/config.toml",
            format!(
                "model = \"scripted\"\nmodel_provider = \"scripted\"\n[model_providers.scripted]\nname = \"scripted\"\n\
                 base_url = \"{address}/v1\"\nwire_api = \"responses\"\nenv_key = \"SCRIPTED_KEY\"\n"
            ),
        );
        let gemini = json!({
            "security": {"auth": {"selectedType": "gemini-api-key"}},
            "privacy": {"usageStatisticsEnabled": false},
            "general": {"enableAutoUpdate": false},
        });
        put(".gemini/settings.json", gemini.to_string());
        let provider = json!({
            "npm": "@ai-sdk/openai-compatible",
            "options": {"baseURL": format!("{address}/v1"), "apiKey": "not-a-key"},
            "models": {"scripted": {"limit": {"context": 100_000, "output": 4_000}}},
        });
        let opencode = json!({
            "model": "scripted/scripted",
            "small_model": "scripted/scripted",
            "provider": {"scripted": provider},
        });
        put(".config/opencode/opencode.json", opencode.to_string());
    }

    /// The home it lives in, and all that is around it.
    pub(super) const fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// Launches a task with this autonomy, and returns its id.
    pub(super) fn launch(&self, autonomy: &str, prompt: &str) -> String {
        let words = ["--runner", self.kind.name, "--autonomy", autonomy];
        self.sandbox.launch_with(words.iter().chain(self.kind.options).copied(), prompt)
    }

    /// Goes on in the session of a task.
    pub(super) fn resume(&self, id: &str, options: &[&str], prompt: &str) -> String {
        let words = [&["resume", id, prompt], options].concat();
        task_id(&self.sandbox.task_bg(words).ok().json())
    }

    /// The record of a task once it has ended.
    pub(super) fn ended(&self, id: &str) -> Value {
        let what = format!("the end of {id}");
        wait_at_most(PATIENCE, &what, || {
            let record = self.sandbox.record(id);
            let status = record["status"].as_str().unwrap_or_default();
            (!matches!(status, "running" | "queued")).then_some(record)
        })
    }

    /// Waits until a command of the agent has made a file in its folder.
    pub(super) fn until_made(&self, name: &str) {
        let file = self.sandbox.work().join(name);
        wait_at_most(PATIENCE, &format!("the file {name}"), || file.exists().then_some(()));
    }

    /// The steering words that make the model call the shell tool.
    pub(super) fn shell(&self, command: &str) -> String {
        let (tool, key) = self.kind.shell;
        let args = json!({key: command, "description": "x"});
        format!("TOOL:{tool} {args}\n")
    }

    /// What the model was asked since there were so many requests.
    pub(super) fn asked_since(&self, count: usize) -> Vec<String> {
        let log = fs::read_to_string(&self.model_log).unwrap_or_default();
        log.lines().skip(count).map(ToOwned::to_owned).collect()
    }
}
