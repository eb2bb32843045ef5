//! Limits of a queue: how much of it may be out, for how long, and what its counts say at every moment.

use crate::client::{BOTH, Client};
use bytes::Bytes;
use millstream_core::lease::{Acquire, Binding, HolderId, LeaseGroupId, LeaseReply, LeaseRequest};
use millstream_core::{Reply, Request};
use millstream_front::Backend;
use millstream_types::batch::{BatchBuilder, Compression};
use millstream_types::{Namespace, RecordTime};
use serde_json::{Value, json};

/// Messages of one queue that may be out: Amazon's number.
const IN_FLIGHT_MAX: u64 = 120_000;
/// Records of one acquire: the core's number.
const AT_ONCE: u64 = 1_024;

fn records(count: u64) -> Bytes {
    let mut builder = BatchBuilder::new();
    for n in 0..count {
        // A key each, so that on a FIFO queue no message holds up another.
        let key = n.to_string();
        builder.push(RecordTime(1), Some(key.as_bytes()), Some(b"v"), &[]).expect("it is small");
    }
    builder.finish(Compression::None).expect("it needs no compression")
}

/// Takes records out as receivers do, only more at once.
fn take_out(client: &Client, queue: &str, mut count: u64) {
    let stream = client.broker.stream(Namespace::DEFAULT, queue).expect("it exists").id;
    while count > 0 {
        let acquire = Acquire {
            group: LeaseGroupId::default_of(stream),
            holder: HolderId(1),
            binding: Binding::Timed { timeout_ms: Some(60_000) },
            records_max: u32::try_from(count.min(AT_ONCE)).expect("few"),
            wait_ms: 0,
            priority: 0,
            leased_max: None,
            attempt: None,
        };
        let reply = client.broker.ask(Request::Lease(Box::new(LeaseRequest::Acquire(acquire))));
        let Some(Reply::Lease(reply)) = reply else { panic!("{reply:?}") };
        let LeaseReply::Acquired(acquired) = *reply else { panic!("{reply:?}") };
        assert!(!acquired.records.is_empty(), "there are enough");
        count -= acquired.records.len() as u64;
    }
}

fn counts(client: &Client, queue: &str) -> [u64; 3] {
    let wish = json!({"QueueUrl": queue, "AttributeNames": ["All"]});
    let reply = client.call("GetQueueAttributes", wish);
    ["", "NotVisible", "Delayed"].map(|kind| {
        let count = &reply["Attributes"][format!("ApproximateNumberOfMessages{kind}")];
        count.as_str().expect("a count").parse().expect("a number")
    })
}

fn received(reply: &Value) -> usize {
    reply["Messages"].as_array().map_or(0, Vec::len)
}

#[test]
fn no_more_than_so_many_messages_are_out() {
    let client = Client::new();
    client.create("q", json!({}));
    client.broker.append("q", records(IN_FLIGHT_MAX + 10));
    take_out(&client, "q", IN_FLIGHT_MAX - 3);
    assert_eq!(counts(&client, "q"), [13, IN_FLIGHT_MAX - 3, 0]);
    let receive = json!({"QueueUrl": "q", "MaxNumberOfMessages": 10});
    let last = client.call("ReceiveMessage", receive.clone());
    assert_eq!(received(&last), 3, "as many as may be out");
    for wire in BOTH {
        let over = client.refused(wire, "ReceiveMessage", &receive);
        assert_eq!((over.status, &*over.code), (403, "OverLimit"));
    }
    let waits = json!({"QueueUrl": "q", "MaxNumberOfMessages": 10, "WaitTimeSeconds": 5});
    let mut waiting = client.json("ReceiveMessage", &waits);
    assert!(waiting.is_waiting(), "whoever waits is not refused");
    client.broker.advance_ms(5_000);
    waiting.go_on();
    assert_eq!(received(&waiting.result()), 0);

    let mut waiting = client.json("ReceiveMessage", &waits);
    let handle = &last["Messages"][0]["ReceiptHandle"];
    client.call("DeleteMessage", json!({"QueueUrl": "q", "ReceiptHandle": handle}));
    waiting.go_on();
    assert_eq!(received(&waiting.result()), 1, "one is done with, so one more may be out");
    assert_eq!(counts(&client, "q"), [9, IN_FLIGHT_MAX, 0]);
}

#[test]
fn a_fifo_queue_with_all_that_may_be_out_looks_empty() {
    let client = Client::new();
    client.create("q.fifo", json!({"FifoQueue": "true"}));
    for n in 0..10 {
        let send = json!({"QueueUrl": "q.fifo", "MessageBody": "b", "MessageGroupId": n.to_string(), "MessageDeduplicationId": n.to_string()});
        client.call("SendMessage", send);
    }
    let receive = json!({"QueueUrl": "q.fifo", "MaxNumberOfMessages": 10});
    let response = client.json_while(millstream_types::ErrorKind::TooManyLeased, "ReceiveMessage", &receive);
    assert_eq!((response.status, &response.body[..]), (200, &b"{}"[..]));
    assert_eq!(received(&client.call("ReceiveMessage", receive)), 10);
}

#[test]
fn counts_are_the_same_after_a_restart() {
    let client = Client::new();
    client.create("dead", json!({}));
    let policy =
        json!({"deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:dead", "maxReceiveCount": 1});
    client.create("q", json!({"RedrivePolicy": policy.to_string(), "VisibilityTimeout": "60"}));
    for n in 0..10 {
        client.call("SendMessage", json!({"QueueUrl": "q", "MessageBody": n.to_string()}));
    }
    for _ in 0..3 {
        client.call("SendMessage", json!({"QueueUrl": "q", "MessageBody": "later", "DelaySeconds": 120}));
    }
    let first = client
        .call("ReceiveMessage", json!({"QueueUrl": "q", "MaxNumberOfMessages": 2, "VisibilityTimeout": 1}));
    client.call("ReceiveMessage", json!({"QueueUrl": "q", "MaxNumberOfMessages": 3}));
    let handle = &first["Messages"][0]["ReceiptHandle"];
    client.call("DeleteMessage", json!({"QueueUrl": "q", "ReceiptHandle": handle}));
    let check = |expected: [u64; 3]| {
        assert_eq!(counts(&client, "q"), expected);
        client.broker.restart();
        assert_eq!(counts(&client, "q"), expected, "after a restart");
    };
    check([5, 4, 3]);
    client.broker.advance_ms(1_000);
    // The other of the first two is visible again until somebody receives: then it is a dead letter.
    check([6, 3, 3]);
    assert_eq!(received(&client.call("ReceiveMessage", json!({"QueueUrl": "q"}))), 1);
    check([4, 5, 3]);
    client.broker.carry_out_moves();
    check([4, 4, 3]);
    assert_eq!(counts(&client, "dead"), [1, 0, 0]);
    client.broker.advance_ms(120_000);
    client.broker.carry_out_moves();
    let [visible, out, delayed] = counts(&client, "q");
    assert_eq!((visible + out, delayed), (4 + 4 + 3, 0), "what came back and what came due");
    client.call("PurgeQueue", json!({"QueueUrl": "q"}));
    check([0, 0, 0]);
}

#[test]
fn a_receive_is_prolonged_to_twelve_hours_over_a_restart_and_no_longer() {
    let client = Client::new();
    client.create("q", json!({}));
    client.call("SendMessage", json!({"QueueUrl": "q", "MessageBody": "b"}));
    let reply = client.call("ReceiveMessage", json!({"QueueUrl": "q", "VisibilityTimeout": 43_200}));
    let keep = |seconds: u32| json!({"QueueUrl": "q", "ReceiptHandle": reply["Messages"][0]["ReceiptHandle"], "VisibilityTimeout": seconds});
    client.broker.advance_ms(11 * 3_600_000);
    client.broker.restart();
    for wire in BOTH {
        let told = client.refused(wire, "ChangeMessageVisibility", &keep(3_601));
        let says = "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]";
        assert!(told.message.ends_with(says), "{}", told.message);
    }
    client.call("ChangeMessageVisibility", keep(3_600));
    client.broker.advance_ms(3_599_000);
    assert_eq!(counts(&client, "q"), [0, 1, 0]);
    client.broker.advance_ms(1_000);
    assert_eq!(counts(&client, "q"), [1, 0, 0]);
}
