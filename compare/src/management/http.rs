//! One HTTP request on a connection of its own.
//!
//! Apart because it is all that is needed of HTTP here, and it must not be this broker's own idea of it.

use anyhow::{Context as _, bail, ensure};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// Longest answer that is read.
const ANSWER_BYTES_MAX: u64 = 16 << 20;

/// An answer.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// The value of a header.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }
}

/// Makes a request; `credentials` are those of the scheme `Basic`, already encoded.
pub(super) fn ask(
    broker: &str,
    method: &str,
    path: &str,
    credentials: Option<&str>,
    body: &str,
    patience: Duration,
) -> anyhow::Result<Answer> {
    let mut stream = TcpStream::connect(broker).with_context(|| format!("connecting to {broker}"))?;
    stream.set_read_timeout(Some(patience))?;
    let authorization =
        credentials.map_or_else(String::new, |credentials| format!("Authorization: Basic {credentials}\r\n"));
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {broker}\r\n{authorization}Connection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes())?;
    let mut bytes = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut bytes)?;
    read(&bytes).with_context(|| format!("the answer to {method} {path}"))
}

fn read(bytes: &[u8]) -> anyhow::Result<Answer> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").context("it has no end of its head")?;
    let head = std::str::from_utf8(&bytes[..end])?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).context("it has no status")?.parse()?;
    let mut headers = Vec::new();
    for line in lines {
        let Some((name, value)) = line.split_once(':') else { bail!("a header without a colon: {line}") };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut answer = Answer { status, headers, body: bytes[end + 4..].to_vec() };
    if answer.header("transfer-encoding") == Some("chunked") {
        answer.body = unchunked(&answer.body)?;
    } else if let Some(length) = answer.header("content-length") {
        let length: usize = length.parse()?;
        ensure!(answer.body.len() == length, "{} bytes instead of {length}", answer.body.len());
    }
    Ok(answer)
}

fn unchunked(mut rest: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n").context("a chunk without a length")?;
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..end])?, 16)?;
        let from = end + 2;
        let chunk = rest.get(from..from + length).context("a chunk that is cut off")?;
        if length == 0 {
            return Ok(body);
        }
        body.extend_from_slice(chunk);
        rest = rest.get(from + length + 2..).context("a chunk without an end")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_whole_or_in_chunks() {
        let answer = read(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: b\r\n\r\n{}").unwrap();
        assert_eq!((answer.status, answer.header("x-a"), &answer.body[..]), (200, Some("b"), &b"{}"[..]));
        let answer =
            read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n");
        assert_eq!(answer.unwrap().body, b"{}");
        for bad in [&b"HTTP/1.1 200 OK"[..], b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}"] {
            assert!(read(bad).is_err());
        }
    }
}
