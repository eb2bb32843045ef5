//! Groups at the edge of their limits: images in parts, walks that are interrupted, work in slices.

use crate::broker::Broker;
use crate::people::{commit, join, offer, simple_commit, sync};
use millstream_core::Request;
use millstream_core::cursor::{GroupReply, GroupRequest, JoinGroup};
use millstream_types::{ErrorKind, LogId};

#[test]
fn a_hundred_thousand_offsets_are_imaged_and_deleted_in_slices() {
    let mut broker = Broker::new();
    let streams: Vec<_> = (0..10).map(|number| broker.stream(&format!("s{number}"), 10_000)).collect();
    for stream in &streams {
        let all: Vec<(LogId, u64)> =
            (0..10_000).map(|index| (LogId { stream: *stream, index }, u64::from(index))).collect();
        for some in all.chunks(2_000) {
            assert_eq!(broker.commit(simple_commit("g", some)).map(|results| results.len()), Ok(2_000));
        }
    }
    let full = broker.stream("more", 1);
    let one_more = simple_commit("g", &[(LogId { stream: full, index: 0 }, 1)]);
    assert_eq!(broker.commit(one_more), Ok(vec![Err(ErrorKind::LimitExceeded)]));
    assert_eq!(broker.positions("g").len(), 100_000);
    // A walk with changes between its steps; `crash` compares what is restored from it.
    let mut number = 0;
    for _ in 0..400 {
        broker.checkpoint(50_000);
        number += 1;
        let at = [(LogId { stream: streams[3], index: number * 7 % 10_000 }, u64::from(number))];
        broker.commit(simple_commit("g", &at)).expect("accepted");
    }
    broker.crash();
    broker.call(Request::DeleteStream { stream: streams[0] });
    assert_eq!(broker.positions("g").len(), 90_000);
    broker.advance(1);
    assert_eq!(broker.delete_group("g"), Ok(()));
    broker.commit(simple_commit("g", &[(LogId { stream: streams[1], index: 1 }, 1)])).expect("accepted");
    broker.advance(1);
    assert_eq!(broker.positions("g").len(), 1);
    broker.crash();
}

#[test]
fn a_roster_of_megabytes_survives_in_parts() {
    let mut broker = Broker::new();
    let heavy = |random| {
        let protocols = vec![offer("range", &"m".repeat(300_000))];
        JoinGroup { protocols, ..join("", random) }
    };
    let tickets: Vec<_> = (1..=6).map(|random| broker.join(heavy(random))).collect();
    broker.advance(0);
    let joined: Vec<_> = tickets.into_iter().map(|ticket| broker.joined(ticket)).collect();
    let leader = joined.iter().find(|joined| !joined.members.is_empty()).expect("one leads");
    let share = "a".repeat(200_000);
    let shares: Vec<(&str, &str)> = joined.iter().map(|joined| (&*joined.member, &*share)).collect();
    let ticket = broker.sync(sync(&leader.member, leader.generation, &shares));
    assert_eq!(broker.synced(ticket).assignment.len(), 200_000);
    let before = broker.describe("g").expect("it exists");
    for _ in 0..2_000 {
        broker.checkpoint(1);
    }
    broker.crash();
    assert_eq!(broker.describe("g"), Ok(before));
}

#[test]
fn a_group_that_changes_while_its_roster_is_walked_is_whole_again() {
    let mut broker = Broker::new();
    let stream = broker.stream("read", 1);
    let heavy =
        |random| JoinGroup { protocols: vec![offer("range", &"m".repeat(100_000))], ..join("", random) };
    let (leader, follower, generation) = broker.pair_of(heavy(1), heavy(2));
    for step in 0..60 {
        broker.checkpoint(1);
        if step == 5 {
            broker.commit(commit(&leader, generation, &[(LogId { stream, index: 0 }, 9)])).expect("accepted");
        }
        if step == 6 {
            broker.leave(&[(&leader, None), (&follower, None)]);
            assert_eq!(broker.delete_group("g"), Ok(()));
            broker.pair();
        }
    }
    broker.crash();
    assert_eq!(broker.describe("g").map(|group| group.members.len()), Ok(2));
}

#[test]
fn five_thousand_members_are_one_generation() {
    let mut broker = Broker::new();
    let tickets: Vec<_> = (1..=5_000).map(|random| broker.join(join("", random))).collect();
    let stranger = broker.join(join("", 5_001));
    let refused = match broker.reply(stranger) {
        Err(kind) => kind,
        Ok(other) => panic!("{other:?}"),
    };
    assert_eq!(refused, ErrorKind::GroupFull);
    broker.advance(0);
    let joined: Vec<_> = tickets.into_iter().map(|ticket| broker.joined(ticket)).collect();
    assert_eq!(joined.iter().map(|joined| joined.members.len()).max(), Some(5_000));
    let waiting = broker.sync(sync(&joined[1].member, joined[1].generation, &[]));
    broker.advance(9_000);
    // Everyone but one goes silent at once: their sessions end in slices.
    broker.advance(60_000);
    assert_eq!(broker.open(), 0);
    assert!(broker.take(waiting).is_some());
    let Ok(GroupReply::Described(_)) = broker.ask(GroupRequest::Describe { groups: Vec::new() }) else {
        panic!("an empty answer")
    };
}
