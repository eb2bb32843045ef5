//! Request and reply by direct reply-to and an exclusive queue, both sides on the same machine, nothing kept.
//!
//! Apart because every reply calls for the next request, and because its measure is another: a bare exchange of the same
//! bytes over loopback, without a broker.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rustix::event::{PollFd, PollFlags, poll};

use super::connection::Connection;
use super::frames::{self, CHANNEL, DELIVER, Frame, Message, Properties, Writer};
use crate::clock;
use crate::histogram::Latencies;

/// The address that stands for the requester itself.
const REPLY_TO: &str = "amq.rabbitmq.reply-to";

/// What came out.
pub(crate) struct Exchanges {
    /// Requests that were answered.
    pub(crate) count: u64,
    pub(crate) elapsed: Duration,
    /// From a request to its reply.
    pub(crate) round_trip: Latencies,
}

/// A body that is being received, with what came before it.
#[derive(Default)]
struct Incoming {
    reply_to: String,
    body: Vec<u8>,
    left: u64,
}

/// Sends requests to `queue`, which is made for it, and answers them, `outstanding` at a time.
///
/// # Errors
/// When a connection fails.
pub(crate) fn exchange(
    address: SocketAddr,
    queue: &str,
    body_bytes: usize,
    outstanding: usize,
    limit: Duration,
) -> anyhow::Result<Exchanges> {
    let mut responder = Connection::open(address, Ipv4Addr::LOCALHOST)?;
    let mut requester = Connection::open(address, Ipv4Addr::LOCALHOST)?;
    // Of the responder alone, and gone with it: nobody expects it to be kept.
    responder.call(Writer::method(CHANNEL, (50, 10)).u16(0).short(queue).u8(0b100).long(b""), (50, 11))?;
    for (connection, queue) in [(&mut responder, queue), (&mut requester, REPLY_TO)] {
        // No acks: what is lost is asked again by who asks.
        let consume = Writer::method(CHANNEL, (60, 20)).u16(0).short(queue).short("").u8(2).long(b"");
        connection.call(consume, (60, 21))?;
        connection.begin()?;
    }
    let properties = Properties { persistent: false, reply_to: Some(REPLY_TO) };
    let request = Message::new("", queue, properties, &vec![b'r'; body_bytes]);
    let mut exchanges = Exchanges { count: 0, elapsed: Duration::ZERO, round_trip: Latencies::new() };
    let (mut asked, mut answered) = (Incoming::default(), Incoming::default());
    let start = clock::now();
    let ask = |requester: &mut Connection| -> anyhow::Result<()> {
        let at = requester.push(&request.frames);
        let ns = u64::try_from(start.elapsed().as_nanos())?;
        requester.pushed(at + request.body_at)[..8].copy_from_slice(&ns.to_be_bytes());
        Ok(())
    };
    for _ in 0..outstanding {
        ask(&mut requester)?;
    }
    let mut under_way = outstanding;
    while under_way > 0 {
        ensure!(responder.flush()? && requester.flush()?, "small messages fill a socket");
        wait(&responder, &requester)?;
        while responder.fill()? {
            while let Some(reply_to) = receive(&mut responder, &mut asked)? {
                let reply = Message::new("", &reply_to, Properties::default(), &asked.body);
                responder.push(&reply.frames);
            }
        }
        while requester.fill()? {
            while receive(&mut requester, &mut answered)?.is_some() {
                let asked_at = start + Duration::from_nanos(frames::u64_at(&answered.body, 0)?);
                exchanges.round_trip.record(asked_at.elapsed());
                exchanges.count += 1;
                if start.elapsed() < limit {
                    ask(&mut requester)?;
                } else {
                    under_way -= 1;
                }
            }
        }
    }
    exchanges.elapsed = start.elapsed();
    Ok(exchanges)
}

fn wait(one: &Connection, other: &Connection) -> anyhow::Result<()> {
    let mut waiting = [PollFd::new(one.stream(), PollFlags::IN), PollFd::new(other.stream(), PollFlags::IN)];
    let limit = rustix::fs::Timespec { tv_sec: 60, tv_nsec: 0 };
    ensure!(poll(&mut waiting, Some(&limit)).context("waiting")? > 0, "nothing came for a minute");
    Ok(())
}

/// Looks at what was received up to the end of a message: whom to answer, if anybody; its body is in `incoming`.
fn receive(connection: &mut Connection, incoming: &mut Incoming) -> anyhow::Result<Option<String>> {
    while let Some(frame) = connection.next()? {
        match frame {
            Frame::Method(DELIVER, _) => {}
            Frame::Content(bytes, properties) => {
                incoming.reply_to = reply_to(properties)?;
                incoming.body.clear();
                incoming.left = bytes;
            }
            Frame::Body(bytes) => {
                incoming.body.extend_from_slice(bytes);
                incoming.left =
                    incoming.left.checked_sub(bytes.len() as u64).context("a body is too long")?;
                if incoming.left == 0 {
                    return Ok(Some(std::mem::take(&mut incoming.reply_to)));
                }
            }
            Frame::Heartbeat => {}
            frame @ Frame::Method(..) => bail!("{frame:?} instead of a message"),
        }
    }
    Ok(None)
}

/// The address for the reply, empty without one, of properties that hold nothing else but a delivery mode.
fn reply_to(properties: &[u8]) -> anyhow::Result<String> {
    let flags = frames::u16_at(properties, 0)?;
    ensure!(flags & !0x1200 == 0, "properties that nobody set: {flags:x}");
    let at = if flags & 0x1000 == 0 { 2 } else { 3 };
    Ok(if flags & 0x0200 == 0 { String::new() } else { frames::short_at(properties, at)?.0.to_owned() })
}

/// As many bytes to and fro between two threads over loopback: the round trip that no broker can be below.
///
/// # Errors
/// Those of the sockets.
pub(crate) fn bare(bytes: usize, limit: Duration) -> anyhow::Result<Latencies> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let mut near = TcpStream::connect(listener.local_addr()?)?;
    let (mut far, _) = listener.accept()?;
    for stream in [&near, &far] {
        stream.set_nodelay(true)?;
    }
    let echo = thread::spawn(move || {
        let mut buffer = vec![0; bytes];
        // Ends with the other side.
        while far.read_exact(&mut buffer).is_ok() && far.write_all(&buffer).is_ok() {}
    });
    let mut latencies = Latencies::new();
    let mut buffer = vec![0; bytes];
    let start = clock::now();
    while start.elapsed() < limit {
        let asked: Instant = clock::now();
        near.write_all(&buffer)?;
        near.read_exact(&mut buffer)?;
        latencies.record(asked.elapsed());
    }
    drop(near);
    echo.join().map_err(|_| anyhow::anyhow!("the echo died"))?;
    Ok(latencies)
}
