//! FindCoordinator (API key 10), versions 0–6: request and response.
//!
//! Apart because each API has a module of its own, as long as its messages make it.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use core::ops::RangeInclusive;

use crate::codec::{ApiKey, DecodeError, EncodeError, Message, Reader, RequestMessage, Str, Writer};

/// FindCoordinator request, versions 0–6.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FindCoordinatorRequest {
    /// String, versions 0–3.
    pub key: Str,
    /// 8-bit integer, versions 1–6.
    pub key_type: i8,
    /// Array of strings, versions 4–6.
    pub coordinator_keys: Vec<Str>,
}

impl FindCoordinatorRequest {
    /// The versions the codec has.
    pub const VERSIONS: RangeInclusive<i16> = 0..=6;

    /// Decodes a body.
    ///
    /// # Errors
    /// When the bytes are no such message, or the codec has no such version.
    pub fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Version { message: "FindCoordinatorRequest", version });
        }
        let flexible = version >= 3;
        let key = if version <= 3 { r.string(flexible)? } else { Str::new() };
        let key_type = if version >= 1 { r.i8()? } else { 0 };
        let coordinator_keys = if version >= 4 { r.array(true, 1, |r| r.string(true))? } else { Vec::new() };
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { key, key_type, coordinator_keys })
    }

    /// Encodes a body.
    ///
    /// # Errors
    /// When the version cannot carry a value, or the codec has no such version.
    pub fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(EncodeError::Version { message: "FindCoordinatorRequest", version });
        }
        let flexible = version >= 3;
        if version <= 3 {
            w.string(flexible, &self.key)?;
        } else if !self.key.is_empty() {
            return Err(EncodeError::FieldNotInVersion { field: "FindCoordinatorRequest.key", version });
        }

        if version >= 1 {
            w.i8(self.key_type);
        } else if self.key_type != 0 {
            return Err(EncodeError::FieldNotInVersion { field: "FindCoordinatorRequest.key_type", version });
        }

        if version >= 4 {
            w.array(true, &self.coordinator_keys, |w, element| w.string(true, element))?;
        } else if !self.coordinator_keys.is_empty() {
            return Err(EncodeError::FieldNotInVersion {
                field: "FindCoordinatorRequest.coordinator_keys",
                version,
            });
        }

        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Message for FindCoordinatorRequest {
    const API: ApiKey = ApiKey::FindCoordinator;
    const NAME: &'static str = "FindCoordinatorRequest";
    const VERSIONS: RangeInclusive<i16> = Self::VERSIONS;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Self::decode(version, r)
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        self.encode(version, w)
    }
}

impl RequestMessage for FindCoordinatorRequest {
    type Response = FindCoordinatorResponse;
}

/// FindCoordinator response, versions 0–6.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindCoordinatorResponse {
    /// 32-bit integer, versions 1–6, left out where the version lacks it.
    pub throttle_time_ms: i32,
    /// 16-bit integer, versions 0–3.
    pub error_code: i16,
    /// String, versions 1–3, nullable, left out where the version lacks it. Default: `Some(Str::new())`.
    pub error_message: Option<Str>,
    /// 32-bit integer, versions 0–3.
    pub node_id: i32,
    /// String, versions 0–3.
    pub host: Str,
    /// 32-bit integer, versions 0–3.
    pub port: i32,
    /// Array, versions 4–6.
    pub coordinators: Vec<Coordinator>,
}

impl Default for FindCoordinatorResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: 0,
            error_code: 0,
            error_message: Some(Str::new()),
            node_id: 0,
            host: Str::new(),
            port: 0,
            coordinators: Vec::new(),
        }
    }
}

impl FindCoordinatorResponse {
    /// The versions the codec has.
    pub const VERSIONS: RangeInclusive<i16> = 0..=6;

    /// Decodes a body.
    ///
    /// # Errors
    /// When the bytes are no such message, or the codec has no such version.
    pub fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Version { message: "FindCoordinatorResponse", version });
        }
        let flexible = version >= 3;
        let throttle_time_ms = if version >= 1 { r.i32()? } else { 0 };
        let error_code = if version <= 3 { r.i16()? } else { 0 };
        let error_message =
            if (1..=3).contains(&version) { r.nullable_string(flexible)? } else { Some(Str::new()) };
        let node_id = if version <= 3 { r.i32()? } else { 0 };
        let host = if version <= 3 { r.string(flexible)? } else { Str::new() };
        let port = if version <= 3 { r.i32()? } else { 0 };
        let coordinators = if version >= 4 {
            r.array(true, Coordinator::BYTES_MIN, |r| Coordinator::decode(version, r))?
        } else {
            Vec::new()
        };
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { throttle_time_ms, error_code, error_message, node_id, host, port, coordinators })
    }

    /// Encodes a body.
    ///
    /// # Errors
    /// When the version cannot carry a value, or the codec has no such version.
    pub fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(EncodeError::Version { message: "FindCoordinatorResponse", version });
        }
        let flexible = version >= 3;
        if version >= 1 {
            w.i32(self.throttle_time_ms);
        }
        if version <= 3 {
            w.error_code(self.error_code);
        } else if self.error_code != 0 {
            return Err(EncodeError::FieldNotInVersion {
                field: "FindCoordinatorResponse.error_code",
                version,
            });
        }

        if (1..=3).contains(&version) {
            w.nullable_string(flexible, self.error_message.as_deref())?;
        }
        if version <= 3 {
            w.i32(self.node_id);
        } else if self.node_id != 0 {
            return Err(EncodeError::FieldNotInVersion { field: "FindCoordinatorResponse.node_id", version });
        }

        if version <= 3 {
            w.string(flexible, &self.host)?;
        } else if !self.host.is_empty() {
            return Err(EncodeError::FieldNotInVersion { field: "FindCoordinatorResponse.host", version });
        }

        if version <= 3 {
            w.i32(self.port);
        } else if self.port != 0 {
            return Err(EncodeError::FieldNotInVersion { field: "FindCoordinatorResponse.port", version });
        }

        if version >= 4 {
            w.array(true, &self.coordinators, |w, element| element.encode(version, w))?;
        } else if !self.coordinators.is_empty() {
            return Err(EncodeError::FieldNotInVersion {
                field: "FindCoordinatorResponse.coordinators",
                version,
            });
        }

        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Message for FindCoordinatorResponse {
    const API: ApiKey = ApiKey::FindCoordinator;
    const NAME: &'static str = "FindCoordinatorResponse";
    const VERSIONS: RangeInclusive<i16> = Self::VERSIONS;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Self::decode(version, r)
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        self.encode(version, w)
    }
}

/// Part of the FindCoordinator response, versions 4–6.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coordinator {
    /// String.
    pub key: Str,
    /// 32-bit integer.
    pub node_id: i32,
    /// String.
    pub host: Str,
    /// 32-bit integer.
    pub port: i32,
    /// 16-bit integer.
    pub error_code: i16,
    /// String, nullable. Default: `Some(Str::new())`.
    pub error_message: Option<Str>,
}

impl Default for Coordinator {
    fn default() -> Self {
        Self {
            key: Str::new(),
            node_id: 0,
            host: Str::new(),
            port: 0,
            error_code: 0,
            error_message: Some(Str::new()),
        }
    }
}

impl Coordinator {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 14;

    fn decode(_version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let key = r.string(true)?;
        let node_id = r.i32()?;
        let host = r.string(true)?;
        let port = r.i32()?;
        let error_code = r.i16()?;
        let error_message = r.nullable_string(true)?;
        r.skip_tagged_fields()?;
        Ok(Self { key, node_id, host, port, error_code, error_message })
    }

    fn encode(&self, _version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        w.string(true, &self.key)?;
        w.i32(self.node_id);
        w.string(true, &self.host)?;
        w.i32(self.port);
        w.error_code(self.error_code);
        w.nullable_string(true, self.error_message.as_deref())?;
        w.uvarint(0);
        Ok(())
    }
}
