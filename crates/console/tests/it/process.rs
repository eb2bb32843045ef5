//! The process around the broker: connections, configuration, storage, limits, health.

use crate::client::Client;
use serde_json::json;

#[test]
fn connections_are_listed_page_by_page_and_can_be_ended() {
    let client = Client::new();
    let first = client.get("/connections?limit=2");
    let ids = |page: &serde_json::Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap();
        items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&first), ["amqp-3", "kafka-1"]);
    assert_eq!(
        (&first["items"][1]["protocol"], &first["items"][1]["peer"]),
        (&json!("kafka"), &json!("10.0.0.1:99"))
    );
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = client.get(&format!("/connections?limit=2&cursor={cursor}"));
    assert_eq!((ids(&second), &second["next_cursor"]), (vec!["kafka-2".to_owned()], &json!(null)));
    assert_eq!(client.start("DELETE", "/connections/kafka-1", b"").response().status, 204);
    assert_eq!(ids(&client.get("/connections")), ["amqp-3", "kafka-2"]);
    for gone in ["kafka-1", "kafka", "x-1", "kafka-%2B2"] {
        let refused = client.refused("DELETE", &format!("/connections/{gone}"), "");
        assert_eq!(refused, (404, "unknown_connection".to_owned()));
    }
    assert_eq!(client.refused("GET", "/connections?cursor=_w", "").0, 400);
}

#[test]
fn what_is_set_and_what_is_bounded_is_shown_with_where_it_comes_from() {
    let client = Client::new();
    let knobs = client.get("/configuration");
    assert_eq!(knobs["items"][0]["key"], "data_dir");
    assert_eq!(
        (&knobs["items"][0]["source"], &knobs["items"][0]["is_default"]),
        (&json!("--data-dir"), &json!(false))
    );
    let limits = client.get("/limits");
    let named = |name: &str| limits["items"].as_array().unwrap().iter().any(|limit| limit["name"] == name);
    assert!(named("partitions_per_stream") && named("kafka"));
    assert_eq!(client.get("/listeners")["items"][0]["address"], "127.0.0.1:9092");
    let storage = client.get("/storage");
    assert_eq!((&storage["wal"]["appended_bytes"], &storage["scrub"]["findings"]), (&json!(7), &json!(0)));
}

#[test]
fn a_full_disk_is_alive_and_not_ready() {
    let client = Client::new();
    let get = |path: &str| {
        let response = client.at("GET", path, &[], b"").response();
        let document: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
        (response.status, document)
    };
    assert_eq!(get("/healthz"), (200, json!({"status": "ok"})));
    assert_eq!(get("/readyz"), (200, json!({"ready": true, "missing": []})));
    client.broker.set_full(true);
    assert_eq!(get("/healthz").0, 200);
    let (status, document) = get("/readyz");
    assert_eq!((status, &document["ready"]), (503, &json!(false)));
    assert!(document["missing"][0].as_str().unwrap().contains("disk"));
}

#[test]
fn namespaces_come_and_go() {
    let client = Client::new();
    assert_eq!(client.start("PUT", "/namespaces/tests", b"").document(201)["name"], "tests");
    assert_eq!(client.start("PUT", "/namespaces/tests", b"").document(200)["name"], "tests");
    client.start("PUT", "/streams/s?namespace=tests", b"").document(201);
    assert_eq!(client.get("/streams")["items"], json!([]));
    assert_eq!(client.start("DELETE", "/namespaces/tests", b"").response().status, 204);
    assert_eq!(client.refused("DELETE", "/namespaces/tests", ""), (404, "unknown_namespace".to_owned()));
    assert_eq!(client.refused("DELETE", "/namespaces/default", "").0, 400);
}

#[test]
fn who_changed_what_is_listed_page_by_page() {
    let client = Client::new();
    client.start("PUT", "/streams/a", b"").document(201);
    client.start("PUT", "/streams/b", b"").document(201);
    client.send_values("a", &["v"]);
    client.refused("DELETE", "/streams/none", "");
    let listed = client.get("/audit?limit=2");
    let of = |page: &serde_json::Value| -> Vec<(String, u64)> {
        let items = page["items"].as_array().unwrap().iter();
        items
            .map(|entry| (entry["what"].as_str().unwrap().to_owned(), entry["status"].as_u64().unwrap()))
            .collect()
    };
    let deleted = ("DELETE /api/v1/streams/none".to_owned(), 404);
    assert_eq!(of(&listed), [deleted, ("PUT /api/v1/streams/b".to_owned(), 201)]);
    assert_eq!(listed["items"][0]["who"], "local");
    let cursor = listed["next_cursor"].as_str().unwrap();
    let older = client.get(&format!("/audit?limit=2&cursor={cursor}"));
    assert_eq!(of(&older), [("PUT /api/v1/streams/a".to_owned(), 201)]);
    assert_eq!(older["next_cursor"], serde_json::Value::Null);
    assert_eq!(client.refused("GET", "/audit?cursor=_w", "").0, 400);
    assert_eq!(client.refused("GET", "/audit?cursor=eA", "").0, 400);
}
