//! Forgetting offsets that nobody has used for long.

use crate::broker::Broker;
use crate::people::{commit, join, simple_commit};
use millstream_core::cursor::{CommitOffsets, GroupOptions, GroupState, JoinGroup, Subscription};
use millstream_core::shard::ShardOptions;
use millstream_types::LogId;

const DAY_MS: u64 = 24 * 3_600_000;
const CHECK_MS: u64 = 600_000;

#[test]
fn offsets_outside_any_membership_age_by_their_commit() {
    let mut broker = Broker::new();
    let stream = broker.stream("read", 2);
    let log = |index| LogId { stream, index };
    broker.commit(simple_commit("g", &[(log(0), 1)])).expect("accepted");
    broker.advance(3 * DAY_MS);
    broker.commit(simple_commit("g", &[(log(1), 2)])).expect("accepted");
    broker.advance(4 * DAY_MS - CHECK_MS);
    assert_eq!(broker.positions("g").len(), 2);
    broker.advance(2 * CHECK_MS);
    assert_eq!(broker.positions("g"), [(log(1), 2)]);
    broker.crash();
    broker.advance(3 * DAY_MS);
    assert_eq!(broker.state(), None, "with the last offset the group goes");
    broker.crash();
    assert_eq!(broker.state(), None);
}

#[test]
fn offsets_of_a_group_without_members_age_together() {
    let mut broker = Broker::new();
    let stream = broker.stream("read", 1);
    let at = [(LogId { stream, index: 0 }, 1)];
    let patient = |random| JoinGroup { session_timeout_ms: 1_800_000, ..join("", random) };
    let (leader, follower, generation) = broker.pair_of(patient(1), patient(2));
    broker.commit(commit(&leader, generation, &at)).expect("accepted");
    for _ in 0..(8 * DAY_MS / 1_700_000) {
        broker.advance(1_700_000);
        for member in [&leader, &follower] {
            assert_eq!(broker.heartbeat(member, generation), Ok(()));
        }
    }
    assert_eq!(broker.positions("g").len(), 1, "a member reads the stream");
    broker.leave(&[(&leader, None), (&follower, None)]);
    broker.advance(6 * DAY_MS);
    broker.crash();
    broker.advance(DAY_MS - CHECK_MS);
    assert_eq!(broker.positions("g").len(), 1);
    broker.advance(2 * CHECK_MS);
    assert_eq!(broker.state(), None);
}

#[test]
fn a_time_of_ones_own_is_kept() {
    let mut broker = Broker::new();
    let stream = broker.stream("read", 1);
    let brief = simple_commit("g", &[(LogId { stream, index: 0 }, 1)]);
    broker.commit(CommitOffsets { retention_ms: Some(5_000), ..brief }).expect("accepted");
    broker.advance(2 * CHECK_MS);
    assert_eq!(broker.state(), None);
}

#[test]
fn members_keep_what_they_read_or_may_read() {
    let kept = |subscription: Subscription| {
        let mut broker = Broker::new();
        let stream = broker.stream("other", 1);
        let one = |random| JoinGroup { subscription: subscription.clone(), ..join("", random) };
        let (leader, follower, generation) = broker.pair_of(one(1), one(2));
        let brief = commit(&leader, generation, &[(LogId { stream, index: 0 }, 1)]);
        broker.commit(CommitOffsets { retention_ms: Some(5_000), ..brief }).expect("accepted");
        for _ in 0..(2 * CHECK_MS / 9_000) {
            broker.advance(9_000);
            for member in [&leader, &follower] {
                assert_eq!(broker.heartbeat(member, generation), Ok(()));
            }
        }
        assert_eq!(broker.state(), Some(GroupState::Stable));
        !broker.positions("g").is_empty()
    };
    assert!(kept(Subscription::Opaque));
    assert!(kept(Subscription::Unknown));
    assert!(kept(Subscription::Streams(vec!["other".into()])));
    assert!(!kept(Subscription::Streams(vec!["read".into()])));
}

#[test]
fn many_groups_are_looked_at_in_slices() {
    let groups = GroupOptions { offsets_retention_ms: 2 * CHECK_MS, ..GroupOptions::default() };
    let mut broker = Broker::with(ShardOptions { groups, ..ShardOptions::default() });
    let stream = broker.stream("read", 4);
    for number in 0..3_000 {
        let at = [0, 1, 2, 3].map(|index| (LogId { stream, index }, number));
        broker.commit(simple_commit(&format!("g{number}"), &at)).expect("accepted");
    }
    broker.advance(4 * CHECK_MS);
    for number in 0..3_000 {
        assert!(broker.describe(&format!("g{number}")).is_err(), "group {number} is left");
    }
    broker.crash();
}
