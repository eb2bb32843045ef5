//! A broker that is watched: metrics, readiness, alarms and where they go, by the real binary.
//!
//! Apart because the broker looks at itself in its own time: these tests wait until it has.

use crate::process::{Broker, Scratch, millstream, stdout};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// A machine that does other things as well gets its time.
const PATIENCE: Duration = Duration::from_secs(60);

/// Status and body of an answer.
fn get(broker: &Broker, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(&broker.http).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", broker.http).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// Waits until the metrics have a line that begins like this, and gives the value.
fn wait_for(broker: &Broker, sample: &str) -> f64 {
    for _ in 0..600 {
        let (_, text) = get(broker, "/metrics");
        if let Some(line) =
            text.lines().find(|line| line.strip_prefix(sample).is_some_and(|rest| rest.starts_with(' ')))
        {
            return line.rsplit(' ').next().unwrap().parse().unwrap();
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("no {sample} in:\n{}", get(broker, "/metrics").1);
}

#[test]
fn what_a_broker_does_is_in_its_metrics() {
    let scratch = Scratch::new();
    let broker = Broker::start(&scratch, &["--data-dir", "data"]);
    let run = |args: &[&str]| stdout(millstream(&scratch, args).env("MILLSTREAM_BOOTSTRAP", &broker.kafka));
    run(&["topic", "create", "orders", "-p", "2"]);
    run(&["produce", "orders", "--value", "a"]);
    assert_eq!(
        wait_for(&broker, r#"millstream_stream_records_in_total{namespace="default",stream="orders"}"#),
        1.0
    );
    assert_eq!(wait_for(&broker, r#"millstream_requests_total{front="kafka",operation="Produce"}"#), 1.0);
    assert_eq!(
        wait_for(&broker, r#"millstream_request_duration_seconds_count{front="kafka",operation="Produce"}"#),
        1.0
    );
    assert!(wait_for(&broker, "millstream_lane_sync_seconds_count") >= 1.0);
    assert!(wait_for(&broker, "millstream_lane_sync_seconds_sum") > 0.0);
    assert!(wait_for(&broker, r#"millstream_disk_bytes{state="all"}"#) > 0.0);
    assert!(wait_for(&broker, r#"millstream_connections_accepted_total{front="kafka"}"#) >= 1.0);
    assert!(wait_for(&broker, "process_resident_memory_bytes") > 0.0);
    assert_eq!(wait_for(&broker, "millstream_ready"), 1.0);
    assert_eq!(get(&broker, "/readyz"), (200, r#"{"ready":true,"missing":[]}"#.to_owned()));
    assert_eq!(get(&broker, "/healthz").0, 200);
}

/// The head and the body of the next request to a server, which is answered with a status.
fn take(listener: &TcpListener, status: u16) -> (String, Vec<u8>) {
    let (stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    answer(stream, status)
}

/// The head and the body of a request, which is answered with a status.
fn answer(stream: impl Read + Write, status: u16) -> (String, Vec<u8>) {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(stream.read_line(&mut head).unwrap(), 0, "{head}");
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).unwrap();
    write!(stream.get_mut(), "HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n").unwrap();
    stream.get_mut().flush().unwrap();
    (head, body)
}

/// A server's certificate for `localhost`, and the authority that has signed it.
fn certificate() -> (ServerConfig, String) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let chain = vec![params.signed_by(&key, &authority).unwrap().der().clone()];
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    (config.with_no_client_auth().with_single_cert(chain, key).unwrap(), authority.pem())
}

#[test]
fn notices_and_traces_go_to_https_targets_by_an_authority_of_ones_own() {
    let scratch = Scratch::new();
    let (config, authority) = certificate();
    scratch.write("ca.pem", &authority);
    let (listener, config) = (TcpListener::bind("127.0.0.1:0").unwrap(), Arc::new(config));
    let url = |path: &str| format!("https://localhost:{}{path}", listener.local_addr().unwrap().port());
    let (webhook, collector) = (url("/hook"), url("/v1/traces"));
    let broker = Broker::start(
        &scratch,
        &[
            "--data-dir",
            "data",
            "--trusted-ca-file",
            "ca.pem",
            "--alarm-webhook",
            &webhook,
            "--alarm-webhook-allow",
            "127.0.0.1,::1",
            "--otlp-endpoint",
            &collector,
            // Whatever the machine is like: nothing is wrong.
            "--alarm-disk-free-percent",
            "0",
            "--alarm-fsync-ms",
            "600000",
        ],
    );
    let take = || {
        let (stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let session = ServerConnection::new(config.clone()).unwrap();
        answer(rustls::StreamOwned::new(session, stream), 204)
    };
    let server = format!("http://{}", broker.http);
    stdout(millstream(&scratch, &["alarm", "test"]).env("MILLSTREAM_SERVER", &server));
    let (head, body) = take();
    assert!(head.starts_with("POST /hook HTTP/1.1\r\n"), "{head}");
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["event"], "test");
    let trace = "traceparent=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let run = |args: &[&str]| stdout(millstream(&scratch, args).env("MILLSTREAM_BOOTSTRAP", &broker.kafka));
    run(&["topic", "create", "orders"]);
    run(&["produce", "orders", "--value", "x", "-H", trace]);
    let (head, body) = take();
    assert!(head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{head}");
    let sent: Value = serde_json::from_slice(&body).unwrap();
    let span = &sent["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
    assert_eq!(span["traceId"], "0af7651916cd43dd8448eb211c80319c");
}

#[test]
fn notices_go_to_a_webhook_and_a_stream_and_are_tried_again() {
    let scratch = Scratch::new();
    scratch.write("secret", "hush\n");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let broker = Broker::start(
        &scratch,
        &[
            "--data-dir",
            "data",
            "--alarm-webhook",
            &url,
            "--alarm-webhook-allow",
            "127.0.0.1",
            "--alarm-webhook-secret-file",
            "secret",
            "--alarm-stream",
            "alarms",
            // Whatever the machine is like: nothing is wrong.
            "--alarm-disk-free-percent",
            "0",
            "--alarm-fsync-ms",
            "600000",
        ],
    );
    let server = format!("http://{}", broker.http);
    let run = |args: &[&str]| stdout(millstream(&scratch, args).env("MILLSTREAM_SERVER", &server));
    let tested: Value = serde_json::from_str(&run(&["alarm", "test", "--json"])).unwrap();
    assert_eq!(tested["ways"], serde_json::json!(["log", "stream", "webhook"]));
    let header = |head: &str, name: &str| {
        let value = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        value.unwrap_or_else(|| panic!("no {name}: {head}")).to_owned()
    };
    let (first, body) = take(&listener, 503);
    assert!(first.starts_with("POST /hook HTTP/1.1\r\n"), "{first}");
    let shown: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(shown["event"], "test");
    let (again, same) = take(&listener, 204);
    assert_eq!(same, body);
    assert_eq!(header(&first, "x-millstream-delivery"), header(&again, "x-millstream-delivery"));
    let signature = header(&again, "x-millstream-signature");
    let (time, signed) = signature.split_once(",v1=").unwrap();
    assert!(time.starts_with("t=") && signed.len() == 64, "{signature}");
    wait_for(&broker, r#"millstream_stream_records_in_total{namespace="default",stream="alarms"}"#);
    let mut consume = millstream(&scratch, &["consume", "alarms", "-n", "1"]);
    let listed = stdout(consume.env("MILLSTREAM_BOOTSTRAP", &broker.kafka));
    assert!(listed.contains(r#""event":"test""#), "{listed}");
    assert!(run(&["alarm", "list", "--rules"]).contains("dead_letters"));
}

#[test]
fn a_silence_outlives_the_process_and_readiness_ends_with_it() {
    let scratch = Scratch::new();
    let broker = Broker::start(&scratch, &["--data-dir", "data"]);
    let server = format!("http://{}", broker.http);
    let args = ["alarm", "silence", "fsync_slow", "--reason", "a slow machine", "--for", "1d"];
    stdout(millstream(&scratch, &args).env("MILLSTREAM_SERVER", &server));
    broker.signal("TERM");
    assert_eq!(broker.end().0, Some(0));
    let broker = Broker::start(&scratch, &["--data-dir", "data"]);
    let listed: Value = serde_json::from_str(&get(&broker, "/api/v1/alarms").1).unwrap();
    assert_eq!(listed["silences"][0]["id"], "fsync_slow");
    assert_eq!(listed["silences"][0]["reason"], "a slow machine");
    let server = format!("http://{}", broker.http);
    stdout(
        millstream(&scratch, &["alarm", "silence", "fsync_slow", "--end"]).env("MILLSTREAM_SERVER", &server),
    );
    let listed: Value = serde_json::from_str(&get(&broker, "/api/v1/alarms").1).unwrap();
    assert_eq!(listed["silences"], serde_json::json!([]));
}

#[test]
fn by_which_protocols_a_stream_is_read_is_seen() {
    let scratch = Scratch::new();
    let broker = Broker::start(&scratch, &["--data-dir", "data"]);
    let server = format!("http://{}", broker.http);
    let run = |args: &[&str]| {
        let mut command = millstream(&scratch, args);
        stdout(command.env("MILLSTREAM_BOOTSTRAP", &broker.kafka).env("MILLSTREAM_SERVER", &server))
    };
    run(&["topic", "create", "orders", "-p", "1"]);
    run(&["produce", "orders", "--value", "a"]);
    run(&["topic", "create", "quiet", "-p", "1"]);
    assert_eq!(run(&["consume", "orders"]), "a\n");
    let readers = |name: &str| -> Vec<String> {
        let stream: Value =
            serde_json::from_str(&get(&broker, &format!("/api/v1/streams/{name}")).1).unwrap();
        let readers = stream["read_by"].as_array().unwrap();
        readers.iter().map(|reader| reader["protocol"].as_str().unwrap().to_owned()).collect()
    };
    let is_seen = (0..600).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        readers("orders") == ["kafka"]
    });
    assert!(is_seen, "{:?}", readers("orders"));
    assert_eq!(readers("quiet"), [""; 0]);
}

#[test]
fn everything_is_verified_by_a_command() {
    let scratch = Scratch::new();
    let broker = Broker::start(&scratch, &["--data-dir", "data"]);
    let server = format!("http://{}", broker.http);
    let run = |args: &[&str]| stdout(millstream(&scratch, args).env("MILLSTREAM_SERVER", &server));
    assert!(run(&["job", "verify"]).starts_with("verify-1 has begun"));
    let is_over = (0..600).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        let jobs: Value = serde_json::from_str(&run(&["job", "list", "--json"])).unwrap();
        jobs[0]["id"] == "verify-1" && jobs[0]["state"] == "completed"
    });
    assert!(is_over, "{}", run(&["job", "list"]));
}
