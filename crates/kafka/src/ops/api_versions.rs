//! ApiVersions (18), versions 0–4: what this broker serves.
//!
//! Answered from the registry of operations, so that it cannot say something else than the code does. A version that is
//! not known is answered with version 0, UNSUPPORTED_VERSION and the whole list (KIP-511). The response header is always
//! the old one, which the codec sees to.
//!
//! Produce is listed from version 0 although versions 0–2 are refused, as Kafka does: librdkafka otherwise believes that
//! nothing can be compressed (KAFKA-18659).
//!
//! Not supported: no feature is finalised, so clients do not ask for transactions of the second version, server-side
//! assignment or share groups.

use crate::codec::generated::api_versions::{ApiVersion, ApiVersionsRequest, ApiVersionsResponse};
use crate::codec::{ApiKey, DecodeError, EncodeError, Reader, Writer, frame::write_response};
use crate::errors::ErrorCode;
use crate::ops::{OPERATIONS, operation};
use crate::step::{Answer, Context, Step};
use millstream_front::registry::Operation;

pub(crate) const OPERATION: Operation = operation(ApiKey::ApiVersions, "No finalised features are listed.");

pub(crate) fn start(_cx: &mut Context, version: i16, r: &mut Reader) -> Result<Step, DecodeError> {
    if !ApiKey::ApiVersions.versions().contains(&version) {
        return Ok(Step::respond(VersionZero(response(ErrorCode::UNSUPPORTED_VERSION))));
    }
    let request = ApiVersionsRequest::decode(version, r)?;
    let named = version < 3
        || (is_software_name(&request.client_software_name)
            && is_software_name(&request.client_software_version));
    let code = if named { ErrorCode::NONE } else { ErrorCode::INVALID_REQUEST };
    Ok(Step::respond(response(code)))
}

fn response(code: ErrorCode) -> ApiVersionsResponse {
    let listed = |operation: &Operation| ApiVersion {
        api_key: operation.number,
        min_version: if operation.number == ApiKey::Produce.id() { 0 } else { operation.version_min },
        max_version: operation.version_max,
    };
    let api_keys =
        if code == ErrorCode::INVALID_REQUEST { Vec::new() } else { OPERATIONS.iter().map(listed).collect() };
    ApiVersionsResponse { error_code: code.0, api_keys, finalized_features_epoch: -1, ..Default::default() }
}

/// KIP-511: letters, digits, `-` and `.`, beginning and ending with a letter or digit.
fn is_software_name(name: &str) -> bool {
    let ends = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    ends(name.as_bytes().first())
        && ends(name.as_bytes().last())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.')
}

/// A response that is written in version 0 whatever was asked for.
struct VersionZero(ApiVersionsResponse);

impl Answer for VersionZero {
    fn write(&self, w: &mut Writer, _version: i16, correlation_id: i32) -> Result<(), EncodeError> {
        write_response(w, 0, correlation_id, &self.0)
    }
}
