//! ApiVersions (API key 18), versions 0–4: request and response.
//!
//! Apart because each API has a module of its own, as long as its messages make it.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use core::ops::RangeInclusive;

use crate::codec::{ApiKey, DecodeError, EncodeError, Message, Reader, RequestMessage, Str, Writer};

/// ApiVersions request, versions 0–4.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiVersionsRequest {
    /// String, versions 3–4, left out where the version lacks it.
    pub client_software_name: Str,
    /// String, versions 3–4, left out where the version lacks it.
    pub client_software_version: Str,
}

impl ApiVersionsRequest {
    /// The versions the codec has.
    pub const VERSIONS: RangeInclusive<i16> = 0..=4;

    /// Decodes a body.
    ///
    /// # Errors
    /// When the bytes are no such message, or the codec has no such version.
    pub fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Version { message: "ApiVersionsRequest", version });
        }
        let flexible = version >= 3;
        let client_software_name = if version >= 3 { r.string(true)? } else { Str::new() };
        let client_software_version = if version >= 3 { r.string(true)? } else { Str::new() };
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { client_software_name, client_software_version })
    }

    /// Encodes a body.
    ///
    /// # Errors
    /// When the version cannot carry a value, or the codec has no such version.
    pub fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(EncodeError::Version { message: "ApiVersionsRequest", version });
        }
        let flexible = version >= 3;
        if version >= 3 {
            w.string(true, &self.client_software_name)?;
        }
        if version >= 3 {
            w.string(true, &self.client_software_version)?;
        }
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Message for ApiVersionsRequest {
    const API: ApiKey = ApiKey::ApiVersions;
    const NAME: &'static str = "ApiVersionsRequest";
    const VERSIONS: RangeInclusive<i16> = Self::VERSIONS;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Self::decode(version, r)
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        self.encode(version, w)
    }
}

impl RequestMessage for ApiVersionsRequest {
    type Response = ApiVersionsResponse;
}

/// ApiVersions response, versions 0–4.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiVersionsResponse {
    /// 16-bit integer.
    pub error_code: i16,
    /// Array.
    pub api_keys: Vec<ApiVersion>,
    /// 32-bit integer, versions 1–4, left out where the version lacks it.
    pub throttle_time_ms: i32,
    /// Array, versions 3–4, tag 0, left out where the version lacks it.
    pub supported_features: Vec<SupportedFeatureKey>,
    /// 64-bit integer, versions 3–4, tag 1, left out where the version lacks it. Default: `-1`.
    pub finalized_features_epoch: i64,
    /// Array, versions 3–4, tag 2, left out where the version lacks it.
    pub finalized_features: Vec<FinalizedFeatureKey>,
    /// Boolean, versions 3–4, tag 3, left out where the version lacks it.
    pub zk_migration_ready: bool,
}

impl Default for ApiVersionsResponse {
    fn default() -> Self {
        Self {
            error_code: 0,
            api_keys: Vec::new(),
            throttle_time_ms: 0,
            supported_features: Vec::new(),
            finalized_features_epoch: -1,
            finalized_features: Vec::new(),
            zk_migration_ready: false,
        }
    }
}

impl ApiVersionsResponse {
    /// The versions the codec has.
    pub const VERSIONS: RangeInclusive<i16> = 0..=4;

    /// Decodes a body.
    ///
    /// # Errors
    /// When the bytes are no such message, or the codec has no such version.
    pub fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Version { message: "ApiVersionsResponse", version });
        }
        let flexible = version >= 3;
        let error_code = r.i16()?;
        let api_keys = r.array(flexible, ApiVersion::BYTES_MIN, |r| ApiVersion::decode(version, r))?;
        let throttle_time_ms = if version >= 1 { r.i32()? } else { 0 };
        let mut supported_features = Vec::new();
        let mut finalized_features_epoch = -1;
        let mut finalized_features = Vec::new();
        let mut zk_migration_ready = false;
        if flexible {
            r.tagged_fields(|r, tag| {
                match tag {
                    0 => {
                        supported_features = r.array(true, SupportedFeatureKey::BYTES_MIN, |r| {
                            SupportedFeatureKey::decode(version, r)
                        })?
                    }
                    1 => finalized_features_epoch = r.i64()?,
                    2 => {
                        finalized_features = r.array(true, FinalizedFeatureKey::BYTES_MIN, |r| {
                            FinalizedFeatureKey::decode(version, r)
                        })?
                    }
                    3 => zk_migration_ready = r.bool()?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(Self {
            error_code,
            api_keys,
            throttle_time_ms,
            supported_features,
            finalized_features_epoch,
            finalized_features,
            zk_migration_ready,
        })
    }

    /// Encodes a body.
    ///
    /// # Errors
    /// When the version cannot carry a value, or the codec has no such version.
    pub fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(EncodeError::Version { message: "ApiVersionsResponse", version });
        }
        let flexible = version >= 3;
        w.error_code(self.error_code);
        w.array(flexible, &self.api_keys, |w, element| element.encode(version, w))?;
        if version >= 1 {
            w.i32(self.throttle_time_ms);
        }
        if flexible {
            let has_supported_features = !self.supported_features.is_empty();
            let has_finalized_features_epoch = self.finalized_features_epoch != -1;
            let has_finalized_features = !self.finalized_features.is_empty();
            let has_zk_migration_ready = self.zk_migration_ready;
            w.uvarint(
                u32::from(has_supported_features)
                    + u32::from(has_finalized_features_epoch)
                    + u32::from(has_finalized_features)
                    + u32::from(has_zk_migration_ready),
            );
            if has_supported_features {
                w.tagged(0, |w| {
                    w.array(true, &self.supported_features, |w, element| element.encode(version, w))?;
                    Ok(())
                })?;
            }
            if has_finalized_features_epoch {
                w.tagged(1, |w| {
                    w.i64(self.finalized_features_epoch);
                    Ok(())
                })?;
            }
            if has_finalized_features {
                w.tagged(2, |w| {
                    w.array(true, &self.finalized_features, |w, element| element.encode(version, w))?;
                    Ok(())
                })?;
            }
            if has_zk_migration_ready {
                w.tagged(3, |w| {
                    w.bool(self.zk_migration_ready);
                    Ok(())
                })?;
            }
        }
        Ok(())
    }
}

impl Message for ApiVersionsResponse {
    const API: ApiKey = ApiKey::ApiVersions;
    const NAME: &'static str = "ApiVersionsResponse";
    const VERSIONS: RangeInclusive<i16> = Self::VERSIONS;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Self::decode(version, r)
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        self.encode(version, w)
    }
}

/// Part of the ApiVersions response, versions 0–4.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiVersion {
    /// 16-bit integer.
    pub api_key: i16,
    /// 16-bit integer.
    pub min_version: i16,
    /// 16-bit integer.
    pub max_version: i16,
}

impl ApiVersion {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 6;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 3;
        let api_key = r.i16()?;
        let min_version = r.i16()?;
        let max_version = r.i16()?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { api_key, min_version, max_version })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 3;
        w.i16(self.api_key);
        w.i16(self.min_version);
        w.i16(self.max_version);
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

/// Part of the ApiVersions response, versions 3–4.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SupportedFeatureKey {
    /// String.
    pub name: Str,
    /// 16-bit integer.
    pub min_version: i16,
    /// 16-bit integer.
    pub max_version: i16,
}

impl SupportedFeatureKey {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 6;

    fn decode(_version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let name = r.string(true)?;
        let min_version = r.i16()?;
        let max_version = r.i16()?;
        r.skip_tagged_fields()?;
        Ok(Self { name, min_version, max_version })
    }

    fn encode(&self, _version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        w.string(true, &self.name)?;
        w.i16(self.min_version);
        w.i16(self.max_version);
        w.uvarint(0);
        Ok(())
    }
}

/// Part of the ApiVersions response, versions 3–4.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FinalizedFeatureKey {
    /// String.
    pub name: Str,
    /// 16-bit integer.
    pub max_version_level: i16,
    /// 16-bit integer.
    pub min_version_level: i16,
}

impl FinalizedFeatureKey {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 6;

    fn decode(_version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let name = r.string(true)?;
        let max_version_level = r.i16()?;
        let min_version_level = r.i16()?;
        r.skip_tagged_fields()?;
        Ok(Self { name, max_version_level, min_version_level })
    }

    fn encode(&self, _version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        w.string(true, &self.name)?;
        w.i16(self.max_version_level);
        w.i16(self.min_version_level);
        w.uvarint(0);
        Ok(())
    }
}
