//! Memory for output: peers that do not read, and the others beside them.

use crate::toy::{Harness, Kind, frame, pause};
use millstream_net::Options;
use std::sync::atomic::Ordering::SeqCst;

const MIB: u32 = 1 << 20;

fn read(bytes: u32) -> Vec<u8> {
    frame(Kind::Read, &[0_u32.to_be_bytes(), bytes.to_be_bytes()].concat())
}

#[test]
fn peers_that_do_not_read_lose_their_memory_to_those_who_do() {
    let output_bytes = 8 << 20;
    let options = Options { unread_awaited_ms: 300, unread_ms: 6_000, ..Options::default() };
    let harness = Harness::with_output(options, 16 << 20, output_bytes);
    // Together they ask for forty times the budget; the kernel's buffers take a part of it.
    let mut stuck: Vec<_> = (0..16).map(|_| harness.connect()).collect();
    for client in &mut stuck {
        for _ in 0..20 {
            client.send(&read(MIB));
        }
    }
    // On a slow machine the first have gone by the time this looks, and before the 6 s of those whose memory
    // nobody wants.
    harness.eventually("memory is short", |h| h.output_budget.is_awaited() || h.connections() < 16);
    let mut reading = harness.connect();
    for _ in 0..50 {
        reading.send(&read(MIB));
        let bytes = reading.receive().len();
        assert!(bytes > 0 && bytes <= MIB as usize, "a read is cut short at most");
    }
    assert!(harness.connections() < 17, "somebody had to go");
    // Nobody waits any more; what is stuck still goes in the end.
    harness.eventually("their memory is free", |h| h.output_budget.free_bytes() == output_bytes);
    assert_eq!(
        {
            reading.send(&read(MIB));
            reading.receive().len()
        },
        MIB as usize
    );
    drop(stuck);
}

#[test]
fn answers_that_were_not_reserved_stop_the_reading_of_requests_until_they_are_read() {
    let harness = Harness::with_output(Options::default(), 16 << 20, 2 << 20);
    let (mut full, mut other) = (harness.connect(), harness.connect());
    // More than the kernel's buffers take.
    full.send(&frame(Kind::Many, &(16 * MIB).to_be_bytes()));
    harness.eventually("it is charged", |h| h.output_budget.free_bytes() == 0);
    let taken = harness.toy.frames.load(SeqCst);
    other.send(&frame(Kind::Echo, b"later"));
    pause(100);
    assert_eq!(harness.toy.frames.load(SeqCst), taken, "a request was taken without memory for its answer");
    assert_eq!(full.receive().len(), 16 * MIB as usize);
    assert_eq!(other.receive(), b"later");
    harness.eventually("all memory is free", |h| h.output_budget.free_bytes() == 2 << 20);
}

#[test]
fn a_peer_that_reads_nothing_is_disconnected_although_nobody_waits() {
    let options = Options { unread_ms: 600, unread_awaited_ms: 100, ..Options::default() };
    let harness = Harness::with_output(options, 16 << 20, 64 << 20);
    let (mut stuck, mut steady) = (harness.connect(), harness.connect());
    for client in [&mut stuck, &mut steady] {
        client.send(&frame(Kind::Many, &(7 * MIB).to_be_bytes()));
    }
    let mut taken = 0;
    while taken < 7 << 20 {
        let mut some = vec![0; 1 << 19];
        std::io::Read::read_exact(&mut steady.stream, &mut some).unwrap();
        taken += some.len();
        pause(100);
    }
    harness.eventually("only the steady one is left", |h| h.connections() == 1);
    harness.eventually("all memory is free", |h| h.output_budget.free_bytes() == 64 << 20);
    drop(stuck);
}
