//! HTTP as values: a request, its response, and what is in between when the broker has to be waited for.
//!
//! Apart because fronts that speak HTTP have no connection of their own: `net` serves HTTP and hands each whole request
//! to a [`Service`], which answers at once or gives back an [`Exchange`], a state that waits. Neither depends on an HTTP
//! library: paths, queries and header values are as they were sent, since signatures are made over exactly these.

use crate::backend::Backend;
use crate::metrics::OperationMeters;
use crate::session::{Event, ReadCommand, Submission, Watch};
use bytes::Bytes;
use core::net::IpAddr;
use millstream_types::EngineTime;
use std::borrow::Cow;
use std::sync::Arc;

/// A request whose body was read to its end.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The method, in capitals.
    pub method: &'a str,
    /// The path as sent, still percent-encoded; begins with `/`.
    pub path: &'a str,
    /// What follows the question mark, as sent; empty when there is none.
    pub query: &'a str,
    /// The headers in their order, names in small letters. In HTTP/2 the authority is the header `host`.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// The body.
    pub body: &'a [u8],
    /// It came over TLS, so that addresses made from it begin with `https`.
    pub is_tls: bool,
    /// Where it came from, if that is known.
    pub peer: Option<IpAddr>,
}

impl<'a> Request<'a> {
    /// The value of the first header of a name given in small letters, trimmed; `None` as well when it is not text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a str> {
        let value = self.headers.iter().find(|(known, _)| *known == name)?.1;
        std::str::from_utf8(value).ok().map(str::trim)
    }
}

/// A header of a response: its name in small letters, and its value without line ends.
pub type Header = (&'static str, Cow<'static, str>);

/// A response. `content-length` and `date` are for whoever writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers, in their order.
    pub headers: Vec<Header>,
    /// The body.
    pub body: Bytes,
}

impl Response {
    /// The value of the first header of a name given in small letters.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| &**value)
    }
}

/// What an exchange wants done. Tags are the exchange's own: each exchange has an inbox for itself.
#[derive(Debug, Default)]
pub struct Commands {
    /// Requests for the shard, in order.
    pub submissions: Vec<Submission>,
    /// Reads to make.
    pub reads: Vec<ReadCommand>,
    /// Logs to watch from now on, until one of them moves: [`Event::Moved`]. It replaces the watch before.
    pub watch: Option<Watch>,
    /// When [`Event::Deadline`] is wanted, once. It replaces the moment before.
    pub wake_at: Option<EngineTime>,
}

/// How far a request has come.
pub enum Outcome {
    /// It is answered.
    Respond(Response),
    /// It waits for what it has ordered in [`Commands`].
    Wait(Box<dyn Exchange>),
    /// It is answered in part. The exchange [goes on](Exchange::resume) once there is room for more.
    Part(Part, Box<dyn Exchange>),
}

/// A part of an answer whose length is not known when it begins. What comes last is an [`Outcome::Respond`], of which then only
/// the body counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// The first: status, headers, and how the body begins.
    Head(Response),
    /// What follows in the body.
    Piece(Bytes),
}

impl Part {
    /// What of the body it is.
    #[must_use]
    pub fn into_body(self) -> Bytes {
        match self {
            Part::Head(response) => response.body,
            Part::Piece(bytes) => bytes,
        }
    }
}

/// A request that waits for the broker. The request itself is gone; what is needed of it is in here.
pub trait Exchange: Send {
    /// Takes the outcome of a command: [`Event::Reply`], [`Event::Read`], [`Event::Moved`] or [`Event::Deadline`].
    fn handle(self: Box<Self>, now: EngineTime, event: Event, commands: &mut Commands) -> Outcome;

    /// Goes on after a part of its answer. It is not called before the client has taken nearly all that it was given, so that
    /// a slow one costs no memory.
    fn resume(self: Box<Self>, now: EngineTime, commands: &mut Commands) -> Outcome;

    /// The client has gone away. What it was waiting for may be called off; the events of everything that was ordered,
    /// here as well, still go to [`Exchange::handle`] until it responds, for what was taken for the client has to be given back.
    /// An exchange that has answered in part is not told: it is dropped, so it must not hold anything of that kind.
    fn abandon(&mut self, now: EngineTime, commands: &mut Commands);
}

/// A front that speaks HTTP. One per listener.
pub trait Service: Send + Sync + 'static {
    /// The protocol's name, for logs and metrics.
    fn name(&self) -> &'static str;

    /// What is counted of its operations, if that is done.
    fn meters(&self) -> Option<Arc<OperationMeters>> {
        None
    }

    /// Bytes of a request's body at most. A longer one is refused before it is read.
    fn body_bytes_max(&self) -> usize;

    /// Starts a request.
    fn start(
        &self,
        now: EngineTime,
        backend: &Arc<dyn Backend>,
        request: &Request<'_>,
        commands: &mut Commands,
    ) -> Outcome;

    /// The response to a request that is not started, so that a client sees it in its protocol's shape. The request has no
    /// body here: it was not read, or not to its end.
    fn refuse(&self, backend: &Arc<dyn Backend>, request: &Request<'_>, refusal: Refusal) -> Response {
        let _ = (backend, request);
        refusal.plain()
    }
}

/// Why a request is not started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Its body is longer than [`Service::body_bytes_max`].
    TooLong,
    /// It is not HTTP as a front may see it, for this reason: a sentence.
    Malformed(&'static str),
    /// There was no memory for it in time.
    NoMemory,
}

impl Refusal {
    /// The status code.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Refusal::TooLong => 413,
            Refusal::Malformed(_) => 400,
            Refusal::NoMemory => 503,
        }
    }

    /// A sentence for whoever sent the request.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Refusal::TooLong => "The request's body is too long.",
            Refusal::Malformed(why) => why,
            Refusal::NoMemory => "There is no memory for the request at the moment.",
        }
    }

    /// The response in plain text.
    #[must_use]
    pub fn plain(self) -> Response {
        let mut headers: Vec<Header> = vec![("content-type", "text/plain".into())];
        if self == Refusal::NoMemory {
            headers.push(("retry-after", "1".into()));
        }
        let body = Bytes::from(format!("{}\n", self.sentence()));
        Response { status: self.status(), headers, body }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_found_by_its_small_letters_and_trimmed() {
        let headers: [(&str, &[u8]); 3] = [("host", b" a:1 "), ("x-raw", &[0xff]), ("host", b"b")];
        let request = Request {
            method: "GET",
            path: "/",
            query: "",
            headers: &headers,
            body: b"",
            is_tls: false,
            peer: None,
        };
        assert_eq!(request.header("host"), Some("a:1"));
        assert_eq!(request.header("x-raw"), None);
        assert_eq!(request.header("accept"), None);
    }
}
