//! What waits to be written to the peer.
//!
//! Apart because it is what a peer that does not read can make the broker hold: it is counted, and its progress is
//! what a slow reader is judged by.

use crate::options::SLICES_PER_WRITE;
use bytes::{Buf, Bytes};
use millstream_types::EngineTime;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;

/// Chunks for which an idle connection keeps room.
const CHUNKS_KEPT: usize = 32;

/// One connection's output.
pub(crate) struct Output {
    chunks: VecDeque<Bytes>,
    bytes: usize,
    written_bytes: u64,
    /// When something began to wait or was last written.
    pub(crate) progress_at: EngineTime,
    /// Since when a slow peer's progress is measured, and how much had been written then.
    pub(crate) measured: (EngineTime, u64),
}

impl Output {
    pub(crate) fn new(now: EngineTime) -> Output {
        Output { chunks: VecDeque::new(), bytes: 0, written_bytes: 0, progress_at: now, measured: (now, 0) }
    }

    /// Bytes that wait.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes written so far.
    pub(crate) fn written_bytes(&self) -> u64 {
        self.written_bytes
    }

    /// Adds chunks. Measuring a slow peer begins when more than `measured_over` bytes wait.
    pub(crate) fn push(
        &mut self,
        now: EngineTime,
        measured_over: usize,
        chunks: impl Iterator<Item = Bytes>,
    ) {
        let before = self.bytes;
        for chunk in chunks.filter(|chunk| !chunk.is_empty()) {
            self.bytes += chunk.len();
            self.chunks.push_back(chunk);
        }
        if before == 0 {
            self.progress_at = now;
        }
        if before <= measured_over && self.bytes > measured_over {
            self.measured = (now, self.written_bytes);
        }
    }

    /// Writes what the socket takes. `true` when something was written.
    pub(crate) fn poll_write(
        &mut self,
        now: EngineTime,
        stream: &mut TcpStream,
        cx: &mut Context<'_>,
    ) -> io::Result<bool> {
        let before = self.written_bytes;
        while self.bytes > 0 {
            let mut slices = [IoSlice::new(&[]); SLICES_PER_WRITE];
            let mut count = 0;
            for (slice, chunk) in slices.iter_mut().zip(&self.chunks) {
                *slice = IoSlice::new(chunk);
                count += 1;
            }
            match Pin::new(&mut *stream).poll_write_vectored(cx, &slices[..count])? {
                Poll::Pending => break,
                Poll::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(written) => self.advance(written),
            }
        }
        let progressed = self.written_bytes > before;
        if progressed {
            self.progress_at = now;
        }
        if self.bytes == 0 && self.chunks.capacity() > CHUNKS_KEPT {
            self.chunks = VecDeque::new();
        }
        Ok(progressed)
    }

    fn advance(&mut self, written: usize) {
        self.bytes = self.bytes.checked_sub(written).expect("no more is written than waits");
        self.written_bytes += written as u64;
        let mut left = written;
        while left > 0 {
            let chunk = self.chunks.front_mut().expect("the bytes of all chunks are counted");
            if chunk.len() > left {
                chunk.advance(left);
                return;
            }
            left -= chunk.len();
            self.chunks.pop_front();
        }
    }
}
