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
    // Those whose memory nobody wants would stay for an hour.
    let options = Options { unread_awaited_ms: 300, unread_ms: 3_600_000, ..Options::default() };
    let harness = Harness::with_output(options, 16 << 20, output_bytes);
    // Each asks for more than all there is and what the kernel's buffers take.
    let mut stuck: Vec<_> = (0..4).map(|_| harness.connect()).collect();
    for client in &mut stuck {
        client.send(&frame(Kind::Many, &(24 * MIB).to_be_bytes()));
    }
    // On a slow machine the first have gone by the time this looks, for the sake of the next.
    harness.eventually("memory is gone", |h| h.output_budget.free_bytes() == 0 || h.connections() < 4);
    let mut reading = harness.connect();
    for _ in 0..50 {
        reading.send(&read(MIB));
        let bytes = reading.receive().len();
        assert!(bytes > 0 && bytes <= MIB as usize, "a read is cut short at most");
    }
    harness.eventually("somebody had to go", |h| h.connections() < 5);
    drop(stuck);
    harness.eventually("their memory is free", |h| h.output_budget.free_bytes() == output_bytes);
    reading.send(&read(MIB));
    assert_eq!(reading.receive().len(), MIB as usize);
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
    let options = Options { unread_ms: 3_000, unread_awaited_ms: 100, ..Options::default() };
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
        pause(250);
    }
    harness.eventually("only the steady one is left", |h| h.connections() == 1);
    harness.eventually("all memory is free", |h| h.output_budget.free_bytes() == 64 << 20);
    drop(stuck);
}
