//! Damaged and hostile bytes are refused, never believed, and nothing panics.
//!
//! Apart because these tests go over every byte and every length field rather than over behaviours.

use bytes::Bytes;
use millstream_types::batch::{
    BatchError, BatchHeader, Compression, HEADER_BYTES, OpenLimits, open, split_batches, validate_records,
    verify,
};
use proptest::prelude::*;

use crate::support::{batch_with_body, reseal, sample_batch};

const LIMITS: OpenLimits = OpenLimits { body_bytes_max: 1 << 20 };

fn check(batch: &[u8]) -> Result<(), BatchError> {
    verify(&BatchHeader::parse(batch)?, batch)
}

fn open_all(batch: Vec<u8>) -> Result<(), BatchError> {
    validate_records(&open(&Bytes::from(batch), LIMITS)?).map(|_| ())
}

/// A batch whose uncompressed body is one record made of `fields`, with its length before it.
fn one_record(fields: &[u8]) -> Vec<u8> {
    assert!(fields.len() < 64, "the length must be a varint of one byte");
    let mut body = vec![(fields.len() as u8) << 1];
    body.extend_from_slice(fields);
    batch_with_body(Compression::None, 1, &body)
}

#[test]
fn a_batch_cut_anywhere_is_refused() {
    for codec in Compression::ALL {
        let batch = sample_batch(codec);
        for end in 0..batch.len() {
            let cut = &batch[..end];
            assert!(matches!(check(cut), Err(BatchError::Truncated { .. })), "{codec} cut at {end}");
            let split: Vec<_> = split_batches(Bytes::copy_from_slice(cut)).collect();
            let refused = matches!(split[..], [Err(BatchError::Truncated { .. })]);
            assert_eq!(refused, end > 0, "{codec} cut at {end}");
            assert!(open(&Bytes::copy_from_slice(cut), LIMITS).is_err());
        }
    }
}

#[test]
fn a_partial_batch_after_whole_ones_is_an_error_and_the_end() {
    let batch = sample_batch(Compression::None);
    let payload = [&batch[..], &batch[..100]].concat();
    let mut batches = split_batches(Bytes::from(payload));
    assert!(batches.next().unwrap().is_ok());
    let needed = batch.len();
    assert_eq!(batches.next(), Some(Err(BatchError::Truncated { needed, present: 100 })));
    assert_eq!(batches.next(), None);
}

#[test]
fn bytes_after_a_batch_are_refused() {
    let mut batch = sample_batch(Compression::None);
    batch.extend_from_slice(&[0; 3]);
    assert_eq!(check(&batch), Err(BatchError::TrailingBytes(3)));
    assert_eq!(open(&batch.into(), LIMITS).map(|_| ()), Err(BatchError::TrailingBytes(3)));
}

#[test]
fn every_flipped_bit_is_caught_but_those_of_the_place() {
    for codec in Compression::ALL {
        let batch = sample_batch(codec);
        for bit in 0..batch.len() * 8 {
            let mut flipped = batch.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let placed = matches!(bit / 8, 0..8 | 12..16);
            assert_eq!(check(&flipped).is_ok(), placed, "{codec} bit {bit}");
        }
    }
}

#[test]
fn older_formats_are_told_apart_even_when_short() {
    for magic in [0i8, 1, 3, -1] {
        // An older message of 26 bytes is shorter than our header.
        let mut old = vec![0; 26];
        old[11] = 14;
        old[16] = magic.cast_unsigned();
        assert_eq!(BatchHeader::parse(&old), Err(BatchError::UnsupportedMagic(magic)));
        assert_eq!(split_batches(old.into()).next(), Some(Err(BatchError::UnsupportedMagic(magic))));
    }
}

#[test]
fn impossible_lengths_are_refused_without_reading_that_far() {
    let batch = sample_batch(Compression::None);
    for length in [i32::MIN, -1, 0, 48] {
        let mut lying = batch.clone();
        lying[8..12].copy_from_slice(&length.to_be_bytes());
        assert_eq!(check(&lying), Err(BatchError::InvalidLength(length)));
    }
    let mut lying = batch.clone();
    lying[8..12].copy_from_slice(&i32::MAX.to_be_bytes());
    let needed = i32::MAX as usize + 12;
    let error = BatchError::Truncated { needed, present: batch.len() };
    assert_eq!(check(&lying), Err(error));
    assert_eq!(split_batches(lying.into()).next(), Some(Err(error)));
}

#[test]
fn lengths_inside_a_record_are_held_to_the_bytes_there() {
    const GOOD: [u8; 6] = [0, 0, 0, 1, 1, 0];
    open_all(one_record(&GOOD)).unwrap();
    // Zigzag of 2³¹ − 1, of −2³¹ and of −2, and five bytes that pass 32 bits.
    let wrong: [&[u8]; 4] = [
        &[0xfe, 0xff, 0xff, 0xff, 0x0f],
        &[0xff, 0xff, 0xff, 0xff, 0x0f],
        &[0x03],
        &[0xff, 0xff, 0xff, 0xff, 0x7f],
    ];
    for length in wrong {
        // In turn the offset delta, the lengths of key and value, the count of headers.
        for at in 2..6 {
            let fields = [&GOOD[..at], length, &GOOD[at + 1..]].concat();
            assert_eq!(
                open_all(one_record(&fields)),
                Err(BatchError::MalformedRecord(0)),
                "{length:x?} at {at}"
            );
        }
        // The lengths of a header's key and value.
        for header in [[length, &[1]].concat(), [&[0], length].concat()] {
            let fields = [&[0, 0, 0, 1, 1, 2], &header[..]].concat();
            assert_eq!(open_all(one_record(&fields)), Err(BatchError::MalformedRecord(0)), "{header:x?}");
        }
        // The record's own length.
        let body = [length, &GOOD[..]].concat();
        let batch = batch_with_body(Compression::None, 1, &body);
        assert_eq!(open_all(batch), Err(BatchError::MalformedRecord(0)));
    }
}

#[test]
fn a_record_must_be_well_formed_to_its_last_byte() {
    let null_header_key = [0, 0, 0, 1, 1, 2, 1, 1];
    let header_key_not_text = [0, 0, 0, 1, 1, 2, 2, 0xff, 1];
    let byte_too_many = [0, 0, 0, 1, 1, 0, 0];
    let header_missing = [0, 0, 0, 1, 1, 4, 0, 1];
    let offset_after_last = [0, 0, 2, 1, 1, 0];
    let endless_timestamp = [0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0, 0, 1, 1, 0];
    let timestamp_past_64_bits = [0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x03, 0, 1, 1, 0];
    let sum_past_64_bits = [0, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0, 1, 1, 0];
    let records: [&[u8]; 8] = [
        &null_header_key,
        &header_key_not_text,
        &byte_too_many,
        &header_missing,
        &offset_after_last,
        &endless_timestamp,
        &timestamp_past_64_bits,
        &sum_past_64_bits,
    ];
    for fields in records {
        assert_eq!(open_all(one_record(fields)), Err(BatchError::MalformedRecord(0)), "{fields:x?}");
    }
}

#[test]
fn the_body_must_hold_exactly_the_records_promised() {
    const RECORD: [u8; 7] = [12, 0, 0, 0, 1, 1, 0];
    const NEXT: [u8; 7] = [12, 0, 0, 2, 1, 1, 0];
    let both = [RECORD, NEXT].concat();
    open_all(batch_with_body(Compression::None, 2, &both)).unwrap();
    assert_eq!(
        open_all(batch_with_body(Compression::None, 1, &both)),
        Err(BatchError::TrailingRecordBytes(7))
    );
    assert_eq!(open_all(batch_with_body(Compression::None, 3, &both)), Err(BatchError::MalformedRecord(2)));
    assert_eq!(
        open_all(batch_with_body(Compression::None, 2, &[RECORD, RECORD].concat())),
        Err(BatchError::MalformedRecord(1)),
        "offsets must ascend"
    );
    // A hole is possible, as compaction leaves it, when the header's last offset allows for it.
    let mut holed = batch_with_body(Compression::None, 2, &[RECORD, [12, 0, 0, 18, 1, 1, 0]].concat());
    assert_eq!(open_all(holed.clone()), Err(BatchError::MalformedRecord(1)));
    holed[23..27].copy_from_slice(&9i32.to_be_bytes());
    reseal(&mut holed);
    open_all(holed).unwrap();
    assert_eq!(
        open_all(batch_with_body(Compression::None, 0, &[])),
        Err(BatchError::InvalidOffsetDelta { last_offset_delta: -1, records: 0 })
    );
}

#[test]
fn a_compressed_body_cut_anywhere_is_refused() {
    for codec in [Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd] {
        let batch = sample_batch(codec);
        for end in HEADER_BYTES..batch.len() {
            let mut cut = batch[..end].to_vec();
            reseal(&mut cut);
            assert!(open_all(cut).is_err(), "{codec} cut at {end}");
        }
        let mut longer = batch;
        longer.push(1);
        reseal(&mut longer);
        assert_eq!(open_all(longer), Err(BatchError::Undecodable(codec)), "{codec} with a byte more");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_body_is_opened_or_refused(
        codec in prop::sample::select(Compression::ALL.to_vec()),
        body in prop::collection::vec(any::<u8>(), 0..200),
        records in 1..20i32,
    ) {
        // Opening within the limit is all that may happen; what it yields does not matter.
        if let Ok(opened) = open(&batch_with_body(codec, records, &body).into(), LIMITS) {
            prop_assert!(opened.body().len() <= LIMITS.body_bytes_max);
            let yielded = opened.iter().count();
            prop_assert!(yielded <= records as usize + 1);
        }
    }

    #[test]
    fn a_sound_body_with_changed_bytes_is_opened_or_refused(
        codec in prop::sample::select(Compression::ALL.to_vec()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut batch = sample_batch(codec);
        for (index, byte) in changes {
            let at = HEADER_BYTES + index.index(batch.len() - HEADER_BYTES);
            batch[at] = byte;
        }
        reseal(&mut batch);
        if let Ok(opened) = open(&batch.into(), LIMITS) {
            prop_assert!(opened.body().len() <= LIMITS.body_bytes_max);
            prop_assert!(opened.iter().count() <= 5);
        }
    }

    #[test]
    fn any_header_is_read_or_refused(
        mut bytes in prop::collection::vec(any::<u8>(), HEADER_BYTES..120),
        code in 0..8u8,
    ) {
        // Format, length and codec are made possible, or nearly all would be refused for these alone.
        bytes[16] = 2;
        bytes[22] = bytes[22] & !7 | code;
        let length = bytes.len() as i32 - 12;
        bytes[8..12].copy_from_slice(&length.to_be_bytes());
        let signed = bytes[23] & 0x80 != 0 || bytes[57] & 0x80 != 0;
        let expected = if signed || code > 4 { 0 } else { 1 };
        let read: Vec<_> = split_batches(Bytes::from(bytes.clone())).flatten().collect();
        prop_assert_eq!(read.len(), expected);
        for (header, batch) in read {
            prop_assert_eq!(&batch, &bytes);
            prop_assert_eq!(header.total_bytes(), batch.len());
            prop_assert!(header.next_offset().is_none() || header.base_offset() < header.next_offset());
        }
    }
}
