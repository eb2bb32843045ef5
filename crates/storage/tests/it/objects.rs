//! Packed objects: what is written is read, and what is damaged is never served.

use millstream_storage::object::{self, ObjectWriter, PartIndex};
use millstream_storage::store::{ObjectFile, Store, name_of};
use millstream_storage::{ObjectError, OpenError, ReadError, ReadMode, StoredBatch};
use millstream_types::object::ObjectPart;
use millstream_types::{LogId, ObjectNumber, Offset, RecordTime};
use proptest::prelude::*;

use crate::packed::{DIRECTORY, Memory, NUMBER, Stretch, make_batch, small, write, write_to};
use crate::store::dir_store;
use crate::support::{log, sim_disk};

fn load(file: &dyn ObjectFile, part: &ObjectPart) -> Result<PartIndex, ReadError> {
    let index = PartIndex::load(file, NUMBER, DIRECTORY, part, ReadMode::MayBlock)?;
    Ok(index.expect("a read that may wait gives all there is"))
}

/// All batches of a part that can be read, and whether there was damage.
fn read_part(file: &dyn ObjectFile, part: &ObjectPart) -> (Vec<StoredBatch>, bool) {
    let Ok(index) = load(file, part) else { return (Vec::new(), true) };
    let mut batches = Vec::new();
    for place in 0..index.blocks().len() {
        match index.read(file, place..place + 1, ReadMode::MayBlock) {
            Ok(read) => batches.extend(read.expect("a read that may wait gives all there is")),
            Err(ReadError::Corrupt { .. }) => return (batches, true),
            Err(other) => panic!("memory does not fail: {other}"),
        }
    }
    (batches, false)
}

fn stretches() -> impl Strategy<Value = Vec<Stretch>> {
    // Mostly small batches, some that fill blocks, a few larger than a block.
    let value_bytes = prop_oneof![6 => 0..200usize, 2 => 10_000..40_000usize, 1 => 65_000..300_000usize];
    let batch = (0..4u64, 1..6u32, -1..1000i64, value_bytes);
    let stretch = (0..5u64, 0..3u64, proptest::collection::vec(batch, 0..12), any::<bool>());
    proptest::collection::vec(stretch, 1..6).prop_map(|drawn| {
        let stretch = |(place, (from, slack, batches, is_compacted))| {
            let mut next: u64 = from;
            let mut made = Vec::new();
            for (gap, records, time, value_bytes) in batches {
                next += gap;
                made.push(make_batch(next, records, time, value_bytes));
                next += u64::from(records);
            }
            let to = Offset(next.max(from + 1) + slack);
            Stretch { log: log(place as u64), from: Offset(from), to, batches: made, is_compacted }
        };
        drawn.into_iter().enumerate().map(stretch).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read(stretches in stretches(), span_bytes in 1..300_000u64) {
        let (entry, bytes) = write(&stretches);
        let file = Memory(bytes);
        prop_assert_eq!(entry.bytes, file.0.len() as u64);
        prop_assert_eq!(&object::read_entry(&file, NUMBER, DIRECTORY).unwrap(), &entry);
        object::check(&file, DIRECTORY, &entry).unwrap();
        let findings = object::verify(&file, NUMBER, DIRECTORY);
        prop_assert!(findings.is_empty(), "{:?}", findings);
        prop_assert_eq!(entry.parts.len(), stretches.len());
        for (part, stretch) in entry.parts.iter().zip(&stretches) {
            check_part(&file, part, stretch, span_bytes)?;
        }
    }
}

fn check_part(
    file: &Memory,
    part: &ObjectPart,
    stretch: &Stretch,
    span_bytes: u64,
) -> Result<(), TestCaseError> {
    prop_assert_eq!((part.log, part.from, part.to), (stretch.log, stretch.from, stretch.to));
    prop_assert_eq!(part.is_compacted, stretch.is_compacted);
    prop_assert_eq!(part.batches as usize, stretch.batches.len());
    let index = load(file, part).unwrap();
    prop_assert!(index.heap_bytes() <= 256 + index.blocks().len() * 64);
    // Everything, in reads of several blocks.
    let (mut place, mut batches) = (0, Vec::new());
    while place < index.blocks().len() {
        let span = index.span(place, span_bytes);
        place = span.end;
        batches.extend(index.read(file, span, ReadMode::CachedOnly).unwrap().expect("memory never waits"));
    }
    let bytes: Vec<_> = batches.iter().map(StoredBatch::to_contiguous).collect();
    prop_assert_eq!(bytes, stretch.batches.clone());
    // From any offset the batch that holds it, or the next behind the hole.
    for offset in (stretch.from.0..stretch.to.0).map(Offset) {
        let expected = batches.iter().find(|batch| batch.last_offset >= offset);
        let block = index.block_at(offset);
        prop_assert_eq!(block.is_some(), expected.is_some());
        if let Some(block) = block {
            let read = index.read(file, block..block + 1, ReadMode::MayBlock).unwrap().unwrap();
            prop_assert_eq!(read.iter().find(|batch| batch.last_offset >= offset), expected);
        }
    }
    for time in [-1, 0, 1, 250, 999, 1000].map(RecordTime) {
        let expected = batches.iter().find(|batch| batch.max_timestamp >= time);
        let block = index.block_by_time(time);
        prop_assert_eq!(block.is_some(), expected.is_some());
        if let Some(block) = block {
            let read = index.read(file, block..block + 1, ReadMode::MayBlock).unwrap().unwrap();
            prop_assert_eq!(read.iter().find(|batch| batch.max_timestamp >= time), expected);
        }
    }
    Ok(())
}

#[test]
fn damage_at_any_byte_is_found_and_never_served() {
    let stretches = small();
    let (entry, bytes) = write(&stretches);
    for at in 0..bytes.len() {
        for mask in [1 << (at % 8), 0xff] {
            let mut damaged = bytes.clone();
            damaged[at] ^= mask;
            let file = Memory(damaged);
            let findings = object::verify(&file, NUMBER, DIRECTORY);
            assert!(!findings.is_empty(), "byte {at} of {} is looked at", bytes.len());
            for (part, stretch) in entry.parts.iter().zip(&stretches) {
                let (batches, is_damaged) = read_part(&file, part);
                let end = part.at + part.bytes + u64::from(part.index_bytes);
                assert_eq!(is_damaged, (part.at..end).contains(&(at as u64)), "byte {at}");
                for (batch, written) in batches.iter().zip(&stretch.batches) {
                    assert_eq!(&batch.rest, written, "byte {at}");
                }
            }
        }
    }
}

#[test]
fn a_truncated_object_is_found_and_never_served() {
    let stretches = small();
    let (entry, bytes) = write(&stretches);
    for length in 0..bytes.len() {
        let file = Memory(bytes[..length].to_vec());
        assert!(!object::verify(&file, NUMBER, DIRECTORY).is_empty(), "{length} bytes");
        assert!(object::check(&file, DIRECTORY, &entry).is_err());
        for (part, stretch) in entry.parts.iter().zip(&stretches) {
            for (batch, written) in read_part(&file, part).0.iter().zip(&stretch.batches) {
                assert_eq!(&batch.rest, written, "{length} bytes");
            }
        }
    }
}

#[test]
fn verify_names_every_damaged_block() {
    let batches = (0..10).map(|n| make_batch(n, 1, 5, 40_000)).collect();
    let stretch = Stretch { log: log(1), from: Offset(0), to: Offset(10), batches, is_compacted: false };
    let (entry, mut bytes) = write(&[stretch]);
    let index = load(&Memory(bytes.clone()), &entry.parts[0]).unwrap();
    assert_eq!(index.blocks().len(), 10, "two of these batches are more than a block");
    let places = [2, 3, 7].map(|place: usize| entry.parts[0].at + index.blocks()[place].at);
    for at in places {
        bytes[at as usize + 100] ^= 4;
    }
    let findings = object::verify(&Memory(bytes.clone()), NUMBER, DIRECTORY);
    let found: Vec<_> = findings
        .iter()
        .map(|finding| match finding {
            OpenError::Corrupt { file, offset, .. } if *file == name_of(NUMBER) => *offset,
            other => panic!("{other}"),
        })
        .collect();
    assert_eq!(found, places);
    // A read over several blocks gives what comes before the damage.
    let read = index.read(&Memory(bytes), 0..10, ReadMode::MayBlock).unwrap().unwrap();
    assert_eq!(read.len(), 2);
}

#[test]
fn an_object_of_another_directory_number_or_version_is_refused() {
    let (entry, bytes) = write(&small());
    let file = Memory(bytes.clone());
    let foreign = object::read_entry(&file, NUMBER, DIRECTORY + 1).unwrap_err();
    assert!(
        matches!(foreign, OpenError::Foreign { found, expected, .. } if (found, expected) == (DIRECTORY, DIRECTORY + 1))
    );
    let other = ObjectNumber(NUMBER.0 + 1);
    let renamed = object::read_entry(&file, other, DIRECTORY).unwrap_err();
    assert!(matches!(renamed, OpenError::Corrupt { offset: 32, .. }), "{renamed}");
    for (number, directory) in [(other, DIRECTORY), (NUMBER, DIRECTORY + 1)] {
        let index = PartIndex::load(&file, number, directory, &entry.parts[0], ReadMode::MayBlock);
        assert!(matches!(index, Err(ReadError::Corrupt { .. })));
    }

    let mut newer = bytes;
    newer[8] = 2;
    let sum = crc32c::crc32c(&newer[..44]);
    newer[44..48].copy_from_slice(&sum.to_le_bytes());
    let findings = object::verify(&Memory(newer), NUMBER, DIRECTORY);
    assert!(matches!(findings[..], [OpenError::NewerFormat { found: 2, known: 1, .. }]), "{findings:?}");
}

#[test]
fn the_manifest_may_leave_parts_out_and_name_no_others() {
    let (mut entry, bytes) = write(&small());
    let file = Memory(bytes);
    let left_out = entry.parts.remove(0);
    assert!(object::check(&file, DIRECTORY, &entry).is_ok());
    entry.parts.insert(0, ObjectPart { to: left_out.to.advance(1), ..left_out });
    let refusal = object::check(&file, DIRECTORY, &entry).unwrap_err();
    assert!(matches!(refusal, OpenError::Corrupt { .. }), "{refusal}");
}

#[test]
fn an_object_of_another_life_under_the_same_name_is_told_apart() {
    let (entry, _) = write(&small());
    // The same shape, other bytes: nothing but the checksums differ.
    let mut others = small();
    others[0].batches[0] = make_batch(0, 1, 8, 20);
    let (other, bytes) = write(&others);
    assert_eq!((entry.bytes, &entry.parts[1]), (other.bytes, &other.parts[1]));
    assert!(object::verify(&Memory(bytes.clone()), NUMBER, DIRECTORY).is_empty());
    let refusal = object::check(&Memory(bytes), DIRECTORY, &entry).unwrap_err();
    assert!(matches!(refusal, OpenError::Corrupt { .. }), "{refusal}");
}

#[test]
fn an_index_answers_for_the_part_that_the_manifest_means_and_no_other() {
    let (entry, bytes) = write(&small());
    let file = Memory(bytes);
    let part = entry.parts[0];
    let elsewhere = LogId { index: 9, ..part.log };
    let lies = [
        ObjectPart { log: elsewhere, ..part },
        ObjectPart { from: Offset(part.from.0 + 1), ..part },
        ObjectPart { to: Offset(part.to.0 + 1), ..part },
        ObjectPart { records: part.records - 1, ..part },
        ObjectPart { batches: part.batches + 1, ..part },
        ObjectPart { at: part.at + 1, bytes: part.bytes - 1, ..part },
        ObjectPart { max_timestamp: RecordTime(1), ..part },
        ObjectPart { index_bytes: u32::MAX, ..part },
        ObjectPart { bytes: u64::MAX, ..part },
    ];
    load(&file, &part).unwrap();
    for lie in lies {
        assert!(matches!(load(&file, &lie), Err(ReadError::Corrupt { .. })), "{lie:?}");
    }
}

#[test]
fn what_is_not_in_memory_is_not_waited_for() {
    let disk = sim_disk();
    let store = dir_store(disk.clone());
    let entry = write_to(&store, &small());
    let file = store.open(NUMBER).unwrap();
    let index = load(&*file, &entry.parts[0]).unwrap();
    disk.evict(&name_of(NUMBER));
    assert!(index.read(&*file, 0..1, ReadMode::CachedOnly).unwrap().is_none());
    let part = &entry.parts[1];
    assert!(PartIndex::load(&*file, NUMBER, DIRECTORY, part, ReadMode::CachedOnly).unwrap().is_none());
    assert!(index.read(&*file, 0..1, ReadMode::MayBlock).unwrap().is_some());
}

#[test]
fn batches_that_do_not_follow_are_refused() {
    let store = dir_store(sim_disk());
    let mut writer = ObjectWriter::new(&store, DIRECTORY, NUMBER).unwrap();
    writer.begin_part(log(1), Offset(10));
    let first = make_batch(12, 3, 1, 10);
    // In pieces that part the header.
    writer.batch(&[&first[..16], &first[16..40], &first[40..]]).unwrap();
    let bytes = writer.bytes();
    let before = make_batch(14, 1, 1, 10);
    let longer = [&first[..], b"x"].concat();
    for refused in [&before[..], &first[..first.len() - 1], &longer, &first[..30], b""] {
        assert!(matches!(writer.batch(&[refused]), Err(ObjectError::Batch { expected: Offset(15), .. })));
    }
    assert_eq!(writer.bytes(), bytes, "nothing was added");
    writer.batch(&[&make_batch(15, 1, 1, 10)]).unwrap();
    let part = writer.end_part(Offset(16), false).unwrap();
    assert_eq!((part.batches, part.records), (2, 4));
    drop(writer);
    assert_eq!(store.list().unwrap(), Default::default(), "it was abandoned");
}
