//! Somebody else who uses the same disk: takes its room at any time, and gives it back.
//!
//! Apart because both harnesses need one. A broker that is alone on its disk asks for room before it uses it and never
//! meets a full one in the middle of a write.

use millstream_storage::Disk;
use millstream_testkit::sim_disk::{Faults, Rng, SimDisk};

/// The neighbour. Draws from a seed of its own.
pub(crate) struct Neighbour {
    rng: Rng,
    holds: bool,
}

impl Neighbour {
    pub(crate) fn new(seed: u64) -> Neighbour {
        Neighbour { rng: Rng::new(seed), holds: false }
    }

    /// Maybe takes all room but a little, or gives it back (true): the disk then has what `faults` say.
    pub(crate) fn turn(&mut self, disk: &SimDisk, faults: &Faults, little_bytes: u64) -> bool {
        if self.holds {
            if self.rng.one_in(5) {
                disk.set_faults(*faults);
                self.holds = false;
                return true;
            }
        } else if self.rng.one_in(30) {
            let free = disk.free_space().expect("the simulated disk always knows");
            let left = self.rng.below(free.min(little_bytes) + 1);
            let capacity_bytes = faults.capacity_bytes.saturating_sub(free - left);
            disk.set_faults(Faults { capacity_bytes, ..*faults });
            self.holds = true;
        }
        false
    }

    /// A new life of the broker begins, with the disk to itself.
    pub(crate) fn leave(&mut self) {
        self.holds = false;
    }
}
