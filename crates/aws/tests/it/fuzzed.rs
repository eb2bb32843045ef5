//! The fuzz target `aws_request`: calls of one client after the other, with the real shard behind the real front.
//!
//! Apart because the fuzzer (`fuzz/`) and an ordinary test run the same function, so that what was found once is
//! looked at in every test run.
//!
//! ```text
//! (kind u8 │ size u16 │ that many bytes)…
//! kind 0–63    AWS JSON: the action of this number in the registry, the bytes are its parameters
//!      64–127  Query: the bytes are the form
//!      128–191 an address: the bytes are path, query and one header, between line ends
//!      192–255 so many milliseconds pass, as `size` says; no bytes
//! ```
//!
//! In parameters and forms `$H` stands for the handle that was received last.

use crate::client::Client;
use millstream_aws::sqs::OPERATIONS;
use millstream_front::http::{Request, Response};
use serde_json::{Value, json};

/// A reply is at most so much longer than all requests together: everything in it was sent, or names a thing.
const REPLY_BYTES_MAX: usize = 1 << 20;

/// Runs one input; a panic is a finding.
pub(crate) fn run(data: &[u8]) {
    let client = Client::new();
    client.create("q", json!({"ReceiveMessageWaitTimeSeconds": "1"}));
    client.create("q.fifo", json!({"FifoQueue": "true"}));
    let mut handle = String::from("none");
    let mut rest = data;
    while let [kind, high, low, tail @ ..] = rest {
        let size = usize::from(u16::from_be_bytes([*high, *low]));
        if *kind >= 192 {
            client.broker.advance_ms(i64::try_from(size).expect("16 bits"));
            rest = tail;
            continue;
        }
        let (bytes, later) = tail.split_at(size.min(tail.len()));
        rest = later;
        let response = match kind {
            0..64 => by_json(&client, usize::from(*kind), &with_handle(bytes, &handle)),
            64..128 => by_form(&client, &with_handle(bytes, &handle)),
            _ => by_address(&client, bytes),
        };
        assert!(matches!(response.status, 200..=599), "{}", response.status);
        assert!(response.body.len() <= REPLY_BYTES_MAX);
        assert!(response.header("x-amzn-requestid").is_some());
        if let Ok(reply) = serde_json::from_slice::<Value>(&response.body)
            && let Some(received) = reply["Messages"][0]["ReceiptHandle"].as_str()
        {
            received.clone_into(&mut handle);
        }
    }
}

fn with_handle(bytes: &[u8], handle: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((byte, tail)) = rest.split_first() {
        match rest.strip_prefix(b"$H") {
            Some(after) => {
                out.extend_from_slice(handle.as_bytes());
                rest = after;
            }
            None => {
                out.push(*byte);
                rest = tail;
            }
        }
    }
    out
}

/// Sends a request; whoever waits goes away.
fn send(client: &Client, request: &Request<'_>) -> Response {
    let mut waiting = client.send(request);
    if waiting.is_waiting() {
        waiting.abandon();
    }
    waiting.response()
}

fn by_json(client: &Client, number: usize, body: &[u8]) -> Response {
    let action = OPERATIONS.get(number).map_or("Nothing", |operation| operation.name);
    let target = format!("AmazonSQS.{action}");
    let headers = [("x-amz-target", target.as_bytes())];
    send(
        client,
        &Request { method: "POST", path: "/", query: "", headers: &headers, body, is_tls: false, peer: None },
    )
}

fn by_form(client: &Client, body: &[u8]) -> Response {
    send(
        client,
        &Request { method: "POST", path: "/", query: "", headers: &[], body, is_tls: false, peer: None },
    )
}

fn by_address(client: &Client, bytes: &[u8]) -> Response {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.splitn(3, '\n');
    let (path, query, value) = (lines.next(), lines.next(), lines.next().unwrap_or_default());
    let headers = [("authorization", value.as_bytes()), ("host", value.as_bytes())];
    let (path, query) = (path.unwrap_or_default(), query.unwrap_or_default());
    send(
        client,
        &Request { method: "GET", path, query, headers: &headers, body: b"", is_tls: true, peer: None },
    )
}

#[cfg(test)]
mod tests {
    use super::run;
    use millstream_aws::sqs::OPERATIONS;
    use millstream_testkit::corpus;

    const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/aws_request");

    /// Calls that succeed, and some that do not, in both protocols.
    const CALLS: [(&str, &str); 23] = [
        (
            "SendMessage",
            r#"{"QueueUrl":"q","MessageBody":"b","DelaySeconds":1,"MessageAttributes":{"n":{"DataType":"Number","StringValue":"1"}}}"#,
        ),
        (
            "ReceiveMessage",
            r#"{"QueueUrl":"q","MaxNumberOfMessages":10,"AttributeNames":["All"],"MessageAttributeNames":["All"]}"#,
        ),
        ("ChangeMessageVisibility", r#"{"QueueUrl":"q","ReceiptHandle":"$H","VisibilityTimeout":1}"#),
        ("DeleteMessage", r#"{"QueueUrl":"q","ReceiptHandle":"$H"}"#),
        (
            "SendMessageBatch",
            r#"{"QueueUrl":"q.fifo","Entries":[{"Id":"1","MessageBody":"b","MessageGroupId":"g","MessageDeduplicationId":"d"}]}"#,
        ),
        ("DeleteMessageBatch", r#"{"QueueUrl":"q","Entries":[{"Id":"1","ReceiptHandle":"$H"}]}"#),
        (
            "ChangeMessageVisibilityBatch",
            r#"{"QueueUrl":"q","Entries":[{"Id":"1","ReceiptHandle":"$H","VisibilityTimeout":0}]}"#,
        ),
        ("CreateQueue", r#"{"QueueName":"r","Attributes":{"VisibilityTimeout":"5"},"tags":{"a":"b"}}"#),
        (
            "SetQueueAttributes",
            r#"{"QueueUrl":"q","Attributes":{"RedrivePolicy":"{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:r\",\"maxReceiveCount\":1}"}}"#,
        ),
        ("GetQueueAttributes", r#"{"QueueUrl":"http://h/000000000000/q","AttributeNames":["All"]}"#),
        ("GetQueueUrl", r#"{"QueueName":"q"}"#),
        ("ListQueues", r#"{"MaxResults":1}"#),
        ("ListDeadLetterSourceQueues", r#"{"QueueUrl":"r"}"#),
        ("TagQueue", r#"{"QueueUrl":"q","Tags":{"k":"v"}}"#),
        ("UntagQueue", r#"{"QueueUrl":"q","TagKeys":["k"]}"#),
        ("ListQueueTags", r#"{"QueueUrl":"q"}"#),
        ("AddPermission", r#"{"QueueUrl":"q","Label":"l","AWSAccountIds":["111111111111"],"Actions":["*"]}"#),
        ("RemovePermission", r#"{"QueueUrl":"q","Label":"l"}"#),
        (
            "StartMessageMoveTask",
            r#"{"SourceArn":"arn:aws:sqs:us-east-1:000000000000:r","MaxNumberOfMessagesPerSecond":1}"#,
        ),
        ("ListMessageMoveTasks", r#"{"SourceArn":"arn:aws:sqs:us-east-1:000000000000:r","MaxResults":10}"#),
        (
            "CancelMessageMoveTask",
            r#"{"TaskHandle":"eyJ0YXNrSWQiOiI2ZGYwNGY2Zi04YWE3LTRhNWYtYjZiYi0zZjhiNGM1YjBjMzkiLCJzb3VyY2VBcm4iOiJhcm46YXdzOnNxczp1cy1lYXN0LTE6MDAwMDAwMDAwMDAwOnIifQ=="}"#,
        ),
        ("PurgeQueue", r#"{"QueueUrl":"q"}"#),
        ("DeleteQueue", r#"{"QueueUrl":"q"}"#),
    ];

    fn call(kind: u8, bytes: &[u8]) -> Vec<u8> {
        let size = u16::try_from(bytes.len()).expect("a short call");
        [&[kind][..], &size.to_be_bytes(), bytes].concat()
    }

    fn seeds() -> Vec<(String, Vec<u8>)> {
        let mut all = Vec::new();
        let mut seeds = Vec::new();
        for (action, parameters) in CALLS {
            let number =
                OPERATIONS.iter().position(|operation| operation.name == action).expect("it is served");
            let one = call(u8::try_from(number).expect("few actions"), parameters.as_bytes());
            all.extend_from_slice(&one);
            seeds.push((action.to_owned(), one));
        }
        seeds.push(("all".to_owned(), all));
        let form = b"Action=SendMessage&QueueUrl=q&MessageBody=a+b&MessageAttribute.1.Name=n&MessageAttribute.1.Value.DataType=String&MessageAttribute.1.Value.StringValue=v";
        let later =
            [call(64, form), vec![192, 3, 232], call(64, b"Action=ReceiveMessage&QueueUrl=q")].concat();
        seeds.push(("form".to_owned(), later));
        let address = b"/000000000000/q\nAction=SendMessage&MessageBody=b&X-Amz-Algorithm=AWS4-HMAC-SHA256\nAWS4-HMAC-SHA256 Credential=k/20260101/eu-west-1/sqs/aws4_request, SignedHeaders=host, Signature=0";
        seeds.push(("address".to_owned(), call(128, address)));
        seeds
    }

    #[test]
    fn the_corpus_is_survived() {
        corpus::replay(CORPUS, run);
    }

    #[test]
    fn every_action_has_a_seed() {
        for operation in OPERATIONS {
            assert!(CALLS.iter().any(|(action, _)| *action == operation.name), "{}", operation.name);
        }
        seeds().iter().for_each(|(_, input)| run(input));
    }

    #[test]
    #[ignore = "writes seeds for the fuzzer; `cargo xtask fuzz --seeds` runs it"]
    fn write_seeds() {
        seeds().iter().for_each(|(name, input)| corpus::write_seed(CORPUS, name, input));
    }
}
