//! Records: sent, and looked at without anybody noticing.

use crate::client::{Client, values};
use serde_json::{Value, json};

fn items(page: &Value) -> Vec<Value> {
    page["items"].as_array().unwrap().clone()
}

#[test]
fn what_is_sent_is_shown_with_key_value_headers_and_time() {
    let client = Client::new();
    client.broker.create_stream("s", 1);
    let records = json!([
        {"value": "plain"},
        {"key": "k", "value": "ü", "headers": [{"name": "a", "value": "1"}, {"name": "a"}], "timestamp_ms": 7},
        {"key_base64": "/w==", "value_base64": "AP8=", "headers": [{"name": "b", "value_base64": "/w=="}]},
        {},
    ]);
    let sent = client.call("POST", "/streams/s/records", json!({"records": records}));
    assert_eq!(sent["records"][3], json!({"partition": 0, "offset": 3, "duplicate": false}));
    let shown = items(&client.get("/streams/s/records"));
    let now = millstream_testkit::broker::START_MS;
    let expected = [
        json!({"partition": 0, "offset": 0, "timestamp_ms": now, "key": null, "value": "plain", "headers": []}),
        json!({
            "partition": 0, "offset": 1, "timestamp_ms": 7, "key": "k", "value": "ü",
            "headers": [{"name": "a", "value": "1"}, {"name": "a", "value": null}],
        }),
        json!({
            "partition": 0, "offset": 2, "timestamp_ms": now, "key": null, "key_base64": "/w==", "value": null,
            "value_base64": "AP8=", "headers": [{"name": "b", "value": null, "value_base64": "/w=="}],
        }),
        json!({"partition": 0, "offset": 3, "timestamp_ms": now, "key": null, "value": null, "headers": []}),
    ];
    assert_eq!(shown, expected);
}

#[test]
fn pages_of_records_go_through_all_partitions_without_gap_or_repeat() {
    let client = Client::new();
    client.broker.create_stream("s", 3);
    for (partition, count) in [(0, 5), (2, 7)] {
        for number in 0..count {
            let record = json!({"value": format!("{partition}-{number}")});
            client.call("POST", "/streams/s/records", json!({"partition": partition, "records": [record]}));
        }
    }
    let mut seen: Vec<String> = Vec::new();
    let mut address = "/streams/s/records?limit=4".to_owned();
    loop {
        let page = client.get(&address);
        assert!(items(&page).len() <= 4);
        seen.extend(values(&items(&page)).into_iter().map(str::to_owned));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        address = format!("/streams/s/records?limit=4&cursor={cursor}");
    }
    let first = (0..5).map(|number| format!("0-{number}"));
    assert_eq!(seen, first.chain((0..7).map(|number| format!("2-{number}"))).collect::<Vec<_>>());
    let tail = client.get("/streams/s/records?partition=2&offset=5");
    assert_eq!(values(&items(&tail)), ["2-5", "2-6"]);
    let end = client.get("/streams/s/records?partition=2&offset=7");
    assert_eq!((items(&end).len(), &end["next_cursor"]), (0, &Value::Null));
}

#[test]
fn a_page_ends_before_it_grows_too_large_and_always_has_one_record() {
    let client = Client::new();
    client.broker.create_stream("s", 1);
    let large = "x".repeat(5 << 20);
    for _ in 0..2 {
        client.send_values("s", &[&large]);
    }
    let page = client.get("/streams/s/records");
    assert_eq!(items(&page).len(), 1);
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = client.get(&format!("/streams/s/records?cursor={cursor}"));
    assert_eq!((items(&rest)[0]["offset"].as_u64(), &rest["next_cursor"]), (Some(1), &Value::Null));
}

#[test]
fn looking_from_a_time_on_begins_with_the_batch_that_has_it() {
    let client = Client::new();
    client.broker.create_stream("s", 1);
    for time in [10, 20, 30] {
        let record = json!({"value": time.to_string(), "timestamp_ms": time});
        client.call("POST", "/streams/s/records", json!({"records": [record]}));
    }
    let from = |time: u64| {
        let page = client.get(&format!("/streams/s/records?time_ms={time}"));
        values(&items(&page)).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(from(15), ["20", "30"]);
    assert_eq!(from(31), [""; 0]);
}

#[test]
fn a_key_always_leads_to_the_same_partition() {
    let client = Client::new();
    client.broker.create_stream("s", 8);
    let partition_of = |key: &str| {
        let sent =
            client.call("POST", "/streams/s/records", json!({"records": [{"key": key, "value": "x"}]}));
        sent["records"][0]["partition"].as_u64().unwrap()
    };
    let mut seen = std::collections::BTreeSet::new();
    for key in 0..50 {
        let key = key.to_string();
        let partition = partition_of(&key);
        assert_eq!(partition, partition_of(&key));
        seen.insert(partition);
    }
    assert!(seen.len() > 4, "{seen:?}");
}

#[test]
fn a_record_is_stored_once_however_often_it_is_sent_with_its_id() {
    let client = Client::new();
    client.create_queue("q", json!({"dedup_window_ms": 60_000}));
    let body = json!({"records": [{"value": "a", "dedup_id": "1"}, {"value": "b", "dedup_id": "2"}]});
    let first = client.call("POST", "/streams/q/records", body.clone());
    assert_eq!(first["records"][1], json!({"partition": 0, "offset": 1, "duplicate": false}));
    let again = client.call("POST", "/streams/q/records", body);
    assert_eq!(again["records"][1], json!({"partition": 0, "offset": 1, "duplicate": true}));
    assert_eq!(values(&client.receive("q")), ["a", "b"]);
}

#[test]
fn what_only_queues_do_is_refused_elsewhere() {
    let client = Client::new();
    client.broker.create_stream("s", 1);
    for field in [r#""delay_ms": 5"#, r#""priority": 1"#, r#""time_to_live_ms": 1"#, r#""dedup_id": "a""#] {
        let body = format!(r#"{{"records": [{{"value": "x", {field}}}]}}"#);
        assert_eq!(
            client.refused("POST", "/streams/s/records", &body),
            (404, "unknown_group".to_owned()),
            "{field}"
        );
    }
    client.create_queue("q", json!({}));
    let body = r#"{"records": [{"dedup_id": "a"}]}"#;
    assert_eq!(client.refused("POST", "/streams/q/records", body), (400, "invalid_record".to_owned()));
}

#[test]
fn records_of_a_queue_are_shown_with_where_they_are() {
    let client = Client::new();
    client.create_queue("q", json!({}));
    client.send_values("q", &["settled", "leased", "ready"]);
    client.call("POST", "/streams/q/records", json!({"records": [{"value": "delayed", "delay_ms": 1000}]}));
    let received = client.call("POST", "/streams/q/groups/default/receive", json!({"records_max": 2}));
    let ack = json!({"leases": [{"token": received["records"][0]["token"], "action": "ack"}]});
    client.call("POST", "/streams/q/groups/default/settle", ack);
    let page = client.get("/streams/q/records");
    for record in items(&page) {
        assert_eq!(record["state"], record["value"]);
    }
    let now = millstream_testkit::broker::START_MS;
    assert_eq!(
        (&page["items"][1]["delivery_count"], &page["items"][1]["until_ms"]),
        (&json!(1), &json!(now + 30_000))
    );
    assert_eq!(page["items"][3]["until_ms"], now + 1_000);
    client.broker.create_stream("s", 1);
    client.send_values("s", &["x"]);
    assert_eq!(client.get("/streams/s/records")["items"][0].get("state"), None);
}
