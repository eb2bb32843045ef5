//! Where the lane ends after a crash: torn tails are cut, damage is refused (R6, F3, F4).

use millstream_storage::OpenError;
use millstream_types::EngineTime;

use crate::support::log;
use crate::support::{
    FIRST_FRAME, add, fill, options, overwrite, read_all, read_file, refusal, sim_disk, start,
};

const FILE: &str = "wal/0000000000000000.wal";

/// A disk with a created log, three batches, and the place of the last frame in the file.
fn written(clean: bool) -> (millstream_testkit::sim_disk::SimDisk, u64, u64) {
    let disk = sim_disk();
    let (mut opened, _) = start(&disk, options()).unwrap();
    fill(&mut opened, 2, 100);
    let first = opened.assembler.next_position().0;
    add(&mut opened, 2, 100).unwrap();
    let end = opened.assembler.next_position().0;
    let base = first - (first - 16);
    let (from, to) = (FIRST_FRAME + first - base, FIRST_FRAME + end - base);
    if clean {
        opened.writer.close(opened.assembler, EngineTime(9)).unwrap();
    }
    disk.kill();
    (disk, from, to)
}

#[test]
fn a_tail_torn_at_any_byte_loses_the_last_frame_and_nothing_else() {
    let (disk, from, to) = written(false);
    let original = read_file(&disk, FILE);
    drop(disk);
    for cut in from..to {
        let (disk, ..) = written(false);
        overwrite(&disk, FILE, cut, &vec![0; (to - cut) as usize]);
        let (mut opened, recorder) = start(&disk, options()).unwrap();
        // Only padding and zeros of the entries may be missing without being missed.
        let unchanged = original[cut as usize..to as usize].iter().all(|byte| *byte == 0);
        let expected: &[&[u8]] = &[b"create", b"append 0", b"append 1", b"append 2"];
        let kept = if unchanged { 4 } else { 3 };
        assert_eq!(recorder.entries(), expected[..kept], "cut at {cut}");
        opened
            .adoption
            .adopt(log(1), millstream_types::Offset(0), millstream_types::Offset(kept as u64 - 1))
            .unwrap();
        assert!(!opened.recovered.clean);
        assert_eq!(read_all(&opened, log(1), 0).len(), kept - 1);
    }
}

#[test]
fn damage_anywhere_in_a_proven_frames_head_stops_the_start_and_names_the_place() {
    let (disk, from, _) = written(false);
    drop(disk);
    // The frame before the last, whose durability the last one proves: header, facts and entries.
    let frame = 64 + 52 + 8 + 100_u64;
    let start_of_frame = from - frame.next_multiple_of(16);
    for byte in start_of_frame..start_of_frame + 64 + 52 + 8 {
        let (disk, ..) = written(false);
        disk.flip_bit(FILE, byte * 8 + byte % 8);
        match refusal(&disk) {
            OpenError::Corrupt { file, offset, .. } => assert_eq!((&*file, offset), (FILE, start_of_frame)),
            OpenError::NewerFormat { file, .. } => assert_eq!(file, FILE),
            other => panic!("byte {byte}: {other}"),
        }
        assert!(
            matches!(refusal(&disk), OpenError::Corrupt { .. } | OpenError::NewerFormat { .. }),
            "it stays so"
        );
    }
}

#[test]
fn a_damaged_durable_batch_is_found_when_read_and_never_served() {
    let (disk, from, _) = written(false);
    disk.flip_bit(FILE, (from - 40) * 8);
    let (mut opened, recorder) = start(&disk, options()).unwrap();
    assert_eq!(recorder.frames.len(), 4, "recovery does not read what is known durable");
    opened.adoption.adopt(log(1), millstream_types::Offset(0), millstream_types::Offset(3)).unwrap();
    let view = opened.views.get(log(1)).unwrap();
    let error =
        view.read(millstream_types::Offset(1), 100, millstream_storage::ReadMode::MayBlock).unwrap_err();
    assert!(matches!(&error, millstream_storage::ReadError::Corrupt { file, .. } if file == FILE), "{error}");
    assert!(view.read(millstream_types::Offset(2), 100, millstream_storage::ReadMode::MayBlock).is_ok());
}

#[test]
fn after_a_clean_stop_damage_in_the_last_frame_is_no_torn_tail() {
    let (disk, from, to) = written(true);
    drop(disk);
    for byte in [from, from + 20, from + 64, to - 40] {
        let (disk, ..) = written(true);
        disk.flip_bit(FILE, byte * 8);
        if byte == to - 40 {
            // The batch of a frame that the closing frame proves: found when read.
            let (opened, _) = start(&disk, options()).unwrap();
            assert!(opened.recovered.clean);
        } else {
            assert!(matches!(refusal(&disk), OpenError::Corrupt { .. }), "byte {byte}");
        }
    }
}

#[test]
fn each_start_takes_the_next_incarnation_and_keeps_all() {
    let (disk, ..) = written(false);
    for incarnation in 2..8 {
        let (mut opened, recorder) = start(&disk, options()).unwrap();
        assert_eq!(opened.recovered.incarnation.0, incarnation);
        assert_eq!(recorder.frames.len() as u64, 2 + incarnation);
        opened
            .adoption
            .adopt(log(1), millstream_types::Offset(0), millstream_types::Offset(incarnation + 1))
            .unwrap();
        add(&mut opened, incarnation + 1, 100).unwrap();
        disk.crash();
    }
}
