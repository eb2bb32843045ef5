//! `millstream serve`: ready, refused, stopped.

use crate::process::{Broker, Scratch, complaint, millstream};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

/// An ApiVersions request of version 0: length, key 18, version, correlation id 7, no client id.
const API_VERSIONS: &[u8] = &[0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff];

/// Whether a broker answers on a connection.
fn answers(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut head = [0; 8];
    stream.write_all(API_VERSIONS).is_ok()
        && stream.read_exact(&mut head).is_ok()
        && head[4..] == [0, 0, 0, 7]
}

#[test]
fn a_broker_says_that_it_is_ready_answers_and_ends_well_when_told_to() {
    for signal in ["TERM", "INT"] {
        let scratch = Scratch::new();
        for _ in 0..2 {
            let broker = Broker::start(&scratch, &["--data-dir", "data"]);
            assert_eq!(broker.ready["ready"], true);
            let data_dir = scratch.path().join("data");
            assert_eq!(broker.ready["data_dir"], data_dir.to_str().unwrap());
            let mut client = TcpStream::connect(&broker.kafka).unwrap();
            assert!(answers(&mut client));
            broker.signal(signal);
            let (code, log) = broker.end();
            assert_eq!(code, Some(0), "{log}");
            assert!(client.read_to_end(&mut Vec::new()).is_ok(), "the connection was closed in order");
        }
    }
}

#[test]
fn readable_text_names_the_endpoint_the_directory_and_how_to_stop() {
    let scratch = Scratch::new();
    let mut command = millstream(
        &scratch,
        &[
            "serve",
            "--listen-aws",
            "off",
            "--listen-amqp",
            "off",
            "--listen-http",
            "off",
            "--listen-kafka",
            "127.0.0.1:0",
        ],
    );
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let (mut text, mut byte) = (String::new(), [0]);
    while !text.ends_with("\n\n") || !text.contains("stop") {
        child.stdout.as_mut().unwrap().read_exact(&mut byte).unwrap();
        text.push(char::from(byte[0]));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(text.contains("kafka       127.0.0.1:"), "{text}");
    assert!(text.contains("millstream-data\n"), "{text}");
    assert!(text.contains("Ctrl-C"), "{text}");
}

#[test]
fn a_second_process_on_the_same_directory_is_refused_and_the_first_goes_on() {
    let scratch = Scratch::new();
    let broker = Broker::start(&scratch, &["--data-dir", "data"]);
    let mut second = millstream(
        &scratch,
        &[
            "serve",
            "--listen-aws",
            "off",
            "--listen-amqp",
            "off",
            "--listen-http",
            "off",
            "--listen-kafka",
            "127.0.0.1:0",
            "--data-dir",
            "data",
        ],
    );
    let said = complaint(&mut second);
    assert!(said.contains("data directory data") && said.contains("another process"), "{said}");
    assert!(answers(&mut TcpStream::connect(&broker.kafka).unwrap()));
}

#[test]
fn a_port_in_use_is_refused_before_anything_is_made() {
    let scratch = Scratch::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let said = complaint(&mut millstream(
        &scratch,
        &[
            "serve",
            "--listen-aws",
            "off",
            "--listen-amqp",
            "off",
            "--listen-http",
            "off",
            "--listen-kafka",
            &addr,
        ],
    ));
    assert!(said.contains(&addr) && said.contains("in use"), "{said}");
    assert!(!scratch.path().join("millstream-data").exists());
}

#[test]
fn a_directory_that_cannot_be_made_is_refused() {
    let scratch = Scratch::new();
    scratch.write("file", "");
    let mut command = millstream(
        &scratch,
        &[
            "serve",
            "--listen-aws",
            "off",
            "--listen-amqp",
            "off",
            "--listen-http",
            "off",
            "--listen-kafka",
            "127.0.0.1:0",
            "--data-dir",
            "file/data",
        ],
    );
    let said = complaint(&mut command);
    assert!(said.contains("data directory file/data"), "{said}");
}

#[test]
fn listening_beyond_loopback_needs_insecure_and_says_so_loudly() {
    let scratch = Scratch::new();
    let said = complaint(&mut millstream(
        &scratch,
        &[
            "serve",
            "--listen-aws",
            "off",
            "--listen-amqp",
            "off",
            "--listen-http",
            "off",
            "--listen-kafka",
            "0.0.0.0:0",
        ],
    ));
    assert!(said.contains("--insecure"), "{said}");
    let mut command = millstream(
        &scratch,
        &[
            "serve",
            "--json",
            "--listen-aws",
            "off",
            "--listen-amqp",
            "off",
            "--listen-http",
            "off",
            "--listen-kafka",
            "0.0.0.0:0",
            "--insecure",
        ],
    );
    let broker = Broker::spawn(&mut command);
    let port = broker.kafka.rsplit_once(':').unwrap().1.to_owned();
    assert!(answers(&mut TcpStream::connect(format!("127.0.0.1:{port}")).unwrap()));
    broker.signal("TERM");
    let (code, log) = broker.end();
    assert_eq!(code, Some(0));
    assert!(log.contains("INSECURE"), "{log}");
}

#[test]
fn a_crowd_of_connections_leaves_descriptors_for_storage_and_is_served_again_later() {
    let scratch = Scratch::new();
    let mut command = Command::new("sh");
    let serve = "ulimit -n 64; exec \"$0\" serve --json --listen-aws off --listen-amqp off --listen-http off --listen-kafka 127.0.0.1:0";
    command.args(["-c", serve, env!("CARGO_BIN_EXE_millstream")]).current_dir(scratch.path());
    let broker = Broker::spawn(&mut command);
    // What is over the limit is accepted and closed, so that all of them connect.
    let mut crowd: Vec<_> = (0..100).map(|_| TcpStream::connect(&broker.kafka).unwrap()).collect();
    assert!(answers(&mut crowd[0]));
    assert!(!answers(&mut crowd[99]), "it is closed as soon as it is accepted");
    drop(crowd);
    // It takes a moment to notice that they have gone.
    let is_served = (0..600).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        answers(&mut TcpStream::connect(&broker.kafka).unwrap())
    });
    assert!(is_served);
    broker.signal("TERM");
    let (code, log) = broker.end();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("too many connections"), "{log}");
}
