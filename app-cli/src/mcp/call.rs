//! One call of a tool: what it came with, who called, and whether it is still wanted.

use std::sync::atomic::{AtomicBool, Ordering};

use domain::task::{SessionId, Task};
use domain::usecase::notify::collect;
use serde_json::{Map, Value, json};

use super::message::notification;
use super::outlet::Outlet;
use super::protocol::{Era, TASKS};
use crate::kit::context::Context;

/// How much of the id of a call is readable in a key, in characters.
const READABLE: usize = 60;

/// The FNV-1a hash of parts that are told apart, as 128 bits: enough that no two calls of a store meet by chance.
fn hash(parts: &[&str]) -> u128 {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let bytes = parts.iter().flat_map(|part| {
        let length = part.len() as u64;
        length.to_le_bytes().into_iter().chain(part.bytes())
    });
    bytes.fold(OFFSET, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME))
}

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
    /// What the caller knows this call by, and under which name it says so: a call that it repeats has the same.
    call: Option<(&'static str, String)>,
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
        let call = ["claudecode/toolUseId", "callId"]
            .into_iter()
            .find_map(|name| Some((name, text(name).filter(|id| !id.is_empty())?)));
        let capabilities = get("io.modelcontextprotocol/clientCapabilities");
        let takes_tasks = capabilities.and_then(|it| it.get("extensions")?.get(TASKS)).is_some();
        Self {
            session: session.and_then(|session| SessionId::parse(&session).ok()),
            call,
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
    ///
    /// Some models number their calls, in each session or each turn anew. So it is a repetition only where the session,
    /// the tool, the folder and the arguments are the same as well: whatever else has the same id of a call is another call.
    pub(super) fn key(&self, tool: &str, folder: &str, arguments: &str) -> Option<String> {
        let (name, call) = self.call.as_ref()?;
        let session = self.session();
        let session = session.as_ref().map_or("", SessionId::as_str);
        let hash = hash(&[name, call, session, tool, folder, arguments]);
        let readable = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        let id: String = call.chars().filter(readable).take(READABLE).collect();
        Some(format!("mcp:{id}:{hash:032x}"))
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
