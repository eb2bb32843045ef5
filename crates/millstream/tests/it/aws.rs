//! What of the AWS front needs all that is real, from HTTP to recovery: a move task of SQS that goes on after `kill -9`, and
//! requests that no front sees.
//!
//! Apart because everything else about AWS is tested at the front.

use crate::process::{Broker, Scratch, millstream, stdout};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const MESSAGES: u64 = 8;
/// Longer than anything here takes.
const PATIENCE: u32 = 400;

fn start(scratch: &Scratch) -> Broker {
    let arguments = [
        "serve",
        "--json",
        "--listen-http",
        "off",
        "--listen-kafka",
        "127.0.0.1:0",
        "--listen-amqp",
        "off",
        "--listen-aws",
        "127.0.0.1:0",
    ];
    Broker::spawn(&mut millstream(scratch, &arguments))
}

/// A call that must succeed.
fn call(broker: &Broker, action: &str, parameters: &Value) -> Value {
    let address = broker.ready["listen"]["aws"].as_str().unwrap();
    let body = parameters.to_string();
    let request = format!(
        "POST / HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/x-amz-json-1.0\r\n\
         x-amz-target: AmazonSQS.{action}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{action}: {response}");
    serde_json::from_str(body).unwrap_or(Value::Null)
}

fn task(broker: &Broker, source: &str) -> Value {
    call(broker, "ListMessageMoveTasks", &json!({"SourceArn": source}))["Results"][0].take()
}

/// Waits until the task is as it should be.
fn wait(broker: &Broker, source: &str, is_it: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..PATIENCE {
        let task = task(broker, source);
        if is_it(&task) {
            return task;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("it never came so far: {}", task(broker, source));
}

#[test]
fn a_move_task_goes_on_after_a_kill_and_moves_everything_once() {
    let scratch = Scratch::new();
    let broker = start(&scratch);
    let arn = |name: &str| format!("arn:aws:sqs:us-east-1:000000000000:{name}");
    let policy = json!({"deadLetterTargetArn": arn("dead"), "maxReceiveCount": 1}).to_string();
    for (name, attributes) in
        [("dead", json!({})), ("other", json!({})), ("work", json!({"RedrivePolicy": policy}))]
    {
        call(&broker, "CreateQueue", &json!({"QueueName": name, "Attributes": attributes}));
    }
    let entries: Vec<Value> =
        (0..MESSAGES).map(|n| json!({"Id": n.to_string(), "MessageBody": n.to_string()})).collect();
    call(&broker, "SendMessageBatch", &json!({"QueueUrl": "dead", "Entries": entries}));
    let wish = json!({
        "SourceArn": arn("dead"), "DestinationArn": arn("other"), // Slow enough for a slow machine to be killed and started before the end.
        "MaxNumberOfMessagesPerSecond": 1,
    });
    call(&broker, "StartMessageMoveTask", &wish);
    let before =
        wait(&broker, &arn("dead"), |task| task["ApproximateNumberOfMessagesMoved"].as_u64() > Some(0));
    broker.signal("KILL");
    broker.end();

    let broker = start(&scratch);
    let after = task(&broker, &arn("dead"));
    for kept in ["StartedTimestamp", "TaskHandle", "DestinationArn", "ApproximateNumberOfMessagesToMove"] {
        assert_eq!(after[kept], before[kept], "{kept}");
    }
    let ended = wait(&broker, &arn("dead"), |task| task["Status"] == "COMPLETED");
    assert_eq!(ended["ApproximateNumberOfMessagesMoved"], MESSAGES);
    let mut bodies = BTreeSet::new();
    for _ in 0..PATIENCE {
        if bodies.len() as u64 == MESSAGES {
            break;
        }
        let receive = json!({"QueueUrl": "other", "MaxNumberOfMessages": 10, "WaitTimeSeconds": 1});
        let mut reply = call(&broker, "ReceiveMessage", &receive);
        for message in reply["Messages"].take().as_array().into_iter().flatten() {
            assert!(bodies.insert(message["Body"].as_str().unwrap().to_owned()), "{message} came twice");
        }
    }
    let counts = |queue: &str| {
        let wish = json!({"QueueUrl": queue, "AttributeNames": ["All"]});
        let mut reply = call(&broker, "GetQueueAttributes", &wish);
        ["", "NotVisible"]
            .map(|kind| reply["Attributes"][format!("ApproximateNumberOfMessages{kind}")].take())
    };
    assert_eq!(counts("dead"), ["0", "0"]);
    assert_eq!(counts("other"), ["0".to_owned(), MESSAGES.to_string()]);
}

#[test]
fn what_the_server_refuses_is_answered_in_the_protocol_of_whoever_asked() {
    let scratch = Scratch::new();
    let broker = start(&scratch);
    let address = broker.ready["listen"]["aws"].as_str().unwrap();
    for (kind, says) in [
        ("application/x-amz-json-1.0", "com.amazon.coral.service#RequestEntityTooLargeException"),
        ("application/x-www-form-urlencoded", "<Code>RequestEntityTooLarge</Code>"),
    ] {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let head = format!(
            "POST / HTTP/1.1\r\nhost: {address}\r\ncontent-type: {kind}\r\ncontent-length: 100000000\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut response = Vec::new();
        let mut chunk = [0; 4096];
        while !String::from_utf8_lossy(&response).contains(says) {
            let bytes = stream.read(&mut chunk).unwrap();
            assert!(bytes > 0, "{}", String::from_utf8_lossy(&response));
            response.extend_from_slice(&chunk[..bytes]);
        }
        let response = String::from_utf8(response).unwrap();
        assert!(response.starts_with("HTTP/1.1 413") && response.contains("x-amzn-requestid"), "{response}");
    }
}

#[test]
fn a_trace_runs_from_a_kafka_producer_through_a_dead_letter_to_an_sqs_consumer() {
    let scratch = Scratch::new();
    let broker = start(&scratch);
    let policy =
        json!({"deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:dead", "maxReceiveCount": 1});
    let attributes = json!({"RedrivePolicy": policy.to_string(), "VisibilityTimeout": "0"});
    call(&broker, "CreateQueue", &json!({"QueueName": "dead"}));
    call(&broker, "CreateQueue", &json!({"QueueName": "work", "Attributes": attributes}));
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let headers = [format!("traceparent={parent}"), "tracestate=vendor=opaque".to_owned()];
    let produce = ["produce", "work", "--value", "x", "-H", &headers[0], "-H", &headers[1]];
    stdout(millstream(&scratch, &produce).env("MILLSTREAM_BOOTSTRAP", &broker.kafka));
    let mut seen = BTreeSet::new();
    // The first delivery is the only one that there may be: whoever asks again finds it dead.
    for queue in ["work", "dead"].into_iter().cycle().take(2 * PATIENCE as usize) {
        let receive = json!({"QueueUrl": queue, "MessageAttributeNames": ["All"], "WaitTimeSeconds": 1});
        let reply = call(&broker, "ReceiveMessage", &receive);
        for message in reply["Messages"].as_array().into_iter().flatten() {
            let attribute = |name: &str| message["MessageAttributes"][name]["StringValue"].clone();
            assert_eq!(
                (attribute("traceparent"), attribute("tracestate")),
                (parent.into(), "vendor=opaque".into())
            );
            seen.insert(queue);
        }
        if seen.len() == 2 {
            return;
        }
    }
    panic!("it was seen in {seen:?} only");
}
