//! One client's hand: it calls, takes the time, and writes down what was asked and answered.
//!
//! Apart from the loads because each action is written down in the same way, whoever uses it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use millstream_testkit::checker::queue::{Act, Count, Event, Got, Outcome, Poll, Send, Settle, Span, Whole};
use serde_json::{Value, json};

use super::http::{Answer, Client};
use super::queues::{ALL, LEASE_US, Queue, arn};
use crate::siege::now_us;

/// Between two tries to connect.
const PAUSE: Duration = Duration::from_millis(5);

/// What all clients share.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) over: AtomicBool,
    pub(super) next_message: AtomicU64,
    pub(super) next_delivery: AtomicU64,
    /// Requests that are under way.
    pub(super) under_way: AtomicU64,
}

/// A message that was received.
#[derive(Clone)]
pub(super) struct Received {
    pub(super) delivery: u64,
    pub(super) receipt: String,
}

/// A message to be sent.
#[derive(Clone)]
pub(super) struct Message {
    pub(super) number: u64,
    pub(super) delay_s: u64,
    pub(super) group: Option<u64>,
}

/// A client.
pub(super) struct Hand {
    client: Client,
    base: String,
    pub(super) shared: Arc<Shared>,
    pub(super) events: Vec<Event>,
}

/// A number for a message id, so that two can be compared.
fn number_of(id: &str) -> u64 {
    id.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

impl Hand {
    pub(super) fn new(address: SocketAddr, shared: &Arc<Shared>) -> Hand {
        let base = format!("http://{address}/000000000000/");
        Hand { client: Client::new(address), base, shared: shared.clone(), events: Vec::new() }
    }

    fn url(&self, queue: usize) -> String {
        format!("{}{}", self.base, ALL[queue].name)
    }

    /// Waits for a connection; `false` when the run is over.
    pub(super) fn ready(&mut self) -> bool {
        while !self.shared.over.load(Ordering::SeqCst) {
            if self.client.connect() {
                return true;
            }
            sleep(PAUSE);
        }
        false
    }

    /// Whether there is a connection, after one try to make one.
    pub(super) fn connect(&mut self) -> bool {
        self.client.connect()
    }

    fn call(&mut self, action: &str, parameters: &Value) -> (Span, Answer) {
        let from = now_us();
        self.shared.under_way.fetch_add(1, Ordering::SeqCst);
        let answer = self.client.call(action, parameters);
        self.shared.under_way.fetch_sub(1, Ordering::SeqCst);
        (Span { from, to: now_us() }, answer)
    }

    /// Makes the queue; there is a connection.
    pub(super) fn create(&mut self, queue: &Queue) -> anyhow::Result<()> {
        let parameters = json!({"QueueName": queue.name, "Attributes": queue.attributes()});
        match self.call("CreateQueue", &parameters).1 {
            Answer::Done(_) => Ok(()),
            Answer::Refused(name) => bail!("making {} was refused: {name}", queue.name),
            Answer::NotNow | Answer::Unknown => bail!("making {} was not answered", queue.name),
        }
    }

    /// Sends messages, more than one in a batch; whether each is known to be stored.
    pub(super) fn send(&mut self, queue: usize, messages: &[Message]) -> anyhow::Result<Vec<bool>> {
        let entry = |nth: usize, message: &Message| {
            let mut entry = json!({"MessageBody": format!("{}:{}", message.number, "x".repeat(40))});
            if messages.len() > 1 {
                entry["Id"] = json!(nth.to_string());
            }
            match message.group {
                Some(group) => {
                    entry["MessageGroupId"] = json!(format!("g{group}"));
                    entry["MessageDeduplicationId"] = json!(format!("d{}", message.number));
                }
                None => entry["DelaySeconds"] = json!(message.delay_s),
            }
            entry
        };
        let url = self.url(queue);
        let (at, answer) = match messages {
            [message] => {
                let mut parameters = entry(0, message);
                parameters["QueueUrl"] = json!(url);
                self.call("SendMessage", &parameters)
            }
            _ => {
                let entries: Vec<Value> =
                    messages.iter().enumerate().map(|(nth, message)| entry(nth, message)).collect();
                self.call("SendMessageBatch", &json!({"QueueUrl": url, "Entries": entries}))
            }
        };
        let mut stored = Vec::new();
        for (nth, message) in messages.iter().enumerate() {
            let (outcome, id) = match &answer {
                Answer::Done(result) if messages.len() == 1 => (Outcome::Done, result["MessageId"].as_str()),
                Answer::Done(result) => match of_batch(result, nth)? {
                    Ok(entry) => (Outcome::Done, entry["MessageId"].as_str()),
                    Err(code) => bail!("sending message {} was refused: {code}", message.number),
                },
                Answer::Refused(name) => bail!("sending message {} was refused: {name}", message.number),
                Answer::NotNow => (Outcome::Refused, None),
                Answer::Unknown => (Outcome::Unknown, None),
            };
            ensure!(outcome != Outcome::Done || id.is_some(), "a message was sent and has no id");
            stored.push(outcome == Outcome::Done);
            self.events.push(Event::Send(Send {
                queue,
                message: message.number,
                at,
                outcome,
                answer: id.map(number_of),
                delay_us: message.delay_s * 1_000_000,
                time_to_live_us: None,
                key: message.group,
                dedup: message.group.map(|_| message.number),
                ..Send::default()
            }));
        }
        Ok(stored)
    }

    /// Receives; what came.
    pub(super) fn receive(
        &mut self,
        queue: usize,
        asked: u32,
        wait_s: u64,
        lease_s: Option<u64>,
    ) -> anyhow::Result<Vec<Received>> {
        let mut parameters = json!({
            "QueueUrl": self.url(queue),
            "MaxNumberOfMessages": asked,
            "WaitTimeSeconds": wait_s,
            "MessageSystemAttributeNames": ["All"],
        });
        if let Some(lease_s) = lease_s {
            parameters["VisibilityTimeout"] = json!(lease_s);
        }
        let (at, answer) = self.call("ReceiveMessage", &parameters);
        let lease_us = lease_s.map_or(LEASE_US, |seconds| seconds * 1_000_000);
        let (mut got, mut received) = (Vec::new(), Vec::new());
        let outcome = match answer {
            Answer::Done(result) => {
                for message in result["Messages"].as_array().into_iter().flatten() {
                    let delivery = self.shared.next_delivery.fetch_add(1, Ordering::SeqCst);
                    let (one, receipt) = read(message, delivery)?;
                    got.push(one);
                    received.push(Received { delivery, receipt });
                }
                Outcome::Done
            }
            Answer::Refused(name) => bail!("receiving from {} was refused: {name}", ALL[queue].name),
            Answer::NotNow => return Ok(Vec::new()),
            Answer::Unknown => Outcome::Unknown,
        };
        let takes_all = wait_s == 0 && !ALL[queue].is_fifo();
        let connection = false;
        self.events.push(Event::Poll(Poll {
            queue,
            at,
            outcome,
            asked,
            takes_all,
            lease_us,
            connection,
            got,
            ..Poll::default()
        }));
        Ok(received)
    }

    /// Deletes, more than one in a batch.
    pub(super) fn delete(&mut self, queue: usize, received: &[Received]) -> anyhow::Result<()> {
        let act = Act::Ack { late: !ALL[queue].is_fifo() };
        self.settle(queue, "DeleteMessage", received, act, None)
    }

    /// Has leases end so many seconds from now.
    pub(super) fn change(&mut self, queue: usize, received: &[Received], lease_s: u64) -> anyhow::Result<()> {
        let act = match lease_s {
            0 => Act::Release { delay_us: 0, counts: true },
            _ => Act::Renew { lease_us: lease_s * 1_000_000 },
        };
        self.settle(queue, "ChangeMessageVisibility", received, act, Some(lease_s))
    }

    fn settle(
        &mut self,
        queue: usize,
        action: &str,
        received: &[Received],
        act: Act,
        lease_s: Option<u64>,
    ) -> anyhow::Result<()> {
        let entry = |nth: usize, one: &Received| {
            let mut entry = json!({"ReceiptHandle": one.receipt});
            if let Some(lease_s) = lease_s {
                entry["VisibilityTimeout"] = json!(lease_s);
            }
            if received.len() > 1 {
                entry["Id"] = json!(nth.to_string());
            }
            entry
        };
        let url = self.url(queue);
        let (at, answer) = match received {
            [] => return Ok(()),
            [one] => {
                let mut parameters = entry(0, one);
                parameters["QueueUrl"] = json!(url);
                self.call(action, &parameters)
            }
            _ => {
                let entries: Vec<Value> =
                    received.iter().enumerate().map(|(nth, one)| entry(nth, one)).collect();
                self.call(&format!("{action}Batch"), &json!({"QueueUrl": url, "Entries": entries}))
            }
        };
        for (nth, one) in received.iter().enumerate() {
            let outcome = match &answer {
                Answer::Done(result) if received.len() > 1 => match of_batch(result, nth)? {
                    Ok(_) => Outcome::Done,
                    Err(_) => Outcome::Refused,
                },
                Answer::Done(_) => Outcome::Done,
                Answer::Refused(_) => Outcome::Refused,
                Answer::NotNow => continue,
                Answer::Unknown => Outcome::Unknown,
            };
            self.events.push(Event::Settle(Settle {
                delivery: one.delivery,
                at,
                act,
                outcome,
                together: None,
            }));
        }
        Ok(())
    }

    /// Starts a move task for a dead-letter queue, unless one is under way.
    pub(super) fn redrive(&mut self, queue: usize) {
        let parameters = json!({"SourceArn": arn(ALL[queue].name), "MaxNumberOfMessagesPerSecond": 100});
        let (at, answer) = self.call("StartMessageMoveTask", &parameters);
        let outcome = match answer {
            Answer::Done(_) => Outcome::Done,
            Answer::Refused(_) | Answer::NotNow => return,
            Answer::Unknown => Outcome::Unknown,
        };
        self.events.push(Event::Redrive(Whole { queue, at, outcome }));
    }

    /// Counts a queue's messages, if it is answered.
    pub(super) fn count(&mut self, queue: usize) -> anyhow::Result<Option<u64>> {
        let parameters = json!({"QueueUrl": self.url(queue), "AttributeNames": ["All"]});
        let (at, answer) = self.call("GetQueueAttributes", &parameters);
        let Answer::Done(result) = answer else { return Ok(None) };
        let number = |name: &str| -> anyhow::Result<u64> {
            let text = result["Attributes"][format!("ApproximateNumberOfMessages{name}")].as_str();
            Ok(text.with_context(|| format!("no count: {result}"))?.parse()?)
        };
        let leased = number("NotVisible")?;
        let messages = number("")? + leased + number("Delayed")?;
        self.events.push(Event::Count(Count { queue, at, messages, leased }));
        Ok(Some(messages))
    }
}

/// What a batch's answer says of an entry: its result, or the code of its error.
fn of_batch(result: &Value, nth: usize) -> anyhow::Result<Result<&Value, String>> {
    let id = nth.to_string();
    let find = |list: &str| {
        let all = result[list].as_array().map_or(&[][..], Vec::as_slice);
        all.iter().find(|entry| entry["Id"].as_str() == Some(&id))
    };
    if let Some(entry) = find("Successful") {
        return Ok(Ok(entry));
    }
    let failed = find("Failed").with_context(|| format!("no result for entry {id}: {result}"))?;
    Ok(Err(failed["Code"].as_str().unwrap_or_default().to_owned()))
}

/// One message of an answer, and its receipt.
fn read(message: &Value, delivery: u64) -> anyhow::Result<(Got, String)> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let body = text(&message["Body"]).context("a message without a body")?;
    let number = body.split(':').next().context("a body without a number")?.parse()?;
    let attributes = &message["Attributes"];
    let count = text(&attributes["ApproximateReceiveCount"]).context("a message without a count")?.parse()?;
    let place = text(&attributes["SequenceNumber"]).map(|number| number.parse()).transpose()?;
    let receipt = text(&message["ReceiptHandle"]).context("a message without a receipt")?;
    Ok((Got { message: number, delivery, count, place }, receipt))
}
