//! Groups as seen from outside: listing, describing, deleting, and their committed offsets.
//!
//! Apart from membership because these need no member: tools use them on groups of other programs.

use std::collections::BTreeMap;

use millstream_kafka::codec::generated::delete_groups::DeleteGroupsRequest;
use millstream_kafka::codec::generated::describe_groups::{DescribeGroupsRequest, DescribedGroup};
use millstream_kafka::codec::generated::find_coordinator::FindCoordinatorRequest;
use millstream_kafka::codec::generated::list_groups::{ListGroupsRequest, ListedGroup};
use millstream_kafka::codec::generated::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use millstream_kafka::codec::generated::offset_fetch::{OffsetFetchRequest, OffsetFetchRequestGroup};
use millstream_kafka::{ErrorCode, codec::Str};

use super::{Client, ClientError, Connection, check};

/// Committed offsets by topic and partition.
pub(crate) type GroupOffsets = BTreeMap<(String, i32), i64>;

/// The kind of key that names a group, for those who ask for its coordinator.
const KEY_TYPE_GROUP: i8 = 0;
/// The generation of a commit from outside of the group, which is taken while the group has no members.
pub(super) const NO_GENERATION: i32 = -1;

impl Client {
    /// All groups of the cluster, by name.
    pub(crate) async fn groups(&mut self) -> Result<Vec<ListedGroup>, ClientError> {
        self.metadata(None).await?;
        let mut groups = Vec::new();
        for broker in self.broker_ids() {
            let listed = self
                .retrying(async |client| {
                    let response =
                        client.broker(broker).await?.call(|_| ListGroupsRequest::default()).await?;
                    check(response.error_code, None, || "listing groups".to_owned())?;
                    Ok(response.groups)
                })
                .await?;
            groups.extend(listed);
        }
        groups.sort_by(|a, b| a.group_id.cmp(&b.group_id));
        Ok(groups)
    }

    /// One group with its members; `None` when there is none of that name.
    pub(crate) async fn describe_group(
        &mut self,
        group: &str,
    ) -> Result<Option<DescribedGroup>, ClientError> {
        let described = self
            .retrying(async |client| {
                let ask = |_| DescribeGroupsRequest { groups: vec![group.into()], ..Default::default() };
                let response = client.coordinator(group).await?.call(ask).await?;
                let described =
                    response.groups.into_iter().next().ok_or_else(|| no_answer("DescribeGroups"))?;
                if ErrorCode(described.error_code) == ErrorCode::GROUP_ID_NOT_FOUND {
                    return Ok(None);
                }
                let what = || format!("group {group:?}");
                check(described.error_code, described.error_message.as_deref(), what)?;
                Ok(Some(described))
            })
            .await?;
        // Before version 6 a group that does not exist is described as dead.
        Ok(described.filter(|group| group.group_state != "Dead"))
    }

    /// Deletes a group, which must have no members.
    pub(crate) async fn delete_group(&mut self, group: &str) -> Result<(), ClientError> {
        self.retrying(async |client| {
            let ask = |_| DeleteGroupsRequest { groups_names: vec![group.into()] };
            let response = client.coordinator(group).await?.call(ask).await?;
            let answer = response.results.first().ok_or_else(|| no_answer("DeleteGroups"))?;
            check(answer.error_code, None, || format!("group {group:?} is not deleted"))
        })
        .await
    }

    /// The offsets that a group has committed, for all topics; empty for a group that does not exist.
    pub(crate) async fn committed(&mut self, group: &str) -> Result<GroupOffsets, ClientError> {
        self.retrying(async |client| client.coordinator(group).await?.committed(group).await).await
    }

    /// Commits offsets for a group that has no members.
    pub(crate) async fn commit_offsets(
        &mut self,
        group: &str,
        offsets: &GroupOffsets,
    ) -> Result<(), ClientError> {
        self.retrying(async |client| {
            client.coordinator(group).await?.commit_offsets(group, NO_GENERATION, "", offsets).await
        })
        .await
    }

    /// A connection of its own to a group's coordinator.
    pub(super) async fn coordinator(&mut self, group: &str) -> Result<Connection, ClientError> {
        let ask = |version| {
            let mut request = FindCoordinatorRequest { key_type: KEY_TYPE_GROUP, ..Default::default() };
            if version >= 4 {
                request.coordinator_keys = vec![group.into()];
            } else {
                request.key = group.into();
            }
            request
        };
        let response = self.any().await?.call(ask).await?;
        let what = || format!("looking for the coordinator of group {group:?}");
        check(response.error_code, response.error_message.as_deref(), what)?;
        let (host, port): (Str, i32) = match response.coordinators.into_iter().next() {
            Some(found) => {
                check(found.error_code, found.error_message.as_deref(), what)?;
                (found.host, found.port)
            }
            None => (response.host, response.port),
        };
        self.open_at(&host, port).await
    }
}

impl Connection {
    async fn committed(&mut self, group: &str) -> Result<GroupOffsets, ClientError> {
        let ask = |version| {
            if version >= 8 {
                let wanted = OffsetFetchRequestGroup {
                    group_id: group.into(),
                    member_id: None,
                    member_epoch: -1,
                    topics: None,
                };
                let topics = Some(Vec::new());
                OffsetFetchRequest { groups: vec![wanted], topics, ..Default::default() }
            } else {
                OffsetFetchRequest { group_id: group.into(), topics: None, ..Default::default() }
            }
        };
        let response = self.call(ask).await?;
        let what = || format!("reading the offsets of group {group:?}");
        check(response.error_code, None, what)?;
        let mut offsets = GroupOffsets::new();
        // The two shapes hold the same; a partition without a commit has a negative offset.
        for topic in &response.topics {
            for partition in &topic.partitions {
                check(partition.error_code, None, what)?;
                if partition.committed_offset >= 0 {
                    let place = (topic.name.to_string(), partition.partition_index);
                    offsets.insert(place, partition.committed_offset);
                }
            }
        }
        for answer in &response.groups {
            match ErrorCode(answer.error_code) {
                ErrorCode::GROUP_ID_NOT_FOUND => return Ok(offsets),
                code => check(code.0, None, what)?,
            }
            for topic in &answer.topics {
                for partition in &topic.partitions {
                    check(partition.error_code, None, what)?;
                    if partition.committed_offset >= 0 {
                        let place = (topic.name.to_string(), partition.partition_index);
                        offsets.insert(place, partition.committed_offset);
                    }
                }
            }
        }
        Ok(offsets)
    }

    pub(super) async fn commit_offsets(
        &mut self,
        group: &str,
        generation: i32,
        member: &str,
        offsets: &GroupOffsets,
    ) -> Result<(), ClientError> {
        let mut topics: BTreeMap<&str, Vec<OffsetCommitRequestPartition>> = BTreeMap::new();
        for ((topic, partition), offset) in offsets {
            topics.entry(topic).or_default().push(OffsetCommitRequestPartition {
                partition_index: *partition,
                committed_offset: *offset,
                committed_leader_epoch: -1,
                committed_metadata: Some(Str::new()),
            });
        }
        let request = OffsetCommitRequest {
            group_id: group.into(),
            generation_id_or_member_epoch: generation,
            member_id: member.into(),
            topics: topics
                .into_iter()
                .map(|(name, partitions)| OffsetCommitRequestTopic {
                    name: name.into(),
                    partitions,
                    ..Default::default()
                })
                .collect(),
            ..Default::default()
        };
        let response = self.call(|_| request).await?;
        for topic in &response.topics {
            for partition in &topic.partitions {
                check(partition.error_code, None, || {
                    format!(
                        "committing the offset of {}/{} for group {group:?}",
                        topic.name, partition.partition_index
                    )
                })?;
            }
        }
        Ok(())
    }
}

fn no_answer(what: &'static str) -> ClientError {
    ClientError::Nonsense {
        address: "the coordinator".to_owned(),
        what,
        reason: "the group is not in it".to_owned(),
    }
}
