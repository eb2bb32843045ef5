//! Reading record batches from a partition's leader.
//!
//! Apart because what comes back is batches, not records: whoever prints decides how many of them it opens.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use millstream_kafka::ErrorCode;
use millstream_kafka::codec::Uuid;
use millstream_kafka::codec::generated::fetch::{
    FetchPartition, FetchRequest, FetchTopic, FetchableTopicResponse,
};

use super::{Client, ClientError, check};

/// Bytes of records in one answer, and of one partition in it.
const FETCH_BYTES_MAX: i32 = 8 << 20;
const PARTITION_BYTES_MAX: i32 = 1 << 20;

/// A partition and where to read it from.
#[derive(Clone, Debug)]
pub(crate) struct FetchFrom {
    /// The topic's name.
    pub(crate) topic: String,
    /// The topic's id, which newer brokers go by.
    pub(crate) topic_id: Uuid,
    /// The partition.
    pub(crate) partition: i32,
    /// The offset of the first record wanted.
    pub(crate) offset: i64,
}

/// What came of one partition.
#[derive(Debug)]
pub(crate) struct Fetched {
    /// The topic's name.
    pub(crate) topic: String,
    /// The partition.
    pub(crate) partition: i32,
    /// Batches in order, or why there are none. The first may begin before the offset asked for, the last may be
    /// cut short.
    pub(crate) batches: Result<Bytes, ErrorCode>,
}

impl Client {
    /// Reads from partitions that `leader` leads; waits up to `wait` for the first byte.
    pub(crate) async fn fetch(
        &mut self,
        leader: i32,
        from: &[FetchFrom],
        wait: Duration,
    ) -> Result<Vec<Fetched>, ClientError> {
        let mut topics: BTreeMap<&str, FetchTopic> = BTreeMap::new();
        for from in from {
            let topic = topics.entry(&from.topic).or_insert_with(|| FetchTopic {
                topic: from.topic.as_str().into(),
                topic_id: from.topic_id,
                partitions: Vec::new(),
            });
            topic.partitions.push(FetchPartition {
                partition: from.partition,
                fetch_offset: from.offset,
                partition_max_bytes: PARTITION_BYTES_MAX,
                ..Default::default()
            });
        }
        let request = FetchRequest {
            max_wait_ms: i32::try_from(wait.as_millis()).unwrap_or(i32::MAX),
            min_bytes: 1,
            max_bytes: FETCH_BYTES_MAX,
            topics: topics.into_values().collect(),
            ..Default::default()
        };
        let response = self.broker(leader).await?.call_waiting(wait, |_| request).await?;
        check(response.error_code, None, || "reading".to_owned())?;

        let mut fetched = Vec::new();
        for topic in response.responses {
            let Some(name) = name_of(&topic, from) else { continue };
            for partition in topic.partitions {
                let batches = match ErrorCode(partition.error_code) {
                    ErrorCode::NONE => Ok(partition.records.unwrap_or_default().to_bytes()),
                    code => Err(code),
                };
                fetched.push(Fetched { topic: name.clone(), partition: partition.partition_index, batches });
            }
        }
        Ok(fetched)
    }
}

/// The name that was asked for; from version 13 on the answer has only the id.
fn name_of(topic: &FetchableTopicResponse, from: &[FetchFrom]) -> Option<String> {
    if !topic.topic.is_empty() {
        return Some(topic.topic.to_string());
    }
    from.iter().find(|from| from.topic_id == topic.topic_id).map(|from| from.topic.clone())
}
