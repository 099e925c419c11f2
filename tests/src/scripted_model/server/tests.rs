//! Tests of the server over a real socket.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::mpsc;
use std::{fs, thread};

use serde_json::{Value, json};

use super::Server;

fn start(log: Option<&Path>) -> SocketAddr {
    let server = Server::bind("127.0.0.1:0".parse().unwrap(), log).unwrap();
    let address = server.address().unwrap();
    thread::spawn(move || server.serve());
    address
}

fn post(address: SocketAddr, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(stream, "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{body}")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn ask(prompt: &str, stream: bool) -> String {
    let message = json!({ "role": "user", "content": prompt });
    json!({ "model": "m", "stream": stream, "messages": [message] }).to_string()
}

#[test]
fn a_request_is_answered_whole_or_as_a_stream() {
    let address = start(None);
    let whole = post(address, "/v1/messages", &ask("SAY:hi", false));
    let (head, body) = whole.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["content"][0]["text"], "hi");

    let streamed = post(address, "/v1/messages?beta=true", &ask("SAY:hi", true));
    assert!(streamed.contains("text/event-stream"), "{streamed}");
    assert!(streamed.contains(r#""text":"hi""#), "{streamed}");
    assert!(streamed.contains("event: message_stop"), "{streamed}");
}

#[test]
fn a_failure_keeps_its_status_even_when_a_stream_was_asked_for() {
    let answer = post(start(None), "/v1/messages", &ask("STATUS:429", true));
    assert!(answer.starts_with("HTTP/1.1 429 "), "{answer}");
    assert!(answer.contains("scripted failure 429"), "{answer}");
}

#[test]
fn other_paths_and_other_bodies_are_refused() {
    let address = start(None);
    assert!(post(address, "/v1/complete", "{}").starts_with("HTTP/1.1 404 "));
    assert!(post(address, "/v1/messages", "not json").starts_with("HTTP/1.1 400 "));
}

#[test]
fn every_request_is_one_line_of_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let address = start(Some(&log));
    post(address, "/v1/messages", &ask("SAY:one\nline", false));
    post(address, "/v1/messages", &ask("SAY:two", true));
    let lines = fs::read_to_string(&log).unwrap();
    let bodies: Vec<Value> = lines.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(bodies.len(), 2);
    assert_eq!(bodies[0]["messages"][0]["content"], "SAY:one\nline");
}

#[test]
fn a_held_reply_is_given_when_its_file_appears() {
    let folder = tempfile::tempdir().unwrap();
    let (log, gate) = (folder.path().join("log"), folder.path().join("gate"));
    let address = start(Some(&log));
    let (sender, answered) = mpsc::channel();
    let prompt = ask(&format!("HOLD:{} SAY:late", gate.display()), false);
    let client = thread::spawn(move || sender.send(post(address, "/v1/messages", &prompt)));
    // The request is in the log before its reply is held.
    while fs::read_to_string(&log).unwrap_or_default().is_empty() {
        thread::yield_now();
    }
    assert!(answered.try_recv().is_err());
    fs::write(&gate, "").unwrap();
    assert!(answered.recv().unwrap().contains("late"));
    client.join().unwrap().unwrap();
}
