//! JoinGroup (API key 11), versions 0–9: request and response.
//!
//! Apart because each API has a module of its own, as long as its messages make it.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use core::ops::RangeInclusive;

use bytes::Bytes;

use crate::codec::{ApiKey, DecodeError, EncodeError, Message, Reader, RequestMessage, Str, Writer};

/// JoinGroup request, versions 0–9.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinGroupRequest {
    /// String.
    pub group_id: Str,
    /// 32-bit integer.
    pub session_timeout_ms: i32,
    /// 32-bit integer, versions 1–9, left out where the version lacks it. Default: `-1`.
    pub rebalance_timeout_ms: i32,
    /// String.
    pub member_id: Str,
    /// String, versions 5–9, nullable.
    pub group_instance_id: Option<Str>,
    /// String.
    pub protocol_type: Str,
    /// Array.
    pub protocols: Vec<JoinGroupRequestProtocol>,
    /// String, versions 8–9, nullable, left out where the version lacks it.
    pub reason: Option<Str>,
}

impl Default for JoinGroupRequest {
    fn default() -> Self {
        Self {
            group_id: Str::new(),
            session_timeout_ms: 0,
            rebalance_timeout_ms: -1,
            member_id: Str::new(),
            group_instance_id: None,
            protocol_type: Str::new(),
            protocols: Vec::new(),
            reason: None,
        }
    }
}

impl JoinGroupRequest {
    /// The versions the codec has.
    pub const VERSIONS: RangeInclusive<i16> = 0..=9;

    /// Decodes a body.
    ///
    /// # Errors
    /// When the bytes are no such message, or the codec has no such version.
    pub fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Version { message: "JoinGroupRequest", version });
        }
        let flexible = version >= 6;
        let group_id = r.string(flexible)?;
        let session_timeout_ms = r.i32()?;
        let rebalance_timeout_ms = if version >= 1 { r.i32()? } else { -1 };
        let member_id = r.string(flexible)?;
        let group_instance_id = if version >= 5 { r.nullable_string(flexible)? } else { None };
        let protocol_type = r.string(flexible)?;
        let protocols = r.array(flexible, JoinGroupRequestProtocol::BYTES_MIN, |r| {
            JoinGroupRequestProtocol::decode(version, r)
        })?;
        let reason = if version >= 8 { r.nullable_string(true)? } else { None };
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self {
            group_id,
            session_timeout_ms,
            rebalance_timeout_ms,
            member_id,
            group_instance_id,
            protocol_type,
            protocols,
            reason,
        })
    }

    /// Encodes a body.
    ///
    /// # Errors
    /// When the version cannot carry a value, or the codec has no such version.
    pub fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(EncodeError::Version { message: "JoinGroupRequest", version });
        }
        let flexible = version >= 6;
        w.string(flexible, &self.group_id)?;
        w.i32(self.session_timeout_ms);
        if version >= 1 {
            w.i32(self.rebalance_timeout_ms);
        }
        w.string(flexible, &self.member_id)?;
        if version >= 5 {
            w.nullable_string(flexible, self.group_instance_id.as_deref())?;
        } else if self.group_instance_id.is_some() {
            return Err(EncodeError::FieldNotInVersion {
                field: "JoinGroupRequest.group_instance_id",
                version,
            });
        }

        w.string(flexible, &self.protocol_type)?;
        w.array(flexible, &self.protocols, |w, element| element.encode(version, w))?;
        if version >= 8 {
            w.nullable_string(true, self.reason.as_deref())?;
        }
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Message for JoinGroupRequest {
    const API: ApiKey = ApiKey::JoinGroup;
    const NAME: &'static str = "JoinGroupRequest";
    const VERSIONS: RangeInclusive<i16> = Self::VERSIONS;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Self::decode(version, r)
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        self.encode(version, w)
    }
}

impl RequestMessage for JoinGroupRequest {
    type Response = JoinGroupResponse;
}

/// JoinGroup response, versions 0–9.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinGroupResponse {
    /// 32-bit integer, versions 2–9, left out where the version lacks it.
    pub throttle_time_ms: i32,
    /// 16-bit integer.
    pub error_code: i16,
    /// 32-bit integer. Default: `-1`.
    pub generation_id: i32,
    /// String, versions 7–9, nullable, left out where the version lacks it.
    pub protocol_type: Option<Str>,
    /// String, nullable in versions 7–9. Default: `Some(Str::new())`.
    pub protocol_name: Option<Str>,
    /// String.
    pub leader: Str,
    /// Boolean, versions 9.
    pub skip_assignment: bool,
    /// String.
    pub member_id: Str,
    /// Array.
    pub members: Vec<JoinGroupResponseMember>,
}

impl Default for JoinGroupResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: 0,
            error_code: 0,
            generation_id: -1,
            protocol_type: None,
            protocol_name: Some(Str::new()),
            leader: Str::new(),
            skip_assignment: false,
            member_id: Str::new(),
            members: Vec::new(),
        }
    }
}

impl JoinGroupResponse {
    /// The versions the codec has.
    pub const VERSIONS: RangeInclusive<i16> = 0..=9;

    /// Decodes a body.
    ///
    /// # Errors
    /// When the bytes are no such message, or the codec has no such version.
    pub fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Version { message: "JoinGroupResponse", version });
        }
        let flexible = version >= 6;
        let throttle_time_ms = if version >= 2 { r.i32()? } else { 0 };
        let error_code = r.i16()?;
        let generation_id = r.i32()?;
        let protocol_type = if version >= 7 { r.nullable_string(true)? } else { None };
        let protocol_name =
            (if version >= 7 { r.nullable_string(flexible) } else { r.string(flexible).map(Some) })?;
        let leader = r.string(flexible)?;
        let skip_assignment = if version >= 9 { r.bool()? } else { false };
        let member_id = r.string(flexible)?;
        let members = r.array(flexible, JoinGroupResponseMember::BYTES_MIN, |r| {
            JoinGroupResponseMember::decode(version, r)
        })?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self {
            throttle_time_ms,
            error_code,
            generation_id,
            protocol_type,
            protocol_name,
            leader,
            skip_assignment,
            member_id,
            members,
        })
    }

    /// Encodes a body.
    ///
    /// # Errors
    /// When the version cannot carry a value, or the codec has no such version.
    pub fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(EncodeError::Version { message: "JoinGroupResponse", version });
        }
        let flexible = version >= 6;
        if version >= 2 {
            w.i32(self.throttle_time_ms);
        }
        w.error_code(self.error_code);
        w.i32(self.generation_id);
        if version >= 7 {
            w.nullable_string(true, self.protocol_type.as_deref())?;
        }
        if version < 7 && self.protocol_name.is_none() {
            return Err(EncodeError::NullNotInVersion { field: "JoinGroupResponse.protocol_name", version });
        }
        w.nullable_string(flexible, self.protocol_name.as_deref())?;
        w.string(flexible, &self.leader)?;
        if version >= 9 {
            w.bool(self.skip_assignment);
        } else if self.skip_assignment {
            return Err(EncodeError::FieldNotInVersion {
                field: "JoinGroupResponse.skip_assignment",
                version,
            });
        }

        w.string(flexible, &self.member_id)?;
        w.array(flexible, &self.members, |w, element| element.encode(version, w))?;
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Message for JoinGroupResponse {
    const API: ApiKey = ApiKey::JoinGroup;
    const NAME: &'static str = "JoinGroupResponse";
    const VERSIONS: RangeInclusive<i16> = Self::VERSIONS;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Self::decode(version, r)
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        self.encode(version, w)
    }
}

/// Part of the JoinGroup request, versions 0–9.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JoinGroupRequestProtocol {
    /// String.
    pub name: Str,
    /// Bytes.
    pub metadata: Bytes,
}

impl JoinGroupRequestProtocol {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 3;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 6;
        let name = r.string(flexible)?;
        let metadata = r.bytes(flexible)?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { name, metadata })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 6;
        w.string(flexible, &self.name)?;
        w.bytes(flexible, &self.metadata)?;
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

/// Part of the JoinGroup response, versions 0–9.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JoinGroupResponseMember {
    /// String.
    pub member_id: Str,
    /// String, versions 5–9, nullable, left out where the version lacks it.
    pub group_instance_id: Option<Str>,
    /// Bytes.
    pub metadata: Bytes,
}

impl JoinGroupResponseMember {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 4;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 6;
        let member_id = r.string(flexible)?;
        let group_instance_id = if version >= 5 { r.nullable_string(flexible)? } else { None };
        let metadata = r.bytes(flexible)?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { member_id, group_instance_id, metadata })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 6;
        w.string(flexible, &self.member_id)?;
        if version >= 5 {
            w.nullable_string(flexible, self.group_instance_id.as_deref())?;
        }
        w.bytes(flexible, &self.metadata)?;
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}
