//! `SIGHUP`, and what the service manager is told, by the real binary.
//!
//! Apart because these tests wait for what the broker says to whoever started it: that is how they know that a reload is over.

use crate::process::{Broker, Scratch, millstream};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::Command;
use std::time::Duration;

/// A machine that does other things as well gets its time.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a service manager would be.
struct Manager {
    socket: UnixDatagram,
    name: String,
}

impl Manager {
    fn new(scratch: &Scratch) -> Manager {
        let name = format!("notify-{}", scratch.path().display());
        let socket =
            UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(name.as_bytes()).unwrap()).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Manager { socket, name }
    }

    fn start(&self, command: &mut Command) -> Broker {
        let broker = Broker::spawn(command.env("NOTIFY_SOCKET", format!("@{}", self.name)));
        assert_eq!(self.told(), "READY=1\nSTATUS=serving");
        broker
    }

    fn told(&self) -> String {
        let mut text = [0; 256];
        let bytes = self.socket.recv(&mut text).unwrap();
        String::from_utf8(text[..bytes].to_vec()).unwrap()
    }

    /// Has the broker read its settings again: whether it took them.
    fn reload(&self, broker: &Broker) -> bool {
        broker.signal("HUP");
        let began = self.told();
        assert!(began.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{began}");
        match self.told().as_str() {
            "READY=1\nSTATUS=serving, settings read again" => true,
            "READY=1\nSTATUS=serving, settings refused: see the log" => false,
            other => panic!("{other}"),
        }
    }
}

/// Status and body of an answer.
fn ask(address: &str, head: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let length = body.len();
    write!(
        stream,
        "{head}\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// Value and source of a setting that the broker runs with.
fn setting(broker: &Broker, key: &str) -> (String, String) {
    let (status, body) = ask(&broker.http, "GET /api/v1/configuration HTTP/1.1", "");
    assert_eq!(status, 200, "{body}");
    let shown: Value = serde_json::from_str(&body).unwrap();
    let knob = shown["items"].as_array().unwrap().iter().find(|knob| knob["key"] == key).unwrap();
    (knob["value"].as_str().unwrap().to_owned(), knob["source"].as_str().unwrap().to_owned())
}

fn is(value: &str, source: &str) -> (String, String) {
    (value.to_owned(), source.to_owned())
}

#[test]
fn settings_are_taken_while_it_runs_and_wrong_ones_change_nothing() {
    let scratch = Scratch::new();
    let manager = Manager::new(&scratch);
    scratch.write("m.toml", "log_level = \"warn\"\n");
    let arguments = ["serve", "--json", "--config", "m.toml", "--listen-aws", "off", "--listen-amqp", "off"];
    let mut command = millstream(&scratch, &arguments);
    command.args(["--listen-kafka", "127.0.0.1:0", "--listen-http", "127.0.0.1:0", "--alarm-fsync-ms", "77"]);
    let broker = manager.start(&mut command);
    assert_eq!(setting(&broker, "log_level"), is("warn", "m.toml:1"));

    scratch.write(
        "m.toml",
        "interval_ms = 7\nalarm_depth_records = 5\nlog_level = \"info\"\nalarm_fsync_ms = 9\n",
    );
    assert!(manager.reload(&broker));
    assert_eq!(setting(&broker, "log_level"), is("info", "m.toml:3"));
    assert_eq!(setting(&broker, "alarm_depth_records"), is("5", "m.toml:2"));
    assert_eq!(setting(&broker, "interval_ms"), is("50", "default"), "only a restart takes it");
    assert_eq!(setting(&broker, "alarm_fsync_ms"), is("77", "--alarm-fsync-ms"), "flags go before the file");
    let (_, alarms) = ask(&broker.http, "GET /api/v1/alarms HTTP/1.1", "");
    let alarms: Value = serde_json::from_str(&alarms).unwrap();
    let depth = alarms["rules"].as_array().unwrap().iter().find(|rule| rule["name"] == "depth").unwrap();
    assert_eq!(depth["threshold"].as_f64(), Some(5.0), "{depth}");

    scratch.write("m.toml", "log_level = \"debug\"\nalarm_depth_records = \"many\"\n");
    assert!(!manager.reload(&broker));
    assert_eq!(setting(&broker, "log_level"), is("info", "m.toml:3"));
    assert_eq!(setting(&broker, "alarm_depth_records"), is("5", "m.toml:2"));
    std::fs::remove_file(scratch.path().join("m.toml")).unwrap();
    assert!(!manager.reload(&broker));
    assert_eq!(setting(&broker, "alarm_depth_records"), is("5", "m.toml:2"));

    broker.signal("TERM");
    assert_eq!(manager.told(), "STOPPING=1\nSTATUS=stopping");
    let (code, log) = broker.end();
    assert_eq!(code, Some(0), "{log}");
    for said in [
        "settings have changed that only a restart takes",
        "interval_ms",
        "the settings cannot be read again; all stay as they were",
        "m.toml:2: alarm_depth_records",
        "m.toml cannot be read",
    ] {
        assert!(log.contains(said), "{said}: {log}");
    }
    assert!(!log.contains("DEBUG"), "{log}");
}

#[test]
fn secrets_are_read_again_from_their_files() {
    let scratch = Scratch::new();
    let manager = Manager::new(&scratch);
    scratch.write("keys", "AKIAFIRST secret\n");
    let arguments = ["serve", "--json", "--data-dir", "data", "--aws-credentials-file", "keys"];
    let mut command = millstream(&scratch, &arguments);
    command.args(["--listen-kafka", "off", "--listen-amqp", "off"]);
    command.args(["--listen-http", "127.0.0.1:0", "--listen-aws", "127.0.0.1:0"]);
    let broker = manager.start(&mut command);
    let aws = broker.ready["listen"]["aws"].as_str().unwrap();
    // Signed long ago by whoever: what counts is whether the key is known.
    let is_known = |key: &str| {
        let head = format!(
            "POST / HTTP/1.1\r\ncontent-type: application/x-amz-json-1.0\r\nx-amz-target: AmazonSQS.ListQueues\r\n\
             x-amz-date: 20200101T000000Z\r\nauthorization: AWS4-HMAC-SHA256 Credential={key}/20200101/us-east-1/sqs/aws4_request, \
             SignedHeaders=host;x-amz-date;x-amz-target, Signature={}",
            "0".repeat(64)
        );
        let (status, body) = ask(aws, &head, "{}");
        assert!([400, 403].contains(&status), "{body}");
        !body.contains("UnrecognizedClientException")
    };
    let lets_in = |token: &str| {
        let head = format!("GET /api/v1/streams HTTP/1.1\r\nauthorization: Bearer {token}");
        ask(&broker.http, &head, "").0 == 200
    };
    let token =
        || std::fs::read_to_string(scratch.path().join("data/admin.token")).unwrap().trim().to_owned();
    let first = token();
    assert!(is_known("AKIAFIRST") && !is_known("AKIASECOND"));
    assert!(lets_in(&first));

    scratch.write("keys", "AKIASECOND secret\n");
    scratch.write("data/admin.token", "a-token-of-my-own-choice\n");
    assert!(manager.reload(&broker));
    assert!(is_known("AKIASECOND") && !is_known("AKIAFIRST"));
    assert!(lets_in("a-token-of-my-own-choice") && !lets_in(&first));

    // One that has leaked is removed.
    std::fs::remove_file(scratch.path().join("data/admin.token")).unwrap();
    assert!(manager.reload(&broker));
    let third = token();
    assert!(third != first && lets_in(&third));

    scratch.write("keys", "AKIATHIRD\n");
    assert!(!manager.reload(&broker));
    assert!(is_known("AKIASECOND"));
    broker.signal("TERM");
    let (code, log) = broker.end();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("aws_credentials_file keys: line 1"), "{log}");
    assert!(!log.contains(&third), "{log}");
}
