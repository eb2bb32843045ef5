//! DeleteGroups (API key 42), versions 0–2: request and response.
//!
//! Apart because each API has a module of its own, as long as its messages make it.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use core::ops::RangeInclusive;

use crate::codec::{ApiKey, DecodeError, EncodeError, Message, Reader, RequestMessage, Str, Writer};

/// DeleteGroups request, versions 0–2.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeleteGroupsRequest {
    /// Array of strings.
    pub groups_names: Vec<Str>,
}

impl DeleteGroupsRequest {
    /// The versions the codec has.
    pub const VERSIONS: RangeInclusive<i16> = 0..=2;

    /// Decodes a body.
    ///
    /// # Errors
    /// When the bytes are no such message, or the codec has no such version.
    pub fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Version { message: "DeleteGroupsRequest", version });
        }
        let flexible = version >= 2;
        let groups_names = r.array(flexible, 1, |r| r.string(flexible))?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { groups_names })
    }

    /// Encodes a body.
    ///
    /// # Errors
    /// When the version cannot carry a value, or the codec has no such version.
    pub fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(EncodeError::Version { message: "DeleteGroupsRequest", version });
        }
        let flexible = version >= 2;
        w.array(flexible, &self.groups_names, |w, element| w.string(flexible, element))?;
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Message for DeleteGroupsRequest {
    const API: ApiKey = ApiKey::DeleteGroups;
    const NAME: &'static str = "DeleteGroupsRequest";
    const VERSIONS: RangeInclusive<i16> = Self::VERSIONS;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Self::decode(version, r)
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        self.encode(version, w)
    }
}

impl RequestMessage for DeleteGroupsRequest {
    type Response = DeleteGroupsResponse;
}

/// DeleteGroups response, versions 0–2.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeleteGroupsResponse {
    /// 32-bit integer.
    pub throttle_time_ms: i32,
    /// Array.
    pub results: Vec<DeletableGroupResult>,
}

impl DeleteGroupsResponse {
    /// The versions the codec has.
    pub const VERSIONS: RangeInclusive<i16> = 0..=2;

    /// Decodes a body.
    ///
    /// # Errors
    /// When the bytes are no such message, or the codec has no such version.
    pub fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Version { message: "DeleteGroupsResponse", version });
        }
        let flexible = version >= 2;
        let throttle_time_ms = r.i32()?;
        let results =
            r.array(flexible, DeletableGroupResult::BYTES_MIN, |r| DeletableGroupResult::decode(version, r))?;
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
            return Err(EncodeError::Version { message: "DeleteGroupsResponse", version });
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

impl Message for DeleteGroupsResponse {
    const API: ApiKey = ApiKey::DeleteGroups;
    const NAME: &'static str = "DeleteGroupsResponse";
    const VERSIONS: RangeInclusive<i16> = Self::VERSIONS;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Self::decode(version, r)
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        self.encode(version, w)
    }
}

/// Part of the DeleteGroups response, versions 0–2.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeletableGroupResult {
    /// String.
    pub group_id: Str,
    /// 16-bit integer.
    pub error_code: i16,
}

impl DeletableGroupResult {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 4;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 2;
        let group_id = r.string(flexible)?;
        let error_code = r.i16()?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { group_id, error_code })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 2;
        w.string(flexible, &self.group_id)?;
        w.error_code(self.error_code);
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}
