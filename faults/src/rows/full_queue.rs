//! A disk without room, as those see it who work with queues.
//!
//! Apart from the row of producers because of what frees space here: nobody trims anything, messages are received and deleted,
//! which needs room of its own, and that has to be there when there is none for anything else.

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use millstream_crash::broker::Broker;
use millstream_crash::clock;
use millstream_crash::sqs::http::{Client, Response};
use serde_json::{Value, json};

use crate::image::Image;
use crate::runner::Field;

/// Room for the files that are prepared ahead, a reserve, and some messages.
const IMAGE_BYTES: u64 = 1200 << 20;
const QUEUE: &str = "full";
/// Messages of one request, and bytes of each: as much as a request may hold.
const BATCH: usize = 10;
const BODY_BYTES: usize = 100 << 10;
/// A disk of this size is full by then.
const FILL_MAX: Duration = Duration::from_secs(240);
/// Everything is deleted, and sending resumes after that, within these times.
const DRAIN_MAX: Duration = Duration::from_secs(240);
const RESUME_MAX: Duration = Duration::from_secs(60);
/// A broker whose disk is full lives on; it would have ended by then if it were to.
const STAYS: Duration = Duration::from_secs(2);

/// Who sends and receives, and what there has to be.
struct Worker {
    client: Client,
    url: String,
    next: u64,
    /// Messages that are stored and not deleted.
    there: BTreeSet<u64>,
}

pub(crate) fn disk(field: &Field) -> anyhow::Result<String> {
    let image = Image::make(&field.dir, "ext4", IMAGE_BYTES)?;
    let mut broker = Broker::new(&field.broker, image.data(), field.dir.join("broker.log"))?;
    let address = broker.serve_aws()?;
    broker.spawn()?;
    broker.ready()?;
    let url = format!("http://{address}/000000000000/{QUEUE}");
    let mut worker = Worker { client: Client::new(address), url, next: 0, there: BTreeSet::new() };
    // A message that is out while the broker is killed comes back within a second.
    let create = json!({"QueueName": QUEUE, "Attributes": {"VisibilityTimeout": "1"}});
    ensure!(worker.client.ask("CreateQueue", &create)?.status == 200, "the queue cannot be made");
    let (mut messages, mut resumed_ms) = (0, 0);
    for cycle in 0..field.cycles {
        let refusal = worker.fill()?;
        check(&refusal)?;
        ensure!(broker.ended(STAYS)?.is_none(), "the broker ended: {}", broker.said()?);
        messages += worker.there.len();
        // Some go while the disk is full and nothing has been freed yet.
        worker.take_one()?;
        if cycle % 2 == 1 {
            broker.kill()?;
            broker.spawn()?;
            broker.ready().context("started again while the disk is full")?;
            worker.client = Client::new(address);
        }
        worker.drain()?;
        let since = clock::now_ns();
        worker.resume()?;
        resumed_ms = resumed_ms.max((clock::now_ns() - since) / 1_000_000);
        worker.drain()?;
        ensure!(broker.ended(Duration::ZERO)?.is_none(), "the broker ended: {}", broker.said()?);
    }
    broker.kill()?;
    Ok(format!(
        "{messages} messages filled the disk, each received and deleted once; sending resumed within {resumed_ms} ms"
    ))
}

/// A refusal has to be one that SDKs know, and say when to ask again.
fn check(Response { status, head, body }: &Response) -> anyhow::Result<()> {
    let said: Value = serde_json::from_slice(body).context("an error that is no JSON")?;
    let kind = said["__type"].as_str().context("an error without a type")?;
    ensure!(
        *status == 503 && kind.ends_with("#ServiceUnavailableException"),
        "a full disk is answered with {status} {kind}"
    );
    ensure!(said["message"].is_string(), "an error without a sentence");
    let head = head.to_ascii_lowercase();
    let code = "x-amzn-query-error: serviceunavailable;receiver";
    ensure!(head.contains("\nretry-after: 1\r") && head.contains(code), "headers are missing: {head}");
    Ok(())
}

impl Worker {
    /// Sends a batch; gives the answer back when it was not taken.
    fn send(&mut self) -> anyhow::Result<Option<Response>> {
        let from = self.next;
        let filler = "x".repeat(BODY_BYTES);
        let entry = |nth: usize| json!({"Id": nth.to_string(), "MessageBody": format!("{}:{filler}", from + nth as u64)});
        let entries: Vec<Value> = (0..BATCH).map(entry).collect();
        self.next += BATCH as u64;
        let answer =
            self.client.ask("SendMessageBatch", &json!({"QueueUrl": self.url, "Entries": entries}))?;
        if answer.status != 200 {
            return Ok(Some(answer));
        }
        let answer: Value = serde_json::from_slice(&answer.body)?;
        let taken = answer["Successful"].as_array().map_or(0, Vec::len);
        ensure!(taken == BATCH, "a batch was taken in part: {answer}");
        self.there.extend(from..self.next);
        Ok(None)
    }

    /// Sends until that is refused; with what.
    fn fill(&mut self) -> anyhow::Result<Response> {
        let deadline = deadline(FILL_MAX)?;
        while clock::now_ns() < deadline {
            if let Some(refusal) = self.send()? {
                return Ok(refusal);
            }
        }
        bail!("the disk is not full after {} s", FILL_MAX.as_secs())
    }

    /// Receives and deletes some messages; how many.
    fn take_one(&mut self) -> anyhow::Result<usize> {
        let receive = json!({"QueueUrl": self.url, "MaxNumberOfMessages": BATCH, "VisibilityTimeout": 60});
        let answer = self.client.ask("ReceiveMessage", &receive)?;
        ensure!(answer.status == 200, "a receive was answered with {}", answer.status);
        let answer: Value = serde_json::from_slice(&answer.body)?;
        let messages = answer["Messages"].as_array().cloned().unwrap_or_default();
        let mut entries = Vec::new();
        for (nth, message) in messages.iter().enumerate() {
            let body = message["Body"].as_str().context("a message without a body")?;
            let number = body.split_once(':').context("a body that nobody sent")?.0.parse()?;
            ensure!(self.there.remove(&number), "message {number} came although it is not there");
            ensure!(body.len() > BODY_BYTES, "message {number} is not whole");
            entries.push(json!({"Id": nth.to_string(), "ReceiptHandle": message["ReceiptHandle"]}));
        }
        if entries.is_empty() {
            return Ok(0);
        }
        let answer =
            self.client.ask("DeleteMessageBatch", &json!({"QueueUrl": self.url, "Entries": entries}))?;
        ensure!(answer.status == 200, "a delete was answered with {}", answer.status);
        let answer: Value = serde_json::from_slice(&answer.body)?;
        let deleted = answer["Successful"].as_array().map_or(0, Vec::len);
        ensure!(deleted == messages.len(), "messages were not deleted: {answer}");
        Ok(deleted)
    }

    /// Receives and deletes everything.
    fn drain(&mut self) -> anyhow::Result<()> {
        let deadline = deadline(DRAIN_MAX)?;
        while !self.there.is_empty() {
            ensure!(clock::now_ns() < deadline, "{} messages do not come", self.there.len());
            self.take_one()?;
        }
        ensure!(self.take_one()? == 0, "more came than was sent");
        Ok(())
    }

    /// Sends until that is taken again.
    fn resume(&mut self) -> anyhow::Result<()> {
        let deadline = deadline(RESUME_MAX)?;
        while let Some(refusal) = self.send()? {
            check(&refusal)?;
            ensure!(
                clock::now_ns() < deadline,
                "sending is still refused {} s after everything was deleted",
                RESUME_MAX.as_secs()
            );
            sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

fn deadline(within: Duration) -> anyhow::Result<u64> {
    Ok(clock::now_ns() + u64::try_from(within.as_nanos())?)
}
