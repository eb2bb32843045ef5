//! The plain way: a stream fed, read and worked with nothing but HTTP.

use crate::client::{Client, Waiting, values};
use serde_json::{Value, json};

type Headers<'a> = &'a [(&'a str, &'a [u8])];

const LINES: Headers<'static> = &[("content-type", b"application/x-ndjson")];
const JSON: Headers<'static> = &[("content-type", b"application/json")];

fn client() -> Client {
    let client = Client::new();
    client.create_queue("q", json!({"dedup_window_ms": 60_000}));
    client
}

fn append(client: &Client, headers: Headers<'_>, body: &[u8]) -> Waiting {
    client.at("POST", "/v1/streams/q/records", headers, body)
}

fn read(client: &Client, query: &str) -> Value {
    client.at("GET", &format!("/v1/streams/q/records?{query}"), &[], b"").document(200)
}

fn tokens(leased: &Value) -> Value {
    let records = leased["records"].as_array().unwrap();
    json!({"tokens": records.iter().map(|record| record["token"].clone()).collect::<Vec<_>>()})
}

fn post(client: &Client, address: &str, body: &Value) -> Value {
    client.at("POST", &format!("/v1/streams/q/{address}"), JSON, body.to_string().as_bytes()).document(200)
}

#[test]
fn bytes_are_the_value_and_headers_of_the_request_are_those_of_the_record() {
    let client = client();
    let headers: Headers<'_> = &[
        ("content-type", b"application/octet-stream"),
        ("millstream-key", b"k"),
        ("millstream-header-trace", b"t-1"),
        ("user-agent", b"curl"),
    ];
    let sent = append(&client, headers, b"\xff\x00").document(200);
    assert_eq!(sent["records"], json!([{"partition": 0, "offset": 0, "duplicate": false}]));
    let record = &read(&client, "")["records"][0];
    assert_eq!((&record["key"], &record["value_base64"]), (&json!("k"), &json!("/wA=")));
    assert_eq!(record["headers"], json!([{"name": "trace", "value": "t-1"}]));
}

#[test]
fn lines_and_lists_are_records_too_and_mistakes_name_their_line() {
    let client = client();
    append(&client, LINES, b"{\"value\": \"a\", \"key\": \"own\"}\n\n {\"value\": \"b\"}\r\n").document(200);
    append(&client, JSON, b"{\"value\": \"c\"}").document(200);
    append(&client, JSON, b" [{\"value\": \"d\"}, {\"value\": \"e\"}]").document(200);
    let keyed = client.at("POST", "/v1/streams/q/records?key=other", LINES, b"{\"key\": \"own\"}\n{}");
    keyed.document(200);
    let records = read(&client, "")["records"].as_array().unwrap().clone();
    assert_eq!(values(&records[..5]), ["a", "b", "c", "d", "e"]);
    assert_eq!((&records[5]["key"], &records[6]["key"]), (&json!("own"), &json!("other")));
    for (headers, body, status) in [
        (LINES, &b"{\"value\": \"a\"}\n{\"value\": 1}"[..], 400),
        (LINES, b"\n\n", 400),
        (LINES, &b"{}\n".repeat(1001), 400),
        (JSON, b"[]", 400),
        (JSON, b"7", 400),
        (&[("content-type", b"text/plain")], b"a", 415),
        (&[("content-type", b"application/x-www-form-urlencoded")], b"a=b", 415),
        (&[], b"a", 415),
    ] {
        let (found, _) = append(&client, headers, body).problem();
        assert_eq!(found, status, "{:?}", String::from_utf8_lossy(&body[..body.len().min(40)]));
    }
    let wrong = append(&client, LINES, b"{}\n{\"value\": 1}").response();
    assert!(std::str::from_utf8(&wrong.body).unwrap().contains("Line 2"));
}

#[test]
fn what_is_sent_again_under_the_same_key_is_stored_once() {
    let client = client();
    let headers: Headers<'_> = &[LINES[0], ("idempotency-key", b"order-7")];
    let first = append(&client, headers, b"{\"value\": \"a\"}\n{\"value\": \"b\"}").document(200);
    let again = append(&client, headers, b"{\"value\": \"a\"}\n{\"value\": \"b\"}").document(200);
    for (place, (first, again)) in
        first["records"].as_array().unwrap().iter().zip(again["records"].as_array().unwrap()).enumerate()
    {
        assert_eq!((&first["duplicate"], &again["duplicate"]), (&json!(false), &json!(true)), "{place}");
        assert_eq!(first["offset"], again["offset"]);
    }
    client.create_queue("forgets", json!({}));
    let refused = client.at("POST", "/v1/streams/forgets/records", headers, b"{}").problem();
    assert_eq!(refused, (400, "invalid_record".to_owned()), "nothing is promised that is not kept");
}

#[test]
fn a_reader_goes_on_from_where_it_was_and_waits_for_what_is_not_there() {
    let client = client();
    client.send_values("q", &["a", "b", "c"]);
    let first = read(&client, "limit=2");
    assert_eq!(
        (values(first["records"].as_array().unwrap()), &first["next_offset"]),
        (vec!["a", "b"], &json!(2))
    );
    let rest = read(&client, "offset=2&wait=20s");
    assert_eq!((values(rest["records"].as_array().unwrap()), &rest["next_offset"]), (vec!["c"], &json!(3)));
    assert_eq!(read(&client, "offset=end"), json!({"partition": 0, "records": [], "next_offset": 3}));
    let mut waiting = client.at("GET", "/v1/streams/q/records?offset=end&wait=20s", &[], b"");
    assert!(waiting.is_waiting());
    client.send_values("q", &["d"]);
    waiting.go_on();
    let come = waiting.document(200);
    assert_eq!((values(come["records"].as_array().unwrap()), &come["next_offset"]), (vec!["d"], &json!(4)));
    let mut waiting = client.at("GET", "/v1/streams/q/records?offset=4&wait=500ms", &[], b"");
    client.broker.advance_ms(499);
    waiting.go_on();
    assert!(waiting.is_waiting());
    client.broker.advance_ms(1);
    waiting.go_on();
    assert_eq!(waiting.document(200)["records"], json!([]));
    let mut gone = client.at("GET", "/v1/streams/q/records?offset=4&wait=20s", &[], b"");
    gone.abandon();
    assert!(!gone.is_waiting(), "nobody is waited for who is not there");
    for (query, status) in [
        ("offset=5", 400),
        ("offset=x", 400),
        ("wait=2m", 400),
        ("limit=0", 400),
        ("partition=1", 404),
        ("x=1", 400),
    ] {
        let (found, _) = client.at("GET", &format!("/v1/streams/q/records?{query}"), &[], b"").problem();
        assert_eq!(found, status, "{query}");
    }
}

#[test]
fn a_queue_is_worked_with_words() {
    let client = client();
    client.send_values("q", &["a", "b", "c", "d"]);
    let lease =
        |query: &str| client.at("POST", &format!("/v1/streams/q/lease?{query}"), &[], b"").document(200);
    let taken = lease("max=3&timeout_ms=5000");
    assert_eq!(values(taken["records"].as_array().unwrap()), ["a", "b", "c"]);
    let of = |index: usize| json!({"tokens": [taken["records"][index]["token"]]});
    let done = json!({"results": [{"code": null, "detail": null}]});
    assert_eq!(post(&client, "ack", &of(0)), done);
    assert_eq!(post(&client, "release?delay_ms=1000", &of(1)), done);
    assert_eq!(post(&client, "renew?timeout_ms=60000", &of(2)), done);
    assert_eq!(post(&client, "ack", &of(0))["results"][0]["code"], "settled");
    client.broker.advance_ms(5_001);
    let back = lease("max=10&wait=1s");
    assert_eq!(values(back["records"].as_array().unwrap()), ["b", "d"]);
    assert_eq!(post(&client, "reject", &tokens(&back))["results"].as_array().unwrap().len(), 2);
    assert_eq!(client.get("/streams/q/groups/default")["leased"], 1);
    for (address, body, status) in [
        ("lease?max=101", "", 400),
        ("ack", "{\"tokens\": []}", 400),
        ("ack", "{}", 400),
        ("release?delay_ms=x", "{\"tokens\": [\"x\"]}", 400),
    ] {
        let headers = if body.is_empty() { &[][..] } else { JSON };
        let (found, _) =
            client.at("POST", &format!("/v1/streams/q/{address}"), headers, body.as_bytes()).problem();
        assert_eq!(found, status, "{address}");
    }
}

#[test]
fn a_full_stream_is_told_with_when_to_come_again() {
    let client = Client::new();
    client.create_queue("q", json!({"length_max": 1, "overflow": "reject"}));
    append(&client, JSON, b"{\"value\": \"a\"}").document(200);
    let full = append(&client, JSON, b"{\"value\": \"b\"}").response();
    assert_eq!((full.status, full.header("retry-after")), (503, Some("1")));
}
