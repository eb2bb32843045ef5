//! A run: start everything, kill the broker again and again, read everything, judge.
//!
//! Apart because this is the order in which things happen; how each is done is elsewhere.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{JoinHandle, sleep};
use std::time::Duration;

use anyhow::{Context as _, anyhow, ensure};
use millstream_testkit::checker::Anomaly;
use millstream_testkit::history::{Event, Op, Writer};

use crate::broker::Broker;
use crate::chance::Chance;
use crate::judge::judge;
use crate::load::churn::Kept;
use crate::load::produce::Plan;
use crate::load::{self, FAST, SHARED, TRIMMED, World};
use crate::moment::{Moments, wait_until};
use crate::options::{Front, Options};
use crate::programs::Program;
use crate::{amqp, clock, disk, drain, report, siege, sqs};

/// The purpose of the killer's chance.
const CHANCE: u64 = 1;
/// A load says within this time that it does what the killer waits for; the broker may take long to start.
const MOMENT_MAX: Duration = Duration::from_secs(2);
/// A checkpoint needs some 64 MiB of writes first.
const CHECKPOINT_MAX: Duration = Duration::from_secs(10);
/// After a moment came, the kill follows within this time.
const AFTER_MOMENT_US: u64 = 8_000;
/// A start is killed within this time.
const START_US: u64 = 40_000;
/// One kill in so many waits for a checkpoint: one of a short run, too.
const CHECKPOINT_ONE_IN: u32 = 14;
const CYCLES_PER_LINE: u32 = 100;
/// Clients start slowly; kills begin when they are there.
const CLIENTS_MAX: Duration = Duration::from_secs(60);

/// When the broker is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum When {
    Load,
    Start,
    Create,
    Delete,
    Trim,
    Commit,
    Checkpoint,
}

impl When {
    pub(crate) const ALL: [When; 7] =
        [Self::Load, Self::Start, Self::Create, Self::Delete, Self::Trim, Self::Commit, Self::Checkpoint];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Load => "at some time",
            Self::Start => "right after a start",
            Self::Create => "during a topic's creation",
            Self::Delete => "during a topic's deletion",
            Self::Trim => "during DeleteRecords",
            Self::Commit => "during a commit of offsets",
            Self::Checkpoint => "during a checkpoint",
        }
    }
}

/// What the killer counts.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) by_moment: BTreeMap<When, u64>,
    /// How long each start took until the broker was ready.
    pub(crate) starts: Vec<Duration>,
}

impl Counts {
    pub(crate) fn kills(&self) -> u64 {
        self.by_moment.values().sum()
    }
}

/// Runs and reports.
///
/// # Errors
/// If anything is wrong.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let seed = options.seed.unwrap_or_else(|| clock::now_ns() % 1_000_000_000);
    let dir = options.target.join(seed.to_string());
    println!("seed {seed}; history in {}", dir.display());
    if dir.exists() {
        std::fs::remove_dir_all(&dir)?;
    }
    let asked = |front| matches!(options.front, Front::All) || options.front == front;
    // A loss is planted in a log.
    let all = || -> anyhow::Result<()> {
        if asked(Front::Kafka) || options.plant_loss {
            inside(options, seed, &dir.join("kafka"))?;
        }
        if asked(Front::Sqs) && !options.plant_loss {
            sqs::run(options, seed, &dir.join("sqs"))?;
        }
        if asked(Front::Amqp) && !options.plant_loss {
            amqp::run(options, seed, &dir.join("amqp"))?;
        }
        Ok(())
    };
    let outcome = all();
    let end = match &outcome {
        Ok(()) if !options.keep => std::fs::remove_dir_all(&dir).map_err(Into::into),
        _ => Ok(()),
    };
    outcome.and(end).with_context(|| format!("crash run with --seed {seed} --cycles {}", options.cycles))
}

fn inside(options: &Options, seed: u64, dir: &Path) -> anyhow::Result<()> {
    let histories = dir.join("history");
    std::fs::create_dir_all(&histories)?;
    let mut broker = Broker::new(&options.broker, dir.join("data"), dir.join("broker.log"))?;
    let world = World {
        address: broker.address(),
        histories,
        moments: Arc::new(Moments::default()),
        seed,
        disk_fails: false,
    };
    let mut counts = Counts::default();
    broker.spawn()?;
    counts.starts.push(broker.ready()?);
    load::make_topics(&world)?;
    let mut producers: Vec<String> = Vec::new();
    let mut programs = start_programs(options, &world, &mut producers)?;
    wait_for_programs(&world, &mut programs)?;
    let loads = Loads::start(&world, &mut producers);

    let killing = kill_all(options, &world, &mut broker, &mut programs, &loads, &mut counts);
    world.moments.over.store(true, Ordering::SeqCst);
    programs.iter_mut().for_each(Program::ask_to_end);
    let mut problems = Vec::new();
    let kept = loads.end(&mut problems);
    for program in programs {
        problems.extend(program.end().err());
    }
    // Whatever went wrong, what was lost is worth knowing; without a broker nothing can be read.
    if broker.is_running() {
        problems.extend(killing.err());
        problems.extend(drain::run(options, &world, &kept).err());
    } else {
        killing?;
    }
    drop(broker);

    let since = clock::now_ns();
    let verdict = judge(&world.histories)?;
    report::print(seed, &counts, &verdict, Duration::from_nanos(clock::now_ns() - since));
    if options.plant_loss {
        let found = verdict.anomalies.iter().any(|(kind, _, _)| kind == Anomaly::Unseen);
        ensure!(found, "acknowledged records were cut off the log, and nobody noticed");
        return Ok(());
    }
    for problem in &problems {
        println!("problem             {problem:#}");
    }
    ensure!(
        verdict.anomalies.is_empty() && problems.is_empty(),
        "{} anomalies, {} problems",
        verdict.anomalies.total(),
        problems.len()
    );
    report::guard(&counts, &verdict, &producers, options.cycles)
}

/// Judges a history that was kept.
///
/// # Errors
/// When it cannot be read, or has anomalies.
pub fn judge_only(histories: &Path) -> anyhow::Result<()> {
    if siege::judge_kept(histories)? {
        return Ok(());
    }
    let since = clock::now_ns();
    let verdict = judge(histories)?;
    report::print_verdict(&verdict, Duration::from_nanos(clock::now_ns() - since));
    ensure!(verdict.anomalies.is_empty(), "{} anomalies", verdict.anomalies.total());
    Ok(())
}

fn start_programs(
    options: &Options,
    world: &World,
    producers: &mut Vec<String>,
) -> anyhow::Result<Vec<Program>> {
    let partitions = SHARED.partitions.to_string();
    let mut programs = Vec::new();
    let roles = [("librdkafka", "idempotent", 1), ("librdkafka", "plain", 2), ("aiokafka", "idempotent", 3)];
    for (library, role, client) in roles {
        let arguments = [SHARED.name, &partitions];
        programs.push(Program::start(options, world, library, role, client, &arguments)?);
        producers.push(format!("{library}-{role}"));
    }
    let arguments = [SHARED.name, "crash-group"];
    programs.push(Program::start(options, world, "librdkafka", "group", 0, &arguments)?);
    Ok(programs)
}

/// Waits until every program has opened its history: then it is loaded and connects.
fn wait_for_programs(world: &World, programs: &mut [Program]) -> anyhow::Result<()> {
    let files = ["librdkafka-idempotent", "librdkafka-plain", "aiokafka-idempotent", "librdkafka-group"];
    let there = || files.iter().all(|file| world.histories.join(format!("{file}.jsonl")).exists());
    let all = wait_until(CLIENTS_MAX, there);
    programs.iter_mut().try_for_each(Program::check)?;
    ensure!(all, "not every client started within {} s", CLIENTS_MAX.as_secs());
    Ok(())
}

/// The lean client's threads.
struct Loads {
    plain: Vec<(String, JoinHandle<anyhow::Result<()>>)>,
    churn: JoinHandle<(Vec<Kept>, anyhow::Result<()>)>,
}

impl Loads {
    fn start(world: &World, producers: &mut Vec<String>) -> Loads {
        let plan = |name: &str, client, topic: load::Topic, partition, idempotent| Plan {
            process: format!("lean-{name}"),
            client,
            topic: topic.name,
            partition,
            idempotent,
            window: 3,
            records_per_batch: 20,
            value_bytes: 200,
            pause: Duration::from_millis(60),
        };
        let plans = [
            plan("fast-0", 10, FAST, 0, true),
            plan("fast-1", 11, FAST, 1, true),
            plan("fast-plain", 12, FAST, 1, false),
            Plan { window: 2, records_per_batch: 3, ..plan("shared", 13, SHARED, 0, true) },
            Plan { window: 2, records_per_batch: 3, ..plan("shared-plain", 14, SHARED, 1, false) },
            Plan { window: 1, records_per_batch: 10, ..plan("trimmed", 15, TRIMMED, 0, true) },
        ];
        let mut plain = Vec::new();
        for plan in plans {
            producers.push(plan.process.clone());
            let (name, world) = (plan.process.clone(), world.clone());
            plain.push((name, std::thread::spawn(move || load::produce::run(&world, &plan))));
        }
        let mut spawn = |name: &str, work: fn(&World) -> anyhow::Result<()>| {
            let world = world.clone();
            plain.push((name.to_owned(), std::thread::spawn(move || work(&world))));
        };
        spawn("trim", load::trim::run);
        spawn("watermarks", load::watermarks::run);
        spawn("commits", load::commits::run);
        spawn("follow", load::follow::run);
        spawn("bulk", |world| load::bulk::run(world, 16));
        let churn = {
            let world = world.clone();
            std::thread::spawn(move || load::churn::run(&world, 17))
        };
        producers.push("lean-churn".to_owned());
        Loads { plain, churn }
    }

    /// Whether one has ended although the run is not over.
    fn one_ended(&self) -> bool {
        self.churn.is_finished() || self.plain.iter().any(|(_, load)| load.is_finished())
    }

    /// Waits for all; the topics that are left.
    fn end(self, problems: &mut Vec<anyhow::Error>) -> Vec<Kept> {
        for (name, load) in self.plain {
            let outcome = load.join().unwrap_or_else(|_| Err(anyhow!("it panicked")));
            problems.extend(outcome.with_context(|| format!("the load {name}")).err());
        }
        let (kept, outcome) = self.churn.join().unwrap_or_else(|_| (vec![], Err(anyhow!("it panicked"))));
        problems.extend(outcome.context("the load churn").err());
        kept
    }
}

fn kill_all(
    options: &Options,
    world: &World,
    broker: &mut Broker,
    programs: &mut [Program],
    loads: &Loads,
    counts: &mut Counts,
) -> anyhow::Result<()> {
    let mut chance = Chance::new(world.seed, CHANCE);
    let mut history = Writer::create(&world.histories, "killer", clock::now_ns as fn() -> u64)?;
    for cycle in 1..=options.cycles {
        let when = choose(cycle, &mut chance);
        if cycle > 1 {
            broker.spawn()?;
        }
        // A start that is killed need not have become ready; the one after it is measured.
        if when != When::Start || cycle == 1 {
            if cycle > 1 {
                counts.starts.push(broker.ready()?);
            }
            history.seen(Event { op: Op::Ready, ..Event::default() })?;
        }
        let hit = wait_for(when, options, world, broker, &mut chance);
        history.seen(Event { op: Op::Kill, ..Event::default() })?;
        broker.kill()?;
        *counts.by_moment.entry(if hit { when } else { When::Load }).or_default() += 1;
        programs.iter_mut().try_for_each(Program::check)?;
        ensure!(!loads.one_ended(), "a load ended before the run did");
        if cycle.is_multiple_of(CYCLES_PER_LINE) {
            println!("{cycle} cycles");
        }
    }
    if options.plant_loss {
        disk::plant_loss(broker.dir())?;
    }
    broker.spawn()?;
    counts.starts.push(broker.ready()?);
    history.seen(Event { op: Op::Ready, ..Event::default() })?;
    history.finish()?;
    // Everything that was under way may come to its end.
    sleep(Duration::from_secs_f64(options.seconds_per_cycle.max(1.0)));
    Ok(())
}

fn choose(cycle: u32, chance: &mut Chance) -> When {
    if cycle.is_multiple_of(CHECKPOINT_ONE_IN) {
        return When::Checkpoint;
    }
    match chance.below(100) {
        0..45 => When::Load,
        45..60 => When::Start,
        60..70 => When::Create,
        70..80 => When::Delete,
        80..92 => When::Trim,
        _ => When::Commit,
    }
}

/// Waits until it is time to kill; whether the moment that was wished for came.
fn wait_for(when: When, options: &Options, world: &World, broker: &Broker, chance: &mut Chance) -> bool {
    let moments = &world.moments;
    let life_us = (options.seconds_per_cycle * 1e6) as u64;
    let some_time = |chance: &mut Chance| sleep(Duration::from_micros(chance.below(2 * life_us.max(1))));
    let counter = match when {
        When::Load => {
            some_time(chance);
            return true;
        }
        When::Start => {
            sleep(Duration::from_micros(chance.below(START_US)));
            return true;
        }
        When::Checkpoint => {
            moments.bulk_wanted.store(true, Ordering::SeqCst);
            let folder = broker.dir().join("checkpoint");
            let before = unfinished(&folder);
            let hit =
                wait_until(CHECKPOINT_MAX, || unfinished(&folder).iter().any(|one| !before.contains(one)));
            sleep(Duration::from_micros(chance.below(AFTER_MOMENT_US / 4)));
            moments.bulk_wanted.store(false, Ordering::SeqCst);
            return hit;
        }
        When::Create => &moments.create,
        When::Delete => &moments.delete,
        When::Trim => &moments.trim,
        When::Commit => &moments.commit,
    };
    some_time(chance);
    let hit = Moments::wait(counter, MOMENT_MAX);
    sleep(Duration::from_micros(chance.below(AFTER_MOMENT_US)));
    hit
}

/// Checkpoints that are being written, or that a kill left so.
fn unfinished(folder: &Path) -> Vec<PathBuf> {
    // The folder comes with the first checkpoint.
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.flatten().map(|entry| entry.path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "tmp")).collect()
}
