//! OffsetDelete (API key 47), versions 0: request and response.
//!
//! Apart because each API has a module of its own, as long as its messages make it.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use core::ops::RangeInclusive;

use crate::codec::{ApiKey, DecodeError, EncodeError, Message, Reader, RequestMessage, Str, Writer};

/// OffsetDelete request, versions 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OffsetDeleteRequest {
    /// String.
    pub group_id: Str,
    /// Array.
    pub topics: Vec<OffsetDeleteRequestTopic>,
}

impl OffsetDeleteRequest {
    /// The versions the codec has.
    pub const VERSIONS: RangeInclusive<i16> = 0..=0;

    /// Decodes a body.
    ///
    /// # Errors
    /// When the bytes are no such message, or the codec has no such version.
    pub fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Version { message: "OffsetDeleteRequest", version });
        }
        let group_id = r.string(false)?;
        let topics = r.array(false, OffsetDeleteRequestTopic::BYTES_MIN, |r| {
            OffsetDeleteRequestTopic::decode(version, r)
        })?;
        Ok(Self { group_id, topics })
    }

    /// Encodes a body.
    ///
    /// # Errors
    /// When the version cannot carry a value, or the codec has no such version.
    pub fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(EncodeError::Version { message: "OffsetDeleteRequest", version });
        }
        w.string(false, &self.group_id)?;
        w.array(false, &self.topics, |w, element| element.encode(version, w))?;
        Ok(())
    }
}

impl Message for OffsetDeleteRequest {
    const API: ApiKey = ApiKey::OffsetDelete;
    const NAME: &'static str = "OffsetDeleteRequest";
    const VERSIONS: RangeInclusive<i16> = Self::VERSIONS;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Self::decode(version, r)
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        self.encode(version, w)
    }
}

impl RequestMessage for OffsetDeleteRequest {
    type Response = OffsetDeleteResponse;
}

/// OffsetDelete response, versions 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OffsetDeleteResponse {
    /// 16-bit integer.
    pub error_code: i16,
    /// 32-bit integer.
    pub throttle_time_ms: i32,
    /// Array.
    pub topics: Vec<OffsetDeleteResponseTopic>,
}

impl OffsetDeleteResponse {
    /// The versions the codec has.
    pub const VERSIONS: RangeInclusive<i16> = 0..=0;

    /// Decodes a body.
    ///
    /// # Errors
    /// When the bytes are no such message, or the codec has no such version.
    pub fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Version { message: "OffsetDeleteResponse", version });
        }
        let error_code = r.i16()?;
        let throttle_time_ms = r.i32()?;
        let topics = r.array(false, OffsetDeleteResponseTopic::BYTES_MIN, |r| {
            OffsetDeleteResponseTopic::decode(version, r)
        })?;
        Ok(Self { error_code, throttle_time_ms, topics })
    }

    /// Encodes a body.
    ///
    /// # Errors
    /// When the version cannot carry a value, or the codec has no such version.
    pub fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(EncodeError::Version { message: "OffsetDeleteResponse", version });
        }
        w.error_code(self.error_code);
        w.i32(self.throttle_time_ms);
        w.array(false, &self.topics, |w, element| element.encode(version, w))?;
        Ok(())
    }
}

impl Message for OffsetDeleteResponse {
    const API: ApiKey = ApiKey::OffsetDelete;
    const NAME: &'static str = "OffsetDeleteResponse";
    const VERSIONS: RangeInclusive<i16> = Self::VERSIONS;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Self::decode(version, r)
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        self.encode(version, w)
    }
}

/// Part of the OffsetDelete request, versions 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OffsetDeleteRequestTopic {
    /// String.
    pub name: Str,
    /// Array.
    pub partitions: Vec<OffsetDeleteRequestPartition>,
}

impl OffsetDeleteRequestTopic {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 6;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let name = r.string(false)?;
        let partitions = r.array(false, OffsetDeleteRequestPartition::BYTES_MIN, |r| {
            OffsetDeleteRequestPartition::decode(version, r)
        })?;
        Ok(Self { name, partitions })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        w.string(false, &self.name)?;
        w.array(false, &self.partitions, |w, element| element.encode(version, w))?;
        Ok(())
    }
}

/// Part of the OffsetDelete request, versions 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OffsetDeleteRequestPartition {
    /// 32-bit integer.
    pub partition_index: i32,
}

impl OffsetDeleteRequestPartition {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 4;

    fn decode(_version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let partition_index = r.i32()?;
        Ok(Self { partition_index })
    }

    fn encode(&self, _version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        w.i32(self.partition_index);
        Ok(())
    }
}

/// Part of the OffsetDelete response, versions 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OffsetDeleteResponseTopic {
    /// String.
    pub name: Str,
    /// Array.
    pub partitions: Vec<OffsetDeleteResponsePartition>,
}

impl OffsetDeleteResponseTopic {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 6;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let name = r.string(false)?;
        let partitions = r.array(false, OffsetDeleteResponsePartition::BYTES_MIN, |r| {
            OffsetDeleteResponsePartition::decode(version, r)
        })?;
        Ok(Self { name, partitions })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        w.string(false, &self.name)?;
        w.array(false, &self.partitions, |w, element| element.encode(version, w))?;
        Ok(())
    }
}

/// Part of the OffsetDelete response, versions 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OffsetDeleteResponsePartition {
    /// 32-bit integer.
    pub partition_index: i32,
    /// 16-bit integer.
    pub error_code: i16,
}

impl OffsetDeleteResponsePartition {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 6;

    fn decode(_version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let partition_index = r.i32()?;
        let error_code = r.i16()?;
        Ok(Self { partition_index, error_code })
    }

    fn encode(&self, _version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        w.i32(self.partition_index);
        w.error_code(self.error_code);
        Ok(())
    }
}
