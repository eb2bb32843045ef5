//! Random messages of ApiVersions.
//!
//! Apart because each API has a module of its own.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use millstream_kafka::codec::generated::api_versions::*;

use crate::random::{Gen, Random};

impl Random for ApiVersionsRequest {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            client_software_name: if version >= 3 { g.string() } else { default.client_software_name },
            client_software_version: if version >= 3 { g.string() } else { default.client_software_version },
        }
    }
}

impl Random for ApiVersionsResponse {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            error_code: g.i16(),
            api_keys: g.array(|g| ApiVersion::random(g, version)),
            throttle_time_ms: if version >= 1 { g.i32() } else { default.throttle_time_ms },
            supported_features: if version >= 3 {
                g.array(|g| SupportedFeatureKey::random(g, version))
            } else {
                default.supported_features
            },
            finalized_features_epoch: if version >= 3 { g.i64() } else { default.finalized_features_epoch },
            finalized_features: if version >= 3 {
                g.array(|g| FinalizedFeatureKey::random(g, version))
            } else {
                default.finalized_features
            },
            zk_migration_ready: if version >= 3 { g.bool() } else { default.zk_migration_ready },
        }
    }
}

impl Random for ApiVersion {
    fn random(g: &mut Gen, _version: i16) -> Self {
        Self { api_key: g.i16(), min_version: g.i16(), max_version: g.i16() }
    }
}

impl Random for SupportedFeatureKey {
    fn random(g: &mut Gen, _version: i16) -> Self {
        Self { name: g.string(), min_version: g.i16(), max_version: g.i16() }
    }
}

impl Random for FinalizedFeatureKey {
    fn random(g: &mut Gen, _version: i16) -> Self {
        Self { name: g.string(), max_version_level: g.i16(), min_version_level: g.i16() }
    }
}
