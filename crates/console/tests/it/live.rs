//! Live views: records as they come, and counters.

use crate::client::Client;
use millstream_core::Request;
use millstream_core::request::Trim;
use millstream_front::Backend;
use millstream_types::{LogId, Namespace, Offset};
use serde_json::{Value, json};

/// Names and documents of events.
fn events(text: &str) -> Vec<(String, Value)> {
    let fields = |event: &str, name: &str| {
        event.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ").map(str::to_owned))
    };
    let read =
        |event: &str| Some((fields(event, "event")?, serde_json::from_str(&fields(event, "data")?).unwrap()));
    text.split("\n\n").filter_map(read).collect()
}

fn ids(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.strip_prefix("id: ")).collect()
}

#[test]
fn records_are_shown_as_they_come() {
    let client = Client::new();
    client.start("PUT", "/streams/s", b"{\"partitions\": 2}").document(201);
    client.send_values("s", &["before"]);
    let mut view = client.start("GET", "/streams/s/live", b"");
    assert_eq!(view.head().header("content-type"), Some("text/event-stream"));
    assert_eq!(events(&view.text()), []);
    for (partition, value) in [(0, "a"), (1, "b\nc"), (0, "d")] {
        let body = json!({"partition": partition, "records": [{"value": value}]});
        client.call("POST", "/streams/s/records", body);
        view.go_on();
    }
    let shown: Vec<(String, Value)> =
        events(&view.text()).into_iter().map(|(name, record)| (name, record["value"].clone())).collect();
    let record = |value: &str| ("record".to_owned(), json!(value));
    assert_eq!(shown, [record("a"), record("b\nc"), record("d")]);
    client.broker.advance_ms(15_000);
    view.go_on();
    assert!(view.text().ends_with(": still here\n\n"));
    client.start("DELETE", "/streams/s", b"");
    view.go_on();
    assert!(!view.is_waiting());
    let last = String::from_utf8(view.response().body.to_vec()).unwrap();
    assert_eq!(events(&last)[0].1["code"], "unknown_stream");
}

#[test]
fn who_comes_back_goes_on_after_what_was_seen() {
    let client = Client::new();
    client.start("PUT", "/streams/s", b"{\"partitions\": 2}").document(201);
    for partition in [0, 0, 1] {
        client.call(
            "POST",
            "/streams/s/records",
            json!({"partition": partition, "records": [{"value": "v"}]}),
        );
    }
    let from = |headers: &[(&str, &[u8])], query: &str| {
        client.at("GET", &format!("/api/v1/streams/s/live{query}"), headers, b"")
    };
    let first = from(&[("last-event-id", b"0:1,1:0")], "");
    let text = first.text();
    assert_eq!(ids(&text), ["0:2,1:0", "0:2,1:1"]);
    let last = ids(&text).pop().unwrap().as_bytes().to_vec();
    assert_eq!(ids(&from(&[("last-event-id", &last)], "").text()), Vec::<&str>::new());
    let one = from(&[], "?partition=0&offset=0");
    assert_eq!(ids(&one.text()), ["0:1", "0:2"]);
    assert_eq!(from(&[], "?offset=0").problem(), (400, "invalid_parameter".to_owned()));
    for wrong in [&b"x"[..], b"0:1,2:0", b"0:-1", b""] {
        assert_eq!(from(&[("last-event-id", wrong)], "").problem().0, 400);
    }
}

#[test]
fn a_view_shows_what_it_is_for_and_says_what_it_missed() {
    let client = Client::new();
    client.start("PUT", "/streams/s", b"{}").document(201);
    let records =
        json!([{"key": "a", "value": "{\"n\": 1}"}, {"key": "b", "value": "x"}, {"key": "a", "value": "xy"}]);
    client.call("POST", "/streams/s/records", json!({"records": records}));
    let shown =
        |query: &str| events(&client.start("GET", &format!("/streams/s/live?offset=0&{query}"), b"").text());
    assert_eq!(shown("key=a").len(), 2);
    assert_eq!(shown("contains=x").len(), 2);
    assert_eq!(shown("key=a&contains=x").len(), 1);
    assert_eq!(shown("view=auto")[0].1["view"], json!({"format": "json", "value": {"n": 1}}));
    let entry = client.broker.stream(Namespace::DEFAULT, "s").expect("it is there");
    let log = LogId { stream: entry.id, index: 0 };
    client.broker.ask(Request::TrimLogs(vec![Trim { log, before: Some(Offset(2)) }]));
    let found = shown("");
    assert_eq!((found[0].0.as_str(), &found[0].1["offset"]), ("gap", &json!(2)));
    assert_eq!((found[1].0.as_str(), &found[1].1["value"]), ("record", &json!("xy")));
}

#[test]
fn there_are_so_many_views_and_no_more() {
    let client = Client::new();
    client.start("PUT", "/streams/s", b"{}").document(201);
    let open = || client.start("GET", "/streams/s/live", b"");
    let mut views: Vec<_> = (0..256).map(|_| open()).collect();
    assert!(views.iter().all(|view| view.is_waiting()));
    assert_eq!(open().problem(), (503, "overloaded".to_owned()));
    views.pop();
    assert!(open().is_waiting(), "a place is free when its view is over");
}

#[test]
fn counters_come_again_and_again_for_who_asks_for_events() {
    let client = Client::new();
    assert_eq!(client.get("/overview")["stream_count"], 0);
    let headers: &[(&str, &[u8])] = &[("accept", b"text/event-stream")];
    let mut view = client.at("GET", "/api/v1/overview", headers, b"");
    client.start("PUT", "/streams/s", b"{}").document(201);
    client.broker.advance_ms(2_000);
    view.go_on();
    let counts: Vec<Value> =
        events(&view.text()).into_iter().map(|(_, overview)| overview["stream_count"].clone()).collect();
    assert_eq!(counts, [json!(0), json!(1)]);
    let plain = client.at("GET", "/v1/streams/s/records?offset=start", headers, b"");
    assert_eq!(plain.head().header("content-type"), Some("text/event-stream"));
}
