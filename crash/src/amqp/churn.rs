//! Queues, exchanges and bindings that are made, used and deleted: what was answered is so, whatever happens to the broker.
//!
//! Apart because here it is not messages that are judged but what is declared, and the load knows by itself what must be.

use anyhow::{anyhow, bail};
use millstream_amqp::codec::{Method, Table};

use super::hand::Hand;
use super::link::{Heard, Link, Word, passive};
use super::loads::unless_gone;
use crate::chance::Chance;

/// Names that are used again and again.
const NAMES: [&str; 4] = ["churn-0", "churn-1", "churn-2", "churn-3"];
const KEY: &str = "key";

/// What must be there under a name: a queue, an exchange, and a binding between them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Known {
    There,
    Gone,
    /// It was under way when the broker ended.
    Unknown,
}

/// Makes, looks, uses and deletes, by chance.
pub(super) fn churn(hand: &mut Hand, chance: &mut Chance, _: u64) -> anyhow::Result<()> {
    let mut known = [Known::Unknown; NAMES.len()];
    let mut next_body = 0;
    while hand.ready()?.is_some() {
        let at = chance.below(NAMES.len() as u64) as usize;
        next_body += 1;
        let step = hand.under_way(|hand| turn(&mut hand.link, NAMES[at], &mut known[at], chance, next_body));
        if !unless_gone(step)? {
            hand.link.cut();
        }
    }
    Ok(())
}

fn turn(link: &mut Link, name: &str, known: &mut Known, chance: &mut Chance, body: u64) -> Heard<()> {
    let is_there = match link.ask(&passive(name), stray)? {
        Word::Counted => true,
        Word::Closed(404) => false,
        _ => return Err(anyhow!("a passive declaration of {name} has no answer").into()),
    };
    match (*known, is_there) {
        (Known::There, false) | (Known::Gone, true) => {
            return Err(anyhow!("{name} is {known:?}, and the broker says {is_there}").into());
        }
        (Known::There, true) => use_it(link, name, body)?,
        (Known::Gone, false) | (Known::Unknown, _) => {}
    }
    match (*known, chance.below(2)) {
        (Known::There, 0) => Ok(()),
        (Known::There, _) | (Known::Unknown, 0) => {
            *known = Known::Unknown;
            let queue = Method::QueueDelete {
                ticket: 0,
                queue: name,
                if_unused: false,
                if_empty: false,
                nowait: false,
            };
            link.order(&queue)?;
            link.order(&Method::ExchangeDelete {
                ticket: 0,
                exchange: name,
                if_unused: false,
                nowait: false,
            })?;
            *known = Known::Gone;
            Ok(())
        }
        (Known::Gone | Known::Unknown, _) => {
            *known = Known::Unknown;
            declare(link, name)?;
            *known = Known::There;
            Ok(())
        }
    }
}

fn declare(link: &mut Link, name: &str) -> Heard<()> {
    let arguments = Table::default();
    link.order(&Method::ExchangeDeclare {
        ticket: 0,
        exchange: name,
        exchange_type: "direct",
        passive: false,
        durable: true,
        auto_delete: false,
        internal: false,
        nowait: false,
        arguments,
    })?;
    link.order(&Method::QueueDeclare {
        ticket: 0,
        queue: name,
        passive: false,
        durable: true,
        exclusive: false,
        auto_delete: false,
        nowait: false,
        arguments,
    })?;
    let (queue, exchange) = (name, name);
    link.order(&Method::QueueBind { ticket: 0, queue, exchange, routing_key: KEY, nowait: false, arguments })
}

/// Sends a message through the binding and takes everything out that is there.
fn use_it(link: &mut Link, name: &str, body: u64) -> Heard<()> {
    link.publish(&[(name, KEY, body, true)])?;
    let get = Method::BasicGet { ticket: 0, queue: name, no_ack: true };
    let mut last = None;
    let lost = || anyhow!("message {body} does not come to {name} by its binding");
    loop {
        match link.ask(&get, |_| Err(lost()))? {
            Word::Got(Some(came)) => last = Some(came.number),
            Word::Got(None) if last == Some(body) => return Ok(()),
            // Without a confirm nobody knows when it is there; what is answered behind it comes after it.
            Word::Got(None) => return Err(lost().into()),
            _ => return Err(anyhow!("basic.get on {name} has the answer to something else").into()),
        }
    }
}

fn stray(_: Word) -> anyhow::Result<()> {
    bail!("something is said unasked")
}
