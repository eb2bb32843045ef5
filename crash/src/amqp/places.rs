//! The queues, exchanges and bindings of a run, and what holds for them.
//!
//! Apart because the clients make them and the judge has to know the same of them. Where a message goes is told here in plain
//! words, binding by binding: it is what the broker's tables are compared with.
//!
//! ```text
//! ""       (default)   the queue of that name
//! narrow   direct      work ─► work      (any other key: nowhere)
//! events   topic       # and *.b ─► fan-all     a.* ─► fan-a     *.b ─► aside
//! aside    fanout      ─► fan-b          bound to an exchange, not to a queue
//! picky    direct      known ─► plain    (any other key: its alternate, rest)
//! rest     fanout      ─► rest
//! graves   direct      dead letters: work ─► work-letters     brief ─► brief-letters
//! ```

use anyhow::Context as _;
use millstream_amqp::codec::{Method, TableBuilder, Value};
use millstream_testkit::checker::queue::Rules;

use super::link::{Heard, Link};

/// A message of this queue lives so long, in microseconds.
const BRIEF_US: u64 = 1_500_000;
/// Deliveries that may fail; the one after them is the last.
const LIMIT: u32 = 3;
/// More queues than there are: a copy's number is its message's times this, and its first queue.
const PLACES: u64 = 16;

/// A queue.
pub(super) struct Queue {
    pub(super) name: &'static str,
    is_quorum: bool,
    /// Where its dead letters are found.
    letters: Option<usize>,
}

const fn queue(name: &'static str, is_quorum: bool, letters: Option<usize>) -> Queue {
    Queue { name, is_quorum, letters }
}

pub(super) const PLAIN: usize = 0;
pub(super) const WORK: usize = 1;
pub(super) const WORK_LETTERS: usize = 2;
pub(super) const ORDERS: usize = 3;
pub(super) const BRIEF: usize = 4;
pub(super) const BRIEF_LETTERS: usize = 5;
pub(super) const FAN_ALL: usize = 6;
pub(super) const FAN_A: usize = 7;
pub(super) const FAN_B: usize = 8;
pub(super) const REST: usize = 9;

/// All of them.
pub(super) const ALL: [Queue; 10] = [
    queue("plain", true, None),
    queue("work", true, Some(WORK_LETTERS)),
    queue("work-letters", true, None),
    queue("orders", false, None),
    queue("brief", true, Some(BRIEF_LETTERS)),
    queue("brief-letters", true, None),
    queue("fan-all", false, None),
    queue("fan-a", true, None),
    queue("fan-b", false, None),
    queue("rest", false, None),
];

/// Where messages are published: exchange and routing key.
pub(super) const ADDRESSES: [(&str, &str); 14] = [
    ("", "plain"),
    ("", "work"),
    ("", "orders"),
    ("", "brief"),
    ("", "nobody"),
    ("narrow", "work"),
    ("narrow", "nobody"),
    ("events", "a.a"),
    ("events", "a.b"),
    ("events", "c.b"),
    ("events", "a"),
    ("events", "a.b.b"),
    ("picky", "known"),
    ("picky", "unknown"),
];

/// The queues that a message goes to.
pub(super) fn targets(exchange: &str, key: &str) -> Vec<usize> {
    match (exchange, key) {
        ("", name) => ALL.iter().position(|queue| queue.name == name).into_iter().collect(),
        ("narrow", "work") => vec![WORK],
        ("events", key) => {
            let words: Vec<&str> = key.split('.').collect();
            let (starts, ends) = (words.len() == 2 && words[0] == "a", words.len() == 2 && words[1] == "b");
            let also = [(starts, FAN_A), (ends, FAN_B)].into_iter().filter(|(is, _)| *is);
            std::iter::once(FAN_ALL).chain(also.map(|(_, queue)| queue)).collect()
        }
        ("picky", "known") => vec![PLAIN],
        ("picky", _) => vec![REST],
        _ => Vec::new(),
    }
}

/// The number of a message's copy in one of its queues, where it is first.
pub(super) fn copy(message: u64, queue: usize) -> u64 {
    message * PLACES + queue as u64
}

/// The number of the copy that was found in a queue, where it may be as a dead letter.
pub(super) fn copy_in(message: u64, queue: usize) -> u64 {
    let first = ALL.iter().position(|other| other.letters == Some(queue)).unwrap_or(queue);
    copy(message, first)
}

/// The number of a message, which its body begins with.
pub(super) fn message_of(body: &[u8]) -> anyhow::Result<u64> {
    let text = std::str::from_utf8(body)?;
    Ok(text.split(':').next().context("a body without a number")?.parse()?)
}

impl Queue {
    fn arguments(&self) -> TableBuilder {
        let mut table = TableBuilder::default();
        if self.is_quorum {
            table.put("x-queue-type", Value::Long(b"quorum"));
        }
        match self.name {
            "orders" => {
                table.put("x-single-active-consumer", Value::Bool(true));
            }
            "work" => {
                table.put("x-delivery-limit", Value::I32(i32::try_from(LIMIT).expect("it is small")));
            }
            "brief" => {
                let ms = i64::try_from(BRIEF_US / 1_000).expect("it is small");
                table.put("x-message-ttl", Value::I64(ms));
            }
            _ => {}
        }
        if self.is_quorum && self.name != "work" {
            table.put("x-delivery-limit", Value::I32(-1));
        }
        if self.letters.is_some() {
            table.put("x-dead-letter-exchange", Value::Long(b"graves"));
            table.put("x-dead-letter-routing-key", Value::Long(self.name.as_bytes()));
        }
        table
    }

    /// How long a message of it lives, in microseconds.
    pub(super) fn time_to_live_us(&self) -> Option<u64> {
        (self.name == "brief").then_some(BRIEF_US)
    }

    pub(super) fn rules(&self) -> Rules {
        Rules {
            name: self.name.to_owned(),
            ordered: self.name == "orders",
            single: self.name == "orders",
            delivery_limit: (self.name == "work").then_some(LIMIT + 1),
            dead_letter: self.letters,
            says_again: !self.is_quorum,
            ..Rules::default()
        }
    }
}

/// Makes everything.
pub(super) fn declare(link: &mut Link) -> Heard<()> {
    let mut alternate = TableBuilder::default();
    alternate.put("alternate-exchange", Value::Long(b"rest"));
    let (with_alternate, plain) = (alternate.table(), TableBuilder::default());
    let exchanges = [
        ("narrow", "direct"),
        ("events", "topic"),
        ("aside", "fanout"),
        ("rest", "fanout"),
        ("picky", "direct"),
        ("graves", "direct"),
    ];
    for (exchange, exchange_type) in exchanges {
        let arguments = if exchange == "picky" { with_alternate } else { plain.table() };
        link.order(&Method::ExchangeDeclare {
            ticket: 0,
            exchange,
            exchange_type,
            passive: false,
            durable: true,
            auto_delete: false,
            internal: false,
            nowait: false,
            arguments,
        })?;
    }
    for queue in &ALL {
        let arguments = queue.arguments();
        link.order(&Method::QueueDeclare {
            ticket: 0,
            queue: queue.name,
            passive: false,
            durable: true,
            exclusive: false,
            auto_delete: false,
            nowait: false,
            arguments: arguments.table(),
        })?;
    }
    let bindings = [
        ("narrow", "work", "work"),
        ("events", "#", "fan-all"),
        ("events", "*.b", "fan-all"),
        ("events", "a.*", "fan-a"),
        ("aside", "", "fan-b"),
        ("rest", "", "rest"),
        ("picky", "known", "plain"),
        ("graves", "work", "work-letters"),
        ("graves", "brief", "brief-letters"),
    ];
    for (exchange, routing_key, queue) in bindings {
        link.order(&Method::QueueBind {
            ticket: 0,
            queue,
            exchange,
            routing_key,
            nowait: false,
            arguments: plain.table(),
        })?;
    }
    link.order(&Method::ExchangeBind {
        ticket: 0,
        destination: "aside",
        source: "events",
        routing_key: "*.b",
        nowait: false,
        arguments: plain.table(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_goes_where_its_bindings_lead() {
        let names = |exchange, key| -> Vec<&str> {
            targets(exchange, key).into_iter().map(|queue| ALL[queue].name).collect()
        };
        assert_eq!(names("events", "a.b"), ["fan-all", "fan-a", "fan-b"]);
        assert_eq!(names("events", "a.b.b"), ["fan-all"]);
        assert_eq!(names("events", "c.b"), ["fan-all", "fan-b"]);
        assert_eq!(names("picky", "what"), ["rest"]);
        assert_eq!(names("narrow", "nobody"), [""; 0]);
        assert_eq!(names("", "brief"), ["brief"]);
        assert_eq!(names("", "nobody"), [""; 0]);
    }

    #[test]
    fn a_dead_letter_is_the_copy_that_died() {
        assert_eq!(copy_in(7, WORK_LETTERS), copy(7, WORK));
        assert_eq!(copy_in(7, FAN_B), copy(7, FAN_B));
        assert_eq!(message_of(b"12:xx").unwrap(), 12);
    }
}
