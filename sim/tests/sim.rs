//! A short run of each simulation, and that they can be repeated.
//!
//! Apart from `cargo xtask sim`, which runs as long as one likes, so that every test run has some of it.

use millstream_sim::broker::sightings;
use millstream_sim::{Outcome, broker, harness, queues, toy::Toy, trace};

/// Crash points per seed, as in a long run.
const POINTS: u64 = 25;
/// Seeds of the broker with everything: enough that what happens in one of four of them is seen.
const SEEDS: u64 = 40;
/// Seeds that once found something: a checkpoint listed a file that the one before had let go; a freed file came back
/// after a checkpoint that lists none, or a later file stayed when the first of its incarnation was dropped; a header
/// page was lost and the next file's was not; the only file was taken by a start that did not get further; a short
/// write left a frame's first bytes before older ones, which were taken for a newer version; a start took the only file,
/// or one that replay needed, for its own and was cut short (three seeds); a start trusted a checkpoint whose name was in
/// memory only, and freed what the one before needed; and one found a mistake of the simulated clients: a batch was refused
/// while a later one was in doubt, and the sequences of both were given to others.
const FOUND: [u64; 10] = [23, 1119, 1425, 310, 415, 1602, 1941, 10760, 23379, 21351];

#[test]
fn what_clients_were_told_survives_crashes() {
    let mut total = Outcome::default();
    for seed in 1..=SEEDS {
        let outcome =
            broker::run(seed, POINTS, None).unwrap_or_else(|error| panic!("seed {seed}: {error:#}"));
        assert_eq!(outcome.points, POINTS);
        total.add(&outcome);
    }
    assert_eq!(sightings::unknown(&total.sightings), [""; 0]);
    // A run in which nothing happens proves nothing.
    assert_eq!(sightings::missing(&total.sightings, SEEDS), [""; 0], "never seen in {SEEDS} seeds");
}

#[test]
fn what_was_found_once_stays_mended() {
    for seed in FOUND {
        broker::run_crashes(seed, POINTS, None).unwrap_or_else(|error| panic!("seed {seed}: {error:#}"));
    }
}

/// Seeds of the broker with everything that once found something: scrubbing read a file that was left and not yet written to
/// its end (5443, 6692); the first start ended within the first header page, which made the directory look used (5646); the
/// only header page of a start was lost, and its frames with it, unnoticed (5326).
const FOUND_WITH_EVERYTHING: [u64; 4] = [5326, 5443, 5646, 6692];

#[test]
fn what_was_found_with_everything_stays_mended() {
    for seed in FOUND_WITH_EVERYTHING {
        broker::run(seed, POINTS, None).unwrap_or_else(|error| panic!("seed {seed}: {error:#}"));
    }
}

/// Seeds of the queues: enough that what happens in one of four of them is seen.
const QUEUE_SEEDS: u64 = 10;
/// Seeds of the plain queues that once found something: after a crash behind a checkpoint nothing that the checkpoint held was shown
/// before something else was written (seven seeds, three of them here: 18, 28, 59); who waited for records of two logs that got
/// some in one frame was told of the second one's before that frame was durable (20101); a wait that ended in the moment in
/// which a record became ready got nothing (22050, 25006, 25212).
const FOUND_WITH_QUEUES: [u64; 7] = [18, 28, 59, 20101, 22050, 25006, 25212];

#[test]
fn what_was_promised_of_queues_survives_crashes() {
    let mut total = Outcome::default();
    for seed in 1..=QUEUE_SEEDS {
        let outcome =
            queues::run(seed, POINTS, None).unwrap_or_else(|error| panic!("seed {seed}: {error:#}"));
        assert_eq!(outcome.points, POINTS);
        total.add(&outcome);
    }
    assert_eq!(queues::sightings::unknown(&total.sightings), [""; 0]);
    let missing = queues::sightings::missing(&total.sightings, QUEUE_SEEDS);
    assert_eq!(missing, [""; 0], "never seen in {QUEUE_SEEDS} seeds");
}

#[test]
fn what_was_found_with_queues_stays_mended() {
    for seed in FOUND_WITH_QUEUES {
        queues::run_plain(seed, POINTS, None).unwrap_or_else(|error| panic!("seed {seed}: {error:#}"));
    }
}

#[test]
fn what_is_read_stays_and_what_is_listed_is_missed() {
    broker::held::run(1, POINTS, None).unwrap_or_else(|error| panic!("{error:#}"));
}

#[test]
fn a_torn_tail_stays_dropped_when_its_file_is_used_again() {
    broker::torn::run(1, POINTS, None).unwrap_or_else(|error| panic!("{error:#}"));
}

#[test]
fn storage_keeps_what_it_acknowledged() {
    for seed in 1..=4 {
        let outcome =
            harness::run::<Toy>(seed, POINTS, None).unwrap_or_else(|error| panic!("seed {seed}: {error:#}"));
        assert_eq!(outcome.points, POINTS);
    }
}

#[test]
fn the_same_seed_does_the_same_twice() {
    for seed in 100..102 {
        trace::twice(broker::run, seed, POINTS).unwrap_or_else(|error| panic!("seed {seed}: {error:#}"));
    }
    trace::twice(queues::run, 100, POINTS).unwrap_or_else(|error| panic!("{error:#}"));
    trace::twice(harness::run::<Toy>, 100, POINTS).unwrap_or_else(|error| panic!("{error:#}"));
}
