//! SyncGroup (API key 14), versions 0–5: request and response.
//!
//! Apart because each API has a module of its own, as long as its messages make it.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use core::ops::RangeInclusive;

use bytes::Bytes;

use crate::codec::{ApiKey, DecodeError, EncodeError, Message, Reader, RequestMessage, Str, Writer};

/// SyncGroup request, versions 0–5.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SyncGroupRequest {
    /// String.
    pub group_id: Str,
    /// 32-bit integer.
    pub generation_id: i32,
    /// String.
    pub member_id: Str,
    /// String, versions 3–5, nullable.
    pub group_instance_id: Option<Str>,
    /// String, versions 5, nullable, left out where the version lacks it.
    pub protocol_type: Option<Str>,
    /// String, versions 5, nullable, left out where the version lacks it.
    pub protocol_name: Option<Str>,
    /// Array.
    pub assignments: Vec<SyncGroupRequestAssignment>,
}

impl SyncGroupRequest {
    /// The versions the codec has.
    pub const VERSIONS: RangeInclusive<i16> = 0..=5;

    /// Decodes a body.
    ///
    /// # Errors
    /// When the bytes are no such message, or the codec has no such version.
    pub fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Version { message: "SyncGroupRequest", version });
        }
        let flexible = version >= 4;
        let group_id = r.string(flexible)?;
        let generation_id = r.i32()?;
        let member_id = r.string(flexible)?;
        let group_instance_id = if version >= 3 { r.nullable_string(flexible)? } else { None };
        let protocol_type = if version >= 5 { r.nullable_string(true)? } else { None };
        let protocol_name = if version >= 5 { r.nullable_string(true)? } else { None };
        let assignments = r.array(flexible, SyncGroupRequestAssignment::BYTES_MIN, |r| {
            SyncGroupRequestAssignment::decode(version, r)
        })?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self {
            group_id,
            generation_id,
            member_id,
            group_instance_id,
            protocol_type,
            protocol_name,
            assignments,
        })
    }

    /// Encodes a body.
    ///
    /// # Errors
    /// When the version cannot carry a value, or the codec has no such version.
    pub fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(EncodeError::Version { message: "SyncGroupRequest", version });
        }
        let flexible = version >= 4;
        w.string(flexible, &self.group_id)?;
        w.i32(self.generation_id);
        w.string(flexible, &self.member_id)?;
        if version >= 3 {
            w.nullable_string(flexible, self.group_instance_id.as_deref())?;
        } else if self.group_instance_id.is_some() {
            return Err(EncodeError::FieldNotInVersion {
                field: "SyncGroupRequest.group_instance_id",
                version,
            });
        }

        if version >= 5 {
            w.nullable_string(true, self.protocol_type.as_deref())?;
        }
        if version >= 5 {
            w.nullable_string(true, self.protocol_name.as_deref())?;
        }
        w.array(flexible, &self.assignments, |w, element| element.encode(version, w))?;
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Message for SyncGroupRequest {
    const API: ApiKey = ApiKey::SyncGroup;
    const NAME: &'static str = "SyncGroupRequest";
    const VERSIONS: RangeInclusive<i16> = Self::VERSIONS;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Self::decode(version, r)
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        self.encode(version, w)
    }
}

impl RequestMessage for SyncGroupRequest {
    type Response = SyncGroupResponse;
}

/// SyncGroup response, versions 0–5.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SyncGroupResponse {
    /// 32-bit integer, versions 1–5, left out where the version lacks it.
    pub throttle_time_ms: i32,
    /// 16-bit integer.
    pub error_code: i16,
    /// String, versions 5, nullable, left out where the version lacks it.
    pub protocol_type: Option<Str>,
    /// String, versions 5, nullable, left out where the version lacks it.
    pub protocol_name: Option<Str>,
    /// Bytes.
    pub assignment: Bytes,
}

impl SyncGroupResponse {
    /// The versions the codec has.
    pub const VERSIONS: RangeInclusive<i16> = 0..=5;

    /// Decodes a body.
    ///
    /// # Errors
    /// When the bytes are no such message, or the codec has no such version.
    pub fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Version { message: "SyncGroupResponse", version });
        }
        let flexible = version >= 4;
        let throttle_time_ms = if version >= 1 { r.i32()? } else { 0 };
        let error_code = r.i16()?;
        let protocol_type = if version >= 5 { r.nullable_string(true)? } else { None };
        let protocol_name = if version >= 5 { r.nullable_string(true)? } else { None };
        let assignment = r.bytes(flexible)?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { throttle_time_ms, error_code, protocol_type, protocol_name, assignment })
    }

    /// Encodes a body.
    ///
    /// # Errors
    /// When the version cannot carry a value, or the codec has no such version.
    pub fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(EncodeError::Version { message: "SyncGroupResponse", version });
        }
        let flexible = version >= 4;
        if version >= 1 {
            w.i32(self.throttle_time_ms);
        }
        w.error_code(self.error_code);
        if version >= 5 {
            w.nullable_string(true, self.protocol_type.as_deref())?;
        }
        if version >= 5 {
            w.nullable_string(true, self.protocol_name.as_deref())?;
        }
        w.bytes(flexible, &self.assignment)?;
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Message for SyncGroupResponse {
    const API: ApiKey = ApiKey::SyncGroup;
    const NAME: &'static str = "SyncGroupResponse";
    const VERSIONS: RangeInclusive<i16> = Self::VERSIONS;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Self::decode(version, r)
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        self.encode(version, w)
    }
}

/// Part of the SyncGroup request, versions 0–5.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SyncGroupRequestAssignment {
    /// String.
    pub member_id: Str,
    /// Bytes.
    pub assignment: Bytes,
}

impl SyncGroupRequestAssignment {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 3;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 4;
        let member_id = r.string(flexible)?;
        let assignment = r.bytes(flexible)?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { member_id, assignment })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 4;
        w.string(flexible, &self.member_id)?;
        w.bytes(flexible, &self.assignment)?;
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}
