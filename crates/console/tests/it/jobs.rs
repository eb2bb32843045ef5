//! Long work over the API: listed together, looked at, ended.

use crate::client::Client;
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
