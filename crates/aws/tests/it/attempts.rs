//! Repeated attempts: a receive whose answer was lost is made again, and gets what it got.

use crate::client::{BOTH, Client};
use serde_json::{Value, json};

const QUEUE: &str = "q.fifo";

/// A queue with two groups of three messages.
fn queue() -> Client {
    let client = Client::new();
    client.create(QUEUE, json!({"FifoQueue": "true", "VisibilityTimeout": "30"}));
    for body in ["a1", "b1", "a2", "b2", "a3", "b3"] {
        let send = json!({
            "QueueUrl": QUEUE, "MessageBody": body, "MessageGroupId": body[..1], "MessageDeduplicationId": body,
        });
        client.call("SendMessage", send);
    }
    client
}

fn receive(client: &Client, attempt: &str) -> Vec<Value> {
    let wish = json!({
        "QueueUrl": QUEUE, "MaxNumberOfMessages": 3, "ReceiveRequestAttemptId": attempt,
        "AttributeNames": ["ApproximateReceiveCount"],
    });
    client.call("ReceiveMessage", wish)["Messages"].as_array().cloned().unwrap_or_default()
}

fn bodies(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["Body"].as_str().expect("a body")).collect()
}

/// The times in the handles differ; what they name must not.
fn without_handles(messages: &[Value]) -> Vec<Value> {
    let mut messages = messages.to_vec();
    messages.iter_mut().for_each(|message| message["ReceiptHandle"] = Value::Null);
    messages
}

fn delete(client: &Client, message: &Value) {
    client.call("DeleteMessage", json!({"QueueUrl": QUEUE, "ReceiptHandle": message["ReceiptHandle"]}));
}

#[test]
fn the_same_attempt_gets_the_same_messages_and_another_one_others() {
    let client = queue();
    let first = receive(&client, "one");
    assert_eq!(bodies(&first), ["a1", "a2", "a3"]);
    client.broker.advance_ms(29_000);
    let again = receive(&client, "one");
    assert_eq!(without_handles(&again), without_handles(&first), "the receive counts as well");
    assert_eq!(bodies(&receive(&client, "two")), ["b1", "b2", "b3"]);
    assert_eq!(bodies(&receive(&client, "three")), [""; 0]);
    // Handles of either answer are good.
    delete(&client, &first[0]);
    delete(&client, &again[1]);
}

#[test]
fn an_attempt_is_over_once_one_of_its_messages_was_touched() {
    for action in ["DeleteMessage", "ChangeMessageVisibility"] {
        let client = queue();
        let first = receive(&client, "one");
        let call =
            json!({"QueueUrl": QUEUE, "ReceiptHandle": first[2]["ReceiptHandle"], "VisibilityTimeout": 10});
        client.call(action, call);
        let next = receive(&client, "one");
        assert_eq!(bodies(&next), ["b1", "b2", "b3"], "it is a receive like any other after {action}");
    }
}

#[test]
fn an_attempt_is_over_with_its_time_and_with_a_restart() {
    let client = queue();
    assert_eq!(bodies(&receive(&client, "one")), ["a1", "a2", "a3"]);
    client.broker.advance_ms(30_000);
    assert_eq!(bodies(&receive(&client, "one")), ["b1", "b2", "b3"], "it is the other group's turn");
    let back = receive(&client, "two");
    assert_eq!(bodies(&back), ["a1", "a2", "a3"]);
    assert_eq!(back[0]["Attributes"]["ApproximateReceiveCount"], "2");
    client.broker.restart();
    assert_eq!(bodies(&receive(&client, "one")), [""; 0], "what is out stays out");
}

#[test]
fn attempts_are_for_fifo_queues_and_their_ids_are_checked() {
    let client = queue();
    client.create("plain", json!({}));
    for wire in BOTH {
        for (queue, attempt, says) in [
            ("plain", "one", "not valid for this queue type"),
            (
                QUEUE,
                "a b",
                "ReceiveRequestAttemptId can only include alphanumeric and punctuation characters",
            ),
        ] {
            let wish = json!({"QueueUrl": queue, "ReceiveRequestAttemptId": attempt});
            let told = client.refused(wire, "ReceiveMessage", &wish);
            assert_eq!((told.status, &*told.code), (400, "InvalidParameterValue"));
            assert!(told.message.contains(says), "{}", told.message);
        }
    }
}
