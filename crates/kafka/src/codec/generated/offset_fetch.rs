//! OffsetFetch (API key 9), versions 1–10: request and response.
//!
//! Apart because each API has a module of its own, as long as its messages make it.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use core::ops::RangeInclusive;

use crate::codec::{ApiKey, DecodeError, EncodeError, Message, Reader, RequestMessage, Str, Uuid, Writer};

/// OffsetFetch request, versions 1–10.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OffsetFetchRequest {
    /// String, versions 1–7.
    pub group_id: Str,
    /// Array, versions 1–7, nullable in versions 2–7. Default: `Some(Vec::new())`.
    pub topics: Option<Vec<OffsetFetchRequestTopic>>,
    /// Array, versions 8–10.
    pub groups: Vec<OffsetFetchRequestGroup>,
    /// Boolean, versions 7–10.
    pub require_stable: bool,
}

impl Default for OffsetFetchRequest {
    fn default() -> Self {
        Self { group_id: Str::new(), topics: Some(Vec::new()), groups: Vec::new(), require_stable: false }
    }
}

impl OffsetFetchRequest {
    /// The versions the codec has.
    pub const VERSIONS: RangeInclusive<i16> = 1..=10;

    /// Decodes a body.
    ///
    /// # Errors
    /// When the bytes are no such message, or the codec has no such version.
    pub fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Version { message: "OffsetFetchRequest", version });
        }
        let flexible = version >= 6;
        let group_id = if version <= 7 { r.string(flexible)? } else { Str::new() };
        let topics = if version <= 7 {
            (if version >= 2 {
                r.nullable_array(flexible, OffsetFetchRequestTopic::BYTES_MIN, |r| {
                    OffsetFetchRequestTopic::decode(version, r)
                })
            } else {
                r.array(flexible, OffsetFetchRequestTopic::BYTES_MIN, |r| {
                    OffsetFetchRequestTopic::decode(version, r)
                })
                .map(Some)
            })?
        } else {
            Some(Vec::new())
        };
        let groups = if version >= 8 {
            r.array(true, OffsetFetchRequestGroup::BYTES_MIN, |r| {
                OffsetFetchRequestGroup::decode(version, r)
            })?
        } else {
            Vec::new()
        };
        let require_stable = if version >= 7 { r.bool()? } else { false };
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { group_id, topics, groups, require_stable })
    }

    /// Encodes a body.
    ///
    /// # Errors
    /// When the version cannot carry a value, or the codec has no such version.
    pub fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(EncodeError::Version { message: "OffsetFetchRequest", version });
        }
        let flexible = version >= 6;
        if version <= 7 {
            w.string(flexible, &self.group_id)?;
        } else if !self.group_id.is_empty() {
            return Err(EncodeError::FieldNotInVersion { field: "OffsetFetchRequest.group_id", version });
        }

        if version <= 7 {
            if version < 2 && self.topics.is_none() {
                return Err(EncodeError::NullNotInVersion { field: "OffsetFetchRequest.topics", version });
            }
            match &self.topics {
                Some(elements) => w.array(flexible, elements, |w, element| element.encode(version, w))?,
                None => w.null(flexible),
            }
        } else if self.topics.as_ref().is_none_or(|value| !value.is_empty()) {
            return Err(EncodeError::FieldNotInVersion { field: "OffsetFetchRequest.topics", version });
        }

        if version >= 8 {
            w.array(true, &self.groups, |w, element| element.encode(version, w))?;
        } else if !self.groups.is_empty() {
            return Err(EncodeError::FieldNotInVersion { field: "OffsetFetchRequest.groups", version });
        }

        if version >= 7 {
            w.bool(self.require_stable);
        } else if self.require_stable {
            return Err(EncodeError::FieldNotInVersion {
                field: "OffsetFetchRequest.require_stable",
                version,
            });
        }

        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Message for OffsetFetchRequest {
    const API: ApiKey = ApiKey::OffsetFetch;
    const NAME: &'static str = "OffsetFetchRequest";
    const VERSIONS: RangeInclusive<i16> = Self::VERSIONS;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Self::decode(version, r)
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        self.encode(version, w)
    }
}

impl RequestMessage for OffsetFetchRequest {
    type Response = OffsetFetchResponse;
}

/// OffsetFetch response, versions 1–10.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OffsetFetchResponse {
    /// 32-bit integer, versions 3–10, left out where the version lacks it.
    pub throttle_time_ms: i32,
    /// Array, versions 1–7.
    pub topics: Vec<OffsetFetchResponseTopic>,
    /// 16-bit integer, versions 2–7, left out where the version lacks it.
    pub error_code: i16,
    /// Array, versions 8–10.
    pub groups: Vec<OffsetFetchResponseGroup>,
}

impl OffsetFetchResponse {
    /// The versions the codec has.
    pub const VERSIONS: RangeInclusive<i16> = 1..=10;

    /// Decodes a body.
    ///
    /// # Errors
    /// When the bytes are no such message, or the codec has no such version.
    pub fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Version { message: "OffsetFetchResponse", version });
        }
        let flexible = version >= 6;
        let throttle_time_ms = if version >= 3 { r.i32()? } else { 0 };
        let topics = if version <= 7 {
            r.array(flexible, OffsetFetchResponseTopic::BYTES_MIN, |r| {
                OffsetFetchResponseTopic::decode(version, r)
            })?
        } else {
            Vec::new()
        };
        let error_code = if (2..=7).contains(&version) { r.i16()? } else { 0 };
        let groups = if version >= 8 {
            r.array(true, OffsetFetchResponseGroup::BYTES_MIN, |r| {
                OffsetFetchResponseGroup::decode(version, r)
            })?
        } else {
            Vec::new()
        };
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { throttle_time_ms, topics, error_code, groups })
    }

    /// Encodes a body.
    ///
    /// # Errors
    /// When the version cannot carry a value, or the codec has no such version.
    pub fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(EncodeError::Version { message: "OffsetFetchResponse", version });
        }
        let flexible = version >= 6;
        if version >= 3 {
            w.i32(self.throttle_time_ms);
        }
        if version <= 7 {
            w.array(flexible, &self.topics, |w, element| element.encode(version, w))?;
        } else if !self.topics.is_empty() {
            return Err(EncodeError::FieldNotInVersion { field: "OffsetFetchResponse.topics", version });
        }

        if (2..=7).contains(&version) {
            w.error_code(self.error_code);
        }
        if version >= 8 {
            w.array(true, &self.groups, |w, element| element.encode(version, w))?;
        } else if !self.groups.is_empty() {
            return Err(EncodeError::FieldNotInVersion { field: "OffsetFetchResponse.groups", version });
        }

        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Message for OffsetFetchResponse {
    const API: ApiKey = ApiKey::OffsetFetch;
    const NAME: &'static str = "OffsetFetchResponse";
    const VERSIONS: RangeInclusive<i16> = Self::VERSIONS;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Self::decode(version, r)
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        self.encode(version, w)
    }
}

/// Part of the OffsetFetch request, versions 1–7.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OffsetFetchRequestTopic {
    /// String.
    pub name: Str,
    /// Array of 32-bit integers.
    pub partition_indexes: Vec<i32>,
}

impl OffsetFetchRequestTopic {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 3;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 6;
        let name = r.string(flexible)?;
        let partition_indexes = r.array(flexible, 4, Reader::i32)?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { name, partition_indexes })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 6;
        w.string(flexible, &self.name)?;
        w.array(flexible, &self.partition_indexes, |w, element| {
            w.i32(*element);
            Ok(())
        })?;
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

/// Part of the OffsetFetch request, versions 8–10.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OffsetFetchRequestGroup {
    /// String.
    pub group_id: Str,
    /// String, versions 9–10, nullable, left out where the version lacks it.
    pub member_id: Option<Str>,
    /// 32-bit integer, versions 9–10, left out where the version lacks it. Default: `-1`.
    pub member_epoch: i32,
    /// Array, nullable. Default: `Some(Vec::new())`.
    pub topics: Option<Vec<OffsetFetchRequestTopics>>,
}

impl Default for OffsetFetchRequestGroup {
    fn default() -> Self {
        Self { group_id: Str::new(), member_id: None, member_epoch: -1, topics: Some(Vec::new()) }
    }
}

impl OffsetFetchRequestGroup {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 3;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let group_id = r.string(true)?;
        let member_id = if version >= 9 { r.nullable_string(true)? } else { None };
        let member_epoch = if version >= 9 { r.i32()? } else { -1 };
        let topics = r.nullable_array(true, OffsetFetchRequestTopics::BYTES_MIN, |r| {
            OffsetFetchRequestTopics::decode(version, r)
        })?;
        r.skip_tagged_fields()?;
        Ok(Self { group_id, member_id, member_epoch, topics })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        w.string(true, &self.group_id)?;
        if version >= 9 {
            w.nullable_string(true, self.member_id.as_deref())?;
        }
        if version >= 9 {
            w.i32(self.member_epoch);
        }
        match &self.topics {
            Some(elements) => w.array(true, elements, |w, element| element.encode(version, w))?,
            None => w.null(true),
        }
        w.uvarint(0);
        Ok(())
    }
}

/// Part of the OffsetFetch request, versions 8–10.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OffsetFetchRequestTopics {
    /// String, versions 8–9, left out where the version lacks it.
    pub name: Str,
    /// UUID, versions 10, left out where the version lacks it.
    pub topic_id: Uuid,
    /// Array of 32-bit integers.
    pub partition_indexes: Vec<i32>,
}

impl OffsetFetchRequestTopics {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 3;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let name = if version <= 9 { r.string(true)? } else { Str::new() };
        let topic_id = if version >= 10 { r.uuid()? } else { Uuid::NIL };
        let partition_indexes = r.array(true, 4, Reader::i32)?;
        r.skip_tagged_fields()?;
        Ok(Self { name, topic_id, partition_indexes })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        if version <= 9 {
            w.string(true, &self.name)?;
        }
        if version >= 10 {
            w.uuid(self.topic_id);
        }
        w.array(true, &self.partition_indexes, |w, element| {
            w.i32(*element);
            Ok(())
        })?;
        w.uvarint(0);
        Ok(())
    }
}

/// Part of the OffsetFetch response, versions 1–7.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OffsetFetchResponseTopic {
    /// String.
    pub name: Str,
    /// Array.
    pub partitions: Vec<OffsetFetchResponsePartition>,
}

impl OffsetFetchResponseTopic {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 3;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 6;
        let name = r.string(flexible)?;
        let partitions = r.array(flexible, OffsetFetchResponsePartition::BYTES_MIN, |r| {
            OffsetFetchResponsePartition::decode(version, r)
        })?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { name, partitions })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 6;
        w.string(flexible, &self.name)?;
        w.array(flexible, &self.partitions, |w, element| element.encode(version, w))?;
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

/// Part of the OffsetFetch response, versions 1–7.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OffsetFetchResponsePartition {
    /// 32-bit integer.
    pub partition_index: i32,
    /// 64-bit integer.
    pub committed_offset: i64,
    /// 32-bit integer, versions 5–7, left out where the version lacks it. Default: `-1`.
    pub committed_leader_epoch: i32,
    /// String, nullable. Default: `Some(Str::new())`.
    pub metadata: Option<Str>,
    /// 16-bit integer.
    pub error_code: i16,
}

impl Default for OffsetFetchResponsePartition {
    fn default() -> Self {
        Self {
            partition_index: 0,
            committed_offset: 0,
            committed_leader_epoch: -1,
            metadata: Some(Str::new()),
            error_code: 0,
        }
    }
}

impl OffsetFetchResponsePartition {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 16;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 6;
        let partition_index = r.i32()?;
        let committed_offset = r.i64()?;
        let committed_leader_epoch = if version >= 5 { r.i32()? } else { -1 };
        let metadata = r.nullable_string(flexible)?;
        let error_code = r.i16()?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { partition_index, committed_offset, committed_leader_epoch, metadata, error_code })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 6;
        w.i32(self.partition_index);
        w.i64(self.committed_offset);
        if version >= 5 {
            w.i32(self.committed_leader_epoch);
        }
        w.nullable_string(flexible, self.metadata.as_deref())?;
        w.error_code(self.error_code);
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

/// Part of the OffsetFetch response, versions 8–10.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OffsetFetchResponseGroup {
    /// String.
    pub group_id: Str,
    /// Array.
    pub topics: Vec<OffsetFetchResponseTopics>,
    /// 16-bit integer.
    pub error_code: i16,
}

impl OffsetFetchResponseGroup {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 5;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let group_id = r.string(true)?;
        let topics = r.array(true, OffsetFetchResponseTopics::BYTES_MIN, |r| {
            OffsetFetchResponseTopics::decode(version, r)
        })?;
        let error_code = r.i16()?;
        r.skip_tagged_fields()?;
        Ok(Self { group_id, topics, error_code })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        w.string(true, &self.group_id)?;
        w.array(true, &self.topics, |w, element| element.encode(version, w))?;
        w.error_code(self.error_code);
        w.uvarint(0);
        Ok(())
    }
}

/// Part of the OffsetFetch response, versions 8–10.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OffsetFetchResponseTopics {
    /// String, versions 8–9, left out where the version lacks it.
    pub name: Str,
    /// UUID, versions 10, left out where the version lacks it.
    pub topic_id: Uuid,
    /// Array.
    pub partitions: Vec<OffsetFetchResponsePartitions>,
}

impl OffsetFetchResponseTopics {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 3;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let name = if version <= 9 { r.string(true)? } else { Str::new() };
        let topic_id = if version >= 10 { r.uuid()? } else { Uuid::NIL };
        let partitions = r.array(true, OffsetFetchResponsePartitions::BYTES_MIN, |r| {
            OffsetFetchResponsePartitions::decode(version, r)
        })?;
        r.skip_tagged_fields()?;
        Ok(Self { name, topic_id, partitions })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        if version <= 9 {
            w.string(true, &self.name)?;
        }
        if version >= 10 {
            w.uuid(self.topic_id);
        }
        w.array(true, &self.partitions, |w, element| element.encode(version, w))?;
        w.uvarint(0);
        Ok(())
    }
}

/// Part of the OffsetFetch response, versions 8–10.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OffsetFetchResponsePartitions {
    /// 32-bit integer.
    pub partition_index: i32,
    /// 64-bit integer.
    pub committed_offset: i64,
    /// 32-bit integer. Default: `-1`.
    pub committed_leader_epoch: i32,
    /// String, nullable. Default: `Some(Str::new())`.
    pub metadata: Option<Str>,
    /// 16-bit integer.
    pub error_code: i16,
}

impl Default for OffsetFetchResponsePartitions {
    fn default() -> Self {
        Self {
            partition_index: 0,
            committed_offset: 0,
            committed_leader_epoch: -1,
            metadata: Some(Str::new()),
            error_code: 0,
        }
    }
}

impl OffsetFetchResponsePartitions {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 20;

    fn decode(_version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let partition_index = r.i32()?;
        let committed_offset = r.i64()?;
        let committed_leader_epoch = r.i32()?;
        let metadata = r.nullable_string(true)?;
        let error_code = r.i16()?;
        r.skip_tagged_fields()?;
        Ok(Self { partition_index, committed_offset, committed_leader_epoch, metadata, error_code })
    }

    fn encode(&self, _version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        w.i32(self.partition_index);
        w.i64(self.committed_offset);
        w.i32(self.committed_leader_epoch);
        w.nullable_string(true, self.metadata.as_deref())?;
        w.error_code(self.error_code);
        w.uvarint(0);
        Ok(())
    }
}
