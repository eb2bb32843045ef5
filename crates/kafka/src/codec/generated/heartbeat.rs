//! Heartbeat (API key 12), versions 0–4: request and response.
//!
//! Apart because each API has a module of its own, as long as its messages make it.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use core::ops::RangeInclusive;

use crate::codec::{ApiKey, DecodeError, EncodeError, Message, Reader, RequestMessage, Str, Writer};

/// Heartbeat request, versions 0–4.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeartbeatRequest {
    /// String.
    pub group_id: Str,
    /// 32-bit integer.
    pub generation_id: i32,
    /// String.
    pub member_id: Str,
    /// String, versions 3–4, nullable.
    pub group_instance_id: Option<Str>,
}

impl HeartbeatRequest {
    /// The versions the codec has.
    pub const VERSIONS: RangeInclusive<i16> = 0..=4;

    /// Decodes a body.
    ///
    /// # Errors
    /// When the bytes are no such message, or the codec has no such version.
    pub fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Version { message: "HeartbeatRequest", version });
        }
        let flexible = version >= 4;
        let group_id = r.string(flexible)?;
        let generation_id = r.i32()?;
        let member_id = r.string(flexible)?;
        let group_instance_id = if version >= 3 { r.nullable_string(flexible)? } else { None };
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { group_id, generation_id, member_id, group_instance_id })
    }

    /// Encodes a body.
    ///
    /// # Errors
    /// When the version cannot carry a value, or the codec has no such version.
    pub fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(EncodeError::Version { message: "HeartbeatRequest", version });
        }
        let flexible = version >= 4;
        w.string(flexible, &self.group_id)?;
        w.i32(self.generation_id);
        w.string(flexible, &self.member_id)?;
        if version >= 3 {
            w.nullable_string(flexible, self.group_instance_id.as_deref())?;
        } else if self.group_instance_id.is_some() {
            return Err(EncodeError::FieldNotInVersion {
                field: "HeartbeatRequest.group_instance_id",
                version,
            });
        }

        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Message for HeartbeatRequest {
    const API: ApiKey = ApiKey::Heartbeat;
    const NAME: &'static str = "HeartbeatRequest";
    const VERSIONS: RangeInclusive<i16> = Self::VERSIONS;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Self::decode(version, r)
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        self.encode(version, w)
    }
}

impl RequestMessage for HeartbeatRequest {
    type Response = HeartbeatResponse;
}

/// Heartbeat response, versions 0–4.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeartbeatResponse {
    /// 32-bit integer, versions 1–4, left out where the version lacks it.
    pub throttle_time_ms: i32,
    /// 16-bit integer.
    pub error_code: i16,
}

impl HeartbeatResponse {
    /// The versions the codec has.
    pub const VERSIONS: RangeInclusive<i16> = 0..=4;

    /// Decodes a body.
    ///
    /// # Errors
    /// When the bytes are no such message, or the codec has no such version.
    pub fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Version { message: "HeartbeatResponse", version });
        }
        let flexible = version >= 4;
        let throttle_time_ms = if version >= 1 { r.i32()? } else { 0 };
        let error_code = r.i16()?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { throttle_time_ms, error_code })
    }

    /// Encodes a body.
    ///
    /// # Errors
    /// When the version cannot carry a value, or the codec has no such version.
    pub fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(EncodeError::Version { message: "HeartbeatResponse", version });
        }
        let flexible = version >= 4;
        if version >= 1 {
            w.i32(self.throttle_time_ms);
        }
        w.error_code(self.error_code);
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Message for HeartbeatResponse {
    const API: ApiKey = ApiKey::Heartbeat;
    const NAME: &'static str = "HeartbeatResponse";
    const VERSIONS: RangeInclusive<i16> = Self::VERSIONS;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Self::decode(version, r)
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        self.encode(version, w)
    }
}
