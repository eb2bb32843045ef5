//! JoinGroup, SyncGroup, Heartbeat and LeaveGroup through the session: members of one group on connections of their own.
//!
//! Apart from offsets because here an answer waits for what other connections do.

use crate::connection::Connection;
use crate::groups::{GROUP, Member, SHARES, fetch, join, join_alone, subscription};
use crate::records::create;
use bytes::Bytes;
use millstream_kafka::codec::Str;
use millstream_kafka::codec::generated::heartbeat::HeartbeatRequest;
use millstream_kafka::codec::generated::join_group::{
    JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse,
};
use millstream_kafka::codec::generated::leave_group::{LeaveGroupRequest, MemberIdentity};
use millstream_kafka::codec::generated::sync_group::{SyncGroupRequest, SyncGroupResponse};
use millstream_testkit::broker::TestBroker;

#[test]
fn two_members_share_a_group_in_every_version() {
    for version in 0..=9 {
        let broker = TestBroker::new();
        let topic = create(&mut Connection::open(&broker), "orders", 2, &[]);
        let [mut leader, mut follower] = Member::pair(&broker, version);
        assert_eq!((leader.generation, follower.generation), (2, 2), "v{version}");
        assert_eq!((leader.heartbeat(), follower.heartbeat()), (0, 0), "v{version}");
        assert_eq!(leader.commit(topic, 0, 10), 0, "v{version}");
        assert_eq!(follower.commit(topic, 1, 20), 0, "v{version}");
        let asked = Some(("orders", topic, &[0, 1][..]));
        let (error, shown) = fetch(&mut leader.connection, version + 1, GROUP, asked);
        let offsets: Vec<i64> = shown.iter().map(|partition| partition.1).collect();
        assert_eq!((error, offsets), (0, vec![10, 20]), "v{version}");
        assert_eq!(follower.leave(), 0, "v{version}");
        assert_eq!(follower.heartbeat(), 25, "v{version}");
        assert_eq!(leader.heartbeat(), 27, "v{version}");
        leader.send_join();
        assert_eq!(leader.joined().members.len(), 1, "v{version}");
        assert_eq!(leader.leave(), 0, "v{version}");
        assert_eq!(leader.leave(), 25, "v{version}");
    }
}

#[test]
fn a_join_waits_until_the_others_have_joined_again() {
    let broker = TestBroker::new();
    let [mut leader, mut follower] = Member::pair(&broker, 9);
    let mut third = Member::new(&broker, 9);
    third.send_join();
    assert!(third.connection.take_frame().is_none(), "the others have not joined");
    assert_eq!((leader.heartbeat(), follower.heartbeat()), (27, 27));
    follower.send_join();
    leader.send_join();
    let response = leader.joined();
    assert_eq!(response.leader, response.member_id);
    let seen: Vec<(Str, Bytes)> =
        response.members.iter().map(|member| (member.member_id.clone(), member.metadata.clone())).collect();
    let mut expected =
        [&leader.id, &follower.id, &third.id].map(|id| (id.clone(), subscription(&["orders"])));
    expected.sort();
    assert_eq!(seen, expected);
    for member in [&mut follower, &mut third] {
        let response = member.joined();
        assert_eq!((response.generation_id, response.leader), (3, leader.id.clone()));
        assert_eq!(response.protocol_type.as_deref(), Some("consumer"));
        assert_eq!(response.protocol_name.as_deref(), Some("range"));
    }
}

#[test]
fn new_members_are_given_an_id_first_from_version_4_on() {
    for version in 0..=9 {
        let mut connection = Connection::open(&TestBroker::new());
        let first = connection.call(version, &join(""));
        if version < 4 {
            assert_eq!((first.error_code, first.generation_id), (0, 1), "v{version}");
        } else {
            assert_eq!((first.error_code, first.generation_id), (79, -1), "v{version}");
            assert!(first.member_id.starts_with("tester-"), "it begins with the client's id");
            let second = connection.call(version, &join(&first.member_id));
            assert_eq!((second.error_code, second.member_id), (0, first.member_id), "v{version}");
        }
    }
}

#[test]
fn a_refused_join_says_so_in_the_words_of_its_version() {
    for version in 0..=9 {
        let mut connection = Connection::open(&TestBroker::new());
        let response = connection.call(version, &join("nobody"));
        let expected = JoinGroupResponse {
            error_code: 25,
            member_id: "nobody".into(),
            protocol_name: if version >= 7 { None } else { Some(Str::new()) },
            ..Default::default()
        };
        assert_eq!(response, expected, "v{version}");
    }
}

#[test]
fn joins_are_refused_for_what_they_say() {
    let broker = TestBroker::new();
    let mut connection = Connection::open(&broker);
    join_alone(&mut connection, 9, &join(""));
    let good = join("");
    let opaque = |name: &str| JoinGroupRequestProtocol { name: name.into(), metadata: Bytes::new() };
    let cases = [
        (JoinGroupRequest { group_id: "".into(), ..good.clone() }, 24),
        (JoinGroupRequest { group_id: "g".repeat(256).into(), ..good.clone() }, 24),
        (JoinGroupRequest { session_timeout_ms: 5999, ..good.clone() }, 26),
        (JoinGroupRequest { session_timeout_ms: -1, ..good.clone() }, 26),
        (JoinGroupRequest { session_timeout_ms: 1_800_001, ..good.clone() }, 26),
        (JoinGroupRequest { protocol_type: "connect".into(), ..good.clone() }, 23),
        (JoinGroupRequest { protocols: vec![opaque("sticky")], ..good.clone() }, 23),
        (JoinGroupRequest { protocols: Vec::new(), ..good.clone() }, 23),
        (JoinGroupRequest { group_id: "new".into(), protocols: Vec::new(), ..good.clone() }, 23),
        (JoinGroupRequest { group_id: "new".into(), protocol_type: "".into(), ..good.clone() }, 23),
        (JoinGroupRequest { protocols: (0..33).map(|n| opaque(&n.to_string())).collect(), ..good }, 44),
    ];
    for (request, code) in cases {
        assert_eq!(connection.call(9, &request).error_code, code, "{request:?}");
    }
}

#[test]
fn the_rebalance_timeout_of_version_0_is_the_sessions() {
    // The member that does not join again is left behind when the rebalance timeout has passed.
    for (version, ms) in [(0, 10_000), (1, 30_000)] {
        let broker = TestBroker::new();
        let mut silent = Member::new(&broker, version);
        silent.send_join();
        silent.joined();
        silent.send_sync(&[]);
        silent.synced().expect("an assignment");
        let mut eager = Member::new(&broker, version);
        eager.send_join();
        // It stays alive by what it hears of, but never joins.
        for _ in 0..(ms / 5_000 - 1) {
            eager.connection.advance_ms(5_000);
            assert_eq!(silent.heartbeat(), 27, "v{version}");
        }
        eager.connection.advance_ms(4_999);
        assert!(eager.connection.take_frame().is_none(), "v{version}");
        eager.connection.advance_ms(1);
        assert_eq!(eager.joined().members.len(), 1, "v{version}");
    }
}

#[test]
fn a_static_member_comes_back_without_a_rebalance() {
    for version in 5..=9 {
        let broker = TestBroker::new();
        let mut leader = Member::static_member(&broker, version, "desk-1");
        leader.send_join();
        leader.joined();
        let id = leader.id.clone();
        leader.send_sync(&[(&id, SHARES[0])]);
        assert_eq!(leader.synced(), Ok(SHARES[0].into()));

        let mut again = Member::static_member(&broker, version, "desk-1");
        again.send_join();
        let response = again.joined();
        assert_eq!(again.generation, leader.generation, "v{version}: no rebalance");
        assert_ne!(again.id, id);
        if version >= 9 {
            assert!(response.skip_assignment);
            assert_eq!(response.leader, again.id);
            assert_eq!(response.members[0].group_instance_id.as_deref(), Some("desk-1"));
        } else {
            assert_eq!((response.leader, response.members.len()), (id.clone(), 0), "v{version}");
        }
        again.send_sync(&[]);
        assert_eq!(again.synced(), Ok(SHARES[0].into()), "v{version}");
        assert_eq!(again.heartbeat(), 0);
        assert_eq!(leader.heartbeat(), 82, "v{version}: its predecessor is fenced");
        leader.send_sync(&[]);
        assert_eq!(leader.synced(), Err(82));
    }
}

#[test]
fn a_member_that_the_leader_left_out_can_read_its_assignment() {
    for version in 0..=5 {
        let broker = TestBroker::new();
        let mut alone = Member::new(&broker, version);
        alone.send_join();
        alone.joined();
        alone.send_sync(&[]);
        assert_eq!(alone.synced(), Ok(Bytes::from_static(b"\0\0\0\0\0\0\xff\xff\xff\xff")), "v{version}");
    }
    let mut connection = Connection::open(&TestBroker::new());
    let worker = JoinGroupRequest { protocol_type: "connect".into(), ..join("") };
    let joined = join_alone(&mut connection, 9, &worker);
    let sync = SyncGroupRequest {
        group_id: GROUP.into(),
        generation_id: joined.generation_id,
        member_id: joined.member_id,
        ..Default::default()
    };
    let response = connection.call(4, &sync);
    assert_eq!((response.error_code, response.assignment), (0, Bytes::new()), "that is no consumer");
}

#[test]
fn syncs_are_refused_for_what_they_say() {
    let broker = TestBroker::new();
    let mut member = Member::new(&broker, 9);
    member.send_join();
    member.joined();
    let good = SyncGroupRequest {
        group_id: GROUP.into(),
        generation_id: 1,
        member_id: member.id.clone(),
        protocol_type: Some("consumer".into()),
        protocol_name: Some("range".into()),
        ..Default::default()
    };
    let cases = [
        (SyncGroupRequest { group_id: "".into(), ..good.clone() }, 24),
        (SyncGroupRequest { group_id: "other".into(), ..good.clone() }, 25),
        (SyncGroupRequest { member_id: "nobody".into(), ..good.clone() }, 25),
        (SyncGroupRequest { generation_id: 2, ..good.clone() }, 22),
        (SyncGroupRequest { protocol_type: None, ..good.clone() }, 23),
        (SyncGroupRequest { protocol_name: None, ..good.clone() }, 23),
        (SyncGroupRequest { protocol_type: Some("connect".into()), ..good.clone() }, 23),
        (SyncGroupRequest { protocol_name: Some("sticky".into()), ..good.clone() }, 23),
    ];
    for (request, code) in cases {
        let expected = SyncGroupResponse { error_code: code, ..Default::default() };
        assert_eq!(member.connection.call(5, &request), expected, "{request:?}");
    }
    assert_eq!(member.connection.call(5, &good).error_code, 0);
}

#[test]
fn heartbeats_are_refused_for_what_they_say() {
    let [mut member, _] = Member::pair(&TestBroker::new(), 9);
    let good = HeartbeatRequest {
        group_id: GROUP.into(),
        generation_id: member.generation,
        member_id: member.id.clone(),
        group_instance_id: None,
    };
    let cases = [
        (good.clone(), 0),
        (HeartbeatRequest { group_id: "".into(), ..good.clone() }, 24),
        (HeartbeatRequest { group_id: "other".into(), ..good.clone() }, 25),
        (HeartbeatRequest { member_id: "nobody".into(), ..good.clone() }, 25),
        (HeartbeatRequest { group_instance_id: Some("desk-1".into()), ..good.clone() }, 25),
        (HeartbeatRequest { generation_id: 1, ..good }, 22),
    ];
    for (request, code) in cases {
        assert_eq!(member.connection.call(4, &request).error_code, code, "{request:?}");
    }
}

#[test]
fn a_member_that_is_not_heard_of_is_removed() {
    let broker = TestBroker::new();
    let [mut leader, mut follower] = Member::pair(&broker, 9);
    broker.advance_ms(6_000);
    assert_eq!(leader.heartbeat(), 0);
    broker.advance_ms(6_000);
    assert_eq!(follower.heartbeat(), 25);
    assert_eq!(leader.heartbeat(), 27);
}

#[test]
fn several_members_leave_in_one_request() {
    let broker = TestBroker::new();
    let mut fixed = Member::static_member(&broker, 9, "desk-1");
    fixed.send_join();
    fixed.joined();
    let who = |id: &str, instance: Option<&str>| MemberIdentity {
        member_id: id.into(),
        group_instance_id: instance.map(Str::from),
        reason: None,
    };
    for version in 3..=5 {
        let mut connection = Connection::open(&broker);
        let members = vec![who("nobody", None), who("", Some("desk-2")), who("other", Some("desk-1"))];
        let request = LeaveGroupRequest { group_id: GROUP.into(), members, ..Default::default() };
        let response = connection.call(version, &request);
        let codes: Vec<i16> = response.members.iter().map(|member| member.error_code).collect();
        assert_eq!((response.error_code, codes), (0, vec![25, 25, 82]), "v{version}");
        assert_eq!(response.members[2].member_id, "other");
        assert_eq!(response.members[2].group_instance_id.as_deref(), Some("desk-1"));
    }
    let mut connection = Connection::open(&broker);
    let members = vec![who("", Some("desk-1"))];
    let request = LeaveGroupRequest { group_id: GROUP.into(), members, ..Default::default() };
    let response = connection.call(5, &request);
    assert_eq!((response.error_code, response.members[0].error_code), (0, 0));
    assert_eq!(fixed.heartbeat(), 25);
    for version in 0..=5 {
        let request = LeaveGroupRequest::default();
        let response = connection.call(version, &request);
        assert_eq!((response.error_code, response.members.len()), (24, 0), "v{version}: no group is named");
    }
}
