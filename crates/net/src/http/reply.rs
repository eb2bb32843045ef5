//! Responses as hyper writes them.
//!
//! Apart because a response's body holds its share of the memory for output for as long as anything of it waits to be
//! written.

use crate::outlay::Outlay;
use bytes::{Buf, Bytes};
use http::header::{CONNECTION, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use http_body::{Body, Frame, SizeHint};
use millstream_front::http::{Header, Response};
use std::borrow::Cow;
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

/// The front's response; `outlay` is what it holds of the memory for output so far.
pub(super) fn reply(front: &'static str, response: Response, mut outlay: Outlay) -> Reply {
    let Response { status, headers, body } = response;
    outlay.put_out(body.len(), true);
    outlay.settle(body.len());
    let piece = (!body.is_empty()).then_some(Piece { bytes: body, _outlay: Some(outlay) });
    spelled(status, headers, Payload(piece)).unwrap_or_else(|error| {
        tracing::error!(name = front, status, %error, "a front's response cannot be written");
        unwritable()
    })
}

/// A response in hyper's terms. Values are taken over as they are: none is copied.
fn spelled(status: u16, headers: Vec<Header>, payload: Payload) -> Result<Reply, http::Error> {
    let mut reply = http::Response::builder().status(status);
    for (name, value) in headers {
        let value = match value {
            Cow::Borrowed(value) => HeaderValue::from_maybe_shared(Bytes::from_static(value.as_bytes())),
            Cow::Owned(value) => HeaderValue::try_from(value),
        };
        reply = reply.header(name, value?);
    }
    reply.body(payload)
}

/// What stands for a response that cannot be written.
fn unwritable() -> Reply {
    let bytes = Bytes::from_static(b"The response could not be written; the log says why.\n");
    let mut reply = http::Response::new(Payload(Some(Piece { bytes, _outlay: None })));
    *reply.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    reply
}

/// Says in a response that the connection ends with it.
pub(super) fn close(reply: &mut Reply) {
    reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
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
