//! The test of the simulator itself: the same seed must do the same twice.
//!
//! Apart because a simulation that is not repeatable finds bugs that nobody can look at.

use anyhow::{Context, Result, bail, ensure};
use millstream_testkit::sim_disk::{Faults, SimDisk};

use crate::Outcome;

/// A simulation: seed, crash points, and the disk if it is not to make its own.
pub type Run = fn(u64, u64, Option<SimDisk>) -> Result<Outcome>;

/// Runs a seed twice and compares every operation on the disk. Returns the outcome and how many operations there were.
///
/// # Errors
/// The first difference, or what the run itself found.
pub fn twice(run: Run, seed: u64, points: u64) -> Result<(Outcome, usize)> {
    let once = || {
        let disk = SimDisk::new(seed, Faults::none(u64::MAX));
        disk.keep_trace();
        let outcome = run(seed, points, Some(disk.clone()));
        (outcome, disk.trace())
    };
    let ((first, first_lines), (second, second_lines)) = (once(), once());
    let operations = first_lines.len().max(second_lines.len());
    if let Some(at) = (0..operations).find(|at| first_lines.get(*at) != second_lines.get(*at)) {
        bail!("operation {at} differs: {:?} and {:?}", first_lines.get(at), second_lines.get(at));
    }
    let first = first.context("the first run")?;
    let second = second.context("the second run")?;
    ensure!(first == second, "the same operations, but {first:?} and {second:?}");
    Ok((first, operations))
}
