//! Requests that no client sends: whatever it is, it is answered, and nobody panics.

use crate::client::{Client, Wire, fault};
use millstream_aws::sqs::OPERATIONS;
use millstream_front::http::{Request, Response};
use proptest::prelude::*;
use serde_json::{Value, json};

fn send(
    client: &Client,
    headers: &[(&str, &[u8])],
    method: &str,
    path: &str,
    query: &str,
    body: &[u8],
) -> Response {
    client.send(&Request { method, path, query, headers, body, is_tls: false, peer: None }).response()
}

fn json_call(client: &Client, target: &str, body: &[u8]) -> Response {
    send(client, &[("x-amz-target", target.as_bytes())], "POST", "/", "", body)
}

#[test]
fn what_is_no_call_is_refused_by_name() {
    let client = Client::new();
    for (target, body, code) in [
        ("AmazonSQS.Fly", "{}", "InvalidAction"),
        ("AmazonSNS.Publish", "{}", "InvalidAction"),
        ("", "{}", "InvalidAction"),
        ("AmazonSQS.ListQueues", "{", "MalformedInput"),
        ("AmazonSQS.ListQueues", "[]", "MalformedInput"),
        ("AmazonSQS.ListQueues", "{\"MaxResults\":\"ten\"}", "MalformedInput"),
        ("AmazonSQS.ListQueues", "{\"QueueNamePrefix\":{}}", "MalformedInput"),
        ("AmazonSQS.SendMessage", "{}", "MissingParameter"),
        ("AmazonSQS.SendMessage", "{\"QueueUrl\":\"http://x/y/z/w\"}", "InvalidAddress"),
    ] {
        let fault = fault(Wire::Json, &json_call(&client, target, body.as_bytes()));
        assert_eq!(fault.code, code, "{target} {body}");
    }
    for (query, code) in [
        ("", "MissingParameter"),
        ("Action=Fly", "InvalidAction"),
        ("Action=%zz", "MalformedInput"),
        ("Action=ListQueues&MaxResults=ten", "MalformedInput"),
        ("Action=SendMessage", "MissingParameter"),
        ("Action=TagQueue&QueueUrl=q&Tag.1.Value=x", "MalformedInput"),
    ] {
        let response = send(&client, &[], "GET", "/", query, b"");
        assert_eq!(fault(Wire::Query, &response).code, code, "{query}");
    }
    let response = send(&client, &[], "POST", "/", "", &[0xff, 0xfe]);
    assert_eq!(fault(Wire::Query, &response).code, "MalformedInput");
}

#[test]
fn deep_nesting_does_not_end_the_stack() {
    let client = Client::new();
    let deep = format!("{{\"x\":{}", "[".repeat(1_000_000));
    assert_eq!(json_call(&client, "AmazonSQS.SendMessage", deep.as_bytes()).status, 400);
}

#[test]
fn long_lists_are_counted_and_not_kept() {
    let client = Client::new();
    client.create("q", json!({}));
    let many = format!("{{\"QueueUrl\":\"q\",\"Entries\":[{}{{}}]}}", "{},".repeat(1_000_000));
    let response = json_call(&client, "AmazonSQS.SendMessageBatch", many.as_bytes());
    assert!(fault(Wire::Json, &response).message.ends_with("You have sent 1000001."));
    let handle = "x".repeat(1 << 20);
    let body = json!({"QueueUrl": "q", "ReceiptHandle": handle}).to_string();
    let response = json_call(&client, "AmazonSQS.DeleteMessage", body.as_bytes());
    assert!(response.body.len() < 2000, "a refusal does not repeat a mebibyte");
}

/// Values that calls have, and others.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-2i64..50).prop_map(Value::from),
        "[ -~ü\\u{1}]{0,8}".prop_map(Value::from),
        Just(Value::from("q")),
        Just(Value::from("q.fifo")),
        Just(Value::from("All")),
        Just(Value::from("arn:aws:sqs:us-east-1:000000000000:q")),
    ];
    let name = prop_oneof![
        Just("QueueUrl"),
        Just("QueueName"),
        Just("Attributes"),
        Just("Entries"),
        Just("Id"),
        Just("MessageBody"),
        Just("MessageAttributes"),
        Just("DataType"),
        Just("StringValue"),
        Just("BinaryValue"),
        Just("ReceiptHandle"),
        Just("VisibilityTimeout"),
        Just("DelaySeconds"),
        Just("MessageGroupId"),
        Just("tags"),
        Just("Tags"),
        Just("TagKeys"),
        Just("Label"),
        Just("Actions"),
        Just("AWSAccountIds"),
        Just("AttributeNames"),
        Just("RedrivePolicy"),
        Just("MaxResults"),
        Just("NextToken"),
        Just("Policy"),
        Just("x"),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..6).prop_map(|entries| entries
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect()),
        ]
    })
}

proptest! {
    #[test]
    fn any_parameters_are_answered(action in 0..OPERATIONS.len(), parameters in value()) {
        let client = Client::new();
        client.create("q", json!({}));
        client.create("q.fifo", json!({"FifoQueue": "true"}));
        let Value::Object(mut parameters) = parameters else { return Ok(()) };
        parameters.entry("QueueUrl").or_insert_with(|| "q".into());
        // Nobody sends here: a receive that waits would never be answered.
        parameters.insert("WaitTimeSeconds".to_owned(), 0.into());
        let parameters = Value::Object(parameters);
        let action = OPERATIONS[action].name;
        for response in [client.json(action, &parameters).response(), client.query(action, &parameters).response()] {
            prop_assert!(matches!(response.status, 200 | 400 | 403 | 404), "{}", response.status);
        }
    }

    #[test]
    fn any_bytes_are_answered(
        body in prop::collection::vec(any::<u8>(), 0..200),
        target in "(AmazonSQS\\.SendMessageBatch|[ -~]{0,20})",
        query in "[ -~]{0,60}",
        path in "/[ -~]{0,30}",
        authorization in "(AWS4-HMAC-SHA256 )?[ -~]{0,60}",
    ) {
        let client = Client::new();
        let headers: [(&str, &[u8]); 2] = [("x-amz-target", target.as_bytes()), ("authorization", authorization.as_bytes())];
        for headers in [&headers[..], &headers[1..], &[]] {
            let response = send(&client, headers, "POST", &path, &query, &body);
            prop_assert!(response.status >= 200);
        }
    }
}
