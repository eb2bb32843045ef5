//! Runs random crash points until one breaks a promise.
//!
//! Apart from the library because only the command may print, read the clock and start threads.

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use clap::{Parser, ValueEnum};
use millstream_sim::broker::sightings;
use millstream_sim::{Outcome, broker, harness, queues, toy::Toy, trace};

/// Crash points per seed: enough that checkpoints and freed files matter, few enough to look at.
const POINTS_PER_SEED: u64 = 25;

/// Seeds after which a mistake counts as not found.
#[cfg(feature = "planted")]
const PLANTED_SEEDS_MAX: u64 = 400;

/// Simulates crashes.
#[derive(Parser)]
struct Arguments {
    /// What runs on the simulated disk.
    #[arg(long, value_enum, default_value_t = Subject::Broker)]
    subject: Subject,
    /// Crash points in all.
    #[arg(long, default_value_t = 5000, conflicts_with = "seeds")]
    points: u64,
    /// Seeds, instead of crash points.
    #[arg(long)]
    seeds: Option<u64>,
    /// First seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Threads; 0: as many as there are processors. Each seed runs in one.
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Make every known mistake in turn, or the one that is named, until `seeds` have not found it.
    #[cfg(feature = "planted")]
    #[arg(long, num_args = 0..=1)]
    planted: Option<Option<String>>,
    /// Go on after a seed that failed
    #[arg(long)]
    keep_going: bool,
    /// Run the first seed twice and compare every disk operation.
    #[arg(long)]
    trace: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Subject {
    /// The whole broker: clients, shard, gate, lane, keeper, and any of the faults F1–F9
    Broker,
    /// The whole broker, with crashes and failing operations only
    Crashes,
    /// Queues on the whole broker: leases, moves, ordering keys
    Queues,
    /// Storage alone, with a state machine that exercises every part of it
    Storage,
}

impl Subject {
    fn name(self) -> &'static str {
        match self {
            Subject::Broker => "broker",
            Subject::Crashes => "crashes",
            Subject::Queues => "queues",
            Subject::Storage => "storage",
        }
    }

    fn run(self) -> trace::Run {
        match self {
            Subject::Broker => broker::run,
            Subject::Crashes => broker::run_crashes,
            Subject::Queues => queues::run,
            Subject::Storage => harness::run::<Toy>,
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    #[cfg(feature = "planted")]
    if let Some(only) = &arguments.planted {
        let seeds_max = arguments.seeds.unwrap_or(PLANTED_SEEDS_MAX);
        let all_caught = millstream_sim::planted::run(only.as_deref(), seeds_max);
        return if all_caught { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let run = arguments.subject.run();
    if arguments.trace {
        return compare_traces(run, arguments.seed, arguments.points.min(POINTS_PER_SEED));
    }
    #[allow(clippy::disallowed_methods, reason = "only the speed that is printed depends on it")]
    let begun = std::time::Instant::now();
    let threads = match arguments.threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    };
    let seeds = arguments.seeds.unwrap_or(arguments.points.div_ceil(POINTS_PER_SEED));
    let last = arguments.seed + seeds;
    let next = AtomicU64::new(arguments.seed);
    let failed = AtomicBool::new(false);
    let total = Mutex::new(Outcome::default());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while arguments.keep_going || !failed.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= last {
                        break;
                    }
                    match attempt(run, seed) {
                        Ok(outcome) => total.lock().expect("adding does not panic").add(&outcome),
                        Err(error) => {
                            eprintln!(
                                "seed {seed} failed: {error}\nrun it alone with: cargo xtask sim --subject {} --seeds 1 --seed \
                                 {seed}",
                                arguments.subject.name()
                            );
                            failed.store(true, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    let seconds = begun.elapsed().as_secs_f64();
    let total = total.into_inner().expect("adding does not panic");
    println!(
        "{seeds} seeds, {total}: {seconds:.1} s, {:.0} points/s\n{}",
        total.points as f64 / seconds,
        total.sightings
    );
    let missing = match arguments.subject {
        Subject::Broker => sightings::missing(&total.sightings, seeds),
        Subject::Queues => queues::sightings::missing(&total.sightings, seeds),
        Subject::Crashes | Subject::Storage => Vec::new(),
    };
    let is_vacuous = !missing.is_empty();
    if is_vacuous && !failed.load(Ordering::Relaxed) {
        eprintln!("never seen in {seeds} seeds: {}", missing.join("; "));
    }
    if failed.into_inner() || is_vacuous { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Runs one seed; a panic of the code under test is a failure like any other.
fn attempt(run: trace::Run, seed: u64) -> Result<Outcome, String> {
    match std::panic::catch_unwind(|| run(seed, POINTS_PER_SEED, None)) {
        Ok(outcome) => outcome.map_err(|error| format!("{error:#}")),
        Err(_) => Err("it panicked, see above".to_owned()),
    }
}

/// The same seed twice must do the same, operation for operation.
fn compare_traces(run: trace::Run, seed: u64, points: u64) -> ExitCode {
    match trace::twice(run, seed, points) {
        Ok((outcome, operations)) => {
            println!("{operations} operations, hash {:016x}, twice the same", outcome.trace);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("seed {seed} failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}
