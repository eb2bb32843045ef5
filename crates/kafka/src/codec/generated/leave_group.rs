//! LeaveGroup (API key 13), versions 0–5: request and response.
//!
//! Apart because each API has a module of its own, as long as its messages make it.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use core::ops::RangeInclusive;

use crate::codec::{ApiKey, DecodeError, EncodeError, Message, Reader, RequestMessage, Str, Writer};

/// LeaveGroup request, versions 0–5.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeaveGroupRequest {
    /// String.
    pub group_id: Str,
    /// String, versions 0–2.
    pub member_id: Str,
    /// Array, versions 3–5.
    pub members: Vec<MemberIdentity>,
}

impl LeaveGroupRequest {
    /// The versions the codec has.
    pub const VERSIONS: RangeInclusive<i16> = 0..=5;

    /// Decodes a body.
    ///
    /// # Errors
    /// When the bytes are no such message, or the codec has no such version.
    pub fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Version { message: "LeaveGroupRequest", version });
        }
        let flexible = version >= 4;
        let group_id = r.string(flexible)?;
        let member_id = if version <= 2 { r.string(false)? } else { Str::new() };
        let members = if version >= 3 {
            r.array(flexible, MemberIdentity::BYTES_MIN, |r| MemberIdentity::decode(version, r))?
        } else {
            Vec::new()
        };
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { group_id, member_id, members })
    }

    /// Encodes a body.
    ///
    /// # Errors
    /// When the version cannot carry a value, or the codec has no such version.
    pub fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(EncodeError::Version { message: "LeaveGroupRequest", version });
        }
        let flexible = version >= 4;
        w.string(flexible, &self.group_id)?;
        if version <= 2 {
            w.string(false, &self.member_id)?;
        } else if !self.member_id.is_empty() {
            return Err(EncodeError::FieldNotInVersion { field: "LeaveGroupRequest.member_id", version });
        }

        if version >= 3 {
            w.array(flexible, &self.members, |w, element| element.encode(version, w))?;
        } else if !self.members.is_empty() {
            return Err(EncodeError::FieldNotInVersion { field: "LeaveGroupRequest.members", version });
        }

        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Message for LeaveGroupRequest {
    const API: ApiKey = ApiKey::LeaveGroup;
    const NAME: &'static str = "LeaveGroupRequest";
    const VERSIONS: RangeInclusive<i16> = Self::VERSIONS;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Self::decode(version, r)
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        self.encode(version, w)
    }
}

impl RequestMessage for LeaveGroupRequest {
    type Response = LeaveGroupResponse;
}

/// LeaveGroup response, versions 0–5.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeaveGroupResponse {
    /// 32-bit integer, versions 1–5, left out where the version lacks it.
    pub throttle_time_ms: i32,
    /// 16-bit integer.
    pub error_code: i16,
    /// Array, versions 3–5.
    pub members: Vec<MemberResponse>,
}

impl LeaveGroupResponse {
    /// The versions the codec has.
    pub const VERSIONS: RangeInclusive<i16> = 0..=5;

    /// Decodes a body.
    ///
    /// # Errors
    /// When the bytes are no such message, or the codec has no such version.
    pub fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Version { message: "LeaveGroupResponse", version });
        }
        let flexible = version >= 4;
        let throttle_time_ms = if version >= 1 { r.i32()? } else { 0 };
        let error_code = r.i16()?;
        let members = if version >= 3 {
            r.array(flexible, MemberResponse::BYTES_MIN, |r| MemberResponse::decode(version, r))?
        } else {
            Vec::new()
        };
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { throttle_time_ms, error_code, members })
    }

    /// Encodes a body.
    ///
    /// # Errors
    /// When the version cannot carry a value, or the codec has no such version.
    pub fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(EncodeError::Version { message: "LeaveGroupResponse", version });
        }
        let flexible = version >= 4;
        if version >= 1 {
            w.i32(self.throttle_time_ms);
        }
        w.error_code(self.error_code);
        if version >= 3 {
            w.array(flexible, &self.members, |w, element| element.encode(version, w))?;
        } else if !self.members.is_empty() {
            return Err(EncodeError::FieldNotInVersion { field: "LeaveGroupResponse.members", version });
        }

        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Message for LeaveGroupResponse {
    const API: ApiKey = ApiKey::LeaveGroup;
    const NAME: &'static str = "LeaveGroupResponse";
    const VERSIONS: RangeInclusive<i16> = Self::VERSIONS;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Self::decode(version, r)
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        self.encode(version, w)
    }
}

/// Part of the LeaveGroup request, versions 3–5.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemberIdentity {
    /// String.
    pub member_id: Str,
    /// String, nullable.
    pub group_instance_id: Option<Str>,
    /// String, versions 5, nullable, left out where the version lacks it.
    pub reason: Option<Str>,
}

impl MemberIdentity {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 3;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 4;
        let member_id = r.string(flexible)?;
        let group_instance_id = r.nullable_string(flexible)?;
        let reason = if version >= 5 { r.nullable_string(true)? } else { None };
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { member_id, group_instance_id, reason })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 4;
        w.string(flexible, &self.member_id)?;
        w.nullable_string(flexible, self.group_instance_id.as_deref())?;
        if version >= 5 {
            w.nullable_string(true, self.reason.as_deref())?;
        }
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

/// Part of the LeaveGroup response, versions 3–5.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberResponse {
    /// String.
    pub member_id: Str,
    /// String, nullable. Default: `Some(Str::new())`.
    pub group_instance_id: Option<Str>,
    /// 16-bit integer.
    pub error_code: i16,
}

impl Default for MemberResponse {
    fn default() -> Self {
        Self { member_id: Str::new(), group_instance_id: Some(Str::new()), error_code: 0 }
    }
}

impl MemberResponse {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 5;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 4;
        let member_id = r.string(flexible)?;
        let group_instance_id = r.nullable_string(flexible)?;
        let error_code = r.i16()?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { member_id, group_instance_id, error_code })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 4;
        w.string(flexible, &self.member_id)?;
        w.nullable_string(flexible, self.group_instance_id.as_deref())?;
        w.error_code(self.error_code);
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}
