//! A socket as hyper reads and writes it.
//!
//! Apart because hyper does not know this runtime. Reads go through a buffer of their own: what hyper offers is
//! uninitialised memory, which only unsafe code could hand to the kernel.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBufCursor, Write};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Bytes of one read.
const READ_BYTES: usize = 16 << 10;

/// A socket, with the buffer of its reads.
pub(super) struct Socket {
    stream: TcpStream,
    aside: Box<[u8]>,
}

impl Socket {
    pub(super) fn new(stream: TcpStream) -> Socket {
        Socket { stream, aside: vec![0; READ_BYTES].into_boxed_slice() }
    }
}

impl Read for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut target: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let Socket { stream, aside } = &mut *self;
        let room = target.remaining().min(aside.len());
        let mut read = ReadBuf::new(&mut aside[..room]);
        ready!(Pin::new(stream).poll_read(cx, &mut read))?;
        target.put_slice(read.filled());
        Poll::Ready(Ok(()))
    }
}

impl Write for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
