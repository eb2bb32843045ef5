//! Tokens: what a receiver gives back to settle a record.
//!
//! Apart because they leave the broker and come back from clients. A sum keyed with the stream's universal id refuses
//! tokens of other streams and such as nobody gave out. It guards against mistakes; against those who may not touch
//! the stream the authorizer guards.
//!
//! ```text
//! 0 lease token (36) │ 36 sum (8)     little-endian, together in base64 for addresses
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use core::hash::Hasher as _;
use millstream_core::lease::{LeaseToken, TOKEN_BYTES};
use millstream_types::StreamUid;
use siphasher::sip::SipHasher24;

const BYTES: usize = TOKEN_BYTES + 8;

/// The token's text.
pub(crate) fn spell_token(token: LeaseToken, uid: StreamUid) -> String {
    let mut bytes = [0; BYTES];
    bytes[..TOKEN_BYTES].copy_from_slice(&token.to_bytes());
    let sum = sum(uid, &bytes[..TOKEN_BYTES]);
    bytes[TOKEN_BYTES..].copy_from_slice(&sum);
    BASE64.encode(bytes)
}

/// Reads a token's text; `None` if it is none of this stream.
pub(crate) fn read_token(text: &str, uid: StreamUid) -> Option<LeaseToken> {
    let mut bytes = [0; BYTES];
    // Its length is known, so that nothing is decoded that is no token.
    if text.len() != (BYTES * 8).div_ceil(6) || BASE64.decode_slice(text, &mut bytes) != Ok(BYTES) {
        return None;
    }
    let (token, given) = bytes.split_first_chunk::<TOKEN_BYTES>()?;
    (sum(uid, token) == given).then(|| LeaseToken::from_bytes(token))
}

fn sum(uid: StreamUid, bytes: &[u8]) -> [u8; 8] {
    let [high, low] = [uid.0 >> 64, uid.0 & u128::from(u64::MAX)].map(|half| half as u64);
    let mut hasher = SipHasher24::new_with_keys(high, low);
    hasher.write(bytes);
    hasher.finish().to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_core::lease::{LeaseGroupId, LeaseNumber, LeaseRef};
    use millstream_types::{Offset, StreamId};

    #[test]
    fn a_token_comes_back_to_its_own_stream_only_and_not_changed() {
        let lease = LeaseRef { log: 3, offset: Offset(41), lease: LeaseNumber(7) };
        let token = LeaseToken { group: LeaseGroupId::default_of(StreamId(3)), lease };
        let text = spell_token(token, StreamUid(9 << 64 | 5));
        assert_eq!(read_token(&text, StreamUid(9 << 64 | 5)), Some(token));
        assert_eq!(read_token(&text, StreamUid(5)), None);
        let bytes = BASE64.decode(&text).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(read_token(&BASE64.encode(changed), StreamUid(9 << 64 | 5)), None, "bit {bit}");
        }
        for wrong in ["", "x", &"A".repeat(59), &"=".repeat(59), &"A".repeat(1000)] {
            assert_eq!(read_token(wrong, StreamUid(5)), None, "{wrong}");
        }
    }
}
