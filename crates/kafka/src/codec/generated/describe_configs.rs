//! DescribeConfigs (API key 32), versions 1–4: request and response.
//!
//! Apart because each API has a module of its own, as long as its messages make it.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use core::ops::RangeInclusive;

use crate::codec::{ApiKey, DecodeError, EncodeError, Message, Reader, RequestMessage, Str, Writer};

/// DescribeConfigs request, versions 1–4.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DescribeConfigsRequest {
    /// Array.
    pub resources: Vec<DescribeConfigsResource>,
    /// Boolean.
    pub include_synonyms: bool,
    /// Boolean, versions 3–4.
    pub include_documentation: bool,
}

impl DescribeConfigsRequest {
    /// The versions the codec has.
    pub const VERSIONS: RangeInclusive<i16> = 1..=4;

    /// Decodes a body.
    ///
    /// # Errors
    /// When the bytes are no such message, or the codec has no such version.
    pub fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Version { message: "DescribeConfigsRequest", version });
        }
        let flexible = version >= 4;
        let resources = r.array(flexible, DescribeConfigsResource::BYTES_MIN, |r| {
            DescribeConfigsResource::decode(version, r)
        })?;
        let include_synonyms = r.bool()?;
        let include_documentation = if version >= 3 { r.bool()? } else { false };
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { resources, include_synonyms, include_documentation })
    }

    /// Encodes a body.
    ///
    /// # Errors
    /// When the version cannot carry a value, or the codec has no such version.
    pub fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(EncodeError::Version { message: "DescribeConfigsRequest", version });
        }
        let flexible = version >= 4;
        w.array(flexible, &self.resources, |w, element| element.encode(version, w))?;
        w.bool(self.include_synonyms);
        if version >= 3 {
            w.bool(self.include_documentation);
        } else if self.include_documentation {
            return Err(EncodeError::FieldNotInVersion {
                field: "DescribeConfigsRequest.include_documentation",
                version,
            });
        }

        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Message for DescribeConfigsRequest {
    const API: ApiKey = ApiKey::DescribeConfigs;
    const NAME: &'static str = "DescribeConfigsRequest";
    const VERSIONS: RangeInclusive<i16> = Self::VERSIONS;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Self::decode(version, r)
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        self.encode(version, w)
    }
}

impl RequestMessage for DescribeConfigsRequest {
    type Response = DescribeConfigsResponse;
}

/// DescribeConfigs response, versions 1–4.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DescribeConfigsResponse {
    /// 32-bit integer.
    pub throttle_time_ms: i32,
    /// Array.
    pub results: Vec<DescribeConfigsResult>,
}

impl DescribeConfigsResponse {
    /// The versions the codec has.
    pub const VERSIONS: RangeInclusive<i16> = 1..=4;

    /// Decodes a body.
    ///
    /// # Errors
    /// When the bytes are no such message, or the codec has no such version.
    pub fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Version { message: "DescribeConfigsResponse", version });
        }
        let flexible = version >= 4;
        let throttle_time_ms = r.i32()?;
        let results = r.array(flexible, DescribeConfigsResult::BYTES_MIN, |r| {
            DescribeConfigsResult::decode(version, r)
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
            return Err(EncodeError::Version { message: "DescribeConfigsResponse", version });
        }
        let flexible = version >= 4;
        w.i32(self.throttle_time_ms);
        w.array(flexible, &self.results, |w, element| element.encode(version, w))?;
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Message for DescribeConfigsResponse {
    const API: ApiKey = ApiKey::DescribeConfigs;
    const NAME: &'static str = "DescribeConfigsResponse";
    const VERSIONS: RangeInclusive<i16> = Self::VERSIONS;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Self::decode(version, r)
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        self.encode(version, w)
    }
}

/// Part of the DescribeConfigs request, versions 1–4.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribeConfigsResource {
    /// 8-bit integer.
    pub resource_type: i8,
    /// String.
    pub resource_name: Str,
    /// Array of strings, nullable. Default: `Some(Vec::new())`.
    pub configuration_keys: Option<Vec<Str>>,
}

impl Default for DescribeConfigsResource {
    fn default() -> Self {
        Self { resource_type: 0, resource_name: Str::new(), configuration_keys: Some(Vec::new()) }
    }
}

impl DescribeConfigsResource {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 4;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 4;
        let resource_type = r.i8()?;
        let resource_name = r.string(flexible)?;
        let configuration_keys = r.nullable_array(flexible, 1, |r| r.string(flexible))?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { resource_type, resource_name, configuration_keys })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 4;
        w.i8(self.resource_type);
        w.string(flexible, &self.resource_name)?;
        match &self.configuration_keys {
            Some(elements) => w.array(flexible, elements, |w, element| w.string(flexible, element))?,
            None => w.null(flexible),
        }
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

/// Part of the DescribeConfigs response, versions 1–4.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribeConfigsResult {
    /// 16-bit integer.
    pub error_code: i16,
    /// String, nullable. Default: `Some(Str::new())`.
    pub error_message: Option<Str>,
    /// 8-bit integer.
    pub resource_type: i8,
    /// String.
    pub resource_name: Str,
    /// Array.
    pub configs: Vec<DescribeConfigsResourceResult>,
}

impl Default for DescribeConfigsResult {
    fn default() -> Self {
        Self {
            error_code: 0,
            error_message: Some(Str::new()),
            resource_type: 0,
            resource_name: Str::new(),
            configs: Vec::new(),
        }
    }
}

impl DescribeConfigsResult {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 7;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 4;
        let error_code = r.i16()?;
        let error_message = r.nullable_string(flexible)?;
        let resource_type = r.i8()?;
        let resource_name = r.string(flexible)?;
        let configs = r.array(flexible, DescribeConfigsResourceResult::BYTES_MIN, |r| {
            DescribeConfigsResourceResult::decode(version, r)
        })?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { error_code, error_message, resource_type, resource_name, configs })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 4;
        w.error_code(self.error_code);
        w.nullable_string(flexible, self.error_message.as_deref())?;
        w.i8(self.resource_type);
        w.string(flexible, &self.resource_name)?;
        w.array(flexible, &self.configs, |w, element| element.encode(version, w))?;
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

/// Part of the DescribeConfigs response, versions 1–4.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribeConfigsResourceResult {
    /// String.
    pub name: Str,
    /// String, nullable. Default: `Some(Str::new())`.
    pub value: Option<Str>,
    /// Boolean.
    pub read_only: bool,
    /// 8-bit integer. Default: `-1`.
    pub config_source: i8,
    /// Boolean.
    pub is_sensitive: bool,
    /// Array.
    pub synonyms: Vec<DescribeConfigsSynonym>,
    /// 8-bit integer, versions 3–4, left out where the version lacks it.
    pub config_type: i8,
    /// String, versions 3–4, nullable, left out where the version lacks it. Default: `Some(Str::new())`.
    pub documentation: Option<Str>,
}

impl Default for DescribeConfigsResourceResult {
    fn default() -> Self {
        Self {
            name: Str::new(),
            value: Some(Str::new()),
            read_only: false,
            config_source: -1,
            is_sensitive: false,
            synonyms: Vec::new(),
            config_type: 0,
            documentation: Some(Str::new()),
        }
    }
}

impl DescribeConfigsResourceResult {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 9;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 4;
        let name = r.string(flexible)?;
        let value = r.nullable_string(flexible)?;
        let read_only = r.bool()?;
        let config_source = r.i8()?;
        let is_sensitive = r.bool()?;
        let synonyms = r.array(flexible, DescribeConfigsSynonym::BYTES_MIN, |r| {
            DescribeConfigsSynonym::decode(version, r)
        })?;
        let config_type = if version >= 3 { r.i8()? } else { 0 };
        let documentation = if version >= 3 { r.nullable_string(flexible)? } else { Some(Str::new()) };
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { name, value, read_only, config_source, is_sensitive, synonyms, config_type, documentation })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 4;
        w.string(flexible, &self.name)?;
        w.nullable_string(flexible, self.value.as_deref())?;
        w.bool(self.read_only);
        w.i8(self.config_source);
        w.bool(self.is_sensitive);
        w.array(flexible, &self.synonyms, |w, element| element.encode(version, w))?;
        if version >= 3 {
            w.i8(self.config_type);
        }
        if version >= 3 {
            w.nullable_string(flexible, self.documentation.as_deref())?;
        }
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

/// Part of the DescribeConfigs response, versions 1–4.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribeConfigsSynonym {
    /// String.
    pub name: Str,
    /// String, nullable. Default: `Some(Str::new())`.
    pub value: Option<Str>,
    /// 8-bit integer.
    pub source: i8,
}

impl Default for DescribeConfigsSynonym {
    fn default() -> Self {
        Self { name: Str::new(), value: Some(Str::new()), source: 0 }
    }
}

impl DescribeConfigsSynonym {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 4;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 4;
        let name = r.string(flexible)?;
        let value = r.nullable_string(flexible)?;
        let source = r.i8()?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { name, value, source })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 4;
        w.string(flexible, &self.name)?;
        w.nullable_string(flexible, self.value.as_deref())?;
        w.i8(self.source);
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}
