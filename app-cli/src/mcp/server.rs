//! The loop of the server: requests come in as lines, each call of a tool gets a thread, answers go out as they are
//! ready.
//!
//! Between two requests it sleeps in one `poll`: on its input, on the reader of its output, on its parent, and on its
//! own bell. It ends when its input does, when nobody reads its output, and when its parent dies; calls that are being
//! answered then have a moment to finish. No task ends with it.

use std::collections::BTreeMap;
use std::io;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use adapters_process::local::host;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{PidfdFlags, getppid, pidfd_open};
use serde_json::{Map, Value, json};

use super::call::{Meta, Wish};
use super::group::{Group, Outcome, Ready};
use super::input::{LONGEST, Line, Lines, Look};
use super::message::{
    Fault, INTERNAL_ERROR, INVALID_PARAMS, INVALID_REQUEST, Id, Message, Received, UNKNOWN_METHOD,
};
use super::open_wait;
use super::outlet::Outlet;
use super::protocol::{self, Era};
use super::told::Told;
use super::tool::{Call, Said, TOOLS, Tool, deliver};
use super::words;
use domain::task::near::near;

/// The most calls that are answered at once.
const MOST: usize = 512;
/// How long calls may take to finish once the client is gone.
const FAREWELL: Duration = Duration::from_secs(5);
/// The stack of a call's thread, in bytes; only what is used of it costs memory.
const STACK: usize = 4 << 20;

/// Serves until the client goes.
pub(crate) fn serve() -> ExitCode {
    let Ok(outlet) = Outlet::new() else { return ExitCode::FAILURE };
    let server = Arc::new(Server {
        outlet,
        told: Told::default(),
        calls: Mutex::default(),
        takes_batches: AtomicBool::new(false),
    });
    server.listen();
    server.finish();
    ExitCode::SUCCESS
}

/// What all calls share.
struct Server {
    outlet: Outlet,
    told: Told,
    /// Those that are being answered, by the names of their ids.
    calls: Mutex<BTreeMap<String, Arc<Wish>>>,
    /// Whether the version that was agreed on at the opening has batches.
    takes_batches: AtomicBool,
}

impl Server {
    fn calls(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Wish>>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads and answers until there is nobody left to talk to.
    fn listen(self: &Arc<Self>) {
        let (stdin, stdout, bell) = (io::stdin(), io::stdout(), self.outlet.bell());
        // Where the parent cannot be watched, the end of the input has to do.
        let parent = getppid().and_then(|parent| pidfd_open(parent, PidfdFlags::empty()).ok());
        let (mut lines, mut read) = (Lines::default(), Vec::new());
        loop {
            let mut polled = vec![
                PollFd::new(&stdin, PollFlags::IN),
                PollFd::new(&stdout, PollFlags::empty()),
                PollFd::new(&bell, PollFlags::IN),
            ];
            polled.extend(parent.iter().map(|parent| PollFd::new(parent, PollFlags::IN)));
            match rustix::event::poll(&mut polled, None) {
                Ok(_) => {}
                Err(rustix::io::Errno::INTR) => continue,
                Err(_) => return,
            }
            let happened: Vec<PollFlags> = polled.iter().map(PollFd::revents).collect();
            drop(polled);
            let broken = PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL;
            let parent_died = happened.get(3).is_some_and(|it| !it.is_empty());
            if !happened[2].is_empty() {
                self.outlet.hush();
            }
            if happened[1].intersects(broken) || self.outlet.is_gone() || parent_died {
                return;
            }
            if happened[0].is_empty() {
                continue;
            }
            let look = lines.look(&stdin, &mut read);
            for line in read.drain(..) {
                self.take(line);
            }
            if look == Look::End {
                return;
            }
        }
    }

    /// Lets the calls that are being answered finish, within a moment.
    fn finish(&self) {
        let until = Instant::now() + FAREWELL;
        self.calls().values().for_each(|wish| wish.hurry());
        let (stdout, bell) = (io::stdout(), self.outlet.bell());
        while !self.calls().is_empty() && !self.outlet.is_gone() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let mut polled =
                [PollFd::new(&bell, PollFlags::IN), PollFd::new(&stdout, PollFlags::empty())];
            let left = Timespec {
                tv_sec: left.as_secs().cast_signed(),
                tv_nsec: left.subsec_nanos().into(),
            };
            let _ = rustix::event::poll(&mut polled, Some(&left));
            if !polled[0].revents().is_empty() {
                self.outlet.hush();
            }
        }
    }

    fn take(self: &Arc<Self>, line: Line) {
        let refused = |words: String| {
            Received::One(Message::Wrong(Id::null(), Fault::new(INVALID_REQUEST, words)))
        };
        let received = match line {
            Line::Whole(line) => Received::read(&line),
            Line::TooLong => Some(refused(format!("a message has at most {LONGEST} bytes"))),
        };
        let received = match received {
            Some(Received::Batch(_)) if !self.takes_batches.load(Ordering::Acquire) => {
                let words = "there are no batches in this version of the protocol: send each message as a line of its own";
                Some(refused(words.to_owned()))
            }
            Some(Received::Batch(messages)) if messages.is_empty() => {
                Some(refused("a batch has at least one message".to_owned()))
            }
            other => other,
        };
        match received {
            None => {}
            Some(Received::One(message)) => self.message(message, &Group::alone()),
            Some(Received::Batch(messages)) => {
                let answered = messages.iter().filter(|message| message.is_answered()).count();
                let group = Group::batch(answered);
                for message in messages {
                    self.message(message, &group);
                }
            }
        }
    }

    fn message(self: &Arc<Self>, message: Message, group: &Arc<Group>) {
        match message {
            Message::Answer => {}
            Message::Wrong(id, fault) => self.answer(group, Ready::new(id, Err(fault))),
            Message::Notification { method, params } => self.heard(&method, &params),
            Message::Request { id, method, params } => self.asked(&id, &method, params, group),
        }
    }

    /// Sends an answer, unless it belongs to a batch that is not done; what follows from it is done as well.
    fn answer(&self, group: &Group, ready: Ready) {
        let Some(mut answers) = group.add(ready) else { return };
        let said = answers.iter_mut().filter_map(|ready| {
            let (said, meta) = ready.said.take()?;
            Some((ready.id.name().to_owned(), said, meta))
        });
        let said: Vec<_> = said.collect();
        deliver(&said, &self.told, || {
            group.line(&answers).is_some_and(|line| self.outlet.send(&line))
        });
    }

    fn heard(&self, method: &str, params: &Map<String, Value>) {
        if method != "notifications/cancelled" {
            return;
        }
        let Some(name) = params.get("requestId").and_then(Id::name_of) else { return };
        // One that is not known was answered already, or never asked.
        if let Some(wish) = self.calls().get(&name) {
            wish.withdraw();
        }
        // The answer may be on its way to a client that has just stopped waiting.
        self.told.take_back(&name);
    }

    fn asked(
        self: &Arc<Self>,
        id: &Id,
        method: &str,
        params: Map<String, Value>,
        group: &Arc<Group>,
    ) {
        let fault = |words| Err(Fault::new(INVALID_REQUEST, words));
        let era = match protocol::era(&params) {
            Ok(era) => era,
            Err(fault) => return self.answer(group, Ready::new(id.clone(), Err(fault))),
        };
        let outcome = match method {
            "initialize" if group.is_batch() => fault("`initialize` stands alone, not in a batch"),
            _ if group.is_batch() && era == Era::Modern => {
                fault("there are no batches in this version of the protocol")
            }
            "initialize" => protocol::version(&params).map(|version| {
                self.takes_batches.store(protocol::has_batches(version), Ordering::Release);
                protocol::initialize(version)
            }),
            "server/discover" => Ok(protocol::finished(protocol::discover(), Era::Modern)),
            "ping" => Ok(json!({})),
            "tools/list" => Ok(protocol::tools(era)),
            "tools/call" => match tool(&params) {
                Ok(tool) => {
                    let work = move |call: &Call<'_>, params: &mut Map<String, Value>| {
                        let said = tool.call(call, params.remove("arguments"));
                        said.map_err(|failure| Ok(words::failure(&failure)))
                    };
                    return self.call(id, params, era, group, work);
                }
                Err(fault) => Err(fault),
            },
            "tasks/get" => return self.call(id, params, era, group, open_wait::get),
            "tasks/cancel" => open_wait::cancel(&self.told, &params),
            "tasks/update" => open_wait::update(&params),
            _ => Err(Fault::new(
                UNKNOWN_METHOD,
                format!("there is no method `{}` here", words::one_line(method, 80)),
            )),
        };
        let outcome = outcome.map(|result| protocol::finished(result, era));
        self.answer(group, Ready::new(id.clone(), outcome));
    }

    /// Answers in a thread of its own what may take long.
    fn call(
        self: &Arc<Self>,
        id: &Id,
        mut params: Map<String, Value>,
        era: Era,
        group: &Arc<Group>,
        work: impl FnOnce(&Call<'_>, &mut Map<String, Value>) -> Result<Said, Outcome> + Send + 'static,
    ) {
        let wish = Arc::new(Wish::default());
        if let Err(fault) = self.note(id, &wish) {
            return self.answer(group, Ready::new(id.clone(), Err(fault)));
        }
        let (server, named, answered) = (self.clone(), id.clone(), group.clone());
        let answering = move || {
            let wanted = wish.clone();
            let meta = Meta::of(&params, era);
            let call = Call { meta, wish, outlet: &server.outlet, told: &server.told };
            let (outcome, said) = match work(&call, &mut params) {
                Ok(said) => (Ok(said.result()), Some((said, call.meta))),
                Err(outcome) => (outcome, None),
            };
            let outcome = outcome.map(|result| protocol::finished(result, era));
            let ready = Ready { id: named.clone(), outcome, wish: Some(wanted), said };
            server.answer(&answered, ready);
            host::reap();
            server.calls().remove(named.name());
            server.outlet.ring();
        };
        let started = thread::Builder::new().stack_size(STACK).spawn(answering);
        if let Err(error) = started {
            self.calls().remove(id.name());
            let fault = Fault::new(INTERNAL_ERROR, format!("there can be no thread: {error}"));
            self.answer(group, Ready::new(id.clone(), Err(fault)));
        }
    }

    /// Notes a call that is to be answered, by its id.
    fn note(&self, id: &Id, wish: &Arc<Wish>) -> Result<(), Fault> {
        let mut calls = self.calls();
        if calls.contains_key(id.name()) {
            let words = "a request with this id is being answered already";
            return Err(Fault::new(INVALID_REQUEST, words));
        }
        if calls.len() >= MOST {
            let words = format!("{MOST} calls are being answered; ask again once some of them are");
            return Err(Fault::new(INTERNAL_ERROR, words));
        }
        calls.insert(id.name().to_owned(), wish.clone());
        Ok(())
    }
}

/// The tool that is to be called.
fn tool(params: &Map<String, Value>) -> Result<&'static Tool, Fault> {
    let Some(name) = params.get("name").and_then(Value::as_str) else {
        return Err(Fault::new(INVALID_PARAMS, "`name` has to be the name of a tool"));
    };
    Tool::named(name).ok_or_else(|| {
        let near = near(name, TOOLS.iter().map(|tool| tool.name));
        let near = near.first().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        let name = words::one_line(name, 80);
        Fault::new(INVALID_PARAMS, format!("there is no tool `{name}`{near}"))
    })
}
