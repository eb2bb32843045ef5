//! ListOffsets (API key 2), versions 1–11: request and response.
//!
//! Apart because each API has a module of its own, as long as its messages make it.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use core::ops::RangeInclusive;

use crate::codec::{ApiKey, DecodeError, EncodeError, Message, Reader, RequestMessage, Str, Writer};

/// ListOffsets request, versions 1–11.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListOffsetsRequest {
    /// 32-bit integer.
    pub replica_id: i32,
    /// 8-bit integer, versions 2–11.
    pub isolation_level: i8,
    /// Array.
    pub topics: Vec<ListOffsetsTopic>,
    /// 32-bit integer, versions 10–11, left out where the version lacks it.
    pub timeout_ms: i32,
}

impl ListOffsetsRequest {
    /// The versions the codec has.
    pub const VERSIONS: RangeInclusive<i16> = 1..=11;

    /// Decodes a body.
    ///
    /// # Errors
    /// When the bytes are no such message, or the codec has no such version.
    pub fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Version { message: "ListOffsetsRequest", version });
        }
        let flexible = version >= 6;
        let replica_id = r.i32()?;
        let isolation_level = if version >= 2 { r.i8()? } else { 0 };
        let topics =
            r.array(flexible, ListOffsetsTopic::BYTES_MIN, |r| ListOffsetsTopic::decode(version, r))?;
        let timeout_ms = if version >= 10 { r.i32()? } else { 0 };
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { replica_id, isolation_level, topics, timeout_ms })
    }

    /// Encodes a body.
    ///
    /// # Errors
    /// When the version cannot carry a value, or the codec has no such version.
    pub fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(EncodeError::Version { message: "ListOffsetsRequest", version });
        }
        let flexible = version >= 6;
        w.i32(self.replica_id);
        if version >= 2 {
            w.i8(self.isolation_level);
        } else if self.isolation_level != 0 {
            return Err(EncodeError::FieldNotInVersion {
                field: "ListOffsetsRequest.isolation_level",
                version,
            });
        }

        w.array(flexible, &self.topics, |w, element| element.encode(version, w))?;
        if version >= 10 {
            w.i32(self.timeout_ms);
        }
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Message for ListOffsetsRequest {
    const API: ApiKey = ApiKey::ListOffsets;
    const NAME: &'static str = "ListOffsetsRequest";
    const VERSIONS: RangeInclusive<i16> = Self::VERSIONS;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Self::decode(version, r)
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        self.encode(version, w)
    }
}

impl RequestMessage for ListOffsetsRequest {
    type Response = ListOffsetsResponse;
}

/// ListOffsets response, versions 1–11.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListOffsetsResponse {
    /// 32-bit integer, versions 2–11, left out where the version lacks it.
    pub throttle_time_ms: i32,
    /// Array.
    pub topics: Vec<ListOffsetsTopicResponse>,
}

impl ListOffsetsResponse {
    /// The versions the codec has.
    pub const VERSIONS: RangeInclusive<i16> = 1..=11;

    /// Decodes a body.
    ///
    /// # Errors
    /// When the bytes are no such message, or the codec has no such version.
    pub fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Version { message: "ListOffsetsResponse", version });
        }
        let flexible = version >= 6;
        let throttle_time_ms = if version >= 2 { r.i32()? } else { 0 };
        let topics = r.array(flexible, ListOffsetsTopicResponse::BYTES_MIN, |r| {
            ListOffsetsTopicResponse::decode(version, r)
        })?;
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
            return Err(EncodeError::Version { message: "ListOffsetsResponse", version });
        }
        let flexible = version >= 6;
        if version >= 2 {
            w.i32(self.throttle_time_ms);
        }
        w.array(flexible, &self.topics, |w, element| element.encode(version, w))?;
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Message for ListOffsetsResponse {
    const API: ApiKey = ApiKey::ListOffsets;
    const NAME: &'static str = "ListOffsetsResponse";
    const VERSIONS: RangeInclusive<i16> = Self::VERSIONS;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Self::decode(version, r)
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        self.encode(version, w)
    }
}

/// Part of the ListOffsets request, versions 1–11.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListOffsetsTopic {
    /// String.
    pub name: Str,
    /// Array.
    pub partitions: Vec<ListOffsetsPartition>,
}

impl ListOffsetsTopic {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 3;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 6;
        let name = r.string(flexible)?;
        let partitions =
            r.array(flexible, ListOffsetsPartition::BYTES_MIN, |r| ListOffsetsPartition::decode(version, r))?;
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

/// Part of the ListOffsets request, versions 1–11.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListOffsetsPartition {
    /// 32-bit integer.
    pub partition_index: i32,
    /// 32-bit integer, versions 4–11, left out where the version lacks it. Default: `-1`.
    pub current_leader_epoch: i32,
    /// 64-bit integer.
    pub timestamp: i64,
}

impl Default for ListOffsetsPartition {
    fn default() -> Self {
        Self { partition_index: 0, current_leader_epoch: -1, timestamp: 0 }
    }
}

impl ListOffsetsPartition {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 12;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 6;
        let partition_index = r.i32()?;
        let current_leader_epoch = if version >= 4 { r.i32()? } else { -1 };
        let timestamp = r.i64()?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { partition_index, current_leader_epoch, timestamp })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 6;
        w.i32(self.partition_index);
        if version >= 4 {
            w.i32(self.current_leader_epoch);
        }
        w.i64(self.timestamp);
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

/// Part of the ListOffsets response, versions 1–11.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListOffsetsTopicResponse {
    /// String.
    pub name: Str,
    /// Array.
    pub partitions: Vec<ListOffsetsPartitionResponse>,
}

impl ListOffsetsTopicResponse {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 3;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 6;
        let name = r.string(flexible)?;
        let partitions = r.array(flexible, ListOffsetsPartitionResponse::BYTES_MIN, |r| {
            ListOffsetsPartitionResponse::decode(version, r)
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

/// Part of the ListOffsets response, versions 1–11.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListOffsetsPartitionResponse {
    /// 32-bit integer.
    pub partition_index: i32,
    /// 16-bit integer.
    pub error_code: i16,
    /// 64-bit integer. Default: `-1`.
    pub timestamp: i64,
    /// 64-bit integer. Default: `-1`.
    pub offset: i64,
    /// 32-bit integer, versions 4–11. Default: `-1`.
    pub leader_epoch: i32,
}

impl Default for ListOffsetsPartitionResponse {
    fn default() -> Self {
        Self { partition_index: 0, error_code: 0, timestamp: -1, offset: -1, leader_epoch: -1 }
    }
}

impl ListOffsetsPartitionResponse {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 22;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 6;
        let partition_index = r.i32()?;
        let error_code = r.i16()?;
        let timestamp = r.i64()?;
        let offset = r.i64()?;
        let leader_epoch = if version >= 4 { r.i32()? } else { -1 };
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { partition_index, error_code, timestamp, offset, leader_epoch })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 6;
        w.i32(self.partition_index);
        w.error_code(self.error_code);
        w.i64(self.timestamp);
        w.i64(self.offset);
        if version >= 4 {
            w.i32(self.leader_epoch);
        } else if self.leader_epoch != -1 {
            return Err(EncodeError::FieldNotInVersion {
                field: "ListOffsetsPartitionResponse.leader_epoch",
                version,
            });
        }

        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}
