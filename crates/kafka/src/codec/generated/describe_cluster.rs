//! DescribeCluster (API key 60), versions 0–2: request and response.
//!
//! Apart because each API has a module of its own, as long as its messages make it.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use core::ops::RangeInclusive;

use crate::codec::{ApiKey, DecodeError, EncodeError, Message, Reader, RequestMessage, Str, Writer};

/// DescribeCluster request, versions 0–2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribeClusterRequest {
    /// Boolean.
    pub include_cluster_authorized_operations: bool,
    /// 8-bit integer, versions 1–2. Default: `1`.
    pub endpoint_type: i8,
    /// Boolean, versions 2.
    pub include_fenced_brokers: bool,
}

impl Default for DescribeClusterRequest {
    fn default() -> Self {
        Self { include_cluster_authorized_operations: false, endpoint_type: 1, include_fenced_brokers: false }
    }
}

impl DescribeClusterRequest {
    /// The versions the codec has.
    pub const VERSIONS: RangeInclusive<i16> = 0..=2;

    /// Decodes a body.
    ///
    /// # Errors
    /// When the bytes are no such message, or the codec has no such version.
    pub fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Version { message: "DescribeClusterRequest", version });
        }
        let include_cluster_authorized_operations = r.bool()?;
        let endpoint_type = if version >= 1 { r.i8()? } else { 1 };
        let include_fenced_brokers = if version >= 2 { r.bool()? } else { false };
        r.skip_tagged_fields()?;
        Ok(Self { include_cluster_authorized_operations, endpoint_type, include_fenced_brokers })
    }

    /// Encodes a body.
    ///
    /// # Errors
    /// When the version cannot carry a value, or the codec has no such version.
    pub fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(EncodeError::Version { message: "DescribeClusterRequest", version });
        }
        w.bool(self.include_cluster_authorized_operations);
        if version >= 1 {
            w.i8(self.endpoint_type);
        } else if self.endpoint_type != 1 {
            return Err(EncodeError::FieldNotInVersion {
                field: "DescribeClusterRequest.endpoint_type",
                version,
            });
        }

        if version >= 2 {
            w.bool(self.include_fenced_brokers);
        } else if self.include_fenced_brokers {
            return Err(EncodeError::FieldNotInVersion {
                field: "DescribeClusterRequest.include_fenced_brokers",
                version,
            });
        }

        w.uvarint(0);
        Ok(())
    }
}

impl Message for DescribeClusterRequest {
    const API: ApiKey = ApiKey::DescribeCluster;
    const NAME: &'static str = "DescribeClusterRequest";
    const VERSIONS: RangeInclusive<i16> = Self::VERSIONS;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Self::decode(version, r)
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        self.encode(version, w)
    }
}

impl RequestMessage for DescribeClusterRequest {
    type Response = DescribeClusterResponse;
}

/// DescribeCluster response, versions 0–2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribeClusterResponse {
    /// 32-bit integer.
    pub throttle_time_ms: i32,
    /// 16-bit integer.
    pub error_code: i16,
    /// String, nullable.
    pub error_message: Option<Str>,
    /// 8-bit integer, versions 1–2. Default: `1`.
    pub endpoint_type: i8,
    /// String.
    pub cluster_id: Str,
    /// 32-bit integer. Default: `-1`.
    pub controller_id: i32,
    /// Array.
    pub brokers: Vec<DescribeClusterBroker>,
    /// 32-bit integer. Default: `i32::MIN`.
    pub cluster_authorized_operations: i32,
}

impl Default for DescribeClusterResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: 0,
            error_code: 0,
            error_message: None,
            endpoint_type: 1,
            cluster_id: Str::new(),
            controller_id: -1,
            brokers: Vec::new(),
            cluster_authorized_operations: i32::MIN,
        }
    }
}

impl DescribeClusterResponse {
    /// The versions the codec has.
    pub const VERSIONS: RangeInclusive<i16> = 0..=2;

    /// Decodes a body.
    ///
    /// # Errors
    /// When the bytes are no such message, or the codec has no such version.
    pub fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Version { message: "DescribeClusterResponse", version });
        }
        let throttle_time_ms = r.i32()?;
        let error_code = r.i16()?;
        let error_message = r.nullable_string(true)?;
        let endpoint_type = if version >= 1 { r.i8()? } else { 1 };
        let cluster_id = r.string(true)?;
        let controller_id = r.i32()?;
        let brokers =
            r.array(true, DescribeClusterBroker::BYTES_MIN, |r| DescribeClusterBroker::decode(version, r))?;
        let cluster_authorized_operations = r.i32()?;
        r.skip_tagged_fields()?;
        Ok(Self {
            throttle_time_ms,
            error_code,
            error_message,
            endpoint_type,
            cluster_id,
            controller_id,
            brokers,
            cluster_authorized_operations,
        })
    }

    /// Encodes a body.
    ///
    /// # Errors
    /// When the version cannot carry a value, or the codec has no such version.
    pub fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(EncodeError::Version { message: "DescribeClusterResponse", version });
        }
        w.i32(self.throttle_time_ms);
        w.error_code(self.error_code);
        w.nullable_string(true, self.error_message.as_deref())?;
        if version >= 1 {
            w.i8(self.endpoint_type);
        } else if self.endpoint_type != 1 {
            return Err(EncodeError::FieldNotInVersion {
                field: "DescribeClusterResponse.endpoint_type",
                version,
            });
        }

        w.string(true, &self.cluster_id)?;
        w.i32(self.controller_id);
        w.array(true, &self.brokers, |w, element| element.encode(version, w))?;
        w.i32(self.cluster_authorized_operations);
        w.uvarint(0);
        Ok(())
    }
}

impl Message for DescribeClusterResponse {
    const API: ApiKey = ApiKey::DescribeCluster;
    const NAME: &'static str = "DescribeClusterResponse";
    const VERSIONS: RangeInclusive<i16> = Self::VERSIONS;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Self::decode(version, r)
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        self.encode(version, w)
    }
}

/// Part of the DescribeCluster response, versions 0–2.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DescribeClusterBroker {
    /// 32-bit integer.
    pub broker_id: i32,
    /// String.
    pub host: Str,
    /// 32-bit integer.
    pub port: i32,
    /// String, nullable.
    pub rack: Option<Str>,
    /// Boolean, versions 2.
    pub is_fenced: bool,
}

impl DescribeClusterBroker {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 11;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let broker_id = r.i32()?;
        let host = r.string(true)?;
        let port = r.i32()?;
        let rack = r.nullable_string(true)?;
        let is_fenced = if version >= 2 { r.bool()? } else { false };
        r.skip_tagged_fields()?;
        Ok(Self { broker_id, host, port, rack, is_fenced })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        w.i32(self.broker_id);
        w.string(true, &self.host)?;
        w.i32(self.port);
        w.nullable_string(true, self.rack.as_deref())?;
        if version >= 2 {
            w.bool(self.is_fenced);
        } else if self.is_fenced {
            return Err(EncodeError::FieldNotInVersion { field: "DescribeClusterBroker.is_fenced", version });
        }

        w.uvarint(0);
        Ok(())
    }
}
