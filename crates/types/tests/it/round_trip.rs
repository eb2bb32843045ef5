//! What goes into a batch comes out of it, through every codec.
//!
//! Apart because these tests know only the two ends, the builder and the readers.

use bytes::Bytes;
use millstream_types::batch::{
    BatchBuilder, BatchError, Compression, OpenLimits, open, records, set_log_append_time, split_batches,
    validate_records, verify_from_producer,
};
use millstream_types::limits::BATCH_BYTES_MAX;
use millstream_types::{Offset, ProducerEpoch, ProducerId, RecordTime};
use proptest::prelude::*;

use crate::support::{Sample, builder_of, header, sample_batch, samples};

fn bytes_of(max: usize) -> impl Strategy<Value = Option<Vec<u8>>> {
    prop::option::of(prop_oneof![
        prop::collection::vec(any::<u8>(), 0..max),
        (any::<u8>(), 0..max).prop_map(|(byte, count)| vec![byte; count]),
    ])
}

fn sample() -> impl Strategy<Value = Sample> {
    let timestamp = prop_oneof![Just(-1), 0..2_000_000_000_000i64, Just(i64::MAX - 1)];
    let headers = prop::collection::vec((".{0,12}", bytes_of(40)), 0..5);
    (timestamp, bytes_of(300), bytes_of(3000), headers).prop_map(|(timestamp, key, value, headers)| Sample {
        timestamp,
        key,
        value,
        headers,
    })
}

/// The records of `batch` by borrowing and by owning, which must agree.
fn read(batch: &Bytes) -> Vec<Sample> {
    let opened = open(batch, OpenLimits::default()).unwrap();
    let mut owned = records(batch, OpenLimits::default()).unwrap();
    let mut out = Vec::new();
    for (index, view) in opened.iter().enumerate() {
        let view = view.unwrap();
        let record = owned.next().unwrap().unwrap();
        assert_eq!(view.offset_delta as usize, index);
        assert_eq!(record.offset_delta, view.offset_delta);
        assert_eq!(record.timestamp, view.timestamp);
        assert_eq!(record.key.as_deref(), view.key);
        assert_eq!(record.value.as_deref(), view.value);
        assert!(record.headers().eq(view.headers));
        out.push(Sample {
            timestamp: view.timestamp.0,
            key: view.key.map(<[u8]>::to_vec),
            value: view.value.map(<[u8]>::to_vec),
            headers: view.headers.map(|(key, value)| (key.to_owned(), value.map(<[u8]>::to_vec))).collect(),
        });
    }
    assert!(owned.next().is_none());
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn records_come_back_as_they_were(
        samples in prop::collection::vec(sample(), 1..30),
        codec in prop::sample::select(Compression::ALL.to_vec()),
    ) {
        let builder = builder_of(&samples);
        prop_assert_eq!(builder.record_count() as usize, samples.len());
        let plain_bytes = builder.bytes();
        let batch = builder.finish(codec).unwrap();
        let header = header(&batch);
        verify_from_producer(&header, &batch).unwrap();
        prop_assert_eq!(header.compression(), codec);
        prop_assert_eq!(header.base_offset(), Some(Offset::ZERO));
        prop_assert_eq!(header.next_offset(), Some(Offset(samples.len() as u64)));
        let latest = samples.iter().map(|sample| sample.timestamp).max().unwrap();
        prop_assert_eq!(header.max_timestamp(), RecordTime(latest));
        if codec == Compression::None {
            prop_assert_eq!(batch.len(), plain_bytes);
        }
        prop_assert_eq!(read(&batch), samples);
    }

    #[test]
    fn records_rebuilt_from_views_make_the_same_bytes(samples in prop::collection::vec(sample(), 1..10)) {
        let batch = builder_of(&samples).finish(Compression::None).unwrap();
        let mut copy = BatchBuilder::with_capacity(batch.len());
        for view in &open(&batch, OpenLimits::default()).unwrap() {
            let view = view.unwrap();
            copy.push_with(view.timestamp, view.key, view.value, view.headers).unwrap();
        }
        prop_assert_eq!(copy.finish(Compression::None).unwrap(), batch);
    }
}

#[test]
fn bodies_larger_than_a_codec_block_come_back() {
    let mut samples = samples();
    let mut state = 1u32;
    let noise = (0..300_000).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    });
    samples[0].value = Some(noise.collect());
    samples[1].value = Some(vec![7; 5 << 20]);
    for codec in Compression::ALL {
        let batch = builder_of(&samples).finish(codec).unwrap();
        assert_eq!(read(&batch), samples, "{codec}");
    }
}

#[test]
fn slices_of_an_uncompressed_batch_share_its_memory() {
    let batch = Bytes::from(sample_batch(Compression::None));
    let range = batch.as_ptr_range();
    let opened = open(&batch, OpenLimits::default()).unwrap();
    let view = opened.iter().next().unwrap().unwrap();
    let value = opened.share(view.value.unwrap());
    assert!(range.contains(&value.as_ptr()));
    let record = opened.into_records().next().unwrap().unwrap();
    assert!(range.contains(&record.key.as_ref().unwrap().as_ptr()));
    let (_, trace) = record.headers().next().unwrap();
    assert!(range.contains(&record.share_header(trace.unwrap()).as_ptr()));
    assert_eq!(record.headers().first("none"), Some(None));
    assert_eq!(record.headers().first("trace"), Some(Some(&b"abc"[..])));
    assert_eq!(record.headers().first("absent"), None);
}

#[test]
fn payload_splits_into_its_batches_in_order() {
    let mut payload = Vec::new();
    for codec in Compression::ALL {
        payload.extend_from_slice(&sample_batch(codec));
    }
    let payload = Bytes::from(payload);
    let batches: Vec<_> = split_batches(payload.clone()).map(Result::unwrap).collect();
    assert_eq!(batches.iter().map(|(header, _)| header.compression()).collect::<Vec<_>>(), Compression::ALL);
    for (header, batch) in &batches {
        verify_from_producer(header, batch).unwrap();
        assert!(payload.as_ptr_range().contains(&batch.as_ptr()), "a batch shares the payload's memory");
    }
    assert_eq!(batches.iter().map(|(_, batch)| batch.len()).sum::<usize>(), payload.len());
    assert_eq!(split_batches(Bytes::new()).count(), 0);
}

#[test]
fn producer_marks_are_read_back() {
    let batch = builder_of(&samples())
        .producer(ProducerId(77), ProducerEpoch(5), Some(i32::MAX as u32 - 1))
        .transactional()
        .finish(Compression::Zstd)
        .unwrap();
    let marked = header(&batch);
    verify_from_producer(&marked, &batch).unwrap();
    assert!(marked.is_transactional() && !marked.is_control());
    assert_eq!(marked.producer_id(), Some(ProducerId(77)));
    assert_eq!(marked.producer_epoch(), Some(ProducerEpoch(5)));
    assert_eq!(marked.base_sequence(), Some(i32::MAX as u32 - 1));
    // Four records from 2³¹ − 2 on: 2³¹ − 2, 2³¹ − 1, 0, 1.
    assert_eq!(marked.last_sequence(), Some(1));

    let plain = header(&sample_batch(Compression::None));
    assert!(!plain.is_transactional() && plain.producer_id().is_none() && plain.producer_epoch().is_none());
    assert!(plain.base_sequence().is_none() && plain.last_sequence().is_none());
}

#[test]
fn log_append_time_replaces_every_timestamp() {
    for codec in Compression::ALL {
        let mut batch = sample_batch(codec);
        set_log_append_time(&mut batch, RecordTime(42)).unwrap();
        let expected: Vec<_> =
            samples().into_iter().map(|sample| Sample { timestamp: 42, ..sample }).collect();
        assert_eq!(read(&Bytes::from(batch)), expected);
    }
}

#[test]
fn validation_names_keyless_records_and_the_span_of_time() {
    let checks =
        validate_records(&open(&sample_batch(Compression::Lz4).into(), OpenLimits::default()).unwrap());
    let checks = checks.unwrap();
    assert_eq!(checks.keyless, [1]);
    assert_eq!(checks.timestamp_min, RecordTime(1_700_000_000_000));
    assert_eq!(checks.timestamp_max, RecordTime(1_700_000_000_007));
}

#[test]
fn builder_refuses_what_no_batch_can_hold() {
    assert_eq!(BatchBuilder::new().finish(Compression::None), Err(BatchError::Empty));
    let mut builder = builder_of(&samples());
    let before = (builder.bytes(), builder.record_count());
    assert_eq!(builder.push(RecordTime(-2), None, None, &[]), Err(BatchError::InvalidTimestamp));
    let large = vec![0; BATCH_BYTES_MAX as usize];
    assert_eq!(builder.push(RecordTime(0), None, Some(&large), &[]), Err(BatchError::BatchTooLarge));
    let mut from_none = builder_of(&[Sample { timestamp: -1, ..samples()[0].clone() }]);
    assert_eq!(from_none.push(RecordTime(i64::MAX), None, None, &[]), Err(BatchError::InvalidTimestamp));
    assert_eq!((builder.bytes(), builder.record_count()), before, "a refused record leaves no trace");
}

#[test]
fn a_value_in_parts_is_the_value_as_one() {
    let headers = [("h", Some(&b"1"[..]))];
    let value = b"abcdefgh";
    let mut whole = BatchBuilder::new();
    whole.push(RecordTime(5), None, Some(value), &headers).unwrap();
    whole.push(RecordTime(6), None, Some(b""), &[]).unwrap();
    let mut parts = BatchBuilder::new();
    parts
        .push_parts(RecordTime(5), None, Some(&[&value[..3], &value[3..3], &value[3..]]), headers.into_iter())
        .unwrap();
    parts.push_parts(RecordTime(6), None, Some(&[] as &[&[u8]]), [].into_iter()).unwrap();
    assert_eq!(whole.finish(Compression::None), parts.finish(Compression::None));
}
