//! What was read and not yet taken by the session, and the reading itself.
//!
//! Apart because of what must not happen here: memory for connections that send nothing, copies of large requests,
//! and large buffers kept alive by small ones. Three ways to read answer that:
//!
//! | the connection                                    | reads into                                              |
//! |---------------------------------------------------|---------------------------------------------------------|
//! | has a buffer with room                            | that room                                               |
//! | is an ordinary one, and has none                  | the thread's buffer: short data is copied to a buffer of its size, long data keeps the buffer it came in |
//! | fills its reads, or is in the middle of a large request | a new buffer of 64 KiB to 1 MiB, growing with what arrives; only the beginning of an unfinished request moves |

use crate::options::{COPIED_BYTES_MAX, READ_CHUNK_BYTES_MAX};
use crate::scratch::Scratch;
use bytes::{BufMut, BytesMut};
use millstream_front::limits::READ_CHUNK_BYTES;
use std::io;
use std::pin::pin;
use std::task::{Context, Poll};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// So many reads in a row that use less than a quarter of the chunk halve it.
const SPARSE_READS: u8 = 8;

/// One connection's unread input.
pub(crate) struct Input {
    /// What waits for the session, in order.
    pub(crate) bytes: BytesMut,
    chunk: usize,
    sparse_reads: u8,
}

impl Input {
    pub(crate) fn new() -> Input {
        Input { bytes: BytesMut::new(), chunk: READ_CHUNK_BYTES, sparse_reads: 0 }
    }

    /// What is read at once, if there is so much: 64 KiB, up to 1 MiB on connections that fill their reads.
    pub(crate) fn chunk(&self) -> usize {
        self.chunk
    }

    /// Whether the connection fills its reads.
    pub(crate) fn is_bulk(&self) -> bool {
        self.chunk > READ_CHUNK_BYTES
    }

    /// Whether there is a buffer without anything in it.
    pub(crate) fn holds_empty_buffer(&self) -> bool {
        self.bytes.is_empty() && self.bytes.capacity() > 0
    }

    /// Lets go of the buffer, which requests may still share, if nothing in it waits.
    pub(crate) fn release(&mut self) {
        if self.bytes.is_empty() {
            self.bytes = BytesMut::new();
        }
    }

    /// Reads at most `limit` bytes, which must be readable, so that no buffer is taken in vain. 0: the peer sends
    /// nothing more.
    pub(crate) fn poll_read(
        &mut self,
        stream: &mut TcpStream,
        cx: &mut Context<'_>,
        limit: usize,
        scratch: &mut Scratch,
    ) -> Poll<io::Result<usize>> {
        let spare = self.bytes.capacity() - self.bytes.len();
        if spare < limit.min(COPIED_BYTES_MAX) {
            if !self.is_bulk() && limit <= READ_CHUNK_BYTES {
                return self.poll_read_aside(stream, cx, limit, scratch.read_buffer());
            }
            self.make_room(limit);
        }
        let room = limit.min(self.bytes.capacity() - self.bytes.len());
        let read = poll_read(stream, cx, &mut self.bytes, room);
        if let Poll::Ready(Ok(bytes)) = read {
            self.adapt(bytes, room);
        }
        read
    }

    fn poll_read_aside(
        &mut self,
        stream: &mut TcpStream,
        cx: &mut Context<'_>,
        limit: usize,
        aside: &mut BytesMut,
    ) -> Poll<io::Result<usize>> {
        let room = limit.min(aside.capacity());
        let read = poll_read(stream, cx, aside, room);
        if let Poll::Ready(Ok(bytes)) = read {
            if self.bytes.is_empty() && bytes > COPIED_BYTES_MAX {
                self.bytes = std::mem::take(aside);
            } else if self.bytes.is_empty() {
                self.bytes = BytesMut::from(&aside[..]);
            } else {
                self.bytes.extend_from_slice(aside);
            }
            self.adapt(bytes, room);
        }
        read
    }

    /// Makes room for more of what is being received: at most as much again as has arrived, or a chunk.
    fn make_room(&mut self, limit: usize) {
        let buffered = self.bytes.len();
        let additional = limit.min(self.chunk.max(buffered)).max(self.chunk);
        if !self.bytes.try_reclaim(additional) {
            let mut fresh = BytesMut::with_capacity(buffered + additional);
            fresh.extend_from_slice(&self.bytes);
            self.bytes = fresh;
        }
    }

    fn adapt(&mut self, bytes: usize, room: usize) {
        if bytes == room && room >= self.chunk {
            self.chunk = (self.chunk * 2).min(READ_CHUNK_BYTES_MAX);
            self.sparse_reads = 0;
        } else if bytes < room && bytes < self.chunk / 4 {
            self.sparse_reads += 1;
            if self.sparse_reads >= SPARSE_READS {
                self.chunk = (self.chunk / 2).max(READ_CHUNK_BYTES);
                self.sparse_reads = 0;
            }
        } else {
            self.sparse_reads = 0;
        }
    }
}

/// One read of at most `room` bytes into what `buffer` has room for; it does not grow.
pub(crate) fn poll_read(
    stream: &mut TcpStream,
    cx: &mut Context<'_>,
    buffer: &mut BytesMut,
    room: usize,
) -> Poll<io::Result<usize>> {
    assert!(room > 0 && room <= buffer.capacity() - buffer.len(), "a read has room");
    let mut target = buffer.limit(room);
    // The future reads at most once and holds nothing between polls, so a new one per poll is the same.
    pin!(stream.read_buf(&mut target)).poll(cx)
}
