//! What every long enough run must have seen: each kind of fault, and each rare branch that they are there for.
//!
//! Apart because it is the guard against a simulation that passes since nothing happens in it.

use millstream_testkit::sim_disk::Fired;
use millstream_testkit::sometimes::Sightings;

/// What happens in one of four seeds, or more.
const OFTEN: u64 = 40;
/// In one of ten.
const SOMETIMES: u64 = 150;
/// In one of fifty.
const RARELY: u64 = 1_000;

/// All of it, each with the number of seeds after which it must have been seen: a run of so many fails when it never
/// happened.
pub const EXPECTED: &[(&str, u64)] = &[
    ("F1: the process died", OFTEN),
    ("F2: a name was undone", OFTEN),
    ("F2: the power went", OFTEN),
    ("F3: a write was torn", OFTEN),
    ("F4: an older checkpoint was taken", SOMETIMES),
    ("F4: damage did no harm", OFTEN),
    ("F4: damage of an object refused a read", RARELY),
    ("F4: damage of an object stopped a start", RARELY),
    ("F4: damage refused a read", OFTEN),
    ("F4: damage stopped a start", OFTEN),
    ("F4: scrubbing found damage", OFTEN),
    ("F4: the upkeep went over damage", OFTEN),
    ("F5: a sync failed", OFTEN),
    ("F6: a request was refused for want of room", OFTEN),
    ("F6: no room for a file", OFTEN),
    ("F6: room came back", OFTEN),
    ("F7: a read took long", OFTEN),
    ("F7: the lane stood still", OFTEN),
    ("F8: a call was interrupted", OFTEN),
    ("F8: a read failed", OFTEN),
    ("F8: a read was short", OFTEN),
    ("F8: a write failed", OFTEN),
    ("F8: a write was short", OFTEN),
    ("F9: a copy of the past was served as it was", OFTEN),
    ("F9: a foreign file was refused", OFTEN),
    ("F9: a lost file was refused", SOMETIMES),
    ("F9: an empty directory was begun", OFTEN),
    ("F9: an object that came back was removed", RARELY),
    ("F9: an old file was refused", RARELY),
    ("a start was cut short", OFTEN),
    ("a start began with a checkpoint", OFTEN),
    ("a start dropped the tail", OFTEN),
    ("an interval's tail was lost", OFTEN),
    ("a clean stop was recognised", OFTEN),
    ("a batch in doubt was there", OFTEN),
    ("a batch in doubt was lost", OFTEN),
    ("a batch was recognised as sent before", OFTEN),
    ("a file was removed", OFTEN),
    ("a file was put aside for use again", RARELY),
    ("a lane stopped by itself", OFTEN),
    ("time made a leap", OFTEN),
    ("a client read from an object", OFTEN),
    ("a compacted object was committed", OFTEN),
    ("a packed object was committed", OFTEN),
    ("an object was dropped", OFTEN),
    ("a crash came between an object and its commit", OFTEN),
    ("a crash came between an object's drop and its removal", OFTEN),
    ("an object that was not finished was removed at a start", RARELY),
    ("records went because of their age", OFTEN),
    ("records went because of the log's size", OFTEN),
    ("a superseded record was compacted away", OFTEN),
    ("a tombstone was compacted away", OFTEN),
    ("everything was scrubbed", OFTEN),
];

/// What a run of so many seeds should have seen and has not.
#[must_use]
pub fn missing(seen: &Sightings, seeds: u64) -> Vec<&'static str> {
    let due: Vec<_> = EXPECTED.iter().filter(|(_, after)| *after <= seeds).map(|(what, _)| *what).collect();
    seen.missing(&due)
}

/// What was seen and nobody expects: a name that was mistyped would never be missed.
#[must_use]
pub fn unknown(seen: &Sightings) -> Vec<&'static str> {
    let all: Vec<_> = EXPECTED.iter().map(|(what, _)| *what).collect();
    seen.unknown(&all)
}

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
