//! DescribeLogDirs (API key 35), versions 1–5: request and response.
//!
//! Apart because each API has a module of its own, as long as its messages make it.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use core::ops::RangeInclusive;

use crate::codec::{ApiKey, DecodeError, EncodeError, Message, Reader, RequestMessage, Str, Writer};

/// DescribeLogDirs request, versions 1–5.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribeLogDirsRequest {
    /// Array, nullable. Default: `Some(Vec::new())`.
    pub topics: Option<Vec<DescribableLogDirTopic>>,
}

impl Default for DescribeLogDirsRequest {
    fn default() -> Self {
        Self { topics: Some(Vec::new()) }
    }
}

impl DescribeLogDirsRequest {
    /// The versions the codec has.
    pub const VERSIONS: RangeInclusive<i16> = 1..=5;

    /// Decodes a body.
    ///
    /// # Errors
    /// When the bytes are no such message, or the codec has no such version.
    pub fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Version { message: "DescribeLogDirsRequest", version });
        }
        let flexible = version >= 2;
        let topics = r.nullable_array(flexible, DescribableLogDirTopic::BYTES_MIN, |r| {
            DescribableLogDirTopic::decode(version, r)
        })?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { topics })
    }

    /// Encodes a body.
    ///
    /// # Errors
    /// When the version cannot carry a value, or the codec has no such version.
    pub fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(EncodeError::Version { message: "DescribeLogDirsRequest", version });
        }
        let flexible = version >= 2;
        match &self.topics {
            Some(elements) => w.array(flexible, elements, |w, element| element.encode(version, w))?,
            None => w.null(flexible),
        }
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Message for DescribeLogDirsRequest {
    const API: ApiKey = ApiKey::DescribeLogDirs;
    const NAME: &'static str = "DescribeLogDirsRequest";
    const VERSIONS: RangeInclusive<i16> = Self::VERSIONS;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Self::decode(version, r)
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        self.encode(version, w)
    }
}

impl RequestMessage for DescribeLogDirsRequest {
    type Response = DescribeLogDirsResponse;
}

/// DescribeLogDirs response, versions 1–5.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DescribeLogDirsResponse {
    /// 32-bit integer.
    pub throttle_time_ms: i32,
    /// 16-bit integer, versions 3–5, left out where the version lacks it.
    pub error_code: i16,
    /// Array.
    pub results: Vec<DescribeLogDirsResult>,
}

impl DescribeLogDirsResponse {
    /// The versions the codec has.
    pub const VERSIONS: RangeInclusive<i16> = 1..=5;

    /// Decodes a body.
    ///
    /// # Errors
    /// When the bytes are no such message, or the codec has no such version.
    pub fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Version { message: "DescribeLogDirsResponse", version });
        }
        let flexible = version >= 2;
        let throttle_time_ms = r.i32()?;
        let error_code = if version >= 3 { r.i16()? } else { 0 };
        let results = r.array(flexible, DescribeLogDirsResult::BYTES_MIN, |r| {
            DescribeLogDirsResult::decode(version, r)
        })?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { throttle_time_ms, error_code, results })
    }

    /// Encodes a body.
    ///
    /// # Errors
    /// When the version cannot carry a value, or the codec has no such version.
    pub fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(EncodeError::Version { message: "DescribeLogDirsResponse", version });
        }
        let flexible = version >= 2;
        w.i32(self.throttle_time_ms);
        if version >= 3 {
            w.error_code(self.error_code);
        }
        w.array(flexible, &self.results, |w, element| element.encode(version, w))?;
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Message for DescribeLogDirsResponse {
    const API: ApiKey = ApiKey::DescribeLogDirs;
    const NAME: &'static str = "DescribeLogDirsResponse";
    const VERSIONS: RangeInclusive<i16> = Self::VERSIONS;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Self::decode(version, r)
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        self.encode(version, w)
    }
}

/// Part of the DescribeLogDirs request, versions 1–5.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DescribableLogDirTopic {
    /// String.
    pub topic: Str,
    /// Array of 32-bit integers.
    pub partitions: Vec<i32>,
}

impl DescribableLogDirTopic {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 3;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 2;
        let topic = r.string(flexible)?;
        let partitions = r.array(flexible, 4, Reader::i32)?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { topic, partitions })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 2;
        w.string(flexible, &self.topic)?;
        w.array(flexible, &self.partitions, |w, element| {
            w.i32(*element);
            Ok(())
        })?;
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

/// Part of the DescribeLogDirs response, versions 1–5.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribeLogDirsResult {
    /// 16-bit integer.
    pub error_code: i16,
    /// String.
    pub log_dir: Str,
    /// Array.
    pub topics: Vec<DescribeLogDirsTopic>,
    /// 64-bit integer, versions 4–5, left out where the version lacks it. Default: `-1`.
    pub total_bytes: i64,
    /// 64-bit integer, versions 4–5, left out where the version lacks it. Default: `-1`.
    pub usable_bytes: i64,
    /// Boolean, versions 5, left out where the version lacks it.
    pub is_cordoned: bool,
}

impl Default for DescribeLogDirsResult {
    fn default() -> Self {
        Self {
            error_code: 0,
            log_dir: Str::new(),
            topics: Vec::new(),
            total_bytes: -1,
            usable_bytes: -1,
            is_cordoned: false,
        }
    }
}

impl DescribeLogDirsResult {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 5;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 2;
        let error_code = r.i16()?;
        let log_dir = r.string(flexible)?;
        let topics =
            r.array(flexible, DescribeLogDirsTopic::BYTES_MIN, |r| DescribeLogDirsTopic::decode(version, r))?;
        let total_bytes = if version >= 4 { r.i64()? } else { -1 };
        let usable_bytes = if version >= 4 { r.i64()? } else { -1 };
        let is_cordoned = if version >= 5 { r.bool()? } else { false };
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { error_code, log_dir, topics, total_bytes, usable_bytes, is_cordoned })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 2;
        w.error_code(self.error_code);
        w.string(flexible, &self.log_dir)?;
        w.array(flexible, &self.topics, |w, element| element.encode(version, w))?;
        if version >= 4 {
            w.i64(self.total_bytes);
        }
        if version >= 4 {
            w.i64(self.usable_bytes);
        }
        if version >= 5 {
            w.bool(self.is_cordoned);
        }
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

/// Part of the DescribeLogDirs response, versions 1–5.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DescribeLogDirsTopic {
    /// String.
    pub name: Str,
    /// Array.
    pub partitions: Vec<DescribeLogDirsPartition>,
}

impl DescribeLogDirsTopic {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 3;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 2;
        let name = r.string(flexible)?;
        let partitions = r.array(flexible, DescribeLogDirsPartition::BYTES_MIN, |r| {
            DescribeLogDirsPartition::decode(version, r)
        })?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { name, partitions })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 2;
        w.string(flexible, &self.name)?;
        w.array(flexible, &self.partitions, |w, element| element.encode(version, w))?;
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

/// Part of the DescribeLogDirs response, versions 1–5.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DescribeLogDirsPartition {
    /// 32-bit integer.
    pub partition_index: i32,
    /// 64-bit integer.
    pub partition_size: i64,
    /// 64-bit integer.
    pub offset_lag: i64,
    /// Boolean.
    pub is_future_key: bool,
}

impl DescribeLogDirsPartition {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 21;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 2;
        let partition_index = r.i32()?;
        let partition_size = r.i64()?;
        let offset_lag = r.i64()?;
        let is_future_key = r.bool()?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { partition_index, partition_size, offset_lag, is_future_key })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 2;
        w.i32(self.partition_index);
        w.i64(self.partition_size);
        w.i64(self.offset_lag);
        w.bool(self.is_future_key);
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}
