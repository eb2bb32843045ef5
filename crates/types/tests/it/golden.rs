//! Batches made by client libraries that are in wide use read as the records they were made from.
//!
//! Apart because round trips through our own builder would pass with a format of our own invention. The bytes in
//! `golden.txt` were made in November 2026: librdkafka 2.16.0 produced the four records to its built-in mock broker
//! with idempotence on, from where they were fetched back; kafka-python 3.0.12 and aiokafka 0.14.0 were asked for a
//! batch directly. librdkafka sends raw snappy, kafka-python framed snappy, aiokafka LZ4 with block checksums.

use bytes::Bytes;
use millstream_types::batch::{Compression, OpenLimits, open, verify_from_producer};

use crate::support::{header, samples};

fn unhex(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

#[test]
fn batches_of_client_libraries_read_as_their_records() {
    let mut seen = Vec::new();
    for line in include_str!("golden.txt").lines().filter(|line| !line.starts_with('#')) {
        let [client, codec, hex] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let batch = Bytes::from(unhex(hex));
        let header = header(&batch);
        verify_from_producer(&header, &batch).unwrap();
        assert_eq!(header.compression().name(), codec);
        assert_eq!(header.producer_id().is_some(), client != "aiokafka", "{client}");
        assert_eq!(header.max_timestamp().0, 1_700_000_000_007);

        let opened = open(&batch, OpenLimits::default()).unwrap();
        let records: Vec<_> = opened.iter().map(Result::unwrap).collect();
        let expected = samples();
        assert_eq!(records.len(), expected.len(), "{client} {codec}");
        for (record, sample) in records.iter().zip(&expected) {
            assert_eq!(record.timestamp.0, sample.timestamp);
            assert_eq!(record.key, sample.key.as_deref());
            assert_eq!(record.value, sample.value.as_deref());
            assert!(
                record.headers.eq(sample.headers.iter().map(|(key, value)| (key.as_str(), value.as_deref())))
            );
        }
        seen.push((client, codec));
    }
    assert!(Compression::ALL.iter().all(|codec| seen.contains(&("librdkafka", codec.name()))), "{seen:?}");
    assert!(seen.contains(&("kafka-python", "snappy")) && seen.contains(&("aiokafka", "lz4")), "{seen:?}");
}
