//! The listening socket: one thread a connection, one request each.
//!
//! Binds to whatever address it is given and reports the port it got; it never picks a port of its own, and never
//! answers a path but the one of the Messages API. Main type: [`Server`].

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::apis::Api;
use super::http::{self, Request};
use super::plan::{Plan, Reply, plan, plan_of};
use super::wire;

/// How often a held reply looks for its file.
const HOLD_POLL: Duration = Duration::from_millis(20);
/// How long a reply is held at most; then an error takes its place, in words that a test will see.
const HOLD_LIMIT: Duration = Duration::from_secs(60);
/// How long a client may send nothing before it counts as gone.
const READ_LIMIT: Duration = Duration::from_secs(30);

/// A bound socket that answers as scripted.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    shared: Arc<Shared>,
}

/// What the threads of all connections share.
#[derive(Debug)]
struct Shared {
    log: Option<Mutex<File>>,
    /// Numbers the replies, so that ids differ.
    serial: AtomicU64,
}

impl Server {
    /// Binds to `address` (port 0: any free one) and opens the log, which grows by one line a request.
    ///
    /// # Errors
    ///
    /// When the address cannot be had or the log cannot be opened.
    pub fn bind(address: SocketAddr, log: Option<&Path>) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let open = |path| OpenOptions::new().create(true).append(true).open(path);
        let log = log.map(open).transpose()?.map(Mutex::new);
        Ok(Self { listener, shared: Arc::new(Shared { log, serial: AtomicU64::new(1) }) })
    }

    /// The address it really listens on.
    ///
    /// # Errors
    ///
    /// When the socket cannot be asked.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers until the process ends.
    pub fn serve(&self) {
        for connection in self.listener.incoming() {
            // A connection that failed before it was taken concerns nobody but its client.
            let Ok(connection) = connection else { continue };
            let shared = Arc::clone(&self.shared);
            thread::spawn(move || {
                // A client that hangs up in the middle (an agent that was killed) is an everyday thing.
                drop(shared.answer(&connection));
            });
        }
    }
}

impl Shared {
    fn answer(&self, connection: &TcpStream) -> io::Result<()> {
        connection.set_read_timeout(Some(READ_LIMIT))?;
        connection.set_nodelay(true)?;
        let mut writer = BufWriter::new(connection);
        let request = Request::read(&mut BufReader::new(connection), &mut &*connection)?;
        if let Some(api) = Api::of(&request.path) {
            return self.answer_in(api, &request, &mut writer);
        }
        if request.method != "POST" || !request.path.ends_with("/messages") {
            return http::send_json(&mut writer, 404, &wire::failure(404));
        }
        let Ok(body) = serde_json::from_slice::<Value>(&request.body) else {
            return http::send_json(&mut writer, 400, &wire::failure(400));
        };
        self.note(&body)?;
        let model = body.get("model").and_then(Value::as_str).unwrap_or("scripted");
        let streamed = body.get("stream").and_then(Value::as_bool).unwrap_or(false);
        let reply = when_due(plan(&body));
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        if let Some(events) = wire::events(&reply, model, serial).filter(|_| streamed) {
            return http::send_events(&mut writer, &events);
        }
        let (status, document) = wire::document(&reply, model, serial);
        http::send_json(&mut writer, status, &document)
    }

    /// Answers a request of one of the other APIs, always as a stream: their agents ask for nothing else.
    fn answer_in(&self, api: Api, request: &Request, writer: &mut impl Write) -> io::Result<()> {
        let Ok(body) = serde_json::from_slice::<Value>(&request.body) else {
            return http::send_json(writer, 400, &api.failure(400));
        };
        self.note(&body)?;
        let model = body.get("model").and_then(Value::as_str).unwrap_or("scripted");
        let reply = when_due(plan_of(&api.turns(&body)));
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        match (&reply, api.events(&reply, model, serial)) {
            (_, Some(events)) if api.names_events() => http::send_events(writer, &events),
            (_, Some(events)) => http::send_data(writer, &events, api.says_done()),
            (Reply::Status(status), None) => {
                http::send_json(writer, *status, &api.failure(*status))
            }
            (Reply::Text(_) | Reply::Call(_), None) => {
                http::send_json(writer, 500, &api.failure(500))
            }
        }
    }

    /// Appends the request to the log as one line.
    fn note(&self, body: &Value) -> io::Result<()> {
        let Some(log) = &self.log else { return Ok(()) };
        let line = format!("{body}\n");
        // Whoever panicked while holding the file left at worst an unfinished line.
        log.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes())
    }
}

/// Waits as the plan says, and gives the reply.
fn when_due(plan: Plan) -> Reply {
    if let Some(path) = plan.hold {
        let start = Instant::now();
        while !path.exists() {
            if start.elapsed() > HOLD_LIMIT {
                let (path, limit) = (path.display(), HOLD_LIMIT.as_secs());
                return Reply::Text(format!("scripted model: no `{path}` after {limit} seconds"));
            }
            thread::sleep(HOLD_POLL);
        }
    }
    thread::sleep(plan.sleep);
    plan.reply
}

#[cfg(test)]
mod tests;
