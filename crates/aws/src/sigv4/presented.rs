//! What a request presents: key, scope, time, signed headers and signature, from its header or its address.
//!
//! Apart because both places say the same in different spellings, and everything later does not care which it was.

use super::error::AuthError;
use super::{TERMINATOR, time};
use crate::cut;
use crate::form::Form;
use millstream_front::http::Request;
use millstream_types::EngineTime;
use std::borrow::Cow;

/// Days that an address may be signed for: seven.
const VALID_SECONDS_MAX: u64 = 7 * 86_400;
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// What the credential's parameter in a header begins with.
const CREDENTIAL: &str = "Credential=";

/// Where the signature was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In the header `authorization`.
    Header,
    /// In the address, which is good for a while.
    Address { valid_ms: u64 },
}

/// What a request presents.
#[derive(Debug)]
pub(super) struct Presented<'a> {
    pub(super) access_key_id: Cow<'a, str>,
    /// The day of the scope, `20261121`.
    pub(super) day: Cow<'a, str>,
    pub(super) region: Cow<'a, str>,
    pub(super) service: Cow<'a, str>,
    terminator: Cow<'a, str>,
    /// Names of the signed headers, in small letters, between semicolons.
    pub(super) signed_headers: Cow<'a, str>,
    /// In hexadecimal.
    pub(super) signature: Cow<'a, str>,
    /// The time as it was spelled.
    pub(super) time: Cow<'a, str>,
    pub(super) signed_at: EngineTime,
    pub(super) place: Place,
}

impl<'a> Presented<'a> {
    /// What a request presents; `None` when it is not signed at all.
    pub(super) fn of(request: &Request<'a>) -> Result<Option<Presented<'a>>, AuthError> {
        if let Some(header) = request.header("authorization") {
            return in_header(request, header).map(Some);
        }
        let form = Form::parse(&[request.query]);
        let form = form.map_err(|_| AuthError::Incomplete("The query string cannot be read."))?;
        let get = |name: &str| {
            let value = form.get(name);
            value.map_err(|_| AuthError::Incomplete("A signature parameter is wrongly encoded."))
        };
        match get("X-Amz-Algorithm")? {
            None => Ok(None),
            Some(algorithm) if algorithm != ALGORITHM => Err(UNKNOWN_ALGORITHM),
            Some(_) => in_address(get).map(Some),
        }
    }

    /// The scope must be for this service and of the day of the signature.
    pub(super) fn check_scope(&self, service: &str) -> Result<(), AuthError> {
        if self.terminator != TERMINATOR {
            return Err(AuthError::WrongScope(
                "Credential should be scoped with a valid terminator: 'aws4_request'.",
            ));
        }
        if self.service != service {
            return Err(AuthError::WrongScope("Credential should be scoped to correct service."));
        }
        if !self.time.starts_with(&*self.day) {
            return Err(AuthError::WrongScope(
                "Date in Credential scope does not match YYYYMMDD from the date.",
            ));
        }
        Ok(())
    }

    /// What decides what a request means must have been signed.
    pub(super) fn check_signed_headers(&self, request: &Request<'_>) -> Result<(), AuthError> {
        let is_signed = |name: &str| self.signed_headers.split(';').any(|signed| signed == name);
        if !is_signed("host") {
            return Err(AuthError::WrongScope(
                "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
            ));
        }
        let unsigned = |name: &str| request.header(name).is_some() && !is_signed(name);
        if unsigned("x-amz-target") || (self.place == Place::Header && unsigned("x-amz-date")) {
            return Err(AuthError::WrongScope("Every header that begins with 'x-amz-' must be signed."));
        }
        Ok(())
    }
}

/// The access key and the region that a request says are its own, where nobody verifies them. Of a header no more is looked
/// at than these.
pub(super) fn claimed<'a>(request: &Request<'a>) -> Option<(Cow<'a, str>, Cow<'a, str>)> {
    let Some(header) = request.header("authorization") else {
        let presented = Presented::of(request).ok().flatten()?;
        return Some((presented.access_key_id, presented.region));
    };
    let parameters = header.strip_prefix(ALGORITHM)?.strip_prefix(' ')?;
    let credential = cut::all(parameters, b',').find_map(|pair| pair.trim().strip_prefix(CREDENTIAL))?;
    let [access_key_id, _, region, _, _] = split(credential)?;
    Some((access_key_id.into(), region.into()))
}

const UNKNOWN_ALGORITHM: AuthError =
    AuthError::Incomplete("Unsupported AWS 'algorithm'; AWS4-HMAC-SHA256 is expected.");
const NO_DATE: AuthError =
    AuthError::Incomplete("Authorization header requires existence of a 'X-Amz-Date' header.");
const NO_CREDENTIAL: AuthError = AuthError::Incomplete("Authorization requires a 'Credential' parameter.");
const BAD_CREDENTIAL: AuthError = AuthError::Incomplete(
    "Credential must have exactly 5 slash-delimited elements: keyid/date/region/service/term.",
);
const NO_HEADERS: AuthError = AuthError::Incomplete("Authorization requires a 'SignedHeaders' parameter.");
const NO_SIGNATURE: AuthError = AuthError::Incomplete("Authorization requires a 'Signature' parameter.");

/// `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`
fn in_header<'a>(request: &Request<'a>, header: &'a str) -> Result<Presented<'a>, AuthError> {
    let (algorithm, parameters) = header.split_once(' ').unwrap_or((header, ""));
    if algorithm != ALGORITHM {
        return Err(UNKNOWN_ALGORITHM);
    }
    let (mut credential, mut signed_headers, mut signature) = (None, None, None);
    for pair in parameters.split(',') {
        let Some((name, value)) = pair.trim().split_once('=') else { continue };
        let parameter = match name {
            "Credential" => &mut credential,
            "SignedHeaders" => &mut signed_headers,
            "Signature" => &mut signature,
            _ => continue,
        };
        // The first of a name counts.
        parameter.get_or_insert(Cow::Borrowed(value));
    }
    let time = request.header("x-amz-date").map(Cow::Borrowed);
    Parts { credential, signed_headers, signature, time }.presented(Place::Header)
}

fn in_address<'a>(
    get: impl Fn(&str) -> Result<Option<Cow<'a, str>>, AuthError>,
) -> Result<Presented<'a>, AuthError> {
    let valid = get("X-Amz-Expires")?.ok_or(AuthError::Incomplete("X-Amz-Expires is missing."))?;
    let valid = valid.parse::<u64>().ok().filter(|seconds| *seconds <= VALID_SECONDS_MAX);
    let valid = valid.ok_or(AuthError::Incomplete("X-Amz-Expires must be a number of at most 604800."))?;
    let parts = Parts {
        credential: get("X-Amz-Credential")?,
        signed_headers: get("X-Amz-SignedHeaders")?,
        signature: get("X-Amz-Signature")?,
        time: get("X-Amz-Date")?,
    };
    parts.presented(Place::Address { valid_ms: valid * 1000 })
}

/// The four things that both places have.
struct Parts<'a> {
    credential: Option<Cow<'a, str>>,
    signed_headers: Option<Cow<'a, str>>,
    signature: Option<Cow<'a, str>>,
    time: Option<Cow<'a, str>>,
}

impl<'a> Parts<'a> {
    fn presented(self, place: Place) -> Result<Presented<'a>, AuthError> {
        let credential = self.credential.ok_or(NO_CREDENTIAL)?;
        let [access_key_id, day, region, service, terminator] = scope(credential).ok_or(BAD_CREDENTIAL)?;
        let time = self.time.ok_or(NO_DATE)?;
        let signed_at = time::read(&time)
            .ok_or(AuthError::Incomplete("Date must be in ISO-8601 'basic format', YYYYMMDD'T'HHMMSS'Z'."))?;
        Ok(Presented {
            access_key_id,
            day,
            region,
            service,
            terminator,
            signed_headers: self.signed_headers.ok_or(NO_HEADERS)?,
            signature: self.signature.ok_or(NO_SIGNATURE)?,
            time,
            signed_at,
            place,
        })
    }
}

/// The five parts of a credential.
fn split(credential: &str) -> Option<[&str; 5]> {
    let mut parts = cut::all(credential, b'/');
    let five = [parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?];
    parts.next().is_none().then_some(five)
}

/// The five parts of a credential that may have been decoded.
fn scope(credential: Cow<'_, str>) -> Option<[Cow<'_, str>; 5]> {
    match credential {
        Cow::Borrowed(text) => split(text).map(|parts| parts.map(Cow::Borrowed)),
        Cow::Owned(text) => split(&text).map(|parts| parts.map(|part| Cow::Owned(part.to_owned()))),
    }
}
