//! The fuzz target `packed_object`: a small object, damaged at will and sealed anew or not, and then read.
//!
//! Apart because the fuzzer (`fuzz/`) and an ordinary test run the same function, and the tests of objects share its
//! means.
//!
//! The first byte says what to do, the others are blows of four bytes: place (2), kind (1), argument (1).
//!
//! ```text
//! bit 0 of the first byte   seal all checksums anew after the blows, as a program gone wrong would write it
//! bit 1                     cut the object at the place of the last blow
//! ```

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use millstream_storage::ReadMode;
use millstream_storage::object::{self, ObjectWriter, PartIndex};
use millstream_storage::store::{DirStore, Files, ObjectFile, Store};
use millstream_types::batch::{BatchBuilder, Compression, LeaderEpoch, patch};
use millstream_types::object::{ObjectEntry, ObjectPart};
use millstream_types::{LogId, ObjectNumber, Offset, RecordTime};

use crate::support::{log, sim_disk};

pub(crate) const DIRECTORY: u128 = 7;
pub(crate) const NUMBER: ObjectNumber = ObjectNumber(42);
/// Blows that one input may deal.
const BLOWS_MAX: usize = 16;

/// An object in memory.
pub(crate) struct Memory(pub(crate) Vec<u8>);

impl ObjectFile for Memory {
    fn read_at(&self, position: u64, buf: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(position).ok().and_then(|at| self.0.get(at..)).unwrap_or_default();
        let bytes = rest.len().min(buf.len());
        buf[..bytes].copy_from_slice(&rest[..bytes]);
        Ok(bytes)
    }

    fn try_read_at(&self, position: u64, buf: &mut [u8]) -> io::Result<usize> {
        self.read_at(position, buf)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }
}

/// What one part is made of.
#[derive(Clone, Debug)]
pub(crate) struct Stretch {
    pub(crate) log: LogId,
    pub(crate) from: Offset,
    pub(crate) to: Offset,
    pub(crate) batches: Vec<Bytes>,
    pub(crate) is_compacted: bool,
}

/// A batch as stored at `base`.
pub(crate) fn make_batch(base: u64, records: u32, time: i64, value_bytes: usize) -> Bytes {
    let mut builder = BatchBuilder::new();
    for n in 0..records {
        let value = vec![n as u8; value_bytes / records as usize];
        builder.push(RecordTime(time), Some(b"key"), Some(&value), &[]).expect("it is small");
    }
    let mut batch = builder.finish(Compression::None).expect("it has records").to_vec();
    patch(&mut batch, Offset(base), LeaderEpoch(0)).expect("it is a batch");
    batch.into()
}

pub(crate) fn write_to(store: &dyn Store, stretches: &[Stretch]) -> ObjectEntry {
    let mut writer = ObjectWriter::new(store, DIRECTORY, NUMBER).expect("the disk works");
    for stretch in stretches {
        writer.begin_part(stretch.log, stretch.from);
        for batch in &stretch.batches {
            writer.batch(&[&batch[..16], &batch[16..]]).expect("the disk works");
        }
        writer.end_part(stretch.to, stretch.is_compacted).expect("the disk works");
    }
    writer.finish().expect("the disk works")
}

/// Writes an object; returns what the manifest gets, and its bytes.
pub(crate) fn write(stretches: &[Stretch]) -> (ObjectEntry, Vec<u8>) {
    let store = DirStore::open(Arc::new(Files::new(Arc::new(sim_disk()), 4))).expect("the disk works");
    let entry = write_to(&store, stretches);
    let file = store.open(NUMBER).expect("it was written");
    let mut bytes = vec![0; entry.bytes as usize];
    assert_eq!(file.read_at(0, &mut bytes).expect("the disk works"), bytes.len());
    (entry, bytes)
}

/// Three parts: one with a hole, one that compaction emptied, one with two batches.
pub(crate) fn small() -> Vec<Stretch> {
    let stretch = |stream, from, to, batches, is_compacted| Stretch {
        log: log(stream),
        from: Offset(from),
        to: Offset(to),
        batches,
        is_compacted,
    };
    vec![
        stretch(1, 0, 9, vec![make_batch(0, 1, 9, 20), make_batch(4, 3, 7, 30)], false),
        stretch(2, 100, 200, Vec::new(), true),
        stretch(3, 5, 7, vec![make_batch(5, 1, 1, 5), make_batch(6, 1, 2, 8)], true),
    ]
}

/// Runs one input; a panic is a finding.
pub(crate) fn run(data: &[u8]) {
    let Some((kind, blows)) = data.split_first() else { return };
    let stretches = small();
    let (entry, mut bytes) = write(&stretches);
    let original = bytes.clone();
    let mut last = bytes.len();
    for &[low, high, kind, argument] in blows.as_chunks::<4>().0.iter().take(BLOWS_MAX) {
        let at = usize::from(u16::from_le_bytes([low, high])) % bytes.len();
        last = at;
        match kind % 3 {
            0 => bytes[at] ^= argument,
            1 => bytes[at] = argument,
            _ => {
                let end = (at + usize::from(argument)).min(bytes.len());
                bytes[at..end].fill(0xff);
            }
        }
    }
    let is_sealed = kind & 1 != 0;
    if is_sealed {
        seal(&entry, &mut bytes);
    }
    if kind & 2 != 0 {
        bytes.truncate(last);
    }
    let is_harmed = bytes != original;
    let file = Memory(bytes);
    let findings = object::verify(&file, NUMBER, DIRECTORY);
    let says = object::read_entry(&file, NUMBER, DIRECTORY);
    if !is_sealed {
        assert_eq!(!findings.is_empty(), is_harmed, "{findings:?}");
    }
    // By what the manifest says, and by what a footer says that is believed.
    for part in entry.parts.iter().chain(says.iter().flat_map(|entry| &entry.parts)) {
        let written: &[Bytes] = stretches
            .iter()
            .find(|stretch| stretch.log == part.log && !is_sealed)
            .map_or(&[], |stretch| &stretch.batches);
        read(&file, part, (!is_sealed).then_some(written));
    }
}

/// Reads all that can be read of a part: in order, inside it and, where that is known, as written.
fn read(file: &Memory, part: &ObjectPart, written: Option<&[Bytes]>) {
    let index = PartIndex::load(file, NUMBER, DIRECTORY, part, ReadMode::MayBlock);
    let Ok(Some(index)) = index else { return };
    let mut next = part.from;
    for place in 0..index.blocks().len() {
        assert_eq!(index.block_at(index.blocks()[place].last), Some(place));
        let span = index.span(place, 1);
        let Ok(Some(batches)) = index.read(file, span, ReadMode::MayBlock) else { continue };
        for batch in batches {
            assert!(batch.base_offset >= next && batch.last_offset < part.to);
            next = Offset(batch.last_offset.0 + 1);
            if let Some(written) = written {
                assert!(written.contains(&batch.rest), "only what was written is served");
            }
        }
    }
}

/// Gives every checksum the value that fits the bytes, at the places where they were.
fn seal(entry: &ObjectEntry, bytes: &mut [u8]) {
    let put = |bytes: &mut [u8], at: usize, sum: u32| bytes[at..at + 4].copy_from_slice(&sum.to_le_bytes());
    let footer_at = bytes.len() - 24 - 8 - entry.parts.len() * 80;
    for (place, part) in entry.parts.iter().enumerate() {
        let index_at = (part.at + part.bytes) as usize;
        let index_end = index_at + part.index_bytes as usize;
        let log: Vec<u8> = [&part.log.stream.0.to_le_bytes()[..], &part.log.index.to_le_bytes()[..]].concat();
        // Each of these parts has one block or none.
        if part.bytes > 0 {
            let first = &bytes[index_at + 40..index_at + 48];
            let sum = crc32c::crc32c(&[&log, first].concat());
            let sum = crc32c::crc32c_append(sum, &bytes[part.at as usize..index_at]);
            put(bytes, index_at + 40 + 48, sum);
        }
        let seed =
            [&DIRECTORY.to_le_bytes()[..], &NUMBER.0.to_le_bytes()[..], &log, &part.at.to_le_bytes()[..]];
        let sum = crc32c::crc32c_append(crc32c::crc32c(&seed.concat()), &bytes[index_at + 8..index_end]);
        put(bytes, index_at + 4, sum);
        put(bytes, footer_at + 8 + place * 80 + 72, sum);
    }
    let sum = crc32c::crc32c(&bytes[..44]);
    put(bytes, 44, sum);
    let trailer_at = bytes.len() - 24;
    let sum = crc32c::crc32c_append(crc32c::crc32c(&bytes[..48]), &bytes[footer_at..trailer_at + 12]);
    put(bytes, trailer_at + 12, sum);
}

#[cfg(test)]
mod tests {
    use super::run;
    use millstream_testkit::corpus;
    use proptest::prelude::*;

    const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/packed_object");

    #[test]
    fn the_corpus_is_survived() {
        corpus::replay(CORPUS, run);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_blows_are_survived(data in proptest::collection::vec(any::<u8>(), 0..66)) {
            run(&data);
        }
    }

    #[test]
    fn sealing_what_nothing_happened_to_changes_nothing() {
        let (entry, bytes) = super::write(&super::small());
        let mut sealed = bytes.clone();
        super::seal(&entry, &mut sealed);
        assert_eq!(sealed, bytes);
    }

    #[test]
    fn a_sealed_lie_at_any_byte_is_survived() {
        let (_, bytes) = super::write(&super::small());
        for at in 0..bytes.len() as u16 {
            let [low, high] = at.to_le_bytes();
            for argument in [0x01, 0x80, 0xff] {
                run(&[1, low, high, 0, argument]);
                run(&[1, low, high, 2, 8]);
            }
        }
    }

    #[test]
    #[ignore = "writes seeds for the fuzzer; `cargo xtask fuzz --seeds` runs it"]
    fn write_seeds() {
        for kind in 0..4u8 {
            for place in [0u16, 20, 60, 200, 400, 700, 900] {
                let [low, high] = place.to_le_bytes();
                let seed = [kind, low, high, kind, 0x80, low, high, 2, 9];
                corpus::write_seed(CORPUS, &format!("kind-{kind}-at-{place:03}"), &seed);
            }
        }
    }
}
