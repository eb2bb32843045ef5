//! How exchanges and connections end: clients that go away, panics, drain.

use super::{Web, get, post};
use crate::toy::pause;
use millstream_net::Options;
use std::net::TcpStream;
use std::sync::atomic::Ordering::SeqCst;

#[test]
fn an_exchange_whose_client_is_gone_is_abandoned_and_pumped_to_its_end() {
    let web = Web::ordinary();
    web.toy.hold.store(true, SeqCst);
    let mut client = web.connect();
    client.send(&get("/wait?3"));
    web.eventually("it waits", |h| h.toy.held() == 1);
    assert_eq!(web.service.abandoned(), 0);
    drop(client);
    web.eventually("it gives back", |h| h.toy.held() == 2);
    assert_eq!((web.service.abandoned(), web.service.responded()), (1, 0));
    assert!(web.budget.free_bytes() < web.budget.total_bytes(), "it holds its share until it has ended");
    while web.service.responded() == 0 {
        web.toy.reply_to_held();
        pause(1);
    }
    web.eventually("its place is free", |h| h.connections() == 0);
    assert_eq!(web.service.abandoned(), 1);
    web.all_memory_is_free();
}

#[test]
fn a_client_that_goes_away_while_it_sends_leaves_nothing_behind() {
    let web = Web::ordinary();
    for request in [&post("/wait", &[1; 300_000])[..1000], b"POST /wait HTTP/1.1\r\nhost"] {
        let mut client = web.connect();
        client.send(request);
        web.eventually("it is there", |h| h.connections() == 1);
        pause(10);
        drop(client);
        web.eventually("its place is free", |h| h.connections() == 0);
        web.all_memory_is_free();
    }
    assert_eq!((web.service.started(), web.service.abandoned()), (0, 0));
}

#[test]
fn a_panic_ends_its_connection_and_nothing_else() {
    let web = Web::ordinary();
    let mut other = web.connect();
    assert_eq!(other.request(&get("/echo")).status, 200);
    for target in ["/panic", "/late-panic"] {
        let mut client = web.connect();
        client.send(&get(target));
        assert!(client.ends());
    }
    assert_eq!(other.request(&get("/wait")).status, 200);
    web.eventually("their places are free", |h| h.connections() == 1);
    web.all_memory_is_free();
}

#[test]
fn drain_finishes_what_is_under_way_and_takes_no_more() {
    let mut web = Web::ordinary();
    web.toy.hold.store(true, SeqCst);
    let (mut unused, mut idle, mut busy) = (web.connect(), web.connect(), web.connect());
    assert_eq!(idle.request(&get("/echo")).status, 200);
    busy.send(&[get("/wait"), get("/echo")].concat());
    web.eventually("it is under way", |h| h.toy.held() == 1 && h.connections() == 3);
    let server = web.harness.server.take().unwrap();
    let drained = web.runtime.spawn(server.drain());
    assert!(unused.ends());
    assert!(idle.ends());
    assert!(TcpStream::connect(web.addr).is_err());
    assert!(!drained.is_finished());
    web.toy.reply_to_held();
    let reply = busy.reply();
    assert_eq!((reply.text(), reply.header("connection")), ("waited", Some("close")));
    assert!(busy.ends());
    drop(busy);
    web.runtime.block_on(drained).unwrap();
    assert_eq!(web.service.started(), 2, "the pipelined request was not taken");
}

#[test]
fn drain_does_not_wait_longer_than_its_limit_and_exchanges_are_abandoned_then() {
    let mut web = Web::new(Options { finish_ms: 150, ..Options::default() });
    web.toy.hold.store(true, SeqCst);
    let mut busy = web.connect();
    busy.send(&get("/wait"));
    web.eventually("it is under way", |h| h.toy.held() == 1);
    let server = web.harness.server.take().unwrap();
    let drained = web.runtime.spawn(server.drain());
    assert!(busy.ends());
    web.eventually("it gives back", |h| h.toy.held() == 2);
    web.toy.reply_to_held();
    web.runtime.block_on(drained).unwrap();
    assert_eq!((web.service.abandoned(), web.service.responded()), (1, 1));
}

#[test]
fn an_abandoned_exchange_that_never_ends_does_not_keep_the_broker() {
    let mut web = Web::new(Options { finish_ms: 50, ..Options::default() });
    web.toy.hold.store(true, SeqCst);
    let mut client = web.connect();
    client.send(&get("/wait"));
    web.eventually("it is under way", |h| h.toy.held() == 1);
    drop(client);
    web.eventually("it gives back", |h| h.toy.held() == 2);
    let server = web.harness.server.take().unwrap();
    web.runtime.block_on(server.drain());
    assert_eq!(web.service.responded(), 0);
    web.all_memory_is_free();
}
