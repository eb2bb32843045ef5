//! The same with AMQP clients: the broker is killed while they publish with confirms and in transactions, through exchanges to
//! several queues, consume, settle, reject and go away, and what they saw is judged message by message.
//!
//! Apart from the run with SQS clients because here messages are pushed, leases end with their connections, and one message is
//! in several queues. The judge is the same.

mod churn;
mod hand;
mod link;
mod loads;
mod places;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, anyhow, ensure};
use hand::{Hand, Shared};
use link::{Heard, Silence};
use loads::{LOADS, take_some};
use millstream_testkit::checker::queue::{Act, Count, Event, Span, Tally};
use places::{ALL, ORDERS, PLAIN};
use serde_json::json;

use crate::broker::Broker;
use crate::chance::Chance;
use crate::options::Options;
use crate::siege::{self, Siege, now_us};
use crate::sqs::http::Client;

/// The purpose of the killer's chance; those of the loads follow it.
const CHANCE: u64 = 200;
/// All queues are empty within this time after the last start.
const DRAIN_MAX_US: u64 = 90_000_000;
/// Messages that are taken out at the end before they are settled.
const DRAIN_TOGETHER: usize = 100;

/// Runs and reports.
///
/// # Errors
/// If anything is wrong.
pub(crate) fn run(options: &Options, seed: u64, dir: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(dir)?;
    let mut broker = Broker::new(&options.broker, dir.join("data"), dir.join("broker.log"))?;
    let (address, aws) = (broker.serve_amqp()?, broker.serve_aws()?);
    let shared = Arc::new(Shared::default());
    let mut siege = Siege::new("AMQP", ALL.iter().map(places::Queue::rules).collect());
    broker.spawn()?;
    siege.started(broker.ready()?);
    let mut hand = Hand::new(address, &shared);
    ensure!(hand.ready()?.is_some(), "the run is over before it began");
    said(places::declare(&mut hand.link)).context("making queues and exchanges")?;
    let mut loads: Vec<siege::Load> = LOADS
        .iter()
        .zip(CHANCE + 1..)
        .map(|((name, load, number), purpose)| {
            let (mut hand, mut chance) = (Hand::new(address, &shared), Chance::new(seed, purpose));
            let run = move || (load(&mut hand, &mut chance, *number), hand.events);
            ((*name).to_owned(), std::thread::spawn(run))
        })
        .collect();
    loads.push(("count".to_owned(), {
        let shared = shared.clone();
        std::thread::spawn(move || {
            let mut events = Vec::new();
            (count(&shared, aws, &mut events), events)
        })
    }));
    let mut chance = Chance::new(seed, CHANCE);
    siege.kill_all(options, &mut chance, &mut broker, &shared.under_way, &loads);
    shared.over.store(true, Ordering::SeqCst);
    siege.join(loads);
    if broker.is_running() {
        siege.drained(drain(&mut hand, aws));
    }
    siege.saw(&mut hand.events);
    drop(broker);
    let (kills, tally) = siege.conclude(seed, dir)?;
    guard(&kills, &tally, options.cycles)
}

/// Where a broker that is gone is a mistake.
fn said<T>(outcome: Heard<T>) -> anyhow::Result<T> {
    outcome.map_err(|silence| match silence {
        Silence::Gone => anyhow!("the connection is gone"),
        Silence::Wrong(error) => error,
    })
}

/// How many messages a queue has: all, and those that are out. SQS clients are told that of any queue, with what is on its way
/// to the dead letters.
fn counts(client: &mut Client, queue: usize) -> anyhow::Result<Option<(u64, u64)>> {
    let url = format!("http://localhost/000000000000/{}", ALL[queue].name);
    let ask = json!({"QueueUrl": url, "AttributeNames": ["All"]});
    let Ok(answer) = client.ask("GetQueueAttributes", &ask) else { return Ok(None) };
    if answer.status == 503 {
        return Ok(None);
    }
    let body: serde_json::Value = serde_json::from_slice(&answer.body)?;
    ensure!(answer.status == 200, "counting {} is answered with {body}", ALL[queue].name);
    let number = |name: &str| -> anyhow::Result<u64> {
        let text = body["Attributes"][format!("ApproximateNumberOfMessages{name}")].as_str();
        Ok(text.with_context(|| format!("no count: {body}"))?.parse()?)
    };
    let leased = number("NotVisible")?;
    Ok(Some((number("")? + leased + number("Delayed")?, leased)))
}

/// Counts the messages of a queue that loses none elsewhere.
fn count(shared: &Shared, aws: SocketAddr, events: &mut Vec<Event>) -> anyhow::Result<()> {
    let mut client = Client::new(aws);
    while !shared.over.load(Ordering::SeqCst) {
        let from = now_us();
        if let Some((messages, leased)) = counts(&mut client, PLAIN)? {
            let at = Span { from, to: now_us() };
            events.push(Event::Count(Count { queue: PLAIN, at, messages, leased }));
        }
        sleep(Duration::from_millis(300));
    }
    Ok(())
}

/// Empties all queues.
fn drain(hand: &mut Hand, aws: SocketAddr) -> anyhow::Result<()> {
    let until = now_us() + DRAIN_MAX_US;
    // What the run said on this connection is over.
    hand.link.cut();
    ensure!(hand.link.connect()?.0, "the broker takes no connection");
    let mut client = Client::new(aws);
    loop {
        for queue in 0..ALL.len() {
            // Whoever takes several out at once keeps no order.
            let most = if queue == ORDERS { 1 } else { DRAIN_TOGETHER };
            while said(take_some(hand, queue, most, Act::Ack { late: false }))? > 0 {}
        }
        let mut left = 0;
        for queue in 0..ALL.len() {
            left += counts(&mut client, queue)?.map_or(1, |(messages, _)| messages);
        }
        if left == 0 {
            return Ok(());
        }
        ensure!(now_us() < until, "{left} messages do not come");
        sleep(Duration::from_millis(100));
    }
}

/// Fails a run that did not do what it is for.
fn guard(kills: &siege::Kills, tally: &Tally, cycles: u32) -> anyhow::Result<()> {
    let least = u64::from(cycles);
    let telling = siege::telling(cycles);
    let mut missing = siege::Missing::default();
    let mut wants = |what, count, least| missing.wants(what, count, least);
    wants("kills", tally.restarts, least);
    wants("kills mid-load", kills.mid_load, telling / 2);
    wants("messages sent", tally.sent, least * 10);
    wants("copies delivered", tally.copies, telling * 2);
    wants("acks", tally.acked, least * 5);
    wants("redeliveries", tally.redelivered, telling);
    wants("given back or rejected", tally.given_back, telling);
    wants("dead letters", tally.moved, telling / 4);
    wants("counts compared", tally.counted, telling / 4);
    wants("sends in doubt", tally.sent_unknown, telling / 8);
    wants("acks in doubt", tally.acked_unknown, telling / 16);
    wants("deliveries in doubt", tally.polls_lost, telling / 4);
    missing.close()
}
