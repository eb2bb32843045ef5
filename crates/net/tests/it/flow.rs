//! Bytes in, bytes out: fragments, pipelines, large requests, and what happens when memory is short.

use crate::toy::{Harness, Kind, frame, pause};
use millstream_net::Options;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;

#[test]
fn requests_may_be_cut_at_every_byte() {
    let harness = Harness::ordinary();
    let mut client = harness.connect();
    let two = [frame(Kind::Echo, b"the first of two"), frame(Kind::Submit, b"and the second")].concat();
    for cut in 1..two.len() {
        client.send(&two[..cut]);
        pause(2);
        client.send(&two[cut..]);
        assert_eq!(client.receive(), b"the first of two");
        assert_eq!(client.receive(), b"and the second");
    }
    for byte in &two {
        client.send(&[*byte]);
        pause(1);
    }
    assert_eq!(client.receive(), b"the first of two");
    assert_eq!(client.receive(), b"and the second");
}

#[test]
fn a_pipeline_is_answered_in_order_with_few_submissions() {
    let harness = Harness::ordinary();
    let mut client = harness.connect();
    let count = 20_000_u32;
    let mut sender = client.stream.try_clone().unwrap();
    let pipeline: Vec<u8> = (0..count).flat_map(|i| frame(Kind::Submit, &i.to_be_bytes())).collect();
    let sending = thread::spawn(move || std::io::Write::write_all(&mut sender, &pipeline).unwrap());
    for i in 0..count {
        assert_eq!(client.receive(), i.to_be_bytes());
    }
    sending.join().unwrap();
    let submits = harness.toy.submits.load(SeqCst);
    assert!(submits < count as usize / 50, "{submits} submissions for {count} requests");
    harness.eventually("all memory is free", |h| h.budget.free_bytes() == 16 << 20);
}

#[test]
fn large_requests_of_many_sizes_arrive_whole() {
    let harness = Harness::ordinary();
    let mut client = harness.connect();
    for bytes in [100, 16 << 10, (16 << 10) + 1, 64 << 10, 100 << 10, 1 << 20, 8 << 20, 300, 20 << 20, 5] {
        let body: Vec<u8> = (0..bytes).map(|i| (i % 251) as u8).collect();
        let request = [frame(Kind::Echo, &body), frame(Kind::Echo, b"next")].concat();
        let mut sender = client.stream.try_clone().unwrap();
        let sending = thread::spawn(move || std::io::Write::write_all(&mut sender, &request).unwrap());
        assert!(client.receive() == body, "{bytes} bytes");
        assert_eq!(client.receive(), b"next");
        sending.join().unwrap();
    }
    harness.eventually("all memory is free", |h| h.budget.free_bytes() == 16 << 20);
}

/// Eight peers send half a request each, which is more than the budget altogether, and only then the other halves.
#[test]
fn half_read_requests_beyond_the_budget_neither_lock_up_nor_pile_up() {
    let (budget, body) = (256 << 10, 100 << 10);
    let harness = Harness::new(Options::default(), budget);
    harness.toy.hold.store(true, SeqCst);
    let request = frame(Kind::Submit, &vec![7; body]);
    let mut clients: Vec<_> = (0..8).map(|_| harness.connect()).collect();
    for client in &mut clients {
        client.send(&request[..request.len() / 2]);
    }
    pause(50);
    let rest = request[request.len() / 2..].to_vec();
    let threads: Vec<_> = clients
        .into_iter()
        .map(|mut client| {
            let (request, rest) = (request.clone(), rest.clone());
            thread::spawn(move || {
                client.send(&rest);
                assert_eq!(client.receive().len(), body);
                for _ in 0..10 {
                    client.send(&request);
                    assert_eq!(client.receive().len(), body);
                }
                client
            })
        })
        .collect();
    while !threads.iter().all(thread::JoinHandle::is_finished) {
        pause(2);
        harness.toy.reply_to_held();
    }
    let clients: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    let most = harness.toy.unsettled_max.load(SeqCst);
    assert!(most <= usize::try_from(budget).unwrap() + request.len(), "{most} bytes were held");
    assert!(most > request.len(), "the requests were under way together");
    harness.eventually("all memory is free", |h| h.budget.free_bytes() == budget);
    drop(clients);
}

#[test]
fn a_peer_that_does_not_read_is_not_read_from() {
    let harness = Harness::ordinary();
    let mut client = harness.connect();
    for _ in 0..24 {
        client.send(&frame(Kind::Many, &(1_u32 << 20).to_be_bytes()));
        pause(2);
    }
    pause(200);
    let taken = harness.toy.frames.load(SeqCst);
    client.send(&frame(Kind::Echo, b"last"));
    pause(200);
    assert_eq!(harness.toy.frames.load(SeqCst), taken, "it was read from while its output waited");
    assert!(taken < 24, "{taken} MiB were made for a peer that does not read");
    for _ in 0..24 {
        assert_eq!(client.receive().len(), 1 << 20);
    }
    assert_eq!(client.receive(), b"last");
}
