//! Move tasks: dead letters go back, or elsewhere, at a rate, over restarts; and every refusal that was recorded.

use crate::client::{BOTH, Client, Fault, Wire, element};
use millstream_core::catalog::{DeadLetterRoute, LeaseSetting, Setting};
use serde_json::{Value, json};

const ACCOUNT: &str = "arn:aws:sqs:us-east-1:000000000000";

fn arn(name: &str) -> String {
    format!("{ACCOUNT}:{name}")
}

/// Two queues whose dead letters go to a third; a message is one after its first receive.
fn queues() -> Client {
    let client = Client::new();
    client.create("dead", json!({}));
    for name in ["a", "b"] {
        let policy = json!({"deadLetterTargetArn": arn("dead"), "maxReceiveCount": 1}).to_string();
        client.create(name, json!({"RedrivePolicy": policy, "VisibilityTimeout": "0"}));
    }
    client
}

fn send(client: &Client, queue: &str, body: &str) {
    client.call("SendMessage", json!({"QueueUrl": queue, "MessageBody": body}));
}

/// Makes dead letters of everything in a queue.
fn bury(client: &Client, queue: &str) -> usize {
    for _ in 0..50 {
        client.call("ReceiveMessage", json!({"QueueUrl": queue, "MaxNumberOfMessages": 10}));
        client.broker.advance_ms(1);
    }
    client.broker.carry_out_moves()
}

fn counts(client: &Client, queue: &str) -> [String; 3] {
    let call = json!({"QueueUrl": queue, "AttributeNames": ["All"]});
    let reply = client.call("GetQueueAttributes", call);
    ["", "NotVisible", "Delayed"].map(|kind| {
        let count = &reply["Attributes"][format!("ApproximateNumberOfMessages{kind}")];
        count.as_str().expect("a count").to_owned()
    })
}

fn bodies(client: &Client, queue: &str) -> Vec<String> {
    let reply = client.call(
        "ReceiveMessage",
        json!({"QueueUrl": queue, "MaxNumberOfMessages": 10, "VisibilityTimeout": 30}),
    );
    let messages = reply["Messages"].as_array().cloned().unwrap_or_default();
    messages.iter().map(|message| message["Body"].as_str().expect("a body").to_owned()).collect()
}

fn start(client: &Client, parameters: Value) -> String {
    let reply = client.call("StartMessageMoveTask", parameters);
    reply["TaskHandle"].as_str().expect("a handle").to_owned()
}

fn tasks(client: &Client, max: u32) -> Vec<Value> {
    let reply = client.call("ListMessageMoveTasks", json!({"SourceArn": arn("dead"), "MaxResults": max}));
    reply["Results"].as_array().expect("a list").clone()
}

#[test]
fn dead_letters_go_back_to_where_each_came_from() {
    let client = queues();
    for (queue, body) in [("a", "1"), ("b", "2"), ("a", "3")] {
        send(&client, queue, body);
    }
    assert_eq!(bury(&client, "a") + bury(&client, "b"), 3);
    assert_eq!(counts(&client, "dead"), ["3", "0", "0"]);
    send(&client, "dead", "sent here");
    start(&client, json!({"SourceArn": arn("dead")}));
    assert_eq!(client.broker.carry_out_moves(), 3);
    client.broker.advance_ms(1_000);
    let listed = tasks(&client, 10);
    let started = millstream_testkit::broker::START_MS + 100;
    let expected = json!({
        "SourceArn": arn("dead"), "Status": "COMPLETED", "StartedTimestamp": started,
        "ApproximateNumberOfMessagesMoved": 4, "ApproximateNumberOfMessagesToMove": 4,
    });
    assert_eq!(listed, [expected]);
    assert_eq!(bodies(&client, "a"), ["1", "3"]);
    assert_eq!(bodies(&client, "b"), ["2"]);
    assert_eq!(bodies(&client, "dead"), ["sent here"], "nobody knows where it came from");
}

#[test]
fn dead_letters_that_came_by_a_route_are_known_and_go_back() {
    let client = Client::new();
    for name in ["dead", "other", "a", "b"] {
        client.create(name, json!({"VisibilityTimeout": "0"}));
    }
    client.broker.create_route("letters", "a", "dead");
    client.broker.create_route("letters", "b", "other");
    let by_route = |key: &str| {
        let route = DeadLetterRoute { route: "letters".into(), key: Some(key.into()) };
        [LeaseSetting::DeadLetterRoute(Some(route)), LeaseSetting::DeliveryLimit(Some(1))].map(Setting::Lease)
    };
    client.broker.set("a", by_route("a"));
    client.broker.set("b", by_route("b"));
    let sources = client.call("ListDeadLetterSourceQueues", json!({"QueueUrl": "dead"}));
    let urls = sources["queueUrls"].as_array().expect("a list");
    assert_eq!(urls.len(), 1, "b's go elsewhere: {urls:?}");
    assert!(urls[0].as_str().expect("an address").ends_with("/a"));
    send(&client, "a", "1");
    send(&client, "a", "2");
    assert_eq!(bury(&client, "a"), 2);
    assert_eq!(counts(&client, "dead"), ["2", "0", "0"]);
    start(&client, json!({"SourceArn": arn("dead")}));
    assert_eq!(client.broker.carry_out_moves(), 2);
    assert_eq!(bodies(&client, "a"), ["1", "2"]);
    let refused = client.refused(Wire::Json, "StartMessageMoveTask", &json!({"SourceArn": arn("a")}));
    assert_eq!(refused.message, "Source queue must be configured as a Dead Letter Queue.");
}

#[test]
fn a_task_moves_to_one_queue_at_its_rate_and_goes_on_after_a_restart() {
    let client = queues();
    client.create("other", json!({}));
    for n in 0..10 {
        send(&client, "dead", &n.to_string());
    }
    let parameters = json!({
        "SourceArn": arn("dead"), "DestinationArn": arn("other"), "MaxNumberOfMessagesPerSecond": 2,
    });
    let handle = start(&client, parameters);
    for _ in 0..2 {
        client.broker.advance_ms(1_000);
        client.broker.carry_out_moves();
    }
    let running = |moved: u64| {
        json!({
            "TaskHandle": handle, "Status": "RUNNING", "SourceArn": arn("dead"), "DestinationArn": arn("other"),
            "MaxNumberOfMessagesPerSecond": 2, "ApproximateNumberOfMessagesMoved": moved,
            "ApproximateNumberOfMessagesToMove": 10, "StartedTimestamp": millstream_testkit::broker::START_MS,
        })
    };
    assert_eq!(tasks(&client, 1), [running(4)]);
    client.broker.restart();
    assert_eq!(tasks(&client, 1), [running(4)]);
    client.broker.advance_ms(1_000);
    client.broker.restart();
    client.broker.carry_out_moves();
    assert_eq!(tasks(&client, 1), [running(6)]);
    for _ in 0..2 {
        client.broker.advance_ms(1_000);
        client.broker.carry_out_moves();
    }
    assert_eq!(tasks(&client, 1)[0]["Status"], "COMPLETED");
    assert_eq!(counts(&client, "dead"), ["0", "0", "0"]);
    assert_eq!(bodies(&client, "other"), ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
}

#[test]
fn a_cancelled_task_leaves_the_rest_and_another_may_begin() {
    for wire in BOTH {
        let client = queues();
        for n in 0..10 {
            send(&client, "dead", &n.to_string());
        }
        client.create("other", json!({}));
        let slow = json!({
            "SourceArn": arn("dead"), "DestinationArn": arn("other"), "MaxNumberOfMessagesPerSecond": 1,
        });
        let handle = start(&client, slow.clone());
        client.broker.advance_ms(2_000);
        client.broker.carry_out_moves();
        let cancel = json!({"TaskHandle": handle});
        for _ in 0..2 {
            let response = client.start(wire, "CancelMessageMoveTask", &cancel).response();
            let text = String::from_utf8(response.body.to_vec()).unwrap();
            assert_eq!(response.status, 200, "{text}");
            match wire {
                Wire::Json => assert_eq!(text, r#"{"ApproximateNumberOfMessagesMoved":2}"#),
                Wire::Query => assert_eq!(element(&text, "ApproximateNumberOfMessagesMoved"), "2"),
            }
        }
        client.broker.advance_ms(9_000);
        assert_eq!(client.broker.carry_out_moves(), 0);
        let cancelled = &tasks(&client, 1)[0];
        assert_eq!((&cancelled["Status"], cancelled.get("TaskHandle")), (&json!("CANCELLED"), None));
        assert_eq!(counts(&client, "dead"), ["8", "0", "0"]);
        start(&client, slow);
        let statuses: Vec<Value> = tasks(&client, 10).iter().map(|task| task["Status"].clone()).collect();
        assert_eq!(statuses, ["RUNNING", "CANCELLED"]);
        let listed = json!({"SourceArn": arn("dead"), "MaxResults": 2});
        let text = client.query("ListMessageMoveTasks", &listed).response().body;
        let text = String::from_utf8(text.to_vec()).unwrap();
        assert_eq!(text.matches("<ListMessageMoveTasksResultEntry>").count(), 2, "{text}");
        assert_eq!(element(&text, "MaxNumberOfMessagesPerSecond"), "1");
    }
}

#[test]
fn a_task_whose_destination_is_deleted_fails() {
    let client = queues();
    client.create("other", json!({}));
    for n in 0..10 {
        send(&client, "dead", &n.to_string());
    }
    let parameters = json!({
        "SourceArn": arn("dead"), "DestinationArn": arn("other"), "MaxNumberOfMessagesPerSecond": 1,
    });
    let handle = start(&client, parameters);
    client.broker.advance_ms(3_000);
    client.broker.carry_out_moves();
    client.call("DeleteQueue", json!({"QueueUrl": "other"}));
    client.broker.advance_ms(1_000);
    let failed = &tasks(&client, 1)[0];
    assert_eq!(failed["Status"], "FAILED");
    assert_eq!(failed["FailureReason"], "AWS.SimpleQueueService.NonExistentQueue");
    assert_eq!(failed["ApproximateNumberOfMessagesMoved"], 3);
    assert_eq!(counts(&client, "dead"), ["7", "0", "0"]);
    let late = client.refused(Wire::Json, "CancelMessageMoveTask", &json!({"TaskHandle": handle}));
    assert_eq!((late.status, &*late.message), (400, "Only active tasks can be cancelled."));
}

#[test]
fn only_so_many_tasks_are_remembered_the_newest_first() {
    let client = queues();
    for n in 0..12 {
        send(&client, "dead", "x");
        start(&client, json!({"SourceArn": arn("dead"), "MaxNumberOfMessagesPerSecond": 500 - n}));
        client.broker.advance_ms(1_000);
        client.broker.carry_out_moves();
    }
    let rates: Vec<i64> = tasks(&client, 10)
        .iter()
        .map(|task| task["MaxNumberOfMessagesPerSecond"].as_i64().unwrap())
        .collect();
    assert_eq!(rates, (489..=498).collect::<Vec<i64>>());
    let newest = client.call("ListMessageMoveTasks", json!({"SourceArn": arn("dead")}));
    assert_eq!(newest["Results"].as_array().unwrap().len(), 1);
}

/// What Amazon answered, recorded; the last column is what provokes it.
#[test]
fn recorded_refusals() {
    let client = queues();
    client.create("plain", json!({}));
    let task = |task: &str, source: &str| {
        use base64::Engine as _;
        let json = json!({"taskId": task, "sourceArn": source}).to_string();
        json!({"TaskHandle": base64::engine::general_purpose::STANDARD.encode(json)})
    };
    send(&client, "dead", "x");
    let slow = json!({"SourceArn": arn("dead"), "MaxNumberOfMessagesPerSecond": 1});
    start(&client, slow.clone());
    const NO_SOURCE: &str = "The resource that you specified for the SourceArn parameter doesn't exist.";
    const NO_DESTINATION: &str =
        "The resource that you specified for the DestinationArn parameter doesn't exist.";
    const RUNNING: &str = "There is already a task running. Only one active task is allowed for a source queue arn at a given time.";
    let (value, resource) = ("InvalidParameterValue", "ResourceNotFoundException");
    let recorded = [
        (
            400,
            value,
            "Source queue must be configured as a Dead Letter Queue.",
            "StartMessageMoveTask",
            json!({"SourceArn": arn("plain")}),
        ),
        (
            400,
            value,
            "Value for parameter TaskHandle is invalid.",
            "CancelMessageMoveTask",
            json!({"TaskHandle": "foobared"}),
        ),
        (
            404,
            resource,
            NO_SOURCE,
            "CancelMessageMoveTask",
            task("6df04f6f-8aa7-4a5f-b6bb-3f8b4c5b0c39", &arn("nowhere")),
        ),
        (
            404,
            resource,
            "Task does not exist.",
            "CancelMessageMoveTask",
            task("6df04f6f-8aa7-4a5f-b6bb-3f8b4c5b0c39", &arn("dead")),
        ),
        (
            404,
            resource,
            NO_DESTINATION,
            "StartMessageMoveTask",
            json!({"SourceArn": arn("dead"), "DestinationArn": arn("nowhere")}),
        ),
        (404, resource, NO_SOURCE, "StartMessageMoveTask", json!({"SourceArn": arn("nowhere")})),
        (404, resource, NO_SOURCE, "ListMessageMoveTasks", json!({"SourceArn": "no name at all"})),
        (400, value, RUNNING, "StartMessageMoveTask", slow),
    ];
    for (status, code, message, action, parameters) in recorded {
        for wire in BOTH {
            let Fault { status: got, code: named, message: said, .. } =
                client.refused(wire, action, &parameters);
            assert_eq!((got, &*named, &*said), (status, code, message), "{action} {parameters} {wire:?}");
        }
    }
}

#[test]
fn parameters_are_checked() {
    let client = queues();
    client.create("other.fifo", json!({"FifoQueue": "true"}));
    let source = arn("dead");
    for (action, parameters, says) in [
        ("StartMessageMoveTask", json!({}), "must contain the parameter SourceArn"),
        ("ListMessageMoveTasks", json!({}), "must contain the parameter SourceArn"),
        ("CancelMessageMoveTask", json!({}), "must contain the parameter TaskHandle"),
        (
            "StartMessageMoveTask",
            json!({"SourceArn": source, "MaxNumberOfMessagesPerSecond": 0}),
            "Must be between 1 and 500",
        ),
        (
            "StartMessageMoveTask",
            json!({"SourceArn": source, "MaxNumberOfMessagesPerSecond": 501}),
            "Must be between 1 and 500",
        ),
        ("ListMessageMoveTasks", json!({"SourceArn": source, "MaxResults": 0}), "Must be between 1 and 10"),
        ("ListMessageMoveTasks", json!({"SourceArn": source, "MaxResults": 11}), "Must be between 1 and 10"),
        (
            "StartMessageMoveTask",
            json!({"SourceArn": source, "DestinationArn": source}),
            "another than the source",
        ),
        (
            "StartMessageMoveTask",
            json!({"SourceArn": source, "DestinationArn": arn("other.fifo")}),
            "same queue type",
        ),
    ] {
        for wire in BOTH {
            let fault = client.refused(wire, action, &parameters);
            assert_eq!(fault.status, 400);
            assert!(fault.message.contains(says), "{action} {parameters}: {}", fault.message);
        }
    }
}

/// What every header of a dead letter is called, and what one from the queue `victim` would say.
const FORGED: [(&str, &str); 6] = [
    ("dead-letter.reason", "limit"),
    ("dead-letter.source", "victim"),
    ("dead-letter.log", "0"),
    ("dead-letter.offset", "0"),
    ("dead-letter.deliveries", "1"),
    ("dead-letter.time", "1"),
];

#[test]
fn an_attribute_that_is_called_as_a_reserved_header_is_an_attribute() {
    let client = queues();
    client.create("victim", json!({}));
    let attributes: serde_json::Map<String, Value> = FORGED
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!({"DataType": "String", "StringValue": value})))
        .collect();
    client.call(
        "SendMessage",
        json!({"QueueUrl": "dead", "MessageBody": "x", "MessageAttributes": attributes}),
    );
    start(&client, json!({"SourceArn": arn("dead")}));
    assert_eq!(client.broker.carry_out_moves(), 0, "nobody knows where it came from");
    let wish = json!({"QueueUrl": "dead", "AttributeNames": ["All"], "MessageAttributeNames": ["All"]});
    let message = client.call("ReceiveMessage", wish)["Messages"][0].take();
    assert_eq!(message["MessageAttributes"], Value::Object(attributes));
    assert_eq!(message["Attributes"].get("DeadLetterQueueSourceArn"), None);
}

#[test]
fn a_producer_of_another_protocol_cannot_have_a_record_taken_to_where_it_likes() {
    use millstream_types::RecordTime;
    use millstream_types::batch::{BatchBuilder, Compression};
    let client = queues();
    client.create("victim", json!({}));
    let headers = FORGED.map(|(name, value)| (name, Some(value.as_bytes())));
    let mut builder = BatchBuilder::new();
    builder.push(RecordTime(1), None, Some(b"x"), &headers).expect("it fits");
    client.broker.append("dead", builder.finish(Compression::None).expect("it needs no compression"));
    start(&client, json!({"SourceArn": arn("dead")}));
    assert_eq!(client.broker.carry_out_moves(), 0, "the queue that it names sends no dead letters here");
    assert_eq!(counts(&client, "victim"), ["0", "0", "0"]);
    assert_eq!(counts(&client, "dead"), ["1", "0", "0"]);
}
