//! CreateTopics (API key 19), versions 2–7: request and response.
//!
//! Apart because each API has a module of its own, as long as its messages make it.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use core::ops::RangeInclusive;

use crate::codec::{ApiKey, DecodeError, EncodeError, Message, Reader, RequestMessage, Str, Uuid, Writer};

/// CreateTopics request, versions 2–7.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateTopicsRequest {
    /// Array.
    pub topics: Vec<CreatableTopic>,
    /// 32-bit integer. Default: `60000`.
    pub timeout_ms: i32,
    /// Boolean.
    pub validate_only: bool,
}

impl Default for CreateTopicsRequest {
    fn default() -> Self {
        Self { topics: Vec::new(), timeout_ms: 60000, validate_only: false }
    }
}

impl CreateTopicsRequest {
    /// The versions the codec has.
    pub const VERSIONS: RangeInclusive<i16> = 2..=7;

    /// Decodes a body.
    ///
    /// # Errors
    /// When the bytes are no such message, or the codec has no such version.
    pub fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Version { message: "CreateTopicsRequest", version });
        }
        let flexible = version >= 5;
        let topics = r.array(flexible, CreatableTopic::BYTES_MIN, |r| CreatableTopic::decode(version, r))?;
        let timeout_ms = r.i32()?;
        let validate_only = r.bool()?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { topics, timeout_ms, validate_only })
    }

    /// Encodes a body.
    ///
    /// # Errors
    /// When the version cannot carry a value, or the codec has no such version.
    pub fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(EncodeError::Version { message: "CreateTopicsRequest", version });
        }
        let flexible = version >= 5;
        w.array(flexible, &self.topics, |w, element| element.encode(version, w))?;
        w.i32(self.timeout_ms);
        w.bool(self.validate_only);
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Message for CreateTopicsRequest {
    const API: ApiKey = ApiKey::CreateTopics;
    const NAME: &'static str = "CreateTopicsRequest";
    const VERSIONS: RangeInclusive<i16> = Self::VERSIONS;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Self::decode(version, r)
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        self.encode(version, w)
    }
}

impl RequestMessage for CreateTopicsRequest {
    type Response = CreateTopicsResponse;
}

/// CreateTopics response, versions 2–7.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CreateTopicsResponse {
    /// 32-bit integer.
    pub throttle_time_ms: i32,
    /// Array.
    pub topics: Vec<CreatableTopicResult>,
}

impl CreateTopicsResponse {
    /// The versions the codec has.
    pub const VERSIONS: RangeInclusive<i16> = 2..=7;

    /// Decodes a body.
    ///
    /// # Errors
    /// When the bytes are no such message, or the codec has no such version.
    pub fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Version { message: "CreateTopicsResponse", version });
        }
        let flexible = version >= 5;
        let throttle_time_ms = r.i32()?;
        let topics =
            r.array(flexible, CreatableTopicResult::BYTES_MIN, |r| CreatableTopicResult::decode(version, r))?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { throttle_time_ms, topics })
    }

    /// Encodes a body.
    ///
    /// # Errors
    /// When the version cannot carry a value, or the codec has no such version.
    pub fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(EncodeError::Version { message: "CreateTopicsResponse", version });
        }
        let flexible = version >= 5;
        w.i32(self.throttle_time_ms);
        w.array(flexible, &self.topics, |w, element| element.encode(version, w))?;
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Message for CreateTopicsResponse {
    const API: ApiKey = ApiKey::CreateTopics;
    const NAME: &'static str = "CreateTopicsResponse";
    const VERSIONS: RangeInclusive<i16> = Self::VERSIONS;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Self::decode(version, r)
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        self.encode(version, w)
    }
}

/// Part of the CreateTopics request, versions 2–7.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CreatableTopic {
    /// String.
    pub name: Str,
    /// 32-bit integer.
    pub num_partitions: i32,
    /// 16-bit integer.
    pub replication_factor: i16,
    /// Array.
    pub assignments: Vec<CreatableReplicaAssignment>,
    /// Array.
    pub configs: Vec<CreatableTopicConfig>,
}

impl CreatableTopic {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 10;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 5;
        let name = r.string(flexible)?;
        let num_partitions = r.i32()?;
        let replication_factor = r.i16()?;
        let assignments = r.array(flexible, CreatableReplicaAssignment::BYTES_MIN, |r| {
            CreatableReplicaAssignment::decode(version, r)
        })?;
        let configs =
            r.array(flexible, CreatableTopicConfig::BYTES_MIN, |r| CreatableTopicConfig::decode(version, r))?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { name, num_partitions, replication_factor, assignments, configs })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 5;
        w.string(flexible, &self.name)?;
        w.i32(self.num_partitions);
        w.i16(self.replication_factor);
        w.array(flexible, &self.assignments, |w, element| element.encode(version, w))?;
        w.array(flexible, &self.configs, |w, element| element.encode(version, w))?;
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

/// Part of the CreateTopics request, versions 2–7.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CreatableReplicaAssignment {
    /// 32-bit integer.
    pub partition_index: i32,
    /// Array of 32-bit integers.
    pub broker_ids: Vec<i32>,
}

impl CreatableReplicaAssignment {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 6;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 5;
        let partition_index = r.i32()?;
        let broker_ids = r.array(flexible, 4, Reader::i32)?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { partition_index, broker_ids })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 5;
        w.i32(self.partition_index);
        w.array(flexible, &self.broker_ids, |w, element| {
            w.i32(*element);
            Ok(())
        })?;
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

/// Part of the CreateTopics request, versions 2–7.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatableTopicConfig {
    /// String.
    pub name: Str,
    /// String, nullable. Default: `Some(Str::new())`.
    pub value: Option<Str>,
}

impl Default for CreatableTopicConfig {
    fn default() -> Self {
        Self { name: Str::new(), value: Some(Str::new()) }
    }
}

impl CreatableTopicConfig {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 3;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 5;
        let name = r.string(flexible)?;
        let value = r.nullable_string(flexible)?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { name, value })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 5;
        w.string(flexible, &self.name)?;
        w.nullable_string(flexible, self.value.as_deref())?;
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

/// Part of the CreateTopics response, versions 2–7.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatableTopicResult {
    /// String.
    pub name: Str,
    /// UUID, versions 7, left out where the version lacks it.
    pub topic_id: Uuid,
    /// 16-bit integer.
    pub error_code: i16,
    /// String, nullable. Default: `Some(Str::new())`.
    pub error_message: Option<Str>,
    /// 16-bit integer, versions 5–7, tag 0, left out where the version lacks it.
    pub topic_config_error_code: i16,
    /// 32-bit integer, versions 5–7, left out where the version lacks it. Default: `-1`.
    pub num_partitions: i32,
    /// 16-bit integer, versions 5–7, left out where the version lacks it. Default: `-1`.
    pub replication_factor: i16,
    /// Array, versions 5–7, nullable, left out where the version lacks it. Default: `Some(Vec::new())`.
    pub configs: Option<Vec<CreatableTopicConfigs>>,
}

impl Default for CreatableTopicResult {
    fn default() -> Self {
        Self {
            name: Str::new(),
            topic_id: Uuid::NIL,
            error_code: 0,
            error_message: Some(Str::new()),
            topic_config_error_code: 0,
            num_partitions: -1,
            replication_factor: -1,
            configs: Some(Vec::new()),
        }
    }
}

impl CreatableTopicResult {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 6;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 5;
        let name = r.string(flexible)?;
        let topic_id = if version >= 7 { r.uuid()? } else { Uuid::NIL };
        let error_code = r.i16()?;
        let error_message = r.nullable_string(flexible)?;
        let num_partitions = if version >= 5 { r.i32()? } else { -1 };
        let replication_factor = if version >= 5 { r.i16()? } else { -1 };
        let configs = if version >= 5 {
            r.nullable_array(true, CreatableTopicConfigs::BYTES_MIN, |r| {
                CreatableTopicConfigs::decode(version, r)
            })?
        } else {
            Some(Vec::new())
        };
        let mut topic_config_error_code = 0;
        if flexible {
            r.tagged_fields(|r, tag| {
                match tag {
                    0 => topic_config_error_code = r.i16()?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(Self {
            name,
            topic_id,
            error_code,
            error_message,
            topic_config_error_code,
            num_partitions,
            replication_factor,
            configs,
        })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 5;
        w.string(flexible, &self.name)?;
        if version >= 7 {
            w.uuid(self.topic_id);
        }
        w.error_code(self.error_code);
        w.nullable_string(flexible, self.error_message.as_deref())?;
        if version >= 5 {
            w.i32(self.num_partitions);
        }
        if version >= 5 {
            w.i16(self.replication_factor);
        }
        if version >= 5 {
            match &self.configs {
                Some(elements) => w.array(true, elements, |w, element| element.encode(version, w))?,
                None => w.null(true),
            }
        }
        if flexible {
            let has_topic_config_error_code = self.topic_config_error_code != 0;
            w.uvarint(u32::from(has_topic_config_error_code));
            if has_topic_config_error_code {
                w.tagged(0, |w| {
                    w.i16(self.topic_config_error_code);
                    Ok(())
                })?;
            }
        }
        Ok(())
    }
}

/// Part of the CreateTopics response, versions 5–7.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatableTopicConfigs {
    /// String.
    pub name: Str,
    /// String, nullable. Default: `Some(Str::new())`.
    pub value: Option<Str>,
    /// Boolean.
    pub read_only: bool,
    /// 8-bit integer. Default: `-1`.
    pub config_source: i8,
    /// Boolean.
    pub is_sensitive: bool,
}

impl Default for CreatableTopicConfigs {
    fn default() -> Self {
        Self {
            name: Str::new(),
            value: Some(Str::new()),
            read_only: false,
            config_source: -1,
            is_sensitive: false,
        }
    }
}

impl CreatableTopicConfigs {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 6;

    fn decode(_version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let name = r.string(true)?;
        let value = r.nullable_string(true)?;
        let read_only = r.bool()?;
        let config_source = r.i8()?;
        let is_sensitive = r.bool()?;
        r.skip_tagged_fields()?;
        Ok(Self { name, value, read_only, config_source, is_sensitive })
    }

    fn encode(&self, _version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        w.string(true, &self.name)?;
        w.nullable_string(true, self.value.as_deref())?;
        w.bool(self.read_only);
        w.i8(self.config_source);
        w.bool(self.is_sensitive);
        w.uvarint(0);
        Ok(())
    }
}
