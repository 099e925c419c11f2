//! One call of a tool: what it came with, who called, and whether it is still wanted.

use std::sync::atomic::{AtomicBool, Ordering};

use domain::task::{SessionId, Task};
use domain::usecase::notify::collect;
use serde_json::{Map, Value, json};

use super::message::notification;
use super::outlet::Outlet;
use super::protocol::{Era, TASKS};
use crate::kit::context::Context;

/// The longest key, in bytes; a longer id of a call is cut to its end.
const KEY: usize = 150;

/// Whether somebody still wants the answer.
#[derive(Debug, Default)]
pub(super) struct Wish {
    is_withdrawn: AtomicBool,
    is_urgent: AtomicBool,
}

impl Wish {
    /// Nobody wants the answer any more.
    pub(super) fn withdraw(&self) {
        self.is_withdrawn.store(true, Ordering::Release);
    }

    /// The answer is wanted as it is now: the client is about to go.
    pub(super) fn hurry(&self) {
        self.is_urgent.store(true, Ordering::Release);
    }

    /// Whether waiting for a better answer is in vain.
    pub(super) fn is_over(&self) -> bool {
        self.is_withdrawn() || self.is_urgent.load(Ordering::Acquire)
    }

    /// Whether nobody wants the answer any more.
    pub(super) fn is_withdrawn(&self) -> bool {
        self.is_withdrawn.load(Ordering::Acquire)
    }
}

/// What a request says besides its arguments.
#[derive(Debug)]
pub(super) struct Meta {
    /// The session that calls, as far as the call says so.
    session: Option<SessionId>,
    /// What the caller knows this call by: a call that it repeats has the same.
    key: Option<String>,
    /// By which progress is named.
    progress: Option<Value>,
    /// Whether the answer may be a task of the protocol.
    pub(super) takes_tasks: bool,
}

impl Meta {
    /// What the `_meta` of a request says.
    pub(super) fn of(params: &Map<String, Value>, era: Era) -> Self {
        let meta = params.get("_meta").and_then(Value::as_object);
        let get = |name: &str| meta.and_then(|meta| meta.get(name));
        let text = |name: &str| get(name).and_then(Value::as_str).map(ToOwned::to_owned);
        // Codex says it once more here; in some versions only here, and as a text.
        let turn = match get("x-codex-turn-metadata") {
            Some(Value::String(text)) => serde_json::from_str(text).unwrap_or_default(),
            Some(turn) => turn.clone(),
            None => Value::Null,
        };
        let turns = |name: &str| turn.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
        let session =
            text("assemblySessionId").or_else(|| text("threadId")).or_else(|| turns("thread_id"));
        let key = text("claudecode/toolUseId").or_else(|| text("callId"));
        let capabilities = get("io.modelcontextprotocol/clientCapabilities");
        let takes_tasks = capabilities.and_then(|it| it.get("extensions")?.get(TASKS)).is_some();
        Self {
            session: session.and_then(|session| SessionId::parse(&session).ok()),
            key: key.filter(|key| !key.is_empty()),
            progress: get("progressToken").filter(|it| it.is_string() || it.is_number()).cloned(),
            takes_tasks: takes_tasks && era == Era::Modern,
        }
    }

    /// The session that calls, by the call or else by the environment of this process.
    pub(super) fn session(&self) -> Option<SessionId> {
        let by_environment = || SessionId::parse(&Context::default_parent()?).ok();
        self.session.clone().or_else(by_environment)
    }

    /// The key under which a call that its caller repeats launches nothing anew.
    pub(super) fn key(&self) -> Option<String> {
        let key = self.key.as_ref()?;
        let start = (0..=key.len()).find(|at| key.is_char_boundary(*at) && key.len() - at <= KEY);
        Some(format!("mcp:{}", &key[start.unwrap_or(0)..]))
    }

    /// Notes that the session that calls has seen how these tasks fared, so that it is not told again.
    pub(super) async fn saw(&self, context: &Context, tasks: &[Task]) {
        match &self.session {
            // At worst the session is told what it knows.
            Some(caller) => {
                context.wiring.note_collected(tasks);
                drop(collect(&context.wiring.notices, caller, tasks).await);
            }
            None => context.collected(tasks).await,
        }
    }

    /// Whether the caller wants to hear how far the call has come.
    pub(super) const fn wants_progress(&self) -> bool {
        self.progress.is_some()
    }

    /// Tells the caller how far the call has come, if it wants to hear that.
    pub(super) fn tell_progress(&self, outlet: &Outlet, (done, total): (u64, u64), message: &str) {
        if let Some(token) = &self.progress {
            let params = json!({"progressToken": token, "progress": done, "total": total, "message": message});
            outlet.send(&notification("notifications/progress", &params));
        }
    }
}
