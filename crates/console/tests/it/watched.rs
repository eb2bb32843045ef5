//! Metrics, health, alarms and scaling of a broker that is looked at.
//!
//! Apart because these tests decide when somebody looks, and what the process says of itself.

use crate::client::Client;
use crate::exposition::{Exposition, parse};
use millstream_console::alarms::{Notice, Thresholds};
use millstream_console::metrics::{CATALOG, Health, Process, Telemetry, TelemetryParts};
use millstream_console::observe::{Sampler, World};
use millstream_core::catalog::DEFAULT_NAME;
use millstream_core::cursor::{CommitOffsets, Generation, GroupId, GroupRequest, OffsetToCommit};
use millstream_core::{Reply, Request};
use millstream_front::http::Request as HttpRequest;
use millstream_front::{Authorized, Authorizer, Backend};
use millstream_testkit::broker::TestBroker;
use millstream_types::{LogId, Namespace, Offset};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::sync::Arc;

/// A broker, and whoever looks at it.
pub(crate) struct Watched {
    pub(crate) client: Client,
    telemetry: Arc<Telemetry>,
    sampler: Sampler,
    health: Arc<Mutex<Health>>,
}

struct Asker {
    broker: Arc<TestBroker>,
    backend: Arc<dyn Backend>,
}

impl World for Asker {
    fn backend(&self) -> &Arc<dyn Backend> {
        &self.backend
    }

    fn ask(&mut self, requests: Vec<Authorized<Request>>) -> Vec<Reply> {
        self.broker.ask_all(requests)
    }
}

impl Watched {
    pub(crate) fn new() -> Watched {
        let health = Arc::<Mutex<Health>>::default();
        let seen = health.clone();
        let telemetry = Telemetry::new(TelemetryParts {
            version: "1.2.3",
            thresholds: Thresholds { depth_records: 2, ..Thresholds::default() },
            ways: vec!["log"],
            process: Box::new(move || Process { health: seen.lock().clone(), ..Process::default() }),
        });
        let client = Client::watched(telemetry.clone());
        Watched { client, telemetry, sampler: Sampler::default(), health }
    }

    /// Looks so many milliseconds later.
    pub(crate) fn look(&mut self, ms: i64) -> Vec<Notice> {
        self.client.broker.advance_ms(ms);
        let mut asker = Asker { broker: self.client.broker.clone(), backend: self.client.broker.clone() };
        let observation = self.sampler.look(&mut asker, &Authorizer::local_only());
        self.telemetry.observe(observation)
    }

    /// Has the counters remembered, as somebody does every second.
    fn tick(&self) {
        self.client.sample();
    }

    fn answer(&self, method: &str, path: &str, accept: &str) -> (u16, String, String) {
        let headers: &[(&str, &[u8])] = &[("host", b"127.0.0.1:8080"), ("accept", accept.as_bytes())];
        let request = HttpRequest { method, path, query: "", headers, body: b"", is_tls: false, peer: None };
        let response = self.client.send(&request).response();
        let text = String::from_utf8(response.body.to_vec()).expect("text");
        (response.status, response.header("content-type").unwrap_or_default().to_owned(), text)
    }

    pub(crate) fn scrape(&self) -> Exposition {
        let (status, content_type, text) = self.answer("GET", "/metrics", "text/plain");
        assert_eq!((status, &*content_type), (200, "text/plain; version=0.0.4; charset=utf-8"));
        parse(&text)
    }

    pub(crate) fn commit(&self, group: &str, stream: &str, offset: u64) {
        let entry = self.client.broker.stream(Namespace::DEFAULT, stream).expect("it is there");
        let offset = OffsetToCommit {
            log: LogId { stream: entry.id, index: 0 },
            offset: Offset(offset),
            leader_epoch: -1,
            metadata: "".into(),
        };
        let commit = CommitOffsets {
            group: GroupId { namespace: Namespace::DEFAULT, name: group.into() },
            member: "".into(),
            instance: None,
            generation: Generation::NONE,
            retention_ms: None,
            offsets: vec![offset],
        };
        let request = Request::Group(Box::new(GroupRequest::CommitOffsets(commit)));
        self.client.broker.ask(request).expect("it answers at once");
    }
}

#[test]
fn what_a_queue_and_a_group_have_done_is_shown_and_goes_with_them() {
    let mut watched = Watched::new();
    let client = &watched.client;
    client.create_queue("work", json!({}));
    client.send_values("work", &["a", "b", "c", "d"]);
    assert_eq!(client.receive("work").len(), 4);
    watched.commit("readers", "work", 3);
    watched.look(2_000);
    let shown = watched.scrape();
    let queue = r#"{namespace="default",stream="work",group="default"}"#;
    let lease = r#"{kind="lease",namespace="default",stream="work",group="default"}"#;
    let cursor = r#"{kind="cursor",namespace="default",stream="work",group="readers"}"#;
    for (metric, labels, value) in [
        ("millstream_build_info", r#"{version="1.2.3"}"#, 1.0),
        ("millstream_ready", "", 1.0),
        ("millstream_streams", "", 1.0),
        ("millstream_stream_records_in_total", r#"{namespace="default",stream="work"}"#, 4.0),
        ("millstream_stream_records", r#"{namespace="default",stream="work"}"#, 4.0),
        ("millstream_group_outstanding_records", queue, 4.0),
        ("millstream_group_ready_records", queue, 0.0),
        ("millstream_group_deliveries_total", queue, 4.0),
        ("millstream_group_redeliveries_total", queue, 0.0),
        ("millstream_group_lag_records", lease, 4.0),
        ("millstream_group_lag_seconds", lease, 2.0),
        ("millstream_group_lag_records", cursor, 1.0),
        ("millstream_group_lag_seconds", cursor, 2.0),
        ("millstream_requests_total", r#"{front="http",operation="send_records"}"#, 1.0),
        ("millstream_request_failures_total", r#"{front="http",operation="send_records"}"#, 0.0),
    ] {
        assert_eq!(shown.value(metric, labels), Some(value), "{metric}{labels}");
    }
    // The leases run out, and the records are handed out again.
    watched.look(60_000);
    assert_eq!(watched.client.receive("work").len(), 4);
    watched.look(1_000);
    assert_eq!(watched.scrape().value("millstream_group_redeliveries_total", queue), Some(4.0));

    watched.client.start("DELETE", "/streams/work", b"").response();
    watched.look(1_000);
    let shown = watched.scrape();
    assert!(!shown.text.contains("\"work\""), "{}", shown.text);
    assert_eq!(shown.value("millstream_streams", ""), Some(0.0));
}

#[test]
fn names_that_clients_choose_break_no_line() {
    let mut watched = Watched::new();
    let name = "a\"b\\c{}=,# é";
    watched.client.broker.create_stream(name, 1);
    watched.look(1);
    let shown = watched.scrape();
    let labels = r#"{namespace="default",stream="a\"b\\c{}=,# é"}"#;
    assert_eq!(shown.value("millstream_stream_records", labels), Some(0.0), "{}", shown.text);
}

#[test]
fn only_so_many_streams_are_shown_and_the_others_are_summed() {
    let mut watched = Watched::new();
    for number in 0..130 {
        watched.client.broker.create_stream(&format!("s{number}"), 1);
    }
    watched.look(1_000);
    for stream in ["s7", "s120"] {
        watched.client.send_values(stream, &["x", "y", "z"]);
    }
    watched.look(1_000);
    let shown = watched.scrape();
    let of = |stream: &str| format!(r#"{{namespace="default",stream="{stream}"}}"#);
    let rest = r#"{namespace="*",stream="*"}"#;
    assert_eq!(shown.series("millstream_stream_records_in_total"), 101);
    for stream in ["s7", "s120"] {
        assert_eq!(shown.value("millstream_stream_records_in_total", &of(stream)), Some(3.0));
    }
    assert_eq!(shown.value("millstream_stream_records_in_total", rest), Some(0.0));
    let hidden = (0..130).map(|number| format!("s{number}"));
    let is_shown = |stream: &String| shown.value("millstream_stream_records", &of(stream)).is_some();
    let hidden: Vec<String> = hidden.filter(|stream| !is_shown(stream)).collect();
    assert_eq!(hidden.len(), 30);
    watched.client.send_values(&hidden[0], &["x"]);
    // Of a stream that is busy now nothing is lost: what came while it was not shown stays with the others.
    watched.look(60_000);
    let shown = watched.scrape();
    let all: f64 = (0..130)
        .filter_map(|n| shown.value("millstream_stream_records_in_total", &of(&format!("s{n}"))))
        .sum();
    let of_rest = shown.value("millstream_stream_records_in_total", rest).unwrap();
    assert_eq!(all + of_rest, 7.0);
    assert_eq!(shown.value("millstream_stream_records", rest).unwrap() + of_rest, of_rest * 2.0);
}

#[test]
fn both_formats_have_the_same_samples_and_only_metrics_of_the_catalog() {
    let mut watched = Watched::new();
    watched.client.create_queue("letters", json!({}));
    watched.client.create_queue("work", json!({"dead_letter_stream": "letters"}));
    watched.look(1_000);
    let text = watched.scrape();
    let (status, content_type, open) =
        watched.answer("GET", "/metrics", "application/openmetrics-text;version=1.0.0");
    assert_eq!((status, &*content_type), (200, "application/openmetrics-text; version=1.0.0; charset=utf-8"));
    assert!(open.ends_with("# EOF\n"));
    let samples = |text: &str| {
        let lines = text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned);
        lines.filter(|line| !line.contains("front=\"http\"")).collect::<Vec<_>>()
    };
    assert_eq!(samples(&text.text), samples(&open));
    for family in text.families() {
        assert!(CATALOG.iter().any(|row| row.name == family), "{family}");
    }
}

#[test]
fn who_is_not_ready_says_what_is_missing() {
    let watched = Watched::new();
    assert_eq!(watched.answer("GET", "/healthz", "").0, 200);
    assert_eq!(watched.answer("GET", "/readyz", "").0, 200);
    assert_eq!(watched.answer("HEAD", "/metrics", "").0, 200);
    assert_eq!(watched.answer("POST", "/metrics", "").0, 405);
    assert_eq!(watched.answer("GET", "/metrics/x", "").0, 404);
    watched.health.lock().is_disk_full = true;
    let (status, content_type, text) = watched.answer("GET", "/readyz", "");
    assert_eq!((status, &*content_type), (503, "application/json"));
    assert!(text.contains("The disk is full"), "{text}");
    assert_eq!(watched.answer("GET", "/healthz", "").0, 200);
    assert_eq!(watched.scrape().value("millstream_ready", ""), Some(0.0));
}

#[test]
fn a_dead_letter_raises_an_alarm_that_can_be_silenced_by_anyone_who_says_why() {
    let mut watched = Watched::new();
    watched.client.create_queue("letters", json!({}));
    watched.client.create_queue("work", json!({"dead_letter_stream": "letters", "delivery_limit": 1}));
    assert_eq!(watched.look(1_000), []);
    watched.client.send_values("letters", &["bad"]);
    let notices = watched.look(1_000);
    assert_eq!(notices.len(), 1);
    let listed = watched.client.get("/alarms");
    let alarm = &listed["items"][0];
    assert_eq!(
        (&alarm["rule"], &alarm["state"], &alarm["stream"]),
        (&"dead_letters".into(), &"raised".into(), &"letters".into())
    );
    assert_eq!((&alarm["value"], &alarm["silenced"]), (&json!(1.0), &Value::Null));
    assert!(listed["rules"].as_array().unwrap().len() > 8);
    let id = alarm["id"].as_str().unwrap();

    for (address, body, status) in [
        (format!("/alarms/{id}/silence"), json!({"for_ms": 60_000}), 400),
        (format!("/alarms/{id}/silence"), json!({"reason": " ", "for_ms": 60_000}), 400),
        (format!("/alarms/{id}/silence"), json!({"reason": "a\nb", "for_ms": 60_000}), 400),
        (format!("/alarms/{id}/silence"), json!({"reason": "x", "for_ms": 1}), 400),
        ("/alarms/nothing/silence".to_owned(), json!({"reason": "x", "for_ms": 60_000}), 404),
    ] {
        let (refused, _) = watched.client.refused("POST", &address, &body.to_string());
        assert_eq!(refused, status, "{address} {body}");
    }
    let silence = json!({"reason": "being mended", "for_ms": 60_000});
    watched.client.call("POST", &format!("/alarms/{id}/silence"), silence);
    let listed = watched.client.get("/alarms");
    assert_eq!(listed["items"][0]["silenced"]["reason"], "being mended");
    assert_eq!(listed["silences"][0]["id"], id);
    let counted = watched.scrape();
    assert_eq!(counted.value("millstream_alarms", r#"{rule="dead_letters",state="silenced"}"#), Some(1.0));

    // It is written down: another process goes on with it.
    let namespace = watched.client.broker.namespace_entry(DEFAULT_NAME).unwrap();
    assert!(namespace.annotations.keys().any(|key| key.starts_with("alarms.silence.")));
    let ended = watched.client.start("DELETE", &format!("/alarms/{id}/silence"), b"").response();
    assert_eq!(ended.status, 204);
    assert_eq!(watched.client.refused("DELETE", &format!("/alarms/{id}/silence"), "").0, 404);
    let namespace = watched.client.broker.namespace_entry(DEFAULT_NAME).unwrap();
    assert!(!namespace.annotations.keys().any(|key| key.starts_with("alarms.silence.")));
}

#[test]
fn a_test_is_sent_every_way_and_not_more_often_than_it_is_taken() {
    let watched = Watched::new();
    let tested = watched.client.start("POST", "/alarms/test", b"").document(202);
    assert_eq!(tested["ways"], json!(["log"]));
    for _ in 0..7 {
        watched.client.start("POST", "/alarms/test", b"").document(202);
    }
    assert_eq!(watched.client.refused("POST", "/alarms/test", "").0, 503);
    let sent = watched.telemetry.wait(std::time::Duration::ZERO).expect("it is not over");
    assert_eq!(sent.len(), 8);
    assert_eq!(sent[0].event(), "test");
}

#[test]
fn scaling_says_how_many_consumers_it_takes() {
    let mut watched = Watched::new();
    assert_eq!(watched.client.refused("GET", "/groups/work/scaling", "").0, 503);
    watched.client.create_queue("work", json!({}));
    watched.look(1_000);
    assert_eq!(watched.client.refused("GET", "/groups/nothing/scaling", "").0, 404);
    assert_eq!(watched.client.get("/groups/work/scaling")["consumers"], 0);
    watched.client.send_values("work", &["a", "b", "c"]);
    watched.look(1_000);
    let scaling = watched.client.get("/groups/work/scaling?drain_seconds=10");
    assert_eq!(
        (&scaling["consumers"], &scaling["lag_records"], &scaling["kind"]),
        (&1.into(), &3.into(), &"lease".into())
    );
    watched.commit("readers", "work", 1);
    watched.look(1_000);
    let scaling = watched.client.get("/groups/readers/scaling");
    assert_eq!(
        (&scaling["consumers"], &scaling["lag_records"], &scaling["kind"]),
        (&1.into(), &2.into(), &"cursor".into())
    );
    assert_eq!(watched.client.refused("GET", "/groups/readers/scaling?drain_seconds=0", "").0, 400);
}

#[test]
fn the_overview_says_what_waits_what_is_wrong_and_how_long_things_take() {
    let mut watched = Watched::new();
    assert_eq!(watched.client.get("/overview")["dead_letters"], Value::Null, "nobody has looked yet");
    watched.client.create_queue("letters", json!({}));
    watched.client.create_queue("work", json!({"dead_letter_stream": "letters"}));
    watched.client.send_values("letters", &["bad", "worse"]);
    watched.tick();
    watched.look(1_000);
    watched.client.get("/streams");
    watched.client.get("/streams");
    let overview = watched.client.get("/overview");
    assert_eq!((&overview["stream_count"], &overview["route_count"]), (&json!(2), &json!(0)));
    assert_eq!(overview["dead_letters"]["records"], 2);
    assert_eq!(overview["dead_letters"]["streams"], json!([{"name": "letters", "records": 2}]));
    assert_eq!(overview["alarms_raised"], 1);
    let recent = &overview["recent"];
    assert_eq!(recent["span_ms"], 1_000);
    let listed =
        recent["operations"].as_array().unwrap().iter().find(|one| one["operation"] == "list_streams");
    assert_eq!(listed.unwrap()["per_second"], 2.0);
    watched.client.call("POST", "/alarms/dead_letters/silence", json!({"reason": "known", "for_ms": 60_000}));
    assert_eq!(watched.client.get("/overview")["alarms_raised"], 0);
}

#[test]
fn the_lag_of_groups_over_time_is_remembered_as_long_as_they_are_there() {
    let mut watched = Watched::new();
    watched.client.create_queue("work", json!({}));
    watched.client.send_values("work", &["a", "b", "c"]);
    watched.commit("readers", "work", 1);
    watched.look(1_000);
    watched.commit("readers", "work", 3);
    watched.look(1_000);
    let history = watched.client.get("/groups/readers/history");
    assert_eq!(history["streams"], json!([{"stream": "work", "lag_records": [2, 0]}]));
    let times = history["times_ms"].as_array().unwrap();
    assert_eq!(times[1].as_i64().unwrap() - times[0].as_i64().unwrap(), 1_000);
    let queue = watched.client.get("/groups/work/history?kind=lease");
    assert_eq!(queue["streams"], json!([{"stream": "work", "lag_records": [3, 3]}]));
    assert_eq!(watched.client.get("/groups/nobody/history")["streams"], json!([]));
    assert_eq!(watched.client.refused("GET", "/groups/work/history?kind=x", "").0, 400);
    watched.client.start("DELETE", "/groups/readers", b"").response();
    watched.look(1_000);
    assert_eq!(watched.client.get("/groups/readers/history")["streams"], json!([]));
}
