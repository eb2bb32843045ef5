//! What waits to be written to the peer.
//!
//! Apart because it is what a peer that does not read can make the broker hold: it is counted, and its progress is
//! what a slow reader is judged by.

use crate::options::SLICES_PER_WRITE;
use bytes::{Buf, Bytes, BytesMut};
use millstream_front::limits::READ_CHUNK_BYTES;
use millstream_types::EngineTime;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;

/// Copied chunks are joined up to so much: 64 KiB.
const JOINED_BYTES: usize = 64 << 10;
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
    /// When it was last looked how much the peer reads, and how much had been written then.
    pub(crate) looked: (EngineTime, u64),
    /// So many chunks at the front share their memory with nobody.
    own_chunks: usize,
}

impl Output {
    pub(crate) fn new(now: EngineTime) -> Output {
        Output {
            chunks: VecDeque::new(),
            bytes: 0,
            written_bytes: 0,
            progress_at: now,
            measured: (now, 0),
            looked: (now, 0),
            own_chunks: 0,
        }
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
            self.looked = (now, self.written_bytes);
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
            self.own_chunks = self.own_chunks.saturating_sub(1);
        }
    }

    /// Whether the peer has read enough since the last look; looks anew.
    pub(crate) fn reads_since_look(&mut self, now: EngineTime) -> bool {
        let read = self.written_bytes - self.looked.1;
        self.looked = (now, self.written_bytes);
        read >= READ_CHUNK_BYTES as u64
    }

    /// Copies chunks of at most `chunk_bytes_max` that were pushed since the last call, and joins them. What is left
    /// after a write waits for the peer, and a slice would keep alive what it is a slice of for as long: a group of the
    /// write-ahead log for one record of it (R9). A chunk that is most of what it is a slice of need not be copied.
    pub(crate) fn own(&mut self, chunk_bytes_max: usize) {
        let all = chunk_bytes_max == usize::MAX;
        if self.chunks.len() == self.own_chunks && !all {
            return;
        }
        let shared = self.chunks.split_off(if all { 0 } else { self.own_chunks });
        let mut joined = BytesMut::new();
        for chunk in shared {
            if chunk.len() > chunk_bytes_max {
                self.chunks.extend((!joined.is_empty()).then(|| joined.split().freeze()));
                self.chunks.push_back(chunk);
                continue;
            }
            if joined.is_empty() || joined.len() + chunk.len() > JOINED_BYTES {
                self.chunks.extend((!joined.is_empty()).then(|| joined.freeze()));
                joined = BytesMut::with_capacity(chunk.len().max(JOINED_BYTES.min(self.bytes)));
            }
            joined.extend_from_slice(&chunk);
        }
        self.chunks.extend((!joined.is_empty()).then(|| joined.freeze()));
        self.own_chunks = self.chunks.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(output: &Output) -> Vec<u8> {
        output.chunks.iter().flatten().copied().collect()
    }

    #[test]
    fn small_chunks_are_joined_and_large_ones_stay_until_they_must_go() {
        let group = Bytes::from((0..200_000_u32).map(|i| i.to_le_bytes()[0]).collect::<Vec<u8>>());
        let mut output = Output::new(EngineTime(0));
        let slices = [0..10, 10..50_000, 50_000..50_100, 50_100..50_200].map(|range| group.slice(range));
        output.push(EngineTime(0), 0, slices.into_iter());
        output.own(1000);
        assert_eq!(output.chunks.iter().map(Bytes::len).collect::<Vec<_>>(), [10, 49_990, 200]);
        assert_eq!(waiting(&output), group[..50_200]);
        output.advance(10);
        output.push(EngineTime(0), 0, std::iter::once(group.slice(50_200..50_300)));
        output.own(1000);
        assert_eq!(output.chunks.len(), 3);
        assert!(!group.is_unique(), "the large slice is still one");
        output.own(usize::MAX);
        assert_eq!(waiting(&output), group[10..50_300]);
        assert!(group.is_unique(), "nothing of the group is held any more");
        output.advance(50_290);
        assert_eq!((output.bytes(), output.own_chunks), (0, 0));
    }
}
