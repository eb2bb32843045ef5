//! Receiving: waiting, going away, and records that no SQS client sent.

use crate::client::Client;
use bytes::Bytes;
use millstream_types::batch::{BatchBuilder, Compression};
use millstream_types::dead_letter::{DeadLetter, DeathReason, History};
use millstream_types::{EngineTime, Offset, RecordTime};
use serde_json::{Value, json};

/// Key and value of a record.
type Record<'a> = (Option<&'a [u8]>, Option<&'a [u8]>);

fn batch(compression: Compression, records: &[Record<'_>]) -> Bytes {
    let mut builder = BatchBuilder::new();
    for (key, value) in records {
        builder.push(RecordTime(1_600_000_000_000), *key, *value, &[("trace", Some(b"t"))]).expect("it fits");
    }
    builder.finish(compression).expect("it can be compressed")
}

fn bodies(reply: &Value) -> Vec<&str> {
    reply["Messages"].as_array().map_or(Vec::new(), |messages| {
        messages.iter().map(|message| message["Body"].as_str().expect("a body")).collect()
    })
}

#[test]
fn a_receive_waits_for_a_message() {
    let client = Client::new();
    let url = client.create("q", json!({}));
    let mut waiting = client.json("ReceiveMessage", &json!({"QueueUrl": url, "WaitTimeSeconds": 20}));
    assert!(waiting.is_waiting());
    client.broker.advance_ms(19_999);
    waiting.go_on();
    assert!(waiting.is_waiting());
    client.call("SendMessage", json!({"QueueUrl": url, "MessageBody": "now"}));
    waiting.go_on();
    assert_eq!(bodies(&waiting.result()), ["now"]);
}

#[test]
fn a_receive_does_not_wait_longer_than_it_says() {
    let client = Client::new();
    let url = client.create("q", json!({"ReceiveMessageWaitTimeSeconds": "10"}));
    let call = json!({"QueueUrl": url, "WaitTimeSeconds": 0});
    assert_eq!(
        client.json("ReceiveMessage", &call).result(),
        json!({}),
        "0 takes the place of the queue's time"
    );
    let mut waiting = client.json("ReceiveMessage", &json!({"QueueUrl": url}));
    assert!(waiting.is_waiting());
    client.broker.advance_ms(10_000);
    waiting.go_on();
    assert_eq!(waiting.result(), json!({}));
}

#[test]
fn who_goes_away_takes_nothing_along() {
    let client = Client::new();
    let url = client.create("q", json!({}));
    let mut waiting = client.json("ReceiveMessage", &json!({"QueueUrl": url, "WaitTimeSeconds": 20}));
    waiting.abandon();
    client.call("SendMessage", json!({"QueueUrl": url, "MessageBody": "b"}));
    let system =
        json!({"QueueUrl": url, "AttributeNames": ["ApproximateReceiveCount"], "VisibilityTimeout": 0});
    let received = client.call("ReceiveMessage", system.clone());
    assert_eq!(received["Messages"][0]["Attributes"]["ApproximateReceiveCount"], "1");

    // The message comes in the moment in which the client goes.
    client.call("PurgeQueue", json!({"QueueUrl": url}));
    let mut waiting = client.json("ReceiveMessage", &json!({"QueueUrl": url, "WaitTimeSeconds": 20}));
    client.call("SendMessage", json!({"QueueUrl": url, "MessageBody": "c"}));
    waiting.abandon();
    assert!(!waiting.is_waiting());
    let received = client.call("ReceiveMessage", system);
    assert_eq!(bodies(&received), ["c"]);
    assert_eq!(
        received["Messages"][0]["Attributes"]["ApproximateReceiveCount"], "1",
        "it was never delivered"
    );
}

#[test]
fn compressed_batches_are_unpacked_record_by_record() {
    let client = Client::new();
    let url = client.create("q", json!({}));
    let codecs =
        [Compression::None, Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd];
    for codec in codecs {
        let records: [Record<'_>; 3] =
            [(Some(b"k"), Some(b"1")), (None, Some(b"2")), (Some(&[0xff]), Some(&[0xff]))];
        client.broker.append("q", batch(codec, &records));
        let call = json!({"QueueUrl": url, "MaxNumberOfMessages": 10, "AttributeNames": ["All"], "MessageAttributeNames": ["All"]});
        let reply = client.call("ReceiveMessage", call);
        assert_eq!(bodies(&reply), ["1", "2", "/w=="]);
        let messages = reply["Messages"].as_array().unwrap();
        assert_eq!(messages[0]["Attributes"]["MessageGroupId"], "k");
        assert_eq!(messages[0]["Attributes"]["SentTimestamp"], "1600000000000");
        assert_eq!(
            messages[0]["MessageAttributes"],
            json!({"trace": {"StringValue": "t", "DataType": "String"}})
        );
        assert_eq!(messages[2]["MessageAttributes"]["millstream.body-encoding"]["StringValue"], "base64");
        assert!(messages[2]["Attributes"].get("MessageGroupId").is_none());
    }
}

#[test]
fn a_receive_takes_from_the_middle_of_a_batch() {
    let client = Client::new();
    let url = client.create("q", json!({}));
    let texts: Vec<String> = (0..25).map(|n| n.to_string()).collect();
    let records: Vec<Record<'_>> = texts.iter().map(|text| (None, Some(text.as_bytes()))).collect();
    client.broker.append("q", batch(Compression::Lz4, &records));
    let mut seen = Vec::new();
    for _ in 0..9 {
        let reply = client.call("ReceiveMessage", json!({"QueueUrl": url, "MaxNumberOfMessages": 3}));
        seen.extend(bodies(&reply).into_iter().map(str::to_owned));
    }
    assert_eq!(seen, texts);
}

#[test]
fn holes_are_passed_over_while_there_is_time() {
    let client = Client::new();
    let url = client.create("q", json!({}));
    let control = {
        let mut builder = BatchBuilder::new().control();
        builder.push(RecordTime(0), Some(&[0, 0, 0, 1]), Some(&[0; 6]), &[]).unwrap();
        builder.finish(Compression::None).unwrap()
    };
    let mut waiting = client.json("ReceiveMessage", &json!({"QueueUrl": url, "WaitTimeSeconds": 20}));
    client.broker.append("q", control.clone());
    waiting.go_on();
    assert!(waiting.is_waiting(), "a control record is no message");
    client.broker.append("q", control);
    client.call("SendMessage", json!({"QueueUrl": url, "MessageBody": "after"}));
    while waiting.is_waiting() {
        waiting.go_on();
    }
    assert_eq!(bodies(&waiting.result()), ["after"]);
}

#[test]
fn a_reply_holds_ten_mebibytes_and_at_least_one_message() {
    let client = Client::new();
    let url = client.create("q", json!({}));
    let (large, small) = (vec![b'x'; 6 << 20], [b'y'; 10]);
    for value in [&large[..], &large, &small] {
        client.broker.append("q", batch(Compression::Lz4, &[(None, Some(value))]));
    }
    let call =
        json!({"QueueUrl": url, "MaxNumberOfMessages": 10, "AttributeNames": ["ApproximateReceiveCount"]});
    let first = client.call("ReceiveMessage", call.clone());
    assert_eq!(bodies(&first).len(), 1);
    let second = client.call("ReceiveMessage", call);
    let lengths: Vec<usize> = bodies(&second).iter().map(|body| body.len()).collect();
    assert_eq!(lengths, [6 << 20, 10]);
    assert_eq!(
        second["Messages"][0]["Attributes"]["ApproximateReceiveCount"], "1",
        "it was given back undelivered"
    );
}

#[test]
fn a_queue_that_is_deleted_ends_the_wait() {
    let client = Client::new();
    let url = client.create("q", json!({}));
    let reply = client.refused(
        crate::client::Wire::Json,
        "ReceiveMessage",
        &json!({"QueueUrl": url.replace("/q", "/r")}),
    );
    assert_eq!(reply.code, "AWS.SimpleQueueService.NonExistentQueue");
}

#[test]
fn a_group_with_a_message_out_is_held_back_and_others_are_not() {
    let client = Client::new();
    let url = client.create("q.fifo", json!({"FifoQueue": "true", "ContentBasedDeduplication": "true"}));
    let send = |group: &str, body: &str| {
        client.call("SendMessage", json!({"QueueUrl": url, "MessageBody": body, "MessageGroupId": group}));
    };
    let receive =
        |max: i64| client.call("ReceiveMessage", json!({"QueueUrl": url, "MaxNumberOfMessages": max}));
    ["a1", "a2", "a3"].iter().for_each(|body| send("a", body));
    let first = receive(1);
    assert_eq!(bodies(&first), ["a1"]);
    send("b", "b1");
    assert_eq!(bodies(&receive(10)), ["b1"], "the group a is held back");
    assert_eq!(bodies(&receive(10)), Vec::<&str>::new());
    let handle = &first["Messages"][0]["ReceiptHandle"];
    client.call("DeleteMessage", json!({"QueueUrl": url, "ReceiptHandle": handle}));
    assert_eq!(bodies(&receive(10)), ["a2", "a3"], "several of a group at once, in order");
    client.broker.advance_ms(30_000);
    let back = receive(10);
    let of_a: Vec<&str> = bodies(&back).into_iter().filter(|body| body.starts_with('a')).collect();
    assert_eq!(of_a, ["a2", "a3"], "what came back is in its order again");
}

#[test]
fn a_duplicate_is_answered_as_the_first_one_was() {
    let client = Client::new();
    let by_group = json!({"FifoQueue": "true", "DeduplicationScope": "messageGroup"});
    let (url, scoped) =
        (client.create("q.fifo", json!({"FifoQueue": "true"})), client.create("s.fifo", by_group));
    let send = |url: &str, group: &str, id: &str| {
        let call = json!({"QueueUrl": url, "MessageBody": "b", "MessageGroupId": group, "MessageDeduplicationId": id});
        let sent = client.call("SendMessage", call);
        (sent["MessageId"].clone(), sent["SequenceNumber"].clone())
    };
    let first = send(&url, "g", "1");
    assert_eq!(send(&url, "g", "1"), first);
    assert_eq!(send(&url, "other", "1"), first, "in the whole queue");
    let second = send(&url, "g", "2");
    assert_ne!(second, first);
    assert_ne!(send(&scoped, "g", "1"), send(&scoped, "other", "1"), "in each group for itself");
    let received = client.call("ReceiveMessage", json!({"QueueUrl": url, "MaxNumberOfMessages": 10}));
    assert_eq!(bodies(&received).len(), 2);
    for message in received["Messages"].as_array().unwrap() {
        client.call("DeleteMessage", json!({"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"]}));
    }
    client.broker.advance_ms(299_999);
    assert_eq!(send(&url, "g", "1"), first, "though it was deleted");
    client.broker.advance_ms(1);
    assert_ne!(send(&url, "g", "1"), first);
    let entries = json!([
        {"Id": "x", "MessageBody": "b", "MessageGroupId": "g", "MessageDeduplicationId": "9"},
        {"Id": "y", "MessageBody": "b", "MessageGroupId": "g", "MessageDeduplicationId": "9"},
    ]);
    let sent = client.call("SendMessageBatch", json!({"QueueUrl": url, "Entries": entries}));
    assert_eq!(sent["Successful"][0]["MessageId"], sent["Successful"][1]["MessageId"]);
}

#[test]
fn a_burst_of_one_tenant_does_not_starve_another() {
    let client = Client::new();
    let url = client.create("q", json!({}));
    let send = |tenant: &str, count: usize| {
        let entry = |n: usize| json!({"Id": n.to_string(), "MessageBody": tenant, "MessageGroupId": tenant});
        for _ in 0..count {
            let entries: Vec<Value> = (0..10).map(entry).collect();
            let sent = client.call("SendMessageBatch", json!({"QueueUrl": url, "Entries": entries}));
            assert_eq!(sent["Failed"], json!([]));
        }
    };
    send("noisy", 20);
    send("quiet", 1);
    client.call("SendMessage", json!({"QueueUrl": url, "MessageBody": "none"}));
    let received = client.call("ReceiveMessage", json!({"QueueUrl": url, "MaxNumberOfMessages": 10}));
    let of = |tenant: &str| bodies(&received).into_iter().filter(|body| *body == tenant).count();
    assert!(of("quiet") >= 4 && of("none") == 1, "{:?}", bodies(&received));
    let more = client.call("ReceiveMessage", json!({"QueueUrl": url, "MaxNumberOfMessages": 10}));
    assert_eq!(bodies(&more).len(), 10, "nobody is held back");
}

#[test]
fn nine_tenants_with_a_message_each_get_it_at_once_behind_ten_thousand_of_another() {
    let client = Client::new();
    let url = client.create("q", json!({}));
    let entry = |n: usize| json!({"Id": n.to_string(), "MessageBody": "noisy", "MessageGroupId": "noisy"});
    let entries: Vec<Value> = (0..10).map(entry).collect();
    for _ in 0..1_000 {
        client.call("SendMessageBatch", json!({"QueueUrl": url, "Entries": entries}));
    }
    for tenant in 1..=9 {
        let call = json!({"QueueUrl": url, "MessageBody": "quiet", "MessageGroupId": tenant.to_string()});
        client.call("SendMessage", call);
    }
    let received = client.call("ReceiveMessage", json!({"QueueUrl": url, "MaxNumberOfMessages": 10}));
    let quiet = bodies(&received).into_iter().filter(|body| *body == "quiet").count();
    assert_eq!(quiet, 9, "one of ten is the noisy one's: {:?}", bodies(&received));
}

#[test]
fn a_queue_over_several_logs_gives_all_it_has() {
    let client = Client::new();
    client.broker.create_stream("topic", 3);
    let url = client.create("topic", json!({}));
    let entries: Vec<Value> =
        (0..10).map(|n| json!({"Id": n.to_string(), "MessageBody": n.to_string()})).collect();
    let sent = client.call("SendMessageBatch", json!({"QueueUrl": url, "Entries": entries}));
    let id_of = |body: &str| {
        let entry = &sent["Successful"][body.parse::<usize>().unwrap()];
        assert_eq!(entry["Id"], body);
        entry["MessageId"].clone()
    };
    let mut seen = Vec::new();
    for _ in 0..10 {
        let reply = client.call("ReceiveMessage", json!({"QueueUrl": url, "MaxNumberOfMessages": 2}));
        for message in reply["Messages"].as_array().into_iter().flatten() {
            let body = message["Body"].as_str().unwrap();
            assert_eq!(message["MessageId"], id_of(body));
            seen.push(body.to_owned());
        }
    }
    seen.sort();
    assert_eq!(seen, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
}

#[test]
fn messages_far_apart_are_found_in_one_receive() {
    let client = Client::new();
    let url = client.create("q.fifo", json!({"FifoQueue": "true", "ContentBasedDeduplication": "true"}));
    for n in 0..120 {
        let (group, body) = (if n % 40 == 0 { "rare" } else { "often" }, n.to_string());
        client.call("SendMessage", json!({"QueueUrl": url, "MessageBody": body, "MessageGroupId": group}));
    }
    let mut seen = Vec::new();
    while seen.len() < 120 {
        let reply = client.call("ReceiveMessage", json!({"QueueUrl": url, "MaxNumberOfMessages": 10}));
        for message in reply["Messages"].as_array().expect("there are more") {
            seen.push(message["Body"].as_str().unwrap().parse::<usize>().unwrap());
            client.call("DeleteMessage", json!({"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"]}));
        }
    }
    let rare: Vec<usize> = seen.iter().copied().filter(|n| n % 40 == 0).collect();
    let often: Vec<usize> = seen.iter().copied().filter(|n| n % 40 != 0).collect();
    assert_eq!(rare, [0, 40, 80]);
    assert!(often.is_sorted(), "{often:?}");
}

#[test]
fn a_dead_letter_keeps_its_id_and_names_its_source() {
    let client = Client::new();
    let url = client.create("q", json!({}));
    let dead = client.create("dead", json!({}));
    let sent = client.call("SendMessage", json!({"QueueUrl": url, "MessageBody": "b"}));
    let letter = |source: &str| DeadLetter {
        reason: DeathReason::Limit,
        source: source.into(),
        log: 0,
        offset: Offset(0),
        deliveries: 3,
        time: EngineTime(1_700_000_000_000),
        history: History::default(),
    };
    for source in ["q", "gone", "no.queue"] {
        let headers = letter(source).headers();
        let headers: Vec<(&str, Option<&[u8]>)> =
            headers.iter().map(|(name, value)| (*name, Some(&value[..]))).collect();
        let mut builder = BatchBuilder::new();
        builder.push(RecordTime(1), None, Some(b"b"), &headers).unwrap();
        client.broker.append("dead", builder.finish(Compression::None).unwrap());
    }
    let call = json!({"QueueUrl": dead, "MaxNumberOfMessages": 10, "AttributeNames": ["All"], "MessageAttributeNames": ["All"]});
    let received = client.call("ReceiveMessage", call);
    let [first, gone, foreign] = &received["Messages"].as_array().unwrap()[..] else { panic!("{received}") };
    assert_eq!(first["MessageId"], sent["MessageId"]);
    assert!(gone["MessageId"] != sent["MessageId"] && gone["MessageId"] != foreign["MessageId"]);
    let arn = |message: &Value| message["Attributes"]["DeadLetterQueueSourceArn"].clone();
    assert_eq!(arn(first), "arn:aws:sqs:us-east-1:000000000000:q");
    assert_eq!(arn(gone), "arn:aws:sqs:us-east-1:000000000000:gone");
    assert_eq!(arn(foreign), Value::Null);
    assert!(first.get("MessageAttributes").is_none());
}
