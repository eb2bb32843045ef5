//! Why a request was not taken for its sender's.
//!
//! Apart because every service answers these alike; the one total match below is all that is said about them.

use super::time;
use crate::fault::{Blame, Fault, GENERIC};
use millstream_types::EngineTime;

/// Why a request was not taken for its sender's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthError {
    /// It is not signed.
    Missing,
    /// Something is missing in what the signature comes with, or cannot be read: a sentence.
    Incomplete(&'static str),
    /// Nobody has this access key.
    UnknownKey,
    /// The signature is not the one that the secret gives.
    Mismatch,
    /// What was signed is not what would have to be: a sentence.
    WrongScope(&'static str),
    /// It was signed too long ago.
    TooOld {
        /// When it was signed.
        signed: EngineTime,
        /// The broker's time.
        now: EngineTime,
    },
    /// It was signed in the future.
    NotYet {
        /// When it was signed.
        signed: EngineTime,
        /// The broker's time.
        now: EngineTime,
    },
    /// The address was signed for a time that is over.
    Expired,
}

impl From<AuthError> for Fault {
    fn from(error: AuthError) -> Fault {
        let (status, shape, code, message) = match error {
            AuthError::Missing => (
                403,
                "MissingAuthenticationTokenException",
                "MissingAuthenticationToken",
                "Request is missing Authentication Token".to_owned(),
            ),
            AuthError::Incomplete(sentence) => {
                (400, "IncompleteSignatureException", "IncompleteSignature", sentence.to_owned())
            }
            AuthError::UnknownKey => (
                403,
                "UnrecognizedClientException",
                "InvalidClientTokenId",
                "The security token included in the request is invalid.".to_owned(),
            ),
            AuthError::Mismatch => (
                403,
                INVALID,
                MISMATCH,
                "The request signature we calculated does not match the signature you provided. Check your AWS \
                 Secret Access Key and signing method. Consult the service documentation for details."
                    .to_owned(),
            ),
            AuthError::WrongScope(sentence) => (403, INVALID, MISMATCH, sentence.to_owned()),
            AuthError::TooOld { signed, now } => {
                let limit = EngineTime(now.0 - SKEW_MS);
                let (signed, limit, now) = (time::spell(signed), time::spell(limit), time::spell(now));
                let message =
                    format!("Signature expired: {signed} is now earlier than {limit} ({now} - 15 min.)");
                (403, INVALID, MISMATCH, message)
            }
            AuthError::NotYet { signed, now } => {
                let limit = EngineTime(now.0 + SKEW_MS);
                let (signed, limit, now) = (time::spell(signed), time::spell(limit), time::spell(now));
                let message =
                    format!("Signature not yet current: {signed} is still later than {limit} ({now} + 15 min.)");
                (403, INVALID, MISMATCH, message)
            }
            AuthError::Expired => {
                (400, "RequestExpiredException", "RequestExpired", "Request has expired.".to_owned())
            }
        };
        let (namespace, blame) = (GENERIC, Blame::Sender);
        Fault { status, namespace, shape, code, message, blame, retry_after_seconds: None }
    }
}

const INVALID: &str = "InvalidSignatureException";
const MISMATCH: &str = "SignatureDoesNotMatch";
const SKEW_MS: i64 = super::SKEW_MS_MAX as i64;
