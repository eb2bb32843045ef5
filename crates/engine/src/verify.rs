//! Checking the directory of a stopped broker: what storage finds, compared with what the core makes of it.
//!
//! Apart from starting because nothing is begun and nothing changed: the shard is rebuilt only to say which objects and
//! records must be there.

use crate::replay::Replayer;
use millstream_core::hash::HashSeed;
use millstream_core::{Restore, Shard, ShardOptions};
use millstream_storage::verify::{
    ContentCheck, Contents, Counts, Finding, Lane, LaneCheck, LiveLog, Progress,
};
use millstream_storage::{Disk, OpenError};
use millstream_types::WalPosition;
use std::sync::Arc;

/// A check under way. It holds the directory, so that no broker can start meanwhile, and only reads.
pub struct Verification {
    phase: Phase,
}

enum Phase {
    Lane(Box<LaneCheck>, Box<Replayer>),
    Content(Box<ContentCheck>),
    Done(Counts),
}

impl Verification {
    /// Begins to check a directory; `found` takes what is wrong with it at first sight. A disk that can only be read is
    /// enough ([`millstream_storage::RealDisk::read_only`]).
    ///
    /// # Errors
    /// [`OpenError::Locked`] when a broker runs on it; otherwise why it cannot be read as a data directory at all.
    pub fn begin(
        disk: Arc<dyn Disk>,
        seed: HashSeed,
        found: &mut Vec<Finding>,
    ) -> Result<Verification, OpenError> {
        let lane = LaneCheck::begin(disk, found)?;
        let restore = Restore::new(seed, ShardOptions::default());
        let phase = Phase::Lane(Box::new(lane), Box::new(Replayer { restore }));
        Ok(Verification { phase })
    }

    /// Looks at about 1 MiB more, or one checkpoint, and adds to `found` what is wrong with it; `None` when all is done.
    pub fn step(&mut self, found: &mut Vec<Finding>) -> Option<Progress> {
        let progress = match &mut self.phase {
            Phase::Lane(check, replayer) => check.step(&mut **replayer, found),
            Phase::Content(check) => check.step(found),
            Phase::Done(_) => return None,
        };
        progress.or_else(|| self.next_phase(found))
    }

    /// What was looked at, once no step is left.
    #[must_use]
    pub fn counts(&self) -> Option<Counts> {
        if let Phase::Done(counts) = self.phase { Some(counts) } else { None }
    }

    fn next_phase(&mut self, found: &mut Vec<Finding>) -> Option<Progress> {
        match std::mem::replace(&mut self.phase, Phase::Done(Counts::default())) {
            Phase::Lane(check, replayer) => {
                let lane = check.finish();
                let contents = contents(&lane, *replayer, found);
                self.phase = Phase::Content(Box::new(ContentCheck::begin(lane, contents, found)));
                self.step(found)
            }
            Phase::Content(check) => {
                self.phase = Phase::Done(check.finish());
                None
            }
            Phase::Done(_) => unreachable!("there is no phase after the last"),
        }
    }
}

/// What must be there, if the shard can be rebuilt.
fn contents(lane: &Lane, replayer: Replayer, found: &mut Vec<Finding>) -> Option<Contents> {
    let incomplete = "objects and logs could not be compared with what the broker knew";
    if !lane.is_complete {
        found.push(Finding::note("replay", format!("it stopped at the damage above: {incomplete}")));
        return None;
    }
    match replayer.finish(lane.last_time.unwrap_or_default(), WalPosition::ZERO) {
        Ok(shard) => Some(contents_of(&shard)),
        Err(error) => {
            found.push(Finding::damage("replay", None, format!("{error}; {incomplete}")));
            None
        }
    }
}

fn contents_of(shard: &Shard) -> Contents {
    let objects = shard.objects().map(|entry| (entry.clone(), shard.is_object_live(entry.number))).collect();
    let mut logs = Vec::new();
    for entry in shard.stream_entries() {
        for log in entry.log_ids() {
            let (start, end) = shard.log_bounds(log).expect("a stream's logs exist");
            logs.push(LiveLog { log, name: Arc::clone(&entry.name), start, end });
        }
    }
    Contents { objects, logs }
}
