//! The queues of a run, and what holds for them.
//!
//! Apart because the clients make them and the judge has to know the same of them.

use millstream_testkit::checker::queue::Rules;
use serde_json::{Value, json};

/// How long a lease lasts unless its receiver says otherwise, in microseconds: shorter than most lives of the broker are.
pub(super) const LEASE_US: u64 = 1_000_000;
/// An id is remembered so long by every FIFO queue, in microseconds.
const DEDUP_WINDOW_US: u64 = 300_000_000;

/// A queue.
pub(super) struct Queue {
    pub(super) name: &'static str,
    /// Where its messages go, after how many deliveries.
    pub(super) letters: Option<(usize, u32)>,
}

pub(super) const PLAIN: usize = 0;
pub(super) const WORK: usize = 1;
pub(super) const WORK_LETTERS: usize = 2;
pub(super) const ORDERS: usize = 3;
pub(super) const ORDER_LETTERS: usize = 4;

/// All of them.
pub(super) const ALL: [Queue; 5] = [
    Queue { name: "plain", letters: None },
    Queue { name: "work", letters: Some((WORK_LETTERS, 4)) },
    Queue { name: "work-letters", letters: None },
    Queue { name: "orders.fifo", letters: Some((ORDER_LETTERS, 4)) },
    Queue { name: "order-letters.fifo", letters: None },
];

pub(super) fn arn(name: &str) -> String {
    format!("arn:aws:sqs:us-east-1:000000000000:{name}")
}

impl Queue {
    pub(super) fn is_fifo(&self) -> bool {
        self.name.ends_with(".fifo")
    }

    pub(super) fn attributes(&self) -> Value {
        let mut attributes = json!({"VisibilityTimeout": (LEASE_US / 1_000_000).to_string()});
        if self.is_fifo() {
            attributes["FifoQueue"] = json!("true");
        }
        if let Some((letters, limit)) = self.letters {
            let policy = json!({"deadLetterTargetArn": arn(ALL[letters].name), "maxReceiveCount": limit});
            attributes["RedrivePolicy"] = json!(policy.to_string());
        }
        attributes
    }

    pub(super) fn rules(&self) -> Rules {
        Rules {
            name: self.name.to_owned(),
            ordered: self.is_fifo(),
            lenient: !self.is_fifo(),
            gone_is_done: true,
            delivery_limit: self.letters.map(|(_, limit)| limit),
            dead_letter: self.letters.map(|(letters, _)| letters),
            dedup_window_us: self.is_fifo().then_some(DEDUP_WINDOW_US),
            ..Rules::default()
        }
    }
}
