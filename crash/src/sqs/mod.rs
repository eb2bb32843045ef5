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
use std::thread::{JoinHandle, sleep};
use std::time::Duration;

use anyhow::{Context as _, anyhow, ensure};
use hand::{Hand, Shared, now_us};
use loads::LOADS;
use millstream_testkit::checker::queue::{Event, History, QueueVerdict, Span, judge};
use queues::ALL;

use crate::broker::Broker;
use crate::chance::Chance;
use crate::options::Options;

/// The purpose of the killer's chance; those of the loads follow it.
const CHANCE: u64 = 100;
/// How exactly times are compared: the broker's clock follows the wall's, a client's does not.
const SLACK_US: u64 = 100_000;
/// A start is killed within this time.
const START_US: u64 = 60_000;
/// All queues are empty within this time after the last start.
const DRAIN_MAX_US: u64 = 90_000_000;
/// What is taken out at the end is out so long.
const DRAIN_LEASE_S: u64 = 60;
/// Where the history is kept.
const HISTORY: &str = "queues.json";
const CYCLES_PER_LINE: u32 = 100;

/// What the killer counts.
#[derive(Default)]
struct Kills {
    events: Vec<Event>,
    /// Requests were under way.
    mid_load: u64,
    right_after_start: u64,
    starts: Vec<Duration>,
}

/// Runs and reports.
///
/// # Errors
/// If anything is wrong.
pub(crate) fn run(options: &Options, seed: u64, dir: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(dir)?;
    let mut broker = Broker::new(&options.broker, dir.join("data"), dir.join("broker.log"))?;
    let address = broker.serve_aws()?;
    let shared = Arc::new(Shared::default());
    let mut kills = Kills::default();
    broker.spawn()?;
    kills.starts.push(broker.ready()?);
    let mut hand = Hand::new(address, &shared);
    ensure!(hand.ready(), "the run is over before it began");
    // Dead letters first: others name them.
    for queue in ALL.iter().rev() {
        hand.create(queue)?;
    }
    let loads: Vec<_> = LOADS
        .iter()
        .zip(CHANCE + 1..)
        .map(|((name, load, number), purpose)| {
            let (mut hand, mut chance) = (Hand::new(address, &shared), Chance::new(seed, purpose));
            let run = move || (load(&mut hand, &mut chance, *number), hand.events);
            (*name, std::thread::spawn(run))
        })
        .collect();
    let killing = kill_all(options, seed, &mut broker, &shared, &loads, &mut kills);
    shared.over.store(true, Ordering::SeqCst);
    let mut history = History { slack_us: SLACK_US, ..History::default() };
    history.queues = ALL.iter().map(queues::Queue::rules).collect();
    history.events.append(&mut kills.events);
    let mut problems: Vec<anyhow::Error> = killing.err().into_iter().collect();
    for (name, load) in loads {
        match load.join() {
            Ok((outcome, mut events)) => {
                history.events.append(&mut events);
                problems.extend(outcome.with_context(|| format!("the load {name}")).err());
            }
            Err(_) => problems.push(anyhow!("the load {name} panicked")),
        }
    }
    if broker.is_running() {
        match drain(&mut hand) {
            Ok(()) => history.is_drained = true,
            Err(error) => problems.push(error),
        }
    }
    history.events.append(&mut hand.events);
    let file = std::fs::File::create(dir.join(HISTORY))?;
    serde_json::to_writer(std::io::BufWriter::new(file), &history)?;
    drop(broker);
    let verdict = judge(&history);
    print(seed, &kills, &verdict);
    for problem in &problems {
        println!("problem             {problem:#}");
    }
    ensure!(
        verdict.anomalies.is_empty() && problems.is_empty(),
        "{} anomalies, {} problems",
        verdict.anomalies.total(),
        problems.len()
    );
    guard(&kills, &verdict, options.cycles)
}

/// Judges a history that was kept, if there is one.
///
/// # Errors
/// When it cannot be read, or has anomalies.
pub(crate) fn judge_kept(dir: &Path) -> anyhow::Result<bool> {
    let path = dir.join(HISTORY);
    if !path.exists() {
        return Ok(false);
    }
    let history: History = serde_json::from_reader(std::io::BufReader::new(std::fs::File::open(path)?))?;
    let verdict = judge(&history);
    print_verdict(&verdict);
    ensure!(verdict.anomalies.is_empty(), "{} anomalies", verdict.anomalies.total());
    Ok(true)
}

type Loads = [(&'static str, JoinHandle<(anyhow::Result<()>, Vec<Event>)>)];

fn kill_all(
    options: &Options,
    seed: u64,
    broker: &mut Broker,
    shared: &Shared,
    loads: &Loads,
    kills: &mut Kills,
) -> anyhow::Result<()> {
    let mut chance = Chance::new(seed, CHANCE);
    for cycle in 1..=options.cycles {
        let life_us = (options.seconds_per_cycle * 2e6) as u64;
        let at_start = cycle > 1 && chance.below(5) == 0;
        sleep(Duration::from_micros(chance.below(if at_start { START_US } else { life_us.max(1) })));
        kills.mid_load += u64::from(shared.under_way.load(Ordering::SeqCst) > 0);
        kills.right_after_start += u64::from(at_start);
        let from = now_us();
        broker.kill()?;
        let ended = loads.iter().find(|(_, load)| load.is_finished());
        ensure!(ended.is_none(), "the load {} ended before the run did", ended.map_or("", |(name, _)| name));
        broker.spawn()?;
        // A start that is killed need not have become ready; the one after it is measured.
        let is_killed = chance.below(6) == 0;
        if is_killed {
            sleep(Duration::from_micros(chance.below(START_US)));
            broker.kill()?;
            broker.spawn()?;
        }
        kills.starts.push(broker.ready()?);
        kills.events.push(Event::Restart(Span { from, to: now_us() }));
        if cycle.is_multiple_of(CYCLES_PER_LINE) {
            println!("{cycle} cycles");
        }
    }
    // Everything that was under way may come to its end.
    sleep(Duration::from_secs_f64(options.seconds_per_cycle.max(1.0)));
    Ok(())
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

fn print(seed: u64, kills: &Kills, verdict: &QueueVerdict) {
    let mut starts = kills.starts.clone();
    starts.sort_unstable();
    let p50 = starts.get(starts.len() / 2).copied().unwrap_or_default();
    let max = starts.last().copied().unwrap_or_default();
    println!("seed                {seed}, SQS clients");
    println!(
        "kills               {} ({} mid-load, {} right after a start)",
        verdict.tally.restarts, kills.mid_load, kills.right_after_start
    );
    println!("restart             p50 {} ms, max {} ms", p50.as_millis(), max.as_millis());
    print_verdict(verdict);
}

fn print_verdict(verdict: &QueueVerdict) {
    for (what, count) in verdict.tally.lines() {
        println!("  {what:<25} {count:>9}");
    }
    println!("anomalies           {}", verdict.anomalies.total());
    for (kind, count, examples) in verdict.anomalies.iter() {
        println!("  {count} × {}", kind.name());
        for example in examples {
            println!("      {example}");
        }
    }
}

/// Fails a run that did not do what it is for.
fn guard(kills: &Kills, verdict: &QueueVerdict, cycles: u32) -> anyhow::Result<()> {
    let tally = &verdict.tally;
    let least = u64::from(cycles);
    let mut missing = Vec::new();
    let mut wants = |what: &'static str, count: u64, least: u64| {
        if count < least {
            missing.push(format!("{what}: {count}, not {least}"));
        }
    };
    wants("kills", tally.restarts, least);
    wants("kills mid-load", kills.mid_load, least / 2);
    wants("messages sent", tally.sent, least * 5);
    wants("acks", tally.acked, least * 5);
    wants("redeliveries", tally.redelivered, least);
    wants("leases prolonged", tally.renewed, least / 4);
    wants("dead letters", tally.moved, least / 4);
    wants("counts compared", tally.counted, least / 4);
    wants("sends in doubt", tally.sent_unknown, least / 8);
    wants("acks in doubt", tally.acked_unknown, least / 16);
    wants("receives in doubt", tally.polls_lost, least / 8);
    wants("messages moved back", tally.moved_back, u64::from(cycles > 100));
    ensure!(missing.is_empty(), "too little happened: {}", missing.join("; "));
    Ok(())
}
