//! The fuzz target `record_batch`: what a broker does with a payload from a producer, up to opening it.
//!
//! Apart because the fuzzer (`fuzz/`) and an ordinary test run the same function, so that what was found once is
//! looked at in every test run.
//!
//! The first byte: bit 0 set, the rest is one batch whose length and checksum are made right first, so that what
//! lies behind them is reached; else the rest is a payload as it stands.

use bytes::{Bytes, BytesMut};
use millstream_types::batch::{
    BatchError, BatchHeader, HEADER_BYTES, LeaderEpoch, OpenLimits, open, patch, records, split_batches,
    validate_records, verify, verify_from_producer,
};
use millstream_types::{Offset, RecordTime};

/// Small, so that a body that grows beyond it is found soon.
const LIMITS: OpenLimits = OpenLimits { body_bytes_max: 64 << 10 };

/// Runs one input; a panic is a finding.
pub(crate) fn run(data: &[u8]) {
    let Some((mode, rest)) = data.split_first() else { return };
    let mut payload = rest.to_vec();
    if mode & 1 == 1 && payload.len() >= HEADER_BYTES {
        let length = i32::try_from(payload.len() - 12).expect("inputs are small");
        payload[8..12].copy_from_slice(&length.to_be_bytes());
        payload[16] = 2;
        let checksum = crc32c::crc32c(&payload[21..]);
        payload[17..21].copy_from_slice(&checksum.to_be_bytes());
    }
    let payload = Bytes::from(payload);
    let mut bytes = 0;
    for item in split_batches(payload.clone()) {
        let Ok((header, batch)) = item else { break };
        assert_eq!(header.total_bytes(), batch.len());
        bytes += batch.len();
        // The checksum is not a precondition of opening: a reader may meet a damaged batch.
        open_all(&header, &batch);
        if verify_from_producer(&header, &batch).is_ok() {
            accepted(&header, &batch);
        }
    }
    assert!(bytes <= payload.len(), "batches lie in the payload");
}

fn open_all(header: &BatchHeader, batch: &Bytes) {
    let opened = match open(batch, LIMITS) {
        Ok(opened) => opened,
        Err(error) => {
            assert!(!matches!(error, BatchError::Truncated { .. }), "the batch was cut at its length");
            return;
        }
    };
    assert!(opened.body().len() <= LIMITS.body_bytes_max);
    let views: Vec<_> = opened.iter().collect();
    let owned: Vec<_> = records(batch, LIMITS).expect("it was opened above").collect();
    assert_eq!(views.len(), owned.len(), "both walks are the same");
    assert!(views.len() <= header.record_count() as usize + 1);
    let sound = !views.is_empty() && views.iter().all(Result::is_ok);
    for (view, owned) in views.iter().zip(&owned) {
        match (view, owned) {
            (Ok(view), Ok(owned)) => {
                assert_eq!(view.key, owned.key.as_deref());
                assert_eq!(view.value, owned.value.as_deref());
                assert_eq!(view.timestamp, owned.timestamp);
                assert!(view.offset_delta <= header.last_offset_delta());
            }
            (Err(view), Err(owned)) => assert_eq!(view, owned),
            _ => panic!("one walk fails and the other does not"),
        }
    }
    match validate_records(&opened) {
        Ok(checks) => {
            assert!(sound && checks.timestamp_min <= checks.timestamp_max);
            assert!(checks.keyless.is_sorted() && checks.keyless.len() <= views.len());
        }
        Err(_) => assert!(!sound),
    }
}

/// What the broker does with a batch that it takes: none of it may break it.
fn accepted(header: &BatchHeader, batch: &Bytes) {
    assert!(header.record_count() >= 1);
    if header.producer_id().is_some() {
        assert!(header.last_sequence().is_some(), "sequences wrap, they do not end");
    }
    let mut placed = BytesMut::from(&batch[..]);
    let base = Offset(1 << 40);
    patch(&mut placed, base, LeaderEpoch(3)).expect("a verified batch can be placed");
    let placed_header = BatchHeader::parse(&placed).expect("it was placed");
    assert_eq!(placed_header.base_offset(), Some(base));
    verify(&placed_header, &placed).expect("placing leaves the checksum right");
    let mut stamped = placed;
    millstream_types::batch::set_log_append_time(&mut stamped, RecordTime(7))
        .expect("a verified batch can be stamped");
    let stamped_header = BatchHeader::parse(&stamped).expect("it was stamped");
    verify(&stamped_header, &stamped).expect("stamping rewrites the checksum");
}

#[cfg(test)]
mod tests {
    use super::run;
    use crate::support::sample_batch;
    use millstream_types::batch::Compression;
    use std::fs;

    const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/record_batch");

    #[test]
    fn the_corpus_is_survived() {
        let mut inputs = 0;
        for entry in fs::read_dir(CORPUS).unwrap() {
            let path = entry.unwrap().path();
            println!("{}", path.display());
            run(&fs::read(path).unwrap());
            inputs += 1;
        }
        assert!(inputs > 0, "the corpus is not where it belongs");
    }

    #[test]
    #[ignore = "writes seeds for the fuzzer; `cargo xtask fuzz --seeds` runs it"]
    fn write_seeds() {
        for compression in Compression::ALL {
            for (mode, name) in [(0, "payload"), (1, "sealed")] {
                let mut input = vec![mode];
                input.extend_from_slice(&sample_batch(compression));
                if mode == 0 {
                    input.extend_from_slice(&sample_batch(Compression::None));
                }
                fs::write(format!("{CORPUS}/{name}-{}", compression.name()), &input).unwrap();
            }
        }
    }
}
