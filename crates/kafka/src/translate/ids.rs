//! Identifiers: topic ids, and the cluster id as clients see it.
//!
//! Apart because both are 128 random bits in the core and have spellings of their own on the wire.

use crate::codec::Uuid;
use millstream_types::StreamUid;

/// The topic id of a stream.
pub(crate) fn topic_id(uid: StreamUid) -> Uuid {
    Uuid(uid.0.to_be_bytes())
}

/// The stream that a topic id names.
pub(crate) fn uid(id: Uuid) -> StreamUid {
    StreamUid(u128::from_be_bytes(id.0))
}

/// The cluster id: 16 bytes in URL-safe base64 without padding, 22 characters, as Kafka makes its own.
pub(crate) fn cluster_id(id: u128) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    // 22 groups of six bits, the last one filled up with zeros.
    let mut text = String::with_capacity(22);
    for group in 0..22 {
        let shift = 122 - 6 * group;
        let bits = if shift >= 0 { id >> shift } else { id << -shift };
        text.push(char::from(ALPHABET[usize::try_from(bits & 63).expect("six bits")]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cluster_ids_are_url_safe_base64() {
        assert_eq!(cluster_id(0), "AAAAAAAAAAAAAAAAAAAAAA");
        assert_eq!(cluster_id(u128::MAX), "_____________________w");
        assert_eq!(cluster_id(0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f), "AAECAwQFBgcICQoLDA0ODw");
    }
}
