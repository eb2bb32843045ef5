//! Producing to many logs in turn over one connection.
//!
//! Apart from [`super::Pipeline`], which sends one request over and over: here each request is another log's, so every
//! one is encoded ahead and only its correlation id is patched.

use std::io::{IoSlice, Write};
use std::net::TcpStream;

use anyhow::Context;

use super::FrameReader;
use super::produce::{CORRELATION_AT, ProduceFrame};

/// Requests of one vectored write.
const REQUESTS_MAX: usize = 300;

/// A connection that goes round `frames`.
pub(crate) struct Sweep<'f> {
    stream: TcpStream,
    frames: &'f [ProduceFrame],
    reader: FrameReader,
    sent: u64,
    received: u64,
}

impl<'f> Sweep<'f> {
    /// Begins with the first frame.
    pub(crate) fn new(stream: TcpStream, frames: &'f [ProduceFrame]) -> Sweep<'f> {
        Sweep { stream, frames, reader: FrameReader::new(1 << 16), sent: 0, received: 0 }
    }

    /// Requests without an answer.
    pub(crate) fn in_flight(&self) -> u64 {
        self.sent - self.received
    }

    /// Sends the next `count` requests.
    ///
    /// # Errors
    /// Those of the socket.
    pub(crate) fn send(&mut self, count: u64) -> anyhow::Result<()> {
        let mut left = count;
        while left > 0 {
            let now = left.min(REQUESTS_MAX as u64);
            self.send_at_once(now)?;
            left -= now;
        }
        Ok(())
    }

    fn send_at_once(&mut self, count: u64) -> anyhow::Result<()> {
        let frame = |id: u64| &self.frames[(id % self.frames.len() as u64) as usize];
        let mut prefixes: Vec<u8> = Vec::new();
        let mut ends = Vec::new();
        for id in self.sent..self.sent + count {
            let at = prefixes.len();
            prefixes.extend_from_slice(&frame(id).prefix);
            prefixes[at + CORRELATION_AT..at + CORRELATION_AT + 4]
                .copy_from_slice(&(id as u32).to_be_bytes());
            ends.push(prefixes.len());
        }
        let mut pieces = Vec::with_capacity(ends.len() * 3);
        let mut start = 0;
        for (id, end) in (self.sent..).zip(ends) {
            pieces.push(IoSlice::new(&prefixes[start..end]));
            pieces.push(IoSlice::new(&frame(id).batch));
            pieces.push(IoSlice::new(&frame(id).suffix));
            start = end;
        }
        let mut rest = &mut pieces[..];
        while !rest.is_empty() {
            let written = (&self.stream).write_vectored(rest).context("sending produce requests")?;
            IoSlice::advance_slices(&mut rest, written);
        }
        self.sent += count;
        Ok(())
    }

    /// Waits for answers and takes all that are there; returns how many, at least one.
    ///
    /// # Errors
    /// Those of the socket; an answer out of order or with an error code.
    pub(crate) fn receive(&mut self) -> anyhow::Result<u64> {
        let before = self.received;
        loop {
            while let Some(answer) = self.reader.next() {
                let frame = &self.frames[(self.received % self.frames.len() as u64) as usize];
                frame.check(answer, self.received as u32)?;
                self.received += 1;
            }
            if self.received > before {
                return Ok(self.received - before);
            }
            self.reader.fill(&self.stream).context("waiting for produce responses")?;
        }
    }
}
