//! What the verbs that look after the installation answer.

use schemars::JsonSchema;
use serde_json::Value;

/// The droids that a task can be given to.
#[derive(JsonSchema)]
pub(super) struct Droids {
    /// A droid each.
    droids: Vec<Droid>,
    /// Definitions that cannot be read.
    unreadable: Vec<UnreadableDroid>,
}

/// A droid.
#[derive(JsonSchema)]
struct Droid {
    /// Its name.
    name: String,
    /// What it is for.
    description: Option<String>,
    /// Its model.
    model: Option<String>,
    /// What its tasks may do, where it says so.
    autonomy: Option<String>,
    /// `project`, `user`, `plugin:ID` or `builtin`.
    source: String,
    /// Its file.
    path: Option<String>,
    /// The definitions of that name which it hides.
    shadows: Vec<String>,
}

/// A definition that cannot be read.
#[derive(JsonSchema)]
struct UnreadableDroid {
    /// The file.
    file: String,
    /// Whose it is.
    source: String,
    /// Why.
    reason: String,
}

/// The other machines that tasks are given to.
#[derive(JsonSchema)]
pub(super) struct Hosts {
    /// A machine each; after `add` that one.
    hosts: Vec<Host>,
    /// What was done, of `add` and `remove`.
    done: Option<String>,
}

/// Another machine.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct Host {
    /// What stands after `ssh:`.
    host: String,
    /// Whether it answers.
    reachable: bool,
    /// The version of task-bg that it has.
    version: Option<String>,
    /// Whether that is the one of the program that answers.
    same_version: bool,
    /// What is wrong, and what can be done.
    note: Option<String>,
}

/// The agents that can work.
#[derive(JsonSchema)]
pub(super) struct Runners {
    /// An agent each.
    runners: Vec<Runner>,
}

/// An agent.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the answer")]
struct Runner {
    /// Its name.
    name: String,
    /// Whether it works where an order names none.
    default: bool,
    /// Its program.
    program: String,
    /// Where that is.
    path: Option<String>,
    /// Which version.
    version: Option<String>,
    /// Whether it can go on in a session.
    resume: bool,
    /// Whether it can go on in a copy of a session.
    fork: bool,
    /// The levels of autonomy that it can be held to.
    levels: Value,
    /// Whether it prints events.
    stream: bool,
    /// Whether its session can be chosen.
    chosen_session: bool,
    /// What is wrong with its program.
    missing: Option<String>,
    /// What has to be said of it.
    warning: Option<String>,
}

/// What keeps task-bg from working.
#[derive(JsonSchema)]
pub(super) struct Doctor {
    /// Whether nothing does.
    ok: bool,
    /// What was looked at.
    findings: Vec<Finding>,
}

/// Something that was looked at.
#[derive(JsonSchema)]
struct Finding {
    /// What.
    check: String,
    /// How it is.
    status: Health,
    /// In words.
    detail: String,
    /// What can be done.
    fix: Option<String>,
}

/// How something is.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
enum Health {
    Ok,
    Warn,
    Fail,
}

/// The settings, and where each comes from.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(super) struct Config {
    /// The settings file.
    file: String,
    /// Whether it is there.
    file_found: bool,
    /// A setting each.
    settings: Vec<Setting>,
    /// Settings that contradict each other.
    contradictions: Vec<String>,
}

/// A setting.
#[derive(JsonSchema)]
struct Setting {
    /// Its name.
    name: String,
    /// What holds.
    value: Value,
    /// Who says so.
    source: String,
}

/// Whether the hook is registered: the answer of `hooks status`.
#[derive(JsonSchema)]
pub(super) struct HooksStatus {
    /// Whether at every event.
    registered: bool,
    /// Events at which what is registered works.
    working: Vec<String>,
    /// Events at which it is not.
    missing: Vec<String>,
    /// The files that were looked at.
    files: Vec<Value>,
}

/// What a settings file would have: the answer of `hooks print`.
#[derive(JsonSchema)]
pub(super) struct HooksPrinted {
    /// The file it belongs into.
    file: String,
    /// How that file names events: `wrapped`, `flat` or `plugin`.
    form: String,
    /// The text.
    snippet: String,
}

/// What was changed in settings: the answer of `hooks install` and `hooks uninstall`.
#[derive(JsonSchema)]
pub(super) struct HooksChanged {
    /// A file each.
    changed: Vec<Change>,
    /// The command that is registered.
    command: Option<String>,
    /// Events at which what is registered works.
    working: Vec<String>,
    /// What keeps it from working.
    findings: Vec<Value>,
}

/// A file that was changed.
#[derive(JsonSchema)]
struct Change {
    /// The file.
    file: String,
    /// What was done to it.
    done: String,
    /// At which events.
    events: Vec<String>,
    /// The file as it was.
    backup: Option<String>,
}

/// Whether the server of tools is registered: the answer of `mcp install`, `uninstall` and `status`.
#[derive(JsonSchema)]
pub(super) struct Registered {
    /// The file that the agent reads.
    file: String,
    /// Whether it is.
    registered: bool,
    /// The words that start the server.
    command: Option<Vec<String>>,
    /// What was done to the file.
    done: Option<String>,
    /// The file as it was.
    backup: Option<String>,
    /// What the agent has to be told before it calls the tools.
    approval: Option<String>,
}
