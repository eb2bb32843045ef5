//! Responses as hyper writes them.
//!
//! Apart because a response's body holds its share of the memory for output for as long as anything of it waits to be
//! written. One that comes in parts is fetched from its exchange when hyper has room for more, which is when the client has
//! taken what came before: whoever reads slowly is given little, and is cut off like any slow reader (`watch.rs`).

use super::connection::Connection;
use crate::outlay::Outlay;
use bytes::{Buf, Bytes};
use http::header::{CONNECTION, CONTENT_TYPE, HeaderName, InvalidHeaderName};
use http::{HeaderValue, StatusCode};
use http_body::{Body, Frame, SizeHint};
use millstream_front::http::{Header, Response};
use std::borrow::Cow;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// Header names up to this length are compared with what they should be; none is longer.
const PLAIN_NAME_BYTES_MAX: usize = 64;

/// A response as hyper takes it.
pub(super) type Reply = http::Response<Payload>;

/// A response's body: one piece or none, and maybe more behind it.
pub(super) struct Payload {
    first: Option<Piece>,
    rest: Option<Stream>,
}

/// What an exchange still has to give. Dropping it ends the exchange.
struct Stream(Arc<Connection>);

impl Drop for Stream {
    fn drop(&mut self) {
        self.0.end_stream();
    }
}

/// Bytes that wait to be written, and the memory they are counted in.
pub(super) struct Piece {
    bytes: Bytes,
    /// `None` for what is part of the program.
    _outlay: Option<Outlay>,
}

impl Piece {
    /// A piece; `outlay` is what its exchange holds of the memory for output so far.
    pub(super) fn new(bytes: Bytes, mut outlay: Outlay) -> Piece {
        outlay.put_out(bytes.len(), true);
        outlay.settle(bytes.len());
        Piece { bytes, _outlay: Some(outlay) }
    }
}

/// The front's response; `outlay` is what it holds of the memory for output so far.
pub(super) fn reply(front: &'static str, response: Response, outlay: Outlay) -> Reply {
    whole_or_begun(front, response, outlay, None)
}

/// The head of a response and how its body begins; the rest is asked of the connection's exchange.
pub(super) fn begun(connection: &Arc<Connection>, head: Response, outlay: Outlay) -> Reply {
    whole_or_begun(connection.front.name(), head, outlay, Some(Stream(connection.clone())))
}

fn whole_or_begun(front: &'static str, response: Response, outlay: Outlay, rest: Option<Stream>) -> Reply {
    let Response { status, headers, body } = response;
    let first = (!body.is_empty()).then(|| Piece::new(body, outlay));
    spelled(status, headers, Payload { first, rest }).unwrap_or_else(|error| {
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
        reply = reply.header(spelled_name(name)?, value?);
    }
    reply.body(payload)
}

/// A header's name. One that is spelled as it should be is used as it is; others are looked at, and copied, by `http`.
fn spelled_name(name: &'static str) -> Result<HeaderName, InvalidHeaderName> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !name.is_empty() && name.len() <= PLAIN_NAME_BYTES_MAX && name.bytes().all(is_plain) {
        return Ok(HeaderName::from_static(name));
    }
    HeaderName::from_bytes(name.as_bytes())
}

/// What stands for a response that cannot be written.
fn unwritable() -> Reply {
    let bytes = Bytes::from_static(b"The response could not be written; the log says why.\n");
    let first = Some(Piece { bytes, _outlay: None });
    let mut reply = http::Response::new(Payload { first, rest: None });
    *reply.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    reply
}

/// Whether the end of a response is not known yet.
pub(super) fn is_begun(reply: &Reply) -> bool {
    reply.body().rest.is_some()
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
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Piece>, Infallible>>> {
        if let Some(piece) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        let Some(Stream(connection)) = &self.rest else { return Poll::Ready(None) };
        let piece = ready!(connection.poll_piece(cx));
        if piece.is_none() {
            self.rest = None;
        }
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.rest.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let first = self.first.as_ref().map_or(0, |piece| piece.bytes.len() as u64);
        match self.rest {
            None => SizeHint::with_exact(first),
            Some(_) => SizeHint::default(),
        }
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
