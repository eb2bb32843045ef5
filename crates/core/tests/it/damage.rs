//! Entries that are not what was written: refused, never understood as something else by accident of length.

use crate::broker::Broker;
use crate::objects;
use crate::people::{commit, join, simple_commit};
use crate::random::Random;
use millstream_core::catalog::{ConfigChange, Setting};
use millstream_core::codec::{Decoder, Encoder};
use millstream_core::cursor::{CommitOffsets, JoinGroup, Subscription};
use millstream_core::hash::HashSeed;
use millstream_core::shard::RestoreError;
use millstream_core::{Entry, Request, Restore, Shard, ShardOptions};
use millstream_types::{EngineTime, LogId, ObjectNumber, Offset, WalPosition};

const DAY_MS: u64 = 24 * 3_600_000;

/// A broker whose frames hold every kind of entry.
pub(crate) fn everything() -> Broker {
    let mut broker = Broker::new();
    let stream = broker.stream("read", 2);
    let log = LogId { stream, index: 0 };
    broker.call(Request::Append(vec![Broker::batch(log, 3)]));
    broker.call(Request::AllocateProducer);
    broker.call(Request::Append(vec![Broker::stamped(log, 1)]));
    broker.advance(DAY_MS);
    broker.call(Request::Append(vec![Broker::stamped(log, 2)]));
    broker.call(Request::AddLogs { stream, logs: 3 });
    let named = JoinGroup {
        instance: Some("left".into()),
        subscription: Subscription::Streams(vec!["a".into(), "b".into()]),
        ..join("", 1)
    };
    let (leader, follower, generation) =
        broker.pair_of(named, JoinGroup { subscription: Subscription::Unknown, ..join("", 2) });
    broker.commit(commit(&leader, generation, &[(log, 1)])).expect("accepted");
    let brief = CommitOffsets { retention_ms: Some(1_000), ..simple_commit("brief", &[(log, 1)]) };
    broker.commit(brief).expect("accepted");
    broker.leave(&[(&leader, None), (&follower, None)]);
    broker.advance(700_000);
    broker.delete_group("g").expect("it is empty");
    objects::commit(&mut broker, objects::object(1, vec![objects::part(log, 0, 3)])).expect("accepted");
    broker.call(Request::DeleteStream { stream });
    broker.advance(0);
    assert_eq!(objects::drop_objects(&mut broker, &[1]), [1]);
    let kept = LogId { stream: broker.stream("kept", 1), index: 0 };
    broker.call(Request::Append(vec![Broker::batch(kept, 3)]));
    let changes =
        [Setting::CompactionLagMaxMs(Some(9)), Setting::CompactionDirtyRatioMin(100)].map(ConfigChange::Set);
    broker.call(Request::AlterStream { stream: kept.stream, changes: changes.into() });
    objects::commit(&mut broker, objects::object(2, vec![objects::part(kept, 1, 3)])).expect("accepted");
    broker
}

#[test]
fn every_entry_is_read_back_as_it_was_written() {
    let mut kinds = std::collections::BTreeSet::new();
    for entries in everything().entries() {
        let mut input = Decoder(entries);
        while !input.is_empty() {
            kinds.insert(input.0[0]);
            let before = input.0;
            let entry = Entry::get(&mut input).expect("it was just written");
            let mut again = Vec::new();
            entry.put(&mut Encoder(&mut again));
            assert_eq!(again, before[..before.len() - input.0.len()]);
        }
    }
    assert_eq!(kinds.into_iter().collect::<Vec<u8>>(), [1, 2, 3, 5, 6, 7, 8, 9, 16, 17, 18, 19]);
}

#[test]
fn cut_entries_are_refused_and_flipped_bits_never_panic() {
    let mut random = Random(1);
    let broker = everything();
    let mut singles: Vec<&[u8]> = Vec::new();
    for entries in broker.entries() {
        let mut input = Decoder(entries);
        while !input.is_empty() {
            let before = input.0;
            Entry::get(&mut input).expect("it was just written");
            singles.push(&before[..before.len() - input.0.len()]);
        }
    }
    for entries in singles {
        for cut in 0..entries.len() {
            assert!(Entry::get(&mut Decoder(&entries[..cut])).is_err(), "cut at {cut} of {entries:?}");
        }
        for _ in 0..200 {
            let mut flipped = entries.to_vec();
            let at = usize::try_from(random.below(flipped.len() as u64)).expect("small");
            flipped[at] ^= 1 << random.below(8);
            let mut input = Decoder(&flipped);
            if Entry::get(&mut input).is_ok() {
                assert!(input.0.len() < flipped.len(), "an entry that was understood has bytes");
            }
        }
    }
}

const SEED: HashSeed = HashSeed([1, 2]);

/// Restores from images alone.
fn restored(images: &[Vec<u8>]) -> Result<Shard, RestoreError> {
    let mut restore = Restore::new(SEED, ShardOptions::default());
    images.iter().try_for_each(|image| restore.image(WalPosition(16), image))?;
    restore.finish(EngineTime(0))
}

/// The default namespace is there without an image.
fn images_without_namespaces(broker: &Broker) -> Vec<Vec<u8>> {
    broker.dump().into_iter().filter(|image| image[0] != 6).collect()
}

#[test]
fn a_checkpoint_that_lacks_something_stops_the_start() {
    let mut broker = Broker::new();
    let stream = broker.stream("s", 3);
    let log = LogId { stream, index: 2 };
    broker.call(Request::Append(vec![Broker::batch(log, 3)]));
    objects::commit(&mut broker, objects::object(1, vec![objects::part(log, 0, 3)])).expect("accepted");
    let images = images_without_namespaces(&broker);
    let tags: Vec<u8> = images.iter().map(|image| image[0]).collect();
    assert_eq!(tags, [1, 2, 3, 5]);
    assert!(restored(&images).is_ok());
    let without_logs = [images[0].clone(), images[1].clone(), images[3].clone()];
    let missing = RestoreError::LogsMissing { stream, index: 0 };
    assert_eq!(restored(&without_logs).expect_err("the logs are missing"), missing);
    // Half of the logs: the count says two, and there are two.
    let mut half = images.clone();
    half[2][13] = 2;
    half[2].truncate(17 + 2 * 16);
    let missing = RestoreError::LogsMissing { stream, index: 2 };
    assert_eq!(restored(&half).expect_err("a log is missing"), missing);
    // The entry that deleted the stream came after its image.
    let mut restore = Restore::new(SEED, ShardOptions::default());
    without_logs.iter().for_each(|image| restore.image(WalPosition(16), image).expect("well-formed"));
    let mut deleted = Vec::new();
    Entry::StreamDeleted { stream }.put(&mut Encoder(&mut deleted));
    restore.frame(WalPosition(32), &deleted, &[]).expect("well-formed");
    let shard = restore.finish(EngineTime(0)).expect("nothing is missing of what is there");
    assert!(!shard.is_object_live(ObjectNumber(1)));
}

#[test]
fn a_manifest_that_names_what_a_log_never_had_stops_the_start() {
    let mut broker = Broker::new();
    let log = LogId { stream: broker.stream("s", 1), index: 0 };
    broker.call(Request::Append(vec![Broker::batch(log, 3)]));
    objects::commit(&mut broker, objects::object(1, vec![objects::part(log, 0, 3)])).expect("accepted");
    let mut images = images_without_namespaces(&broker);
    // The log's image: its end is the last number.
    let at = images[2].len() - 8;
    images[2][at] = 2;
    let error = RestoreError::PartBeyondEnd { object: ObjectNumber(1), log, to: Offset(3), end: Offset(2) };
    assert_eq!(restored(&images).expect_err("a record too many"), error);
    let twice = [images[0].clone(), images[3].clone(), images[3].clone()];
    assert!(matches!(restored(&twice), Err(RestoreError::Decode(_))));
}

#[test]
fn counters_that_know_no_objects_or_namespaces_begin_with_the_first() {
    let broker = Broker::new();
    let mut images = broker.dump();
    assert_eq!(images[0].len(), 29);
    for bytes in [25, 17] {
        images[0].truncate(bytes);
        assert_eq!(restored(&images).map(|shard| shard.next_object()), Ok(ObjectNumber(1)));
    }
}
