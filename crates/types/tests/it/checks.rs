//! Each check on a batch refuses what it is for, and only that, with its own error.
//!
//! Apart because every batch here is right but for one field, checksum included.

use millstream_types::ErrorKind;
use millstream_types::batch::{BatchError, BatchHeader, Compression, verify, verify_from_producer};
use millstream_types::{ProducerEpoch, ProducerId};

use crate::support::{batch_with_body, builder_of, header, reseal, sample_batch, samples};

/// The verdicts of the two doors on the sample batch with `bytes` at `at`.
fn verdicts(at: usize, bytes: &[u8]) -> (Result<(), BatchError>, Result<(), BatchError>) {
    let mut batch = sample_batch(Compression::None);
    batch[at..at + bytes.len()].copy_from_slice(bytes);
    reseal(&mut batch);
    match BatchHeader::parse(&batch) {
        Ok(header) => (verify(&header, &batch), verify_from_producer(&header, &batch)),
        Err(error) => (Err(error), Err(error)),
    }
}

/// Refused at both doors alike.
fn refusal(at: usize, bytes: &[u8]) -> BatchError {
    let (stored, produced) = verdicts(at, bytes);
    assert_eq!(stored, produced);
    stored.unwrap_err()
}

/// Refused from a producer, though it may be stored.
fn producer_refusal(at: usize, bytes: &[u8]) -> BatchError {
    let (stored, produced) = verdicts(at, bytes);
    stored.unwrap();
    produced.unwrap_err()
}

#[test]
fn counts_must_be_possible() {
    for count in [0, 1000, i32::MAX] {
        assert_eq!(refusal(57, &count.to_be_bytes()), BatchError::InvalidRecordCount(count));
    }
    assert_eq!(refusal(57, &(-1i32).to_be_bytes()), BatchError::InvalidRecordCount(-1));
    for (delta, stored_too) in [(-1, false), (2, false), (4, true), (i32::MAX, true)] {
        let (stored, produced) = verdicts(23, &delta.to_be_bytes());
        assert_eq!(produced, Err(BatchError::InvalidOffsetDelta { last_offset_delta: delta, records: 4 }));
        assert_eq!(stored.is_ok(), stored_too, "a stored batch may have holes: {delta}");
    }
    let batch = batch_with_body(Compression::Gzip, i32::MAX, b"");
    verify(&header(&batch), &batch).unwrap();
}

#[test]
fn unknown_compression_is_refused() {
    for code in 5..8u8 {
        assert_eq!(refusal(21, &[0, code]), BatchError::UnknownCompression(code));
    }
}

#[test]
fn marks_of_the_broker_are_refused_from_a_producer() {
    assert_eq!(producer_refusal(22, &[1 << 5]), BatchError::ControlFromProducer);
    assert_eq!(producer_refusal(22, &[1 << 3]), BatchError::TimestampTypeFromProducer);
    assert_eq!(producer_refusal(22, &[1 << 6]), BatchError::DeleteHorizonFromProducer);
}

#[test]
fn timestamps_below_none_are_refused_from_a_producer() {
    for at in [27, 35] {
        assert_eq!(producer_refusal(at, &(-2i64).to_be_bytes()), BatchError::InvalidTimestamp);
        verdicts(at, &(-1i64).to_be_bytes()).1.unwrap();
    }
}

#[test]
fn producer_fields_must_go_together() {
    assert_eq!(producer_refusal(22, &[1 << 4]), BatchError::InvalidProducer, "transactional without an id");
    let id_only = 5i64.to_be_bytes();
    assert_eq!(producer_refusal(43, &id_only), BatchError::InvalidProducer);
    let without_sequence = [&id_only[..], &[0, 0]].concat();
    assert_eq!(producer_refusal(43, &without_sequence), BatchError::InvalidProducer);
    let without_epoch = [&id_only[..], &[0xff, 0xff], &[0; 4]].concat();
    assert_eq!(producer_refusal(43, &without_epoch), BatchError::InvalidProducer);
    let whole = [&id_only[..], &[0; 6]].concat();
    verdicts(43, &whole).1.unwrap();
}

#[test]
fn base_offset_and_epoch_may_be_anything_from_a_producer() {
    verdicts(0, &[0xff; 8]).1.unwrap();
    verdicts(12, &[0x80, 0, 0, 0]).1.unwrap();
}

#[test]
fn markers_can_be_stored_but_not_produced() {
    let marker = builder_of(&samples()[..1])
        .producer(ProducerId(1), ProducerEpoch(0), None)
        .transactional()
        .control()
        .finish(Compression::None)
        .unwrap();
    let header = header(&marker);
    assert!(header.is_control() && header.is_transactional());
    verify(&header, &marker).unwrap();
    assert_eq!(verify_from_producer(&header, &marker), Err(BatchError::ControlFromProducer));
}

#[test]
fn errors_have_the_kind_a_caller_acts_on() {
    assert_eq!(BatchError::UnsupportedMagic(1).kind(), ErrorKind::InvalidRecord);
    assert_eq!(BatchError::TimestampTypeFromProducer.kind(), ErrorKind::InvalidTimestamp);
    assert_eq!(BatchError::BodyTooLarge(1).kind(), ErrorKind::RecordTooLarge);
    assert_eq!(BatchError::ChecksumMismatch { stored: 1, computed: 2 }.kind(), ErrorKind::CorruptBatch);
    assert_eq!(BatchError::Undecodable(Compression::Lz4).to_string(), "body is not valid lz4 data");
}

#[test]
fn codes_and_names_of_codecs_are_those_of_the_format() {
    let table: Vec<_> =
        (0..8).map_while(Compression::from_code).map(|codec| (codec.code(), codec.name())).collect();
    assert_eq!(table, [(0, "none"), (1, "gzip"), (2, "snappy"), (3, "lz4"), (4, "zstd")]);
}
