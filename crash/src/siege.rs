//! A broker that is killed again and again while clients settle messages one by one, and what comes of it.
//!
//! Apart because it is the same whichever protocol the clients speak: what they saw is one history, judged message by
//! message (`millstream_testkit::checker::queue`).

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{JoinHandle, sleep};
use std::time::Duration;

use anyhow::{Context as _, anyhow, ensure};
use millstream_testkit::checker::queue::{Event, History, QueueVerdict, Rules, Span, Tally, judge};

use crate::broker::Broker;
use crate::chance::Chance;
use crate::clock;
use crate::options::Options;

/// How exactly times are compared: the broker's clock follows the wall's, a client's does not.
const SLACK_US: u64 = 100_000;
/// A start is killed within this time.
const START_US: u64 = 60_000;
/// Where the history is kept.
const HISTORY: &str = "queues.json";
const CYCLES_PER_LINE: u32 = 100;

/// A client's thread: how it ended, and what it saw.
pub(crate) type Load = (String, JoinHandle<(anyhow::Result<()>, Vec<Event>)>);

/// What the killer counts.
#[derive(Default)]
pub(crate) struct Kills {
    /// Requests were under way.
    pub(crate) mid_load: u64,
    right_after_start: u64,
    starts: Vec<Duration>,
}

/// A run under way.
pub(crate) struct Siege {
    /// What the clients speak.
    protocol: &'static str,
    kills: Kills,
    history: History,
    problems: Vec<anyhow::Error>,
}

/// Microseconds of the clock that all of a history's times are of.
pub(crate) fn now_us() -> u64 {
    clock::now_ns() / 1_000
}

impl Siege {
    pub(crate) fn new(protocol: &'static str, queues: Vec<Rules>) -> Siege {
        let history = History { slack_us: SLACK_US, queues, ..History::default() };
        Siege { protocol, kills: Kills::default(), history, problems: Vec::new() }
    }

    /// Notes how long a start took.
    pub(crate) fn started(&mut self, took: Duration) {
        self.kills.starts.push(took);
    }

    /// Notes what was seen.
    pub(crate) fn saw(&mut self, events: &mut Vec<Event>) {
        self.history.events.append(events);
    }

    /// Notes whether all queues were emptied.
    pub(crate) fn drained(&mut self, outcome: anyhow::Result<()>) {
        self.history.is_drained = outcome.is_ok();
        self.problems.extend(outcome.err());
    }

    /// Kills the broker as often as asked for, and starts it again.
    pub(crate) fn kill_all(
        &mut self,
        options: &Options,
        chance: &mut Chance,
        broker: &mut Broker,
        under_way: &AtomicU64,
        loads: &[Load],
    ) {
        let outcome = (1..=options.cycles).try_for_each(|cycle| {
            self.kill(options, chance, broker, under_way, loads, cycle)?;
            if cycle.is_multiple_of(CYCLES_PER_LINE) {
                println!("{cycle} cycles");
            }
            Ok(())
        });
        self.problems.extend(outcome.err());
        // Everything that was under way may come to its end.
        sleep(Duration::from_secs_f64(options.seconds_per_cycle.max(1.0)));
    }

    fn kill(
        &mut self,
        options: &Options,
        chance: &mut Chance,
        broker: &mut Broker,
        under_way: &AtomicU64,
        loads: &[Load],
        cycle: u32,
    ) -> anyhow::Result<()> {
        let life_us = (options.seconds_per_cycle * 2e6) as u64;
        let at_start = cycle > 1 && chance.below(5) == 0;
        sleep(Duration::from_micros(chance.below(if at_start { START_US } else { life_us.max(1) })));
        self.kills.mid_load += u64::from(under_way.load(Ordering::SeqCst) > 0);
        self.kills.right_after_start += u64::from(at_start);
        let mut from = now_us();
        broker.kill()?;
        let ended = loads.iter().find(|(_, load)| load.is_finished());
        ensure!(ended.is_none(), "the load {} ended before the run did", ended.map_or("", |(name, _)| name));
        broker.spawn()?;
        // A start that is killed need not have become ready; the one after it is measured.
        if chance.below(6) == 0 {
            sleep(Duration::from_micros(chance.below(START_US)));
            let again = now_us();
            broker.kill()?;
            // It may have served somebody meanwhile.
            self.history.events.push(Event::Restart(Span { from, to: again }));
            from = again;
            broker.spawn()?;
        }
        self.kills.starts.push(broker.ready()?);
        self.history.events.push(Event::Restart(Span { from, to: now_us() }));
        Ok(())
    }

    /// Waits for the clients, which know that the run is over.
    pub(crate) fn join(&mut self, loads: Vec<Load>) {
        for (name, load) in loads {
            match load.join() {
                Ok((outcome, mut events)) => {
                    self.history.events.append(&mut events);
                    self.problems.extend(outcome.with_context(|| format!("the load {name}")).err());
                }
                Err(_) => self.problems.push(anyhow!("the load {name} panicked")),
            }
        }
    }

    /// Keeps the history in a folder, judges it and prints what was found.
    ///
    /// # Errors
    /// If anything is wrong.
    pub(crate) fn conclude(self, seed: u64, dir: &Path) -> anyhow::Result<(Kills, Tally)> {
        let Siege { protocol, kills, history, problems } = self;
        let file = std::fs::File::create(dir.join(HISTORY))?;
        serde_json::to_writer(std::io::BufWriter::new(file), &history)?;
        let verdict = judge(&history);
        let mut starts = kills.starts.clone();
        starts.sort_unstable();
        let p50 = starts.get(starts.len() / 2).copied().unwrap_or_default();
        let max = starts.last().copied().unwrap_or_default();
        println!("seed                {seed}, {protocol} clients");
        println!(
            "kills               {} ({} mid-load, {} right after a start)",
            verdict.tally.restarts, kills.mid_load, kills.right_after_start
        );
        println!("restart             p50 {} ms, max {} ms", p50.as_millis(), max.as_millis());
        print_verdict(&verdict);
        for problem in &problems {
            println!("problem             {problem:#}");
        }
        ensure!(
            verdict.anomalies.is_empty() && problems.is_empty(),
            "{} anomalies, {} problems",
            verdict.anomalies.total(),
            problems.len()
        );
        Ok((kills, verdict.tally))
    }
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

/// Fewer cycles than this may see little of what comes about by chance.
const TELLING_CYCLES: u32 = 100;

/// How many cycles what comes about by chance is measured by: those of a short run tell nothing.
pub(crate) fn telling(cycles: u32) -> u64 {
    if cycles < TELLING_CYCLES { 0 } else { cycles.into() }
}

/// What a run did too little of, for what it is for.
#[derive(Default)]
pub(crate) struct Missing(Vec<String>);

impl Missing {
    /// Notes what there is less of than there should be.
    pub(crate) fn wants(&mut self, what: &'static str, count: u64, least: u64) {
        if count < least {
            self.0.push(format!("{what}: {count}, not {least}"));
        }
    }

    /// # Errors
    /// When anything was noted.
    pub(crate) fn close(self) -> anyhow::Result<()> {
        ensure!(self.0.is_empty(), "too little happened: {}", self.0.join("; "));
        Ok(())
    }
}
