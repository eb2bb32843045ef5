//! Random work, faults and crashes against a model: the simulator's first seeds, and those that once failed.

use millstream_sim::{harness, toy::Toy};

const POINTS_PER_SEED: u64 = 25;

fn run(seed: u64) {
    if let Err(error) = harness::run::<Toy>(seed, POINTS_PER_SEED, None) {
        panic!("{error:#}");
    }
}

#[test]
fn the_first_seeds_break_no_promise() {
    (1..25).for_each(run);
}

#[test]
fn a_closing_frame_that_only_the_page_cache_held_is_made_durable_before_the_next_file_begins() {
    run(611);
}

#[test]
fn a_file_that_never_got_a_durable_frame_is_not_listed_by_a_checkpoint() {
    run(231);
    run(620);
}

#[test]
fn the_same_seed_does_the_same() {
    let trace = || harness::run::<Toy>(9, POINTS_PER_SEED, None).unwrap();
    assert_eq!(trace(), trace());
}
