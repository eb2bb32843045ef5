//! Messages: sent, received with what was asked for, deleted, in both protocols.

use crate::client::{BOTH, Client, Wire, element};
use serde_json::{Value, json};

fn receive(client: &Client, url: &str, more: Value) -> Vec<Value> {
    let mut call = json!({"QueueUrl": url, "MaxNumberOfMessages": 10});
    call.as_object_mut().expect("a map").extend(more.as_object().expect("a map").clone());
    client.call("ReceiveMessage", call)["Messages"].as_array().cloned().unwrap_or_default()
}

fn handle(message: &Value) -> &str {
    message["ReceiptHandle"].as_str().expect("a handle")
}

#[test]
fn a_message_comes_back_with_its_sums_and_attributes() {
    let client = Client::new();
    let url = client.create("q", json!({}));
    let sent = client.call(
        "SendMessage",
        json!({
            "QueueUrl": url, "MessageBody": "msg",
            "MessageAttributes": {
                "Hello": {"DataType": "String", "StringValue": "There"},
                "General": {"DataType": "String", "StringValue": "Kenobi"},
                "Help.Me": {"DataType": "String", "StringValue": "Me"},
            },
            "MessageSystemAttributes": {"AWSTraceHeader": {"DataType": "String", "StringValue": "some-trace-id"}},
        }),
    );
    assert_eq!(sent["MD5OfMessageBody"], "6e2baaf3b97dbeef01c0043275f9a0e7");
    assert_eq!(sent["MD5OfMessageAttributes"], "4c360f3fdafd970e05fae2f149d997f5");
    assert_eq!(sent["MD5OfMessageSystemAttributes"], "fdce4f2818803f2f73becc09a54792c0");
    assert!(sent.get("SequenceNumber").is_none());
    for (names, sum) in [
        (json!([]), None),
        (json!(["All"]), Some("4c360f3fdafd970e05fae2f149d997f5")),
        (json!([".*"]), Some("4c360f3fdafd970e05fae2f149d997f5")),
        (json!(["Hello", "General"]), Some("fca026605781cb4126a1e9044df24232")),
        (json!(["Hello", "Nobody"]), Some("a311262e065454b75da111d535b8dacd")),
        (json!(["Hel.*"]), Some("83fee93c1bcd8b9a5a923ffacdc636c7")),
    ] {
        let received =
            receive(&client, &url, json!({"VisibilityTimeout": 0, "MessageAttributeNames": names}));
        let [message] = &received[..] else { panic!("one message: {received:?}") };
        assert_eq!(message["Body"], "msg");
        assert_eq!(message["MessageId"], sent["MessageId"]);
        assert_eq!(message["MD5OfBody"], "6e2baaf3b97dbeef01c0043275f9a0e7");
        assert_eq!(message.get("MD5OfMessageAttributes").and_then(Value::as_str), sum, "{names}");
        assert_eq!(message.get("MessageAttributes").is_some(), sum.is_some());
        assert!(message.get("Attributes").is_none());
    }
    let received =
        receive(&client, &url, json!({"MessageSystemAttributeNames": ["All"], "AttributeNames": ["Policy"]}));
    let expected = json!({
        "SenderId": "000000000000", "SentTimestamp": "1700000000000", "ApproximateReceiveCount": "7",
        "ApproximateFirstReceiveTimestamp": "1700000000000", "AWSTraceHeader": "some-trace-id",
    });
    assert_eq!(received[0]["Attributes"], expected);
}

#[test]
fn the_query_protocol_shows_the_same_in_xml() {
    let client = Client::new();
    let url = client.create("q", json!({}));
    let body = "a \"quoted\" <b>\r\nü";
    let sent = client.query(
        "SendMessage",
        &json!({
            "QueueUrl": url, "MessageBody": body, "DelaySeconds": 0,
            "MessageAttributes": {"n": {"DataType": "Number", "StringValue": "1"}, "b": {"DataType": "Binary", "BinaryValue": "AAH/"}},
        }),
    );
    let sent = String::from_utf8(sent.response().body.to_vec()).unwrap();
    assert!(sent.starts_with("<?xml version=\"1.0\"?><SendMessageResponse xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\"><SendMessageResult>"), "{sent}");
    let names =
        json!({"QueueUrl": url, "AttributeNames": ["SentTimestamp"], "MessageAttributeNames": ["All"]});
    let received = client.query("ReceiveMessage", &names).response();
    let text = std::str::from_utf8(&received.body).unwrap();
    assert_eq!(element(text, "Body"), body);
    assert!(text.contains("a &quot;quoted&quot; &lt;b&gt;&#xD;\nü"));
    assert_eq!(element(text, "MessageId"), element(&sent, "MessageId"));
    assert_eq!(element(text, "MD5OfBody"), element(&sent, "MD5OfMessageBody"));
    assert_eq!(element(text, "MD5OfMessageAttributes"), element(&sent, "MD5OfMessageAttributes"));
    assert!(text.contains("<Attribute><Name>SentTimestamp</Name><Value>1700000000000</Value></Attribute>"));
    assert!(text.contains("<MessageAttribute><Name>b</Name><Value><BinaryValue>AAH/</BinaryValue><DataType>Binary</DataType></Value></MessageAttribute>"));
    let empty = client.query("ReceiveMessage", &names).response();
    let text = std::str::from_utf8(&empty.body).unwrap();
    assert!(text.contains("<ReceiveMessageResult></ReceiveMessageResult>"), "{text}");
    let gone = client.query("DeleteMessage", &json!({"QueueUrl": url, "ReceiptHandle": element(std::str::from_utf8(&received.body).unwrap(), "ReceiptHandle")}));
    let text = String::from_utf8(gone.response().body.to_vec()).unwrap();
    assert!(text.contains("<DeleteMessageResponse xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\"><ResponseMetadata><RequestId>"), "{text}");
}

#[test]
fn a_batch_succeeds_and_fails_entry_by_entry() {
    for wire in BOTH {
        let client = Client::new();
        let url = client.create("q", json!({"MaximumMessageSize": "1024"}));
        let entries = json!([
            {"Id": "good", "MessageBody": "a"},
            {"Id": "empty", "MessageBody": ""},
            {"Id": "long", "MessageBody": "x".repeat(2000)},
            {"Id": "late", "MessageBody": "b", "DelaySeconds": 901},
            {"Id": "last", "MessageBody": "c", "MessageAttributes": {"n": {"DataType": "Number", "StringValue": "1"}}},
        ]);
        let response =
            client.start(wire, "SendMessageBatch", &json!({"QueueUrl": url, "Entries": entries})).response();
        assert_eq!(response.status, 200);
        let text = String::from_utf8(response.body.to_vec()).unwrap();
        for code in ["MissingParameter", "InvalidParameterValue"] {
            assert!(text.contains(code), "{text}");
        }
        if wire == Wire::Json {
            let reply: Value = serde_json::from_str(&text).unwrap();
            let ids = |list: &str| {
                reply[list]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|entry| entry["Id"].as_str().unwrap().to_owned())
                    .collect::<Vec<_>>()
            };
            assert_eq!(ids("Successful"), ["good", "last"]);
            assert_eq!(ids("Failed"), ["empty", "long", "late"]);
        } else {
            assert_eq!(text.matches("<SendMessageBatchResultEntry>").count(), 2);
            assert_eq!(text.matches("<BatchResultErrorEntry>").count(), 3);
        }
        let received = receive(&client, &url, json!({}));
        let bodies: Vec<&str> = received.iter().map(|message| message["Body"].as_str().unwrap()).collect();
        assert_eq!(bodies, ["a", "c"]);
        let ids: std::collections::BTreeSet<&str> =
            received.iter().map(|message| message["MessageId"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), 2);
        for id in ids {
            assert!(text.contains(id));
        }
    }
}

#[test]
fn a_batch_that_fails_in_whole_stores_nothing() {
    let client = Client::new();
    let url = client.create("q", json!({}));
    let all_bad =
        client.call("SendMessageBatch", json!({"QueueUrl": url, "Entries": [{"Id": "a"}, {"Id": "b"}]}));
    assert_eq!(all_bad["Successful"], json!([]));
    assert_eq!(all_bad["Failed"].as_array().unwrap().len(), 2);
    for (wire, entries, code) in [
        (Wire::Json, json!([]), "EmptyBatchRequest"),
        (Wire::Query, json!([]), "EmptyBatchRequest"),
        (
            Wire::Json,
            json!([{"Id": "a", "MessageBody": "b"}, {"Id": "a", "MessageBody": "b"}]),
            "BatchEntryIdsNotDistinct",
        ),
    ] {
        let fault = client.refused(wire, "SendMessageBatch", &json!({"QueueUrl": url, "Entries": entries}));
        assert_eq!(fault.code, format!("AWS.SimpleQueueService.{code}"));
    }
    assert!(receive(&client, &url, json!({})).is_empty());
}

#[test]
fn fifo_messages_have_sequence_numbers_in_order() {
    let client = Client::new();
    let url = client.create("q.fifo", json!({"FifoQueue": "true", "ContentBasedDeduplication": "true"}));
    let entries: Vec<Value> = (0..3)
        .map(|n| json!({"Id": n.to_string(), "MessageBody": n.to_string(), "MessageGroupId": "g"}))
        .collect();
    let sent = client.call("SendMessageBatch", json!({"QueueUrl": url, "Entries": entries}));
    let numbers: Vec<&str> = sent["Successful"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["SequenceNumber"].as_str().unwrap())
        .collect();
    assert!(numbers.is_sorted() && numbers.iter().all(|number| number.len() == 20), "{numbers:?}");
    let received = receive(&client, &url, json!({"AttributeNames": ["All"]}));
    assert_eq!(received[0]["Attributes"]["SequenceNumber"], numbers[0]);
    assert_eq!(received[0]["Attributes"]["MessageGroupId"], "g");
    let id = received[0]["Attributes"]["MessageDeduplicationId"].as_str().unwrap();
    assert_eq!(id.len(), 64, "the sum of the body");
}

#[test]
fn deleting_is_once_and_for_all() {
    let client = Client::new();
    let url = client.create("q", json!({}));
    client.call("SendMessage", json!({"QueueUrl": url, "MessageBody": "b"}));
    let received = receive(&client, &url, json!({"VisibilityTimeout": 1}));
    let call = json!({"QueueUrl": url, "ReceiptHandle": handle(&received[0])});
    client.broker.advance_ms(1500);
    assert_eq!(client.json("DeleteMessage", &call).result(), Value::Null, "late, but nobody has it");
    assert_eq!(client.json("DeleteMessage", &call).result(), Value::Null, "again");
    assert!(receive(&client, &url, json!({})).is_empty());
    for wire in BOTH {
        let fault =
            client.refused(wire, "DeleteMessage", &json!({"QueueUrl": url, "ReceiptHandle": "garbage"}));
        assert_eq!((&*fault.code, fault.status), ("ReceiptHandleIsInvalid", 404));
        assert_eq!(fault.message, "The input receipt handle \"garbage\" is not a valid receipt handle.");
    }
    let other = client.create("other", json!({}));
    let fault = client.refused(
        Wire::Json,
        "DeleteMessage",
        &json!({"QueueUrl": other, "ReceiptHandle": handle(&received[0])}),
    );
    assert_eq!(fault.code, "ReceiptHandleIsInvalid", "a handle of another queue");
}

#[test]
fn a_batch_of_handles_fails_in_part() {
    let client = Client::new();
    let url = client.create("q", json!({}));
    for body in ["a", "b"] {
        client.call("SendMessage", json!({"QueueUrl": url, "MessageBody": body}));
    }
    let received = receive(&client, &url, json!({}));
    let entries = json!([
        {"Id": "1", "ReceiptHandle": handle(&received[0]), "VisibilityTimeout": 0},
        {"Id": "2", "ReceiptHandle": "garbage", "VisibilityTimeout": 5},
        {"Id": "3", "ReceiptHandle": handle(&received[1]), "VisibilityTimeout": 43_201},
        {"Id": "4", "ReceiptHandle": handle(&received[1])},
    ]);
    let changed = client.call("ChangeMessageVisibilityBatch", json!({"QueueUrl": url, "Entries": entries}));
    assert_eq!(changed["Successful"], json!([{"Id": "1"}]));
    let codes: Vec<&str> =
        changed["Failed"].as_array().unwrap().iter().map(|entry| entry["Code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["ReceiptHandleIsInvalid", "InvalidParameterValue", "MissingParameter"]);
    assert_eq!(receive(&client, &url, json!({}))[0]["Body"], "a", "given back at once");
    let gone = json!([{"Id": "1", "ReceiptHandle": handle(&received[1])}, {"Id": "x", "ReceiptHandle": ""}]);
    let deleted = client.query("DeleteMessageBatch", &json!({"QueueUrl": url, "Entries": gone})).response();
    let text = std::str::from_utf8(&deleted.body).unwrap();
    assert!(text.contains("<DeleteMessageBatchResultEntry><Id>1</Id></DeleteMessageBatchResultEntry><BatchResultErrorEntry><Id>x</Id><Code>MissingParameter</Code>"), "{text}");
}

#[test]
fn visibility_is_prolonged_up_to_twelve_hours() {
    let client = Client::new();
    let url = client.create("q", json!({}));
    client.call("SendMessage", json!({"QueueUrl": url, "MessageBody": "b"}));
    let received = receive(&client, &url, json!({"VisibilityTimeout": 43_200}));
    let change = |seconds: i64| json!({"QueueUrl": url, "ReceiptHandle": handle(&received[0]), "VisibilityTimeout": seconds});
    client.call("ChangeMessageVisibility", change(43_200));
    client.broker.advance_ms(10_000);
    client.call("ChangeMessageVisibility", change(43_190));
    let fault = client.refused(Wire::Json, "ChangeMessageVisibility", &change(43_191));
    assert_eq!(
        fault.message,
        "Value 43191 for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is beyond the limit [43200 seconds]"
    );
    client.call("ChangeMessageVisibility", change(0));
    for wire in BOTH {
        let fault = client.refused(wire, "ChangeMessageVisibility", &change(10));
        assert_eq!(fault.code, "AWS.SimpleQueueService.MessageNotInflight");
    }
    let again = receive(&client, &url, json!({}));
    client.call("DeleteMessage", json!({"QueueUrl": url, "ReceiptHandle": handle(&again[0])}));
    let gone = json!({"QueueUrl": url, "ReceiptHandle": handle(&again[0]), "VisibilityTimeout": 1});
    let fault = client.refused(Wire::Json, "ChangeMessageVisibility", &gone);
    assert!(fault.message.contains("Message does not exist or is not available"), "{fault:?}");
}

#[test]
fn counts_are_exact() {
    let client = Client::new();
    let url = client.create("q", json!({}));
    for body in ["a", "b", "c"] {
        client.call("SendMessage", json!({"QueueUrl": url, "MessageBody": body}));
    }
    client.call("ReceiveMessage", json!({"QueueUrl": url}));
    let names = json!(["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]);
    let counts = client.call("GetQueueAttributes", json!({"QueueUrl": url, "AttributeNames": names.clone()}));
    assert_eq!(
        counts["Attributes"],
        json!({"ApproximateNumberOfMessages": "2", "ApproximateNumberOfMessagesNotVisible": "1"})
    );
    client.call("PurgeQueue", json!({"QueueUrl": url}));
    let counts = client.call("GetQueueAttributes", json!({"QueueUrl": url, "AttributeNames": names}));
    assert_eq!(
        counts["Attributes"],
        json!({"ApproximateNumberOfMessages": "0", "ApproximateNumberOfMessagesNotVisible": "0"})
    );
}
