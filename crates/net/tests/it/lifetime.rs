//! How connections begin and end: caps, deadlines, slow peers, panics, half-closed sockets, drain.

use crate::toy::{Harness, Kind, frame, pause};
use millstream_net::Options;
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::Ordering::SeqCst;

#[test]
fn a_first_request_that_does_not_arrive_ends_the_connection_a_silent_one_stays() {
    let harness = Harness::new(Options { first_request_ms: 150, ..Options::default() }, 1 << 20);
    let (mut silent, mut begun, mut later) = (harness.connect(), harness.connect(), harness.connect());
    begun.send(&[0, 0]);
    assert_eq!(later.ask(Kind::Echo, b"met"), b"met");
    later.send(&[0, 0]);
    assert!(begun.ends());
    assert!(silent.stays_silent_ms(200));
    assert!(later.stays_silent_ms(1));
    assert_eq!(silent.ask(Kind::Echo, b"hello"), b"hello");
}

#[test]
fn a_request_that_stops_arriving_ends_the_connection_and_frees_its_memory() {
    let harness = Harness::new(Options { stalled_ms: 150, ..Options::default() }, 1 << 20);
    let mut client = harness.connect();
    assert_eq!(client.ask(Kind::Echo, b"met"), b"met");
    client.send(&frame(Kind::Echo, &[0; 500_000])[..300_000]);
    harness.eventually("memory is reserved", |h| h.budget.free_bytes() <= (1 << 20) - 500_000);
    assert!(client.ends());
    harness.eventually("all memory is free", |h| h.budget.free_bytes() == 1 << 20);
}

#[test]
fn a_large_request_must_arrive_at_some_speed() {
    let harness = Harness::new(Options { stalled_ms: 2_000, ..Options::default() }, 4 << 20);
    let (mut drip, mut steady) = (harness.connect(), harness.connect());
    let request = frame(Kind::Echo, &[3; 1_000_000]);
    for client in [&mut drip, &mut steady] {
        assert_eq!(client.ask(Kind::Echo, b"met"), b"met");
    }
    let (mut sender, beginning) = (drip.stream.try_clone().unwrap(), request[..1000].to_vec());
    // It goes on until the connection is gone.
    let dripping =
        std::thread::spawn(move || beginning.iter().all(|byte| pause_and_send(&mut sender, *byte)));
    for part in request.chunks(100_000) {
        pause(250);
        steady.send(part);
    }
    assert_eq!(steady.receive(), [3; 1_000_000]);
    assert!(drip.ends());
    assert!(!dripping.join().unwrap(), "it was cut off while it was sending");
}

fn pause_and_send(stream: &mut TcpStream, byte: u8) -> bool {
    pause(50);
    std::io::Write::write_all(stream, &[byte]).is_ok()
}

#[test]
fn an_idle_connection_ends_after_the_limit_and_one_that_waits_for_an_answer_does_not() {
    let harness = Harness::new(Options { idle_ms: 1_500, ..Options::default() }, 1 << 20);
    let (mut idle, mut waiting) = (harness.connect(), harness.connect());
    waiting.send(&frame(Kind::Later, &3_000_u32.to_be_bytes()));
    assert!(idle.ends());
    assert_eq!(waiting.receive(), b"later");
    assert!(waiting.ends());
}

#[test]
fn a_slow_reader_is_disconnected_and_one_that_goes_on_reading_is_not() {
    let harness = Harness::new(Options { slow_reader_ms: 3_000, ..Options::default() }, 1 << 20);
    let (mut slow, mut steady) = (harness.connect(), harness.connect());
    let request = frame(Kind::Many, &(48_u32 << 20).to_be_bytes());
    slow.send(&request);
    steady.send(&request);
    harness.eventually("both are answered", |h| h.toy.frames.load(SeqCst) == 2);
    let mut taken = 0;
    while harness.connections() > 1 {
        let mut some = vec![0; 256 << 10];
        std::io::Read::read_exact(&mut steady.stream, &mut some).unwrap();
        taken += some.len();
        assert!(taken < 48 << 20, "the slow reader is gone before all is read");
        pause(50);
    }
    let mut rest = vec![0; 5 + (48 << 20) - taken];
    std::io::Read::read_exact(&mut steady.stream, &mut rest).unwrap();
    assert_eq!(steady.ask(Kind::Echo, b"still here"), b"still here");
}

#[test]
fn a_panic_ends_its_connection_and_nothing_else() {
    let harness = Harness::ordinary();
    let (mut other, mut client) = (harness.connect(), harness.connect());
    assert_eq!(other.ask(Kind::Echo, b"before"), b"before");
    client.send(&frame(Kind::Panic, b""));
    assert!(client.ends());
    assert_eq!(other.ask(Kind::Submit, b"after"), b"after");
    assert_eq!(harness.connect().ask(Kind::Echo, b"new"), b"new");
    harness.eventually("its memory and place are free", |h| {
        h.budget.free_bytes() == 16 << 20 && h.connections() == 1
    });
}

#[test]
fn connections_over_the_cap_are_closed_and_places_are_reused() {
    let harness = Harness::new(Options { connections_max: 2, ..Options::default() }, 1 << 20);
    let (mut first, mut second) = (harness.connect(), harness.connect());
    assert_eq!(first.ask(Kind::Echo, b"1"), b"1");
    assert_eq!(second.ask(Kind::Echo, b"2"), b"2");
    assert!(harness.connect().ends());
    drop(first);
    harness.eventually("a place is free", |h| h.connections() == 1);
    assert_eq!(harness.connect().ask(Kind::Echo, b"3"), b"3");
}

#[test]
fn the_last_answer_arrives_although_the_peer_goes_on_sending() {
    let harness = Harness::ordinary();
    let mut client = harness.connect();
    client.send(&[frame(Kind::Close, b""), vec![0; 200 << 10]].concat());
    assert_eq!(client.receive(), b"bye");
    client.stream.shutdown(Shutdown::Write).unwrap();
    assert!(client.ends());
    harness.eventually("the connection is gone", |h| h.connections() == 0);
}

#[test]
fn a_peer_that_closed_its_side_still_gets_its_answers() {
    let harness = Harness::ordinary();
    harness.toy.hold.store(true, SeqCst);
    let mut client = harness.connect();
    client.send(&frame(Kind::Submit, b"answer me"));
    client.stream.shutdown(Shutdown::Write).unwrap();
    harness.eventually("it is under way", |h| h.toy.held() == 1);
    pause(50);
    harness.toy.reply_to_held();
    assert_eq!(client.receive(), b"answer me");
    assert!(client.ends());
}

#[test]
fn drain_finishes_requests_under_way_and_accepts_no_more() {
    let mut harness = Harness::ordinary();
    harness.toy.hold.store(true, SeqCst);
    let (mut idle, mut busy) = (harness.connect(), harness.connect());
    assert_eq!(idle.ask(Kind::Echo, b"hello"), b"hello");
    busy.send(&frame(Kind::Submit, b"under way"));
    harness.eventually("it is under way", |h| h.toy.held() == 1);
    let drained = harness.runtime.spawn(harness.server.take().unwrap().drain());
    assert!(idle.ends());
    assert!(TcpStream::connect(harness.addr).is_err());
    assert!(!drained.is_finished());
    harness.toy.reply_to_held();
    assert_eq!(busy.receive(), b"under way");
    assert!(busy.ends());
    harness.runtime.block_on(drained).unwrap();
}

#[test]
fn drain_does_not_wait_longer_than_its_limit() {
    let mut harness = Harness::new(Options { finish_ms: 200, ..Options::default() }, 1 << 20);
    harness.toy.hold.store(true, SeqCst);
    let mut busy = harness.connect();
    busy.send(&frame(Kind::Submit, b"never answered"));
    harness.eventually("it is under way", |h| h.toy.held() == 1);
    harness.runtime.block_on(harness.server.take().unwrap().drain());
    assert!(busy.ends());
}
