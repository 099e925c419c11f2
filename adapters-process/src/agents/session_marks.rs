//! What a session of an agent leaves in the environment of all that it starts.
//!
//! An agent that finds such a variable may take itself for a part of that session, or for an agent of another
//! kind. This is the only list of them; whoever starts an agent removes all of them. Variables with which people
//! configure an agent are not here.

use super::{claude, codex, gemini, opencode};
use crate::PARENT_SESSION_VARIABLE;

/// The variables, of every kind of agent.
pub(crate) const SESSION_MARKS: [&str; 30] = [
    PARENT_SESSION_VARIABLE,
    // Any.
    "AGENT",
    "AI_AGENT",
    // Claude Code.
    "CLAUDECODE",
    claude::SESSION,
    "CLAUDE_CODE_CHILD_SESSION",
    "CLAUDE_CODE_ENTRYPOINT",
    "CLAUDE_CODE_SSE_PORT",
    "CLAUDE_ENV_FILE",
    "CLAUDE_PID",
    "CLAUDE_PROJECT_DIR",
    // Codex.
    codex::SESSION,
    "CODEX_CI",
    "CODEX_SANDBOX",
    "CODEX_SANDBOX_NETWORK_DISABLED",
    "CODEX_SESSION_ID",
    "CODEX_TOOL_CALL_ID",
    "CODEX_VERSION",
    // Gemini CLI.
    gemini::SHELL,
    "GEMINI_PROJECT_DIR",
    gemini::HOOKS_SESSION,
    // OpenCode.
    "OPENCODE",
    "OPENCODE_PID",
    opencode::SESSION,
    // Others, which an agent of somebody's own may be.
    "QWEN_CODE",
    "QWEN_CODE_SESSION_ID",
    "COPILOT_CLI",
    "COPILOT_AGENT_SESSION_ID",
    "DROID_PROJECT_DIR",
    "FACTORY_PROJECT_DIR",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use domain::port::Agents as _;

    use super::*;
    use crate::agents::registry::{Programs, Registry};

    #[test]
    fn the_list_has_each_variable_once_and_those_that_name_a_session() {
        let marks: BTreeSet<&str> = SESSION_MARKS.into_iter().collect();
        assert_eq!(marks.len(), SESSION_MARKS.len());
        let registry = Registry::new(&Programs::default());
        for name in registry.all().iter().flat_map(|agent| agent.session_variables()) {
            assert!(marks.contains(name), "{name}");
        }
    }
}
