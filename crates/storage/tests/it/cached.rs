//! What is left to the page cache: what was written last, and whatever was given up is read all the same.

use millstream_storage::{Opened, Options, ReadMode, ReadOutcome};
use millstream_types::Offset;

use crate::support::{add, log, options, prepare, read_all, sim_disk, start};

const BATCH_BYTES: usize = 1_000;
const BATCHES: u64 = 200;

fn is_cached(opened: &Opened, offset: u64) -> bool {
    let view = opened.views.get(log(1)).unwrap();
    match view.read(Offset(offset), 1, ReadMode::CachedOnly).unwrap() {
        ReadOutcome::Batches(_) => true,
        ReadOutcome::WouldBlock => false,
        ReadOutcome::AtEnd => panic!("there is a record"),
    }
}

fn filled(cached_bytes_max: u64) -> Opened {
    let (mut opened, _) = start(&sim_disk(), Options { cached_bytes_max, ..options() }).unwrap();
    crate::support::fill(&mut opened, 0, BATCH_BYTES);
    for base in 0..BATCHES {
        prepare(&mut opened);
        add(&mut opened, base, BATCH_BYTES).unwrap();
    }
    prepare(&mut opened);
    opened
}

#[test]
fn what_was_written_last_stays_and_the_rest_is_given_up() {
    let file_bytes = options().wal_file_bytes;
    let opened = filled(2 * file_bytes);
    assert!(is_cached(&opened, BATCHES - 1), "the newest record");
    assert!(!is_cached(&opened, 0), "the oldest");
    let cached =
        (0..BATCHES).filter(|offset| is_cached(&opened, *offset)).count() as u64 * BATCH_BYTES as u64;
    assert!((file_bytes..=3 * file_bytes).contains(&cached), "{cached} bytes are cached");
    assert_eq!(read_all(&opened, log(1), 0).len() as u64, BATCHES);
    assert!(is_cached(&opened, 0), "what is read again stays");
}

#[test]
fn everything_stays_when_nothing_else_is_asked() {
    let opened = filled(u64::MAX);
    assert!((0..BATCHES).all(|offset| is_cached(&opened, offset)));
}
