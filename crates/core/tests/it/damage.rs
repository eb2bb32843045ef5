//! Entries that are not what was written: refused, never understood as something else by accident of length.

use crate::broker::Broker;
use crate::objects;
use crate::people::{commit, join, simple_commit};
use crate::random::Random;
use millstream_core::codec::{Decoder, Encoder};
use millstream_core::cursor::{CommitOffsets, JoinGroup, Subscription};
use millstream_core::{Entry, Request};
use millstream_types::LogId;

/// A broker whose frames hold every kind of entry.
pub(crate) fn everything() -> Broker {
    let mut broker = Broker::new();
    let stream = broker.stream("read", 2);
    let log = LogId { stream, index: 0 };
    broker.call(Request::Append(vec![Broker::batch(log, 3)]));
    broker.call(Request::AllocateProducer);
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
    assert_eq!(kinds.into_iter().collect::<Vec<u8>>(), [1, 2, 3, 6, 7, 8, 16, 17, 18, 19]);
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
