//! Reads and watches: from memory, from a disk that makes them wait, from one that fails.

use crate::toy::{Harness, Kind, frame, pause};
use millstream_net::Options;
use std::sync::atomic::Ordering::SeqCst;

fn read(log: u32, bytes: u32) -> Vec<u8> {
    frame(Kind::Read, &[log.to_be_bytes(), bytes.to_be_bytes()].concat())
}

#[test]
fn reads_from_memory_are_made_at_once() {
    let harness = Harness::ordinary();
    let mut client = harness.connect();
    for _ in 0..100 {
        client.send(&read(0, 1000));
    }
    for _ in 0..100 {
        assert_eq!(client.receive(), [b'r'; 1000]);
    }
    assert_eq!(harness.toy.log.blocking_reads.load(SeqCst), 0);
    client.send(&read(1, 1000));
    assert_eq!(client.receive(), b"Deleted");
}

#[test]
fn reads_that_would_block_wait_elsewhere_and_all_come_back() {
    let harness = Harness::ordinary();
    harness.toy.log.on_disk.store(true, SeqCst);
    let mut client = harness.connect();
    for _ in 0..20 {
        client.send(&read(0, 1000));
    }
    client.send(&frame(Kind::Echo, b""));
    let mut answers: Vec<_> = (0..21).map(|_| client.receive().len()).collect();
    answers.sort_unstable();
    assert_eq!((answers[0], answers[1], answers[20]), (0, 1000, 1000));
    assert_eq!(harness.toy.log.blocking_reads.load(SeqCst), 20);
}

#[test]
fn a_read_whose_thread_dies_has_failed() {
    let harness = Harness::ordinary();
    harness.toy.log.on_disk.store(true, SeqCst);
    harness.toy.log.broken.store(true, SeqCst);
    let mut client = harness.connect();
    client.send(&read(0, 1000));
    assert_eq!(client.receive(), b"Failed");
    assert_eq!(client.ask(Kind::Echo, b"alive"), b"alive");
}

#[test]
fn a_watch_fires_when_the_log_moves_and_at_once_when_it_has() {
    let harness = Harness::ordinary();
    let mut client = harness.connect();
    client.send(&frame(Kind::Watch, &0_u64.to_be_bytes()));
    harness.eventually("the log is watched", |h| h.toy.log.watchers.load(SeqCst) == 1);
    assert!(client.stays_silent_ms(50));
    harness.toy.log.move_to(5);
    assert_eq!(client.receive(), b"moved");
    assert_eq!(client.ask(Kind::Watch, &4_u64.to_be_bytes()), b"moved");
}

#[test]
fn a_watch_leaves_nothing_behind_when_it_is_replaced_fires_or_loses_its_connection() {
    let harness = Harness::new(Options { finish_ms: 100, ..Options::default() }, 1 << 20);
    let mut client = harness.connect();
    for _ in 0..10 {
        client.send(&frame(Kind::Watch, &0_u64.to_be_bytes()));
    }
    harness.eventually("all are set", |h| h.toy.frames.load(SeqCst) == 10);
    pause(100);
    harness.eventually("one is left", |h| h.toy.log.watchers.load(SeqCst) == 1);
    harness.toy.log.move_to(1);
    assert_eq!(client.receive(), b"moved");
    assert!(client.stays_silent_ms(50));
    assert_eq!(harness.toy.log.watchers.load(SeqCst), 0);
    client.send(&frame(Kind::Watch, &1_u64.to_be_bytes()));
    harness.eventually("it is set", |h| h.toy.log.watchers.load(SeqCst) == 1);
    drop(client);
    harness.eventually("it is gone", |h| h.toy.log.watchers.load(SeqCst) == 0);
}
