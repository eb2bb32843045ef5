//! Exchanges that wait: reads from memory and from the disk, and what waiting costs.

use super::service::ToyService;
use super::{Web, get};
use crate::toy::{Client, Toy, pause};
use millstream_front::Budget;
use millstream_net::{Bound, Front, Options, Service};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::Duration;

#[test]
fn reads_are_made_from_memory_and_from_the_disk_and_failures_are_told() {
    let web = Web::ordinary();
    let mut client = web.connect();
    assert_eq!(client.request(&get("/read?0,1000,20")).text(), "1000 ".repeat(20));
    assert_eq!(client.request(&get("/read?1,1000,1")).text(), "Deleted ");
    assert_eq!(web.toy.log.blocking_reads.load(SeqCst), 0);
    web.toy.log.on_disk.store(true, SeqCst);
    assert_eq!(client.request(&get("/read?0,5000,20")).text(), "5000 ".repeat(20));
    assert_eq!(web.toy.log.blocking_reads.load(SeqCst), 20);
    web.toy.log.broken.store(true, SeqCst);
    assert_eq!(client.request(&get("/read?0,5000,1")).text(), "Failed ");
    web.all_memory_is_free();
}

#[test]
fn reads_beyond_the_memory_for_output_are_cut_short_and_never_stuck() {
    let web = Web::with_memory(Options::default(), 16 << 20, 4 << 20);
    let mut client = web.connect();
    let reply = client.request(&get("/read?0,1048576,5"));
    assert_eq!(reply.text(), "1048576 1048576 1048576 0 0 ");
    web.all_memory_is_free();
}

/// Descriptors that this test leaves to others in the process.
const DESCRIPTORS_LEFT: u64 = 400;
/// What a connection costs whose request waits: the two buffers of 8 KiB that its parser keeps, and 6 KiB for all the rest.
const WAITING_BYTES_MAX: u64 = 22 << 10;

#[test]
fn waiting_costs_little_memory_and_no_time() {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX);
    let count = usize::try_from(2_000.min((limit - DESCRIPTORS_LEFT) / 2)).unwrap();
    // One thread serves, so that everything it allocates is counted.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let toy = Arc::new(Toy::default());
    toy.hold.store(true, SeqCst);
    let service = Service {
        front: Front::Http(Arc::new(ToyService::new(toy.clone()))),
        backend: toy.clone(),
        budget: Budget::new(16 << 20),
        output_budget: Budget::new(16 << 20),
        options: Options::default(),
    };
    let bound = Bound::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let addr = bound.addr();
    let server = runtime.block_on(async { bound.serve(service) }).unwrap();
    let clients = thread::spawn(move || {
        let mut clients: Vec<_> =
            (0..count).map(|_| Client { stream: TcpStream::connect(addr).unwrap() }).collect();
        clients.iter_mut().for_each(|client| client.send(&get("/wait")));
        clients
    });
    let until = |done: &dyn Fn() -> bool| {
        runtime.block_on(async {
            while !done() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
    };
    let held = allocation_counter::measure(|| until(&|| toy.held() == count));
    let each = u64::try_from(held.bytes_current).unwrap() / count as u64;
    assert!(each <= WAITING_BYTES_MAX, "{each} bytes for each of {count} that wait");
    let looks = toy.looks.load(SeqCst);
    let pause = thread::spawn(|| pause(100));
    until(&|| pause.is_finished());
    assert_eq!(toy.looks.load(SeqCst), looks, "nobody was woken");
    toy.reply_to_held();
    let answered = thread::spawn(move || {
        clients.join().unwrap().into_iter().all(|mut client| client.reply().text() == "waited")
    });
    until(&|| answered.is_finished());
    assert!(answered.join().unwrap());
    until(&|| server.connections() == 0);
}
