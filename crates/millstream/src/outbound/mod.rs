//! Requests that the broker makes of others: notices of alarms, traces.
//!
//! Apart because these are the only connections that it opens by itself. A request is small and its answer is looked at only as far as
//! its status; nothing is kept open, redirections are not followed, and there is no name that is looked up twice. With `https` the
//! certificate must be for the name that was configured, by an authority that is trusted.

mod target;
mod tls;

pub(crate) use target::{Allowed, Target};
pub(crate) use tls::Trust;

use parking_lot::RwLock;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// How long a connection, a write or an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Of an answer so much is read: its status is in the first line.
const ANSWER_BYTES_MAX: usize = 4096;

/// What makes requests. Clones are the same: whom one trusts from now on, all do.
#[derive(Clone)]
pub(crate) struct Client(Arc<RwLock<Option<Trust>>>);

impl Client {
    /// A client that trusts these authorities; `None` when no target is `https`.
    pub(crate) fn new(trust: Option<Trust>) -> Client {
        Client(Arc::new(RwLock::new(trust)))
    }

    /// Trusts other authorities from the next request on.
    pub(crate) fn replace(&self, trust: Option<Trust>) {
        *self.0.write() = trust;
    }

    /// Posts JSON to the first address that answers, with further header lines, each with its line end. Gives the status.
    ///
    /// # Errors
    /// Why there is none, in a sentence.
    pub(crate) fn post(
        &self,
        target: &Target,
        addresses: &[SocketAddr],
        headers: &str,
        body: &[u8],
    ) -> Result<u16, String> {
        let exchange = || {
            let mut stream = connect(addresses)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            if !target.is_tls {
                return exchange(&mut stream, target, headers, body);
            }
            let trust = self.0.read().clone();
            let trust = trust.ok_or_else(|| io::Error::other("no authority is trusted"))?;
            let mut session = trust.session(&target.name())?;
            exchange(&mut rustls::Stream::new(&mut session, &mut stream), target, headers, body)
        };
        exchange().map_err(|error: io::Error| error.to_string())
    }
}

/// Sends the request and reads the status.
fn exchange(
    stream: &mut (impl Read + Write),
    target: &Target,
    headers: &str,
    body: &[u8],
) -> io::Result<u16> {
    let (path, authority, version) = (&target.path, target.authority(), env!("CARGO_PKG_VERSION"));
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {authority}\r\nuser-agent: millstream/{version}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    stream.flush()?;
    status(stream)
}

fn connect(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut refused = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match TcpStream::connect_timeout(address, PATIENCE) {
            Ok(stream) => return Ok(stream),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

/// The status of an answer.
fn status(stream: &mut impl Read) -> io::Result<u16> {
    let mut answer = Vec::new();
    let mut piece = [0; 512];
    while answer.len() < ANSWER_BYTES_MAX && !answer.contains(&b'\n') {
        match stream.read(&mut piece)? {
            0 => break,
            bytes => answer.extend_from_slice(&piece[..bytes]),
        }
    }
    let line = answer.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let code =
        || std::str::from_utf8(line).ok()?.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.trim().parse().ok();
    code().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "what answers is no HTTP server"))
}

#[cfg(test)]
mod tests {
    use super::status;

    #[test]
    fn a_status_is_read_and_nothing_else_is_taken_for_one() {
        let read = |mut text: &[u8]| status(&mut text).ok();
        assert_eq!(read(b"HTTP/1.1 204 No Content\r\nx: y\r\n\r\n"), Some(204));
        assert_eq!(read(b"HTTP/1.0 500\r\n"), Some(500));
        assert_eq!(read(b"SSH-2.0-x\r\n"), None);
        assert_eq!(read(b"HTTP/1.1 x\r\n"), None);
        assert_eq!(read(b""), None);
        assert_eq!(read(&[b'x'; 10_000]), None);
    }
}
