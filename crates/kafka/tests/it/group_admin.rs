//! FindCoordinator, DescribeGroups, ListGroups and DeleteGroups through the session.
//!
//! Apart from the members' own requests because these look at groups from outside.

use crate::connection::{Connection, NODE};
use crate::groups::{GROUP, Member, SHARES, commit, commit_codes, join, subscription};
use crate::records::create;
use bytes::Bytes;
use millstream_kafka::codec::generated::delete_groups::DeleteGroupsRequest;
use millstream_kafka::codec::generated::describe_groups::{DescribeGroupsRequest, DescribedGroup};
use millstream_kafka::codec::generated::find_coordinator::FindCoordinatorRequest;
use millstream_kafka::codec::generated::heartbeat::HeartbeatRequest;
use millstream_kafka::codec::generated::leave_group::LeaveGroupRequest;
use millstream_kafka::codec::generated::list_groups::ListGroupsRequest;
use millstream_kafka::codec::generated::offset_commit::OffsetCommitRequest;
use millstream_kafka::codec::generated::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use millstream_kafka::codec::generated::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopic,
};
use millstream_kafka::codec::generated::sync_group::SyncGroupRequest;
use millstream_kafka::codec::{RequestMessage, Str};
use millstream_testkit::broker::TestBroker;
use millstream_types::ErrorKind;

/// Node, host, port and error for one key, and the message if there is one.
fn find(version: i16, key: &str, key_type: i8) -> (i32, String, i32, i16, String) {
    let mut connection = Connection::open(&TestBroker::new());
    let key = Str::from(key);
    let text = |text: Option<Str>| text.unwrap_or_default().to_string();
    if version < 4 {
        let request = FindCoordinatorRequest { key, key_type, ..Default::default() };
        let response = connection.call(version, &request);
        let message = text(response.error_message);
        return (response.node_id, response.host.to_string(), response.port, response.error_code, message);
    }
    let coordinator_keys = vec!["first".into(), key.clone()];
    let request = FindCoordinatorRequest { key_type, coordinator_keys, ..Default::default() };
    let mut found = connection.call(version, &request).coordinators;
    assert_eq!((found.len(), &found[0].key, &found[1].key), (2, &"first".into(), &key));
    let found = found.remove(1);
    (found.node_id, found.host.to_string(), found.port, found.error_code, text(found.error_message))
}

#[test]
fn every_group_is_coordinated_here() {
    for version in 0..=6 {
        for key in [GROUP, ""] {
            let expected = (NODE, "broker.test".to_owned(), 9092, 0, String::new());
            assert_eq!(find(version, key, 0), expected, "v{version} {key:?}");
        }
    }
}

#[test]
fn nothing_but_groups_has_a_coordinator() {
    for version in 1..=6 {
        for (key_type, code) in [(1, 53), (2, 42), (3, 42), (-1, 42)] {
            let (node, host, port, found, message) = find(version, GROUP, key_type);
            assert_eq!((node, &*host, port, found), (-1, "", -1, code), "v{version} type {key_type}");
            assert!(!message.is_empty());
        }
    }
}

fn describe(connection: &mut Connection, version: i16, groups: &[&str]) -> Vec<DescribedGroup> {
    let request = DescribeGroupsRequest {
        groups: groups.iter().map(|group| Str::from(*group)).collect(),
        include_authorized_operations: version >= 3,
    };
    connection.call(version, &request).groups
}

#[test]
fn a_group_is_described_with_its_members_in_every_version() {
    let broker = TestBroker::new();
    let [leader, follower] = Member::pair(&broker, 9);
    for version in 0..=6 {
        let mut connection = Connection::open(&broker);
        let groups = describe(&mut connection, version, &[GROUP]);
        let [group] = &groups[..] else { panic!("one group was asked for: {groups:?}") };
        let said = (&*group.group_state, &*group.protocol_type, &*group.protocol_data);
        assert_eq!((group.error_code, said), (0, ("Stable", "consumer", "range")), "v{version}");
        // Read, delete, describe, describe configs, alter configs: what Kafka shows to someone who may do everything.
        let operations = if version >= 3 { 3400 } else { i32::MIN };
        assert_eq!(group.authorized_operations, operations, "v{version}");
        let mut expected = vec![(leader.id.clone(), SHARES[0]), (follower.id.clone(), SHARES[1])];
        expected.sort();
        let members: Vec<_> =
            group.members.iter().map(|m| (m.member_id.clone(), &m.member_assignment[..])).collect();
        assert_eq!(members, expected, "v{version}");
        for member in &group.members {
            assert_eq!((&*member.client_id, &*member.client_host), ("tester", "/127.0.0.1"));
            assert_eq!(member.member_metadata, subscription(&["orders"]));
            assert_eq!(member.group_instance_id, None);
        }
    }
}

#[test]
fn static_members_are_described_with_their_identity() {
    let broker = TestBroker::new();
    let mut member = Member::static_member(&broker, 9, "desk-1");
    member.send_join();
    member.joined();
    for version in 0..=6 {
        let groups = describe(&mut Connection::open(&broker), version, &[GROUP]);
        let shown = groups[0].members[0].group_instance_id.as_deref();
        assert_eq!(shown, (version >= 4).then_some("desk-1"), "v{version}");
        let said = (&*groups[0].group_state, &*groups[0].protocol_data);
        assert_eq!(said, ("CompletingRebalance", ""), "v{version}: not assigned yet");
        assert_eq!(groups[0].members[0].member_metadata, Bytes::new());
    }
}

#[test]
fn a_group_that_does_not_exist_is_dead_and_not_found_from_version_6_on() {
    let mut connection = Connection::open(&TestBroker::new());
    for version in 0..=6 {
        let groups = describe(&mut connection, version, &["nobody", "", "nobody"]);
        assert_eq!(groups.len(), 2, "a repeated name is answered once");
        for group in groups {
            let found = if version >= 6 { 69 } else { 0 };
            assert_eq!((group.error_code, &*group.group_state), (found, "Dead"), "v{version}");
            assert_eq!(group.error_message.is_some(), version >= 6, "v{version}");
            let operations = if (3..6).contains(&version) { 3400 } else { i32::MIN };
            assert_eq!(group.authorized_operations, operations, "v{version}");
        }
    }
}

/// Names, states, types and protocol types in a list.
fn list(
    connection: &mut Connection,
    version: i16,
    states: &[&str],
    types: &[&str],
) -> Vec<(String, String, String, String)> {
    let filter = |names: &[&str]| names.iter().map(|name| Str::from(*name)).collect();
    let request = ListGroupsRequest { states_filter: filter(states), types_filter: filter(types) };
    let response = connection.call(version, &request);
    assert_eq!(response.error_code, 0);
    let shown = response.groups.into_iter().map(|group| {
        let texts = [group.group_id, group.group_state, group.group_type, group.protocol_type];
        let [id, state, kind, protocol_type] = texts.map(|text| text.to_string());
        (id, state, kind, protocol_type)
    });
    shown.collect()
}

#[test]
fn groups_are_listed_and_filtered() {
    let broker = TestBroker::new();
    let mut connection = Connection::open(&broker);
    create(&mut connection, "orders", 2, &[]);
    let outside = OffsetCommitRequest { group_id: "outside".into(), ..commit(&[(0, 1)]) };
    assert_eq!(commit_codes(&mut connection, 8, &outside), [0]);
    let _members = Member::pair(&broker, 9);
    for version in 0..=5 {
        let shown = |state, kind: &str| {
            let state = if version >= 4 { state } else { "" };
            let kind = if version >= 5 { kind } else { "" };
            (state.to_owned(), kind.to_owned())
        };
        let row =
            |name: &str, (state, kind), protocol: &str| (name.to_owned(), state, kind, protocol.to_owned());
        let expected = [
            row("outside", shown("Empty", "classic"), ""),
            row(GROUP, shown("Stable", "classic"), "consumer"),
        ];
        assert_eq!(list(&mut connection, version, &[], &[]), expected, "v{version}");
    }
    let mut names = |states: &[&str], types: &[&str]| -> Vec<String> {
        list(&mut connection, 5, states, types).into_iter().map(|group| group.0).collect()
    };
    assert_eq!(names(&["sTABLE"], &[]), [GROUP]);
    assert_eq!(names(&["Empty", "Dead", "Empty"], &["Classic"]), ["outside"]);
    assert_eq!(names(&["PreparingRebalance", "CompletingRebalance"], &[]), [""; 0]);
    assert_eq!(names(&["Dead"], &[]), [""; 0], "no group is in a state that there is not");
    assert_eq!(names(&[], &["consumer"]), [""; 0], "no group is of the newer kind");
    assert_eq!(names(&[], &["consumer", "CLASSIC"]), ["outside", GROUP]);
}

#[test]
fn a_list_of_many_pages_is_whole() {
    let mut connection = Connection::open(&TestBroker::new());
    let mut names: Vec<String> = (0..5000).map(|number| format!("group-{number}")).collect();
    for name in &names {
        let request = millstream_kafka::codec::generated::join_group::JoinGroupRequest {
            group_id: Str::from(name.as_str()),
            ..join("")
        };
        assert_eq!(connection.call(9, &request).error_code, 79);
    }
    names.sort();
    let listed: Vec<String> = list(&mut connection, 5, &[], &[]).into_iter().map(|group| group.0).collect();
    assert_eq!(listed, names);
    // More groups than one request to the shard may name.
    let mut asked: Vec<&str> = names.iter().map(String::as_str).collect();
    asked.insert(0, "nobody");
    let described = describe(&mut connection, 6, &asked);
    assert_eq!(described.len(), 5001);
    let codes = described.iter().map(|group| group.error_code);
    assert!(codes.eq(std::iter::once(69).chain(std::iter::repeat_n(0, 5000))));
}

#[test]
fn groups_without_members_are_deleted_with_their_offsets() {
    for version in 0..=2 {
        let broker = TestBroker::new();
        let mut connection = Connection::open(&broker);
        create(&mut connection, "orders", 1, &[]);
        let outside = OffsetCommitRequest { group_id: "outside".into(), ..commit(&[(0, 1)]) };
        assert_eq!(commit_codes(&mut connection, 8, &outside), [0]);
        let mut members = Member::pair(&broker, 9);
        let mut delete = |names: &[&str]| -> Vec<(String, i16)> {
            let groups_names = names.iter().map(|name| Str::from(*name)).collect();
            let results = connection.call(version, &DeleteGroupsRequest { groups_names }).results;
            results.into_iter().map(|result| (result.group_id.to_string(), result.error_code)).collect()
        };
        let answered = |answers: &[(&str, i16)]| -> Vec<(String, i16)> {
            answers.iter().map(|(name, code)| ((*name).to_owned(), *code)).collect()
        };
        let asked = delete(&[GROUP, "nobody", "outside", "outside"]);
        assert_eq!(asked, answered(&[(GROUP, 68), ("nobody", 69), ("outside", 0)]), "v{version}");
        assert_eq!(delete(&["outside"]), answered(&[("outside", 69)]), "v{version}");
        members.iter_mut().for_each(|member| assert_eq!(member.leave(), 0));
        assert_eq!(delete(&[GROUP]), answered(&[(GROUP, 0)]), "v{version}");
        assert_eq!(list(&mut connection, 5, &[], &[]), []);
    }
}

/// Sends a request that the shard does not take, and gives the answer.
fn refused<M: RequestMessage>(
    connection: &mut Connection,
    version: i16,
    kind: ErrorKind,
    request: &M,
) -> M::Response {
    connection.hold = true;
    connection.send(version, request);
    assert!(!connection.held.is_empty(), "{} asks the shard", M::NAME);
    connection.refuse_held(kind);
    connection.hold = false;
    connection.take(version).expect("an answer").1
}

#[test]
fn a_broker_that_stops_or_is_full_is_no_coordinator() {
    let broker = TestBroker::new();
    create(&mut Connection::open(&broker), "orders", 2, &[]);
    for (kind, code) in
        [(ErrorKind::ShuttingDown, 16), (ErrorKind::StorageFull, 15), (ErrorKind::Overloaded, 14)]
    {
        let c = &mut Connection::open(&broker);
        assert_eq!(refused(c, 9, kind, &join("")).error_code, code);
        let sync = SyncGroupRequest { group_id: GROUP.into(), ..Default::default() };
        assert_eq!(refused(c, 4, kind, &sync).error_code, code);
        let beat = HeartbeatRequest { group_id: GROUP.into(), ..Default::default() };
        assert_eq!(refused(c, 4, kind, &beat).error_code, code);
        let leave = LeaveGroupRequest { group_id: GROUP.into(), ..Default::default() };
        assert_eq!(refused(c, 2, kind, &leave).error_code, code);
        assert_eq!(refused(c, 5, kind, &leave).error_code, code);
        let committed = refused(c, 8, kind, &commit(&[(0, 1), (7, 1)])).topics.remove(0).partitions;
        assert_eq!((committed[0].error_code, committed[1].error_code), (code, 3));
        let all = OffsetFetchRequest { group_id: GROUP.into(), topics: None, ..Default::default() };
        assert_eq!(refused(c, 7, kind, &all).error_code, code);
        let topics = vec![OffsetFetchRequestTopic { name: "orders".into(), partition_indexes: vec![0] }];
        let named = OffsetFetchRequest { group_id: GROUP.into(), topics: Some(topics), ..Default::default() };
        assert_eq!(refused(c, 2, kind, &named).error_code, code);
        let oldest = refused(c, 1, kind, &named).topics.remove(0).partitions;
        assert_eq!((oldest[0].error_code, oldest[0].committed_offset), (code, -1), "version 1 says it there");
        let group = OffsetFetchRequestGroup { group_id: GROUP.into(), topics: None, ..Default::default() };
        let several = OffsetFetchRequest { groups: vec![group], ..Default::default() };
        assert_eq!(refused(c, 8, kind, &several).groups[0].error_code, code);
        let describe = DescribeGroupsRequest { groups: vec![GROUP.into(), "b".into()], ..Default::default() };
        let described = refused(c, 5, kind, &describe).groups;
        assert_eq!((described[0].error_code, described[1].error_code), (code, code));
        assert_eq!(refused(c, 5, kind, &ListGroupsRequest::default()).error_code, code);
        let delete = DeleteGroupsRequest { groups_names: vec![GROUP.into()] };
        assert_eq!(refused(c, 2, kind, &delete).results[0].error_code, code);
        let partitions = vec![OffsetDeleteRequestPartition { partition_index: 0 }];
        let topics = vec![OffsetDeleteRequestTopic { name: "orders".into(), partitions }];
        let forget = OffsetDeleteRequest { group_id: GROUP.into(), topics };
        assert_eq!(refused(c, 0, kind, &forget).error_code, code);
    }
}
