//! IncrementalAlterConfigs (API key 44), versions 0–1: request and response.
//!
//! Apart because each API has a module of its own, as long as its messages make it.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use core::ops::RangeInclusive;

use crate::codec::{ApiKey, DecodeError, EncodeError, Message, Reader, RequestMessage, Str, Writer};

/// IncrementalAlterConfigs request, versions 0–1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IncrementalAlterConfigsRequest {
    /// Array.
    pub resources: Vec<AlterConfigsResource>,
    /// Boolean.
    pub validate_only: bool,
}

impl IncrementalAlterConfigsRequest {
    /// The versions the codec has.
    pub const VERSIONS: RangeInclusive<i16> = 0..=1;

    /// Decodes a body.
    ///
    /// # Errors
    /// When the bytes are no such message, or the codec has no such version.
    pub fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Version { message: "IncrementalAlterConfigsRequest", version });
        }
        let flexible = version >= 1;
        let resources =
            r.array(flexible, AlterConfigsResource::BYTES_MIN, |r| AlterConfigsResource::decode(version, r))?;
        let validate_only = r.bool()?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { resources, validate_only })
    }

    /// Encodes a body.
    ///
    /// # Errors
    /// When the version cannot carry a value, or the codec has no such version.
    pub fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(EncodeError::Version { message: "IncrementalAlterConfigsRequest", version });
        }
        let flexible = version >= 1;
        w.array(flexible, &self.resources, |w, element| element.encode(version, w))?;
        w.bool(self.validate_only);
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Message for IncrementalAlterConfigsRequest {
    const API: ApiKey = ApiKey::IncrementalAlterConfigs;
    const NAME: &'static str = "IncrementalAlterConfigsRequest";
    const VERSIONS: RangeInclusive<i16> = Self::VERSIONS;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Self::decode(version, r)
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        self.encode(version, w)
    }
}

impl RequestMessage for IncrementalAlterConfigsRequest {
    type Response = IncrementalAlterConfigsResponse;
}

/// IncrementalAlterConfigs response, versions 0–1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IncrementalAlterConfigsResponse {
    /// 32-bit integer.
    pub throttle_time_ms: i32,
    /// Array.
    pub responses: Vec<AlterConfigsResourceResponse>,
}

impl IncrementalAlterConfigsResponse {
    /// The versions the codec has.
    pub const VERSIONS: RangeInclusive<i16> = 0..=1;

    /// Decodes a body.
    ///
    /// # Errors
    /// When the bytes are no such message, or the codec has no such version.
    pub fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Version { message: "IncrementalAlterConfigsResponse", version });
        }
        let flexible = version >= 1;
        let throttle_time_ms = r.i32()?;
        let responses = r.array(flexible, AlterConfigsResourceResponse::BYTES_MIN, |r| {
            AlterConfigsResourceResponse::decode(version, r)
        })?;
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
            return Err(EncodeError::Version { message: "IncrementalAlterConfigsResponse", version });
        }
        let flexible = version >= 1;
        w.i32(self.throttle_time_ms);
        w.array(flexible, &self.responses, |w, element| element.encode(version, w))?;
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Message for IncrementalAlterConfigsResponse {
    const API: ApiKey = ApiKey::IncrementalAlterConfigs;
    const NAME: &'static str = "IncrementalAlterConfigsResponse";
    const VERSIONS: RangeInclusive<i16> = Self::VERSIONS;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Self::decode(version, r)
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        self.encode(version, w)
    }
}

/// Part of the IncrementalAlterConfigs request, versions 0–1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlterConfigsResource {
    /// 8-bit integer.
    pub resource_type: i8,
    /// String.
    pub resource_name: Str,
    /// Array.
    pub configs: Vec<AlterableConfig>,
}

impl AlterConfigsResource {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 4;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 1;
        let resource_type = r.i8()?;
        let resource_name = r.string(flexible)?;
        let configs =
            r.array(flexible, AlterableConfig::BYTES_MIN, |r| AlterableConfig::decode(version, r))?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { resource_type, resource_name, configs })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 1;
        w.i8(self.resource_type);
        w.string(flexible, &self.resource_name)?;
        w.array(flexible, &self.configs, |w, element| element.encode(version, w))?;
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

/// Part of the IncrementalAlterConfigs request, versions 0–1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlterableConfig {
    /// String.
    pub name: Str,
    /// 8-bit integer.
    pub config_operation: i8,
    /// String, nullable. Default: `Some(Str::new())`.
    pub value: Option<Str>,
}

impl Default for AlterableConfig {
    fn default() -> Self {
        Self { name: Str::new(), config_operation: 0, value: Some(Str::new()) }
    }
}

impl AlterableConfig {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 4;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 1;
        let name = r.string(flexible)?;
        let config_operation = r.i8()?;
        let value = r.nullable_string(flexible)?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { name, config_operation, value })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 1;
        w.string(flexible, &self.name)?;
        w.i8(self.config_operation);
        w.nullable_string(flexible, self.value.as_deref())?;
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

/// Part of the IncrementalAlterConfigs response, versions 0–1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlterConfigsResourceResponse {
    /// 16-bit integer.
    pub error_code: i16,
    /// String, nullable. Default: `Some(Str::new())`.
    pub error_message: Option<Str>,
    /// 8-bit integer.
    pub resource_type: i8,
    /// String.
    pub resource_name: Str,
}

impl Default for AlterConfigsResourceResponse {
    fn default() -> Self {
        Self { error_code: 0, error_message: Some(Str::new()), resource_type: 0, resource_name: Str::new() }
    }
}

impl AlterConfigsResourceResponse {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 6;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 1;
        let error_code = r.i16()?;
        let error_message = r.nullable_string(flexible)?;
        let resource_type = r.i8()?;
        let resource_name = r.string(flexible)?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { error_code, error_message, resource_type, resource_name })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 1;
        w.error_code(self.error_code);
        w.nullable_string(flexible, self.error_message.as_deref())?;
        w.i8(self.resource_type);
        w.string(flexible, &self.resource_name)?;
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}
