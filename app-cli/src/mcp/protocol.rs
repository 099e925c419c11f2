//! What the server says of itself, in both eras of the protocol: the one that opens with `initialize`, and the one
//! in which every request says its version.
//!
//! Nothing here touches the store: a client that starts asks these before its first turn.

use serde_json::{Map, Value, json};

use super::message::{Fault, INVALID_PARAMS, UNSUPPORTED_VERSION};
use super::tool::{TOOLS, Tool};

/// The version in which every request says its version.
const MODERN: &str = "2026-07-28";
/// The versions that open with `initialize`, newest first.
const LEGACY: [&str; 4] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];
/// The one version in which a client may send several messages as one.
const BATCHED: &str = "2025-03-26";
/// For how long a client may take what the server says of itself for true, in milliseconds.
const FRESH: u64 = 3_600_000;
/// The name of the extension by which a wait becomes a task.
pub(super) const TASKS: &str = "io.modelcontextprotocol/tasks";

/// How to work with the tools, for models whose client passes it on.
pub(super) const INSTRUCTIONS: &str = "\
Background tasks: agents and shell commands that go on after this turn and this session. Use them for several \
independent pieces of work at once, and for builds and tests that take long. Launch all of them first, in one turn; the \
first answer only means started. Go on with other work. When you need results, call wait_for_tasks once: it blocks \
until they have ended, at most about 45 s, and says what each found. If some still work, do something else or call it \
again; do not poll list_tasks. Call task_output only where an answer says that it was cut. An agent knows nothing of \
this conversation: its prompt has to say goal, files, limits, and what to answer with. Report every task by its \
outcome, the failed ones too, and cancel those that nobody needs.";

/// In which era a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Era {
    /// There is a handshake.
    Legacy,
    /// Every request stands for itself.
    Modern,
}

/// The era of a request, by the version that it says.
///
/// # Errors
/// If that is none of ours.
pub(super) fn era(params: &Map<String, Value>) -> Result<Era, Fault> {
    match params.get("_meta").and_then(|meta| meta.get("io.modelcontextprotocol/protocolVersion")) {
        None => Ok(Era::Legacy),
        Some(version) if version == MODERN => Ok(Era::Modern),
        Some(version) => {
            let data = json!({"supported": [MODERN], "requested": version});
            Err(Fault::new(UNSUPPORTED_VERSION, "unsupported protocol version").with(data))
        }
    }
}

/// A result as its era has it.
pub(super) fn finished(mut result: Value, era: Era) -> Value {
    if let (Era::Modern, Value::Object(members)) = (era, &mut result) {
        members.entry("resultType").or_insert_with(|| "complete".into());
        members.insert("_meta".to_owned(), json!({"io.modelcontextprotocol/serverInfo": server()}));
    }
    result
}

fn server() -> Value {
    json!({"name": "task-bg", "title": "Background tasks", "version": env!("CARGO_PKG_VERSION")})
}

/// The version of the protocol for a client that opens with `initialize`: the one that it asks for, else our newest.
///
/// # Errors
/// If it asks for none.
pub(super) fn version(params: &Map<String, Value>) -> Result<&'static str, Fault> {
    let Some(asked) = params.get("protocolVersion").and_then(Value::as_str) else {
        return Err(Fault::new(INVALID_PARAMS, "`protocolVersion` is missing"));
    };
    Ok(LEGACY.into_iter().find(|known| *known == asked).unwrap_or(LEGACY[0]))
}

/// Whether a client of this version may send batches: one version demands that they be taken, the next one took them
/// out again.
pub(super) fn has_batches(version: &str) -> bool {
    version == BATCHED
}

/// The answer to `initialize`.
pub(super) fn initialize(version: &str) -> Value {
    json!({
        "protocolVersion": version,
        "capabilities": {"tools": {}},
        "serverInfo": server(),
        "instructions": INSTRUCTIONS,
    })
}

/// The answer to `server/discover`.
pub(super) fn discover() -> Value {
    json!({
        "supportedVersions": [MODERN],
        "capabilities": {"tools": {}, "extensions": {TASKS: {}}},
        "instructions": INSTRUCTIONS,
        "ttlMs": FRESH,
        "cacheScope": "public",
    })
}

/// The answer to `tools/list`: all of them, always in the same order.
pub(super) fn tools(era: Era) -> Value {
    let tools: Vec<Value> = TOOLS.iter().map(Tool::described).collect();
    match era {
        Era::Legacy => json!({"tools": tools}),
        Era::Modern => json!({"tools": tools, "ttlMs": FRESH, "cacheScope": "public"}),
    }
}
