//! A batch that is written again says the same of what stays, and nothing of what went.
//!
//! Apart because compaction rests on it: a record whose offset, time or bytes changed would be another record.

use bytes::Bytes;
use millstream_types::batch::{
    BatchError, BatchHeader, Compression, OpenLimits, TimestampType, open, patch, set_log_append_time, verify,
};
use millstream_types::batch::{LeaderEpoch, OpenBatch, RetainedBatch};
use millstream_types::{Offset, ProducerEpoch, ProducerId, RecordTime};

use crate::support::{builder_of, reseal, samples};

/// The sample records as an idempotent producer's batch at offset 1000.
fn placed(compression: Compression) -> Vec<u8> {
    let builder = builder_of(&samples()).producer(ProducerId(7), ProducerEpoch(3), Some(40));
    let mut batch = builder.finish(compression).unwrap().to_vec();
    patch(&mut batch, Offset(1000), LeaderEpoch(5)).unwrap();
    batch
}

fn opened(batch: &[u8]) -> OpenBatch {
    open(&Bytes::copy_from_slice(batch), OpenLimits::default()).unwrap()
}

/// Everything that can be seen of the records.
fn seen(batch: &[u8]) -> Vec<String> {
    opened(batch)
        .iter()
        .map(|record| {
            let record = record.unwrap();
            let headers: Vec<_> = record.headers.collect();
            format!(
                "{} {:?} {:?} {:?} {headers:?}",
                record.offset_delta, record.timestamp, record.key, record.value
            )
        })
        .collect()
}

fn retain(batch: &[u8], horizon: Option<i64>, deltas: &[u32]) -> Option<RetainedBatch> {
    let horizon = horizon.map(RecordTime);
    opened(batch).retain(horizon, |record| deltas.contains(&record.offset_delta)).unwrap()
}

#[test]
fn every_subset_of_records_stays_as_it_was_under_every_codec() {
    for codec in Compression::ALL {
        let batch = placed(codec);
        let all = seen(&batch);
        for subset in 1u32..16 {
            for horizon in [None, Some(1_800_000_000_000)] {
                let deltas: Vec<u32> = (0..4).filter(|delta| subset & (1 << delta) != 0).collect();
                let kept = retain(&batch, horizon, &deltas).unwrap();
                let (before, after) =
                    (BatchHeader::parse(&batch).unwrap(), BatchHeader::parse(&kept.batch).unwrap());
                verify(&after, &kept.batch).unwrap();
                let expected: Vec<_> = deltas.iter().map(|&delta| all[delta as usize].clone()).collect();
                assert_eq!(seen(&kept.batch), expected, "{codec} {subset:04b} {horizon:?}");
                assert_eq!(kept.records as usize, deltas.len());
                assert_eq!(after.record_count(), kept.records);
                assert_eq!(after.base_offset(), Some(Offset(1000)));
                assert_eq!(after.last_offset(), before.last_offset());
                assert_eq!(after.leader_epoch(), LeaderEpoch(5));
                assert_eq!(after.producer_id(), Some(ProducerId(7)));
                assert_eq!(after.producer_epoch(), Some(ProducerEpoch(3)));
                assert_eq!(after.base_sequence(), Some(40));
                assert_eq!(after.compression(), codec);
                assert_eq!(after.delete_horizon(), horizon.map(RecordTime));
                let largest = deltas.iter().map(|&delta| samples()[delta as usize].timestamp).max();
                assert_eq!(Some(after.max_timestamp().0), largest);
                assert_eq!(kept.max_timestamp, after.max_timestamp());
            }
        }
    }
}

#[test]
fn a_batch_of_which_nothing_stays_is_gone() {
    assert_eq!(retain(&placed(Compression::Lz4), None, &[]), None);
}

#[test]
fn a_batch_that_was_written_again_can_lose_more() {
    let once = retain(&placed(Compression::Zstd), Some(1_800_000_000_000), &[1, 2, 3]).unwrap();
    let twice = retain(&once.batch, None, &[2]).unwrap();
    assert_eq!(seen(&twice.batch), seen(&placed(Compression::None))[2..3]);
    let header = BatchHeader::parse(&twice.batch).unwrap();
    assert_eq!(header.delete_horizon(), Some(RecordTime(1_800_000_000_000)), "the horizon is set once");
    assert_eq!(header.last_offset(), Some(Offset(1003)));
}

#[test]
fn log_append_time_stays_the_time_of_all_records() {
    let mut batch = placed(Compression::Gzip);
    set_log_append_time(&mut batch, RecordTime(1_750_000_000_000)).unwrap();
    let kept = retain(&batch, Some(1_800_000_000_000), &[0, 2]).unwrap();
    let header = BatchHeader::parse(&kept.batch).unwrap();
    assert_eq!(header.timestamp_type(), TimestampType::LogAppendTime);
    assert_eq!(header.max_timestamp(), RecordTime(1_750_000_000_000));
    let all = seen(&batch);
    assert_eq!(seen(&kept.batch), [all[0].clone(), all[2].clone()]);
}

#[test]
fn a_record_out_of_the_horizons_reach_keeps_its_time_and_the_batch_gets_no_horizon() {
    let mut batch = placed(Compression::None);
    // The base timestamp as far back as it goes: with the deltas, still 64 bits.
    batch[27..35].copy_from_slice(&i64::MIN.to_be_bytes());
    reseal(&mut batch);
    let kept = retain(&batch, Some(1_800_000_000_000), &[1, 3]).unwrap();
    let all = seen(&batch);
    assert_eq!(seen(&kept.batch), [all[1].clone(), all[3].clone()]);
    assert_eq!(BatchHeader::parse(&kept.batch).unwrap().delete_horizon(), None);
}

#[test]
fn a_malformed_record_is_an_error_even_when_it_would_not_stay() {
    let mut batch = placed(Compression::None);
    let end = batch.len() - 1;
    batch.truncate(end);
    reseal(&mut batch);
    let refused = opened(&batch).retain(None, |record| record.offset_delta == 0);
    assert_eq!(refused, Err(BatchError::MalformedRecord(3)));
}
