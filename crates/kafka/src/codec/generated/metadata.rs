//! Metadata (API key 3), versions 0–13: request and response.
//!
//! Apart because each API has a module of its own, as long as its messages make it.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use core::ops::RangeInclusive;

use crate::codec::{ApiKey, DecodeError, EncodeError, Message, Reader, RequestMessage, Str, Uuid, Writer};

/// Metadata request, versions 0–13.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataRequest {
    /// Array, nullable in versions 1–13. Default: `Some(Vec::new())`.
    pub topics: Option<Vec<MetadataRequestTopic>>,
    /// Boolean, versions 4–13. Default: `true`.
    pub allow_auto_topic_creation: bool,
    /// Boolean, versions 8–10.
    pub include_cluster_authorized_operations: bool,
    /// Boolean, versions 8–13.
    pub include_topic_authorized_operations: bool,
}

impl Default for MetadataRequest {
    fn default() -> Self {
        Self {
            topics: Some(Vec::new()),
            allow_auto_topic_creation: true,
            include_cluster_authorized_operations: false,
            include_topic_authorized_operations: false,
        }
    }
}

impl MetadataRequest {
    /// The versions the codec has.
    pub const VERSIONS: RangeInclusive<i16> = 0..=13;

    /// Decodes a body.
    ///
    /// # Errors
    /// When the bytes are no such message, or the codec has no such version.
    pub fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Version { message: "MetadataRequest", version });
        }
        let flexible = version >= 9;
        let topics = (if version >= 1 {
            r.nullable_array(flexible, MetadataRequestTopic::BYTES_MIN, |r| {
                MetadataRequestTopic::decode(version, r)
            })
        } else {
            r.array(flexible, MetadataRequestTopic::BYTES_MIN, |r| MetadataRequestTopic::decode(version, r))
                .map(Some)
        })?;
        let allow_auto_topic_creation = if version >= 4 { r.bool()? } else { true };
        let include_cluster_authorized_operations =
            if (8..=10).contains(&version) { r.bool()? } else { false };
        let include_topic_authorized_operations = if version >= 8 { r.bool()? } else { false };
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self {
            topics,
            allow_auto_topic_creation,
            include_cluster_authorized_operations,
            include_topic_authorized_operations,
        })
    }

    /// Encodes a body.
    ///
    /// # Errors
    /// When the version cannot carry a value, or the codec has no such version.
    pub fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(EncodeError::Version { message: "MetadataRequest", version });
        }
        let flexible = version >= 9;
        if version < 1 && self.topics.is_none() {
            return Err(EncodeError::NullNotInVersion { field: "MetadataRequest.topics", version });
        }
        match &self.topics {
            Some(elements) => w.array(flexible, elements, |w, element| element.encode(version, w))?,
            None => w.null(flexible),
        }
        if version >= 4 {
            w.bool(self.allow_auto_topic_creation);
        } else if !self.allow_auto_topic_creation {
            return Err(EncodeError::FieldNotInVersion {
                field: "MetadataRequest.allow_auto_topic_creation",
                version,
            });
        }

        if (8..=10).contains(&version) {
            w.bool(self.include_cluster_authorized_operations);
        } else if self.include_cluster_authorized_operations {
            return Err(EncodeError::FieldNotInVersion {
                field: "MetadataRequest.include_cluster_authorized_operations",
                version,
            });
        }

        if version >= 8 {
            w.bool(self.include_topic_authorized_operations);
        } else if self.include_topic_authorized_operations {
            return Err(EncodeError::FieldNotInVersion {
                field: "MetadataRequest.include_topic_authorized_operations",
                version,
            });
        }

        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Message for MetadataRequest {
    const API: ApiKey = ApiKey::Metadata;
    const NAME: &'static str = "MetadataRequest";
    const VERSIONS: RangeInclusive<i16> = Self::VERSIONS;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Self::decode(version, r)
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        self.encode(version, w)
    }
}

impl RequestMessage for MetadataRequest {
    type Response = MetadataResponse;
}

/// Metadata response, versions 0–13.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataResponse {
    /// 32-bit integer, versions 3–13, left out where the version lacks it.
    pub throttle_time_ms: i32,
    /// Array.
    pub brokers: Vec<MetadataResponseBroker>,
    /// String, versions 2–13, nullable, left out where the version lacks it.
    pub cluster_id: Option<Str>,
    /// 32-bit integer, versions 1–13, left out where the version lacks it. Default: `-1`.
    pub controller_id: i32,
    /// Array.
    pub topics: Vec<MetadataResponseTopic>,
    /// 32-bit integer, versions 8–10. Default: `i32::MIN`.
    pub cluster_authorized_operations: i32,
    /// 16-bit integer, versions 13, left out where the version lacks it.
    pub error_code: i16,
}

impl Default for MetadataResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: 0,
            brokers: Vec::new(),
            cluster_id: None,
            controller_id: -1,
            topics: Vec::new(),
            cluster_authorized_operations: i32::MIN,
            error_code: 0,
        }
    }
}

impl MetadataResponse {
    /// The versions the codec has.
    pub const VERSIONS: RangeInclusive<i16> = 0..=13;

    /// Decodes a body.
    ///
    /// # Errors
    /// When the bytes are no such message, or the codec has no such version.
    pub fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Version { message: "MetadataResponse", version });
        }
        let flexible = version >= 9;
        let throttle_time_ms = if version >= 3 { r.i32()? } else { 0 };
        let brokers = r.array(flexible, MetadataResponseBroker::BYTES_MIN, |r| {
            MetadataResponseBroker::decode(version, r)
        })?;
        let cluster_id = if version >= 2 { r.nullable_string(flexible)? } else { None };
        let controller_id = if version >= 1 { r.i32()? } else { -1 };
        let topics = r.array(flexible, MetadataResponseTopic::BYTES_MIN, |r| {
            MetadataResponseTopic::decode(version, r)
        })?;
        let cluster_authorized_operations = if (8..=10).contains(&version) { r.i32()? } else { i32::MIN };
        let error_code = if version >= 13 { r.i16()? } else { 0 };
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self {
            throttle_time_ms,
            brokers,
            cluster_id,
            controller_id,
            topics,
            cluster_authorized_operations,
            error_code,
        })
    }

    /// Encodes a body.
    ///
    /// # Errors
    /// When the version cannot carry a value, or the codec has no such version.
    pub fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(EncodeError::Version { message: "MetadataResponse", version });
        }
        let flexible = version >= 9;
        if version >= 3 {
            w.i32(self.throttle_time_ms);
        }
        w.array(flexible, &self.brokers, |w, element| element.encode(version, w))?;
        if version >= 2 {
            w.nullable_string(flexible, self.cluster_id.as_deref())?;
        }
        if version >= 1 {
            w.i32(self.controller_id);
        }
        w.array(flexible, &self.topics, |w, element| element.encode(version, w))?;
        if (8..=10).contains(&version) {
            w.i32(self.cluster_authorized_operations);
        } else if self.cluster_authorized_operations != i32::MIN {
            return Err(EncodeError::FieldNotInVersion {
                field: "MetadataResponse.cluster_authorized_operations",
                version,
            });
        }

        if version >= 13 {
            w.error_code(self.error_code);
        }
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Message for MetadataResponse {
    const API: ApiKey = ApiKey::Metadata;
    const NAME: &'static str = "MetadataResponse";
    const VERSIONS: RangeInclusive<i16> = Self::VERSIONS;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Self::decode(version, r)
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        self.encode(version, w)
    }
}

/// Part of the Metadata request, versions 0–13.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataRequestTopic {
    /// UUID, versions 10–13, left out where the version lacks it.
    pub topic_id: Uuid,
    /// String, nullable in versions 10–13. Default: `Some(Str::new())`.
    pub name: Option<Str>,
}

impl Default for MetadataRequestTopic {
    fn default() -> Self {
        Self { topic_id: Uuid::NIL, name: Some(Str::new()) }
    }
}

impl MetadataRequestTopic {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 2;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 9;
        let topic_id = if version >= 10 { r.uuid()? } else { Uuid::NIL };
        let name = (if version >= 10 { r.nullable_string(flexible) } else { r.string(flexible).map(Some) })?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { topic_id, name })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 9;
        if version >= 10 {
            w.uuid(self.topic_id);
        }
        if version < 10 && self.name.is_none() {
            return Err(EncodeError::NullNotInVersion { field: "MetadataRequestTopic.name", version });
        }
        w.nullable_string(flexible, self.name.as_deref())?;
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

/// Part of the Metadata response, versions 0–13.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MetadataResponseBroker {
    /// 32-bit integer.
    pub node_id: i32,
    /// String.
    pub host: Str,
    /// 32-bit integer.
    pub port: i32,
    /// String, versions 1–13, nullable, left out where the version lacks it.
    pub rack: Option<Str>,
}

impl MetadataResponseBroker {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 10;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 9;
        let node_id = r.i32()?;
        let host = r.string(flexible)?;
        let port = r.i32()?;
        let rack = if version >= 1 { r.nullable_string(flexible)? } else { None };
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { node_id, host, port, rack })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 9;
        w.i32(self.node_id);
        w.string(flexible, &self.host)?;
        w.i32(self.port);
        if version >= 1 {
            w.nullable_string(flexible, self.rack.as_deref())?;
        }
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

/// Part of the Metadata response, versions 0–13.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataResponseTopic {
    /// 16-bit integer.
    pub error_code: i16,
    /// String, nullable in versions 12–13. Default: `Some(Str::new())`.
    pub name: Option<Str>,
    /// UUID, versions 10–13, left out where the version lacks it.
    pub topic_id: Uuid,
    /// Boolean, versions 1–13, left out where the version lacks it.
    pub is_internal: bool,
    /// Array.
    pub partitions: Vec<MetadataResponsePartition>,
    /// 32-bit integer, versions 8–13. Default: `i32::MIN`.
    pub topic_authorized_operations: i32,
}

impl Default for MetadataResponseTopic {
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

impl MetadataResponseTopic {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 8;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 9;
        let error_code = r.i16()?;
        let name = (if version >= 12 { r.nullable_string(flexible) } else { r.string(flexible).map(Some) })?;
        let topic_id = if version >= 10 { r.uuid()? } else { Uuid::NIL };
        let is_internal = if version >= 1 { r.bool()? } else { false };
        let partitions = r.array(flexible, MetadataResponsePartition::BYTES_MIN, |r| {
            MetadataResponsePartition::decode(version, r)
        })?;
        let topic_authorized_operations = if version >= 8 { r.i32()? } else { i32::MIN };
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { error_code, name, topic_id, is_internal, partitions, topic_authorized_operations })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 9;
        w.error_code(self.error_code);
        if version < 12 && self.name.is_none() {
            return Err(EncodeError::NullNotInVersion { field: "MetadataResponseTopic.name", version });
        }
        w.nullable_string(flexible, self.name.as_deref())?;
        if version >= 10 {
            w.uuid(self.topic_id);
        }
        if version >= 1 {
            w.bool(self.is_internal);
        }
        w.array(flexible, &self.partitions, |w, element| element.encode(version, w))?;
        if version >= 8 {
            w.i32(self.topic_authorized_operations);
        } else if self.topic_authorized_operations != i32::MIN {
            return Err(EncodeError::FieldNotInVersion {
                field: "MetadataResponseTopic.topic_authorized_operations",
                version,
            });
        }

        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

/// Part of the Metadata response, versions 0–13.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataResponsePartition {
    /// 16-bit integer.
    pub error_code: i16,
    /// 32-bit integer.
    pub partition_index: i32,
    /// 32-bit integer.
    pub leader_id: i32,
    /// 32-bit integer, versions 7–13, left out where the version lacks it. Default: `-1`.
    pub leader_epoch: i32,
    /// Array of 32-bit integers.
    pub replica_nodes: Vec<i32>,
    /// Array of 32-bit integers.
    pub isr_nodes: Vec<i32>,
    /// Array of 32-bit integers, versions 5–13, left out where the version lacks it.
    pub offline_replicas: Vec<i32>,
}

impl Default for MetadataResponsePartition {
    fn default() -> Self {
        Self {
            error_code: 0,
            partition_index: 0,
            leader_id: 0,
            leader_epoch: -1,
            replica_nodes: Vec::new(),
            isr_nodes: Vec::new(),
            offline_replicas: Vec::new(),
        }
    }
}

impl MetadataResponsePartition {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 18;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 9;
        let error_code = r.i16()?;
        let partition_index = r.i32()?;
        let leader_id = r.i32()?;
        let leader_epoch = if version >= 7 { r.i32()? } else { -1 };
        let replica_nodes = r.array(flexible, 4, Reader::i32)?;
        let isr_nodes = r.array(flexible, 4, Reader::i32)?;
        let offline_replicas = if version >= 5 { r.array(flexible, 4, Reader::i32)? } else { Vec::new() };
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self {
            error_code,
            partition_index,
            leader_id,
            leader_epoch,
            replica_nodes,
            isr_nodes,
            offline_replicas,
        })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 9;
        w.error_code(self.error_code);
        w.i32(self.partition_index);
        w.i32(self.leader_id);
        if version >= 7 {
            w.i32(self.leader_epoch);
        }
        w.array(flexible, &self.replica_nodes, |w, element| {
            w.i32(*element);
            Ok(())
        })?;
        w.array(flexible, &self.isr_nodes, |w, element| {
            w.i32(*element);
            Ok(())
        })?;
        if version >= 5 {
            w.array(flexible, &self.offline_replicas, |w, element| {
                w.i32(*element);
                Ok(())
            })?;
        }
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}
