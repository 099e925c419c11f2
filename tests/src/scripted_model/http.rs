//! As much of HTTP/1.1 as one request on one connection needs: read it, answer it, close.
//!
//! The server never keeps a connection alive: closing ends a body of unknown length, and there is no state to get
//! wrong. Sizes are bounded, so that a stray client cannot fill the memory of a test run. Main type: [`Request`].

use std::io::{self, BufRead, Read, Write};

use serde_json::Value;

/// The longest request line or header line, in bytes.
const LINE_LIMIT: u64 = 64 * 1024;
/// The longest body, in bytes; a conversation with a prompt of megabytes stays far below it.
const BODY_LIMIT: usize = 256 * 1024 * 1024;

/// One request, read to its end.
#[derive(Debug, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `POST`, ...
    pub method: String,
    /// The path without its query.
    pub path: String,
    /// The body as sent.
    pub body: Vec<u8>,
}

impl Request {
    /// Reads one request from `reader`. A client that waits to be told to send its body is told so on `writer`.
    ///
    /// # Errors
    ///
    /// When the connection fails, ends early, or what comes is not HTTP/1.x within the limits.
    pub fn read(reader: &mut impl BufRead, writer: &mut impl Write) -> io::Result<Self> {
        let line = read_line(reader)?;
        let mut words = line.split(' ');
        let (Some(method), Some(target)) = (words.next(), words.next()) else {
            return Err(malformed("no request line"));
        };
        let path = target.split('?').next().unwrap_or(target);
        let (method, path) = (method.to_owned(), path.to_owned());
        let (mut length, mut chunked) = (0, false);
        loop {
            let line = read_line(reader)?;
            if line.is_empty() {
                break;
            }
            let Some((name, value)) = line.split_once(':') else {
                return Err(malformed("a header without a colon"));
            };
            match (name.to_ascii_lowercase().as_str(), value.trim()) {
                ("content-length", value) => {
                    length = value.parse().map_err(|_| malformed("a length that is no number"))?;
                }
                ("transfer-encoding", value) => chunked = value.eq_ignore_ascii_case("chunked"),
                ("expect", _) => writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?,
                _ => {}
            }
        }
        let body = if chunked { read_chunks(reader)? } else { read_exactly(reader, length)? };
        Ok(Self { method, path, body })
    }
}

/// Answers with one JSON document.
///
/// # Errors
///
/// When the client has gone.
pub fn send_json(writer: &mut impl Write, status: u16, body: &Value) -> io::Result<()> {
    let body = body.to_string();
    let length = body.len();
    let head = head(status, "application/json");
    write!(writer, "{head}content-length: {length}\r\n\r\n{body}")?;
    writer.flush()
}

/// Answers with a stream of server-sent events, each named by its own `type`.
///
/// # Errors
///
/// When the client has gone.
pub fn send_events(writer: &mut impl Write, events: &[Value]) -> io::Result<()> {
    write!(writer, "{}\r\n", head(200, "text/event-stream"))?;
    for event in events {
        let name = event.get("type").and_then(Value::as_str).unwrap_or("message");
        write!(writer, "event: {name}\ndata: {event}\n\n")?;
        writer.flush()?;
    }
    Ok(())
}

/// Answers with a stream of server-sent events without names, and with a last one that says so where `done`.
///
/// # Errors
///
/// When the client has gone.
pub fn send_data(writer: &mut impl Write, events: &[Value], done: bool) -> io::Result<()> {
    write!(writer, "{}\r\n", head(200, "text/event-stream"))?;
    for event in events {
        write!(writer, "data: {event}\n\n")?;
    }
    if done {
        write!(writer, "data: [DONE]\n\n")?;
    }
    writer.flush()
}

/// The status line and the headers every answer has; the caller ends the headers.
fn head(status: u16, kind: &str) -> String {
    // A reason phrase is required by the grammar and read by nobody.
    format!("HTTP/1.1 {status} scripted\r\ncontent-type: {kind}\r\nconnection: close\r\n")
}

fn read_line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    reader.take(LINE_LIMIT).read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        return Err(malformed("a line that does not end"));
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    String::from_utf8(line).map_err(|_| malformed("a line that is not UTF-8"))
}

fn read_exactly(reader: &mut impl BufRead, length: usize) -> io::Result<Vec<u8>> {
    if length > BODY_LIMIT {
        return Err(malformed("a body beyond the limit"));
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(body)
}

fn read_chunks(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = read_line(reader)?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size =
            usize::from_str_radix(size, 16).map_err(|_| malformed("a chunk without a size"))?;
        if size == 0 {
            break;
        }
        if size > BODY_LIMIT - body.len() {
            return Err(malformed("a body beyond the limit"));
        }
        body.extend(read_exactly(reader, size)?);
        read_line(reader)?;
    }
    // Trailing headers, up to the empty line that ends the request.
    while !read_line(reader)?.is_empty() {}
    Ok(body)
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Request, send_events, send_json};

    fn read(mut bytes: &[u8]) -> (std::io::Result<Request>, Vec<u8>) {
        let mut answer = Vec::new();
        (Request::read(&mut bytes, &mut answer), answer)
    }

    #[test]
    fn a_body_is_read_by_its_length() {
        let (request, _) =
            read(b"POST /v1/messages?beta=true HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}rest");
        let request = request.unwrap();
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/v1/messages"));
        assert_eq!(request.body, b"{}");
    }

    #[test]
    fn a_body_in_chunks_is_put_together() {
        let (request, _) = read(
            b"POST / HTTP/1.1\r\ntransfer-encoding: Chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nt: 1\r\n\r\n",
        );
        assert_eq!(request.unwrap().body, b"abc0123456789");
    }

    #[test]
    fn a_client_that_waits_is_told_to_go_on() {
        let (request, answer) =
            read(b"POST / HTTP/1.1\nExpect: 100-continue\nContent-Length: 1\n\nx");
        assert_eq!(request.unwrap().body, b"x");
        assert_eq!(answer, b"HTTP/1.1 100 Continue\r\n\r\n");
    }

    #[test]
    fn what_is_not_a_whole_request_is_refused() {
        for bytes in [
            &b""[..],
            b"nonsense\r\n\r\n",
            b"POST / HTTP/1.1\r\nno colon\r\n\r\n",
            b"POST / HTTP/1.1\r\ncontent-length: ten\r\n\r\n",
            b"POST / HTTP/1.1\r\ncontent-length: 99999999999999\r\n\r\n",
            b"POST / HTTP/1.1\r\ncontent-length: 10\r\n\r\nshort",
            b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        ] {
            assert!(read(bytes).0.is_err(), "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn answers_say_how_they_end() {
        let mut out = Vec::new();
        send_json(&mut out, 401, &json!({ "a": 1 })).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with("HTTP/1.1 401 "));
        assert!(text.ends_with("content-length: 7\r\n\r\n{\"a\":1}"));

        let mut out = Vec::new();
        send_events(&mut out, &[json!({ "type": "message_stop" })]).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(
            text.ends_with("\r\n\r\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n")
        );
    }
}
