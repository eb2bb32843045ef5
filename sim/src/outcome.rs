//! What a run was, in numbers.
//!
//! Apart because both harnesses count the same things.

use std::fmt;

use millstream_testkit::sometimes::Sightings;

/// Counts of one run, or of several together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Crashes survived.
    pub points: u64,
    /// Frames pushed.
    pub frames: u64,
    /// Checkpoints finished.
    pub checkpoints: u64,
    /// WAL files freed.
    pub freed: u64,
    /// Lanes stopped by an injected failure.
    pub poisoned: u64,
    /// Times the disk was full.
    pub full: u64,
    /// Hash over every disk operation; of several runs, their combination.
    pub trace: u64,
    /// Which faults have fired and which rare branches were taken.
    pub sightings: Sightings,
}

impl Outcome {
    /// Adds another run.
    pub fn add(&mut self, other: &Outcome) {
        self.points += other.points;
        self.frames += other.frames;
        self.checkpoints += other.checkpoints;
        self.freed += other.freed;
        self.poisoned += other.poisoned;
        self.full += other.full;
        // Whatever the order in which threads finish.
        self.trace = self.trace.wrapping_add(other.trace);
        self.sightings.add(&other.sightings);
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Outcome { points, frames, checkpoints, freed, poisoned, full, trace, sightings: _ } = self;
        write!(
            f,
            "{points} crash points, {frames} frames, {checkpoints} checkpoints, {freed} files freed, {poisoned} \
             lanes stopped, {full} times full, trace {trace:016x}"
        )
    }
}
