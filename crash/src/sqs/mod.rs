//! The same with SQS clients: the broker is killed while they send, receive, delete, prolong and move, and what they saw is judged
//! message by message.
//!
//! Apart from the run with Kafka clients because something else is promised and another judge judges it
//! (`millstream_testkit::checker::queue`). The broker's process and the chance are the same.

mod hand;
pub mod http;
mod loads;
mod queues;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::sleep;
use std::time::Duration;

use anyhow::ensure;
use hand::{Hand, Shared};
use loads::LOADS;
use millstream_testkit::checker::queue::Tally;
use queues::ALL;

use crate::broker::Broker;
use crate::chance::Chance;
use crate::options::Options;
use crate::siege::{self, Siege, now_us};

/// The purpose of the killer's chance; those of the loads follow it.
const CHANCE: u64 = 100;
/// All queues are empty within this time after the last start.
const DRAIN_MAX_US: u64 = 90_000_000;
/// What is taken out at the end is out so long.
const DRAIN_LEASE_S: u64 = 60;

/// Runs and reports.
///
/// # Errors
/// If anything is wrong.
pub(crate) fn run(options: &Options, seed: u64, dir: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(dir)?;
    let mut broker = Broker::new(&options.broker, dir.join("data"), dir.join("broker.log"))?;
    let address = broker.serve_aws()?;
    let shared = Arc::new(Shared::default());
    let mut siege = Siege::new("SQS", ALL.iter().map(queues::Queue::rules).collect());
    broker.spawn()?;
    siege.started(broker.ready()?);
    let mut hand = Hand::new(address, &shared);
    ensure!(hand.ready(), "the run is over before it began");
    // Dead letters first: others name them.
    for queue in ALL.iter().rev() {
        hand.create(queue)?;
    }
    let loads: Vec<siege::Load> = LOADS
        .iter()
        .zip(CHANCE + 1..)
        .map(|((name, load, number), purpose)| {
            let (mut hand, mut chance) = (Hand::new(address, &shared), Chance::new(seed, purpose));
            let run = move || (load(&mut hand, &mut chance, *number), hand.events);
            ((*name).to_owned(), std::thread::spawn(run))
        })
        .collect();
    let mut chance = Chance::new(seed, CHANCE);
    siege.kill_all(options, &mut chance, &mut broker, &shared.under_way, &loads);
    shared.over.store(true, Ordering::SeqCst);
    siege.join(loads);
    if broker.is_running() {
        siege.drained(drain(&mut hand));
    }
    siege.saw(&mut hand.events);
    drop(broker);
    let (kills, tally) = siege.conclude(seed, dir)?;
    guard(&kills, &tally, options.cycles)
}

/// Empties all queues.
fn drain(hand: &mut Hand) -> anyhow::Result<()> {
    let until = now_us() + DRAIN_MAX_US;
    loop {
        ensure!(hand.connect(), "the broker takes no connection");
        for queue in 0..ALL.len() {
            loop {
                let received = hand.receive(queue, 10, 0, Some(DRAIN_LEASE_S))?;
                hand.delete(queue, &received)?;
                if received.is_empty() {
                    break;
                }
            }
        }
        let mut left = 0;
        for queue in 0..ALL.len() {
            left += hand.count(queue)?.unwrap_or(1);
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
    wants("messages sent", tally.sent, least * 5);
    wants("acks", tally.acked, least * 5);
    wants("redeliveries", tally.redelivered, telling);
    wants("leases prolonged", tally.renewed, telling / 4);
    wants("dead letters", tally.moved, telling / 4);
    wants("counts compared", tally.counted, telling / 4);
    wants("sends in doubt", tally.sent_unknown, telling / 8);
    wants("acks in doubt", tally.acked_unknown, telling / 16);
    wants("receives in doubt", tally.polls_lost, telling / 8);
    wants("messages moved back", tally.moved_back, u64::from(cycles > 100));
    missing.close()
}
