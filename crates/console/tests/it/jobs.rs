//! Long work over the API: listed together, looked at, ended.

use crate::client::Client;
use millstream_core::catalog::DEFAULT_NAME;
use millstream_front::Backend;
use serde_json::{Value, json};

/// A queue of 1,000 records of which every other one is ready: so many runs do not fit into one step of a purge.
fn scattered(client: &Client) {
    client.create_queue("q", json!({}));
    for _ in 0..10 {
        client.send_values("q", &["v"; 100]);
    }
    let mut all = Vec::new();
    for _ in 0..10 {
        let taken = client.call("POST", "/streams/q/groups/default/receive", json!({"records_max": 100}));
        all.extend(taken["records"].as_array().unwrap().clone());
    }
    let back = all.iter().step_by(2).map(|record| json!({"token": record["token"], "action": "release"}));
    let back: Vec<Value> = back.collect();
    client.call("POST", "/streams/q/groups/default/settle", json!({"leases": back}));
}

#[test]
fn a_purge_that_is_not_waited_for_goes_on_by_itself() {
    let client = Client::new();
    scattered(&client);
    let begun =
        client.start("POST", "/streams/q/groups/default/purge", b"{\"background\": true}").document(202);
    assert_eq!(begun["running"], true);
    assert!(begun["purged"].as_u64().unwrap() < 500);
    // This broker does what is due before it takes the next request.
    assert_eq!(client.get("/streams/q/groups/default")["ready"], 0);
    assert_eq!(client.get("/jobs")["items"], json!([]));
    let body = b"{\"everything\": true, \"background\": true}";
    let small = client.start("POST", "/streams/q/groups/default/purge", body);
    assert_eq!(small.document(200), json!({"purged": 500, "running": false}));
    let again = client.start("POST", "/streams/q/groups/default/purge", b"{\"background\": true}");
    assert_eq!(again.document(200), json!({"purged": 0, "running": false}));
}

#[test]
fn redrives_are_jobs_of_their_namespace_and_remembered() {
    let client = Client::new();
    client.create_queue("dead", json!({}));
    client.create_queue("back", json!({}));
    client.send_values("dead", &["a", "b"]);
    let body = b"{\"target\": \"back\", \"per_second\": 1}";
    client.start("POST", "/dead-letters/dead/redrives", body).document(202);
    let jobs = client.get("/jobs");
    let job = &jobs["items"][0];
    assert_eq!(
        (&job["kind"], &job["state"], &job["total"]),
        (&json!("redrive"), &json!("running"), &json!(2))
    );
    let address = format!("/jobs/{}", job["id"].as_str().unwrap());
    client.start("PUT", "/namespaces/other", b"").document(201);
    assert_eq!(client.get("/jobs?namespace=other")["items"], json!([]));
    assert_eq!(client.refused("GET", &format!("{address}?namespace=other"), "").1, "unknown_job");
    assert_eq!(client.start("DELETE", &address, b"").document(200)["state"], "cancelled");
    assert_eq!(client.get("/jobs?state=cancelled")["items"][0]["id"], job["id"]);
    assert_eq!(client.get("/jobs?state=running")["items"], json!([]));
    for wrong in ["x", "purge-1", "redrive-999-0-1", "purge-1-0"] {
        assert_eq!(client.refused("GET", &format!("/jobs/{wrong}"), "").0, 404, "{wrong}");
    }
    assert_eq!(client.refused("GET", "/jobs?state=asleep", "").0, 400);
}

#[test]
fn everything_is_verified_when_somebody_asks_and_that_is_written_down() {
    let client = Client::new();
    let written = || {
        let namespace = client.broker.namespace_entry(DEFAULT_NAME).unwrap();
        namespace.annotations.get("verification").map(ToString::to_string)
    };
    assert_eq!((client.get("/jobs")["items"].clone(), written()), (json!([]), None));
    let begun = client.start("POST", "/jobs", b"{\"kind\": \"verify\"}").document(202);
    assert_eq!(
        (&begun["id"], &begun["state"], &begun["stream"]),
        (&json!("verify-1"), &json!("running"), &Value::Null)
    );
    assert!(written().unwrap().starts_with("1 running "));
    assert_eq!(client.get("/jobs")["items"], json!([begun]));
    assert_eq!(client.get("/jobs/verify-1"), begun);
    assert_eq!(client.refused("POST", "/jobs", "{\"kind\": \"verify\"}").0, 409);
    for wrong in ["{}", "{\"kind\": \"dance\"}", "{\"kind\": \"verify\", \"stream\": \"q\"}"] {
        assert_eq!(client.refused("POST", "/jobs", wrong).0, 400, "{wrong}");
    }
    let ended = client.start("DELETE", "/jobs/verify-1", b"").document(200);
    assert_eq!(ended["state"], "cancelled");
    assert!(written().unwrap().starts_with("1 cancelled "));
    assert_eq!(client.start("DELETE", "/jobs/verify-1", b"").document(200)["state"], "cancelled");
    assert_eq!(client.refused("DELETE", "/jobs/verify-2", ""), (404, "unknown_job".to_owned()));
    assert_eq!(client.get("/jobs?state=running")["items"], json!([]));
    let again = client.start("POST", "/jobs", b"{\"kind\": \"verify\"}").document(202);
    assert_eq!(again["id"], "verify-2");
    assert_eq!(client.refused("GET", "/jobs/verify-1", "").0, 404, "only the last one is remembered");
}
