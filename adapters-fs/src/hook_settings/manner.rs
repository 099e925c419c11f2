//! At which events each agent is to run the hook, and how long it waits for it. Main type: [`Manner`].

/// The events that `task-bg-hook` has something to do at.
pub const EVENTS: [&str; 5] =
    ["SessionStart", "PostToolUse", "UserPromptSubmit", "Stop", "SubagentStop"];
/// The same events, as Gemini CLI calls them.
pub(super) const EVENTS_OF_GEMINI: [&str; 4] =
    ["SessionStart", "AfterTool", "BeforeAgent", "AfterAgent"];
/// The events of a session itself, for agents whose subagents are no concern of ours.
const EVENTS_OF_A_SESSION: [&str; 4] = ["SessionStart", "PostToolUse", "UserPromptSubmit", "Stop"];

/// How an agent wants hooks to be registered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    /// At which events.
    pub(super) events: &'static [&'static str],
    /// How long it waits for the hook, in its own unit.
    pub(super) timeout: u32,
}

impl Manner {
    /// At all events, with the wait in seconds, as droid and Claude Code have it.
    pub(super) const USUAL: Self = Self { events: &EVENTS, timeout: 5 };
    /// As Codex has it.
    pub(super) const CODEX: Self = Self { events: &EVENTS_OF_A_SESSION, timeout: 5 };
    /// As Gemini CLI has it, which counts milliseconds.
    pub(super) const GEMINI: Self = Self { events: &EVENTS_OF_GEMINI, timeout: 5_000 };
}
