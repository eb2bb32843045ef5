//! Batches and requests that the tests of the read and write path share.
//!
//! Apart because both sides need the same small topics.

use crate::connection::Connection;
use bytes::Bytes;
use millstream_kafka::codec::generated::create_topics::{
    CreatableTopic, CreatableTopicConfig, CreateTopicsRequest,
};
use millstream_kafka::codec::generated::fetch::{FetchPartition, FetchRequest, FetchTopic};
use millstream_kafka::codec::generated::produce::{
    PartitionProduceData, PartitionProduceResponse, ProduceRequest, TopicProduceData,
};
use millstream_kafka::codec::{Records, Str, Uuid};
use millstream_types::batch::{BatchBuilder, Compression};
use millstream_types::{ProducerEpoch, ProducerId, RecordTime};

pub(crate) fn builder(records: &[(i64, Option<&str>, &str)]) -> BatchBuilder {
    let mut builder = BatchBuilder::new();
    for (time, key, value) in records {
        let key = key.map(str::as_bytes);
        builder.push(RecordTime(*time), key, Some(value.as_bytes()), &[]).expect("small records");
    }
    builder
}

/// A batch of records: timestamp, key, value.
pub(crate) fn batch(records: &[(i64, Option<&str>, &str)]) -> Bytes {
    builder(records).finish(Compression::None).expect("small batches")
}

pub(crate) fn idempotent(id: u64, epoch: u16, sequence: u32, values: &[&str]) -> Bytes {
    let records: Vec<_> = values.iter().map(|value| (1, None, *value)).collect();
    let builder = builder(&records).producer(ProducerId(id), ProducerEpoch(epoch), Some(sequence));
    builder.finish(Compression::None).expect("small batches")
}

pub(crate) fn create(connection: &mut Connection, name: &str, logs: i32, configs: &[(&str, &str)]) -> Uuid {
    let config = |(name, value): &(&str, &str)| CreatableTopicConfig {
        name: Str::from(*name),
        value: Some(Str::from(*value)),
    };
    let topic = CreatableTopic {
        name: Str::from(name),
        num_partitions: logs,
        replication_factor: 1,
        configs: configs.iter().map(config).collect(),
        ..Default::default()
    };
    let request = CreateTopicsRequest { topics: vec![topic], ..Default::default() };
    let response = connection.call(7, &request);
    assert_eq!(response.topics[0].error_code, 0, "{:?}", response.topics[0].error_message);
    response.topics[0].topic_id
}

pub(crate) fn produce_request(topic: &str, partition: i32, acks: i16, records: Bytes) -> ProduceRequest {
    let data = PartitionProduceData { index: partition, records: Some(Records::from(records)) };
    ProduceRequest {
        acks,
        timeout_ms: 1000,
        topic_data: vec![TopicProduceData {
            name: Str::from(topic),
            partition_data: vec![data],
            ..Default::default()
        }],
        transactional_id: None,
    }
}

/// Produces to partition 0 with version 9.
pub(crate) fn produce(connection: &mut Connection, topic: &str, records: Bytes) -> PartitionProduceResponse {
    let response = connection.call(9, &produce_request(topic, 0, -1, records));
    response.responses[0].partition_responses[0].clone()
}

/// A fetch without session of one partition 0 in version 11.
pub(crate) fn fetch_request(topics: &[(&str, i64)]) -> FetchRequest {
    let topic = |(name, offset): &(&str, i64)| FetchTopic {
        topic: Str::from(*name),
        partitions: vec![FetchPartition {
            fetch_offset: *offset,
            partition_max_bytes: 1 << 20,
            ..Default::default()
        }],
        ..Default::default()
    };
    FetchRequest {
        max_wait_ms: 0,
        min_bytes: 1,
        max_bytes: 50 << 20,
        session_id: 0,
        session_epoch: -1,
        topics: topics.iter().map(topic).collect(),
        ..Default::default()
    }
}
