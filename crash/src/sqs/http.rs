//! The lean SQS client: AWS JSON over one connection that is made again whenever it breaks.
//!
//! Apart because the loads must know one thing exactly, and it is decided here: what was answered was, and of what was sent and
//! not answered nobody knows.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

/// A broker that says nothing for this long has lost the request; longer than any receive waits.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// Largest answer that is read.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// What came of a call.
pub(super) enum Answer {
    /// The result.
    Done(Value),
    /// It was refused for what it says; the error's name.
    Refused(String),
    /// It was not carried out, because the broker could not just then.
    NotNow,
    /// Nobody knows.
    Unknown,
}

/// An answer as it came.
#[derive(Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The status line and the headers, as they were sent.
    pub head: String,
    /// The body.
    pub body: Vec<u8>,
}

/// A connection, when there is one.
#[derive(Debug)]
pub struct Client {
    address: SocketAddr,
    stream: Option<TcpStream>,
}

impl Client {
    /// A client that is not connected.
    #[must_use]
    pub fn new(address: SocketAddr) -> Client {
        Client { address, stream: None }
    }

    /// Whether there is a connection, after one try to make one.
    pub(super) fn connect(&mut self) -> bool {
        if self.stream.is_none() {
            self.stream = self.open().ok();
        }
        self.stream.is_some()
    }

    fn open(&self) -> std::io::Result<TcpStream> {
        let stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(SILENCE_MAX))?;
        stream.set_write_timeout(Some(SILENCE_MAX))?;
        Ok(stream)
    }

    /// Calls an action. Without a connection nothing was asked.
    pub(super) fn call(&mut self, action: &str, parameters: &Value) -> Answer {
        if !self.connect() {
            return Answer::NotNow;
        }
        let Ok(Response { status, body, .. }) = self.ask(action, parameters) else { return Answer::Unknown };
        match status {
            // Some actions have nothing to say.
            200 if body.is_empty() => Answer::Done(Value::Null),
            200 => serde_json::from_slice(&body).map_or(Answer::Unknown, Answer::Done),
            400..=499 => {
                let body: Value = serde_json::from_slice(&body).unwrap_or_default();
                Answer::Refused(body["__type"].as_str().unwrap_or("an error without a name").to_owned())
            }
            503 => Answer::NotNow,
            _ => Answer::Unknown,
        }
    }

    /// Calls an action and gives the answer as it came, whatever it says.
    ///
    /// # Errors
    /// When there is no connection, or it broke: then nobody knows what came of the call.
    pub fn ask(&mut self, action: &str, parameters: &Value) -> anyhow::Result<Response> {
        self.connect();
        let answer = self.exchange(action, parameters);
        if answer.is_err() {
            self.stream = None;
        }
        answer
    }

    fn exchange(&mut self, action: &str, parameters: &Value) -> anyhow::Result<Response> {
        let mut stream = self.stream.as_ref().context("not connected")?;
        let body = parameters.to_string();
        let request = format!(
            "POST / HTTP/1.1\r\nHost: {}\r\nX-Amz-Target: AmazonSQS.{action}\r\nContent-Type: application/x-amz-json-1.0\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        stream.write_all(request.as_bytes())?;
        let mut bytes = Vec::new();
        let mut part = [0; 16 << 10];
        let (status, head, body, length) = loop {
            let read = stream.read(&mut part)?;
            ensure!(read > 0, "the connection ended");
            bytes.extend_from_slice(&part[..read]);
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = std::str::from_utf8(&bytes[..end])?.to_owned();
                let (status, length) = parse(&head)?;
                break (status, head, end + 4, length);
            }
        };
        ensure!(length <= ANSWER_BYTES_MAX, "an answer of {length} bytes");
        while bytes.len() < body + length {
            let read = stream.read(&mut part)?;
            ensure!(read > 0, "the connection ended");
            bytes.extend_from_slice(&part[..read]);
        }
        Ok(Response { status, head, body: bytes.split_off(body) })
    }
}

/// The status and the length of the body.
fn parse(head: &str) -> anyhow::Result<(u16, usize)> {
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).context("no status")?.parse()?;
    for line in lines {
        let Some((name, value)) = line.split_once(':') else { bail!("a header without a colon") };
        if name.eq_ignore_ascii_case("content-length") {
            return Ok((status, value.trim().parse()?));
        }
    }
    bail!("an answer without a length")
}
