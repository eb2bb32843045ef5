//! DeleteTopics (API key 20), versions 1–6: request and response.
//!
//! Apart because each API has a module of its own, as long as its messages make it.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use core::ops::RangeInclusive;

use crate::codec::{ApiKey, DecodeError, EncodeError, Message, Reader, RequestMessage, Str, Uuid, Writer};

/// DeleteTopics request, versions 1–6.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeleteTopicsRequest {
    /// Array, versions 6.
    pub topics: Vec<DeleteTopicState>,
    /// Array of strings, versions 1–5, left out where the version lacks it.
    pub topic_names: Vec<Str>,
    /// 32-bit integer.
    pub timeout_ms: i32,
}

impl DeleteTopicsRequest {
    /// The versions the codec has.
    pub const VERSIONS: RangeInclusive<i16> = 1..=6;

    /// Decodes a body.
    ///
    /// # Errors
    /// When the bytes are no such message, or the codec has no such version.
    pub fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Version { message: "DeleteTopicsRequest", version });
        }
        let flexible = version >= 4;
        let topics = if version >= 6 {
            r.array(true, DeleteTopicState::BYTES_MIN, |r| DeleteTopicState::decode(version, r))?
        } else {
            Vec::new()
        };
        let topic_names =
            if version <= 5 { r.array(flexible, 1, |r| r.string(flexible))? } else { Vec::new() };
        let timeout_ms = r.i32()?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { topics, topic_names, timeout_ms })
    }

    /// Encodes a body.
    ///
    /// # Errors
    /// When the version cannot carry a value, or the codec has no such version.
    pub fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(EncodeError::Version { message: "DeleteTopicsRequest", version });
        }
        let flexible = version >= 4;
        if version >= 6 {
            w.array(true, &self.topics, |w, element| element.encode(version, w))?;
        } else if !self.topics.is_empty() {
            return Err(EncodeError::FieldNotInVersion { field: "DeleteTopicsRequest.topics", version });
        }

        if version <= 5 {
            w.array(flexible, &self.topic_names, |w, element| w.string(flexible, element))?;
        }
        w.i32(self.timeout_ms);
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Message for DeleteTopicsRequest {
    const API: ApiKey = ApiKey::DeleteTopics;
    const NAME: &'static str = "DeleteTopicsRequest";
    const VERSIONS: RangeInclusive<i16> = Self::VERSIONS;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Self::decode(version, r)
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        self.encode(version, w)
    }
}

impl RequestMessage for DeleteTopicsRequest {
    type Response = DeleteTopicsResponse;
}

/// DeleteTopics response, versions 1–6.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeleteTopicsResponse {
    /// 32-bit integer.
    pub throttle_time_ms: i32,
    /// Array.
    pub responses: Vec<DeletableTopicResult>,
}

impl DeleteTopicsResponse {
    /// The versions the codec has.
    pub const VERSIONS: RangeInclusive<i16> = 1..=6;

    /// Decodes a body.
    ///
    /// # Errors
    /// When the bytes are no such message, or the codec has no such version.
    pub fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Version { message: "DeleteTopicsResponse", version });
        }
        let flexible = version >= 4;
        let throttle_time_ms = r.i32()?;
        let responses =
            r.array(flexible, DeletableTopicResult::BYTES_MIN, |r| DeletableTopicResult::decode(version, r))?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { throttle_time_ms, responses })
    }

    /// Encodes a body.
    ///
    /// # Errors
    /// When the version cannot carry a value, or the codec has no such version.
    pub fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(EncodeError::Version { message: "DeleteTopicsResponse", version });
        }
        let flexible = version >= 4;
        w.i32(self.throttle_time_ms);
        w.array(flexible, &self.responses, |w, element| element.encode(version, w))?;
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Message for DeleteTopicsResponse {
    const API: ApiKey = ApiKey::DeleteTopics;
    const NAME: &'static str = "DeleteTopicsResponse";
    const VERSIONS: RangeInclusive<i16> = Self::VERSIONS;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Self::decode(version, r)
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        self.encode(version, w)
    }
}

/// Part of the DeleteTopics request, versions 6.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeleteTopicState {
    /// String, nullable.
    pub name: Option<Str>,
    /// UUID.
    pub topic_id: Uuid,
}

impl DeleteTopicState {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 18;

    fn decode(_version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let name = r.nullable_string(true)?;
        let topic_id = r.uuid()?;
        r.skip_tagged_fields()?;
        Ok(Self { name, topic_id })
    }

    fn encode(&self, _version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        w.nullable_string(true, self.name.as_deref())?;
        w.uuid(self.topic_id);
        w.uvarint(0);
        Ok(())
    }
}

/// Part of the DeleteTopics response, versions 1–6.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletableTopicResult {
    /// String, nullable in versions 6. Default: `Some(Str::new())`.
    pub name: Option<Str>,
    /// UUID, versions 6, left out where the version lacks it.
    pub topic_id: Uuid,
    /// 16-bit integer.
    pub error_code: i16,
    /// String, versions 5–6, nullable, left out where the version lacks it.
    pub error_message: Option<Str>,
}

impl Default for DeletableTopicResult {
    fn default() -> Self {
        Self { name: Some(Str::new()), topic_id: Uuid::NIL, error_code: 0, error_message: None }
    }
}

impl DeletableTopicResult {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 4;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 4;
        let name = (if version >= 6 { r.nullable_string(flexible) } else { r.string(flexible).map(Some) })?;
        let topic_id = if version >= 6 { r.uuid()? } else { Uuid::NIL };
        let error_code = r.i16()?;
        let error_message = if version >= 5 { r.nullable_string(true)? } else { None };
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { name, topic_id, error_code, error_message })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 4;
        if version < 6 && self.name.is_none() {
            return Err(EncodeError::NullNotInVersion { field: "DeletableTopicResult.name", version });
        }
        w.nullable_string(flexible, self.name.as_deref())?;
        if version >= 6 {
            w.uuid(self.topic_id);
        }
        w.error_code(self.error_code);
        if version >= 5 {
            w.nullable_string(true, self.error_message.as_deref())?;
        }
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}
