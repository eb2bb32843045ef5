//! Placing a batch: only its first 16 bytes change, and its checksum stays right.
//!
//! Apart because the stored log depends on exactly this property of the format.

use millstream_types::batch::{
    BatchError, Compression, LeaderEpoch, PLACED_BYTES, TimestampType, patch, set_log_append_time, verify,
};
use millstream_types::{LogId, Offset, RecordTime, StreamId};

use crate::support::{header, reseal, sample_batch};

#[test]
fn placing_changes_base_offset_and_epoch_only() {
    let original = sample_batch(Compression::Gzip);
    let mut batch = original.clone();
    patch(&mut batch, Offset(1 << 40), LeaderEpoch(9)).unwrap();
    let placed = header(&batch);
    verify(&placed, &batch).unwrap();
    assert_eq!(placed.base_offset(), Some(Offset(1 << 40)));
    assert_eq!(placed.last_offset(), Some(Offset((1 << 40) + 3)));
    assert_eq!(placed.next_offset(), Some(Offset((1 << 40) + 4)));
    assert_eq!(placed.leader_epoch(), LeaderEpoch(9));
    assert_eq!(batch[PLACED_BYTES..], original[PLACED_BYTES..]);
    assert_eq!(batch[..PLACED_BYTES], header(&original).placed(Offset(1 << 40), LeaderEpoch(9)));
}

#[test]
fn facts_say_what_the_header_says() {
    let batch = sample_batch(Compression::None);
    let log = LogId { stream: StreamId(3), index: 1 };
    let facts = header(&batch).facts(log, Offset(100));
    assert_eq!(
        (facts.log, facts.base_offset, facts.records, facts.last_offset_delta),
        (log, Offset(100), 4, 3)
    );
    assert_eq!(facts.max_timestamp, RecordTime(1_700_000_000_007));
    assert_eq!(facts.bytes as usize, batch.len());
    assert_eq!(header(&batch).record_count(), 4);
}

#[test]
fn log_append_time_renews_the_checksum() {
    let mut batch = sample_batch(Compression::Snappy);
    assert_eq!(header(&batch).timestamp_type(), TimestampType::CreateTime);
    set_log_append_time(&mut batch, RecordTime(1_800_000_000_000)).unwrap();
    let stamped = header(&batch);
    verify(&stamped, &batch).unwrap();
    assert_eq!(stamped.timestamp_type(), TimestampType::LogAppendTime);
    assert_eq!(stamped.max_timestamp(), RecordTime(1_800_000_000_000));
    assert_eq!(stamped.compression(), Compression::Snappy);
}

#[test]
fn refused_patches_leave_the_bytes_alone() {
    let batch = sample_batch(Compression::None);
    let mut short = batch[..batch.len() - 1].to_vec();
    let before = short.clone();
    let needed = batch.len();
    assert_eq!(
        set_log_append_time(&mut short, RecordTime(1)),
        Err(BatchError::Truncated { needed, present: needed - 1 })
    );
    assert_eq!(short, before);
    let mut long = batch.clone();
    long.push(0);
    assert_eq!(set_log_append_time(&mut long, RecordTime(1)), Err(BatchError::TrailingBytes(1)));
    let mut old = batch;
    old[16] = 1;
    let before = old.clone();
    assert_eq!(patch(&mut old, Offset(5), LeaderEpoch(0)), Err(BatchError::UnsupportedMagic(1)));
    assert_eq!(old, before);
}

#[test]
fn offsets_at_the_end_of_the_range_are_no_offsets() {
    let mut batch = sample_batch(Compression::None);
    batch[..8].copy_from_slice(&(-1i64).to_be_bytes());
    let negative = header(&batch);
    assert_eq!((negative.base_offset(), negative.last_offset(), negative.next_offset()), (None, None, None));
    batch[..8].copy_from_slice(&(i64::MAX - 3).to_be_bytes());
    let last = header(&batch);
    assert_eq!(last.last_offset(), Some(Offset(i64::MAX as u64)));
    assert_eq!(last.next_offset(), None);
    batch[..8].copy_from_slice(&i64::MAX.to_be_bytes());
    assert_eq!(header(&batch).last_offset(), None);
}

#[test]
fn a_maximum_left_unset_falls_back_to_the_base_timestamp() {
    let mut batch = sample_batch(Compression::None);
    batch[35..43].copy_from_slice(&(-1i64).to_be_bytes());
    reseal(&mut batch);
    assert_eq!(header(&batch).max_timestamp(), RecordTime(1_700_000_000_000));
    batch[22] |= 1 << 6;
    reseal(&mut batch);
    assert_eq!(header(&batch).delete_horizon(), Some(RecordTime(1_700_000_000_000)));
    assert_eq!(header(&batch).max_timestamp(), RecordTime(-1), "a delete horizon is no record's time");
}
