//! Hashes of ordering keys and dedup ids, as records are marked with them, and the log that a key's records go to.
//!
//! Apart because whoever appends a record and whoever reads its key later, after a restart or in another protocol, must
//! come to the same number. The hashes' keys are constants: they put records in order and find duplicates, they guard
//! nothing.

use core::hash::Hasher as _;
use siphasher::sip::SipHasher13;
use siphasher::sip128::{Hasher128 as _, SipHasher13 as WideSipHasher13};

/// Keys of the hashes: any, but for ever the same.
const KEYS: (u64, u64) = (0x6d69_6c6c_7374_7265, 0x616d_2f6f_7264_6572);

/// The hash of an ordering key, which is the record's key.
#[must_use]
pub fn ordering_key(key: &[u8]) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(KEYS.0, KEYS.1);
    hasher.write(key);
    hasher.finish()
}

/// The hash of a dedup id, which holds within a scope (an ordering key, say) or in the whole stream.
#[must_use]
pub fn dedup_id(scope: Option<&[u8]>, id: &[u8]) -> u128 {
    let mut hasher = WideSipHasher13::new_with_keys(KEYS.0, KEYS.1);
    // The length keeps scope and id apart; no scope is not an empty one.
    let scope_bytes = scope.map_or(u64::MAX, |scope| scope.len() as u64);
    hasher.write_u64(scope_bytes);
    hasher.write(scope.unwrap_or_default());
    hasher.write(id);
    let hash = hasher.finish128();
    u128::from(hash.h1) << 64 | u128::from(hash.h2)
}

/// The log, of so many, that a key's records go to, whoever appends them: so they keep their order. Producers that choose logs
/// by themselves come to the same one by the same hash.
///
/// # Panics
/// When there is no log.
#[must_use]
pub fn log_of(key: &[u8], logs: u32) -> u32 {
    assert!(logs > 0, "a stream has a log at least");
    (murmur2(key) & i32::MAX.cast_unsigned()) % logs
}

/// MurmurHash2, 32 bits, with the seed that producers agree on.
fn murmur2(bytes: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    const R: u32 = 24;
    // The length takes part with its low 32 bits.
    let mut hash = SEED ^ bytes.len() as u32;
    let (words, tail) = bytes.as_chunks::<4>();
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k = (k ^ (k >> R)).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ k;
    }
    if !tail.is_empty() {
        let word = tail.iter().rev().fold(0u32, |word, byte| word << 8 | u32::from(*byte));
        hash = (hash ^ word).wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;

    #[test]
    fn scopes_and_ids_are_kept_apart() {
        let hashes = [
            dedup_id(None, b"ab"),
            dedup_id(Some(b""), b"ab"),
            dedup_id(Some(b"a"), b"b"),
            dedup_id(Some(b"ab"), b""),
            dedup_id(Some(b"b"), b"a"),
        ];
        assert_eq!(hashes.iter().collect::<BTreeSet<_>>().len(), hashes.len());
    }

    #[test]
    fn a_keys_log_is_the_one_that_producers_choose() {
        // Values of the unit test of the clients in Java.
        let known: [(&[u8], i32); 6] = [
            (b"21", -973_932_308),
            (b"foobar", -790_332_482),
            (b"a-little-bit-long-string", -985_981_536),
            (b"a-little-bit-longer-string", -1_486_304_829),
            (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            (b"abc", 479_470_107),
        ];
        for (key, hash) in known {
            assert_eq!(murmur2(key).cast_signed(), hash);
            assert_eq!(log_of(key, 1), 0);
            assert_eq!(log_of(key, 7), (hash.cast_unsigned() & 0x7fff_ffff) % 7);
        }
    }

    #[test]
    fn what_was_stored_is_found_again_by_every_later_version() {
        assert_eq!(ordering_key(b"customer-7"), 583_420_164_728_224_293);
        assert_eq!(dedup_id(Some(b"customer-7"), b"order-1"), 145203336156320584806614830441139654772);
        assert_eq!(dedup_id(None, b"order-1"), 43822856379735311987595750902305683457);
    }
}
