//! Tokens that prove who asks, and what is kept of them.
//!
//! Apart because a secret must not be shown by mistake, nor be found out by how long a comparison takes: a [`Token`] has no
//! text for logs, and what is kept of one is a [`Digest`], which is compared in constant time.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use core::fmt;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

/// Characters of a token that somebody has chosen himself, at least.
const TOKEN_CHARS_MIN: usize = 20;
/// Characters of a token at most.
pub(crate) const TOKEN_CHARS_MAX: usize = 256;

/// A secret in characters that can stand in a header, a cookie and an address.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A token of 256 random bits, in 43 characters.
    #[must_use]
    pub fn random(halves: [u128; 2]) -> Token {
        let mut bytes = [0; 32];
        for (half, into) in halves.iter().zip(bytes.chunks_exact_mut(16)) {
            into.copy_from_slice(&half.to_le_bytes());
        }
        Token(BASE64.encode(bytes))
    }

    /// A token that was written down: 20 to 256 letters, digits, `-`, `_`, `.` and `~`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Token> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
        let is_token =
            (TOKEN_CHARS_MIN..=TOKEN_CHARS_MAX).contains(&text.len()) && text.bytes().all(is_plain);
        is_token.then(|| Token(text.to_owned()))
    }

    /// The secret itself, for whoever is to have it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(secret)")
    }
}

/// What is kept of a secret: enough to know it again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Digest([u8; 32]);

impl Digest {
    pub(crate) fn of(text: &str) -> Digest {
        Digest(Sha256::digest(text.as_bytes()).into())
    }

    /// Whether this is it, in a time that does not depend on where they differ.
    pub(crate) fn is_of(&self, given: &str) -> bool {
        Digest::of(given).0.ct_eq(&self.0).into()
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_spelled_plainly_and_never_shown() {
        let token = Token::random([1, u128::MAX]);
        assert_eq!(token.expose().len(), 43);
        assert_eq!(Token::parse(token.expose()), Some(token.clone()));
        assert!(!format!("{token:?} {:?}", Digest::of(token.expose())).contains(token.expose()));
        assert_ne!(token, Token::random([u128::MAX, 1]));
        for wrong in ["", "short", "twenty characters, no", &"x".repeat(257), "aaaaaaaaaaaaaaaaaaaaaaaa\n"] {
            assert_eq!(Token::parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_digest_knows_its_secret_and_no_other() {
        let digest = Digest::of("secret");
        assert!(digest.is_of("secret"));
        assert!(!digest.is_of("secreT") && !digest.is_of("") && !digest.is_of("secret "));
    }
}
