//! The requests about one queue, and what is needed of their answers.
//!
//! Apart because it is all that the bench knows of SQS: six actions in the JSON protocol, encoded once as far as they
//! can be.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, ensure};
use memchr::memmem;
use serde_json::{Value, json};

use super::http::{Connection, Head};

/// Bytes of every message's body.
pub(crate) const MESSAGE_BYTES: usize = 1024;
/// What an entry that failed within a batch says of itself, whichever way it is spelled around it.
const FAILURE: &[u8] = b"\"SenderFault\"";
const HANDLE: &[u8] = b"\"ReceiptHandle\"";

/// The body of the n-th message: letters without a pattern.
pub(crate) fn message(n: u32) -> String {
    let mut state = u64::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let letter = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'a' + ((state >> 56) % 26) as u8)
    };
    (0..MESSAGE_BYTES).map(letter).collect()
}

/// A queue, and its requests for `batch` messages at a time.
pub(crate) struct Queue {
    url: String,
    batch: usize,
    pub(crate) send: (Head, Vec<u8>),
    pub(crate) receive: (Head, Vec<u8>),
    pub(crate) delete: Head,
}

/// One connection for what is not measured.
pub(crate) struct Admin {
    endpoint: SocketAddr,
    connection: Connection,
}

impl Admin {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens.
    pub(crate) fn connect(endpoint: SocketAddr) -> anyhow::Result<Admin> {
        Ok(Admin { endpoint, connection: Connection::open(endpoint, Ipv4Addr::LOCALHOST)? })
    }

    fn call(&mut self, action: &str, body: &Value) -> anyhow::Result<Value> {
        let head = Head::new(self.endpoint, action);
        let answer = self.connection.call(&head, body.to_string().as_bytes()).context(action.to_owned())?;
        if answer.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_slice(answer)?) }
    }

    /// Makes a queue with settings as they are when nobody says anything; returns its address.
    ///
    /// # Errors
    /// When the broker refuses it.
    pub(crate) fn create(&mut self, name: &str) -> anyhow::Result<String> {
        let answer = self.call("CreateQueue", &json!({ "QueueName": name }))?;
        Ok(answer["QueueUrl"].as_str().context("a queue without an address")?.to_owned())
    }

    /// Lists queues: a broker that answers is up.
    ///
    /// # Errors
    /// When it does not answer.
    pub(crate) fn list(&mut self) -> anyhow::Result<()> {
        self.call("ListQueues", &json!({})).map(drop)
    }

    /// Deletes a queue.
    ///
    /// # Errors
    /// When the broker refuses it.
    pub(crate) fn delete(&mut self, url: &str) -> anyhow::Result<()> {
        self.call("DeleteQueue", &json!({ "QueueUrl": url })).map(drop)
    }

    /// How many messages wait.
    ///
    /// # Errors
    /// When the broker does not say so.
    pub(crate) fn waiting(&mut self, url: &str) -> anyhow::Result<u64> {
        const NAME: &str = "ApproximateNumberOfMessages";
        let answer =
            self.call("GetQueueAttributes", &json!({ "QueueUrl": url, "AttributeNames": [NAME] }))?;
        answer["Attributes"][NAME].as_str().context("a queue without a count")?.parse().context("a count")
    }

    /// Sends one message.
    ///
    /// # Errors
    /// When the broker refuses it.
    pub(crate) fn send(&mut self, url: &str) -> anyhow::Result<()> {
        self.call("SendMessage", &json!({ "QueueUrl": url, "MessageBody": message(0) })).map(drop)
    }
}

impl Queue {
    /// The requests for the queue at `url`. Receivers wait for `wait_seconds` at most.
    pub(crate) fn new(endpoint: SocketAddr, url: &str, batch: usize, wait_seconds: u32) -> Queue {
        let send = if batch == 1 {
            json!({ "QueueUrl": url, "MessageBody": message(0) })
        } else {
            let entry = |n| json!({ "Id": format!("m{n}"), "MessageBody": message(n) });
            let entries: Vec<_> = (0..batch as u32).map(entry).collect();
            json!({ "QueueUrl": url, "Entries": entries })
        };
        let receive =
            json!({ "QueueUrl": url, "MaxNumberOfMessages": batch, "WaitTimeSeconds": wait_seconds });
        let (sends, deletes) = match batch {
            1 => ("SendMessage", "DeleteMessage"),
            _ => ("SendMessageBatch", "DeleteMessageBatch"),
        };
        let head = |action| Head::new(endpoint, action);
        Queue {
            url: url.to_owned(),
            batch,
            send: (head(sends), send.to_string().into_bytes()),
            receive: (head("ReceiveMessage"), receive.to_string().into_bytes()),
            delete: head(deletes),
        }
    }

    /// Messages of each request.
    pub(crate) fn batch(&self) -> usize {
        self.batch
    }

    /// Makes the body of the request that deletes what a response to a receive holds; returns how many messages.
    ///
    /// # Errors
    /// When the response cannot be understood.
    pub(crate) fn delete_received(&self, response: &[u8], body: &mut Vec<u8>) -> anyhow::Result<usize> {
        body.clear();
        body.extend_from_slice(b"{\"QueueUrl\":\"");
        body.extend_from_slice(self.url.as_bytes());
        body.extend_from_slice(if self.batch == 1 { b"\"" } else { b"\",\"Entries\":[" });
        let mut count = 0_usize;
        for at in memmem::find_iter(response, HANDLE) {
            let rest = response.get(at + HANDLE.len()..).unwrap_or_default();
            let start = rest.iter().position(|byte| *byte == b'"').context("a handle that is no text")? + 1;
            let length =
                rest[start..].iter().position(|byte| *byte == b'"').context("a handle without end")?;
            let handle = &rest[start..start + length];
            if self.batch == 1 {
                body.extend_from_slice(b",\"ReceiptHandle\":\"");
                body.extend_from_slice(handle);
                body.extend_from_slice(b"\"");
            } else {
                body.extend_from_slice(if count == 0 { b"{\"Id\":\"m" } else { b",{\"Id\":\"m" });
                body.push(b'0' + u8::try_from(count % 10)?);
                body.extend_from_slice(b"\",\"ReceiptHandle\":\"");
                body.extend_from_slice(handle);
                body.extend_from_slice(b"\"}");
            }
            count += 1;
        }
        ensure!(count <= self.batch, "{count} messages came instead of {}", self.batch);
        body.extend_from_slice(if self.batch == 1 { b"}" } else { b"]}" });
        Ok(count)
    }

    /// Checks that nothing of a batch failed.
    ///
    /// # Errors
    /// When something did.
    pub(crate) fn check(&self, response: &[u8]) -> anyhow::Result<()> {
        let failed = self.batch > 1 && memmem::find(response, FAILURE).is_some();
        ensure!(!failed, "of a batch something failed: {}", String::from_utf8_lossy(response));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint() -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, 1))
    }

    #[test]
    fn what_is_received_is_deleted_by_its_handles_however_they_are_spaced() {
        let mut body = Vec::new();
        let ten = Queue::new(endpoint(), "http://q", 10, 0);
        let response = br#"{"Messages":[{"ReceiptHandle":"a#1"},{"Body":"x","ReceiptHandle" : "b"}]}"#;
        assert_eq!(ten.delete_received(response, &mut body).unwrap(), 2);
        let request: Value = serde_json::from_slice(&body).unwrap();
        let entries = json!([{ "Id": "m0", "ReceiptHandle": "a#1" }, { "Id": "m1", "ReceiptHandle": "b" }]);
        assert_eq!(request, json!({ "QueueUrl": "http://q", "Entries": entries }));
        let one = Queue::new(endpoint(), "http://q", 1, 0);
        assert_eq!(one.delete_received(br#"{"Messages":[{"ReceiptHandle":"c"}]}"#, &mut body).unwrap(), 1);
        let request: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(request, json!({ "QueueUrl": "http://q", "ReceiptHandle": "c" }));
        assert_eq!(one.delete_received(b"{}", &mut body).unwrap(), 0);
    }

    #[test]
    fn a_batch_of_which_something_failed_is_noticed() {
        let ten = Queue::new(endpoint(), "http://q", 10, 0);
        assert!(ten.check(br#"{"Successful":[{"Id":"m0"}],"Failed":[]}"#).is_ok());
        assert!(ten.check(br#"{"Failed":[{"Id":"m0","SenderFault":true}]}"#).is_err());
    }
}
