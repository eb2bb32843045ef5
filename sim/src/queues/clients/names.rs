//! What a record says of the message that it is.
//!
//! Apart because a message is one thing wherever it is, and one record may be several messages: a copy in each queue that it was
//! published to, and an heir in each queue that its dead letters go to. The record's value tells what was sent, and its headers
//! from where it died.

use millstream_testkit::sim_disk::Rng;

/// What was published by a route, of which each queue has a copy.
const PUBLISHED: u64 = 1 << 60;
/// Where a copy's queue is told; a published number takes fewer bits than what is left below.
const QUEUE_SHIFT: u32 = 48;
/// Where an heir's queue is told.
const GRAVE_SHIFT: u32 = 54;

/// The number of what is published by a route.
pub(super) fn published(number: u64) -> u64 {
    PUBLISHED | number
}

/// The message that what was sent is in one queue.
pub(super) fn copy(sent: u64, queue: usize) -> u64 {
    if sent & PUBLISHED == 0 { sent } else { sent | (queue as u64 + 1) << QUEUE_SHIFT }
}

/// The message that another one becomes in one of the queues that its dead letters go to.
pub(super) fn heir(message: u64, grave: usize) -> u64 {
    message | (grave as u64 + 1) << GRAVE_SHIFT
}

/// The number of what happens when a message dies.
pub(super) fn death(message: u64) -> u64 {
    message | 1 << 63
}

/// The value of what was sent under a number.
pub(super) fn value(number: u64) -> Vec<u8> {
    let mut rng = Rng::new(number);
    let length = rng.below(200) as usize;
    number.to_le_bytes().into_iter().chain((0..length).map(|_| rng.next_u64() as u8)).collect()
}

/// The bytes of an ordering key.
pub(super) fn key_bytes(key: u64) -> Vec<u8> {
    format!("key-{key}").into_bytes()
}
