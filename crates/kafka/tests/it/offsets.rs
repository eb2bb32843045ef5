//! OffsetCommit, OffsetFetch and OffsetDelete through the session.
//!
//! Apart from membership because these also serve readers that are members of nothing.

use crate::connection::Connection;
use crate::groups::{GROUP, Member, by_id, commit, commit_codes, fetch, join, join_alone};
use crate::records::create;
use bytes::Bytes;
use millstream_kafka::codec::generated::join_group::{JoinGroupRequest, JoinGroupRequestProtocol};
use millstream_kafka::codec::generated::offset_commit::{OffsetCommitRequest, OffsetCommitRequestTopic};
use millstream_kafka::codec::generated::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteRequestPartition, OffsetDeleteRequestTopic, OffsetDeleteResponse,
};
use millstream_kafka::codec::generated::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use millstream_kafka::codec::{Str, Uuid};
use millstream_testkit::broker::TestBroker;

fn connection() -> (Connection, Uuid) {
    let mut connection = Connection::open(&TestBroker::new());
    let topic = create(&mut connection, "orders", 2, &[]);
    (connection, topic)
}

#[test]
fn what_was_committed_is_fetched_in_every_version() {
    for version in 2..=10 {
        let (mut connection, topic) = connection();
        let mut request = commit(&[(0, 17), (1, 0)]);
        request.topics[0].partitions[0].committed_metadata = Some("read to here".into());
        request.topics[0].partitions[0].committed_leader_epoch = 3;
        if version >= 10 {
            request = by_id(request, topic);
        }
        assert_eq!(commit_codes(&mut connection, version, &request), [0, 0], "v{version}");
        let epoch = if version >= 6 { 3 } else { -1 };
        for fetched in 1..=10 {
            let asked = Some(("orders", topic, &[0, 1][..]));
            let (error, shown) = fetch(&mut connection, fetched, GROUP, asked);
            let epoch = if fetched >= 5 { epoch } else { -1 };
            let expected = vec![(0, 17, epoch, "read to here".to_owned(), 0), (1, 0, -1, String::new(), 0)];
            assert_eq!((error, shown), (0, expected), "committed in v{version}, fetched in v{fetched}");
        }
    }
}

#[test]
fn what_has_no_offset_is_answered_with_minus_one() {
    let (mut connection, topic) = connection();
    let nothing = |index: i32, code: i16| (index, -1, -1, String::new(), code);
    for version in 1..=10 {
        let mut ask =
            |group, name, topic| fetch(&mut connection, version, group, Some((name, topic, &[0, 9, -1])));
        let empty = vec![nothing(0, 0), nothing(9, 0), nothing(-1, 0)];
        assert_eq!(ask("nobody", "orders", topic), (0, empty.clone()), "v{version}: no such group");
        assert_eq!(ask("", "orders", topic), (0, empty.clone()), "v{version}: no group at all");
        let unknown =
            if version < 10 { empty } else { vec![nothing(0, 100), nothing(9, 100), nothing(-1, 100)] };
        assert_eq!(ask(GROUP, "nothing", Uuid([9; 16])), (0, unknown), "v{version}: no such topic");
    }
}

#[test]
fn no_topics_mean_all_topics() {
    let (mut connection, _) = connection();
    create(&mut connection, "bills", 1, &[]);
    create(&mut connection, "unread", 1, &[]);
    let bills = OffsetCommitRequestTopic { name: "bills".into(), ..commit(&[(0, 3)]).topics[0].clone() };
    let mut request = commit(&[(1, 2), (0, 1)]);
    request.topics.push(bills);
    assert_eq!(commit_codes(&mut connection, 9, &request), [0, 0, 0]);
    for version in 2..=10 {
        let (error, shown) = fetch(&mut connection, version, GROUP, None);
        let offsets: Vec<(i32, i64)> = shown.iter().map(|partition| (partition.0, partition.1)).collect();
        assert_eq!((error, offsets), (0, vec![(0, 1), (1, 2), (0, 3)]), "v{version}");
        assert_eq!(fetch(&mut connection, version, "nobody", None), (0, Vec::new()), "v{version}");
    }
}

#[test]
fn several_groups_are_fetched_at_once() {
    let (mut connection, topic) = connection();
    for (group, offset) in [("a", 1), ("b", 2)] {
        let request = OffsetCommitRequest { group_id: group.into(), ..commit(&[(0, offset)]) };
        assert_eq!(commit_codes(&mut connection, 8, &request), [0]);
    }
    let all =
        |group: &str| OffsetFetchRequestGroup { group_id: group.into(), topics: None, ..Default::default() };
    let one = |group: &str| OffsetFetchRequestGroup {
        group_id: group.into(),
        topics: Some(vec![OffsetFetchRequestTopics {
            name: "orders".into(),
            topic_id: Uuid::NIL,
            partition_indexes: vec![0],
        }]),
        // A classic group has no epochs; these are not looked at.
        member_id: Some("someone".into()),
        member_epoch: 7,
    };
    let groups = vec![all("a"), one("b"), all("b"), one("b"), all("a"), one("none")];
    let response =
        connection.call(9, &OffsetFetchRequest { groups, require_stable: true, ..Default::default() });
    let offset = |group: &millstream_kafka::codec::generated::offset_fetch::OffsetFetchResponseGroup| {
        let offset = group.topics.first().map(|topic| topic.partitions[0].committed_offset);
        (group.group_id.to_string(), group.error_code, offset)
    };
    let shown: Vec<_> = response.groups.iter().map(offset).collect();
    let expected = [
        ("a", 0, Some(1)),
        ("b", 0, Some(2)),
        ("b", 0, Some(2)),
        ("b", 0, Some(2)),
        // Everything of one group is told once.
        ("a", 42, None),
        ("none", 0, Some(-1)),
    ];
    assert_eq!(shown, expected.map(|(group, code, offset)| (group.to_owned(), code, offset)));

    let by_id = connection.call(10, &OffsetFetchRequest { groups: vec![all("a")], ..Default::default() });
    assert_eq!((&*by_id.groups[0].topics[0].name, by_id.groups[0].topics[0].topic_id), ("", topic));
}

#[test]
fn a_commit_is_refused_partition_by_partition() {
    let (mut connection, topic) = connection();
    let mut request = commit(&[(0, 1), (2, 1), (-1, 1), (1, 1)]);
    request.topics[0].partitions[3].committed_metadata = Some("x".repeat(4097).into());
    let unknown = OffsetCommitRequestTopic { name: "nothing".into(), ..commit(&[(0, 1)]).topics[0].clone() };
    request.topics.push(unknown);
    for version in 2..=9 {
        assert_eq!(commit_codes(&mut connection, version, &request), [0, 3, 3, 12, 3], "v{version}");
    }
    let mut request = by_id(commit(&[(0, 1), (2, 1)]), topic);
    request.topics.extend(by_id(commit(&[(0, 1)]), Uuid([9; 16])).topics);
    assert_eq!(commit_codes(&mut connection, 10, &request), [0, 3, 100]);
}

#[test]
fn a_commit_is_refused_as_a_whole_by_the_group() {
    let broker = TestBroker::new();
    let topic = create(&mut Connection::open(&broker), "orders", 2, &[]);
    let [mut leader, mut follower] = Member::pair(&broker, 8);
    let mut outside = Connection::open(&broker);
    let from = |member: &str, generation: i32, group: &str| OffsetCommitRequest {
        group_id: group.into(),
        member_id: member.into(),
        generation_id_or_member_epoch: generation,
        ..commit(&[(0, 1), (7, 1)])
    };
    let cases = [
        // A partition that does not exist is looked at first.
        (from("", -1, GROUP), 8, [25, 3]),
        (from("nobody", 2, GROUP), 8, [25, 3]),
        (from(&leader.id, 1, GROUP), 8, [22, 3]),
        (from("someone", 1, "other"), 8, [22, 3]),
        (from("someone", 1, "other"), 9, [69, 3]),
        (from("", -1, ""), 9, [24, 3]),
    ];
    for (request, version, codes) in cases {
        assert_eq!(commit_codes(&mut outside, version, &request), codes, "v{version} {request:?}");
    }
    let mut third = Member::new(&broker, 8);
    third.send_join();
    assert_eq!(leader.commit(topic, 0, 5), 0, "members still commit while a rebalance is prepared");
    follower.send_join();
    leader.send_join();
    leader.joined();
    assert_eq!(leader.commit(topic, 0, 6), 27, "nobody has an assignment in this generation");
}

#[test]
fn a_negative_offset_takes_the_position_back() {
    let (mut connection, topic) = connection();
    assert_eq!(commit_codes(&mut connection, 8, &commit(&[(0, 7), (1, 7)])), [0, 0]);
    assert_eq!(commit_codes(&mut connection, 8, &commit(&[(0, -1), (1, -2)])), [0, 0]);
    for version in 1..=10 {
        let (_, shown) = fetch(&mut connection, version, GROUP, Some(("orders", topic, &[0, 1])));
        let nothing = |index| (index, -1, -1, String::new(), 0);
        assert_eq!(shown, [nothing(0), nothing(1)], "v{version}");
    }
}

#[test]
fn a_retention_time_is_heard_in_versions_2_to_4() {
    for version in 2..=8 {
        let (mut connection, topic) = connection();
        let mut request = commit(&[(0, 7)]);
        request.retention_time_ms = if version <= 4 { 1000 } else { -1 };
        assert_eq!(commit_codes(&mut connection, version, &request), [0]);
        connection.advance_ms(3_600_000);
        let (_, shown) = fetch(&mut connection, 8, GROUP, Some(("orders", topic, &[0])));
        assert_eq!(shown[0].1, if version <= 4 { -1 } else { 7 }, "v{version}");
    }
}

#[test]
fn a_commit_of_too_many_offsets_is_refused_and_a_fetch_is_split() {
    let (mut connection, topic) = connection();
    let many = vec![(0, 7); 16_385];
    assert_eq!(commit_codes(&mut connection, 8, &commit(&many[1..])), [0; 16_384]);
    assert_eq!(commit_codes(&mut connection, 8, &commit(&many)), [28; 16_385]);
    let (error, shown) = fetch(&mut connection, 8, GROUP, Some(("orders", topic, &[0; 16_385])));
    assert_eq!((error, shown.len()), (0, 16_385));
    assert!(shown.iter().all(|partition| partition.1 == 7));
}

fn delete(connection: &mut Connection, group: &str, partitions: &[(&str, i32)]) -> OffsetDeleteResponse {
    let topic = |(name, index): &(&str, i32)| OffsetDeleteRequestTopic {
        name: Str::from(*name),
        partitions: vec![OffsetDeleteRequestPartition { partition_index: *index }],
    };
    let topics = partitions.iter().map(topic).collect();
    connection.call(0, &OffsetDeleteRequest { group_id: group.into(), topics })
}

fn deleted(connection: &mut Connection, group: &str, partitions: &[(&str, i32)]) -> Vec<i16> {
    let response = delete(connection, group, partitions);
    assert_eq!(response.error_code, 0);
    response.topics.iter().map(|topic| topic.partitions[0].error_code).collect()
}

#[test]
fn offsets_are_forgotten_unless_a_member_reads_them() {
    let broker = TestBroker::new();
    let mut connection = Connection::open(&broker);
    let topic = create(&mut connection, "orders", 2, &[]);
    create(&mut connection, "bills", 1, &[]);
    assert_eq!(commit_codes(&mut connection, 8, &commit(&[(0, 7), (1, 7)])), [0, 0]);
    let asked = [("orders", 0), ("orders", 9), ("orders", -1), ("nothing", 0), ("bills", 0)];
    assert_eq!(deleted(&mut connection, GROUP, &asked), [0, 3, 3, 3, 0]);
    let (_, shown) = fetch(&mut connection, 8, GROUP, Some(("orders", topic, &[0, 1])));
    assert_eq!((shown[0].1, shown[1].1), (-1, 7));

    Member::pair(&broker, 9);
    assert_eq!(deleted(&mut connection, GROUP, &[("orders", 1), ("bills", 0)]), [86, 0]);
    let (_, shown) = fetch(&mut connection, 8, GROUP, Some(("orders", topic, &[1])));
    assert_eq!(shown[0].1, 7);
}

#[test]
fn offsets_of_members_that_say_nothing_readable_are_kept() {
    let (mut connection, _) = connection();
    let garbled = JoinGroupRequestProtocol { name: "range".into(), metadata: Bytes::from_static(b"?") };
    let consumer = JoinGroupRequest { protocols: vec![garbled], ..join("") };
    assert_eq!(join_alone(&mut connection, 9, &consumer).error_code, 0);
    assert_eq!(deleted(&mut connection, GROUP, &[("orders", 0)]), [86]);
    let worker = JoinGroupRequest { group_id: "workers".into(), protocol_type: "connect".into(), ..join("") };
    assert_eq!(join_alone(&mut connection, 9, &worker).error_code, 0);
    for (group, code) in [("workers", 68), ("nobody", 69), ("", 24)] {
        let expected = OffsetDeleteResponse { error_code: code, ..Default::default() };
        assert_eq!(delete(&mut connection, group, &[("orders", 0)]), expected, "{group:?}");
    }
    assert_eq!(deleted(&mut connection, "nobody", &[("nothing", 0)]), [3], "topics are looked at first");
}
