//! Committed offsets: who may commit, what is kept, who may delete.

use crate::broker::Broker;
use crate::people::{commit, group, join, simple_commit};
use millstream_core::cursor::{
    CommitOffsets, Generation, GroupReply, GroupRequest, GroupState, JoinGroup, OffsetToCommit, Subscription,
};
use millstream_core::{Reply, Request};
use millstream_types::{ErrorKind, LogId, Offset, StreamId};

fn log(stream: StreamId, index: u32) -> LogId {
    LogId { stream, index }
}

#[test]
fn a_reader_outside_any_membership_keeps_offsets() {
    let mut broker = Broker::new();
    let stream = broker.stream("read", 2);
    assert_eq!(broker.fetch("g", Some(&[log(stream, 0)])), [(log(stream, 0), None)]);
    assert_eq!(broker.commit(simple_commit("g", &[(log(stream, 0), 7)])), Ok(vec![Ok(())]));
    let found = broker.fetch("g", Some(&[log(stream, 1), log(stream, 0)]));
    assert_eq!(found[0], (log(stream, 1), None));
    let kept = found[1].1.clone().expect("committed");
    assert_eq!((kept.offset, kept.leader_epoch, &*kept.metadata), (Offset(7), 3, "note"));
    assert_eq!((kept.committed, kept.expires), (broker.now, None));
    let described = broker.describe("g").expect("it exists");
    assert_eq!((described.state, described.protocol_type), (GroupState::Empty, None));
    broker.crash();
    assert_eq!(broker.positions("g"), [(log(stream, 0), 7)]);
}

#[test]
fn each_offset_is_accepted_or_refused_on_its_own() {
    let mut broker = Broker::new();
    let stream = broker.stream("read", 1);
    let mut request =
        simple_commit("g", &[(log(stream, 0), 1), (log(stream, 1), 1), (log(StreamId(99), 0), 1)]);
    let long = OffsetToCommit { metadata: "n".repeat(4097).into(), ..request.offsets[0].clone() };
    request.offsets.push(long);
    let expected = vec![
        Ok(()),
        Err(ErrorKind::UnknownLog),
        Err(ErrorKind::UnknownStream),
        Err(ErrorKind::MetadataTooLarge),
    ];
    assert_eq!(broker.commit(request), Ok(expected));
    assert_eq!(broker.positions("g"), [(log(stream, 0), 1)]);
}

#[test]
fn only_members_of_the_current_generation_commit() {
    let mut broker = Broker::new();
    let stream = broker.stream("read", 1);
    let at = [(log(stream, 0), 1)];
    assert_eq!(broker.commit(commit("m", Generation(1), &at)), Err(ErrorKind::UnknownGroup));
    let (leader, follower, generation) = broker.pair();
    assert_eq!(broker.commit(commit(&leader, Generation(0), &at)), Err(ErrorKind::StaleGeneration));
    assert_eq!(broker.commit(commit(&leader, Generation::NONE, &at)), Err(ErrorKind::StaleGeneration));
    assert_eq!(broker.commit(commit("m", generation, &at)), Err(ErrorKind::UnknownMember));
    let fenced = CommitOffsets { instance: Some("left".into()), ..commit(&leader, generation, &at) };
    assert_eq!(broker.commit(fenced), Err(ErrorKind::UnknownMember));
    assert_eq!(broker.commit(commit(&follower, generation, &at)), Ok(vec![Ok(())]));
}

#[test]
fn a_commit_keeps_the_session_alive() {
    let mut broker = Broker::new();
    let stream = broker.stream("read", 1);
    let (leader, follower, generation) = broker.pair();
    for offset in 0..5 {
        broker.advance(6_000);
        for member in [&leader, &follower] {
            let done = broker.commit(commit(member, generation, &[(log(stream, 0), offset)]));
            assert_eq!(done, Ok(vec![Ok(())]));
        }
    }
}

#[test]
fn offsets_in_use_are_not_deleted() {
    let mut broker = Broker::new();
    let (read, other) = (broker.stream("read", 1), broker.stream("other", 1));
    let delete = |broker: &mut Broker| {
        let logs = vec![log(read, 0), log(other, 0)];
        broker.ask(GroupRequest::DeleteOffsets { group: group("g"), logs })
    };
    assert_eq!(delete(&mut broker).map(|_| ()), Err(ErrorKind::UnknownGroup));
    let (leader, follower, generation) = broker.pair();
    let at = [(log(read, 0), 1), (log(other, 0), 2)];
    broker.commit(commit(&leader, generation, &at)).expect("accepted");
    let Ok(GroupReply::OffsetsDeleted(results)) = delete(&mut broker) else { panic!("results") };
    assert_eq!(results, [Err(ErrorKind::GroupSubscribed), Ok(())]);
    assert_eq!(broker.positions("g"), [(log(read, 0), 1)]);
    broker.leave(&[(&leader, None), (&follower, None)]);
    let Ok(GroupReply::OffsetsDeleted(results)) = delete(&mut broker) else { panic!("results") };
    assert_eq!(results, [Ok(()), Ok(())]);
    assert_eq!(broker.positions("g"), []);
    broker.crash();
    assert_eq!(broker.state(), Some(GroupState::Empty));
}

#[test]
fn members_whose_subscriptions_nobody_understands_protect_everything() {
    for (subscription, refused) in [
        (Subscription::Opaque, Err(ErrorKind::GroupNotEmpty)),
        (Subscription::Unknown, Ok(Err(ErrorKind::GroupSubscribed))),
    ] {
        let mut broker = Broker::new();
        let stream = broker.stream("other", 1);
        let one = |random| JoinGroup { subscription: subscription.clone(), ..join("", random) };
        broker.pair_of(one(1), one(2));
        let request = GroupRequest::DeleteOffsets { group: group("g"), logs: vec![log(stream, 0)] };
        let found = broker.ask(request).map(|reply| match reply {
            GroupReply::OffsetsDeleted(results) => results[0],
            other => panic!("{other:?}"),
        });
        assert_eq!(found, refused);
    }
}

#[test]
fn a_deleted_stream_takes_its_offsets_along_and_they_never_come_back() {
    let mut broker = Broker::new();
    let (stream, other) = (broker.stream("read", 1), broker.stream("other", 1));
    for number in 0..5_000 {
        let at = [(log(stream, 0), number), (log(other, 0), number)];
        broker.commit(simple_commit(&format!("g{number}"), &at)).expect("accepted");
    }
    broker.checkpoint(usize::MAX);
    let Reply::Stream(_) = broker.call(Request::DeleteStream { stream }) else { panic!("deleted") };
    assert_eq!(broker.positions("g4999"), [(log(other, 0), 4999)], "at once, whatever is left to be swept");
    assert_eq!(broker.fetch("g1", Some(&[log(stream, 0)])), [(log(stream, 0), None)]);
    let again = broker.stream("read", 1);
    assert_ne!(again, stream);
    broker.crash();
    assert_eq!(broker.positions("g4999"), [(log(other, 0), 4999)]);
    broker.advance(1);
    broker.crash();
    assert_eq!(broker.positions("g0"), [(log(other, 0), 0)]);
    let refused = broker.commit(simple_commit("g0", &[(log(stream, 0), 1)]));
    assert_eq!(refused, Ok(vec![Err(ErrorKind::UnknownStream)]));
}

#[test]
fn deleting_a_group_forgets_everything_of_it() {
    let mut broker = Broker::new();
    let stream = broker.stream("read", 3);
    assert_eq!(broker.delete_group("g"), Err(ErrorKind::UnknownGroup));
    let (leader, follower, generation) = broker.pair();
    broker.commit(commit(&leader, generation, &[(log(stream, 1), 5)])).expect("accepted");
    assert_eq!(broker.delete_group("g"), Err(ErrorKind::GroupNotEmpty));
    broker.leave(&[(&leader, None), (&follower, None)]);
    assert_eq!(broker.delete_group("g"), Ok(()));
    assert_eq!(broker.state(), None);
    broker.commit(simple_commit("g", &[(log(stream, 2), 6)])).expect("accepted");
    broker.advance(1);
    assert_eq!(broker.positions("g"), [(log(stream, 2), 6)]);
    broker.call(Request::DeleteStream { stream });
    broker.advance(1);
    assert_eq!(broker.positions("g"), []);
    broker.crash();
}

#[test]
fn requests_that_name_too_much_are_refused_whole() {
    let mut broker = Broker::new();
    let stream = broker.stream("read", 1);
    let many = vec![(log(stream, 0), 1); 16_385];
    assert_eq!(broker.commit(simple_commit("g", &many)), Err(ErrorKind::LimitExceeded));
    let groups = vec![group("g"); 1025];
    let refused = broker.ask(GroupRequest::Describe { groups: groups.clone() });
    assert_eq!(refused.map(|_| ()), Err(ErrorKind::LimitExceeded));
    let refused = broker.ask(GroupRequest::Delete { groups });
    assert_eq!(refused.map(|_| ()), Err(ErrorKind::LimitExceeded));
    assert_eq!(broker.state(), None);
}
