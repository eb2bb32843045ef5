//! The table of the plan's rules, row by row, and what goes together.

use millstream_types::ObjectNumber;

use super::{HomeFacts, PackOptions, plan};
use crate::log_reader::HomeId;

const FILE: u64 = 16 << 20;

fn options() -> PackOptions {
    PackOptions { job_bytes: 64 << 20, ..PackOptions::default() }
}

/// `live` sixteenths of a file in long pieces of one log.
fn file(sequence: u64, live: u64) -> HomeFacts {
    HomeFacts {
        home: HomeId::Wal(sequence),
        bytes: FILE,
        live_bytes: FILE / 16 * live,
        live_pieces: 16,
        live_logs: 1,
    }
}

fn short(sequence: u64) -> HomeFacts {
    HomeFacts { live_pieces: 4096, live_logs: 1000, ..file(sequence, 16) }
}

fn object(number: u64, live: u64) -> HomeFacts {
    HomeFacts { home: HomeId::Object(ObjectNumber(number)), ..file(0, live) }
}

/// The sequences (or numbers) of each job.
fn jobs(homes: &[HomeFacts]) -> Vec<Vec<u64>> {
    let number = |home: &HomeId| match home {
        HomeId::Wal(sequence) => *sequence,
        HomeId::Object(number) => 1000 + number.0,
    };
    plan(homes, &options()).jobs.iter().map(|job| job.homes.iter().map(number).collect()).collect()
}

/// The jobs of `homes` when two live files follow, which are the young ones then.
fn aged(homes: &[HomeFacts]) -> Vec<Vec<u64>> {
    let mut all = homes.to_vec();
    all.extend([file(998, 16), file(999, 16)]);
    jobs(&all)
}

#[test]
fn the_live_share_decides_by_age() {
    for (live, old, young) in [(0, false, false), (1, true, true), (2, true, false), (7, true, false)] {
        assert_eq!(!aged(&[file(1, live)]).is_empty(), old, "{live}/16 live");
        assert_eq!(!jobs(&[file(1, live)]).is_empty(), young, "{live}/16 live, young");
    }
    for live in [8, 9, 16] {
        assert!(aged(&[file(1, live)]).is_empty(), "{live}/16 live is a good home");
    }
}

#[test]
fn short_pieces_are_packed_once_enough_files_go_together() {
    assert!(aged(&[short(1), short(2), short(3)]).is_empty());
    assert_eq!(aged(&[short(1), short(2), short(3), short(4)]), [[1, 2, 3, 4]]);
    assert!(jobs(&[short(1), short(2), short(3), short(4), short(5)]).is_empty(), "two of them are young");
    assert_eq!(
        aged(&[short(1), file(2, 3), short(3)]),
        [[1, 2, 3]],
        "with one that gives space they go at once"
    );
}

#[test]
fn either_few_bytes_per_log_or_small_pieces_are_short() {
    let four = |facts: fn(u64) -> HomeFacts| aged(&[facts(1), facts(2), facts(3), facts(4)]).len();
    assert_eq!(four(|n| HomeFacts { live_logs: 64, live_pieces: 64, ..file(n, 16) }), 0, "256 KiB each");
    assert_eq!(four(|n| HomeFacts { live_logs: 65, live_pieces: 65, ..file(n, 16) }), 1);
    assert_eq!(four(|n| HomeFacts { live_logs: 1, live_pieces: 1024, ..file(n, 16) }), 0, "16 KiB each");
    assert_eq!(four(|n| HomeFacts { live_logs: 1, live_pieces: 1025, ..file(n, 16) }), 1);
}

#[test]
fn shared_bytes_are_not_multiplied() {
    let shared = |n| HomeFacts { live_logs: 1000, live_pieces: 100_000, ..file(n, 17) };
    assert!(aged(&[shared(1), shared(2), shared(3), shared(4)]).is_empty());
}

#[test]
fn a_good_home_parts_jobs_and_a_dead_one_does_not() {
    let found = aged(&[file(1, 4), file(2, 0), file(3, 4), file(4, 12), file(5, 4)]);
    assert_eq!(found, [vec![1, 3], vec![5]]);
}

#[test]
fn a_job_ends_when_it_is_large_enough() {
    let files: Vec<_> = (1..=10).map(short).collect();
    // 64 MiB are four files. The last two wait.
    assert_eq!(aged(&files), [[1, 2, 3, 4], [5, 6, 7, 8]]);
    let plan = plan(&files, &options());
    assert_eq!(plan.backlog_bytes, 8 * FILE, "the two youngest are no backlog");
}

#[test]
fn objects_are_packed_when_less_than_half_lives_apart_from_files() {
    let homes = [object(1, 7), object(2, 8), object(3, 0), object(4, 1), file(7, 3)];
    assert_eq!(aged(&homes), [vec![7], vec![1001, 1004]]);
}

#[test]
fn nothing_is_planned_from_nothing() {
    assert!(jobs(&[]).is_empty());
}

#[test]
fn more_goes_together_the_more_is_stored() {
    let of = |stored: u64| {
        let options = options().with_stored(stored);
        (options.files_together, options.job_bytes >> 20)
    };
    assert_eq!(of(0), (4, 64));
    assert_eq!(of((2 << 30) - 1), (4, 64));
    assert_eq!(of(2 << 30), (8, 128));
    assert_eq!(of(8 << 30), (32, 512));
    assert_eq!(of(u64::MAX), (32, 512), "what waits in WAL files stays bounded");
}
