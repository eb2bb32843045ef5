//! A browser without a window: one connection, a cookie, and whole answers.
//!
//! Apart because what is measured is an answer as its reader has it: all of its bytes, over a real socket.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use memchr::memmem;

/// A broker that says nothing for this long has failed the bench.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// Most that an answer may take.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// An answer.
pub(super) struct Answer {
    status: u16,
    head: String,
    pub(super) body: Vec<u8>,
}

/// A connection, and whoever has logged in over it.
pub(super) struct Web {
    address: SocketAddr,
    stream: TcpStream,
    cookie: String,
}

impl Web {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens.
    pub(super) fn connect(address: SocketAddr) -> anyhow::Result<Web> {
        let stream = TcpStream::connect(address).with_context(|| format!("connecting to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(SILENCE_MAX))?;
        Ok(Web { address, stream, cookie: String::new() })
    }

    /// Another connection of the same visitor.
    ///
    /// # Errors
    /// When nobody listens.
    pub(super) fn again(&self) -> anyhow::Result<Web> {
        Ok(Web { cookie: self.cookie.clone(), ..Web::connect(self.address)? })
    }

    /// Is a program from now on, which needs no session.
    pub(super) fn forget(&mut self) {
        self.cookie.clear();
    }

    /// Logs in with the address that the broker has printed.
    ///
    /// # Errors
    /// When it is not let in.
    pub(super) fn log_in(&mut self, console_url: &str) -> anyhow::Result<()> {
        let (_, address) = console_url.split_once(&self.address.to_string()).context("another address")?;
        let answer = self.ask("GET", address, None)?;
        ensure!(answer.status == 303, "logging in was answered with {}", answer.status);
        let set = answer.header("set-cookie").context("there is no cookie")?;
        self.cookie = set.split(';').next().unwrap_or_default().to_owned();
        Ok(())
    }

    /// Fetches an address.
    ///
    /// # Errors
    /// Those of the socket; an answer other than 200.
    pub(super) fn get(&mut self, address: &str) -> anyhow::Result<Vec<u8>> {
        let answer = self.ask("GET", address, None)?;
        ensure!(answer.status == 200, "{address} was answered with {}", answer.status);
        Ok(answer.body)
    }

    /// Sends a document to the API, which must take it.
    ///
    /// # Errors
    /// Those of the socket; a refusal.
    pub(super) fn put(&mut self, address: &str, document: &str) -> anyhow::Result<()> {
        let answer = self.ask("PUT", address, Some(document))?;
        let said = String::from_utf8_lossy(&answer.body);
        ensure!(answer.status < 300, "{address} was answered with {}: {said}", answer.status);
        Ok(())
    }

    fn ask(&mut self, method: &str, address: &str, document: Option<&str>) -> anyhow::Result<Answer> {
        let mut request = format!("{method} {address} HTTP/1.1\r\nhost: {}\r\n", self.address);
        if !self.cookie.is_empty() {
            request += &format!("cookie: {}\r\nsec-fetch-site: same-origin\r\n", self.cookie);
        }
        if let Some(document) = document {
            request += &format!("content-type: application/json\r\ncontent-length: {}\r\n", document.len());
        }
        request += "\r\n";
        request += document.unwrap_or_default();
        self.stream.write_all(request.as_bytes()).context("sending a request")?;
        let mut received = Vec::new();
        let mut buffer = vec![0; 64 << 10];
        let mut whole = None;
        while whole.is_none_or(|whole| received.len() < whole) {
            let read = self.stream.read(&mut buffer).context("waiting for an answer")?;
            ensure!(read > 0, "the broker closed the connection");
            received.extend_from_slice(&buffer[..read]);
            ensure!(received.len() <= ANSWER_BYTES_MAX, "an answer is too long");
            if whole.is_none()
                && let Some(end) = memmem::find(&received, b"\r\n\r\n")
            {
                whole = Some(end + 4 + length(&String::from_utf8_lossy(&received[..end]))?);
            }
        }
        let end = memmem::find(&received, b"\r\n\r\n").context("an answer has a head")?;
        let head = String::from_utf8_lossy(&received[..end]).into_owned();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.context("an answer has a status")?;
        Ok(Answer { status, head, body: received.split_off(end + 4) })
    }
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = head.split("\r\n").filter_map(|line| line.split_once(':'));
    let found = fields.find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.trim())
}

fn length(head: &str) -> anyhow::Result<usize> {
    match header(head, "content-length") {
        Some(length) => Ok(length.parse()?),
        None => bail!("an answer without a length: {head}"),
    }
}
