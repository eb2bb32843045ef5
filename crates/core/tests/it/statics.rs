//! Members with a static identity.

use crate::broker::Broker;
use crate::people::{group, join, offer, sync};
use millstream_core::cursor::{Generation, GroupReply, GroupRequest, GroupState, Heartbeat, JoinGroup};
use millstream_types::ErrorKind;

fn named(instance: &str, member: &str, random: u128) -> JoinGroup {
    JoinGroup { instance: Some(instance.into()), require_known_member: true, ..join(member, random) }
}

#[test]
fn a_static_member_needs_no_second_join() {
    let mut broker = Broker::new();
    let ticket = broker.join(named("left", "", 1));
    broker.advance(0);
    assert!(broker.joined(ticket).member.starts_with("left-"), "its id begins with its identity");
}

#[test]
fn a_leader_that_comes_back_takes_over_without_a_rebalance() {
    let mut broker = Broker::new();
    let (leader, follower, generation) = broker.pair_of(named("left", "", 1), named("right", "", 2));
    let ticket = broker.join(named("left", "", 3));
    let joined = broker.joined(ticket);
    assert_ne!(joined.member, leader);
    assert_eq!((joined.generation, &joined.leader), (generation, &joined.member));
    assert!(joined.skip_assignment);
    assert_eq!(joined.members.len(), 2);
    let ticket = broker.sync(sync(&joined.member, generation, &[]));
    assert_eq!(broker.synced(ticket).assignment, "to leader");
    assert_eq!(broker.heartbeat(&follower, generation), Ok(()));
    // The old self is fenced wherever it says who it is.
    let beat =
        Heartbeat { group: group("g"), member: leader.clone(), instance: Some("left".into()), generation };
    assert_eq!(broker.ask(GroupRequest::Heartbeat(beat)).map(|_| ()), Err(ErrorKind::FencedInstance));
    let again = broker.join(named("left", &leader, 4));
    assert_eq!(broker.reply(again).expect_err("fenced"), ErrorKind::FencedInstance);
    assert_eq!(broker.heartbeat(&leader, generation), Err(ErrorKind::UnknownMember));
    // It survives a restart.
    broker.crash();
    assert_eq!(broker.heartbeat(&joined.member, generation), Ok(()));
}

#[test]
fn a_leader_that_cannot_skip_is_told_that_its_old_self_leads() {
    let mut broker = Broker::new();
    let (leader, _, generation) = broker.pair_of(named("left", "", 1), named("right", "", 2));
    let ticket = broker.join(JoinGroup { can_skip_assignment: false, ..named("left", "", 3) });
    let joined = broker.joined(ticket);
    assert_eq!((joined.generation, &joined.leader), (generation, &leader));
    assert!(joined.members.is_empty() && !joined.skip_assignment);
}

#[test]
fn another_protocol_or_an_unfinished_generation_means_a_rebalance() {
    let mut broker = Broker::new();
    let (_, follower, generation) = broker.pair_of(named("left", "", 1), named("right", "", 2));
    let ticket = broker.join(JoinGroup { protocols: vec![offer("sticky", "s")], ..named("left", "", 3) });
    assert_eq!(broker.state(), Some(GroupState::PreparingRebalance));
    let other = broker.join(named("right", &follower, 0));
    let joined = broker.joined(ticket);
    assert_eq!((joined.generation, &*joined.protocol_name), (generation.next(), "sticky"));
    broker.joined(other);
    broker.join(named("left", "", 4));
    assert_eq!(
        broker.state(),
        Some(GroupState::PreparingRebalance),
        "the leader was assigning to the old id"
    );
}

#[test]
fn whoever_still_waits_under_the_identity_is_fenced() {
    let mut broker = Broker::new();
    let (leader, _, _) = broker.pair_of(named("left", "", 1), named("right", "", 2));
    let waiting = broker.join(named("left", &leader, 0));
    let ticket = broker.join(named("left", "", 3));
    assert_eq!(broker.reply(waiting).expect_err("fenced"), ErrorKind::FencedInstance);
    assert!(broker.take(ticket).is_none(), "the new one waits in its place");
    assert_eq!(broker.open(), 1);
}

#[test]
fn static_members_stay_in_the_generation_until_their_session_ends() {
    let mut broker = Broker::new();
    let patient = |instance: &str, member: &str, random| JoinGroup {
        session_timeout_ms: 200_000,
        ..named(instance, member, random)
    };
    let (leader, follower, generation) = broker.pair_of(patient("left", "", 1), patient("right", "", 2));
    let ticket = broker.join(JoinGroup { session_timeout_ms: 200_000, ..join("", 3) });
    broker.advance(30_000);
    let again = broker.join(patient("left", &leader, 0));
    broker.advance(30_000);
    assert_eq!(broker.joined(again).members.len(), 3, "the absent one is counted in");
    assert_eq!(broker.joined(ticket).generation, generation.next());
    assert_eq!(broker.heartbeat(&follower, generation.next()), Ok(()), "it may still come");
}

#[test]
fn if_nobody_at_all_joins_the_group_waits_for_their_sessions() {
    let mut broker = Broker::new();
    let patient = |instance: &str, random| JoinGroup {
        session_timeout_ms: 150_000,
        rebalance_timeout_ms: 0,
        ..named(instance, "", random)
    };
    let (leader, _, generation) = broker.pair_of(patient("left", 1), patient("right", 2));
    let ticket = broker.join(JoinGroup { member: leader, ..patient("left", 0) });
    assert_eq!(broker.leave(&[("", Some("left"))]), [Ok(())]);
    assert_eq!(broker.reply(ticket).expect_err("it left"), ErrorKind::UnknownMember);
    broker.advance(149_999);
    let waiting = broker.describe("g").expect("it exists");
    assert_eq!((waiting.state, waiting.generation), (GroupState::PreparingRebalance, generation));
    broker.advance(1);
    let empty = broker.describe("g").expect("it exists");
    assert_eq!((empty.state, empty.generation), (GroupState::Empty, generation.next()));
}

#[test]
fn an_administrator_removes_members_by_their_identity() {
    let mut broker = Broker::new();
    let (leader, _, generation) = broker.pair_of(named("left", "", 1), named("right", "", 2));
    let wrong = [("", Some("nobody")), ("someone", Some("left")), ("", None)];
    let kinds = [ErrorKind::UnknownMember, ErrorKind::FencedInstance, ErrorKind::UnknownMember];
    assert_eq!(broker.leave(&wrong), kinds.map(Err));
    assert_eq!(broker.heartbeat(&leader, generation), Ok(()), "nothing happened");
    assert_eq!(broker.leave(&[("", Some("right")), ("", Some("left"))]), [Ok(()), Ok(())]);
    assert_eq!(broker.state(), Some(GroupState::Empty));
}

#[test]
fn a_pending_stranger_can_leave() {
    let mut broker = Broker::new();
    let ticket = broker.join(JoinGroup { require_known_member: true, ..join("", 1) });
    let Ok(GroupReply::MemberIdRequired { member }) = broker.reply(ticket) else { panic!("an id") };
    assert_eq!(broker.leave(&[(&member, None)]), [Ok(())]);
    assert_eq!(broker.leave(&[(&member, None)]), [Err(ErrorKind::UnknownMember)]);
    assert_eq!(broker.heartbeat(&member, Generation(0)), Err(ErrorKind::UnknownMember));
}
