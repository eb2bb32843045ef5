//! Requests in every form, and what of them reaches the service.

use super::service::BODY_BYTES_MAX;
use super::{Reply, Web, get, post};
use crate::toy::{Client, pause};
use std::sync::atomic::Ordering::SeqCst;

#[test]
fn one_connection_serves_many_requests_of_many_sizes() {
    let web = Web::ordinary();
    let mut client = web.connect();
    for bytes in [0, 1, 100, 8 << 10, (16 << 10) + 1, 100 << 10, BODY_BYTES_MAX, 3] {
        let body: Vec<u8> = (0..bytes).map(|i| (i % 251) as u8).collect();
        let mut sender = Client { stream: client.stream.try_clone().unwrap() };
        let request = post("/echo?a=%20b", &body);
        let sending = std::thread::spawn(move || sender.send(&request));
        let reply = client.reply();
        sending.join().unwrap();
        assert_eq!(reply.status, 200);
        assert!(reply.body == body, "{bytes} bytes");
        assert_eq!(reply.header("x-seen"), Some("POST /echo a=%20b toy 2"));
        assert!(reply.header("date").is_some() && reply.header("connection").is_none());
    }
    assert_eq!(web.service.started(), 8);
    web.all_memory_is_free();
}

#[test]
fn a_request_may_be_cut_at_every_byte() {
    let web = Web::ordinary();
    let mut client = web.connect();
    let request = post("/wait", b"body");
    for cut in 1..request.len() {
        client.send(&request[..cut]);
        pause(1);
        client.send(&request[cut..]);
        assert_eq!(client.reply().text(), "waited");
    }
}

#[test]
fn pipelined_requests_are_answered_in_order_also_when_some_wait() {
    let web = Web::ordinary();
    web.toy.hold.store(true, SeqCst);
    let mut client = web.connect();
    let body = |i: usize| i.to_string().into_bytes();
    let target = |i: usize| if i.is_multiple_of(3) { "/wait?2" } else { "/echo" };
    let pipeline: Vec<u8> = (0..60).flat_map(|i| post(target(i), &body(i))).collect();
    let mut sender = Client { stream: client.stream.try_clone().unwrap() };
    sender.send(&pipeline);
    for i in 0..60 {
        if i % 3 == 0 {
            for _ in 0..2 {
                web.eventually("it waits", |h| h.toy.held() == 1);
                assert_eq!(web.service.started(), i + 1, "one after the other");
                web.toy.reply_to_held();
            }
            assert_eq!(client.reply().text(), "waited");
        } else {
            assert_eq!(client.reply().body, body(i));
        }
    }
    web.all_memory_is_free();
}

fn chunked(chunks: &[&[u8]], trailer: &str) -> Vec<u8> {
    let mut request = b"POST /echo HTTP/1.1\r\nhost: toy\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for chunk in chunks {
        request.extend_from_slice(format!("{:x};ignored=1\r\n", chunk.len()).as_bytes());
        request.extend_from_slice(chunk);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(format!("0\r\n{trailer}\r\n").as_bytes());
    request
}

#[test]
fn chunked_bodies_arrive_whole() {
    let web = Web::ordinary();
    let mut client = web.connect();
    assert_eq!(client.request(&chunked(&[], "")).body, b"");
    assert_eq!(client.request(&chunked(&[b"one ", b"and ", b"two"], "x-sum: 1\r\n")).text(), "one and two");
    let large = vec![b'l'; 50_000];
    let request = chunked(&[&large, &large, b"end"], "");
    let mut sender = Client { stream: client.stream.try_clone().unwrap() };
    let sending = std::thread::spawn(move || sender.send(&request));
    assert_eq!(client.reply().body.len(), 100_003);
    sending.join().unwrap();
    // A chunked body that announces a length as well ends where its chunks end, and so does the connection.
    let both = b"POST /echo HTTP/1.1\r\nhost: toy\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    assert_eq!(client.request(both).text(), "hello");
    assert!(client.ends());
    let mut client = web.connect();
    let bad = b"POST /echo HTTP/1.1\r\nhost: toy\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n";
    assert_eq!(client.request(bad).status, 400);
    assert!(client.ends());
    web.all_memory_is_free();
}

#[test]
fn who_asks_before_sending_is_told_to_go_on_or_refused_at_once() {
    let web = Web::ordinary();
    let ask = |length: usize| {
        format!(
            "POST /echo HTTP/1.1\r\nhost: toy\r\nexpect: 100-continue\r\ncontent-length: {length}\r\n\r\n"
        )
    };
    let mut client = web.connect();
    for _ in 0..2 {
        client.send(ask(5).as_bytes());
        assert_eq!(client.head().0, 100);
        assert_eq!(client.request(b"hello").text(), "hello");
    }
    client.send(ask(BODY_BYTES_MAX + 1).as_bytes());
    let reply = client.reply();
    assert_eq!((reply.status, reply.header("connection")), (413, Some("close")));
    assert!(client.ends());
    assert_eq!(web.service.started(), 2);
}

#[test]
fn old_clients_get_the_end_of_the_connection_unless_they_ask_to_keep_it() {
    let web = Web::ordinary();
    let mut client = web.connect();
    let reply = client.request(b"GET /echo HTTP/1.0\r\n\r\n");
    assert_eq!(reply.header("x-seen"), Some("GET /echo  - 0"));
    assert!(client.ends());
    let mut client = web.connect();
    for _ in 0..2 {
        let reply = client.request(b"GET /wait HTTP/1.0\r\nconnection: keep-alive\r\n\r\n");
        assert_eq!((reply.text(), reply.header("connection")), ("waited", Some("keep-alive")));
    }
    let mut client = web.connect();
    let reply = client.request(b"GET /wait HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    assert_eq!((reply.text(), reply.header("connection")), ("waited", Some("close")));
    assert!(client.ends());
}

#[test]
fn a_head_request_gets_the_length_without_the_body() {
    let web = Web::ordinary();
    let mut client = web.connect();
    client.send(b"HEAD /many?4000 HTTP/1.1\r\nhost: a\r\n\r\n");
    assert!(client.head().1.contains("content-length: 4000\r\n"));
    assert_eq!(client.request(&get("/echo")).status, 200);
    web.all_memory_is_free();
}

#[test]
fn what_is_not_http_is_refused_and_the_connection_ends() {
    let web = Web::ordinary();
    let many: String = (0..101).map(|i| format!("h{i}: 1\r\n")).collect();
    let long = "a".repeat(17 << 10);
    let cases = [
        (400, "?!\r\n\r\n".to_owned()),
        (400, "GET /echo HTTP/1.1\r\nhost: a\r\nno colon\r\n\r\n".to_owned()),
        (400, "GET /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab".to_owned()),
        (400, "GET /echo HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n".to_owned()),
        (400, "GET /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked, gzip\r\n\r\n".to_owned()),
        (431, format!("GET /echo HTTP/1.1\r\nhost: a\r\n{many}\r\n")),
        (431, format!("GET /echo HTTP/1.1\r\nhost: a\r\nlong: {long}\r\n\r\n")),
    ];
    for (status, request) in cases {
        let mut client = web.connect();
        assert_eq!(client.request(request.as_bytes()).status, status, "{request}");
        assert!(client.ends());
    }
    // The connection can go on where only the request is wrong.
    let mut client = web.connect();
    for request in [
        "GET /echo HTTP/1.1\r\n\r\n",
        "GET /echo HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n",
    ] {
        assert_eq!(client.request(request.as_bytes()).status, 400, "{request}");
    }
    assert_eq!(web.service.started(), 0);
    let by_proxy = client.request(b"GET http://far/echo?q HTTP/1.1\r\nhost: near\r\n\r\n");
    assert_eq!(by_proxy.header("x-seen"), Some("GET /echo q far 1"));
}

#[test]
fn a_response_that_cannot_be_written_is_an_error_of_ours() {
    let web = Web::ordinary();
    let mut client = web.connect();
    let Reply { status, .. } = client.request(&get("/unwritable"));
    assert_eq!(status, 500);
    assert_eq!(client.request(&get("/echo")).status, 200);
}
