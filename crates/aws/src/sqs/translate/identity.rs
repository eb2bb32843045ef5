//! Ids of messages and tasks, and sequence numbers: derived from what they are of, so that nobody has to keep them.
//!
//! Apart because a duplicate's answer, a redelivery and a restarted broker must all give the same ones.

use crate::hex::Ascii;
use crate::ids::uuid;
use core::hash::Hasher as _;
use millstream_types::{Offset, StreamUid};
use siphasher::sip128::{Hasher128 as _, SipHasher13};

/// What sequence numbers are counted from: 20 digits, whatever the offset.
const SEQUENCE_BASE: u128 = 10_000_000_000_000_000_000;

/// The id of the message at an offset of a stream's log.
pub(crate) fn message_id(uid: StreamUid, log: u32, offset: Offset) -> Ascii<36> {
    let (high, low) = halves(uid);
    let mut hasher = SipHasher13::new_with_keys(high, low);
    hasher.write_u32(log);
    hasher.write_u64(offset.0);
    let hash = hasher.finish128();
    uuid(u128::from(hash.h1) << 64 | u128::from(hash.h2))
}

/// The id of the task that is a stream's redrive of a number.
pub(crate) fn task_id(uid: StreamUid, number: u64) -> String {
    let (high, low) = halves(uid);
    let mut hasher = SipHasher13::new_with_keys(high, low);
    hasher.write(b"task");
    hasher.write_u64(number);
    let hash = hasher.finish128();
    uuid(u128::from(hash.h1) << 64 | u128::from(hash.h2)).to_string()
}

/// The sequence number of the message at an offset.
pub(crate) fn sequence_number(offset: Offset) -> String {
    // Offsets have 63 bits: the sum has 20 digits.
    (SEQUENCE_BASE + u128::from(offset.0)).to_string()
}

/// A universal id as the two halves of a key.
pub(super) fn halves(uid: StreamUid) -> (u64, u64) {
    let low = u64::try_from(uid.0 & u128::from(u64::MAX)).expect("64 bits");
    (u64::try_from(uid.0 >> 64).expect("64 bits"), low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_by_stream_log_and_offset_and_are_the_same_again() {
        let id = |uid, log, offset| message_id(StreamUid(uid), log, Offset(offset));
        assert_eq!(id(7, 0, 0), id(7, 0, 0));
        let all = [id(7, 0, 0), id(8, 0, 0), id(7, 1, 0), id(7, 0, 1), id(7 << 64, 0, 0)];
        let different: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(different.len(), all.len());
        assert!(all.iter().all(|id| id.len() == 36 && id.as_bytes()[14] == b'4'));
    }

    #[test]
    fn tasks_have_ids_of_their_own() {
        let ids = [task_id(StreamUid(7), 1), task_id(StreamUid(7), 2), task_id(StreamUid(8), 1)];
        let different: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(different.len(), ids.len());
        assert_eq!(task_id(StreamUid(7), 1), ids[0]);
    }

    #[test]
    fn sequence_numbers_have_twenty_digits_and_grow() {
        assert_eq!(sequence_number(Offset(0)), "10000000000000000000");
        assert_eq!(sequence_number(Offset(i64::MAX as u64)), "19223372036854775807");
    }
}
