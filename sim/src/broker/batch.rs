//! Batches that a number makes, so that whoever finds one in a log knows which it is and every byte of it.
//!
//! Apart because both what clients send and what the log must hold come from here.

use bytes::Bytes;
use millstream_testkit::sim_disk::Rng;

/// Where the number stands: the first bytes of the records.
const NUMBER_AT: usize = 61;
/// Shortest batch.
pub(crate) const BYTES_MIN: usize = NUMBER_AT + 8;

/// A batch as a client sends it.
pub(crate) fn make(number: u64, bytes: usize) -> Bytes {
    assert!(bytes >= BYTES_MIN, "a batch holds its number");
    let mut batch = vec![0; bytes];
    let mut rng = Rng::new(number);
    for chunk in batch[21..].chunks_mut(8) {
        chunk.copy_from_slice(&rng.next_u64().to_le_bytes()[..chunk.len()]);
    }
    batch[NUMBER_AT..BYTES_MIN].copy_from_slice(&number.to_le_bytes());
    let length = u32::try_from(bytes - 12).expect("batches are small");
    batch[8..12].copy_from_slice(&length.to_be_bytes());
    batch[16] = 2;
    let sum = crc32c::crc32c(&batch[21..]);
    batch[17..21].copy_from_slice(&sum.to_be_bytes());
    Bytes::from(batch)
}

/// Which batch stored bytes are; `None` when they are too short to be one.
pub(crate) fn number_of(stored: &[u8]) -> Option<u64> {
    stored.get(NUMBER_AT..BYTES_MIN).map(|bytes| u64::from_le_bytes(bytes.try_into().expect("eight bytes")))
}

/// Whether stored bytes are the batch of a number, placed at a base offset.
pub(crate) fn is_stored(stored: &[u8], number: u64, base: u64) -> bool {
    let sent = make(number, stored.len());
    stored[..8] == base.to_be_bytes() && stored[8..12] == sent[8..12] && stored[16..] == sent[16..]
}
