//! Keyed hashing for maps over names and ids that clients choose (R22).
//!
//! Apart because the seed is an argument: one made at random in production keeps clients from choosing colliding
//! names, one fixed in simulation keeps a run repeatable. No decision may depend on a map's order either way.

use core::hash::BuildHasher;
use siphasher::sip::SipHasher13;

/// Seed of every keyed map of one shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashSeed(pub [u64; 2]);

impl BuildHasher for HashSeed {
    type Hasher = SipHasher13;

    fn build_hasher(&self) -> SipHasher13 {
        SipHasher13::new_with_keys(self.0[0], self.0[1])
    }
}

/// A map over keys that clients choose.
pub type KeyedMap<K, V> = hashbrown::HashMap<K, V, HashSeed>;
