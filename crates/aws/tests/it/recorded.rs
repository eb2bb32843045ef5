//! Error replies that were recorded from Amazon, all of them, each provoked here in both protocols.
//!
//! Apart because the table is Amazon's, not ours: a row says what one protocol's reply held. Rows with a type were in
//! AWS JSON, where the type is in the body and the code in a header; rows without were in the Query protocol.

use crate::client::{BOTH, Client, Fault, Wire};
use serde_json::{Value, json};

/// Code, type, status, message. `<queue>` and `<handle>` stand for what differs from run to run.
const RECORDED: [(&str, &str, u16, &str); 61] = [
    (
        "AWS.SimpleQueueService.BatchRequestTooLong",
        "BatchRequestTooLong",
        400,
        "Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes.",
    ),
    (
        "AWS.SimpleQueueService.BatchRequestTooLong",
        "",
        400,
        "Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes.",
    ),
    ("AWS.SimpleQueueService.InvalidBatchEntryId", "InvalidBatchEntryId", 400, BATCH_ID),
    ("AWS.SimpleQueueService.InvalidBatchEntryId", "", 400, BATCH_ID),
    (
        "AWS.SimpleQueueService.NonExistentQueue",
        "",
        400,
        "The specified queue does not exist for this wsdl version.",
    ),
    (
        "AWS.SimpleQueueService.NonExistentQueue",
        "QueueDoesNotExist",
        400,
        "The specified queue does not exist.",
    ),
    (
        "AWS.SimpleQueueService.PurgeQueueInProgress",
        "PurgeQueueInProgress",
        403,
        "Only one PurgeQueue operation on <queue> is allowed every 60 seconds.",
    ),
    (
        "AWS.SimpleQueueService.PurgeQueueInProgress",
        "",
        403,
        "Only one PurgeQueue operation on <queue> is allowed every 60 seconds.",
    ),
    (
        "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
        "TooManyEntriesInBatchRequest",
        400,
        "Maximum number of entries per request are 10. You have sent 20.",
    ),
    (
        "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
        "",
        400,
        "Maximum number of entries per request are 10. You have sent 20.",
    ),
    ("InvalidAttributeName", "InvalidAttributeName", 400, "Unknown Attribute ContentBasedDeduplication."),
    ("InvalidAttributeName", "InvalidAttributeName", 400, "Unknown Attribute ContentBasedDeduplication."),
    ("InvalidAttributeName", "InvalidAttributeName", 400, "Unknown Attribute FifoQueue."),
    ("InvalidAttributeName", "", 400, "Unknown Attribute FifoQueue."),
    ("InvalidAttributeName", "InvalidAttributeName", 400, "Unknown Attribute FifoQueue."),
    (
        "InvalidAttributeName",
        "InvalidAttributeName",
        400,
        "You can specify the DeduplicationScope only when FifoQueue is set to true.",
    ),
    (
        "InvalidAttributeName",
        "InvalidAttributeName",
        400,
        "You can specify the DeduplicationScope only when FifoQueue is set to true.",
    ),
    (
        "InvalidAttributeName",
        "InvalidAttributeName",
        400,
        "You can specify the FifoThroughputLimit only when FifoQueue is set to true.",
    ),
    (
        "InvalidAttributeName",
        "InvalidAttributeName",
        400,
        "You can specify the FifoThroughputLimit only when FifoQueue is set to true.",
    ),
    (
        "InvalidAttributeValue",
        "InvalidAttributeValue",
        400,
        "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.",
    ),
    (
        "InvalidAttributeValue",
        "",
        400,
        "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.",
    ),
    (
        "InvalidParameterValue",
        INVALID,
        400,
        "Message (user) attribute 'ErrorDetails' must contain a non-empty value of type 'String'.",
    ),
    (
        "InvalidParameterValue",
        "",
        400,
        "Message (user) attribute 'ErrorDetails' must contain a non-empty value of type 'String'.",
    ),
    (
        "InvalidParameterValue",
        INVALID,
        400,
        "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes.",
    ),
    (
        "InvalidParameterValue",
        "",
        400,
        "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes.",
    ),
    (
        "InvalidParameterValue",
        INVALID,
        400,
        "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.",
    ),
    (
        "InvalidParameterValue",
        "",
        400,
        "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.",
    ),
    ("InvalidParameterValue", INVALID, 400, DEDUPLICATION),
    ("InvalidParameterValue", "", 400, DEDUPLICATION),
    ("InvalidParameterValue", INVALID, 400, DEDUPLICATION),
    ("InvalidParameterValue", INVALID, 400, NO_GROUP),
    ("InvalidParameterValue", "", 400, NO_GROUP),
    (
        "InvalidParameterValue",
        INVALID,
        400,
        "Value  for parameter MessageDeduplicationId is invalid. Reason: MessageDeduplicationId can only include alphanumeric and punctuation characters. 1 to 128 in length.",
    ),
    (
        "InvalidParameterValue",
        INVALID,
        400,
        "Value  for parameter MessageGroupId is invalid. Reason: MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length.",
    ),
    (
        "InvalidParameterValue",
        INVALID,
        400,
        "Value -1 for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided.",
    ),
    (
        "InvalidParameterValue",
        "",
        400,
        "Value -1 for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided.",
    ),
    (
        "InvalidParameterValue",
        INVALID,
        400,
        "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.",
    ),
    (
        "InvalidParameterValue",
        "",
        400,
        "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.",
    ),
    (
        "InvalidParameterValue",
        INVALID,
        400,
        "Value 2 for parameter DelaySeconds is invalid. Reason: The request include parameter that is not valid for this queue type.",
    ),
    (
        "InvalidParameterValue",
        "",
        400,
        "Value 2 for parameter DelaySeconds is invalid. Reason: The request include parameter that is not valid for this queue type.",
    ),
    (
        "InvalidParameterValue",
        INVALID,
        400,
        "Value 21 for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided.",
    ),
    (
        "InvalidParameterValue",
        "",
        400,
        "Value 21 for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided.",
    ),
    (
        "InvalidParameterValue",
        INVALID,
        400,
        "Value <handle> for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.",
    ),
    (
        "InvalidParameterValue",
        "",
        400,
        "Value <handle> for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.",
    ),
    (
        "InvalidParameterValue",
        INVALID,
        400,
        "Value <129 a> for parameter MessageDeduplicationId is invalid. Reason: MessageDeduplicationId can only include alphanumeric and punctuation characters. 1 to 128 in length.",
    ),
    (
        "InvalidParameterValue",
        INVALID,
        400,
        "Value <129 a> for parameter MessageGroupId is invalid. Reason: MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length.",
    ),
    (
        "InvalidParameterValue",
        INVALID,
        400,
        "Value crossaccountpermission for parameter Label is invalid. Reason: Already exists.",
    ),
    (
        "InvalidParameterValue",
        "",
        400,
        "Value crossaccountpermission for parameter Label is invalid. Reason: Already exists.",
    ),
    (
        "InvalidParameterValue",
        INVALID,
        400,
        "Value crossaccountpermission2 for parameter Label is invalid. Reason: can't find label.",
    ),
    (
        "InvalidParameterValue",
        "",
        400,
        "Value crossaccountpermission2 for parameter Label is invalid. Reason: can't find label.",
    ),
    (
        "InvalidParameterValue",
        INVALID,
        400,
        "Value group 123 for parameter MessageDeduplicationId is invalid. Reason: MessageDeduplicationId can only include alphanumeric and punctuation characters. 1 to 128 in length.",
    ),
    (
        "InvalidParameterValue",
        INVALID,
        400,
        "Value group 123 for parameter MessageGroupId is invalid. Reason: MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length.",
    ),
    ("MissingParameter", MISSING, 400, "The request must contain the parameter MessageBody."),
    ("MissingParameter", "", 400, "The request must contain the parameter MessageBody."),
    ("MissingParameter", MISSING, 400, NO_GROUP),
    ("MissingParameter", "", 400, NO_GROUP),
    ("MissingParameter", MISSING, 400, NO_GROUP),
    (
        "QueueAlreadyExists",
        "QueueNameExists",
        400,
        "A queue already exists with the same name and a different value for attribute ContentBasedDeduplication",
    ),
    (
        "QueueAlreadyExists",
        "QueueNameExists",
        400,
        "A queue already exists with the same name and a different value for attribute ContentBasedDeduplication",
    ),
    (
        "QueueAlreadyExists",
        "QueueNameExists",
        400,
        "A queue already exists with the same name and a different value for attribute DelaySeconds",
    ),
    (
        "QueueAlreadyExists",
        "QueueNameExists",
        400,
        "A queue already exists with the same name and a different value for attribute DelaySeconds",
    ),
];

const INVALID: &str = "InvalidParameterValueException";
const MISSING: &str = "MissingRequiredParameterException";
const BATCH_ID: &str = "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.";
const DEDUPLICATION: &str = "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly";
const NO_GROUP: &str = "The request must contain the parameter MessageGroupId.";

/// Every call that Amazon was seen to refuse, made in one protocol.
fn provoke(wire: Wire) -> Vec<Fault> {
    let client = Client::new();
    let standard = client.create("standard", json!({}));
    let small = client.create("small", json!({"MaximumMessageSize": "1024"}));
    let fifo = client.create("q.fifo", json!({"FifoQueue": "true"}));
    let long = "a".repeat(129);
    let entries = |count: usize| -> Vec<Value> {
        (0..count).map(|n| json!({"Id": n.to_string(), "MessageBody": "b"})).collect()
    };
    let halves = json!([{"Id": "1", "MessageBody": "b".repeat(1 << 19)}, {"Id": "2", "MessageBody": "b".repeat((1 << 19) + 1)}]);
    let send = |url: &str, more: Value| {
        let mut call = json!({"QueueUrl": url, "MessageBody": "b"});
        call.as_object_mut().expect("a map").extend(more.as_object().expect("a map").clone());
        call
    };
    let in_group = |more: Value| {
        let mut call = send(&fifo, json!({"MessageGroupId": "g", "MessageDeduplicationId": "d"}));
        call.as_object_mut().expect("a map").extend(more.as_object().expect("a map").clone());
        call
    };
    let permission = json!({"QueueUrl": standard, "Label": "crossaccountpermission", "AWSAccountIds": ["111111111111"], "Actions": ["ReceiveMessage"]});
    client.call("AddPermission", permission.clone());
    client.call("PurgeQueue", json!({"QueueUrl": small}));
    let fifo_with = |attributes: Value| json!({"QueueName": "q.fifo", "Attributes": attributes});
    let plain_with = |attributes: Value| json!({"QueueName": "other", "Attributes": attributes});
    let attribute = json!({"MessageAttributes": {"ErrorDetails": {"DataType": "String", "StringValue": ""}}});
    let calls: Vec<(&str, Value)> = vec![
        ("SendMessageBatch", json!({"QueueUrl": standard, "Entries": halves})),
        ("SendMessageBatch", json!({"QueueUrl": standard, "Entries": [{"Id": "a:b", "MessageBody": "b"}]})),
        ("DeleteMessageBatch", json!({"QueueUrl": standard, "Entries": [{"Id": "", "ReceiptHandle": "x"}]})),
        ("SendMessageBatch", json!({"QueueUrl": standard, "Entries": entries(20)})),
        ("GetQueueUrl", json!({"QueueName": "nobody"})),
        ("PurgeQueue", json!({"QueueUrl": small})),
        ("CreateQueue", plain_with(json!({"ContentBasedDeduplication": "true"}))),
        ("CreateQueue", plain_with(json!({"FifoQueue": "false"}))),
        ("CreateQueue", plain_with(json!({"DeduplicationScope": "queue"}))),
        ("CreateQueue", plain_with(json!({"FifoThroughputLimit": "perQueue"}))),
        ("SetQueueAttributes", json!({"QueueUrl": fifo, "Attributes": {"FifoQueue": "false"}})),
        ("SendMessage", send(&standard, attribute)),
        ("SendMessage", send(&small, json!({"MessageBody": "b".repeat(1025)}))),
        ("SendMessage", send(&standard, json!({"MessageBody": "b".repeat((1 << 20) + 1)}))),
        ("SendMessage", send(&fifo, json!({"MessageGroupId": "g"}))),
        ("SendMessage", send(&fifo, json!({"MessageDeduplicationId": "d"}))),
        ("SendMessage", in_group(json!({"MessageDeduplicationId": ""}))),
        ("SendMessage", in_group(json!({"MessageGroupId": ""}))),
        ("SendMessage", in_group(json!({"MessageDeduplicationId": "group 123"}))),
        ("SendMessage", in_group(json!({"MessageGroupId": "group 123"}))),
        ("SendMessage", in_group(json!({"MessageDeduplicationId": long}))),
        ("SendMessage", in_group(json!({"MessageGroupId": long}))),
        ("SendMessage", in_group(json!({"DelaySeconds": 2}))),
        ("SendMessage", json!({"QueueUrl": standard, "MessageBody": ""})),
        ("ReceiveMessage", json!({"QueueUrl": standard, "WaitTimeSeconds": -1})),
        ("ReceiveMessage", json!({"QueueUrl": standard, "WaitTimeSeconds": 21})),
        ("ReceiveMessage", json!({"QueueUrl": standard, "MaxNumberOfMessages": 11})),
        ("AddPermission", permission),
        ("RemovePermission", json!({"QueueUrl": standard, "Label": "crossaccountpermission2"})),
        ("CreateQueue", fifo_with(json!({"FifoQueue": "true", "ContentBasedDeduplication": "true"}))),
        ("CreateQueue", json!({"QueueName": "standard", "Attributes": {"DelaySeconds": "2"}})),
    ];
    let mut faults: Vec<Fault> =
        calls.iter().map(|(action, call)| client.refused(wire, action, call)).collect();
    faults.push(expired(&client, wire, &fifo));
    for fault in &mut faults {
        fault.message =
            fault.message.replace("operation on small", "operation on <queue>").replace(&long, "<129 a>");
    }
    faults
}

/// A FIFO queue's handle whose time is over.
fn expired(client: &Client, wire: Wire, fifo: &str) -> Fault {
    client.call(
        "SendMessage",
        json!({"QueueUrl": fifo, "MessageBody": "b", "MessageGroupId": "g", "MessageDeduplicationId": "e"}),
    );
    let received = client.call("ReceiveMessage", json!({"QueueUrl": fifo, "VisibilityTimeout": 1}));
    let handle = received["Messages"][0]["ReceiptHandle"].as_str().expect("a message");
    client.broker.advance_ms(1001);
    let fault = client.refused(wire, "DeleteMessage", &json!({"QueueUrl": fifo, "ReceiptHandle": handle}));
    Fault { message: fault.message.replace(handle, "<handle>"), ..fault }
}

/// For a missing group Amazon was seen to answer with either of two codes and the same sentence. Here it is always
/// the newer one.
fn is_other_spelling(code: &str, message: &str) -> bool {
    code == "InvalidParameterValue" && message == NO_GROUP
}

#[test]
fn every_recorded_reply_is_given() {
    let [json, query] = BOTH.map(provoke);
    let mut missing = Vec::new();
    for (code, shape, status, message) in RECORDED {
        let given = if shape.is_empty() { &query } else { &json };
        let found = given.iter().any(|fault| {
            let same_shape = shape.is_empty() || fault.shape.as_deref() == Some(shape);
            fault.code == code && same_shape && fault.status == status && fault.message == message
        });
        if !found && !is_other_spelling(code, message) {
            missing.push((code, shape, message));
        }
    }
    assert!(missing.is_empty(), "{missing:#?}\ngiven: {json:#?}");
}

#[test]
fn both_protocols_give_the_same_codes() {
    let [json, query] = BOTH.map(provoke);
    assert_eq!(json.len(), query.len());
    for (json, query) in json.iter().zip(&query) {
        assert_eq!((json.status, &json.code), (query.status, &query.code));
        let same = json.message == query.message || json.code == "AWS.SimpleQueueService.NonExistentQueue";
        assert!(same, "{json:?} {query:?}");
    }
}
