//! Requests about groups as clients make them, and a member with its connection.
//!
//! Apart because several tests are made of them. Versions are the caller's: a request carries what its version has.

use crate::connection::Connection;
use bytes::{BufMut, Bytes, BytesMut};
use millstream_kafka::codec::generated::heartbeat::HeartbeatRequest;
use millstream_kafka::codec::generated::join_group::{
    JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse,
};
use millstream_kafka::codec::generated::leave_group::{LeaveGroupRequest, MemberIdentity};
use millstream_kafka::codec::generated::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use millstream_kafka::codec::generated::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use millstream_kafka::codec::generated::sync_group::{SyncGroupRequest, SyncGroupRequestAssignment};
use millstream_kafka::codec::{Str, Uuid};
use millstream_testkit::broker::TestBroker;
use std::sync::Arc;

pub(crate) const GROUP: &str = "readers";
/// Assigned to the leader and to the follower.
pub(crate) const SHARES: [&[u8]; 2] = [b"the leader's share", b"the follower's share"];

/// A consumer's metadata: version, topics, no user data.
pub(crate) fn subscription(topics: &[&str]) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_i16(0);
    bytes.put_i32(topics.len() as i32);
    for topic in topics {
        bytes.put_i16(topic.len() as i16);
        bytes.put_slice(topic.as_bytes());
    }
    bytes.put_i32(-1);
    bytes.freeze()
}

/// A consumer that wants to read "orders".
pub(crate) fn join(member_id: &str) -> JoinGroupRequest {
    let range = JoinGroupRequestProtocol { name: "range".into(), metadata: subscription(&["orders"]) };
    JoinGroupRequest {
        group_id: GROUP.into(),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 30_000,
        member_id: member_id.into(),
        protocol_type: "consumer".into(),
        protocols: vec![range],
        ..Default::default()
    }
}

/// Joins a group without members. From version 4 that takes two requests.
pub(crate) fn join_alone(
    connection: &mut Connection,
    version: i16,
    request: &JoinGroupRequest,
) -> JoinGroupResponse {
    let response = connection.call(version, request);
    if response.error_code != 79 {
        return response;
    }
    connection.call(version, &JoinGroupRequest { member_id: response.member_id, ..request.clone() })
}

/// An offset to commit for partitions of "orders", as someone outside the membership.
pub(crate) fn commit(partitions: &[(i32, i64)]) -> OffsetCommitRequest {
    let partition = |(index, offset): &(i32, i64)| OffsetCommitRequestPartition {
        partition_index: *index,
        committed_offset: *offset,
        committed_metadata: None,
        ..Default::default()
    };
    let partitions = partitions.iter().map(partition).collect();
    OffsetCommitRequest {
        group_id: GROUP.into(),
        topics: vec![OffsetCommitRequestTopic { name: "orders".into(), partitions, ..Default::default() }],
        ..Default::default()
    }
}

/// Makes topics be named by id instead, as version 10 does.
pub(crate) fn by_id(mut request: OffsetCommitRequest, id: Uuid) -> OffsetCommitRequest {
    for topic in &mut request.topics {
        topic.name = Str::new();
        topic.topic_id = id;
    }
    request
}

/// Error codes of all partitions of a commit.
pub(crate) fn commit_codes(
    connection: &mut Connection,
    version: i16,
    request: &OffsetCommitRequest,
) -> Vec<i16> {
    let topics = connection.call(version, request).topics;
    topics.iter().flat_map(|topic| topic.partitions.iter().map(|partition| partition.error_code)).collect()
}

/// What a fetch shows of one partition: index, offset, leader epoch, metadata, error.
pub(crate) type Shown = (i32, i64, i32, String, i16);

/// Fetches a group's offsets for partitions of one topic, `None` for all topics, in any version. Gives the group's error
/// and the partitions of all topics.
pub(crate) fn fetch(
    connection: &mut Connection,
    version: i16,
    group: &str,
    topic: Option<(&str, Uuid, &[i32])>,
) -> (i16, Vec<Shown>) {
    let text = |text: &Option<Str>| text.as_deref().expect("a note is never null").to_owned();
    if version < 8 {
        let topic = topic.map(|(name, _, indexes)| OffsetFetchRequestTopic {
            name: name.into(),
            partition_indexes: indexes.to_vec(),
        });
        let request = OffsetFetchRequest {
            group_id: group.into(),
            topics: topic.map(|topic| vec![topic]),
            ..Default::default()
        };
        let response = connection.call(version, &request);
        let partitions = response.topics.iter().flat_map(|topic| &topic.partitions);
        let shown = partitions.map(|p| {
            (p.partition_index, p.committed_offset, p.committed_leader_epoch, text(&p.metadata), p.error_code)
        });
        return (response.error_code, shown.collect());
    }
    let topic = topic.map(|(name, id, indexes)| OffsetFetchRequestTopics {
        name: if version < 10 { name.into() } else { Str::new() },
        topic_id: if version < 10 { Uuid::NIL } else { id },
        partition_indexes: indexes.to_vec(),
    });
    let group = OffsetFetchRequestGroup {
        group_id: group.into(),
        topics: topic.map(|topic| vec![topic]),
        ..Default::default()
    };
    let response =
        connection.call(version, &OffsetFetchRequest { groups: vec![group], ..Default::default() });
    let group = &response.groups[0];
    let partitions = group.topics.iter().flat_map(|topic| &topic.partitions);
    let shown = partitions.map(|p| {
        (p.partition_index, p.committed_offset, p.committed_leader_epoch, text(&p.metadata), p.error_code)
    });
    (group.error_code, shown.collect())
}

/// A member of [`GROUP`] with a connection of its own.
pub(crate) struct Member {
    pub(crate) connection: Connection,
    pub(crate) id: Str,
    pub(crate) generation: i32,
    pub(crate) instance: Option<Str>,
    /// The version of its joins; of other requests it uses the same one or their newest.
    pub(crate) version: i16,
}

impl Member {
    pub(crate) fn new(broker: &Arc<TestBroker>, version: i16) -> Member {
        let connection = Connection::open(broker);
        Member { connection, id: Str::new(), generation: -1, instance: None, version }
    }

    pub(crate) fn static_member(broker: &Arc<TestBroker>, version: i16, instance: &str) -> Member {
        Member { instance: Some(instance.into()), ..Member::new(broker, version) }
    }

    /// Two members in a stable group, the leader first; both have their shares.
    pub(crate) fn pair(broker: &Arc<TestBroker>, version: i16) -> [Member; 2] {
        let mut leader = Member::new(broker, version);
        leader.send_join();
        leader.joined();
        let mut follower = Member::new(broker, version);
        follower.send_join();
        leader.send_join();
        let [first, second] = [leader.joined(), follower.joined()];
        assert_eq!((first.members.len(), second.members.len()), (2, 0), "only the leader sees everyone");
        follower.send_sync(&[]);
        leader.send_sync(&[(&leader.id.clone(), SHARES[0]), (&follower.id.clone(), SHARES[1])]);
        assert_eq!((leader.synced(), follower.synced()), (Ok(SHARES[0].into()), Ok(SHARES[1].into())));
        [leader, follower]
    }

    pub(crate) fn join_request(&self) -> JoinGroupRequest {
        JoinGroupRequest { group_instance_id: self.instance.clone(), ..join(&self.id) }
    }

    /// Joins, with an id that it fetches first if that is what the version wants. The answer may take time.
    pub(crate) fn send_join(&mut self) {
        if self.version >= 4 && self.id.is_empty() && self.instance.is_none() {
            let response = self.connection.call(self.version, &self.join_request());
            assert_eq!(response.error_code, 79);
            self.id = response.member_id;
        }
        self.connection.send(self.version, &self.join_request());
    }

    /// The answer to its join, which must have come.
    pub(crate) fn joined(&mut self) -> JoinGroupResponse {
        self.connection.run();
        let (_, response) = self.connection.take::<JoinGroupResponse>(self.version).expect("a generation");
        assert_eq!(response.error_code, 0);
        self.id = response.member_id.clone();
        self.generation = response.generation_id;
        response
    }

    fn version_to(&self, newest: i16) -> i16 {
        self.version.min(newest)
    }

    pub(crate) fn send_sync(&mut self, assignments: &[(&str, &[u8])]) {
        let version = self.version_to(5);
        let assignment = |(member, share): &(&str, &[u8])| SyncGroupRequestAssignment {
            member_id: Str::from(*member),
            assignment: Bytes::copy_from_slice(share),
        };
        let request = SyncGroupRequest {
            group_id: GROUP.into(),
            generation_id: self.generation,
            member_id: self.id.clone(),
            group_instance_id: self.instance.clone(),
            protocol_type: (version >= 5).then(|| "consumer".into()),
            protocol_name: (version >= 5).then(|| "range".into()),
            assignments: assignments.iter().map(assignment).collect(),
        };
        self.connection.send(version, &request);
    }

    /// The answer to its sync, which must have come: its share or an error.
    pub(crate) fn synced(&mut self) -> Result<Bytes, i16> {
        self.connection.run();
        let version = self.version_to(5);
        let (_, response) = self
            .connection
            .take::<millstream_kafka::codec::generated::sync_group::SyncGroupResponse>(version)
            .expect("an answer to the sync");
        if version >= 5 && response.error_code == 0 {
            assert_eq!(response.protocol_type.as_deref(), Some("consumer"));
            assert_eq!(response.protocol_name.as_deref(), Some("range"));
        }
        if response.error_code == 0 { Ok(response.assignment) } else { Err(response.error_code) }
    }

    pub(crate) fn heartbeat(&mut self) -> i16 {
        let request = HeartbeatRequest {
            group_id: GROUP.into(),
            generation_id: self.generation,
            member_id: self.id.clone(),
            group_instance_id: self.instance.clone(),
        };
        self.connection.call(self.version_to(4), &request).error_code
    }

    /// Commits one offset of "orders"; gives the error code.
    pub(crate) fn commit(&mut self, topic: Uuid, partition: i32, offset: i64) -> i16 {
        let version = (self.version + 1).max(2);
        let request = OffsetCommitRequest {
            generation_id_or_member_epoch: self.generation,
            member_id: self.id.clone(),
            group_instance_id: self.instance.clone(),
            ..commit(&[(partition, offset)])
        };
        let request = if version >= 10 { by_id(request, topic) } else { request };
        commit_codes(&mut self.connection, version, &request)[0]
    }

    /// Leaves; gives its own error code.
    pub(crate) fn leave(&mut self) -> i16 {
        let version = self.version_to(5);
        let request = if version < 3 {
            LeaveGroupRequest { group_id: GROUP.into(), member_id: self.id.clone(), members: Vec::new() }
        } else {
            let who = MemberIdentity {
                member_id: self.id.clone(),
                group_instance_id: self.instance.clone(),
                reason: (version >= 5).then(|| "enough".into()),
            };
            LeaveGroupRequest { group_id: GROUP.into(), member_id: Str::new(), members: vec![who] }
        };
        let response = self.connection.call(version, &request);
        if version < 3 {
            return response.error_code;
        }
        assert_eq!((response.error_code, response.members.len()), (0, 1));
        response.members[0].error_code
    }
}
