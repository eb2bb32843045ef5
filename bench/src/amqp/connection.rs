//! One connection of the lean client: opened, given a channel, then read and written without waiting.
//!
//! Apart because cheapness is decided here: frames are looked at where they were received, and what is sent leaves in as few
//! writes as the socket allows.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use socket2::{Domain, Socket, Type};

use super::frames::{self, CHANNEL, FRAME_BYTES_MAX, Frame, HEADER, Method, Writer};

/// A broker that says nothing for this long has failed the bench; deleting a deep queue may take a while.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// Bytes that are read at once.
const BUFFER_BYTES: usize = 256 << 10;
/// A small buffer, for what is read while nothing is measured.
const BUFFER_BYTES_FIRST: usize = 4 << 10;

/// A connection with one channel.
pub(crate) struct Connection {
    stream: TcpStream,
    input: Vec<u8>,
    /// What was received and not looked at.
    unread: std::ops::Range<usize>,
    output: Vec<u8>,
    written: usize,
}

impl Connection {
    /// Connects from an address of this machine, logs in and opens a channel. The socket waits until [`Connection::begin`].
    ///
    /// # Errors
    /// When nobody listens, or the broker refuses.
    pub(crate) fn open(address: SocketAddr, from: Ipv4Addr) -> anyhow::Result<Connection> {
        let stream = connect(address, from).with_context(|| format!("connecting to {address}"))?;
        let input = vec![0; BUFFER_BYTES_FIRST];
        let mut connection = Connection { stream, input, unread: 0..0, output: Vec::new(), written: 0 };
        connection.stream.write_all(HEADER)?;
        connection.expect((10, 10))?;
        let login = b"\0guest\0guest";
        connection.tell(Writer::method(0, (10, 11)).long(b"").short("PLAIN").long(login).short("en_US"))?;
        connection.expect((10, 30))?;
        connection.tell(Writer::method(0, (10, 31)).u16(2047).u32(FRAME_BYTES_MAX).u16(0))?;
        connection.call(Writer::method(0, (10, 40)).short("/").short("").u8(0), (10, 41))?;
        connection.call(Writer::method(CHANNEL, (20, 10)).short(""), (20, 11))?;
        Ok(connection)
    }

    /// The socket, to wait for.
    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Sends a method and waits for nothing.
    ///
    /// # Errors
    /// Those of the socket.
    pub(crate) fn tell(&mut self, method: Writer) -> anyhow::Result<()> {
        Ok(self.stream.write_all(&method.finish())?)
    }

    /// Sends a method and waits for its answer.
    ///
    /// # Errors
    /// Those of the socket; another answer.
    pub(crate) fn call(&mut self, method: Writer, answer: Method) -> anyhow::Result<()> {
        self.tell(method)?;
        self.expect(answer)
    }

    /// Waits for a method.
    ///
    /// # Errors
    /// Those of the socket; another method.
    pub(crate) fn expect(&mut self, method: Method) -> anyhow::Result<()> {
        loop {
            match self.next()? {
                Some(Frame::Method(got, _)) if got == method => return Ok(()),
                Some(Frame::Method((class, number), arguments)) => {
                    let said = String::from_utf8_lossy(arguments);
                    bail!("method {class}.{number} instead of {method:?}: {said}");
                }
                Some(Frame::Heartbeat) => {}
                Some(frame) => bail!("{frame:?} instead of {method:?}"),
                None => ensure!(self.fill()?, "nothing came for a minute"),
            }
        }
    }

    /// From now on nothing waits for the socket.
    ///
    /// # Errors
    /// Those of the socket.
    pub(crate) fn begin(&mut self) -> anyhow::Result<()> {
        self.input.resize(BUFFER_BYTES, 0);
        Ok(self.stream.set_nonblocking(true)?)
    }

    /// Adds frames to what is to be sent.
    pub(crate) fn push(&mut self, frames: &[u8]) -> usize {
        self.output.extend_from_slice(frames);
        self.output.len() - frames.len()
    }

    /// The bytes that wait to be sent, from where [`Connection::push`] said.
    pub(crate) fn pushed(&mut self, at: usize) -> &mut [u8] {
        &mut self.output[at..]
    }

    /// Sends what the socket takes. `true` when nothing is left.
    ///
    /// # Errors
    /// Those of the socket.
    pub(crate) fn flush(&mut self) -> anyhow::Result<bool> {
        while self.written < self.output.len() {
            match self.stream.write(&self.output[self.written..]) {
                Ok(written) => self.written += written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error).context("sending"),
            }
        }
        self.output.clear();
        self.written = 0;
        Ok(true)
    }

    /// Reads once from the socket. `false` when nothing was there.
    ///
    /// # Errors
    /// Those of the socket; the end of the connection.
    pub(crate) fn fill(&mut self) -> anyhow::Result<bool> {
        if self.unread.start > 0 {
            self.input.copy_within(self.unread.clone(), 0);
            self.unread = 0..self.unread.len();
        }
        if self.unread.end == self.input.len() {
            self.input.resize((2 * self.input.len()).min(2 * FRAME_BYTES_MAX as usize), 0);
        }
        match self.stream.read(&mut self.input[self.unread.end..]) {
            Ok(0) => bail!("the broker closed the connection"),
            Ok(read) => self.unread.end += read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error).context("receiving"),
        }
        Ok(true)
    }

    /// The next frame of those that were received.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn next(&mut self) -> anyhow::Result<Option<Frame<'_>>> {
        let unread = &self.input[self.unread.clone()];
        let Some((frame, length)) = frames::next(unread)? else { return Ok(None) };
        self.unread.start += length;
        Ok(Some(frame))
    }
}

/// Connects from an address of this machine.
///
/// # Errors
/// Those of the socket.
pub(crate) fn connect(address: SocketAddr, from: Ipv4Addr) -> anyhow::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    if from != Ipv4Addr::LOCALHOST {
        socket.bind(&SocketAddr::from((from, 0)).into())?;
    }
    socket.connect(&address.into())?;
    socket.set_tcp_nodelay(true)?;
    socket.set_read_timeout(Some(SILENCE_MAX))?;
    socket.set_write_timeout(Some(SILENCE_MAX))?;
    Ok(socket.into())
}
