//! One request, from its head to its response.
//!
//! Apart because the order is what protects the broker: the head is checked, the announced length is compared with what the
//! front takes and reserved in the memory budget, and only then the body is read (R19). A client that asks before it sends
//! (`Expect: 100-continue`) is told to go on when the body is first read, so a refusal comes instead of that word.

use super::connection::Connection;
use super::reply::{Reply, begun, close, is_begun, reply};
use super::rouse::taking;
use crate::options::BODY_BYTES_UNANNOUNCED;
use crate::outlay::Outlay;
use crate::pump::{Answer, Pump, submit_unheard};
use bytes::Bytes;
use http::header::HOST;
use http::request::Parts;
use http::{Request, Version};
use http_body::{Body, Frame};
use hyper::body::Incoming;
use millstream_front::http::{Commands, Outcome, Part, Refusal};
use millstream_front::limits::REQUEST_BYTES_MIN;
use millstream_front::{Permit, http as front};
use std::convert::Infallible;
use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// A refusal, and whether something of the body was not read.
type Refused = (Refusal, bool);

/// Answers a request. It never fails: what goes wrong is a response.
pub(super) async fn serve(
    connection: Arc<Connection>,
    request: Request<Incoming>,
) -> Result<Reply, Infallible> {
    connection.watch.lock().works();
    let reply = answer(&connection, request).await;
    // An answer that goes on keeps its connection at work until its end.
    if !is_begun(&reply) {
        connection.watch.lock().answered();
    }
    Ok(reply)
}

async fn answer(connection: &Arc<Connection>, request: Request<Incoming>) -> Reply {
    let (parts, body) = request.into_parts();
    let (body, memory) = match receive(connection, &parts, body).await {
        Ok(received) => received,
        Err((refusal, unread)) => return refuse(connection, &parts, refusal, unread),
    };
    let mut commands = Commands::default();
    let backend = &connection.service.backend;
    let outcome = with_request(&parts, &body, connection.peer, |request| {
        connection.front.start(backend.now(), backend, request, &mut commands)
    });
    // Nothing of the request is kept while its exchange waits.
    drop((parts, body));
    let output_budget = || connection.service.output_budget.clone();
    let (answer, outlay) = match outcome {
        Outcome::Respond(response) => {
            submit_unheard(&**backend, commands);
            (Answer::Last(response), Outlay::new(output_budget()))
        }
        Outcome::Wait(exchange) => {
            connection.begin(Pump::new(exchange, commands, &**backend, memory, output_budget()));
            poll_fn(|cx| connection.poll_exchange(cx)).await
        }
        Outcome::Part(part, exchange) => {
            let pump = Pump::new(exchange, commands, &**backend, memory, output_budget());
            connection.begin(pump.given());
            (Answer::Part(part), Outlay::new(output_budget()))
        }
    };
    match answer {
        Answer::Last(response) => reply(connection.front.name(), response, outlay),
        Answer::Part(Part::Head(head)) => begun(connection, head, outlay),
        Answer::Part(Part::Piece(_)) => unreachable!("an answer begins with its head"),
    }
}

/// Reads a request to its end, with memory for all of it.
async fn receive(
    connection: &Arc<Connection>,
    parts: &Parts,
    body: Incoming,
) -> Result<(Bytes, Permit), Refused> {
    let has_body = !body.is_end_stream();
    check(parts).map_err(|refusal| (refusal, has_body))?;
    let bytes_max = connection.front.body_bytes_max();
    let announced = body.size_hint().exact().map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    if announced.is_some_and(|bytes| bytes > bytes_max) {
        return Err((Refusal::TooLong, true));
    }
    let reserved = announced.unwrap_or(BODY_BYTES_UNANNOUNCED.min(bytes_max));
    let no_memory = (Refusal::NoMemory, has_body);
    let mut memory = reserve(connection, REQUEST_BYTES_MIN + reserved).await.ok_or(no_memory)?;
    if !has_body {
        return Ok((Bytes::new(), memory));
    }
    let body = collect(connection, body, announced, reserved, &mut memory).await?;
    connection.watch.lock().works();
    Ok((body, memory))
}

/// The front's response to a request that is not started.
fn refuse(connection: &Connection, parts: &Parts, refusal: Refusal, unread: bool) -> Reply {
    tracing::debug!(name = connection.front.name(), ?refusal, "a request was refused");
    connection.leave_input(unread);
    let backend = &connection.service.backend;
    let response = with_request(parts, &[], connection.peer, |request| {
        connection.front.refuse(backend, request, refusal)
    });
    let outlay = Outlay::new(connection.service.output_budget.clone());
    let mut reply = reply(connection.front.name(), response, outlay);
    if unread {
        close(&mut reply);
    }
    reply
}

/// Refuses what hyper lets pass and a front must not see: a target that is no path, and a host that is not clear.
fn check(parts: &Parts) -> Result<(), Refusal> {
    if !parts.uri.path().starts_with('/') {
        return Err(Refusal::Malformed("The request's target is not a path."));
    }
    match parts.headers.get_all(HOST).iter().count() {
        1 => Ok(()),
        0 if parts.version == Version::HTTP_10 => Ok(()),
        0 => Err(Refusal::Malformed("The request names no host.")),
        _ => Err(Refusal::Malformed("The request names more than one host.")),
    }
}

/// The request as the front sees it.
fn with_request<T>(
    parts: &Parts,
    body: &[u8],
    peer: IpAddr,
    see: impl FnOnce(&front::Request<'_>) -> T,
) -> T {
    // A target with an authority, as proxies get it, goes before the header.
    let authority = parts.uri.authority().map(|authority| authority.as_str().as_bytes());
    let headers: Vec<(&str, &[u8])> = parts
        .headers
        .iter()
        .map(|(name, value)| match authority {
            Some(authority) if name == HOST => (name.as_str(), authority),
            _ => (name.as_str(), value.as_bytes()),
        })
        .collect();
    see(&front::Request {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query().unwrap_or(""),
        headers: &headers,
        body,
        is_tls: false,
        peer: Some(peer),
    })
}

/// Reads a body to its end. It is `reserved` in `memory`; one of unknown length reserves the rest when it is longer. When
/// it has ended, `memory` is what is needed. One that comes in one piece, as most do, is taken as it is: it lies in the buffer that the
/// connection reads into anyway.
async fn collect(
    connection: &Connection,
    mut body: Incoming,
    announced: Option<usize>,
    mut reserved: usize,
    memory: &mut Permit,
) -> Result<Bytes, Refused> {
    let bytes_max = connection.front.body_bytes_max();
    let mut whole = Vec::new();
    connection.watch.lock().receives();
    while let Some(frame) = poll_fn(|cx| poll_piece(&mut body, cx)).await {
        let frame = frame.map_err(|error| {
            tracing::debug!(name = connection.front.name(), %error, "a request's body ended early");
            (Refusal::Malformed("The request's body is damaged or ended early."), true)
        })?;
        // Trailers are for whoever asked for them.
        let Ok(data) = frame.into_data() else { continue };
        let arrived = whole.len().saturating_add(data.len());
        if arrived > bytes_max {
            return Err((Refusal::TooLong, true));
        }
        if arrived > reserved {
            connection.watch.lock().works();
            let more = reserve(connection, bytes_max - reserved).await;
            memory.merge(more.ok_or((Refusal::NoMemory, true))?);
            reserved = bytes_max;
            connection.watch.lock().receives();
        }
        if arrived == data.len() && body.is_end_stream() {
            memory.release((reserved - arrived) as u64);
            return Ok(data);
        }
        append(&mut whole, &data, announced.unwrap_or(reserved));
        if body.is_end_stream() {
            break;
        }
    }
    memory.release((reserved - whole.len()) as u64);
    Ok(whole.into())
}

/// The next piece of a body. Hyper is told that it was taken only if there may be more.
fn poll_piece(body: &mut Incoming, cx: &mut Context<'_>) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
    let (piece, wants_more) = taking(|| Pin::new(&mut *body).poll_frame(cx));
    if wants_more && !body.is_end_stream() {
        cx.waker().wake_by_ref();
    }
    piece
}

/// Adds what has arrived; room is made for as much again at most, and for `most` altogether.
fn append(whole: &mut Vec<u8>, data: &Bytes, most: usize) {
    let needed = whole.len() + data.len();
    if needed > whole.capacity() {
        let room = needed.max((2 * whole.len()).min(most));
        whole.reserve_exact(room - whole.len());
    }
    whole.extend_from_slice(data);
}

/// Memory for a request: waits for it as long as the options say. `None`: there was none.
async fn reserve(connection: &Connection, bytes: usize) -> Option<Permit> {
    let mut taken = poll_fn(|cx| match poll_memory(connection, bytes, cx) {
        Poll::Ready(permit) => Poll::Ready(Some(permit)),
        Poll::Pending => Poll::Ready(None),
    })
    .await;
    if taken.is_none() {
        let limit = Duration::from_millis(connection.service.options.memory_wait_ms);
        // Boxed, so that those who need not wait do not carry the room for it.
        let waiting = Box::pin(tokio::time::timeout(limit, poll_fn(|cx| poll_memory(connection, bytes, cx))));
        taken = waiting.await.ok();
    }
    taken
}

fn poll_memory(connection: &Connection, bytes: usize, cx: &mut Context<'_>) -> Poll<Permit> {
    let service = &connection.service;
    if !service.output_budget.has_some(cx.waker()) {
        return Poll::Pending;
    }
    service.budget.reserve(bytes as u64, Some(cx.waker())).map_or(Poll::Pending, Poll::Ready)
}
