//! Bad input and failures: each gets Amazon's own answer, in the shape that its sender reads.
//!
//! What no call is at all is in `hostile`; replies that were recorded from Amazon in `recorded`.

use crate::client::{BOTH, Client, Wire, fault};
use millstream_front::http::Refusal;
use millstream_types::ErrorKind;
use serde_json::{Value, json};

fn string(value: &str) -> Value {
    json!({"DataType": "String", "StringValue": value})
}

#[test]
fn what_is_refused_before_it_is_read_is_answered_in_its_sender_s_protocol() {
    let client = Client::new();
    let json: &[(&str, &[u8])] = &[("content-type", b"application/x-amz-json-1.0")];
    let target: &[(&str, &[u8])] = &[("x-amz-target", b"AmazonSQS.SendMessage")];
    let form: &[(&str, &[u8])] = &[("content-type", b"application/x-www-form-urlencoded")];
    let malformed = Refusal::Malformed("The request names no host.");
    for (refusal, status, code, retry_after) in [
        (Refusal::TooLong, 413, "RequestEntityTooLarge", None),
        (malformed, 400, "MalformedInput", None),
        (Refusal::NoMemory, 503, "RequestThrottled", Some("1")),
    ] {
        for (headers, wire) in
            [(json, Wire::Json), (target, Wire::Json), (form, Wire::Query), (&[], Wire::Query)]
        {
            let response = client.turned_away(headers, refusal);
            let told = fault(wire, &response);
            assert_eq!((told.status, &*told.code), (status, code), "{refusal:?} {wire:?}");
            assert_eq!(response.header("retry-after"), retry_after);
            assert!(response.header("x-amzn-requestid").is_some());
        }
    }
    assert_eq!(
        fault(Wire::Query, &client.turned_away(form, malformed)).message,
        "The request names no host."
    );
}

#[test]
fn what_the_broker_cannot_do_now_says_when_to_ask_again() {
    let client = Client::new();
    let url = client.create("q", json!({}));
    let send = json!({"QueueUrl": url, "MessageBody": "b"});
    for (kind, status, code) in [
        (ErrorKind::StorageFull, 503, "ServiceUnavailable"),
        (ErrorKind::ShuttingDown, 503, "ServiceUnavailable"),
        (ErrorKind::CorruptStorage, 503, "ServiceUnavailable"),
        (ErrorKind::Overloaded, 503, "RequestThrottled"),
        (ErrorKind::StreamFull, 503, "RequestThrottled"),
    ] {
        let response = client.json_while(kind, "SendMessage", &send);
        let told = fault(Wire::Json, &response);
        assert_eq!((told.status, &*told.code), (status, code), "{kind:?}");
        assert_eq!(response.header("retry-after"), Some("1"), "{kind:?}");
        let header = response.header("x-amzn-query-error").expect("the older code");
        assert!(header.ends_with(";Receiver"), "{header}");
    }
    let unknown = client.json_while(ErrorKind::Indeterminate, "SendMessage", &send);
    assert_eq!((fault(Wire::Json, &unknown).status, unknown.header("retry-after")), (500, None));
    let over = client.json_while(ErrorKind::TooManyLeased, "ReceiveMessage", &json!({"QueueUrl": url}));
    assert_eq!((fault(Wire::Json, &over).status, &*fault(Wire::Json, &over).code), (403, "OverLimit"));
    let gone = client.json_while(ErrorKind::UnknownLeaseGroup, "ReceiveMessage", &json!({"QueueUrl": url}));
    assert_eq!(fault(Wire::Json, &gone).code, "AWS.SimpleQueueService.NonExistentQueue");
}

#[test]
fn bodies_and_attributes_are_checked_in_both_protocols() {
    let client = Client::new();
    let url = client.create("q", json!({}));
    let body = |text: &str| json!({"QueueUrl": url, "MessageBody": text});
    let attribute =
        |value: Value| json!({"QueueUrl": url, "MessageBody": "b", "MessageAttributes": {"A": value}});
    let system = |name: &str, value: Value| json!({"QueueUrl": url, "MessageBody": "b", "MessageSystemAttributes": {name: value}});
    let (value, contents) = ("InvalidParameterValue", "InvalidMessageContents");
    let too_large = "x".repeat((1 << 20) + 1);
    for (parameters, code, says) in [
        (body("a\u{1}b"), contents, "#x9 | #xA | #xD"),
        (body("\u{fffe}"), contents, "#x9 | #xA | #xD"),
        (body("\0"), contents, "#x9 | #xA | #xD"),
        (body(""), "MissingParameter", "MessageBody"),
        (body(&too_large), value, "Message must be shorter than 1048576 bytes."),
        (attribute(string(&too_large)), value, "Message must be shorter than 1048576 bytes."),
        (attribute(string("a\u{b}")), contents, "#x9 | #xA | #xD"),
        (attribute(string("")), value, "non-empty"),
        (
            attribute(json!({"DataType": "Binary", "BinaryValue": "not base64"})),
            "MalformedInput",
            "not valid base64",
        ),
        (attribute(json!({"DataType": "Binary", "BinaryValue": "YQ"})), "MalformedInput", "not valid base64"),
        (attribute(json!({"DataType": "Binary", "StringValue": "v"})), value, "must use field 'Binary'"),
        (attribute(json!({"DataType": "Text", "StringValue": "v"})), value, "Binary, Number, String"),
        (attribute(json!({"StringValue": "v"})), value, "non-empty message attribute type"),
        (attribute(json!({"DataType": "Number", "StringValue": "one"})), value, "Can't cast the value"),
        (
            system("AWSTraceHeader", json!({"DataType": "Number", "StringValue": "1"})),
            value,
            "AWSTraceHeader",
        ),
        (system("Other", string("v")), value, "Other"),
    ] {
        for wire in BOTH {
            let told = client.refused(wire, "SendMessage", &parameters);
            assert_eq!((told.status, &*told.code), (400, code), "{wire:?} {}", told.message);
            assert!(told.message.contains(says), "{wire:?} {}", told.message);
        }
    }
    let counts = json!({"QueueUrl": url, "AttributeNames": ["ApproximateNumberOfMessages"]});
    let counted = client.call("GetQueueAttributes", counts);
    assert_eq!(counted["Attributes"]["ApproximateNumberOfMessages"], "0", "nothing of it was stored");
}

#[test]
fn receipts_that_are_not_good_any_more_or_never_were_settle_nothing() {
    for name in ["q", "q.fifo"] {
        let client = Client::new();
        let is_fifo = name.ends_with(".fifo");
        let kind = if is_fifo { json!({"FifoQueue": "true"}) } else { json!({}) };
        let url = client.create(name, kind.clone());
        let other = client.create(&format!("other-{name}"), kind);
        let group = json!({"QueueUrl": url, "MessageBody": "b", "MessageGroupId": "g", "MessageDeduplicationId": "d"});
        let plain = json!({"QueueUrl": url, "MessageBody": "b"});
        client.call("SendMessage", if is_fifo { group } else { plain });
        let receive = || {
            let reply = client.call("ReceiveMessage", json!({"QueueUrl": url, "VisibilityTimeout": 5}));
            reply["Messages"][0]["ReceiptHandle"].as_str().expect("a handle").to_owned()
        };
        let first = receive();
        let mut forged = first.clone().into_bytes();
        forged[20] ^= 1;
        let forged = String::from_utf8(forged).expect("still ASCII");
        for (queue, handle) in [(&url, &*forged), (&other, &*first), (&url, "garbage")] {
            for action in ["DeleteMessage", "ChangeMessageVisibility"] {
                for wire in BOTH {
                    let call = json!({"QueueUrl": queue, "ReceiptHandle": handle, "VisibilityTimeout": 1});
                    let told = client.refused(wire, action, &call);
                    assert_eq!(
                        (told.status, &*told.code),
                        (404, "ReceiptHandleIsInvalid"),
                        "{action} {handle}"
                    );
                }
            }
        }
        client.broker.advance_ms(5_000);
        let second = receive();
        let old = json!({"QueueUrl": url, "ReceiptHandle": first, "VisibilityTimeout": 1});
        for wire in BOTH {
            let told = client.refused(wire, "ChangeMessageVisibility", &old);
            let code =
                if is_fifo { "InvalidParameterValue" } else { "AWS.SimpleQueueService.MessageNotInflight" };
            assert_eq!((told.status, &*told.code), (400, code));
        }
        // On a standard queue this succeeds, as at Amazon, and deletes nothing.
        assert_eq!(client.json("DeleteMessage", &old).response().status, if is_fifo { 400 } else { 200 });
        let newest = json!({"QueueUrl": url, "ReceiptHandle": second, "VisibilityTimeout": 1});
        assert_eq!(client.json("ChangeMessageVisibility", &newest).response().status, 200);
    }
}
