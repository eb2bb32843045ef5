//! The signature itself: from the secret over day, region and service to a key, with it over the canonical request.
//!
//! Apart because it is all of the cryptography; comparing takes the same time wherever two signatures differ.

use super::canonical::canonical;
use super::error::AuthError;
use super::presented::Presented;
use crate::hex;
use crate::percent::hex_digit;
use hmac::{Hmac, Mac};
use millstream_front::http::Request;
use sha2::{Digest, Sha256};

type HmacSha256 = Hmac<Sha256>;

/// Checks a signature.
pub(super) fn verify(
    request: &Request<'_>,
    presented: &Presented<'_>,
    secret: &str,
) -> Result<(), AuthError> {
    let given = bytes(&presented.signature).ok_or(AuthError::Mismatch)?;
    let mac = signed(request, presented, secret).ok_or(AuthError::Mismatch)?;
    mac.verify_slice(&given).map_err(|_| AuthError::Mismatch)
}

/// The signature in hexadecimal, as a client would make it.
#[cfg(test)]
pub(super) fn sign(request: &Request<'_>, presented: &Presented<'_>, secret: &str) -> Option<String> {
    Some(hex::spell(&signed(request, presented, secret)?.finalize().into_bytes()))
}

/// The signature, to be compared; `None` when the request cannot be spelled canonically.
fn signed(request: &Request<'_>, presented: &Presented<'_>, secret: &str) -> Option<HmacSha256> {
    let canonical = canonical(request, &presented.signed_headers)?;
    let text = string_to_sign(presented, &canonical);
    Some(mac(&key(presented, secret)).chain_update(text))
}

fn string_to_sign(presented: &Presented<'_>, canonical: &str) -> String {
    let Presented { time, day, region, service, .. } = presented;
    let mut text = format!("AWS4-HMAC-SHA256\n{time}\n{day}/{region}/{service}/aws4_request\n");
    hex::push(&Sha256::digest(canonical), &mut text);
    text
}

/// The key for one day, region and service.
fn key(presented: &Presented<'_>, secret: &str) -> [u8; 32] {
    let first = mac(format!("AWS4{secret}").as_bytes());
    let Presented { day, region, service, .. } = presented;
    [region, service, super::TERMINATOR]
        .into_iter()
        .fold(first.chain_update(&**day).finalize().into_bytes().into(), |key: [u8; 32], part: &str| {
            mac(&key).chain_update(part).finalize().into_bytes().into()
        })
}

fn mac(key: &[u8]) -> HmacSha256 {
    HmacSha256::new_from_slice(key).expect("keys of any length are taken")
}

/// The 32 bytes of a signature in hexadecimal.
fn bytes(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    let mut bytes = [0; 32];
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = hex_digit(pair[0])? << 4 | hex_digit(pair[1])?;
    }
    Some(bytes)
}
