//! Prompts in the words that steer the scripted model (see [`crate::scripted_model::plan`]).
//!
//! The functions build text only; what an agent then does is up to `droid`.

use serde_json::{Value, json};

/// A call of the tool that runs shell commands, at this level of risk.
pub(super) fn execute(command: &str, risk: &str) -> String {
    let arguments = json!({
        "command": command,
        "summary": "Run the scripted command",
        "riskLevel": risk,
        "riskLevelReason": "The scenario says so",
    });
    tool("Execute", &arguments)
}

/// A call of any tool.
pub(super) fn tool(name: &str, arguments: &Value) -> String {
    format!("TOOL:{name} {arguments}\n")
}

/// A shell command that goes on until a file is there.
pub(super) fn until_there(path: &str) -> String {
    format!("until [ -e '{path}' ]; do sleep 0.05; done")
}

/// The model's last words, held back until a file is there.
pub(super) fn held_words(path: &str, words: &str) -> String {
    format!("HOLD:{path}\nSAY:{words}")
}
