//! Connections and the frames that arrive on them.
//!
//! Apart because both directions of the bench, and the null server, read frames the same way: as much as the socket
//! has in one call, then frame by frame out of one reused buffer.

use std::io::{self, Read};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A broker that says nothing for this long has failed the bench.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// Opens a connection as Kafka clients do: without Nagle's delay.
///
/// # Errors
/// Those of the socket.
pub(crate) fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(SILENCE_MAX))?;
    stream.set_write_timeout(Some(SILENCE_MAX))?;
    Ok(stream)
}

/// A receive buffer that gives out whole frames.
pub(crate) struct FrameReader {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl FrameReader {
    /// A reader with room for `bytes`; a larger frame makes it grow.
    pub(crate) fn new(bytes: usize) -> FrameReader {
        FrameReader { buffer: vec![0; bytes], start: 0, end: 0 }
    }

    /// The next frame that is there in full, without its size.
    pub(crate) fn next(&mut self) -> Option<&[u8]> {
        let present = &self.buffer[self.start..self.end];
        let (size, rest) = present.split_first_chunk::<4>()?;
        let size = u32::from_be_bytes(*size) as usize;
        if rest.len() < size {
            return None;
        }
        let from = self.start + 4;
        self.start = from + size;
        Some(&self.buffer[from..from + size])
    }

    /// Reads once from the socket; waits if nothing is there. Call it when [`FrameReader::next`] has nothing more.
    ///
    /// # Errors
    /// Those of the socket; the end of the stream is [`io::ErrorKind::UnexpectedEof`].
    pub(crate) fn fill(&mut self, mut stream: &TcpStream) -> io::Result<()> {
        self.make_room();
        match stream.read(&mut self.buffer[self.end..])? {
            0 => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the broker closed the connection")),
            read => {
                self.end += read;
                Ok(())
            }
        }
    }

    /// Makes sure that the frame that has begun fits behind `start`.
    fn make_room(&mut self) {
        let present = self.end - self.start;
        let needed = match self.buffer[self.start..self.end].first_chunk::<4>() {
            Some(size) => 4 + u32::from_be_bytes(*size) as usize,
            None => 4,
        };
        if present == 0 {
            (self.start, self.end) = (0, 0);
        } else if self.start + needed > self.buffer.len() || self.end == self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, present);
        }
        if needed > self.buffer.len() {
            self.buffer.resize(needed, 0);
        }
    }
}
