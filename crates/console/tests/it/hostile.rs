//! What is malformed, forged or too large is refused with a code, and nothing changes by it.

use crate::client::Client;
use millstream_front::http::{Refusal, Request};
use serde_json::json;

/// Method, address, body, and the refusal.
const TABLE: &[(&str, &str, &str, u16, &str)] = &[
    ("GET", "/nothing", "", 404, "unknown_resource"),
    ("GET", "/streams/", "", 404, "unknown_resource"),
    ("GET", "/streams/q/groups/other", "", 404, "unknown_resource"),
    ("GET", "/dead-letters/q/redrives/one", "", 404, "unknown_resource"),
    ("GET", "/dead-letters/q/redrives/-1", "", 404, "unknown_resource"),
    ("GET", "/streams/%ff", "", 404, "unknown_resource"),
    ("PUT", "/streams", "{}", 405, "method_not_allowed"),
    ("GET", "/streams/q/groups/default/seek", "", 405, "method_not_allowed"),
    ("OPTIONS", "/streams", "", 405, "method_not_allowed"),
    ("GET", "/streams?limit=0", "", 400, "invalid_parameter"),
    ("GET", "/streams?limit=1001", "", 400, "invalid_parameter"),
    ("GET", "/streams?limit=1&limit=1", "", 400, "invalid_parameter"),
    ("GET", "/streams?colour=red", "", 400, "invalid_parameter"),
    ("GET", "/streams?cursor=%25%25", "", 400, "invalid_parameter"),
    ("GET", "/streams?leased=yes", "", 400, "invalid_parameter"),
    ("GET", "/streams?prefix=%ff", "", 400, "invalid_parameter"),
    ("GET", "/streams/q?limit=1", "", 400, "invalid_parameter"),
    ("GET", "/streams/q/records?offset=-1", "", 400, "invalid_parameter"),
    ("GET", "/streams/q/records?offset=9223372036854775808", "", 400, "invalid_parameter"),
    ("GET", "/streams/q/records?offset=0&time_ms=0", "", 400, "invalid_parameter"),
    ("GET", "/streams/wide/records?offset=0", "", 400, "invalid_parameter"),
    ("GET", "/streams/wide/records?time_ms=0", "", 400, "invalid_parameter"),
    ("GET", "/streams/q/records?cursor=MTow", "", 400, "invalid_parameter"),
    ("GET", "/streams/q/records?cursor=MDow&offset=0", "", 400, "invalid_parameter"),
    ("GET", "/streams/q/records?offset=3", "", 400, "offset_out_of_range"),
    ("GET", "/streams/q/records?partition=1", "", 404, "unknown_partition"),
    ("GET", "/streams/none/records", "", 404, "unknown_stream"),
    ("GET", "/streams/q", "{}", 400, "invalid_body"),
    ("PUT", "/streams/x", "[]", 400, "invalid_body"),
    ("PUT", "/streams/x", "{", 400, "invalid_body"),
    ("PUT", "/streams/x", "{\"partitions\": 1, \"partitions\": 1}", 400, "invalid_body"),
    ("PUT", "/streams/x", "{\"partitions\": -1}", 400, "invalid_body"),
    ("PUT", "/streams/x", "{\"colour\": 1}", 400, "invalid_body"),
    ("PUT", "/streams/x", "{\"settings\": {\"colour\": 1}}", 400, "invalid_body"),
    ("PUT", "/streams/x", "{\"settings\": {\"delay_ms\": {}}}", 400, "invalid_body"),
    ("PUT", "/streams/x", "{\"settings\": {\"delivery_limit\": 0}}", 400, "invalid_setting"),
    ("PUT", "/streams/x", "{\"partitions\": 0}", 400, "invalid_partitions"),
    ("PUT", "/streams/x", "{\"partitions\": 10001}", 400, "invalid_partitions"),
    ("PUT", "/streams/a%00b", "{}", 400, "invalid_name"),
    ("PATCH", "/streams/wide", "{\"partitions\": 2}", 400, "invalid_partitions"),
    ("PATCH", "/streams/q", "{\"unset\": [\"colour\"]}", 400, "invalid_setting"),
    ("PATCH", "/streams/none", "{}", 404, "unknown_stream"),
    ("POST", "/streams/q/records", "{}", 400, "invalid_body"),
    ("POST", "/streams/q/records", "{\"records\": []}", 400, "invalid_body"),
    (
        "POST",
        "/streams/q/records",
        "{\"records\": [{\"value\": \"a\", \"value_base64\": \"\"}]}",
        400,
        "invalid_body",
    ),
    ("POST", "/streams/q/records", "{\"records\": [{\"value_base64\": \"%\"}]}", 400, "invalid_body"),
    ("POST", "/streams/q/records", "{\"records\": [{\"headers\": [{}]}]}", 400, "invalid_body"),
    ("POST", "/streams/q/records", "{\"records\": [{\"priority\": 256}]}", 400, "invalid_body"),
    ("POST", "/streams/q/records", "{\"records\": [{\"timestamp_ms\": -2}]}", 400, "invalid_record"),
    ("POST", "/streams/q/records", "{\"records\": [{}], \"partition\": 1}", 404, "unknown_partition"),
    ("POST", "/streams/wide/groups/default/receive", "{}", 404, "unknown_group"),
    ("POST", "/streams/q/groups/default/receive", "{\"records_max\": 0}", 400, "invalid_body"),
    ("POST", "/streams/q/groups/default/receive", "{\"records_max\": 101}", 400, "invalid_body"),
    ("POST", "/streams/q/groups/default/receive", "{\"wait_ms\": 60001}", 400, "invalid_body"),
    ("POST", "/streams/q/groups/default/receive", "{\"timeout_ms\": 43200001}", 400, "invalid_body"),
    ("POST", "/streams/q/groups/default/settle", "{\"leases\": []}", 400, "invalid_body"),
    (
        "POST",
        "/streams/q/groups/default/settle",
        "{\"leases\": [{\"token\": \"\", \"action\": \"eat\"}]}",
        400,
        "invalid_body",
    ),
    (
        "POST",
        "/streams/q/groups/default/settle",
        "{\"leases\": [{\"token\": \"\", \"action\": \"renew\"}]}",
        400,
        "invalid_body",
    ),
    (
        "POST",
        "/streams/q/groups/default/settle",
        "{\"leases\": [{\"token\": \"\", \"action\": \"ack\", \"delay_ms\": 1}]}",
        400,
        "invalid_body",
    ),
    ("POST", "/streams/q/groups/default/seek", "{}", 400, "invalid_body"),
    ("POST", "/streams/q/groups/default/seek", "{\"to\": \"middle\"}", 400, "invalid_body"),
    ("POST", "/streams/q/groups/default/seek", "{\"to\": {\"offsets\": []}}", 400, "invalid_body"),
    (
        "POST",
        "/streams/q/groups/default/seek",
        "{\"to\": {\"offsets\": [{\"partition\": 0, \"offset\": 3}]}}",
        400,
        "offset_out_of_range",
    ),
    (
        "POST",
        "/streams/q/groups/default/seek",
        "{\"to\": {\"offsets\": [{\"partition\": 1, \"offset\": 0}]}}",
        404,
        "unknown_partition",
    ),
    ("POST", "/dead-letters/q/redrives", "{\"target\": \"q\"}", 400, "invalid_body"),
    ("POST", "/dead-letters/q/redrives", "{\"target\": \"none\"}", 400, "invalid_setting"),
    ("POST", "/dead-letters/q/redrives", "{\"per_second\": 0}", 400, "invalid_body"),
    ("POST", "/dead-letters/wide/redrives", "{}", 404, "unknown_group"),
    ("GET", "/dead-letters/q/records?reason=boredom", "", 400, "invalid_parameter"),
    ("GET", "/dead-letters/q/records?from_time_ms=-1", "", 400, "invalid_parameter"),
    ("GET", "/dead-letters/q/records?cursor=MTow", "", 400, "invalid_parameter"),
    ("GET", "/dead-letters/wide/records", "", 404, "unknown_group"),
    ("POST", "/dead-letters/q/records/discard", "{\"records\": []}", 400, "invalid_body"),
    ("POST", "/dead-letters/q/records/discard", "{\"records\": [{\"partition\": 0}]}", 400, "invalid_body"),
    (
        "POST",
        "/dead-letters/q/records/redrive",
        "{\"records\": [{\"partition\": 0, \"offset\": 9223372036854775808}]}",
        400,
        "invalid_body",
    ),
    (
        "POST",
        "/dead-letters/q/records/redrive",
        "{\"records\": [{\"partition\": 0, \"offset\": 0}], \"target\": \"none\"}",
        400,
        "invalid_setting",
    ),
    ("POST", "/streams/q/groups/default/purge", "{\"all\": true}", 400, "invalid_body"),
];

#[test]
fn every_mistake_has_its_code_and_changes_nothing() {
    let client = Client::new();
    client.create_queue("q", json!({}));
    client.send_values("q", &["a", "b"]);
    client.broker.create_stream("wide", 3);
    let before = (client.get("/streams"), client.get("/streams/q"));
    for (method, address, body, status, code) in TABLE {
        let refused = client.refused(method, address, body);
        assert_eq!(refused, (*status, (*code).to_owned()), "{method} {address} {body}");
    }
    assert_eq!((client.get("/streams"), client.get("/streams/q")), before);
}

#[test]
fn what_a_page_of_another_site_sends_is_refused_before_it_is_read() {
    let client = Client::new();
    for (headers, code) in [
        (&[("host", &b"evil.example"[..])][..], "host_not_allowed"),
        (&[("host", b"localhost:8080"), ("origin", b"http://evil.example")], "origin_not_allowed"),
        (&[("host", b"localhost:8080"), ("sec-fetch-site", b"cross-site")], "origin_not_allowed"),
    ] {
        for method in ["GET", "PUT", "OPTIONS"] {
            let request = Request {
                method,
                path: "/api/v1/streams/x",
                query: "",
                headers,
                body: b"{}",
                is_tls: false,
                peer: None,
            };
            let response = client.send(&request).response();
            assert!(response.header("access-control-allow-origin").is_none());
            let body = std::str::from_utf8(&response.body).unwrap();
            assert!(response.status == 403 && body.contains(code), "{body}");
        }
    }
    assert!(!client.broker.has_stream("x"));
}

#[test]
fn a_form_of_another_site_is_not_taken_for_json() {
    let client = Client::new();
    let headers: &[(&str, &[u8])] =
        &[("host", b"localhost"), ("content-type", b"application/x-www-form-urlencoded")];
    let request = Request {
        method: "PUT",
        path: "/api/v1/streams/x",
        query: "",
        headers,
        body: b"{}",
        is_tls: false,
        peer: None,
    };
    assert_eq!(client.send(&request).problem(), (415, "unsupported_media_type".to_owned()));
    assert!(!client.broker.has_stream("x"));
}

#[test]
fn what_is_refused_before_it_is_read_is_a_problem_as_well() {
    let client = Client::new();
    for (refusal, status, code) in [
        (Refusal::TooLong, 413, "body_too_long"),
        (Refusal::Malformed("It is none."), 400, "malformed_request"),
        (Refusal::NoMemory, 503, "overloaded"),
    ] {
        assert_eq!(client.refuse(refusal), (status, code.to_owned()));
    }
}
