//! CreatePartitions (API key 37), versions 0–3: request and response.
//!
//! Apart because each API has a module of its own, as long as its messages make it.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use core::ops::RangeInclusive;

use crate::codec::{ApiKey, DecodeError, EncodeError, Message, Reader, RequestMessage, Str, Writer};

/// CreatePartitions request, versions 0–3.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CreatePartitionsRequest {
    /// Array.
    pub topics: Vec<CreatePartitionsTopic>,
    /// 32-bit integer.
    pub timeout_ms: i32,
    /// Boolean.
    pub validate_only: bool,
}

impl CreatePartitionsRequest {
    /// The versions the codec has.
    pub const VERSIONS: RangeInclusive<i16> = 0..=3;

    /// Decodes a body.
    ///
    /// # Errors
    /// When the bytes are no such message, or the codec has no such version.
    pub fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Version { message: "CreatePartitionsRequest", version });
        }
        let flexible = version >= 2;
        let topics = r.array(flexible, CreatePartitionsTopic::BYTES_MIN, |r| {
            CreatePartitionsTopic::decode(version, r)
        })?;
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
            return Err(EncodeError::Version { message: "CreatePartitionsRequest", version });
        }
        let flexible = version >= 2;
        w.array(flexible, &self.topics, |w, element| element.encode(version, w))?;
        w.i32(self.timeout_ms);
        w.bool(self.validate_only);
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Message for CreatePartitionsRequest {
    const API: ApiKey = ApiKey::CreatePartitions;
    const NAME: &'static str = "CreatePartitionsRequest";
    const VERSIONS: RangeInclusive<i16> = Self::VERSIONS;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Self::decode(version, r)
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        self.encode(version, w)
    }
}

impl RequestMessage for CreatePartitionsRequest {
    type Response = CreatePartitionsResponse;
}

/// CreatePartitions response, versions 0–3.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CreatePartitionsResponse {
    /// 32-bit integer.
    pub throttle_time_ms: i32,
    /// Array.
    pub results: Vec<CreatePartitionsTopicResult>,
}

impl CreatePartitionsResponse {
    /// The versions the codec has.
    pub const VERSIONS: RangeInclusive<i16> = 0..=3;

    /// Decodes a body.
    ///
    /// # Errors
    /// When the bytes are no such message, or the codec has no such version.
    pub fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Version { message: "CreatePartitionsResponse", version });
        }
        let flexible = version >= 2;
        let throttle_time_ms = r.i32()?;
        let results = r.array(flexible, CreatePartitionsTopicResult::BYTES_MIN, |r| {
            CreatePartitionsTopicResult::decode(version, r)
        })?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { throttle_time_ms, results })
    }

    /// Encodes a body.
    ///
    /// # Errors
    /// When the version cannot carry a value, or the codec has no such version.
    pub fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(EncodeError::Version { message: "CreatePartitionsResponse", version });
        }
        let flexible = version >= 2;
        w.i32(self.throttle_time_ms);
        w.array(flexible, &self.results, |w, element| element.encode(version, w))?;
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Message for CreatePartitionsResponse {
    const API: ApiKey = ApiKey::CreatePartitions;
    const NAME: &'static str = "CreatePartitionsResponse";
    const VERSIONS: RangeInclusive<i16> = Self::VERSIONS;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Self::decode(version, r)
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        self.encode(version, w)
    }
}

/// Part of the CreatePartitions request, versions 0–3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatePartitionsTopic {
    /// String.
    pub name: Str,
    /// 32-bit integer.
    pub count: i32,
    /// Array, nullable. Default: `Some(Vec::new())`.
    pub assignments: Option<Vec<CreatePartitionsAssignment>>,
}

impl Default for CreatePartitionsTopic {
    fn default() -> Self {
        Self { name: Str::new(), count: 0, assignments: Some(Vec::new()) }
    }
}

impl CreatePartitionsTopic {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 7;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 2;
        let name = r.string(flexible)?;
        let count = r.i32()?;
        let assignments = r.nullable_array(flexible, CreatePartitionsAssignment::BYTES_MIN, |r| {
            CreatePartitionsAssignment::decode(version, r)
        })?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { name, count, assignments })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 2;
        w.string(flexible, &self.name)?;
        w.i32(self.count);
        match &self.assignments {
            Some(elements) => w.array(flexible, elements, |w, element| element.encode(version, w))?,
            None => w.null(flexible),
        }
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

/// Part of the CreatePartitions request, versions 0–3.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CreatePartitionsAssignment {
    /// Array of 32-bit integers.
    pub broker_ids: Vec<i32>,
}

impl CreatePartitionsAssignment {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 2;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 2;
        let broker_ids = r.array(flexible, 4, Reader::i32)?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { broker_ids })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 2;
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

/// Part of the CreatePartitions response, versions 0–3.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CreatePartitionsTopicResult {
    /// String.
    pub name: Str,
    /// 16-bit integer.
    pub error_code: i16,
    /// String, nullable.
    pub error_message: Option<Str>,
}

impl CreatePartitionsTopicResult {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 5;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 2;
        let name = r.string(flexible)?;
        let error_code = r.i16()?;
        let error_message = r.nullable_string(flexible)?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { name, error_code, error_message })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 2;
        w.string(flexible, &self.name)?;
        w.error_code(self.error_code);
        w.nullable_string(flexible, self.error_message.as_deref())?;
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}
