//! DescribeTopicPartitions (API key 75), versions 0: request and response.
//!
//! Apart because each API has a module of its own, as long as its messages make it.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use core::ops::RangeInclusive;

use crate::codec::{ApiKey, DecodeError, EncodeError, Message, Reader, RequestMessage, Str, Uuid, Writer};

/// DescribeTopicPartitions request, versions 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribeTopicPartitionsRequest {
    /// Array.
    pub topics: Vec<TopicRequest>,
    /// 32-bit integer. Default: `2000`.
    pub response_partition_limit: i32,
    /// Struct, nullable.
    pub cursor: Option<Cursor>,
}

impl Default for DescribeTopicPartitionsRequest {
    fn default() -> Self {
        Self { topics: Vec::new(), response_partition_limit: 2000, cursor: None }
    }
}

impl DescribeTopicPartitionsRequest {
    /// The versions the codec has.
    pub const VERSIONS: RangeInclusive<i16> = 0..=0;

    /// Decodes a body.
    ///
    /// # Errors
    /// When the bytes are no such message, or the codec has no such version.
    pub fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Version { message: "DescribeTopicPartitionsRequest", version });
        }
        let topics = r.array(true, TopicRequest::BYTES_MIN, |r| TopicRequest::decode(version, r))?;
        let response_partition_limit = r.i32()?;
        let cursor = r.nullable(|r| Cursor::decode(version, r))?;
        r.skip_tagged_fields()?;
        Ok(Self { topics, response_partition_limit, cursor })
    }

    /// Encodes a body.
    ///
    /// # Errors
    /// When the version cannot carry a value, or the codec has no such version.
    pub fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(EncodeError::Version { message: "DescribeTopicPartitionsRequest", version });
        }
        w.array(true, &self.topics, |w, element| element.encode(version, w))?;
        w.i32(self.response_partition_limit);
        w.nullable(self.cursor.as_ref(), |w, value| value.encode(version, w))?;
        w.uvarint(0);
        Ok(())
    }
}

impl Message for DescribeTopicPartitionsRequest {
    const API: ApiKey = ApiKey::DescribeTopicPartitions;
    const NAME: &'static str = "DescribeTopicPartitionsRequest";
    const VERSIONS: RangeInclusive<i16> = Self::VERSIONS;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Self::decode(version, r)
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        self.encode(version, w)
    }
}

impl RequestMessage for DescribeTopicPartitionsRequest {
    type Response = DescribeTopicPartitionsResponse;
}

/// DescribeTopicPartitions response, versions 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DescribeTopicPartitionsResponse {
    /// 32-bit integer.
    pub throttle_time_ms: i32,
    /// Array.
    pub topics: Vec<DescribeTopicPartitionsResponseTopic>,
    /// Struct, nullable.
    pub next_cursor: Option<Cursor>,
}

impl DescribeTopicPartitionsResponse {
    /// The versions the codec has.
    pub const VERSIONS: RangeInclusive<i16> = 0..=0;

    /// Decodes a body.
    ///
    /// # Errors
    /// When the bytes are no such message, or the codec has no such version.
    pub fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Version { message: "DescribeTopicPartitionsResponse", version });
        }
        let throttle_time_ms = r.i32()?;
        let topics = r.array(true, DescribeTopicPartitionsResponseTopic::BYTES_MIN, |r| {
            DescribeTopicPartitionsResponseTopic::decode(version, r)
        })?;
        let next_cursor = r.nullable(|r| Cursor::decode(version, r))?;
        r.skip_tagged_fields()?;
        Ok(Self { throttle_time_ms, topics, next_cursor })
    }

    /// Encodes a body.
    ///
    /// # Errors
    /// When the version cannot carry a value, or the codec has no such version.
    pub fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(EncodeError::Version { message: "DescribeTopicPartitionsResponse", version });
        }
        w.i32(self.throttle_time_ms);
        w.array(true, &self.topics, |w, element| element.encode(version, w))?;
        w.nullable(self.next_cursor.as_ref(), |w, value| value.encode(version, w))?;
        w.uvarint(0);
        Ok(())
    }
}

impl Message for DescribeTopicPartitionsResponse {
    const API: ApiKey = ApiKey::DescribeTopicPartitions;
    const NAME: &'static str = "DescribeTopicPartitionsResponse";
    const VERSIONS: RangeInclusive<i16> = Self::VERSIONS;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Self::decode(version, r)
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        self.encode(version, w)
    }
}

/// Part of the DescribeTopicPartitions request, versions 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TopicRequest {
    /// String.
    pub name: Str,
}

impl TopicRequest {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 2;

    fn decode(_version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let name = r.string(true)?;
        r.skip_tagged_fields()?;
        Ok(Self { name })
    }

    fn encode(&self, _version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        w.string(true, &self.name)?;
        w.uvarint(0);
        Ok(())
    }
}

/// Part of the DescribeTopicPartitions request, versions 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cursor {
    /// String.
    pub topic_name: Str,
    /// 32-bit integer.
    pub partition_index: i32,
}

impl Cursor {
    fn decode(_version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let topic_name = r.string(true)?;
        let partition_index = r.i32()?;
        r.skip_tagged_fields()?;
        Ok(Self { topic_name, partition_index })
    }

    fn encode(&self, _version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        w.string(true, &self.topic_name)?;
        w.i32(self.partition_index);
        w.uvarint(0);
        Ok(())
    }
}

/// Part of the DescribeTopicPartitions response, versions 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribeTopicPartitionsResponseTopic {
    /// 16-bit integer.
    pub error_code: i16,
    /// String, nullable. Default: `Some(Str::new())`.
    pub name: Option<Str>,
    /// UUID.
    pub topic_id: Uuid,
    /// Boolean.
    pub is_internal: bool,
    /// Array.
    pub partitions: Vec<DescribeTopicPartitionsResponsePartition>,
    /// 32-bit integer. Default: `i32::MIN`.
    pub topic_authorized_operations: i32,
}

impl Default for DescribeTopicPartitionsResponseTopic {
    fn default() -> Self {
        Self {
            error_code: 0,
            name: Some(Str::new()),
            topic_id: Uuid::NIL,
            is_internal: false,
            partitions: Vec::new(),
            topic_authorized_operations: i32::MIN,
        }
    }
}

impl DescribeTopicPartitionsResponseTopic {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 26;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let error_code = r.i16()?;
        let name = r.nullable_string(true)?;
        let topic_id = r.uuid()?;
        let is_internal = r.bool()?;
        let partitions = r.array(true, DescribeTopicPartitionsResponsePartition::BYTES_MIN, |r| {
            DescribeTopicPartitionsResponsePartition::decode(version, r)
        })?;
        let topic_authorized_operations = r.i32()?;
        r.skip_tagged_fields()?;
        Ok(Self { error_code, name, topic_id, is_internal, partitions, topic_authorized_operations })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        w.error_code(self.error_code);
        w.nullable_string(true, self.name.as_deref())?;
        w.uuid(self.topic_id);
        w.bool(self.is_internal);
        w.array(true, &self.partitions, |w, element| element.encode(version, w))?;
        w.i32(self.topic_authorized_operations);
        w.uvarint(0);
        Ok(())
    }
}

/// Part of the DescribeTopicPartitions response, versions 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribeTopicPartitionsResponsePartition {
    /// 16-bit integer.
    pub error_code: i16,
    /// 32-bit integer.
    pub partition_index: i32,
    /// 32-bit integer.
    pub leader_id: i32,
    /// 32-bit integer. Default: `-1`.
    pub leader_epoch: i32,
    /// Array of 32-bit integers.
    pub replica_nodes: Vec<i32>,
    /// Array of 32-bit integers.
    pub isr_nodes: Vec<i32>,
    /// Array of 32-bit integers, nullable.
    pub eligible_leader_replicas: Option<Vec<i32>>,
    /// Array of 32-bit integers, nullable.
    pub last_known_elr: Option<Vec<i32>>,
    /// Array of 32-bit integers.
    pub offline_replicas: Vec<i32>,
}

impl Default for DescribeTopicPartitionsResponsePartition {
    fn default() -> Self {
        Self {
            error_code: 0,
            partition_index: 0,
            leader_id: 0,
            leader_epoch: -1,
            replica_nodes: Vec::new(),
            isr_nodes: Vec::new(),
            eligible_leader_replicas: None,
            last_known_elr: None,
            offline_replicas: Vec::new(),
        }
    }
}

impl DescribeTopicPartitionsResponsePartition {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 20;

    fn decode(_version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let error_code = r.i16()?;
        let partition_index = r.i32()?;
        let leader_id = r.i32()?;
        let leader_epoch = r.i32()?;
        let replica_nodes = r.array(true, 4, Reader::i32)?;
        let isr_nodes = r.array(true, 4, Reader::i32)?;
        let eligible_leader_replicas = r.nullable_array(true, 4, Reader::i32)?;
        let last_known_elr = r.nullable_array(true, 4, Reader::i32)?;
        let offline_replicas = r.array(true, 4, Reader::i32)?;
        r.skip_tagged_fields()?;
        Ok(Self {
            error_code,
            partition_index,
            leader_id,
            leader_epoch,
            replica_nodes,
            isr_nodes,
            eligible_leader_replicas,
            last_known_elr,
            offline_replicas,
        })
    }

    fn encode(&self, _version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        w.error_code(self.error_code);
        w.i32(self.partition_index);
        w.i32(self.leader_id);
        w.i32(self.leader_epoch);
        w.array(true, &self.replica_nodes, |w, element| {
            w.i32(*element);
            Ok(())
        })?;
        w.array(true, &self.isr_nodes, |w, element| {
            w.i32(*element);
            Ok(())
        })?;
        match &self.eligible_leader_replicas {
            Some(elements) => w.array(true, elements, |w, element| {
                w.i32(*element);
                Ok(())
            })?,
            None => w.null(true),
        }
        match &self.last_known_elr {
            Some(elements) => w.array(true, elements, |w, element| {
                w.i32(*element);
                Ok(())
            })?,
            None => w.null(true),
        }
        w.array(true, &self.offline_replicas, |w, element| {
            w.i32(*element);
            Ok(())
        })?;
        w.uvarint(0);
        Ok(())
    }
}
