//! The socket as hyper reads and writes it, with every step told to the connection's watch.
//!
//! Apart because hyper knows neither this runtime nor its limits. Reads go through the thread's buffer: what hyper offers
//! is uninitialised memory, which only unsafe code could hand to the kernel.

use super::connection::Connection;
use crate::driver::poll_read;
use crate::options::{CLOSING_MS, HTTP_BUFFER_BYTES};
use crate::scratch::Scratch;
use hyper::rt::{Read, ReadBufCursor, Write};
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;

/// A connection's socket.
pub(super) struct Socket {
    stream: TcpStream,
    connection: Arc<Connection>,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, connection: Arc<Connection>) -> Socket {
        Socket { stream, connection }
    }

    /// Throws away what the client still sends until it closes, for a while: a socket that is closed with unread input
    /// takes the last response with it.
    pub(super) async fn linger(mut self) {
        let discard = poll_fn(|cx| {
            Scratch::lend(|scratch| {
                loop {
                    let read = poll_read(&mut self.stream, cx, scratch.read_buffer(), HTTP_BUFFER_BYTES);
                    // An error is an end as well.
                    if ready!(read).unwrap_or(0) == 0 {
                        return Poll::Ready(());
                    }
                }
            })
        });
        // Whoever sends longer has had its time to read the response.
        let _ = tokio::time::timeout(Duration::from_millis(CLOSING_MS), discard).await;
    }

    fn count(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        let mut watch = self.connection.watch.lock();
        match written {
            Poll::Ready(Ok(bytes)) => watch.written(bytes),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => watch.blocked(),
        }
        written
    }
}

impl Read for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut target: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        // Most polls find nothing: the buffer is not fetched for them.
        ready!(self.stream.poll_read_ready(cx))?;
        Scratch::lend(|scratch| {
            let aside = scratch.read_buffer();
            let room = target.remaining().min(HTTP_BUFFER_BYTES);
            let bytes = ready!(poll_read(&mut self.stream, cx, aside, room))?;
            target.put_slice(aside);
            if bytes > 0 {
                self.connection.watch.lock().read(bytes);
            }
            Poll::Ready(Ok(()))
        })
    }
}

impl Write for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.count(written)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.count(written)
    }

    /// Is called when everything was written.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.connection.watch.lock().flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
