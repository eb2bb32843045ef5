//! Cursor groups over the API: how far they are behind, where they go on, and their end.

use crate::client::Client;
use millstream_core::cursor::{CommitOffsets, Generation, GroupId, GroupRequest, OffsetToCommit};
use millstream_core::{Reply, Request};
use millstream_front::Backend;
use millstream_types::{LogId, Namespace, Offset};
use serde_json::json;

impl Client {
    /// Commits an offset as a consumer would.
    fn commit(&self, group: &str, stream: &str, index: u32, offset: u64) {
        let entry = self.broker.stream(Namespace::DEFAULT, stream).expect("it is there");
        let commit = CommitOffsets {
            group: GroupId { namespace: Namespace::DEFAULT, name: group.into() },
            member: "".into(),
            instance: None,
            generation: Generation::NONE,
            retention_ms: None,
            offsets: vec![OffsetToCommit {
                log: LogId { stream: entry.id, index },
                offset: Offset(offset),
                leader_epoch: -1,
                metadata: "note".into(),
            }],
        };
        let reply = self.broker.ask(Request::Group(Box::new(GroupRequest::CommitOffsets(commit))));
        assert!(matches!(reply, Some(Reply::Group(_))), "{reply:?}");
    }
}

/// A stream of two partitions with three records in the first, a second apart, and groups in it.
fn client() -> Client {
    let client = Client::new();
    client.start("PUT", "/streams/s", b"{\"partitions\": 2}").document(201);
    for value in ["a", "b", "c"] {
        client.call("POST", "/streams/s/records", json!({"partition": 0, "records": [{"value": value}]}));
        client.broker.advance_ms(1_000);
    }
    client.commit("near", "s", 0, 2);
    client.commit("far", "s", 0, 0);
    client.commit("far", "s", 1, 0);
    client
}

#[test]
fn groups_are_listed_with_how_far_they_are_behind() {
    let client = client();
    let page = client.get("/groups?limit=1");
    let far = &page["items"][0];
    assert_eq!(
        (&far["name"], &far["state"], &far["member_count"]),
        (&json!("far"), &json!("empty"), &json!(0))
    );
    assert_eq!(
        (&far["committed_partitions"], &far["lag_records"], &far["lag_ms"]),
        (&json!(2), &json!(3), &json!(3_000))
    );
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = client.get(&format!("/groups?cursor={cursor}"));
    let near = &rest["items"][0];
    assert_eq!(
        (&near["name"], &near["lag_records"], &near["lag_ms"]),
        (&json!("near"), &json!(1), &json!(1_000))
    );
    assert!(rest["next_cursor"].is_null());
    assert_eq!(client.get("/groups?prefix=n")["items"].as_array().unwrap().len(), 1);
    assert_eq!(client.get("/consumers")["items"], json!([]));
    let detail = client.get("/groups/far");
    assert_eq!((&detail["lag_records"], &detail["members"]), (&json!(3), &json!([])));
    assert_eq!(client.refused("GET", "/groups/none", ""), (404, "unknown_group".to_owned()));
}

#[test]
fn positions_are_listed_by_group_and_by_stream() {
    let client = client();
    let page = client.get("/groups/far/offsets?limit=1");
    let expected = json!({
        "stream": "s", "partition": 0, "start_offset": 0, "committed_offset": 0, "end_offset": 3,
        "committed_ms": client.broker.now().0, "note": "note", "lag_records": 3, "lag_ms": 3_000,
    });
    assert_eq!(page["items"], json!([expected]));
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = client.get(&format!("/groups/far/offsets?cursor={cursor}"));
    assert_eq!((&rest["items"][0]["partition"], &rest["items"][0]["lag_ms"]), (&json!(1), &json!(0)));
    client.call("PATCH", "/streams/s", json!({"settings": {"leased": true}}));
    let readers = client.get("/streams/s/groups");
    let items = readers["items"].as_array().unwrap();
    let kinds: Vec<(&str, &str)> =
        items.iter().map(|item| (item["kind"].as_str().unwrap(), item["name"].as_str().unwrap())).collect();
    assert_eq!(kinds, [("queue", "default"), ("cursor", "far"), ("cursor", "near")]);
    assert_eq!(items[0]["lag_records"], 3);
    assert_eq!(items[2]["offsets"], json!([{"partition": 0, "committed_offset": 2, "lag_records": 1}]));
    assert_eq!(items[2]["lag_ms"], 1_000);
}

#[test]
fn a_group_without_members_goes_on_where_it_is_told() {
    let client = client();
    let seek = |to: serde_json::Value| {
        let sought = client.call("POST", "/groups/near/seek", json!({"stream": "s", "to": to}));
        let offsets = sought["offsets"].as_array().unwrap().clone();
        offsets
            .iter()
            .map(|at| (at["partition"].as_u64().unwrap(), at["offset"].as_u64().unwrap()))
            .collect::<Vec<_>>()
    };
    assert_eq!(seek(json!("start")), [(0, 0), (1, 0)]);
    assert_eq!(client.get("/groups/near")["lag_records"], 3);
    assert_eq!(seek(json!("end")), [(0, 3), (1, 0)]);
    assert_eq!(client.get("/groups/near")["lag_records"], 0);
    let second = client.broker.now().0 - 2_000;
    assert_eq!(seek(json!({"time_ms": second})), [(0, 1), (1, 0)]);
    assert_eq!(seek(json!({"offsets": [{"partition": 0, "offset": 2}]})), [(0, 2)]);
    assert_eq!(client.get("/groups/near")["lag_records"], 1);
    for (body, status) in [
        (json!({"stream": "s", "to": {"offsets": [{"partition": 0, "offset": 4}]}}), 400),
        (json!({"stream": "s", "to": {"offsets": [{"partition": 2, "offset": 0}]}}), 404),
        (json!({"stream": "none", "to": "end"}), 404),
        (json!({"stream": "s", "to": "middle"}), 400),
    ] {
        assert_eq!(client.refused("POST", "/groups/near/seek", &body.to_string()).0, status, "{body}");
    }
    let unknown = client.refused("POST", "/groups/none/seek", "{\"stream\": \"s\", \"to\": \"end\"}");
    assert_eq!(unknown, (404, "unknown_group".to_owned()));
}

#[test]
fn a_group_is_forgotten_once() {
    let client = client();
    assert_eq!(client.start("DELETE", "/groups/far", b"").response().status, 204);
    assert_eq!(client.refused("DELETE", "/groups/far", ""), (404, "unknown_group".to_owned()));
    assert_eq!(client.get("/groups")["items"].as_array().unwrap().len(), 1);
}
