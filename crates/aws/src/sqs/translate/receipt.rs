//! Receipt handles: what a receiver gives back to delete a message or to keep it longer.
//!
//! Apart because they leave the broker and come back from clients. A handle holds the lease's token and the time of the
//! receive; a sum over both, keyed with the queue's universal id, refuses handles of other queues and such as nobody
//! gave out. It guards against mistakes; against those who may not touch the queue the authorizer guards.
//!
//! ```text
//! 0 token (36) │ 36 time of the receive, ms (8) │ 44 sum (8)     little-endian, together in base64
//! ```

use super::identity::halves;
use crate::hex::Ascii;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use core::hash::Hasher as _;
use millstream_core::lease::{LeaseToken, TOKEN_BYTES};
use millstream_types::{EngineTime, StreamUid};
use siphasher::sip::SipHasher24;

const TIME_AT: usize = TOKEN_BYTES;
const SUM_AT: usize = TIME_AT + 8;
const BYTES: usize = SUM_AT + 8;
/// Bytes of a handle in base64.
pub(crate) const HANDLE_BYTES: usize = BYTES.div_ceil(3) * 4;

/// What a receipt handle says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Receipt {
    /// The lease.
    pub(crate) token: LeaseToken,
    /// When the message was received.
    pub(crate) received: EngineTime,
}

impl Receipt {
    /// The handle, for a queue's stream.
    pub(crate) fn spell(&self, uid: StreamUid) -> Ascii<HANDLE_BYTES> {
        let mut bytes = [0; BYTES];
        bytes[..TIME_AT].copy_from_slice(&self.token.to_bytes());
        bytes[TIME_AT..SUM_AT].copy_from_slice(&self.received.0.to_le_bytes());
        let sum = sum(uid, &bytes[..SUM_AT]);
        bytes[SUM_AT..].copy_from_slice(&sum);
        let mut text = [0; HANDLE_BYTES];
        let length = BASE64.encode_slice(bytes, &mut text).expect("there is room for exactly this");
        assert_eq!(length, HANDLE_BYTES, "a handle is as long as all are");
        Ascii::new(text)
    }

    /// Reads a handle; `None` if it is none of this queue.
    pub(crate) fn read(handle: &str, uid: StreamUid) -> Option<Receipt> {
        let mut bytes = [0; BYTES];
        // Its length is known, so that nothing is decoded that is not a handle.
        if handle.len() != HANDLE_BYTES || BASE64.decode_slice(handle, &mut bytes) != Ok(BYTES) {
            return None;
        }
        let (said, given) = bytes.split_at(SUM_AT);
        if sum(uid, said) != given {
            return None;
        }
        let (token, received) = said.split_first_chunk::<TOKEN_BYTES>()?;
        let received = EngineTime(i64::from_le_bytes(*received.first_chunk()?));
        Some(Receipt { token: LeaseToken::from_bytes(token), received })
    }
}

fn sum(uid: StreamUid, bytes: &[u8]) -> [u8; 8] {
    let (high, low) = halves(uid);
    let mut hasher = SipHasher24::new_with_keys(high, low);
    hasher.write(bytes);
    hasher.finish().to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_core::lease::{LeaseGroupId, LeaseNumber, LeaseRef};
    use millstream_types::{Offset, StreamId};

    fn receipt() -> Receipt {
        let lease = LeaseRef { log: 0, offset: Offset(41), lease: LeaseNumber(7) };
        let token = LeaseToken { group: LeaseGroupId::default_of(StreamId(3)), lease };
        Receipt { token, received: EngineTime(1_700_000_000_000) }
    }

    #[test]
    fn a_handle_comes_back_to_its_own_queue_only() {
        let handle = receipt().spell(StreamUid(99));
        assert_eq!(Receipt::read(&handle, StreamUid(99)), Some(receipt()));
        assert_eq!(Receipt::read(&handle, StreamUid(98)), None);
    }

    #[test]
    fn a_handle_with_one_bit_changed_is_none() {
        let bytes = BASE64.decode(&*receipt().spell(StreamUid(99))).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Receipt::read(&BASE64.encode(changed), StreamUid(99)), None, "bit {bit}");
        }
        for text in ["", "garbage", &"A".repeat(72), &"=".repeat(72), &"A".repeat(1000)] {
            assert_eq!(Receipt::read(text, StreamUid(99)), None, "{text}");
        }
    }
}
