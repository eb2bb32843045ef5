//! What every long enough run must have seen: each kind of fault, and each rare branch that they are there for.
//!
//! Apart because it is the guard against a simulation that passes since nothing happens in it.

use millstream_testkit::sim_disk::Fired;
use millstream_testkit::sometimes::Sightings;

/// All of it. A run of [`SEEDS_MIN`] seeds or more fails when one never happened.
pub const EXPECTED: &[&str] = &[
    "F1: the process died",
    "F2: the power went",
    "F2: a name was undone",
    "F3: a write was torn",
    "F4: damage did no harm",
    "F4: damage stopped a start",
    "F4: damage refused a read",
    "F4: an older checkpoint was taken",
    "F5: a sync failed",
    "F6: no room for a file",
    "F6: a request was refused for want of room",
    "F6: room came back",
    "F7: a read took long",
    "F7: the lane stood still",
    "F8: a read failed",
    "F8: a write failed",
    "F8: a read was short",
    "F8: a write was short",
    "F8: a call was interrupted",
    "F9: a foreign file was refused",
    "F9: a lost file was refused",
    "F9: an old file was refused",
    "F9: a copy of the past was served as it was",
    "F9: an empty directory was begun",
    "a start was cut short",
    "a start began with a checkpoint",
    "a start dropped the tail",
    "an interval's tail was lost",
    "a clean stop was recognised",
    "a batch in doubt was there",
    "a batch in doubt was lost",
    "a batch was recognised as sent before",
    "a file was removed",
    "a file was put aside for use again",
    "a lane stopped by itself",
    "time made a leap",
];

/// Seeds after which everything must have been seen.
pub const SEEDS_MIN: u64 = 400;

/// Adds what a disk counted.
pub(super) fn of_disk(fired: Fired, seen: &mut Sightings) {
    seen.saw("F2: a name was undone", fired.undone_names);
    seen.saw("F3: a write was torn", fired.torn_files);
    seen.saw("F5: a sync failed", fired.failed_syncs);
    seen.saw("F8: a read failed", fired.failed_reads);
    seen.saw("F8: a write failed", fired.failed_writes);
    seen.saw("F8: a read was short", fired.short_reads);
    seen.saw("F8: a write was short", fired.short_writes);
    seen.saw("F8: a call was interrupted", fired.interruptions);
}
