//! DescribeGroups (API key 15), versions 0–6: request and response.
//!
//! Apart because each API has a module of its own, as long as its messages make it.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use core::ops::RangeInclusive;

use bytes::Bytes;

use crate::codec::{ApiKey, DecodeError, EncodeError, Message, Reader, RequestMessage, Str, Writer};

/// DescribeGroups request, versions 0–6.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DescribeGroupsRequest {
    /// Array of strings.
    pub groups: Vec<Str>,
    /// Boolean, versions 3–6.
    pub include_authorized_operations: bool,
}

impl DescribeGroupsRequest {
    /// The versions the codec has.
    pub const VERSIONS: RangeInclusive<i16> = 0..=6;

    /// Decodes a body.
    ///
    /// # Errors
    /// When the bytes are no such message, or the codec has no such version.
    pub fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Version { message: "DescribeGroupsRequest", version });
        }
        let flexible = version >= 5;
        let groups = r.array(flexible, 1, |r| r.string(flexible))?;
        let include_authorized_operations = if version >= 3 { r.bool()? } else { false };
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { groups, include_authorized_operations })
    }

    /// Encodes a body.
    ///
    /// # Errors
    /// When the version cannot carry a value, or the codec has no such version.
    pub fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(EncodeError::Version { message: "DescribeGroupsRequest", version });
        }
        let flexible = version >= 5;
        w.array(flexible, &self.groups, |w, element| w.string(flexible, element))?;
        if version >= 3 {
            w.bool(self.include_authorized_operations);
        } else if self.include_authorized_operations {
            return Err(EncodeError::FieldNotInVersion {
                field: "DescribeGroupsRequest.include_authorized_operations",
                version,
            });
        }

        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Message for DescribeGroupsRequest {
    const API: ApiKey = ApiKey::DescribeGroups;
    const NAME: &'static str = "DescribeGroupsRequest";
    const VERSIONS: RangeInclusive<i16> = Self::VERSIONS;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Self::decode(version, r)
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        self.encode(version, w)
    }
}

impl RequestMessage for DescribeGroupsRequest {
    type Response = DescribeGroupsResponse;
}

/// DescribeGroups response, versions 0–6.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DescribeGroupsResponse {
    /// 32-bit integer, versions 1–6, left out where the version lacks it.
    pub throttle_time_ms: i32,
    /// Array.
    pub groups: Vec<DescribedGroup>,
}

impl DescribeGroupsResponse {
    /// The versions the codec has.
    pub const VERSIONS: RangeInclusive<i16> = 0..=6;

    /// Decodes a body.
    ///
    /// # Errors
    /// When the bytes are no such message, or the codec has no such version.
    pub fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Version { message: "DescribeGroupsResponse", version });
        }
        let flexible = version >= 5;
        let throttle_time_ms = if version >= 1 { r.i32()? } else { 0 };
        let groups = r.array(flexible, DescribedGroup::BYTES_MIN, |r| DescribedGroup::decode(version, r))?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { throttle_time_ms, groups })
    }

    /// Encodes a body.
    ///
    /// # Errors
    /// When the version cannot carry a value, or the codec has no such version.
    pub fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(EncodeError::Version { message: "DescribeGroupsResponse", version });
        }
        let flexible = version >= 5;
        if version >= 1 {
            w.i32(self.throttle_time_ms);
        }
        w.array(flexible, &self.groups, |w, element| element.encode(version, w))?;
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Message for DescribeGroupsResponse {
    const API: ApiKey = ApiKey::DescribeGroups;
    const NAME: &'static str = "DescribeGroupsResponse";
    const VERSIONS: RangeInclusive<i16> = Self::VERSIONS;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Self::decode(version, r)
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        self.encode(version, w)
    }
}

/// Part of the DescribeGroups response, versions 0–6.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribedGroup {
    /// 16-bit integer.
    pub error_code: i16,
    /// String, versions 6, nullable.
    pub error_message: Option<Str>,
    /// String.
    pub group_id: Str,
    /// String.
    pub group_state: Str,
    /// String.
    pub protocol_type: Str,
    /// String.
    pub protocol_data: Str,
    /// Array.
    pub members: Vec<DescribedGroupMember>,
    /// 32-bit integer, versions 3–6. Default: `i32::MIN`.
    pub authorized_operations: i32,
}

impl Default for DescribedGroup {
    fn default() -> Self {
        Self {
            error_code: 0,
            error_message: None,
            group_id: Str::new(),
            group_state: Str::new(),
            protocol_type: Str::new(),
            protocol_data: Str::new(),
            members: Vec::new(),
            authorized_operations: i32::MIN,
        }
    }
}

impl DescribedGroup {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 12;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 5;
        let error_code = r.i16()?;
        let error_message = if version >= 6 { r.nullable_string(true)? } else { None };
        let group_id = r.string(flexible)?;
        let group_state = r.string(flexible)?;
        let protocol_type = r.string(flexible)?;
        let protocol_data = r.string(flexible)?;
        let members =
            r.array(flexible, DescribedGroupMember::BYTES_MIN, |r| DescribedGroupMember::decode(version, r))?;
        let authorized_operations = if version >= 3 { r.i32()? } else { i32::MIN };
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self {
            error_code,
            error_message,
            group_id,
            group_state,
            protocol_type,
            protocol_data,
            members,
            authorized_operations,
        })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 5;
        w.error_code(self.error_code);
        if version >= 6 {
            w.nullable_string(true, self.error_message.as_deref())?;
        } else if self.error_message.is_some() {
            return Err(EncodeError::FieldNotInVersion { field: "DescribedGroup.error_message", version });
        }

        w.string(flexible, &self.group_id)?;
        w.string(flexible, &self.group_state)?;
        w.string(flexible, &self.protocol_type)?;
        w.string(flexible, &self.protocol_data)?;
        w.array(flexible, &self.members, |w, element| element.encode(version, w))?;
        if version >= 3 {
            w.i32(self.authorized_operations);
        } else if self.authorized_operations != i32::MIN {
            return Err(EncodeError::FieldNotInVersion {
                field: "DescribedGroup.authorized_operations",
                version,
            });
        }

        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

/// Part of the DescribeGroups response, versions 0–6.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DescribedGroupMember {
    /// String.
    pub member_id: Str,
    /// String, versions 4–6, nullable, left out where the version lacks it.
    pub group_instance_id: Option<Str>,
    /// String.
    pub client_id: Str,
    /// String.
    pub client_host: Str,
    /// Bytes.
    pub member_metadata: Bytes,
    /// Bytes.
    pub member_assignment: Bytes,
}

impl DescribedGroupMember {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 7;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 5;
        let member_id = r.string(flexible)?;
        let group_instance_id = if version >= 4 { r.nullable_string(flexible)? } else { None };
        let client_id = r.string(flexible)?;
        let client_host = r.string(flexible)?;
        let member_metadata = r.bytes(flexible)?;
        let member_assignment = r.bytes(flexible)?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { member_id, group_instance_id, client_id, client_host, member_metadata, member_assignment })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 5;
        w.string(flexible, &self.member_id)?;
        if version >= 4 {
            w.nullable_string(flexible, self.group_instance_id.as_deref())?;
        }
        w.string(flexible, &self.client_id)?;
        w.string(flexible, &self.client_host)?;
        w.bytes(flexible, &self.member_metadata)?;
        w.bytes(flexible, &self.member_assignment)?;
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}
