//! Runs random crash points over storage until one breaks a promise.
//!
//! Apart from the library because only the command may print and read the clock.

use std::process::ExitCode;

use clap::Parser;
use millstream_sim::{harness, toy::Toy};
use millstream_testkit::sim_disk::{Faults, SimDisk};

/// Crash points per seed: enough that checkpoints and freed files matter, few enough to look at.
const POINTS_PER_SEED: u64 = 25;

/// Simulates crashes of the storage layer.
#[derive(Parser)]
struct Arguments {
    /// Crash points in all.
    #[arg(long, default_value_t = 5000)]
    points: u64,
    /// First seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Run the first seed twice and compare every disk operation.
    #[arg(long)]
    trace: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.trace {
        return compare_traces(arguments.seed, arguments.points.min(POINTS_PER_SEED));
    }
    #[allow(clippy::disallowed_methods, reason = "only the speed that is printed depends on it")]
    let begun = std::time::Instant::now();
    let (mut points, mut frames, mut checkpoints, mut freed, mut poisoned, mut full) = (0, 0, 0, 0, 0, 0);
    let mut seed = arguments.seed;
    while points < arguments.points {
        match harness::run::<Toy>(seed, POINTS_PER_SEED, None) {
            Ok(outcome) => {
                points += outcome.points;
                frames += outcome.frames;
                checkpoints += outcome.checkpoints;
                freed += outcome.freed;
                poisoned += outcome.poisoned;
                full += outcome.full;
            }
            Err(error) => {
                eprintln!("seed {seed} failed: {error:#}\nrun it alone with: --points 1 --seed {seed}");
                return ExitCode::FAILURE;
            }
        }
        seed += 1;
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{points} crash points, {frames} frames, {checkpoints} checkpoints, {freed} files freed, {poisoned} lanes \
         stopped, {full} times full: {:.0} points/s",
        points as f64 / seconds
    );
    ExitCode::SUCCESS
}

/// The same seed twice must do the same, operation for operation.
fn compare_traces(seed: u64, points: u64) -> ExitCode {
    let run = || {
        let disk = SimDisk::new(seed, Faults::none(u64::MAX));
        disk.keep_trace();
        let outcome = harness::run::<Toy>(seed, points, Some(disk.clone()));
        (outcome.map_err(|error| format!("{error:#}")), disk.trace())
    };
    let ((first, first_lines), (second, second_lines)) = (run(), run());
    if let Some(at) = (0..first_lines.len().max(second_lines.len()))
        .find(|at| first_lines.get(*at) != second_lines.get(*at))
    {
        eprintln!("operation {at} differs: {:?} and {:?}", first_lines.get(at), second_lines.get(at));
        return ExitCode::FAILURE;
    }
    if first != second {
        eprintln!("the same operations, but {first:?} and {second:?}");
        return ExitCode::FAILURE;
    }
    match first {
        Ok(outcome) => {
            println!("{} operations, hash {:016x}, twice the same", first_lines.len(), outcome.trace);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("seed {seed} failed: {error}");
            ExitCode::FAILURE
        }
    }
}
