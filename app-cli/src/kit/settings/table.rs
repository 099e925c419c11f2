//! Every setting and variable in one table, from which the documents are generated.
//!
//! The table has the names of a setting and its meaning, never its value.

use super::environment;

/// One setting, or one variable that is no setting.
pub(crate) struct Setting {
    /// The variable, if there is one.
    pub(crate) variable: Option<&'static str>,
    /// The key in the settings file, if there is one.
    pub(crate) key: Option<&'static str>,
    /// The default, as the documents write it.
    default: &'static str,
    meaning: &'static str,
}

/// How answers look.
pub(crate) const FORMAT: Setting = Setting {
    variable: Some("TASK_BG_FORMAT"),
    key: Some("format"),
    default: "`table` on a terminal, else `json`",
    meaning: "how to answer, where no flag says so: `json`, `ndjson`, `table` or `markdown`",
};

/// The droid program.
pub(crate) const DROID: Setting = Setting {
    variable: Some("TASK_BG_DROID"),
    key: Some("droid"),
    default: "`droid`",
    meaning: "the droid program, by name or path",
};

/// The agent that works.
pub(crate) const RUNNER: Setting = Setting {
    variable: Some("TASK_BG_RUNNER"),
    key: Some("runner"),
    default: "`droid`",
    meaning: "the agent that works where an order names none; `task-bg runners` lists them",
};

/// Where tasks run.
pub(crate) const ON: Setting = Setting {
    variable: Some("TASK_BG_ON"),
    key: Some("on"),
    default: "`local`",
    meaning: "where a task runs that does not say so: `local`, `slurm`, `slurm:PARTITION` or `ssh:HOST`",
};

/// How many run at once.
pub(crate) const MAX_RUNNING: Setting = Setting {
    variable: Some("TASK_BG_MAX_RUNNING"),
    key: Some("max_running"),
    default: "10",
    meaning: "how many tasks run at once; the others wait",
};

/// How many of a group run at once.
pub(crate) const LIMITS: Setting = Setting {
    variable: None,
    key: Some("limits"),
    default: "none",
    meaning: "a table: how many tasks of a droid, or of `\"model:NAME\"`, run at once; tasks made by `run` are of the droid `command`",
};

/// Agents of somebody's own.
pub(crate) const RUNNERS: Setting = Setting {
    variable: None,
    key: Some("runners"),
    default: "none",
    meaning: "tables `[runners.NAME]`: how another agent is started, or another program for one that is known; see docs/runners.md",
};

/// Licences of a cluster.
pub(crate) const SLURM: Setting = Setting {
    variable: None,
    key: Some("slurm"),
    default: "none",
    meaning: "a table `[slurm.licences]`: which licence of the cluster a task of a droid, or of `\"model:NAME\"`, takes one of; see docs/slurm.md",
};

/// How long a task may run.
pub(crate) const TTL: Setting = Setting {
    variable: Some("TASK_BG_TTL"),
    key: Some("ttl"),
    default: "`30m`",
    meaning: "how long a task without a time limit may run before `prune` ends it; `0`: without limit",
};

/// How long a task may be silent.
pub(crate) const STALE: Setting = Setting {
    variable: Some("TASK_BG_STALE"),
    key: Some("stale"),
    default: "`5m`",
    meaning: "half of how long a task may be silent before `prune` ends it; `0`: for ever",
};

/// How large a log may grow.
pub(crate) const MAX_LOG: Setting = Setting {
    variable: Some("TASK_BG_MAX_LOG"),
    key: Some("max_log"),
    default: "`256MiB`",
    meaning: "how much of the disk each log of a task may take: the middle of a larger one is given back, and named as a gap; `0`: all",
};

/// How much the logs of ended tasks may take before that is said.
pub(crate) const ENDED_LOGS: Setting = Setting {
    variable: Some("TASK_BG_ENDED_LOGS"),
    key: Some("ended_logs"),
    default: "`4GiB`",
    meaning: "how much of the disk the logs of all ended tasks may take before `list` and `doctor` say so; `0`: any amount",
};

/// How long ended tasks are kept.
pub(crate) const KEEP_ENDED: Setting = Setting {
    variable: Some("TASK_BG_KEEP_ENDED"),
    key: Some("keep_ended"),
    default: "`0`",
    meaning: "how long an ended task is kept that somebody has collected, before a supervisor that ends removes it as `cleanup --delete` would; `0`: for ever",
};

/// What is run when a task has ended.
pub(crate) const NOTIFY: Setting = Setting {
    variable: Some("TASK_BG_NOTIFY"),
    key: Some("notify"),
    default: "nothing",
    meaning: "what is run once when a task has ended whose order names nothing else: a line for the shell, or `desktop`; see docs/notify.md",
};

/// What a settings file may hold.
pub(crate) const IN_FILE: [&Setting; 14] = [
    &FORMAT,
    &DROID,
    &RUNNER,
    &ON,
    &MAX_RUNNING,
    &LIMITS,
    &RUNNERS,
    &TTL,
    &STALE,
    &MAX_LOG,
    &ENDED_LOGS,
    &KEEP_ENDED,
    &NOTIFY,
    &SLURM,
];

const fn variable(name: &'static str, default: &'static str, meaning: &'static str) -> Setting {
    Setting { variable: Some(name), key: None, default, meaning }
}

/// The variables that are no settings.
const VARIABLES: [Setting; 10] = [
    variable(
        environment::DIR,
        "`~/.factory/.omd/background-tasks`",
        "the store's folder, as an absolute path",
    ),
    variable(
        environment::ANY_OWNER,
        "",
        "if it is `1`, a store may belong to another user; else every verb over tasks refuses one, root's too",
    ),
    variable(
        environment::CGROUPS,
        "",
        "if it is `off`, a task gets no control group of its own, also where one could be made",
    ),
    variable(
        environment::PARENT_SESSION,
        "",
        "the session that launches tasks, where no argument names it",
    ),
    variable(
        environment::HOME_OVERRIDE,
        "",
        "takes the place of the home folder, as it does for droid",
    ),
    variable(
        environment::AIRGAP,
        "",
        "droid's own: it is kept from its service, so `resume` goes on in a copy of the session",
    ),
    variable(
        "CLAUDE_ENV_FILE",
        "",
        "read by the hook where its input does not name it: the file through which an agent's shell gets its variables",
    ),
    variable("NO_COLOR", "", "if set, answers have no colour"),
    variable(adapters_process::TASK_ID_VARIABLE, "", "set for a task's processes: the task's id"),
    variable(
        adapters_process::DEPTH_VARIABLE,
        "",
        "set for a task's processes: how many tasks deep they are",
    ),
];

/// What a variable means; `None` for one that is in no table.
pub(crate) fn meaning(variable: &str) -> Option<&'static str> {
    let mut all = IN_FILE.into_iter().chain(&VARIABLES);
    all.find(|row| row.variable == Some(variable)).map(|row| row.meaning)
}

/// The table as Markdown.
pub(crate) fn markdown() -> String {
    let quoted = |name: Option<&str>| name.map_or(String::new(), |name| format!("`{name}`"));
    let rows = IN_FILE.into_iter().chain(&VARIABLES).map(|row| {
        let (variable, key) = (quoted(row.variable), quoted(row.key));
        format!("| {variable} | {key} | {} | {} |\n", row.default, row.meaning)
    });
    let head = "| variable | key | default | meaning |\n|---|---|---|---|\n";
    format!("{head}{}", rows.collect::<String>())
}
