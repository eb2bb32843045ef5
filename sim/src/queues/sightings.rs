//! What a long enough run of queues must have seen.
//!
//! Apart because it is the guard against a simulation that passes since nothing happens in it.

use millstream_testkit::checker::queue::Tally;
use millstream_testkit::sometimes::Sightings;

/// All of it, each with the number of seeds after which it must have been seen.
pub const EXPECTED: &[(&str, u64)] = &[
    ("F1: the process died", 4),
    ("F2: the power went", 4),
    ("F6: room came back", 10),
    ("a start began with a checkpoint", 4),
    ("the broker stopped cleanly", 4),
    ("the mover moved something", 4),
    ("the mover put something off", 40),
    ("a queue in memory was made anew", 4),
    ("messages sent", 4),
    ("sends in doubt", 4),
    ("duplicates recognised", 4),
    ("deliveries", 4),
    ("redeliveries", 4),
    ("acks", 4),
    ("acks in doubt", 4),
    ("of these came again", 40),
    ("leases prolonged", 4),
    ("given back or rejected", 4),
    ("old receipts refused", 4),
    ("dead letters", 4),
    ("moved back", 10),
    ("receives in doubt", 4),
    ("counts compared", 4),
    ("restarts", 4),
    ("taken out by their places", 4),
    ("looked at", 4),
    ("deliveries ranked", 4),
    ("answers repeated", 40),
    ("receives capped", 4),
    ("single holders succeeded", 40),
    ("holders excluded", 40),
    ("copies delivered", 4),
    ("dead letters with several heirs", 4),
    ("a start decided where a route leads", 40),
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

/// Adds what the judge has counted.
pub(super) fn of_tally(tally: &Tally, seen: &mut Sightings) {
    for (what, times) in tally.lines() {
        seen.saw(what, times);
    }
}
