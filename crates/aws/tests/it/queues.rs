//! Queues: created, found, listed, changed, tagged, permitted, purged, deleted.

use crate::client::{BOTH, Client, HOST, Wire, element};
use millstream_front::Backend;
use serde_json::{Value, json};

fn attributes(client: &Client, url: &str, names: &[&str]) -> Value {
    client.call("GetQueueAttributes", json!({"QueueUrl": url, "AttributeNames": names}))["Attributes"].clone()
}

#[test]
fn creating_a_queue_again_gives_its_address_unless_it_differs() {
    let client = Client::new();
    let url = client.create("orders", json!({"DelaySeconds": "5"}));
    assert_eq!(url, format!("http://{HOST}/000000000000/orders"));
    assert_eq!(client.create("orders", json!({"DelaySeconds": "5"})), url);
    assert_eq!(client.create("orders", json!({})), url, "what is not given is not compared");
    for wire in BOTH {
        let call =
            json!({"QueueName": "orders", "Attributes": {"DelaySeconds": "5", "VisibilityTimeout": "1"}});
        let fault = client.refused(wire, "CreateQueue", &call);
        assert_eq!(fault.code, "QueueAlreadyExists");
        assert!(fault.message.ends_with("different value for attribute VisibilityTimeout"));
    }
}

#[test]
fn names_are_checked_with_the_kind_of_queue() {
    let client = Client::new();
    let long = "x".repeat(81);
    for (name, attributes) in [
        ("a b", json!({})),
        ("", json!({})),
        (&*long, json!({})),
        ("plain.fifo", json!({})),
        ("plain", json!({"FifoQueue": "true"})),
    ] {
        let call = json!({"QueueName": name, "Attributes": attributes});
        let fault = client.refused(Wire::Json, "CreateQueue", &call);
        assert!(matches!(&*fault.code, "InvalidParameterValue" | "MissingParameter"), "{name}: {fault:?}");
    }
    client.create("good.fifo", json!({"FifoQueue": "true"}));
}

#[test]
fn all_attributes_of_a_new_queue_are_those_that_amazon_shows() {
    let client = Client::new();
    let standard = attributes(&client, &client.create("s", json!({})), &["All"]);
    let expected = json!({
        "ApproximateNumberOfMessages": "0", "ApproximateNumberOfMessagesDelayed": "0",
        "ApproximateNumberOfMessagesNotVisible": "0", "CreatedTimestamp": "1700000000", "DelaySeconds": "0",
        "LastModifiedTimestamp": "1700000000", "MaximumMessageSize": "1048576", "MessageRetentionPeriod": "345600",
        "QueueArn": "arn:aws:sqs:us-east-1:000000000000:s", "ReceiveMessageWaitTimeSeconds": "0",
        "SqsManagedSseEnabled": "true", "VisibilityTimeout": "30",
    });
    assert_eq!(standard, expected);
    let fifo = attributes(&client, &client.create("f.fifo", json!({"FifoQueue": "true"})), &["All"]);
    assert_eq!(fifo["FifoQueue"], "true");
    assert_eq!(fifo["ContentBasedDeduplication"], "false");
    assert_eq!(fifo["DeduplicationScope"], "queue");
    assert_eq!(fifo["FifoThroughputLimit"], "perQueue");
    let query = client.query("GetQueueAttributes", &json!({"QueueUrl": "s", "AttributeNames": ["QueueArn"]}));
    let text = String::from_utf8(query.response().body.to_vec()).unwrap();
    assert!(text.contains("<GetQueueAttributesResult><Attribute><Name>QueueArn</Name><Value>arn:aws:sqs:us-east-1:000000000000:s</Value></Attribute></GetQueueAttributesResult>"), "{text}");
}

#[test]
fn attributes_are_changed_and_shown() {
    let client = Client::new();
    let dead = client.create("dead", json!({}));
    let url = client.create("q", json!({}));
    let arn = attributes(&client, &dead, &["QueueArn"])["QueueArn"].clone();
    let policy = json!({"deadLetterTargetArn": arn, "maxReceiveCount": 3}).to_string();
    client.broker.advance_ms(5000);
    client.call(
        "SetQueueAttributes",
        json!({"QueueUrl": url, "Attributes": {"RedrivePolicy": policy, "VisibilityTimeout": "69"}}),
    );
    let shown = attributes(&client, &url, &["RedrivePolicy", "VisibilityTimeout", "LastModifiedTimestamp"]);
    assert_eq!(
        shown,
        json!({"RedrivePolicy": policy, "VisibilityTimeout": "69", "LastModifiedTimestamp": "1700000005"})
    );
    let sources = client.call("ListDeadLetterSourceQueues", json!({"QueueUrl": dead}));
    assert_eq!(sources, json!({"queueUrls": [url]}));
    let none = client.call("ListDeadLetterSourceQueues", json!({"QueueUrl": url}));
    assert_eq!(none, json!({"queueUrls": []}));
    for (target, reason) in [
        ("arn:aws:sqs:us-east-1:000000000000:nobody", "Dead letter target does not exist."),
        ("arn:aws:sqs:us-east-1:000000000000:f.fifo", "must also be a FIFO queue"),
        ("arn:aws:sqs:eu-west-1:000000000000:dead", "same account and region"),
    ] {
        let policy = json!({"deadLetterTargetArn": target, "maxReceiveCount": 3}).to_string();
        let call = json!({"QueueUrl": url, "Attributes": {"RedrivePolicy": policy}});
        let fault = client.refused(Wire::Query, "SetQueueAttributes", &call);
        assert!(fault.message.contains(reason), "{fault:?}");
    }
    client.call("SetQueueAttributes", json!({"QueueUrl": dead, "Attributes": {"RedriveAllowPolicy": "{\"redrivePermission\":\"denyAll\"}"}}));
    let fault = client.refused(
        Wire::Json,
        "CreateQueue",
        &json!({"QueueName": "other", "Attributes": {"RedrivePolicy": policy}}),
    );
    assert!(fault.message.contains("does not allow this queue as a source"), "{fault:?}");
    client.call("SetQueueAttributes", json!({"QueueUrl": url, "Attributes": {"RedrivePolicy": ""}}));
    assert_eq!(attributes(&client, &url, &["RedrivePolicy"]), Value::Null);
    let fault = client.refused(
        Wire::Json,
        "GetQueueAttributes",
        &json!({"QueueUrl": url, "AttributeNames": ["Colour"]}),
    );
    assert_eq!(fault.message, "Unknown Attribute Colour.");
}

#[test]
fn lists_are_in_the_order_of_names_and_in_pages() {
    let client = Client::new();
    assert_eq!(client.call("ListQueues", json!({})), json!({}));
    for name in ["b", "a2", "a1", "a3"] {
        client.create(name, json!({}));
    }
    let url = |name: &str| format!("http://{HOST}/000000000000/{name}");
    let all = client.call("ListQueues", json!({}));
    assert_eq!(all, json!({"QueueUrls": [url("a1"), url("a2"), url("a3"), url("b")]}));
    let page = client.call("ListQueues", json!({"QueueNamePrefix": "a", "MaxResults": 2}));
    assert_eq!(page["QueueUrls"], json!([url("a1"), url("a2")]));
    let rest = client
        .call("ListQueues", json!({"QueueNamePrefix": "a", "MaxResults": 2, "NextToken": page["NextToken"]}));
    assert_eq!(rest, json!({"QueueUrls": [url("a3")]}));
    let query = client.query("ListQueues", &json!({"QueueNamePrefix": "b"})).response();
    let text = std::str::from_utf8(&query.body).unwrap();
    assert!(
        text.contains(&format!("<ListQueuesResult><QueueUrl>{}</QueueUrl></ListQueuesResult>", url("b"))),
        "{text}"
    );
    for max in [0, 1001] {
        let fault = client.refused(Wire::Json, "ListQueues", &json!({"MaxResults": max}));
        assert_eq!(fault.code, "InvalidParameterValue");
    }
}

#[test]
fn accounts_and_regions_keep_their_queues_apart() {
    let client = Client::new();
    let ask = |key: &str, region: &str, action: &str, body: &str| {
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={key}/20260101/{region}/sqs/aws4_request, SignedHeaders=host, Signature=0"
        );
        let target = format!("AmazonSQS.{action}");
        let headers: [(&str, &[u8]); 3] = [
            ("authorization", authorization.as_bytes()),
            ("x-amz-target", target.as_bytes()),
            ("x-amz-date", b"20260101T000000Z"),
        ];
        client
            .send(&millstream_front::http::Request {
                method: "POST",
                path: "/",
                query: "",
                headers: &headers,
                body: body.as_bytes(),
                is_tls: false,
                peer: None,
            })
            .response()
    };
    let text =
        |key, region, action, body| String::from_utf8(ask(key, region, action, body).body.to_vec()).unwrap();
    let created = text("123456789012", "eu-west-1", "CreateQueue", r#"{"QueueName":"q"}"#);
    assert_eq!(
        created, r#"{"QueueUrl":"http://127.0.0.1:4566/123456789012/q"}"#,
        "without a host the broker's own"
    );
    assert_eq!(text("test", "us-east-1", "ListQueues", "{}"), "{}");
    assert_eq!(text("test", "eu-west-1", "ListQueues", "{}"), "{}");
    assert!(text("123456789012", "eu-west-1", "ListQueues", "").contains("/123456789012/q"));
    let arn = text(
        "123456789012",
        "eu-west-1",
        "GetQueueAttributes",
        r#"{"QueueUrl":"q","AttributeNames":["QueueArn"]}"#,
    );
    assert!(arn.contains("arn:aws:sqs:eu-west-1:123456789012:q"), "{arn}");
    let other = r#"{"QueueName":"q","QueueOwnerAWSAccountId":"123456789012"}"#;
    assert_eq!(ask("test", "eu-west-1", "GetQueueUrl", other).status, 200);
    assert_eq!(ask("test", "eu-west-1", "GetQueueUrl", r#"{"QueueName":"q"}"#).status, 400);
    assert_eq!(ask("test", "eu-west-1", "SendMessage", r#"{"QueueUrl":"q","MessageBody":"b"}"#).status, 400);
    let names =
        || -> Vec<String> { client.broker.namespaces().iter().map(|entry| entry.name.to_string()).collect() };
    assert_eq!(names(), ["123456789012/eu-west-1", "default"], "whoever only asks makes none");
    client.broker.restart();
    assert_eq!(names().len(), 2);
    assert!(text("123456789012", "eu-west-1", "ListQueues", "").contains("/123456789012/q"));
}

#[test]
fn tags_are_put_on_and_taken_off() {
    let client = Client::new();
    let made = client.call("CreateQueue", json!({"QueueName": "q", "tags": {"a": "1"}}));
    let url = made["QueueUrl"].as_str().unwrap();
    for wire in BOTH {
        let response = client
            .start(wire, "TagQueue", &json!({"QueueUrl": url, "Tags": {"b": "2", "c": "ü"}}))
            .response();
        assert_eq!(response.status, 200);
        if wire == Wire::Json {
            assert!(response.body.is_empty());
        }
    }
    assert_eq!(
        client.call("ListQueueTags", json!({"QueueUrl": url})),
        json!({"Tags": {"a": "1", "b": "2", "c": "ü"}})
    );
    client.query("UntagQueue", &json!({"QueueUrl": url, "TagKeys": ["a", "c", "x"]})).response();
    let text = client.query("ListQueueTags", &json!({"QueueUrl": url})).response();
    let text = std::str::from_utf8(&text.body).unwrap();
    assert!(
        text.contains("<ListQueueTagsResult><Tag><Key>b</Key><Value>2</Value></Tag></ListQueueTagsResult>"),
        "{text}"
    );
    client.call("UntagQueue", json!({"QueueUrl": url, "TagKeys": ["b"]}));
    assert_eq!(client.call("ListQueueTags", json!({"QueueUrl": url})), json!({}));
    let many: serde_json::Map<String, Value> = (0..51).map(|n| (format!("k{n}"), "v".into())).collect();
    assert!(
        client
            .refused(Wire::Json, "TagQueue", &json!({"QueueUrl": url, "Tags": many}))
            .message
            .contains("50")
    );
    let long: serde_json::Map<String, Value> =
        (0..50).map(|n| (format!("{n}{}", "ü".repeat(100)), "ü".repeat(256).into())).collect();
    client.call("TagQueue", json!({"QueueUrl": url, "Tags": long.clone()}));
    assert_eq!(client.call("ListQueueTags", json!({"QueueUrl": url}))["Tags"], Value::Object(long));
}

#[test]
fn permissions_are_statements_of_the_policy() {
    let client = Client::new();
    let url = client.create("q", json!({}));
    let add = json!({"QueueUrl": url, "Label": "l", "AWSAccountIds": ["111111111111", "222222222222"], "Actions": ["SendMessage"]});
    assert_eq!(client.query("AddPermission", &add).response().status, 200);
    let policy: Value =
        serde_json::from_str(attributes(&client, &url, &["Policy"])["Policy"].as_str().unwrap()).unwrap();
    assert_eq!(policy["Statement"][0]["Principal"]["AWS"][1], "arn:aws:iam::222222222222:root");
    client.call("RemovePermission", json!({"QueueUrl": url, "Label": "l"}));
    assert_eq!(attributes(&client, &url, &["Policy"]), Value::Null);
}

#[test]
fn a_deleted_queue_is_gone_and_its_name_rests_a_minute() {
    let client = Client::new();
    let url = client.create("q", json!({}));
    client.call("DeleteQueue", json!({"QueueUrl": url}));
    assert_eq!(
        client.refused(Wire::Json, "DeleteQueue", &json!({"QueueUrl": url})).code,
        "AWS.SimpleQueueService.NonExistentQueue"
    );
    let again = client.refused(Wire::Query, "CreateQueue", &json!({"QueueName": "q"}));
    assert_eq!(again.code, "AWS.SimpleQueueService.QueueDeletedRecently");
    client.broker.advance_ms(60_000);
    client.create("q", json!({}));
}

#[test]
fn a_stream_of_another_front_becomes_a_queue_and_outlives_it() {
    let client = Client::new();
    client.broker.create_stream("topic", 1);
    assert_eq!(
        client.refused(Wire::Json, "GetQueueUrl", &json!({"QueueName": "topic"})).code,
        "AWS.SimpleQueueService.NonExistentQueue"
    );
    assert_eq!(client.call("ListQueues", json!({})), json!({}));
    let url = client.create("topic", json!({}));
    client.call("SendMessage", json!({"QueueUrl": url, "MessageBody": "b"}));
    assert!(client.call("ReceiveMessage", json!({"QueueUrl": url}))["Messages"][0]["Body"] == "b");
    client.call("DeleteQueue", json!({"QueueUrl": url}));
    assert_eq!(client.call("ListQueues", json!({})), json!({}));
    assert!(client.broker.has_stream("topic"));
}

#[test]
fn a_queue_can_be_named_by_the_path() {
    let client = Client::new();
    client.create("q", json!({}));
    let headers: [(&str, &[u8]); 1] = [("host", b"h:1")];
    let request = millstream_front::http::Request {
        method: "GET",
        path: "/000000000000/q",
        query: "Action=GetQueueUrl&QueueName=q",
        headers: &headers,
        body: b"",
        is_tls: true,
        peer: None,
    };
    let response = client.send(&request).response();
    let text = std::str::from_utf8(&response.body).unwrap();
    assert_eq!(element(text, "QueueUrl"), "https://h:1/000000000000/q");
    assert_eq!(element(text, "RequestId"), response.header("x-amzn-requestid").unwrap());
    let sent =
        millstream_front::http::Request { query: "Action=SendMessage&MessageBody=hello+world", ..request };
    assert_eq!(
        element(std::str::from_utf8(&client.send(&sent).response().body).unwrap(), "MD5OfMessageBody"),
        "5eb63bbbe01eeed093cb22bb8f5acdc3"
    );
}
