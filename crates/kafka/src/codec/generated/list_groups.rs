//! ListGroups (API key 16), versions 0–5: request and response.
//!
//! Apart because each API has a module of its own, as long as its messages make it.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use core::ops::RangeInclusive;

use crate::codec::{ApiKey, DecodeError, EncodeError, Message, Reader, RequestMessage, Str, Writer};

/// ListGroups request, versions 0–5.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListGroupsRequest {
    /// Array of strings, versions 4–5.
    pub states_filter: Vec<Str>,
    /// Array of strings, versions 5.
    pub types_filter: Vec<Str>,
}

impl ListGroupsRequest {
    /// The versions the codec has.
    pub const VERSIONS: RangeInclusive<i16> = 0..=5;

    /// Decodes a body.
    ///
    /// # Errors
    /// When the bytes are no such message, or the codec has no such version.
    pub fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Version { message: "ListGroupsRequest", version });
        }
        let flexible = version >= 3;
        let states_filter = if version >= 4 { r.array(true, 1, |r| r.string(true))? } else { Vec::new() };
        let types_filter = if version >= 5 { r.array(true, 1, |r| r.string(true))? } else { Vec::new() };
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { states_filter, types_filter })
    }

    /// Encodes a body.
    ///
    /// # Errors
    /// When the version cannot carry a value, or the codec has no such version.
    pub fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(EncodeError::Version { message: "ListGroupsRequest", version });
        }
        let flexible = version >= 3;
        if version >= 4 {
            w.array(true, &self.states_filter, |w, element| w.string(true, element))?;
        } else if !self.states_filter.is_empty() {
            return Err(EncodeError::FieldNotInVersion { field: "ListGroupsRequest.states_filter", version });
        }

        if version >= 5 {
            w.array(true, &self.types_filter, |w, element| w.string(true, element))?;
        } else if !self.types_filter.is_empty() {
            return Err(EncodeError::FieldNotInVersion { field: "ListGroupsRequest.types_filter", version });
        }

        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Message for ListGroupsRequest {
    const API: ApiKey = ApiKey::ListGroups;
    const NAME: &'static str = "ListGroupsRequest";
    const VERSIONS: RangeInclusive<i16> = Self::VERSIONS;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Self::decode(version, r)
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        self.encode(version, w)
    }
}

impl RequestMessage for ListGroupsRequest {
    type Response = ListGroupsResponse;
}

/// ListGroups response, versions 0–5.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListGroupsResponse {
    /// 32-bit integer, versions 1–5, left out where the version lacks it.
    pub throttle_time_ms: i32,
    /// 16-bit integer.
    pub error_code: i16,
    /// Array.
    pub groups: Vec<ListedGroup>,
}

impl ListGroupsResponse {
    /// The versions the codec has.
    pub const VERSIONS: RangeInclusive<i16> = 0..=5;

    /// Decodes a body.
    ///
    /// # Errors
    /// When the bytes are no such message, or the codec has no such version.
    pub fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Version { message: "ListGroupsResponse", version });
        }
        let flexible = version >= 3;
        let throttle_time_ms = if version >= 1 { r.i32()? } else { 0 };
        let error_code = r.i16()?;
        let groups = r.array(flexible, ListedGroup::BYTES_MIN, |r| ListedGroup::decode(version, r))?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { throttle_time_ms, error_code, groups })
    }

    /// Encodes a body.
    ///
    /// # Errors
    /// When the version cannot carry a value, or the codec has no such version.
    pub fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(EncodeError::Version { message: "ListGroupsResponse", version });
        }
        let flexible = version >= 3;
        if version >= 1 {
            w.i32(self.throttle_time_ms);
        }
        w.error_code(self.error_code);
        w.array(flexible, &self.groups, |w, element| element.encode(version, w))?;
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Message for ListGroupsResponse {
    const API: ApiKey = ApiKey::ListGroups;
    const NAME: &'static str = "ListGroupsResponse";
    const VERSIONS: RangeInclusive<i16> = Self::VERSIONS;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Self::decode(version, r)
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        self.encode(version, w)
    }
}

/// Part of the ListGroups response, versions 0–5.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListedGroup {
    /// String.
    pub group_id: Str,
    /// String.
    pub protocol_type: Str,
    /// String, versions 4–5, left out where the version lacks it.
    pub group_state: Str,
    /// String, versions 5, left out where the version lacks it.
    pub group_type: Str,
}

impl ListedGroup {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 3;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 3;
        let group_id = r.string(flexible)?;
        let protocol_type = r.string(flexible)?;
        let group_state = if version >= 4 { r.string(true)? } else { Str::new() };
        let group_type = if version >= 5 { r.string(true)? } else { Str::new() };
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { group_id, protocol_type, group_state, group_type })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 3;
        w.string(flexible, &self.group_id)?;
        w.string(flexible, &self.protocol_type)?;
        if version >= 4 {
            w.string(true, &self.group_state)?;
        }
        if version >= 5 {
            w.string(true, &self.group_type)?;
        }
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}
