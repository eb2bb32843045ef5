//! Streams: created, shown, listed, changed, deleted.

use crate::client::Client;
use millstream_core::Request;
use millstream_core::catalog::Annotations;
use millstream_core::request::CreateNamespace;
use serde_json::{Value, json};

#[test]
fn a_stream_is_created_shown_changed_and_deleted() {
    let client = Client::new();
    let body = json!({"partitions": 3, "settings": {"retention_ms": null, "cleanup": "compact"}}).to_string();
    let created = client.start("PUT", "/streams/orders", body.as_bytes()).document(201);
    assert_eq!(created["name"], "orders");
    assert_eq!(created["partition_count"], 3);
    assert_eq!(created["uid"].as_str().unwrap().len(), 32);
    assert_eq!(created["created_ms"], millstream_testkit::broker::START_MS);
    assert_eq!(created["counts"], Value::Null);
    assert_eq!(created["settings"]["retention_ms"], json!({"value": null, "is_set": true}));
    assert_eq!(created["settings"]["cleanup"], json!({"value": "compact", "is_set": true}));
    assert_eq!(created["settings"]["delay_ms"], json!({"value": 0, "is_set": false}));
    let partition = json!({"partition": 2, "start_offset": 0, "end_offset": 0, "bytes": 0});
    assert_eq!(created["partitions"][2], partition);
    assert_eq!(client.get("/streams/orders"), created);

    let changes = json!({"settings": {"leased": true}, "unset": ["cleanup"], "partitions": 4});
    let changed = client.call("PATCH", "/streams/orders", changes);
    assert_eq!(changed["partition_count"], 4);
    assert_eq!(changed["settings"]["cleanup"], json!({"value": "delete", "is_set": false}));
    assert_eq!(
        changed["counts"],
        json!({"ready": 0, "leased": 0, "delayed": 0, "moving": 0, "waiting": 0, "holders": 0})
    );
    assert_eq!(client.call("PATCH", "/streams/orders", json!({})), changed, "nothing to do is done");

    assert_eq!(client.start("DELETE", "/streams/orders", b"").response().status, 204);
    assert_eq!(client.refused("GET", "/streams/orders", ""), (404, "unknown_stream".to_owned()));
    assert_eq!(client.refused("DELETE", "/streams/orders", ""), (404, "unknown_stream".to_owned()));
}

#[test]
fn creating_can_be_repeated_and_never_changes_what_is_there() {
    let client = Client::new();
    let body = json!({"partitions": 2, "settings": {"delay_ms": 5}});
    client.start("PUT", "/streams/s", body.to_string().as_bytes()).document(201);
    let there = client.call("PUT", "/streams/s", body);
    assert_eq!(client.call("PUT", "/streams/s", json!({})), there, "what is not given is not compared");
    let exists = (409, "stream_exists".to_owned());
    assert_eq!(client.refused("PUT", "/streams/s", r#"{"partitions": 1}"#), exists);
    assert_eq!(client.refused("PUT", "/streams/s", r#"{"settings": {"delay_ms": 6}}"#), exists);
    assert_eq!(client.get("/streams/s"), there);
}

#[test]
fn lists_go_on_behind_what_was_shown_last() {
    let client = Client::new();
    for number in 0..25 {
        client.broker.create_stream(&format!("s{number:02}"), 1);
    }
    client.create_queue("jobs", json!({}));
    client.send_values("jobs", &["a", "b"]);
    let mut seen = Vec::new();
    let mut address = "/streams?limit=10&leased=false".to_owned();
    loop {
        let page = client.get(&address);
        let names =
            page["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned());
        seen.extend(names);
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        address = format!("/streams?limit=10&leased=false&cursor={cursor}");
        // What comes and goes on the way disturbs nobody.
        client.start("DELETE", &format!("/streams/{}", seen.last().unwrap()), b"").response();
    }
    assert_eq!(seen, (0..25).map(|number| format!("s{number:02}")).collect::<Vec<_>>());
    let queues = client.get("/streams?leased=true");
    assert_eq!(queues["items"].as_array().unwrap().len(), 1);
    let queue = &queues["items"][0];
    assert_eq!((&queue["name"], &queue["records"]), (&json!("jobs"), &json!(2)));
    assert_eq!(queue["counts"]["ready"], 2);
    assert_eq!(client.get("/streams?prefix=s1")["items"].as_array().unwrap().len(), 9);
}

#[test]
fn streams_with_very_many_partitions_make_short_pages() {
    let client = Client::new();
    for name in ["a", "b", "c"] {
        client.broker.create_stream(name, 6_000);
    }
    let page = client.get("/streams");
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
    let rest = client.get(&format!("/streams?cursor={}", page["next_cursor"].as_str().unwrap()));
    assert_eq!((rest["items"][0]["name"].as_str(), &rest["next_cursor"]), (Some("c"), &Value::Null));
}

#[test]
fn the_api_says_what_it_is() {
    let client = Client::new();
    assert_eq!(client.get(""), json!({"product": "millstream", "version": "1.2.3"}));
}

#[test]
fn dead_letters_go_only_where_there_is_a_stream() {
    let client = Client::new();
    let setting = (400, "invalid_setting".to_owned());
    for target in ["dead", "q"] {
        let body = format!(r#"{{"settings": {{"dead_letter_stream": "{target}"}}}}"#);
        assert_eq!(client.refused("PUT", "/streams/q", &body), setting, "{target}");
    }
    client.create_queue("dead", json!({}));
    client.create_queue("q", json!({"dead_letter_stream": "dead"}));
    let body = r#"{"settings": {"dead_letter_stream": "q"}}"#;
    assert_eq!(client.refused("PATCH", "/streams/q", body), setting);
}

#[test]
fn names_of_other_namespaces_are_reached_by_naming_the_namespace() {
    let client = Client::new();
    client.create_queue("q", json!({}));
    assert_eq!(client.get("/namespaces")["items"], json!([{"name": "default", "created_ms": 0}]));
    assert_eq!(client.get("/streams/q?namespace=default"), client.get("/streams/q"));
    for address in ["/streams?namespace=other", "/streams/q?namespace=other", "/namespaces?namespace=other"] {
        assert_eq!(client.refused("GET", address, ""), (404, "unknown_namespace".to_owned()));
    }
    let create = CreateNamespace { name: "other".into(), annotations: Annotations::new() };
    client.broker.ask(Request::CreateNamespace(Box::new(create)));
    assert_eq!(client.get("/streams?namespace=other")["items"], json!([]));
    client.start("PUT", "/streams/q?namespace=other", b"{}").document(201);
    assert_eq!(client.get("/streams/q?namespace=other")["counts"], Value::Null, "it is another stream");
    assert_eq!(client.get("/namespaces")["items"].as_array().unwrap().len(), 2);
}
