//! How long messages of quiet tenants wait while another tenant has sent many: what a fair queue is for.
//!
//! Apart because it is about waiting and not about rates: receivers take their time for each message, so that a burst is
//! something that stands in the others' way, and each message says when it was sent.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use memchr::memmem;
use serde_json::{Value, json};

use super::http::{Connection, Head};
use crate::clock;
use crate::histogram::Latencies;
use crate::report::Metric;

/// Receivers, and how long each takes for a message: together they work off 4,000 a second at most.
const RECEIVERS: usize = 8;
const WORK: Duration = Duration::from_millis(2);
/// Quiet tenants, of whom one after the other sends a message at this pace: 400 a second.
const TENANTS: usize = 9;
const PACE: Duration = Duration::from_micros(2_500);
/// Messages that the loud tenant has sent before it is measured: two seconds of work at least.
const BURST: usize = 8_000;
/// Messages of one request.
const BATCH: usize = 10;
/// How long is measured.
const MEASURED: Duration = Duration::from_secs(5);
/// What a quiet tenant's message begins with; the microseconds follow.
const QUIET: &str = "quiet ";
const BODY: &[u8] = b"\"Body\":\"";

/// What is compared.
#[derive(Clone, Copy)]
pub(crate) struct Scene {
    /// The loud tenant has sent its burst.
    pub(crate) has_burst: bool,
    /// Messages name their tenants.
    pub(crate) names_tenants: bool,
}

/// Runs a scene on an empty queue.
///
/// # Errors
/// When a request fails.
pub(crate) fn fair(endpoint: SocketAddr, url: &str, scene: Scene) -> anyhow::Result<Vec<Metric>> {
    let run = Run { endpoint, url, scene, start: clock::now(), over: AtomicBool::new(false) };
    if scene.has_burst {
        run.send_burst()?;
    }
    thread::scope(|scope| {
        let receivers: Vec<_> =
            (0..RECEIVERS).map(|_| scope.spawn(|| run.until_over(Run::receive))).collect();
        let sender = scope.spawn(|| run.until_over(Run::send_quietly));
        let (mut waited, mut loud) = (Latencies::new(), 0);
        for receiver in receivers {
            let received = receiver.join().expect("a receiver does not panic")?;
            received.quiet.iter().for_each(|took| waited.record(*took));
            loud += received.loud;
        }
        sender.join().expect("the sender does not panic")?;
        ensure!(waited.count() > 0, "no quiet tenant's message was received");
        Ok(vec![
            Metric { name: "quiet tenants' messages received", value: waited.count() as f64 },
            Metric { name: "loud tenant's messages received", value: loud as f64 },
            Metric { name: "quiet tenants' wait p50 ms", value: waited.percentile_ms(50.0) },
            Metric { name: "quiet tenants' wait p99 ms", value: waited.percentile_ms(99.0) },
        ])
    })
}

struct Run<'a> {
    endpoint: SocketAddr,
    url: &'a str,
    scene: Scene,
    start: Instant,
    /// Somebody has failed, so that nobody waits for the end.
    over: AtomicBool,
}

/// What a receiver got.
#[derive(Default)]
struct Received {
    quiet: Vec<Duration>,
    loud: usize,
}

impl Run<'_> {
    fn until_over<T>(&self, work: fn(&Self) -> anyhow::Result<T>) -> anyhow::Result<T> {
        let outcome = work(self);
        self.over.store(true, Ordering::Relaxed);
        outcome
    }

    fn connect(&self) -> anyhow::Result<Connection> {
        Connection::open(self.endpoint, Ipv4Addr::LOCALHOST)
    }

    /// A message of a tenant.
    fn message(&self, tenant: &str, body: &str) -> Value {
        let mut message = json!({ "MessageBody": body });
        if self.scene.names_tenants {
            message["MessageGroupId"] = tenant.into();
        }
        message
    }

    fn send_burst(&self) -> anyhow::Result<()> {
        let mut connection = self.connect()?;
        let head = Head::new(self.endpoint, "SendMessageBatch");
        let entry = |index: usize| {
            let mut entry = self.message("loud", "loud");
            entry["Id"] = index.to_string().into();
            entry
        };
        let entries: Vec<Value> = (0..BATCH).map(entry).collect();
        let body = json!({ "QueueUrl": self.url, "Entries": entries }).to_string();
        for _ in 0..BURST / BATCH {
            connection.call(&head, body.as_bytes())?;
        }
        Ok(())
    }

    fn send_quietly(&self) -> anyhow::Result<()> {
        let mut connection = self.connect()?;
        let head = Head::new(self.endpoint, "SendMessage");
        let begun = clock::now();
        for number in 0.. {
            let due = PACE * number;
            if due >= MEASURED || self.over.load(Ordering::Relaxed) {
                break;
            }
            thread::sleep(due.saturating_sub(begun.elapsed()));
            let tenant = format!("tenant-{}", number as usize % TENANTS);
            let mut message = self.message(&tenant, &format!("{QUIET}{}", self.start.elapsed().as_micros()));
            message["QueueUrl"] = self.url.into();
            connection.call(&head, message.to_string().as_bytes())?;
        }
        Ok(())
    }

    fn receive(&self) -> anyhow::Result<Received> {
        let mut connection = self.connect()?;
        let receive = Head::new(self.endpoint, "ReceiveMessage");
        let delete = Head::new(self.endpoint, "DeleteMessage");
        let ask = json!({ "QueueUrl": self.url, "WaitTimeSeconds": 1 }).to_string();
        let mut received = Received::default();
        while !self.over.load(Ordering::Relaxed) {
            let response = connection.call(&receive, ask.as_bytes())?;
            let now = self.start.elapsed();
            let Some(at) = memmem::find(response, BODY) else { continue };
            let body = &response[at + BODY.len()..];
            match body.strip_prefix(QUIET.as_bytes()) {
                None => received.loud += 1,
                Some(micros) => {
                    let digits = micros.iter().take_while(|byte| byte.is_ascii_digit()).count();
                    let sent: u64 = std::str::from_utf8(&micros[..digits])?.parse().context("a time")?;
                    received.quiet.push(now.saturating_sub(Duration::from_micros(sent)));
                }
            }
            let answer: Value = serde_json::from_slice(response)?;
            let handle = &answer["Messages"][0]["ReceiptHandle"];
            thread::sleep(WORK);
            let body = json!({ "QueueUrl": self.url, "ReceiptHandle": handle }).to_string();
            connection.call(&delete, body.as_bytes())?;
        }
        Ok(received)
    }
}
