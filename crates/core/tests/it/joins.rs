//! How generations come about: waiting, voting, timeouts, limits.

use crate::broker::Broker;
use crate::people::{REBALANCE_MS, SESSION_MS, group, join, offer, sync};
use millstream_core::cursor::{
    Generation, GroupId, GroupOptions, GroupReply, GroupRequest, GroupState, JoinGroup, OfferedProtocol,
};
use millstream_core::shard::ShardOptions;
use millstream_types::ErrorKind;

fn with(groups: GroupOptions) -> Broker {
    Broker::with(ShardOptions { groups, ..ShardOptions::default() })
}

#[test]
fn a_group_of_one_starts_at_once() {
    let mut broker = Broker::new();
    let ticket = broker.join(join("", 0xabc));
    broker.advance(0);
    let joined = broker.joined(ticket);
    assert_eq!(&*joined.member, "client-00000000-0000-0000-0000-000000000abc");
    assert_eq!((joined.generation, &joined.leader), (Generation(1), &joined.member));
    assert_eq!(joined.members.len(), 1);
    assert_eq!(joined.members[0].metadata, "r", "the preferred protocol's metadata");
    assert_eq!((&*joined.protocol_type, &*joined.protocol_name), ("consumer", "range"));
}

#[test]
fn the_first_rebalance_waits_for_more_members_but_not_for_ever() {
    let mut broker = with(GroupOptions { initial_delay_ms: 3_000, ..GroupOptions::default() });
    let brief = |random| JoinGroup { rebalance_timeout_ms: 8_000, ..join("", random) };
    let first = broker.join(brief(1));
    broker.advance(2_000);
    let mut tickets = vec![broker.join(brief(2))];
    broker.advance(2_000);
    tickets.push(broker.join(brief(3)));
    broker.advance(2_500);
    assert!(broker.take(first).is_none(), "each that came has extended the wait");
    tickets.push(broker.join(brief(4)));
    broker.advance(1_500);
    assert_eq!(broker.joined(first).members.len(), 4, "the rebalance timeout bounds it");
    for ticket in tickets {
        assert!(broker.joined(ticket).members.is_empty(), "only the leader sees everyone");
    }
}

#[test]
fn a_known_id_can_be_required() {
    let mut broker = Broker::new();
    let ticket = broker.join(JoinGroup { require_known_member: true, ..join("", 1) });
    let Ok(GroupReply::MemberIdRequired { member }) = broker.reply(ticket) else { panic!("an id") };
    let ticket = broker.join(JoinGroup { require_known_member: true, ..join(&member, 2) });
    broker.advance(0);
    assert_eq!(broker.joined(ticket).member, member);
    // An id that is not used in time is forgotten.
    let ticket = broker.join(JoinGroup { require_known_member: true, ..join("", 3) });
    let Ok(GroupReply::MemberIdRequired { member }) = broker.reply(ticket) else { panic!("an id") };
    broker.advance(SESSION_MS);
    let ticket = broker.join(join(&member, 4));
    assert_eq!(broker.reply(ticket).expect_err("forgotten"), ErrorKind::UnknownMember);
}

#[test]
fn a_rebalance_waits_for_those_who_were_given_an_id() {
    let mut broker = Broker::new();
    let (leader, follower, _) = broker.pair();
    let pending = broker.join(JoinGroup { require_known_member: true, ..join("", 3) });
    let Ok(GroupReply::MemberIdRequired { member }) = broker.reply(pending) else { panic!("an id") };
    let tickets = [broker.join(join(&leader, 0)), broker.join(join(&follower, 0))];
    assert_eq!(broker.open(), 2, "the third is awaited");
    let third = broker.join(join(&member, 0));
    assert_eq!(broker.joined(third).generation, Generation(2));
    assert_eq!(tickets.map(|ticket| broker.joined(ticket).members.len()), [3, 0]);
}

#[test]
fn the_protocol_is_the_one_most_prefer_among_those_all_offer() {
    let mut broker = Broker::new();
    let offering = |random, names: &[&str]| {
        let protocols: Vec<OfferedProtocol> = names.iter().map(|name| offer(name, name)).collect();
        JoinGroup { protocols, ..join("", random) }
    };
    let tickets = [
        broker.join(offering(1, &["only-mine", "range", "sticky"])),
        broker.join(offering(2, &["sticky", "range"])),
        broker.join(offering(3, &["sticky", "range", "other"])),
    ];
    let stranger = broker.join(offering(4, &["other", "only-mine"]));
    assert_eq!(broker.reply(stranger).expect_err("nothing in common"), ErrorKind::InconsistentProtocol);
    let nothing = broker.join(offering(5, &[]));
    assert_eq!(broker.reply(nothing).expect_err("nothing at all"), ErrorKind::InconsistentProtocol);
    broker.advance(0);
    for ticket in tickets {
        assert_eq!(&*broker.joined(ticket).protocol_name, "sticky");
    }
}

#[test]
fn who_does_not_join_again_is_out_and_another_leads() {
    let mut broker = Broker::new();
    let (leader, follower, generation) = broker.pair();
    let patient = JoinGroup { session_timeout_ms: 120_000, ..join(&leader, 0) };
    let first = broker.join(patient);
    broker.advance(SESSION_MS - 1);
    assert_eq!(broker.heartbeat(&follower, generation), Err(ErrorKind::RebalanceInProgress));
    let newer = broker.join(JoinGroup { client_id: "newer".into(), ..join("", 9) });
    broker.advance(SESSION_MS);
    let joined = broker.joined(first);
    assert_eq!((joined.generation, joined.leader, joined.members.len()), (generation.next(), leader, 2));
    assert!(broker.joined(newer).members.is_empty());
    assert_eq!(broker.heartbeat(&follower, generation.next()), Err(ErrorKind::UnknownMember));
}

#[test]
fn a_leader_that_is_late_is_replaced() {
    let mut broker = Broker::new();
    let patient = |member: &str, random| JoinGroup { session_timeout_ms: 300_000, ..join(member, random) };
    let (_, follower, generation) = broker.pair_of(patient("", 1), patient("", 2));
    let changed = JoinGroup { protocols: vec![offer("range", "new")], ..patient(&follower, 0) };
    let ticket = broker.join(changed);
    broker.advance(REBALANCE_MS - 1);
    assert!(broker.take(ticket).is_none());
    broker.advance(1);
    let joined = broker.joined(ticket);
    assert_eq!((joined.generation, &joined.leader), (generation.next(), &follower));
}

#[test]
fn members_that_do_not_sync_in_time_are_out() {
    let mut broker = Broker::new();
    let patient = |member: &str, random| JoinGroup { session_timeout_ms: 300_000, ..join(member, random) };
    let tickets = [broker.join(patient("", 1)), broker.join(patient("", 2))];
    broker.advance(0);
    let [leader, follower] = tickets.map(|ticket| broker.joined(ticket));
    let generation = leader.generation;
    let ticket = broker.sync(sync(&leader.member, generation, &[]));
    assert_eq!(broker.synced(ticket).assignment, "", "nobody got anything");
    assert_eq!(broker.state(), Some(GroupState::Stable));
    broker.advance(REBALANCE_MS);
    assert_eq!(broker.heartbeat(&leader.member, generation), Err(ErrorKind::RebalanceInProgress));
    assert_eq!(broker.heartbeat(&follower.member, generation), Err(ErrorKind::UnknownMember));
}

#[test]
fn a_second_join_or_sync_takes_the_place_of_the_first() {
    let mut broker = Broker::new();
    let (leader, follower, generation) = broker.pair();
    let first = broker.join(join(&leader, 0));
    let second = broker.join(join(&leader, 0));
    assert_eq!(broker.reply(first).expect_err("replaced"), ErrorKind::RebalanceInProgress);
    broker.join(join(&follower, 0));
    assert_eq!(broker.joined(second).generation, generation.next());
    let first = broker.sync(sync(&follower, generation.next(), &[]));
    let second = broker.sync(sync(&follower, generation.next(), &[]));
    assert_eq!(broker.reply(first).expect_err("replaced"), ErrorKind::RebalanceInProgress);
    broker.sync(sync(&leader, generation.next(), &[(&follower, "mine")]));
    assert_eq!(broker.synced(second).assignment, "mine");
}

#[test]
fn a_new_rebalance_sends_waiting_syncs_back() {
    let mut broker = Broker::new();
    let (leader, follower, generation) = broker.pair();
    broker.join(join(&leader, 0));
    broker.join(join(&follower, 0));
    let waiting = broker.sync(sync(&follower, generation.next(), &[]));
    broker.join(join("", 3));
    assert_eq!(broker.reply(waiting).expect_err("rebalance"), ErrorKind::RebalanceInProgress);
}

#[test]
fn a_sync_must_agree_on_the_protocol() {
    let mut broker = Broker::new();
    let (leader, _, generation) = broker.pair();
    let mut other = sync(&leader, generation, &[]);
    other.protocol_name = Some("sticky".into());
    let ticket = broker.sync(other);
    assert_eq!(broker.reply(ticket).expect_err("another one"), ErrorKind::InconsistentProtocol);
}

#[test]
fn a_full_group_takes_nobody_else() {
    let mut broker = with(GroupOptions { members_max: 2, ..GroupOptions::default() });
    let (leader, follower, generation) = broker.pair();
    let third = broker.join(join("", 3));
    assert_eq!(broker.reply(third).expect_err("full"), ErrorKind::GroupFull);
    assert_eq!(broker.heartbeat(&leader, generation), Ok(()));
    let again = broker.join(join(&follower, 0));
    assert_eq!(broker.joined(again).generation, generation);
}

#[test]
fn a_smaller_limit_makes_members_join_again_until_it_fits() {
    let mut broker = Broker::new();
    let (leader, follower, generation) = broker.pair();
    broker.options.groups.members_max = 1;
    broker.crash();
    assert_eq!(broker.heartbeat(&leader, generation), Err(ErrorKind::RebalanceInProgress));
    let first = broker.join(join(&follower, 0));
    let second = broker.join(join(&leader, 0));
    assert_eq!(broker.reply(second).expect_err("no room"), ErrorKind::GroupFull);
    assert_eq!(broker.joined(first).leader, follower);
}

#[test]
fn what_a_stranger_brings_is_measured() {
    let mut broker = Broker::new();
    let mut refused = |join: JoinGroup| {
        let ticket = broker.join(join);
        broker.reply(ticket).expect_err("refused")
    };
    let name = |name: &str| GroupId { name: name.into(), ..group("") };
    assert_eq!(refused(JoinGroup { group: name(""), ..join("", 1) }), ErrorKind::InvalidName);
    assert_eq!(refused(JoinGroup { group: name(&"g".repeat(256)), ..join("", 1) }), ErrorKind::InvalidName);
    assert_eq!(
        refused(JoinGroup { session_timeout_ms: 5_999, ..join("", 1) }),
        ErrorKind::InvalidSessionTimeout
    );
    assert_eq!(
        refused(JoinGroup { session_timeout_ms: 1_800_001, ..join("", 1) }),
        ErrorKind::InvalidSessionTimeout
    );
    assert_eq!(
        refused(JoinGroup { client_id: "c".repeat(1025).into(), ..join("", 1) }),
        ErrorKind::LimitExceeded
    );
    let many = (0..33).map(|n| offer(&n.to_string(), "")).collect();
    assert_eq!(refused(JoinGroup { protocols: many, ..join("", 1) }), ErrorKind::LimitExceeded);
    let huge = vec![offer("range", &"m".repeat(2 << 20))];
    assert_eq!(refused(JoinGroup { protocols: huge, ..join("", 1) }), ErrorKind::LimitExceeded);
    assert_eq!(refused(join("never heard of", 1)), ErrorKind::UnknownMember);
}

#[test]
fn one_stranger_that_gives_up_does_not_hold_the_group_for_ever() {
    let mut broker = Broker::new();
    let (leader, _, _) = broker.pair();
    let ticket = broker.join(join("", 3));
    broker.leave(&[(&leader, None)]);
    broker.advance(SESSION_MS);
    let joined = broker.joined(ticket);
    broker.sync(sync(&joined.member, joined.generation, &[]));
    broker.advance(SESSION_MS);
    assert_eq!(broker.state(), Some(GroupState::Empty));
}

#[test]
fn groups_are_listed_in_pages_and_by_state() {
    let mut broker = Broker::new();
    broker.pair();
    for number in 0..3_000 {
        let commit = crate::people::simple_commit(&format!("n{number:05}"), &[]);
        broker.commit(commit).expect("accepted");
        let ticket = broker.join(JoinGroup {
            group: group(&format!("n{number:05}")),
            require_known_member: true,
            ..join("", 7 + number)
        });
        broker.reply(ticket).expect("an id");
    }
    let mut names = Vec::new();
    let mut pages = 0;
    let mut after = None;
    loop {
        let request =
            GroupRequest::List { namespace: group("").namespace, after, states: vec![GroupState::Empty] };
        let Ok(GroupReply::Listed { groups, next }) = broker.ask(request) else { panic!("a list") };
        names.extend(groups.into_iter().map(|group| group.name));
        pages += 1;
        let Some(next) = next else { break };
        after = Some(next);
    }
    assert_eq!((names.len(), pages), (3_000, 2));
    assert!(names.is_sorted());
}
