//! A broker under load: started, harmed by a row, started again, and judged at the end.
//!
//! Apart because every row that asks "was anything lost" needs the same loads, the same final reading and the same
//! judge.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{JoinHandle, sleep};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail, ensure};
use millstream_crash::broker::Broker;
use millstream_crash::chance::Chance;
use millstream_crash::clock;
use millstream_crash::drain;
use millstream_crash::judge::judge;
use millstream_crash::load::produce::Plan;
use millstream_crash::load::watermarks::Place;
use millstream_crash::load::{self, FAST, SHARED, TOPICS, TRIMMED, World};
use millstream_crash::moment::{Moments, wait_until};
use millstream_testkit::checker::Verdict;
use millstream_testkit::history::{Event, Op, Writer};
use rustix::process::Signal;

use crate::runner::Field;

/// After the last harm, what is under way comes to its end.
const CALM: Duration = Duration::from_millis(500);
/// A process is held within this time, however slow its disk.
const HELD_MAX: Duration = Duration::from_secs(20);
/// The purpose of the rows' chance.
const CHANCE: u64 = 7;
/// The client number of the load that writes so much that checkpoints begin.
const BULK_CLIENT: u32 = 16;

/// A broker, its loads and its history.
pub(crate) struct Stage {
    pub(crate) broker: Broker,
    pub(crate) world: World,
    pub(crate) chance: Chance,
    /// How long each start took.
    pub(crate) starts: Vec<Duration>,
    loads: Vec<(String, JoinHandle<anyhow::Result<()>>)>,
    history: Writer<fn() -> u64>,
}

impl Stage {
    /// A broker that is not started, with its data directory where it is wanted. `disk_fails` when refused reads are
    /// no finding.
    pub(crate) fn new(field: &Field, data: PathBuf, disk_fails: bool) -> anyhow::Result<Stage> {
        let histories = field.dir.join("history");
        std::fs::create_dir_all(&histories)?;
        let broker = Broker::new(&field.broker, data, field.dir.join("broker.log"))?;
        let world = World {
            address: broker.address(),
            histories,
            moments: Arc::new(Moments::default()),
            seed: field.seed,
            disk_fails,
        };
        let history = Writer::create(&world.histories, "killer", clock::now_ns as fn() -> u64)?;
        let chance = Chance::new(field.seed, CHANCE);
        Ok(Stage { broker, world, chance, starts: Vec::new(), loads: Vec::new(), history })
    }

    /// Starts the broker for the first time and puts load on it.
    pub(crate) fn begin(&mut self) -> anyhow::Result<()> {
        self.start()?;
        load::make_topics(&self.world)?;
        self.load();
        Ok(())
    }

    /// Starts the broker and waits until it is ready.
    pub(crate) fn start(&mut self) -> anyhow::Result<()> {
        self.broker.spawn()?;
        self.is_ready()
    }

    /// Waits until a broker that was spawned is ready.
    pub(crate) fn is_ready(&mut self) -> anyhow::Result<()> {
        self.starts.push(self.broker.ready()?);
        self.note(Op::Ready)
    }

    /// Writes into the history that the broker dies or is ready.
    pub(crate) fn note(&mut self, op: Op) -> anyhow::Result<()> {
        Ok(self.history.seen(Event { op, ..Event::default() })?)
    }

    /// Kills the broker, whether it has ended by itself or not.
    pub(crate) fn kill(&mut self) -> anyhow::Result<()> {
        self.note(Op::Kill)?;
        if self.broker.ended(Duration::ZERO)?.is_none() {
            self.broker.kill()?;
        }
        Ok(())
    }

    /// Holds the broker (SIGSTOP) until it is killed or told to go on, and waits until it is held; with `idle`, until its
    /// last call of the kernel has come to its end.
    ///
    /// Before a file system is shut down under a process that lives on, that is needed: an fdatasync under way at that
    /// moment may return success although what it was to log is lost. A loop of pwrite and fdatasync shows that
    /// in one cut of ten on xfs and of thirty on ext4; a machine without power does nothing of the kind.
    pub(crate) fn hold(&self, idle: bool) -> anyhow::Result<()> {
        self.broker.signal(Signal::STOP)?;
        let tasks = format!("/proc/{}/task", self.broker.pid()?);
        let is_held = |task: &std::path::Path| {
            std::fs::read_to_string(task.join("status")).is_ok_and(|text| text.contains("T (stopped)"))
        };
        let held = || {
            let Ok(tasks) = std::fs::read_dir(&tasks) else { return false };
            let mut tasks = tasks.flatten().map(|task| task.path());
            if idle { tasks.all(|task| is_held(&task)) } else { tasks.any(|task| is_held(&task)) }
        };
        ensure!(wait_until(HELD_MAX, held), "the broker cannot be held");
        Ok(())
    }

    /// Sleeps for some time below so many milliseconds.
    pub(crate) fn some_time(&mut self, ms: u64) {
        sleep(Duration::from_millis(self.chance.below(ms)));
    }

    /// Says whether so much is to be written that checkpoints begin.
    pub(crate) fn want_bulk(&self, wanted: bool) {
        self.world.moments.bulk_wanted.store(wanted, Ordering::SeqCst);
    }

    fn load(&mut self) {
        let plan = |name: &str, client, topic: load::Topic, partition, idempotent| Plan {
            process: format!("lean-{name}"),
            client,
            topic: topic.name,
            partition,
            idempotent,
            window: 3,
            records_per_batch: 20,
            value_bytes: 200,
            pause: Duration::from_millis(20),
        };
        let plans = [
            plan("fast-0", 10, FAST, 0, true),
            plan("fast-1", 11, FAST, 1, false),
            Plan { window: 2, records_per_batch: 3, ..plan("shared", 13, SHARED, 0, true) },
            Plan { window: 1, records_per_batch: 10, ..plan("trimmed", 15, TRIMMED, 0, true) },
        ];
        for plan in plans {
            self.spawn(&plan.process.clone(), move |world| load::produce::run(world, &plan));
        }
        self.spawn("trim", load::trim::run);
        self.spawn("watermarks", load::watermarks::run);
        self.spawn("commits", load::commits::run);
        self.spawn("follow", load::follow::run);
        self.spawn("bulk", |world| load::bulk::run(world, BULK_CLIENT));
    }

    fn spawn(&mut self, name: &str, work: impl FnOnce(&World) -> anyhow::Result<()> + Send + 'static) {
        let world = self.world.clone();
        self.loads.push((name.to_owned(), std::thread::spawn(move || work(&world))));
    }

    /// Ends the loads of a broker that runs.
    pub(crate) fn end_loads(&mut self) -> anyhow::Result<()> {
        sleep(CALM);
        self.world.moments.over.store(true, Ordering::SeqCst);
        for (name, load) in self.loads.drain(..) {
            let outcome = load.join().unwrap_or_else(|_| Err(anyhow!("it panicked")));
            outcome.with_context(|| format!("the load {name}"))?;
        }
        Ok(())
    }

    /// Ends the loads, reads everything from a broker that runs, and judges: an error if anything is wrong.
    pub(crate) fn judged(mut self) -> anyhow::Result<Judged> {
        self.want_bulk(false);
        self.end_loads()?;
        let mut hand = drain::connected(&self.world, "lean-drain")?;
        for topic in TOPICS {
            for partition in 0..topic.partitions {
                drain::lean(&mut hand, Place { topic: topic.name, partition }, topic.name)?;
            }
        }
        hand.history.finish()?;
        self.history.finish()?;
        let verdict = judge(&self.world.histories)?;
        if let Some((kind, count, examples)) = verdict.anomalies.iter().next() {
            let example = examples.first().map_or("", String::as_str);
            bail!("{} anomalies; {count} × {}: {example}", verdict.anomalies.total(), kind.name());
        }
        ensure!(verdict.acked_total() > 0, "nothing was acknowledged, so nothing is shown");
        self.starts.sort_unstable();
        Ok(Judged { verdict, starts: self.starts })
    }
}

/// What a judged stage came to.
pub(crate) struct Judged {
    pub(crate) verdict: Verdict,
    starts: Vec<Duration>,
}

impl std::fmt::Display for Judged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let p50 = self.starts.get(self.starts.len() / 2).copied().unwrap_or_default();
        let max = self.starts.last().copied().unwrap_or_default();
        let acked = self.verdict.acked_total();
        write!(
            f,
            "{acked} records acknowledged, none lost; start p50 {} ms, max {} ms",
            p50.as_millis(),
            max.as_millis()
        )
    }
}

/// The one sentence with which a broker says why it ends.
///
/// # Errors
/// When it says none, or several, or panicked.
pub(crate) fn sentence(said: &str) -> anyhow::Result<&str> {
    ensure!(!said.contains("panicked"), "the broker panicked: {said}");
    let mut sentences = said.lines().filter_map(|line| line.strip_prefix("millstream: "));
    let sentence = sentences.next().with_context(|| format!("no sentence says why it ended: {said}"))?;
    ensure!(sentences.next().is_none(), "more than one sentence says why it ended: {said}");
    Ok(sentence)
}
