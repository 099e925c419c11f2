//! A client of the Model Context Protocol that knows nothing but lines of JSON, for `task-bg mcp`.
//!
//! It says and hears exactly what a test wants, rough edges included. The main type is [`Client`].

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use serde_json::{Value, json};

use crate::process::wait_for;
use crate::run::Run;

/// How long an answer may take before it counts as missing.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client with its server.
#[derive(Debug)]
pub struct Client {
    server: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<Vec<u8>>,
    /// What was heard and not asked for yet.
    heard: Vec<Value>,
    asked: u64,
}

impl Client {
    /// Starts the server.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn start(server: Run) -> Self {
        Self::over(&mut server.into_command())
    }

    fn over(command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut server = command.spawn().expect("the server starts");
        let stdin = server.stdin.take();
        let stdout = server.stdout.take().expect("its output is piped");
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            let mut stdout = BufReader::new(stdout);
            loop {
                let mut line = Vec::new();
                let read = stdout.read_until(b'\n', &mut line);
                if !read.is_ok_and(|read| read > 0) || sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { server, stdin, lines, heard: Vec::new(), asked: 0 }
    }

    /// The server's process id.
    pub fn pid(&self) -> u32 {
        self.server.id()
    }

    /// Says bytes as they are.
    ///
    /// # Panics
    ///
    /// When nobody reads them.
    pub fn say(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().expect("it was not closed");
        stdin.write_all(bytes).and_then(|()| stdin.flush()).expect("the server reads");
    }

    /// Says a message as a line.
    ///
    /// # Panics
    ///
    /// When nobody reads it.
    pub fn tell(&mut self, message: &Value) {
        self.say(format!("{message}\n").as_bytes());
    }

    /// The next message from the server; `None` once it closed its output.
    ///
    /// # Panics
    ///
    /// When none comes, or it is no JSON.
    pub fn hear(&mut self) -> Option<Value> {
        if !self.heard.is_empty() {
            return Some(self.heard.remove(0));
        }
        self.next()
    }

    fn next(&mut self) -> Option<Value> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => Some(serde_json::from_slice(&line).unwrap_or_else(|error| {
                panic!("the server says no JSON: {error}: {}", String::from_utf8_lossy(&line))
            })),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("the server says nothing"),
        }
    }

    /// Waits for the answer to a request; keeps whatever else comes first.
    ///
    /// # Panics
    ///
    /// When none comes.
    pub fn answer(&mut self, id: &Value) -> Value {
        if let Some(at) = self.heard.iter().position(|message| message["id"] == *id) {
            return self.heard.remove(at);
        }
        loop {
            let message = self.next().expect("an answer before the server ends");
            if message["id"] == *id {
                return message;
            }
            self.heard.push(message);
        }
    }

    /// Asks without waiting for the answer; returns its id.
    ///
    /// # Panics
    ///
    /// When nobody reads it.
    pub fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.asked += 1;
        // Beyond what a test says itself.
        let id = json!(self.asked + 1_000_000);
        self.tell(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        id
    }

    /// Asks and waits for the answer.
    ///
    /// # Panics
    ///
    /// When none comes.
    pub fn request(&mut self, method: &str, params: &Value) -> Value {
        let id = self.ask(method, params);
        self.answer(&id)
    }

    /// Calls a tool with this `_meta`, and returns its text with whether it says that it is an error.
    ///
    /// # Panics
    ///
    /// When it is not answered with one text.
    pub fn call_as(&mut self, meta: &Value, tool: &str, arguments: &Value) -> (String, bool) {
        let params = json!({"name": tool, "arguments": arguments, "_meta": meta});
        text(&self.request("tools/call", &params))
    }

    /// Calls a tool, which has to do what it is asked, and returns its text.
    ///
    /// # Panics
    ///
    /// When it does not.
    pub fn call(&mut self, tool: &str, arguments: &Value) -> String {
        let (text, is_error) = self.call_as(&json!({}), tool, arguments);
        assert!(!is_error, "{tool}: {text}");
        text
    }

    /// Closes the server's input.
    pub fn close(&mut self) {
        drop(self.stdin.take());
    }

    /// Stops reading what the server says, and closes its output.
    pub fn stop_reading(&mut self) {
        let (_, lines) = channel();
        self.lines = lines;
    }

    /// How the server ended, once it has.
    ///
    /// # Panics
    ///
    /// When it does not.
    pub fn ended(&mut self) -> ExitStatus {
        wait_for("the end of the server", || self.server.try_wait().expect("a child can be asked"))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        drop(self.stdin.take());
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

/// The text of a result, and whether it is an error.
///
/// # Panics
///
/// When there is none.
pub fn text(answer: &Value) -> (String, bool) {
    let result = &answer["result"];
    let content = result["content"].as_array().unwrap_or_else(|| panic!("no content: {answer}"));
    assert!(content.len() == 1 && content[0]["type"] == "text", "{answer}");
    assert!(result.get("structuredContent").is_none(), "{answer}");
    (content[0]["text"].as_str().expect("a text").to_owned(), result["isError"] == true)
}

/// The value of a line `key: value` in an answer.
///
/// # Panics
///
/// When there is no such line.
pub fn value<'a>(text: &'a str, key: &str) -> &'a str {
    let mut lines = text.lines().filter_map(|line| line.split_once(": "));
    let found = lines.find(|(name, _)| *name == key);
    found.unwrap_or_else(|| panic!("no `{key}` in: {text}")).1
}
