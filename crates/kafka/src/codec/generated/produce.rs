//! Produce (API key 0), versions 3–13: request and response.
//!
//! Apart because each API has a module of its own, as long as its messages make it.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use core::ops::RangeInclusive;

use crate::codec::{
    ApiKey, DecodeError, EncodeError, Message, Reader, Records, RequestMessage, Str, Uuid, Writer,
};

/// Produce request, versions 3–13.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProduceRequest {
    /// String, nullable.
    pub transactional_id: Option<Str>,
    /// 16-bit integer.
    pub acks: i16,
    /// 32-bit integer.
    pub timeout_ms: i32,
    /// Array.
    pub topic_data: Vec<TopicProduceData>,
}

impl ProduceRequest {
    /// The versions the codec has.
    pub const VERSIONS: RangeInclusive<i16> = 3..=13;

    /// Decodes a body.
    ///
    /// # Errors
    /// When the bytes are no such message, or the codec has no such version.
    pub fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Version { message: "ProduceRequest", version });
        }
        let flexible = version >= 9;
        let transactional_id = r.nullable_string(flexible)?;
        let acks = r.i16()?;
        let timeout_ms = r.i32()?;
        let topic_data =
            r.array(flexible, TopicProduceData::BYTES_MIN, |r| TopicProduceData::decode(version, r))?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { transactional_id, acks, timeout_ms, topic_data })
    }

    /// Encodes a body.
    ///
    /// # Errors
    /// When the version cannot carry a value, or the codec has no such version.
    pub fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(EncodeError::Version { message: "ProduceRequest", version });
        }
        let flexible = version >= 9;
        w.nullable_string(flexible, self.transactional_id.as_deref())?;
        w.i16(self.acks);
        w.i32(self.timeout_ms);
        w.array(flexible, &self.topic_data, |w, element| element.encode(version, w))?;
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Message for ProduceRequest {
    const API: ApiKey = ApiKey::Produce;
    const NAME: &'static str = "ProduceRequest";
    const VERSIONS: RangeInclusive<i16> = Self::VERSIONS;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Self::decode(version, r)
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        self.encode(version, w)
    }
}

impl RequestMessage for ProduceRequest {
    type Response = ProduceResponse;
}

/// Produce response, versions 3–13.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProduceResponse {
    /// Array.
    pub responses: Vec<TopicProduceResponse>,
    /// 32-bit integer.
    pub throttle_time_ms: i32,
    /// Array, versions 10–13, tag 0.
    pub node_endpoints: Vec<NodeEndpoint>,
}

impl ProduceResponse {
    /// The versions the codec has.
    pub const VERSIONS: RangeInclusive<i16> = 3..=13;

    /// Decodes a body.
    ///
    /// # Errors
    /// When the bytes are no such message, or the codec has no such version.
    pub fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Version { message: "ProduceResponse", version });
        }
        let flexible = version >= 9;
        let responses =
            r.array(flexible, TopicProduceResponse::BYTES_MIN, |r| TopicProduceResponse::decode(version, r))?;
        let throttle_time_ms = r.i32()?;
        let mut node_endpoints = Vec::new();
        if flexible {
            r.tagged_fields(|r, tag| {
                match tag {
                    0 if version >= 10 => {
                        node_endpoints =
                            r.array(true, NodeEndpoint::BYTES_MIN, |r| NodeEndpoint::decode(version, r))?
                    }
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(Self { responses, throttle_time_ms, node_endpoints })
    }

    /// Encodes a body.
    ///
    /// # Errors
    /// When the version cannot carry a value, or the codec has no such version.
    pub fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(EncodeError::Version { message: "ProduceResponse", version });
        }
        let flexible = version >= 9;
        w.array(flexible, &self.responses, |w, element| element.encode(version, w))?;
        w.i32(self.throttle_time_ms);
        if flexible {
            let has_node_endpoints = version >= 10 && !self.node_endpoints.is_empty();
            w.uvarint(u32::from(has_node_endpoints));
            if has_node_endpoints {
                w.tagged(0, |w| {
                    w.array(true, &self.node_endpoints, |w, element| element.encode(version, w))?;
                    Ok(())
                })?;
            }
            if !has_node_endpoints && !self.node_endpoints.is_empty() {
                return Err(EncodeError::FieldNotInVersion {
                    field: "ProduceResponse.node_endpoints",
                    version,
                });
            }
        }
        if !flexible && !self.node_endpoints.is_empty() {
            return Err(EncodeError::FieldNotInVersion { field: "ProduceResponse.node_endpoints", version });
        }
        Ok(())
    }
}

impl Message for ProduceResponse {
    const API: ApiKey = ApiKey::Produce;
    const NAME: &'static str = "ProduceResponse";
    const VERSIONS: RangeInclusive<i16> = Self::VERSIONS;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Self::decode(version, r)
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        self.encode(version, w)
    }
}

/// Part of the Produce request, versions 3–13.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TopicProduceData {
    /// String, versions 3–12, left out where the version lacks it.
    pub name: Str,
    /// UUID, versions 13, left out where the version lacks it.
    pub topic_id: Uuid,
    /// Array.
    pub partition_data: Vec<PartitionProduceData>,
}

impl TopicProduceData {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 3;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 9;
        let name = if version <= 12 { r.string(flexible)? } else { Str::new() };
        let topic_id = if version >= 13 { r.uuid()? } else { Uuid::NIL };
        let partition_data =
            r.array(flexible, PartitionProduceData::BYTES_MIN, |r| PartitionProduceData::decode(version, r))?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { name, topic_id, partition_data })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 9;
        if version <= 12 {
            w.string(flexible, &self.name)?;
        }
        if version >= 13 {
            w.uuid(self.topic_id);
        }
        w.array(flexible, &self.partition_data, |w, element| element.encode(version, w))?;
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

/// Part of the Produce request, versions 3–13.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionProduceData {
    /// 32-bit integer.
    pub index: i32,
    /// Record batches, nullable. Default: `Some(Records::default())`.
    pub records: Option<Records>,
}

impl Default for PartitionProduceData {
    fn default() -> Self {
        Self { index: 0, records: Some(Records::default()) }
    }
}

impl PartitionProduceData {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 6;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 9;
        let index = r.i32()?;
        let records = r.nullable_records(flexible)?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { index, records })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 9;
        w.i32(self.index);
        w.nullable_records(flexible, self.records.as_ref())?;
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

/// Part of the Produce response, versions 3–13.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TopicProduceResponse {
    /// String, versions 3–12, left out where the version lacks it.
    pub name: Str,
    /// UUID, versions 13, left out where the version lacks it.
    pub topic_id: Uuid,
    /// Array.
    pub partition_responses: Vec<PartitionProduceResponse>,
}

impl TopicProduceResponse {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 3;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 9;
        let name = if version <= 12 { r.string(flexible)? } else { Str::new() };
        let topic_id = if version >= 13 { r.uuid()? } else { Uuid::NIL };
        let partition_responses = r.array(flexible, PartitionProduceResponse::BYTES_MIN, |r| {
            PartitionProduceResponse::decode(version, r)
        })?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { name, topic_id, partition_responses })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 9;
        if version <= 12 {
            w.string(flexible, &self.name)?;
        }
        if version >= 13 {
            w.uuid(self.topic_id);
        }
        w.array(flexible, &self.partition_responses, |w, element| element.encode(version, w))?;
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

/// Part of the Produce response, versions 3–13.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionProduceResponse {
    /// 32-bit integer.
    pub index: i32,
    /// 16-bit integer.
    pub error_code: i16,
    /// 64-bit integer.
    pub base_offset: i64,
    /// 64-bit integer. Default: `-1`.
    pub log_append_time_ms: i64,
    /// 64-bit integer, versions 5–13, left out where the version lacks it. Default: `-1`.
    pub log_start_offset: i64,
    /// Array, versions 8–13, left out where the version lacks it.
    pub record_errors: Vec<BatchIndexAndErrorMessage>,
    /// String, versions 8–13, nullable, left out where the version lacks it.
    pub error_message: Option<Str>,
    /// Struct, versions 10–13, tag 0.
    pub current_leader: LeaderIdAndEpoch,
}

impl Default for PartitionProduceResponse {
    fn default() -> Self {
        Self {
            index: 0,
            error_code: 0,
            base_offset: 0,
            log_append_time_ms: -1,
            log_start_offset: -1,
            record_errors: Vec::new(),
            error_message: None,
            current_leader: Default::default(),
        }
    }
}

impl PartitionProduceResponse {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 22;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 9;
        let index = r.i32()?;
        let error_code = r.i16()?;
        let base_offset = r.i64()?;
        let log_append_time_ms = r.i64()?;
        let log_start_offset = if version >= 5 { r.i64()? } else { -1 };
        let record_errors = if version >= 8 {
            r.array(flexible, BatchIndexAndErrorMessage::BYTES_MIN, |r| {
                BatchIndexAndErrorMessage::decode(version, r)
            })?
        } else {
            Vec::new()
        };
        let error_message = if version >= 8 { r.nullable_string(flexible)? } else { None };
        let mut current_leader = Default::default();
        if flexible {
            r.tagged_fields(|r, tag| {
                match tag {
                    0 if version >= 10 => current_leader = LeaderIdAndEpoch::decode(version, r)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(Self {
            index,
            error_code,
            base_offset,
            log_append_time_ms,
            log_start_offset,
            record_errors,
            error_message,
            current_leader,
        })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 9;
        w.i32(self.index);
        w.error_code(self.error_code);
        w.i64(self.base_offset);
        w.i64(self.log_append_time_ms);
        if version >= 5 {
            w.i64(self.log_start_offset);
        }
        if version >= 8 {
            w.array(flexible, &self.record_errors, |w, element| element.encode(version, w))?;
        }
        if version >= 8 {
            w.nullable_string(flexible, self.error_message.as_deref())?;
        }
        if flexible {
            let has_current_leader = version >= 10 && self.current_leader != LeaderIdAndEpoch::default();
            w.uvarint(u32::from(has_current_leader));
            if has_current_leader {
                w.tagged(0, |w| {
                    self.current_leader.encode(version, w)?;
                    Ok(())
                })?;
            }
            if !has_current_leader && self.current_leader != LeaderIdAndEpoch::default() {
                return Err(EncodeError::FieldNotInVersion {
                    field: "PartitionProduceResponse.current_leader",
                    version,
                });
            }
        }
        if !flexible && self.current_leader != LeaderIdAndEpoch::default() {
            return Err(EncodeError::FieldNotInVersion {
                field: "PartitionProduceResponse.current_leader",
                version,
            });
        }
        Ok(())
    }
}

/// Part of the Produce response, versions 8–13.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BatchIndexAndErrorMessage {
    /// 32-bit integer.
    pub batch_index: i32,
    /// String, nullable.
    pub batch_index_error_message: Option<Str>,
}

impl BatchIndexAndErrorMessage {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 6;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 9;
        let batch_index = r.i32()?;
        let batch_index_error_message = r.nullable_string(flexible)?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { batch_index, batch_index_error_message })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 9;
        w.i32(self.batch_index);
        w.nullable_string(flexible, self.batch_index_error_message.as_deref())?;
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

/// Part of the Produce response, versions 10–13.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaderIdAndEpoch {
    /// 32-bit integer. Default: `-1`.
    pub leader_id: i32,
    /// 32-bit integer. Default: `-1`.
    pub leader_epoch: i32,
}

impl Default for LeaderIdAndEpoch {
    fn default() -> Self {
        Self { leader_id: -1, leader_epoch: -1 }
    }
}

impl LeaderIdAndEpoch {
    fn decode(_version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let leader_id = r.i32()?;
        let leader_epoch = r.i32()?;
        r.skip_tagged_fields()?;
        Ok(Self { leader_id, leader_epoch })
    }

    fn encode(&self, _version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        w.i32(self.leader_id);
        w.i32(self.leader_epoch);
        w.uvarint(0);
        Ok(())
    }
}

/// Part of the Produce response, versions 10–13.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeEndpoint {
    /// 32-bit integer.
    pub node_id: i32,
    /// String.
    pub host: Str,
    /// 32-bit integer.
    pub port: i32,
    /// String, nullable.
    pub rack: Option<Str>,
}

impl NodeEndpoint {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 11;

    fn decode(_version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let node_id = r.i32()?;
        let host = r.string(true)?;
        let port = r.i32()?;
        let rack = r.nullable_string(true)?;
        r.skip_tagged_fields()?;
        Ok(Self { node_id, host, port, rack })
    }

    fn encode(&self, _version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        w.i32(self.node_id);
        w.string(true, &self.host)?;
        w.i32(self.port);
        w.nullable_string(true, self.rack.as_deref())?;
        w.uvarint(0);
        Ok(())
    }
}
