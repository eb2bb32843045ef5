//! What several tests of record batches need: sample records, and batches that no builder would make.
//!
//! Apart because a test that breaks one field must keep all others right, or it tests the wrong check.

use millstream_types::RecordTime;
use millstream_types::batch::{BatchBuilder, BatchHeader, Compression, HEADER_BYTES};

/// Headers as a test writes them down.
pub(crate) type OwnedHeaders = Vec<(String, Option<Vec<u8>>)>;

/// A record as a test writes it down.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Sample {
    pub(crate) timestamp: i64,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: OwnedHeaders,
}

/// Four records with what is easily lost: null and empty keys and values, duplicate and null headers, a timestamp
/// that goes back, text beyond ASCII, a value that compresses.
pub(crate) fn samples() -> Vec<Sample> {
    let header = |key: &str, value: Option<&[u8]>| (key.to_owned(), value.map(<[u8]>::to_vec));
    let sample = |timestamp, key: Option<&[u8]>, value: Option<&[u8]>, headers| Sample {
        timestamp,
        key: key.map(<[u8]>::to_vec),
        value: value.map(<[u8]>::to_vec),
        headers,
    };
    let traced = vec![
        header("trace", Some(b"abc")),
        header("trace", Some(b"def")),
        header("empty", Some(b"")),
        header("none", None),
    ];
    let foxes = b"the quick brown fox jumps over the lazy dog ".repeat(6);
    vec![
        sample(1_700_000_000_000, Some(b"key-1"), Some(b"first value"), traced),
        sample(1_700_000_000_007, None, Some(b""), vec![]),
        sample(1_700_000_000_003, Some(b""), None, vec![]),
        sample(1_700_000_000_003, Some(&[b'k'; 70]), Some(&foxes), vec![header("hé", Some(b"\xff\0"))]),
    ]
}

/// A builder that holds `samples`.
pub(crate) fn builder_of(samples: &[Sample]) -> BatchBuilder {
    let mut builder = BatchBuilder::new();
    for sample in samples {
        let headers: Vec<_> =
            sample.headers.iter().map(|(key, value)| (key.as_str(), value.as_deref())).collect();
        builder
            .push(RecordTime(sample.timestamp), sample.key.as_deref(), sample.value.as_deref(), &headers)
            .expect("samples are small");
    }
    builder
}

/// The sample records as a batch.
pub(crate) fn sample_batch(compression: Compression) -> Vec<u8> {
    builder_of(&samples()).finish(compression).expect("samples make a batch").to_vec()
}

/// Makes length and checksum right again after a test has changed the bytes.
pub(crate) fn reseal(batch: &mut [u8]) {
    let length = i32::try_from(batch.len() - 12).expect("test batches are small");
    batch[8..12].copy_from_slice(&length.to_be_bytes());
    let checksum = crc32c::crc32c(&batch[21..]);
    batch[17..21].copy_from_slice(&checksum.to_be_bytes());
}

/// A batch whose header promises `records` records in a body of any bytes.
pub(crate) fn batch_with_body(compression: Compression, records: i32, body: &[u8]) -> Vec<u8> {
    let mut batch = sample_batch(Compression::None);
    batch.truncate(HEADER_BYTES);
    batch.extend_from_slice(body);
    batch[22] = compression.code();
    batch[23..27].copy_from_slice(&(records - 1).to_be_bytes());
    batch[57..61].copy_from_slice(&records.to_be_bytes());
    reseal(&mut batch);
    batch
}

/// The header of bytes that have a good one.
pub(crate) fn header(batch: &[u8]) -> BatchHeader {
    BatchHeader::parse(batch).expect("the header is good")
}
