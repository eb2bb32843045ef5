//! What a client cannot make the broker hold, and how long it cannot make it wait.

use super::service::BODY_BYTES_MAX;
use super::{Web, get, post};
use crate::toy::{Client, pause};
use millstream_net::Options;
use std::sync::atomic::Ordering::SeqCst;

/// Sends from another thread; the other end may close meanwhile.
fn send_aside(client: &Client, bytes: Vec<u8>) -> std::thread::JoinHandle<bool> {
    let mut stream = client.stream.try_clone().unwrap();
    std::thread::spawn(move || std::io::Write::write_all(&mut stream, &bytes).is_ok())
}

#[test]
fn a_body_that_is_too_long_is_refused_and_the_refusal_arrives_although_the_client_goes_on_sending() {
    let web = Web::ordinary();
    let mut client = web.connect();
    let sending = send_aside(&client, post("/echo", &vec![1; BODY_BYTES_MAX + 1]));
    let reply = client.reply();
    assert_eq!((reply.status, reply.header("connection")), (413, Some("close")));
    sending.join().unwrap();
    assert!(client.ends());
    // Without a length it shows on the way.
    let mut client = web.connect();
    let mut request = b"POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..20 {
        request.extend_from_slice(b"10000\r\n");
        request.extend_from_slice(&[0; 0x10000]);
        request.extend_from_slice(b"\r\n");
    }
    let sending = send_aside(&client, request);
    assert_eq!(client.reply().status, 413);
    sending.join().unwrap();
    assert!(client.ends());
    assert_eq!(web.service.started(), 0);
    web.all_memory_is_free();
}

#[test]
fn an_announced_length_is_reserved_before_it_arrives_and_given_back_when_it_does_not() {
    let web = Web::new(Options { stalled_ms: 400, ..Options::default() });
    let mut client = web.connect();
    assert_eq!(client.request(&get("/echo")).status, 200);
    client.send(&post("/echo", &[0; 500_000])[..1000]);
    let free = web.budget.total_bytes() - 500_000;
    web.eventually("memory is reserved", |h| h.budget.free_bytes() <= free);
    assert!(client.ends());
    web.all_memory_is_free();
}

#[test]
fn half_a_head_ends_the_connection_silence_does_not_and_a_waiting_request_neither() {
    let web = Web::new(Options { first_request_ms: 150, ..Options::default() });
    web.toy.hold.store(true, SeqCst);
    let (mut silent, mut begun, mut later, mut waiting) =
        (web.connect(), web.connect(), web.connect(), web.connect());
    begun.send(b"GET /echo HT");
    assert_eq!(later.request(&get("/echo")).status, 200);
    later.send(b"G");
    waiting.send(&get("/wait"));
    assert!(begun.ends());
    assert!(later.ends());
    assert!(silent.stays_silent_ms(50));
    assert!(waiting.stays_silent_ms(1));
    assert_eq!(silent.request(&get("/echo")).status, 200);
    web.toy.reply_to_held();
    assert_eq!(waiting.reply().text(), "waited");
}

#[test]
fn an_idle_connection_ends_and_one_that_waits_for_an_answer_does_not() {
    // Long enough for a slow machine to read the requests in.
    let web = Web::new(Options { idle_ms: 3_000, ..Options::default() });
    web.toy.hold.store(true, SeqCst);
    let (mut idle, mut used, mut waiting) = (web.connect(), web.connect(), web.connect());
    assert_eq!(used.request(&get("/echo")).status, 200);
    waiting.send(&get("/wait"));
    assert!(idle.ends());
    assert!(used.ends());
    assert!(waiting.stays_silent_ms(100));
    web.toy.reply_to_held();
    assert_eq!(waiting.reply().text(), "waited");
    assert!(waiting.ends());
}

#[test]
fn a_request_without_memory_waits_for_it_and_is_told_to_come_again_when_that_takes_long() {
    let patient = Web::with_memory(Options::default(), 1 << 20, 1 << 20);
    let everything = patient.budget.reserve(1 << 20, None).unwrap();
    let mut client = patient.connect();
    client.send(&post("/echo", b"patience"));
    pause(50);
    assert_eq!(patient.service.started(), 0);
    drop(everything);
    assert_eq!(client.reply().text(), "patience");
    patient.all_memory_is_free();

    let web = Web::with_memory(Options { memory_wait_ms: 50, ..Options::default() }, 1 << 20, 1 << 20);
    let everything = web.budget.reserve(1 << 20, None).unwrap();
    let mut client = web.connect();
    let reply = client.request(&get("/echo"));
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")));
    drop(everything);
    assert_eq!(client.request(&get("/echo")).status, 200, "the connection went on");
    // The memory for output counts as well; and what was not read ends the connection.
    let everything = web.output_budget.reserve(1 << 20, None).unwrap();
    let reply = client.request(&post("/echo", &[7; 100_000])[..1000]);
    assert_eq!((reply.status, reply.header("connection")), (503, Some("close")));
    drop(everything);
    // A body without a length gets its first part, and then there is no more.
    let most = web.budget.reserve((1 << 20) - (100 << 10), None).unwrap();
    let mut client = web.connect();
    let mut request =
        b"POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n12000\r\n".to_vec();
    request.resize(request.len() + 0x12000, b'c');
    let sending = send_aside(&client, request);
    assert_eq!(client.reply().status, 503);
    sending.join().unwrap();
    drop(most);
    web.all_memory_is_free();
}

#[test]
fn who_reads_nothing_of_a_response_is_cut_off_and_who_reads_slowly_is_not() {
    let options = Options { unread_ms: 3_000, ..Options::default() };
    let web = Web::new(options);
    let (mut stuck, mut steady) = (web.connect(), web.connect());
    for client in [&mut stuck, &mut steady] {
        client.send(&get("/many?12000000"));
    }
    web.eventually("both hold memory", |h| h.output_budget.free_bytes() < h.output_budget.total_bytes());
    assert_eq!(steady.head().0, 200);
    let mut taken = 0;
    while taken < 12_000_000 {
        let mut some = vec![0; 1_500_000];
        std::io::Read::read_exact(&mut steady.stream, &mut some).unwrap();
        taken += some.len();
        pause(450);
    }
    web.eventually("only the steady one is left", |h| h.connections() == 1);
    assert_eq!(steady.request(&get("/echo")).status, 200);
    web.all_memory_is_free();
    drop(stuck);
}

#[test]
fn connections_over_the_cap_are_closed_and_places_are_reused() {
    let web = Web::new(Options { connections_max: 2, ..Options::default() });
    let (mut first, mut second) = (web.connect(), web.connect());
    assert_eq!(first.request(&get("/echo")).status, 200);
    assert_eq!(second.request(&get("/echo")).status, 200);
    assert!(web.connect().ends());
    drop(first);
    web.eventually("a place is free", |h| h.connections() == 1);
    assert_eq!(web.connect().request(&get("/echo")).status, 200);
}
