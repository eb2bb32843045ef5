//! Answers in parts: pieces that come, clients that read slowly or go away, watches and timers behind them, and the end.

use super::{Web, get};
use crate::toy::Client;
use millstream_net::Options;
use std::io::Read;
use std::sync::atomic::Ordering::SeqCst;

impl Client {
    /// The next chunk of a body without a known length; empty at its end.
    fn chunk(&mut self) -> Vec<u8> {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            let mut byte = [0];
            self.stream.read_exact(&mut byte).unwrap();
            line.push(byte[0]);
        }
        let digits = std::str::from_utf8(&line[..line.len() - 2]).unwrap();
        let mut chunk = vec![0; usize::from_str_radix(digits, 16).unwrap() + 2];
        self.stream.read_exact(&mut chunk).unwrap();
        chunk.truncate(chunk.len() - 2);
        chunk
    }

    /// The rest of such a body.
    fn rest(&mut self) -> Vec<u8> {
        let mut whole = Vec::new();
        loop {
            match &self.chunk()[..] {
                [] => return whole,
                chunk => whole.extend_from_slice(chunk),
            }
        }
    }
}

#[test]
fn pieces_come_after_their_head_and_another_request_after_the_last() {
    let web = Web::ordinary();
    let mut client = web.connect();
    for pieces in [0, 1, 50] {
        client.send(&get(&format!("/parts?{pieces},1000")));
        let (status, head) = client.head();
        assert_eq!((status, head.contains("transfer-encoding: chunked")), (200, true));
        let body = client.rest();
        assert_eq!(body, [&b"first"[..], &b"p".repeat(pieces * 1000), b"last"].concat());
    }
    assert_eq!(client.request(&get("/echo")).status, 200);
    // Of an answer to HEAD there is no body: what would give it is let go.
    client.send(b"HEAD /ticks HTTP/1.1\r\nhost: toy\r\n\r\n");
    assert_eq!(client.head().0, 200);
    assert_eq!(client.request(&get("/echo")).status, 200);
    web.all_memory_is_free();
}

#[test]
fn who_reads_nothing_is_given_little_and_cut_off() {
    let web = Web::new(Options { unread_ms: 500, ..Options::default() });
    let mut client = web.connect();
    client.send(&get("/parts?1000000,65536"));
    assert_eq!(client.head().0, 200);
    web.eventually("it is cut off", |h| h.connections() == 0);
    // The kernel holds some for it, here less than a GiB of the 61 there are.
    assert!(web.service.given() < 16_384, "{} pieces were made", web.service.given());
    web.all_memory_is_free();
}

#[test]
fn an_exchange_hears_of_its_time_and_of_a_log_that_moves() {
    let web = Web::ordinary();
    let (mut ticks, mut moves) = (web.connect(), web.connect());
    ticks.send(&get("/ticks"));
    moves.send(&get("/moves"));
    assert_eq!((ticks.head().0, moves.head().0), (200, 200));
    assert_eq!((ticks.chunk(), moves.chunk()), (b"first".to_vec(), b"first".to_vec()));
    for _ in 0..3 {
        assert_eq!(ticks.chunk(), b"tick");
    }
    for offset in [3, 4] {
        web.eventually("the log is watched", |h| h.toy.log.watchers.load(SeqCst) == 1);
        web.toy.log.move_to(offset);
        assert_eq!(moves.chunk(), b"moved");
    }
    drop((ticks, moves));
    web.eventually("their places are free", |h| h.connections() == 0);
    assert_eq!(web.toy.log.watchers.load(SeqCst), 0);
    web.all_memory_is_free();
}

#[test]
fn an_answer_without_an_end_ends_when_the_broker_stops() {
    let mut web = Web::ordinary();
    let mut client = web.connect();
    client.send(&get("/ticks"));
    assert_eq!(client.head().0, 200);
    assert_eq!(client.chunk(), b"first");
    let server = web.harness.server.take().unwrap();
    let drained = web.runtime.spawn(server.drain());
    let rest = client.rest();
    assert!(rest.is_empty() || rest.starts_with(b"tick"));
    assert!(client.ends());
    web.runtime.block_on(drained).unwrap();
}
