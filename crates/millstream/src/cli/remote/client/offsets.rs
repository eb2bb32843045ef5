//! Where partitions begin and end, and where a moment lies in them.
//!
//! Apart because consuming, lag and resets all ask it, each for other partitions.

use std::collections::BTreeMap;

use millstream_kafka::codec::generated::list_offsets::{
    ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic,
};

use super::{Client, ClientError, TopicInfo, check};

/// Which offset is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OffsetAt {
    /// That of the first record still there.
    Start,
    /// That which the next record will get.
    End,
    /// That of the first record whose timestamp (ms since 1970) is this or later; the end if there is none.
    Time(i64),
}

/// The protocol's stand-ins for a timestamp.
const TIMESTAMP_END: i64 = -1;
const TIMESTAMP_START: i64 = -2;

impl Client {
    /// The offset of each of the partitions.
    pub(crate) async fn offsets(
        &mut self,
        topic: &TopicInfo,
        partitions: &[i32],
        at: OffsetAt,
    ) -> Result<BTreeMap<i32, i64>, ClientError> {
        let mut found = BTreeMap::new();
        for &partition in partitions {
            topic.partition(partition)?;
        }
        self.retrying(async |client| {
            // Leaders may have changed since `topic` was asked for; what was found stays.
            let topic = client.topic_now(topic).await?;
            let mut by_leader: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
            for &index in partitions.iter().filter(|index| !found.contains_key(*index)) {
                by_leader.entry(topic.partition(index)?.leader).or_default().push(index);
            }
            for (leader, partitions) in by_leader {
                client.offsets_at_leader(leader, &topic.name, &partitions, at, &mut found).await?;
            }
            Ok(())
        })
        .await?;
        if let OffsetAt::Time(_) = at {
            let later: Vec<i32> =
                found.iter().filter(|&(_, &offset)| offset < 0).map(|(&index, _)| index).collect();
            if !later.is_empty() {
                found.extend(Box::pin(self.offsets(topic, &later, OffsetAt::End)).await?);
            }
        }
        Ok(found)
    }

    /// The topic as it is now.
    async fn topic_now(&mut self, topic: &TopicInfo) -> Result<TopicInfo, ClientError> {
        let gone = || ClientError::UnknownTopic { name: topic.name.clone(), near: Vec::new() };
        self.find_topic(&topic.name).await?.ok_or_else(gone)
    }

    async fn offsets_at_leader(
        &mut self,
        leader: i32,
        topic: &str,
        partitions: &[i32],
        at: OffsetAt,
        found: &mut BTreeMap<i32, i64>,
    ) -> Result<(), ClientError> {
        let timestamp = match at {
            OffsetAt::Start => TIMESTAMP_START,
            OffsetAt::End => TIMESTAMP_END,
            OffsetAt::Time(ms) => ms,
        };
        let ask = |_| ListOffsetsRequest {
            replica_id: -1,
            topics: vec![ListOffsetsTopic {
                name: topic.into(),
                partitions: partitions
                    .iter()
                    .map(|&partition_index| ListOffsetsPartition {
                        partition_index,
                        current_leader_epoch: -1,
                        timestamp,
                    })
                    .collect(),
            }],
            ..Default::default()
        };
        let response = self.broker(leader).await?.call(ask).await?;
        for partition in response.topics.iter().flat_map(|topic| &topic.partitions) {
            check(partition.error_code, None, || {
                format!("offsets of {topic}/{}", partition.partition_index)
            })?;
            found.insert(partition.partition_index, partition.offset);
        }
        Ok(())
    }
}
