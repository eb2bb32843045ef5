//! Who sent a request: AWS Signature Version 4, in a header or in the address.
//!
//! Apart because one mistake here lets strangers in, so that nothing else decides it. Either there are credentials,
//! and each request must be signed with one of them, or there are none, and whoever reaches the listener (which is
//! loopback then) is the local principal; its request still says which account and region it means.

mod canonical;
mod error;
mod presented;
mod signature;
#[cfg(test)]
mod tests;
mod time;

pub use error::AuthError;

use crate::scope::{self, Scope};
use millstream_front::http::Request;
use millstream_types::EngineTime;
use parking_lot::RwLock;
use presented::{Place, Presented};
use std::sync::Arc;

/// How far a signature's time may lie from the broker's: 15 minutes, as in AWS.
const SKEW_MS_MAX: u64 = 15 * 60_000;
/// What the broker's own credential scopes end with.
const TERMINATOR: &str = "aws4_request";

/// A pair of keys that requests may be signed with.
#[derive(Clone)]
pub struct Credential {
    /// The public half.
    pub access_key_id: String,
    /// The secret half.
    pub secret_access_key: String,
    /// The account whose resources it names: 12 digits.
    pub account: String,
}

/// Without the secret.
impl core::fmt::Debug for Credential {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Credential { access_key_id, account, .. } = self;
        f.debug_struct("Credential").field("access_key_id", access_key_id).field("account", account).finish()
    }
}

/// Who may ask. Clones are the same: what replaces the credentials of one replaces those of all.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    known: Arc<RwLock<Vec<Credential>>>,
    default: Scope,
}

impl Credentials {
    /// Credentials that requests must be signed with; without any, every request is taken. What a request does not say of
    /// account and region is as in `default`.
    #[must_use]
    pub fn new(known: Vec<Credential>, default: Scope) -> Credentials {
        Credentials { known: Arc::new(RwLock::new(known)), default }
    }

    /// From the next request on these are the credentials.
    pub fn replace(&self, known: Vec<Credential>) {
        *self.known.write() = known;
    }

    /// Whose request this is, for a service's name in scopes (`sqs`).
    ///
    /// # Errors
    /// [`AuthError`] when there are credentials and the request is not signed with one of them, now.
    pub fn authenticate(
        &self,
        request: &Request<'_>,
        service: &str,
        now: EngineTime,
    ) -> Result<Scope, AuthError> {
        let known = self.known.read();
        if known.is_empty() {
            return Ok(self.claimed(request));
        }
        let presented = Presented::of(request)?.ok_or(AuthError::Missing)?;
        presented.check_scope(service)?;
        presented.check_signed_headers(request)?;
        let credential = known.iter().find(|known| known.access_key_id == presented.access_key_id);
        let credential = credential.ok_or(AuthError::UnknownKey)?;
        check_time(&presented, now)?;
        signature::verify(request, &presented, &credential.secret_access_key)?;
        Ok(Scope::new(&credential.account, &presented.region))
    }

    /// What an unverified request says of itself. An access key of 12 digits is an account, as other stand-ins for AWS
    /// have it.
    fn claimed(&self, request: &Request<'_>) -> Scope {
        let claimed = presented::claimed(request);
        let (key, region) = claimed.as_ref().map(|(key, region)| (&**key, &**region)).unzip();
        let account = key.filter(|key| scope::is_account(key)).unwrap_or(&self.default.account);
        let region = region.filter(|region| scope::is_region(region)).unwrap_or(&self.default.region);
        Scope::new(account, region)
    }
}

fn check_time(presented: &Presented<'_>, now: EngineTime) -> Result<(), AuthError> {
    let signed = presented.signed_at;
    if signed.since_ms(now) > SKEW_MS_MAX {
        return Err(AuthError::NotYet { signed, now });
    }
    match presented.place {
        Place::Header if now.since_ms(signed) > SKEW_MS_MAX => Err(AuthError::TooOld { signed, now }),
        Place::Address { valid_ms } if now.since_ms(signed) > valid_ms => Err(AuthError::Expired),
        Place::Header | Place::Address { .. } => Ok(()),
    }
}
