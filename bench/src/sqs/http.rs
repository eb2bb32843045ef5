//! One HTTP connection of the lean client: a request out in one vectored write, its response in place.
//!
//! Apart because cheapness is decided here: heads are made once and only their length is written anew, a response is looked at
//! where it was received, and nothing is parsed but what tells where it ends.

use std::io::{self, IoSlice, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use memchr::memmem;
use socket2::{Domain, Socket, Type};

/// A broker that says nothing for this long has failed the bench; longer than the longest poll.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// Bytes that a response may take before its buffer grows: ten messages of 1 KiB with their attributes.
const BUFFER_BYTES: usize = 24 << 10;
/// Most that a response may take.
const BUFFER_BYTES_MAX: usize = 4 << 20;

/// The head of the requests for one action, but for the length of their body.
pub(crate) struct Head(Vec<u8>);

impl Head {
    /// The head of a request for `action` in the JSON protocol, signed as SDKs do it when nobody checks.
    pub(crate) fn new(endpoint: SocketAddr, action: &str) -> Head {
        Head(
            format!(
                "POST / HTTP/1.1\r\n\
                 host: {endpoint}\r\n\
                 content-type: application/x-amz-json-1.0\r\n\
                 x-amz-target: AmazonSQS.{action}\r\n\
                 x-amz-date: 20260101T000000Z\r\n\
                 authorization: AWS4-HMAC-SHA256 Credential=bench/20260101/us-east-1/sqs/aws4_request, \
                 SignedHeaders=content-type;host;x-amz-date;x-amz-target, \
                 Signature=0000000000000000000000000000000000000000000000000000000000000000\r\n\
                 content-length: "
            )
            .into_bytes(),
        )
    }
}

/// A connection with one request under way at most.
pub(crate) struct Connection {
    stream: TcpStream,
    endpoint: SocketAddr,
    from: Ipv4Addr,
    buffer: Vec<u8>,
    filled: usize,
    /// Where the body begins and ends, once the head is there.
    body: Option<(usize, usize)>,
    /// The peer ends the connection after this response.
    closes: bool,
}

impl Connection {
    /// Connects from an address of this machine.
    ///
    /// # Errors
    /// Those of the socket.
    pub(crate) fn open(endpoint: SocketAddr, from: Ipv4Addr) -> anyhow::Result<Connection> {
        let stream = connect(endpoint, from).with_context(|| format!("connecting to {endpoint}"))?;
        Ok(Connection { stream, endpoint, from, buffer: Vec::new(), filled: 0, body: None, closes: false })
    }

    /// The socket, to wait for.
    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Sends a request. `true` when the peer had announced that it would end the connection, so that it is another now.
    ///
    /// # Errors
    /// Those of the socket.
    pub(crate) fn send(&mut self, head: &Head, body: &[u8]) -> anyhow::Result<bool> {
        let reopens = self.closes;
        if reopens {
            self.stream = connect(self.endpoint, self.from)?;
        }
        (self.filled, self.body, self.closes) = (0, None, false);
        let length = format!("{}\r\n\r\n", body.len());
        let mut pieces = [IoSlice::new(&head.0), IoSlice::new(length.as_bytes()), IoSlice::new(body)];
        let mut rest = &mut pieces[..];
        while !rest.is_empty() {
            let written = (&self.stream).write_vectored(rest).context("sending a request")?;
            IoSlice::advance_slices(&mut rest, written);
        }
        Ok(reopens)
    }

    /// Reads once from the socket, and waits if nothing is there. `true` when the response is whole.
    ///
    /// # Errors
    /// Those of the socket; an answer other than 200.
    pub(crate) fn receive(&mut self) -> anyhow::Result<bool> {
        if self.filled == self.buffer.len() {
            ensure!(self.filled < BUFFER_BYTES_MAX, "a response is longer than {BUFFER_BYTES_MAX} bytes");
            self.buffer.resize((2 * self.filled).max(BUFFER_BYTES), 0);
        }
        let read = (&self.stream).read(&mut self.buffer[self.filled..]).context("waiting for a response")?;
        ensure!(read > 0, "the broker closed the connection");
        self.filled += read;
        if self.body.is_none() {
            let present = &self.buffer[..self.filled];
            let Some(end) = memmem::find(present, b"\r\n\r\n") else { return Ok(false) };
            let length = self.head(end)?;
            self.body = Some((end + 4, end + 4 + length));
        }
        let (_, end) = self.body.expect("it was just set");
        let missing = end.saturating_sub(self.buffer.len());
        if missing > 0 {
            ensure!(end <= BUFFER_BYTES_MAX, "a response is longer than {BUFFER_BYTES_MAX} bytes");
            self.buffer.resize(end, 0);
        }
        ensure!(self.filled <= end, "more came than a response");
        Ok(self.filled == end)
    }

    /// The body of a whole response.
    pub(crate) fn response(&self) -> &[u8] {
        let (start, end) = self.body.expect("a response is whole");
        &self.buffer[start..end]
    }

    /// Sends a request and waits for its response: for what is not measured.
    ///
    /// # Errors
    /// Those of the socket; an answer other than 200.
    pub(crate) fn call(&mut self, head: &Head, body: &[u8]) -> anyhow::Result<&[u8]> {
        self.send(head, body)?;
        while !self.receive()? {}
        Ok(self.response())
    }

    /// Reads a head that ends at `end`; returns the body's length.
    fn head(&mut self, end: usize) -> anyhow::Result<usize> {
        let head = std::str::from_utf8(&self.buffer[..end]).context("a head that is no text")?;
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap_or_default();
        let mut length = None;
        for line in lines {
            let (name, value) = line.split_once(':').context("a header without a value")?;
            if name.eq_ignore_ascii_case("content-length") {
                length = Some(value.trim().parse()?);
            } else if name.eq_ignore_ascii_case("connection") {
                self.closes = value.trim().eq_ignore_ascii_case("close");
            }
        }
        if !status.ends_with(" 200") && !status.contains(" 200 ") {
            let said = String::from_utf8_lossy(&self.buffer[end..self.filled]);
            bail!("a request was answered with {status}: {}", said.trim());
        }
        length.context("a response without a length")
    }
}

fn connect(endpoint: SocketAddr, from: Ipv4Addr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    if from != Ipv4Addr::LOCALHOST {
        socket.bind(&SocketAddr::from((from, 0)).into())?;
    }
    socket.connect(&endpoint.into())?;
    // Where nobody listens yet, a socket may be given the very port that it asks for, and is then its own peer.
    if socket.local_addr()?.as_socket() == Some(endpoint) {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    socket.set_tcp_nodelay(true)?;
    socket.set_read_timeout(Some(SILENCE_MAX))?;
    socket.set_write_timeout(Some(SILENCE_MAX))?;
    Ok(socket.into())
}
