//! Queues: received, settled, counted, paused, replayed, purged.

use crate::client::{Client, values};
use serde_json::{Value, json};

const GROUP: &str = "/streams/q/groups/default";

fn queue(values: &[&str]) -> Client {
    let client = Client::new();
    client.create_queue("q", json!({}));
    if !values.is_empty() {
        client.send_values("q", values);
    }
    client
}

fn counts(client: &Client) -> [u64; 4] {
    let group = client.get(GROUP);
    ["ready", "leased", "delayed", "moving"].map(|name| group[name].as_u64().unwrap())
}

fn settle(client: &Client, leases: Value) -> Vec<Value> {
    let settled = client.call("POST", &format!("{GROUP}/settle"), json!({"leases": leases}));
    settled["results"].as_array().unwrap().iter().map(|result| result["code"].clone()).collect()
}

#[test]
fn records_are_received_settled_and_counted() {
    let client = queue(&["a", "b", "c", "d"]);
    let records = client.receive("q");
    assert_eq!(values(&records), ["a", "b", "c", "d"]);
    assert_eq!((&records[0]["delivery_count"], &records[0]["offset"]), (&json!(1), &json!(0)));
    let deadline = records[0]["deadline_ms"].as_i64().unwrap();
    assert_eq!(deadline, millstream_testkit::broker::START_MS + 30_000);
    assert_eq!(counts(&client), [0, 4, 0, 0]);
    let token = |index: usize| records[index]["token"].clone();
    let done = settle(
        &client,
        json!([
            {"token": token(0), "action": "ack"},
            {"token": token(1), "action": "release"},
            {"token": token(2), "action": "release", "delay_ms": 1000},
            {"token": token(3), "action": "renew", "timeout_ms": 60_000},
            {"token": "AAAA", "action": "ack"},
        ]),
    );
    assert_eq!(done, [Value::Null, Value::Null, Value::Null, Value::Null, json!("unknown_token")]);
    assert_eq!(counts(&client), [1, 1, 1, 0]);
    let again = settle(
        &client,
        json!([
            {"token": token(0), "action": "ack"},
            {"token": token(1), "action": "renew", "timeout_ms": 1},
        ]),
    );
    assert_eq!(again, [json!("settled"), json!("not_leased")]);
    client.broker.advance_ms(31_000);
    let back = client.receive("q");
    assert_eq!(values(&back), ["b", "c"]);
    assert_eq!(back[0]["delivery_count"], 2);
}

#[test]
fn a_token_of_another_queue_settles_nothing() {
    let client = queue(&["a"]);
    client.create_queue("other", json!({}));
    let token = client.receive("q")[0]["token"].clone();
    let body = json!({"leases": [{"token": token, "action": "ack"}]});
    let settled = client.call("POST", "/streams/other/groups/default/settle", body);
    assert_eq!(settled["results"][0]["code"], "unknown_token");
    assert_eq!(counts(&client), [0, 1, 0, 0]);
}

#[test]
fn who_waits_gets_what_comes_and_who_goes_away_gets_nothing() {
    let client = queue(&[]);
    let body = br#"{"wait_ms": 20000}"#;
    let mut waiting = client.start("POST", &format!("{GROUP}/receive"), body);
    assert!(waiting.is_waiting());
    assert_eq!(client.get(GROUP)["waiting"], 1);
    client.send_values("q", &["late"]);
    waiting.go_on();
    assert_eq!(values(waiting.document(200)["records"].as_array().unwrap()), ["late"]);

    let mut gone = client.start("POST", &format!("{GROUP}/receive"), body);
    gone.abandon();
    assert_eq!(client.get(GROUP)["waiting"], 0);
    let mut patient = client.start("POST", &format!("{GROUP}/receive"), body);
    client.broker.advance_ms(20_000);
    patient.go_on();
    assert_eq!(patient.document(200), json!({"records": []}));
}

#[test]
fn what_was_taken_for_somebody_who_is_gone_goes_back_undelivered() {
    let client = queue(&[]);
    let mut gone = client.start("POST", &format!("{GROUP}/receive"), br#"{"wait_ms": 20000}"#);
    client.send_values("q", &["a"]);
    assert_eq!(counts(&client), [0, 1, 0, 0], "it is leased before the client is seen to be gone");
    gone.abandon();
    gone.go_on();
    assert_eq!(counts(&client), [1, 0, 0, 0]);
    assert_eq!(client.receive("q")[0]["delivery_count"], 1);
}

#[test]
fn an_answer_that_is_full_leaves_the_rest_for_the_next() {
    let client = queue(&[]);
    let large = "x".repeat(3 << 20);
    for _ in 0..3 {
        client.send_values("q", &[&large]);
    }
    assert_eq!(client.receive("q").len(), 1);
    assert_eq!(counts(&client), [2, 1, 0, 0]);
    assert_eq!(client.receive("q")[0]["delivery_count"], 1, "what did not fit was not delivered");
}

#[test]
fn a_paused_queue_gives_nothing_until_it_goes_on() {
    let client = queue(&["a", "b"]);
    let token = client.call("POST", &format!("{GROUP}/receive"), json!({}))["records"][0]["token"].clone();
    assert_eq!(client.call("PATCH", GROUP, json!({"paused": true}))["paused"], true);
    assert_eq!(client.receive("q"), [] as [Value; 0]);
    assert_eq!(settle(&client, json!([{"token": token, "action": "ack"}])), [Value::Null]);
    assert_eq!(client.call("PATCH", GROUP, json!({"paused": false}))["paused"], false);
    assert_eq!(values(&client.receive("q")), ["b"]);
}

#[test]
fn a_queue_is_replayed_from_its_start_from_offsets_and_from_a_time() {
    let client = Client::new();
    client.create_queue("q", json!({}));
    for time in [10, 20, 30] {
        // One batch holds two times: the record is looked for in it.
        let pair = json!([
            {"value": time.to_string(), "timestamp_ms": time},
            {"value": (time + 5).to_string(), "timestamp_ms": time + 5},
        ]);
        client.call("POST", "/streams/q/records", json!({"records": pair}));
    }
    let seek =
        |to: Value| client.call("POST", &format!("{GROUP}/seek"), json!({"to": to}))["skipped"].clone();
    let received = || values(&client.receive("q")).join(" ");
    assert_eq!(received(), "10 15 20 25 30 35");
    assert_eq!(seek(json!("start")), 0);
    assert_eq!(received(), "10 15 20 25 30 35");
    assert_eq!(seek(json!({"offsets": [{"partition": 0, "offset": 4}]})), 4);
    assert_eq!(received(), "30 35");
    assert_eq!(seek(json!({"time_ms": 25})), 0);
    assert_eq!(received(), "25 30 35");
    assert_eq!(seek(json!({"time_ms": 36})), 3);
    assert_eq!(received(), "");
    assert_eq!(seek(json!("start")), 0);
    assert_eq!(
        client.call("POST", &format!("{GROUP}/purge"), json!({})),
        json!({"purged": 6, "running": false})
    );
    assert_eq!(counts(&client), [0, 0, 0, 0]);
}

#[test]
fn a_purge_leaves_what_is_leased_unless_everything_is_meant() {
    let client = queue(&["a", "b", "c"]);
    client.call("POST", &format!("{GROUP}/receive"), json!({}));
    assert_eq!(client.call("POST", &format!("{GROUP}/purge"), json!({}))["purged"], 2);
    assert_eq!(counts(&client), [0, 1, 0, 0]);
    assert_eq!(client.call("POST", &format!("{GROUP}/purge"), json!({"everything": true}))["purged"], 1);
    assert_eq!(counts(&client), [0, 0, 0, 0]);
}

#[test]
fn the_oldest_record_is_the_first_that_is_not_done_with() {
    let client = Client::new();
    let body = json!({"partitions": 3, "settings": {"leased": true}}).to_string();
    client.start("PUT", "/streams/q", body.as_bytes()).document(201);
    assert_eq!(client.get(GROUP)["oldest"], Value::Null);
    let now = millstream_testkit::broker::START_MS;
    for (partition, age) in [(1, 50), (2, 70), (2, 90)] {
        let record = json!({"value": age.to_string(), "timestamp_ms": now - age});
        client.call("POST", "/streams/q/records", json!({"partition": partition, "records": [record]}));
    }
    let oldest = json!({"partition": 2, "offset": 0, "timestamp_ms": now - 70, "age_ms": 70});
    assert_eq!(client.get(GROUP)["oldest"], oldest);
    client.call(
        "POST",
        &format!("{GROUP}/seek"),
        json!({"to": {"offsets": [{"partition": 2, "offset": 2}]}}),
    );
    assert_eq!(client.get(GROUP)["oldest"]["age_ms"], 50);
}
