//! Logs that lie in memory, in WAL files and in objects at once: reads see one log, whatever happens to its homes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use millstream_storage::object::ObjectWriter;
use millstream_storage::store::name_of;
use millstream_storage::{
    LogView, Objects, OpenError, Opened, Prepared, Publish, ReadError, ReadMode, ReadOutcome,
};
use millstream_testkit::sim_disk::SimDisk;
use millstream_types::object::ObjectEntry;
use millstream_types::{EngineTime, LogId, ObjectNumber, Offset};

use crate::log_model::Model;
use crate::packed::make_batch;
use crate::support::{commit, facts, log, options, read_all, sim_disk, start};

fn run(seed: u64, steps: u32) -> BTreeMap<&'static str, u32> {
    let mut model = Model::new(seed);
    for _ in 0..steps {
        model.step();
    }
    model.check_all();
    model.restart();
    model.check_all();
    model.done
}

#[test]
fn a_log_is_what_was_appended_and_not_trimmed_or_compacted_wherever_it_lies() {
    let mut done: BTreeMap<&str, u32> = BTreeMap::new();
    for seed in 0..40 {
        println!("seed {seed}");
        for (act, count) in run(seed, 120) {
            *done.entry(act).or_default() += count;
        }
    }
    for act in ["append", "trim", "pack", "orphan", "drop", "free", "restart"] {
        assert!(done.get(act).is_some_and(|count| *count > 20), "too little of {act} in {done:?}");
    }
}

/// Appends `to - from` batches of one record to a log, all in one frame.
fn append(opened: &mut Opened, of: LogId, from: u64, to: u64) {
    while opened.keeper.wants_file() && opened.keeper.prepare_one(EngineTime(0)).unwrap() == Prepared::Ready {
    }
    let batches: Vec<_> = (from..to)
        .map(|base| {
            let bytes = make_batch(base, 1, base as i64, 100);
            (facts(of, base, 1, bytes.len()), bytes)
        })
        .collect();
    commit(opened, b"", &batches, &[]).unwrap();
}

/// Writes `from..to` of logs with the batches that `keeps` says as an object.
fn write(
    objects: &Objects,
    number: u64,
    logs: &[LogId],
    (from, to): (u64, u64),
    keeps: impl Fn(u64) -> bool,
) -> ObjectEntry {
    let mut writer =
        ObjectWriter::new(&**objects.store(), objects.directory(), ObjectNumber(number)).unwrap();
    for of in logs {
        writer.begin_part(*of, Offset(from));
        for base in (from..to).filter(|base| keeps(*base)) {
            writer.batch(&[&make_batch(base, 1, base as i64, 100)]).unwrap();
        }
        writer.end_part(Offset(to), true).unwrap();
    }
    let entry = writer.finish().unwrap();
    objects.register(entry.clone());
    entry
}

fn publish(opened: &mut Opened, entry: &ObjectEntry) {
    let packs: Vec<Publish> =
        entry.parts.iter().map(|part| Publish::Pack { object: entry.number, part: *part }).collect();
    commit(opened, b"", &[], &packs).unwrap();
}

/// Logs 1 and 2 with 60 batches each, all of them in object 1, none in a WAL file.
fn packed(disk: &SimDisk) -> (Opened, ObjectEntry) {
    let (mut opened, _) = start(disk, options()).unwrap();
    for of in [log(1), log(2)] {
        commit(&mut opened, b"", &[], &[Publish::Create { log: of, start: Offset(0) }]).unwrap();
        append(&mut opened, of, 0, 60);
    }
    let entry = write(&opened.objects, 1, &[log(1), log(2)], (0, 60), |_| true);
    publish(&mut opened, &entry);
    // The next file begins, and the first goes.
    commit(&mut opened, b"", &[], &[Publish::Create { log: log(3), start: Offset(0) }]).unwrap();
    for base in 0..4 {
        append(&mut opened, log(3), base * 60, base * 60 + 60);
    }
    let stamp = opened.assembler.next_position();
    let mut writer = opened.checkpointer.begin(stamp).unwrap();
    writer.add(stamp, b"").unwrap();
    writer.finish().unwrap();
    let freed = opened.keeper.recycle().unwrap();
    assert!(freed.spared + freed.removed > 0, "what is packed needs no WAL file");
    (opened, entry)
}

/// Starts with these objects and says what the adoption of logs 1 and 2 ends with.
fn restart(disk: &SimDisk, manifest: &[ObjectEntry], from: u64) -> Result<(), OpenError> {
    disk.crash();
    let (mut opened, _) = start(disk, options())?;
    manifest.iter().for_each(|entry| opened.adoption.object(entry));
    for of in [log(1), log(2)] {
        opened.adoption.adopt(of, Offset(from), Offset(60))?;
    }
    opened.adoption.adopt(log(3), Offset(0), Offset(240))?;
    opened.adoption.finish()
}

fn offsets(opened: &Opened, of: LogId) -> Vec<u64> {
    read_all(opened, of, 0).iter().map(|batch| batch.base_offset.0).collect()
}

#[test]
fn damage_in_an_object_is_named_and_never_served_and_hides_nothing_else() {
    let disk = sim_disk();
    let (opened, entry) = packed(&disk);
    // In the first batch of log 2.
    disk.flip_bit(&name_of(entry.number), (entry.parts[1].at + 70) * 8);
    assert_eq!(offsets(&opened, log(1)), (0..60).collect::<Vec<_>>());
    let view = opened.views.get(log(2)).unwrap();
    match view.read(Offset(0), 1 << 20, ReadMode::MayBlock) {
        Err(ReadError::Corrupt { file, offset }) => {
            assert_eq!((file, offset), (name_of(entry.number), entry.parts[1].at));
        }
        other => panic!("a damaged block is served: {other:?}"),
    }
}

#[test]
fn a_damaged_index_is_an_error_of_its_log_alone() {
    let disk = sim_disk();
    let (opened, entry) = packed(&disk);
    let part = &entry.parts[0];
    disk.flip_bit(&name_of(entry.number), (part.at + part.bytes + 50) * 8);
    let view = opened.views.get(log(1)).unwrap();
    let error = view.read(Offset(0), 1 << 20, ReadMode::MayBlock).unwrap_err();
    assert!(matches!(error, ReadError::Corrupt { .. }), "{error}");
    assert_eq!(offsets(&opened, log(2)), (0..60).collect::<Vec<_>>());
}

#[test]
fn what_lies_before_damage_is_handed_out() {
    let disk = sim_disk();
    let (mut opened, _) = start(&disk, options()).unwrap();
    commit(&mut opened, b"", &[], &[Publish::Create { log: log(1), start: Offset(0) }]).unwrap();
    append(&mut opened, log(1), 0, 30);
    let entry = write(&opened.objects, 1, &[log(1)], (0, 30), |_| true);
    publish(&mut opened, &entry);
    let file = name_of(ObjectNumber(1));
    append(&mut opened, log(1), 30, 60);
    let second = write(&opened.objects, 2, &[log(1)], (30, 60), |_| true);
    publish(&mut opened, &second);
    disk.flip_bit(&name_of(ObjectNumber(2)), (second.parts[0].at + 70) * 8);
    let view = opened.views.get(log(1)).unwrap();
    let ReadOutcome::Batches(batches) = view.read(Offset(0), 1 << 20, ReadMode::MayBlock).unwrap() else {
        panic!("the first thirty are whole in {file}");
    };
    assert_eq!(batches.len(), 30);
    assert!(matches!(view.read(Offset(30), 1, ReadMode::MayBlock), Err(ReadError::Corrupt { .. })));
}

#[test]
fn a_start_without_a_needed_object_names_it() {
    let disk = sim_disk();
    let (opened, entry) = packed(&disk);
    opened.objects.store().remove(entry.number).unwrap();
    drop(opened);
    match restart(&disk, &[entry], 0) {
        Err(OpenError::Missing { file, .. }) => assert_eq!(file, name_of(ObjectNumber(1))),
        other => panic!("a missing object is {other:?}"),
    }
}

#[test]
fn a_start_without_an_object_that_no_live_record_needs_goes_on() {
    let disk = sim_disk();
    let (opened, entry) = packed(&disk);
    opened.objects.store().remove(entry.number).unwrap();
    drop(opened);
    restart(&disk, &[entry], 60).unwrap();
}

#[test]
fn a_start_with_an_object_of_another_length_names_it() {
    let disk = sim_disk();
    let (opened, mut entry) = packed(&disk);
    drop(opened);
    entry.bytes += 1;
    match restart(&disk, &[entry], 0) {
        Err(OpenError::Corrupt { file, .. }) => assert_eq!(file, name_of(ObjectNumber(1))),
        other => panic!("an object that was cut is {other:?}"),
    }
}

#[test]
fn a_log_whose_records_are_nowhere_stops_the_start_and_is_named_with_the_offset() {
    let disk = sim_disk();
    let (opened, entry) = packed(&disk);
    drop(opened);
    let mut short = entry.clone();
    short.parts[1].to = Offset(40);
    match restart(&disk, &[short], 0) {
        Err(OpenError::Hole { log: of, expected, .. }) => assert_eq!((of, expected), (log(2), Offset(40))),
        other => panic!("a log with a hole is {other:?}"),
    }
    // Nothing was removed: with the whole manifest the same directory opens.
    restart(&disk, &[entry], 0).unwrap();
}

#[test]
fn of_two_objects_with_the_same_offsets_the_larger_number_is_read_whichever_came_first() {
    let (mut opened, _) = start(&sim_disk(), options()).unwrap();
    commit(&mut opened, b"", &[], &[Publish::Create { log: log(1), start: Offset(0) }]).unwrap();
    append(&mut opened, log(1), 0, 60);
    let later = write(&opened.objects, 9, &[log(1)], (20, 40), |base| base % 2 == 0);
    publish(&mut opened, &later);
    let earlier = write(&opened.objects, 8, &[log(1)], (10, 50), |base| base % 5 == 0);
    publish(&mut opened, &earlier);
    let expected = |base: &u64| match base {
        20..40 => base.is_multiple_of(2),
        10..50 => base.is_multiple_of(5),
        _ => true,
    };
    assert_eq!(offsets(&opened, log(1)), (0..60).filter(expected).collect::<Vec<_>>());
}

#[test]
fn an_object_that_is_held_is_not_removed() {
    let disk = sim_disk();
    let (mut opened, entry) = packed(&disk);
    let held = opened.objects.get(entry.number).unwrap();
    opened.objects.drop_objects(&[entry.number]);
    assert!(opened.objects.get(entry.number).is_none());
    assert_eq!(opened.objects.sweep().unwrap(), 0, "logs still read from it");
    assert_eq!(offsets(&opened, log(1)).len(), 60);
    let trims = [log(1), log(2)].map(|log| Publish::Trim { log, start: Offset(60) });
    commit(&mut opened, b"", &[], &trims).unwrap();
    assert_eq!(opened.objects.sweep().unwrap(), 0, "it is still held");
    drop(held);
    assert_eq!(opened.objects.sweep().unwrap(), 1);
    assert!(disk.file_bytes(&name_of(entry.number)).is_none());
}

#[test]
fn a_reader_at_the_end_of_a_log_that_compaction_emptied_waits_for_more() {
    let (mut opened, _) = start(&sim_disk(), options()).unwrap();
    commit(&mut opened, b"", &[], &[Publish::Create { log: log(1), start: Offset(0) }]).unwrap();
    append(&mut opened, log(1), 0, 60);
    let entry = write(&opened.objects, 1, &[log(1)], (0, 60), |base| base < 20);
    publish(&mut opened, &entry);
    let view = opened.views.get(log(1)).unwrap();
    for from in [20, 40, 59] {
        let outcome = view.read(Offset(from), 1 << 20, ReadMode::MayBlock).unwrap();
        assert!(matches!(outcome, ReadOutcome::AtEnd), "{outcome:?}");
        assert_eq!(view.bytes_from(Offset(from), 1), 0);
    }
    assert!(view.bytes_from(Offset(19), 1) > 0);
    append(&mut opened, log(1), 60, 61);
    assert!(view.bytes_from(Offset(20), 1) > 0);
    let ReadOutcome::Batches(batches) = view.read(Offset(20), 1, ReadMode::MayBlock).unwrap() else {
        panic!("there is a record now");
    };
    assert_eq!(batches[0].base_offset, Offset(60));
}

/// Reads the log from its start in one turn, over and over; every turn must show one state of it.
fn read_states(view: &LogView, done: &AtomicBool, bodies: &[Bytes]) {
    let mut turns = 0;
    while !done.load(Ordering::Relaxed) || turns == 0 {
        turns += 1;
        let outcome = match view.read(view.log_start(), 1 << 20, ReadMode::MayBlock) {
            Err(ReadError::OutOfRange { .. }) => continue,
            outcome => outcome.unwrap(),
        };
        let ReadOutcome::Batches(batches) = outcome else { continue };
        let seen: Vec<u64> = batches.iter().map(|batch| batch.base_offset.0).collect();
        let (first, last) = (seen[0], *seen.last().unwrap());
        let is_state = |step: u64| (first..=last).filter(|base| base % step == 0).eq(seen.iter().copied());
        assert!(is_state(1) || is_state(2) || is_state(4), "a mixture: {seen:?}");
        for batch in &batches {
            let expected = &bodies[batch.base_offset.0 as usize];
            assert_eq!(batch.to_contiguous()[16..], expected[16..], "offset {}", batch.base_offset);
        }
    }
}

#[test]
fn a_read_sees_what_was_before_a_change_or_what_is_after_it() {
    let (mut opened, _) = start(&sim_disk(), options()).unwrap();
    let bodies: Vec<Bytes> = (0..80).map(|base| make_batch(base, 1, base as i64, 100)).collect();
    for round in 0..40 {
        let of = log(round + 1);
        commit(&mut opened, b"", &[], &[Publish::Create { log: of, start: Offset(0) }]).unwrap();
        append(&mut opened, of, 0, 80);
        let view = opened.views.get(of).unwrap();
        let done = Arc::new(AtomicBool::new(false));
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| read_states(&view, &done, &bodies));
            }
            for (step, number) in [(1, 3 * round + 1), (2, 3 * round + 2), (4, 3 * round + 3)] {
                let entry = write(&opened.objects, number, &[of], (0, 80), |base| base % step == 0);
                publish(&mut opened, &entry);
                opened.objects.drop_objects(&[ObjectNumber(number - 1)]);
                opened.objects.sweep().unwrap();
                let start = Offset(step * 10);
                commit(&mut opened, b"", &[], &[Publish::Trim { log: of, start }]).unwrap();
            }
            done.store(true, Ordering::Relaxed);
        });
        commit(&mut opened, b"", &[], &[Publish::Delete { log: of }]).unwrap();
    }
}
