//! Responses as hyper writes them, and those that no front makes: refusals.
//!
//! Apart because a response's body holds its share of the memory for output for as long as anything of it waits to be
//! written.

use crate::outlay::Outlay;
use bytes::{Buf, Bytes};
use http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use http_body::{Body, Frame, SizeHint};
use millstream_front::http::Response;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A response as hyper takes it.
pub(super) type Reply = http::Response<Payload>;

/// A response's body: one piece, or none.
pub(super) struct Payload(Option<Piece>);

/// Bytes that wait to be written, and the memory they are counted in.
pub(super) struct Piece {
    bytes: Bytes,
    /// `None` for what is part of the program.
    _outlay: Option<Outlay>,
}

/// Why a request gets no answer from its front.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Its body is longer than the front takes.
    TooLong,
    /// It is not HTTP, for this reason.
    Malformed(&'static str),
    /// There was no memory for it in time.
    NoMemory,
    /// The front made a response that cannot be written.
    Unwritable,
}

/// The front's response; `outlay` is what it holds of the memory for output so far.
pub(super) fn reply(front: &'static str, response: Response, mut outlay: Outlay) -> Reply {
    let Response { status, headers, body } = response;
    outlay.put_out(body.len(), true);
    outlay.settle(body.len());
    let mut reply = http::Response::builder().status(status);
    for (name, value) in headers {
        reply = reply.header(name, value);
    }
    let piece = (!body.is_empty()).then_some(Piece { bytes: body, _outlay: Some(outlay) });
    reply.body(Payload(piece)).unwrap_or_else(|error| {
        tracing::error!(name = front, status, %error, "a front's response cannot be written");
        Refusal::Unwritable.reply(false)
    })
}

impl Refusal {
    /// The response. `unread`: of the request's body something was not read, so that the connection has to end.
    pub(super) fn reply(self, unread: bool) -> Reply {
        let (status, text) = match self {
            Refusal::TooLong => (StatusCode::PAYLOAD_TOO_LARGE, "The request's body is too long.\n"),
            Refusal::Malformed(why) => (StatusCode::BAD_REQUEST, why),
            Refusal::NoMemory => {
                (StatusCode::SERVICE_UNAVAILABLE, "There is no memory for the request at the moment.\n")
            }
            Refusal::Unwritable => {
                (StatusCode::INTERNAL_SERVER_ERROR, "The response could not be written; the log says why.\n")
            }
        };
        let bytes = Bytes::from_static(text.as_bytes());
        let mut reply = http::Response::new(Payload(Some(Piece { bytes, _outlay: None })));
        *reply.status_mut() = status;
        reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        if self == Refusal::NoMemory {
            reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if unread {
            reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        reply
    }
}

impl Body for Payload {
    type Data = Piece;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Piece>, Infallible>>> {
        Poll::Ready(self.0.take().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |piece| piece.bytes.len() as u64))
    }
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
    }
}
