//! An idempotent producer: batches are numbered per partition, so that a repeated one is stored once.
//!
//! Apart because of what it must not get wrong: a batch is repeated with exactly the bytes and number it had, and a
//! number is used up only when its batch was answered.

use std::collections::BTreeMap;

use bytes::Bytes;
use millstream_kafka::ErrorCode;
use millstream_kafka::codec::Records;
use millstream_kafka::codec::generated::init_producer_id::InitProducerIdRequest;
use millstream_kafka::codec::generated::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};
use millstream_types::batch::{BatchBuilder, Compression};
use millstream_types::{ProducerEpoch, ProducerId};

use super::{Client, ClientError, TopicInfo, check};

/// How long a broker may take to store a batch on all its replicas.
const STORE_TIMEOUT_MS: i32 = 30_000;
/// Acks that mean "stored by all replicas in sync".
const ACKS_ALL: i16 = -1;
/// Sequences count to 2³¹ − 1 and start again at 0.
const SEQUENCE_MASK: u32 = i32::MAX.cast_unsigned();

/// The state of one producer.
#[derive(Debug)]
pub(crate) struct Producer {
    id: ProducerId,
    epoch: ProducerEpoch,
    next_sequence: BTreeMap<(String, i32), u32>,
}

/// Where a batch was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    /// Offset of its first record; `None` when the broker had stored it before and no longer knows where.
    pub(crate) base_offset: Option<i64>,
    /// Number of its records.
    pub(crate) records: u32,
}

impl Producer {
    /// Asks for a producer id.
    pub(crate) async fn begin(client: &mut Client) -> Result<Self, ClientError> {
        let response = client
            .retrying(async |client| {
                let ask = |_| InitProducerIdRequest {
                    transactional_id: None,
                    transaction_timeout_ms: i32::MAX,
                    ..Default::default()
                };
                let response = client.any().await?.call(ask).await?;
                check(response.error_code, None, || "asking for a producer id".to_owned())?;
                Ok(response)
            })
            .await?;
        let invalid = |_| ClientError::Nonsense {
            address: "the broker".to_owned(),
            what: "InitProducerId",
            reason: format!("producer {} of epoch {}", response.producer_id, response.producer_epoch),
        };
        Ok(Self {
            id: ProducerId(u64::try_from(response.producer_id).map_err(invalid)?),
            epoch: ProducerEpoch(u16::try_from(response.producer_epoch).map_err(invalid)?),
            next_sequence: BTreeMap::new(),
        })
    }

    /// Stores the records of `batch` in one partition; returns when all replicas in sync have them.
    pub(crate) async fn send(
        &mut self,
        client: &mut Client,
        topic: &TopicInfo,
        partition: i32,
        batch: BatchBuilder,
        compression: Compression,
    ) -> anyhow::Result<Stored> {
        let records = batch.record_count();
        let sequence = self.next_sequence.entry((topic.name.clone(), partition)).or_insert(0);
        let bytes = batch.producer(self.id, self.epoch, Some(*sequence)).finish(compression)?;
        let mut topic = topic.clone();
        let mut asked_again = false;
        let base_offset = client
            .retrying(async |client| {
                // The leader is known at first; an error means that it may be another.
                if asked_again {
                    let gone = || ClientError::UnknownTopic { name: topic.name.clone(), near: Vec::new() };
                    topic = client.find_topic(&topic.name).await?.ok_or_else(gone)?;
                }
                asked_again = true;
                client.produce(&topic, partition, &bytes).await
            })
            .await?;
        *sequence = sequence.wrapping_add(records) & SEQUENCE_MASK;
        Ok(Stored { base_offset, records })
    }
}

impl Client {
    async fn produce(
        &mut self,
        topic: &TopicInfo,
        partition: i32,
        batch: &Bytes,
    ) -> Result<Option<i64>, ClientError> {
        let leader = topic.partition(partition)?.leader;
        let data = PartitionProduceData { index: partition, records: Some(Records::from(batch.clone())) };
        let ask = |_| ProduceRequest {
            transactional_id: None,
            acks: ACKS_ALL,
            timeout_ms: STORE_TIMEOUT_MS,
            topic_data: vec![TopicProduceData {
                name: topic.name.as_str().into(),
                topic_id: topic.id,
                partition_data: vec![data],
            }],
        };
        let response = self.broker(leader).await?.call(ask).await?;
        let answer = response
            .responses
            .iter()
            .flat_map(|topic| &topic.partition_responses)
            .find(|answer| answer.index == partition)
            .ok_or_else(|| ClientError::Nonsense {
                address: "the broker".to_owned(),
                what: "Produce",
                reason: format!("no answer for partition {partition}"),
            })?;
        // The first try was stored and its answer lost: that is what sequences are for.
        if ErrorCode(answer.error_code) == ErrorCode::DUPLICATE_SEQUENCE_NUMBER {
            return Ok(None);
        }
        let what = || format!("storing records in {}/{partition}", topic.name);
        check(answer.error_code, answer.error_message.as_deref(), what)?;
        Ok(Some(answer.base_offset))
    }
}
