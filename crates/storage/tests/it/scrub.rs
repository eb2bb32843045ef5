//! Scrubbing: what is stored is gone over round after round; damage is counted where it is, and nobody is disturbed.

use millstream_storage::object::ObjectWriter;
use millstream_storage::{Opened, Publish, ScrubPlace, ScrubProgress, Scrubber};
use millstream_testkit::sim_disk::SimDisk;
use millstream_types::batch::{BatchBuilder, Compression, LeaderEpoch, patch};
use millstream_types::{ObjectNumber, Offset, RecordTime};

use crate::support::{FIRST_FRAME, add, fill, log, options, prepare, sim_disk, start};

/// Several files of one log; the last one is being written to.
fn written(disk: &SimDisk) -> Opened {
    let (mut opened, _) = start(disk, options()).unwrap();
    fill(&mut opened, 0, 0);
    for base in 0..100 {
        prepare(&mut opened);
        add(&mut opened, base, 1000).unwrap();
    }
    opened
}

fn round(scrubber: &mut Scrubber, budget_bytes: u64) -> usize {
    for steps in 1..100_000 {
        match scrubber.step(budget_bytes) {
            ScrubProgress::Working { bytes } => {
                assert!(bytes >= budget_bytes && bytes <= budget_bytes + 70_000)
            }
            ScrubProgress::RoundDone { .. } => return steps,
        }
    }
    panic!("a round ends");
}

#[test]
fn a_round_goes_over_every_sealed_file() {
    let disk = sim_disk();
    let opened = written(&disk);
    let mut scrubber = Scrubber::new(&opened.keeper, &opened.objects);
    let steps = round(&mut scrubber, 2000);
    let stats = scrubber.stats();
    assert_eq!((stats.rounds, stats.findings), (1, 0));
    assert!(stats.bytes > 60_000 && stats.bytes < 110_000, "{stats:?}");
    assert!(steps > 30, "a step is bounded: {steps}");
    round(&mut scrubber, 1 << 30);
    assert_eq!(scrubber.stats().bytes, 2 * stats.bytes);
}

#[test]
fn a_round_that_was_cut_off_goes_on_at_the_file_at_hand() {
    let disk = sim_disk();
    let opened = written(&disk);
    let mut whole = Scrubber::at(&opened.files, &opened.objects, ScrubPlace::START);
    round(&mut whole, 1 << 30);
    let mut first = Scrubber::at(&opened.files, &opened.objects, ScrubPlace::START);
    while first.place() < ScrubPlace::File(3) {
        first.step(2000);
    }
    let mut second = Scrubber::at(&opened.files, &opened.objects, first.place());
    assert_eq!(second.place(), first.place());
    round(&mut second, 2000);
    let (first, second, whole) = (first.stats().bytes, second.stats().bytes, whole.stats().bytes);
    assert!(second < whole, "what was before is left out: {second} of {whole}");
    // The file at hand is gone over again from its beginning.
    assert!(first + second >= whole, "{first} + {second} of {whole}");
    let mut behind = Scrubber::at(&opened.files, &opened.objects, ScrubPlace::Object(ObjectNumber(0)));
    round(&mut behind, 2000);
    assert_eq!(behind.stats().bytes, 0, "there are no objects");
}

#[test]
fn damage_is_counted_once_a_round_and_what_follows_is_checked() {
    let disk = sim_disk();
    let opened = written(&disk);
    let mut scrubber = Scrubber::new(&opened.keeper, &opened.objects);
    round(&mut scrubber, 4096);
    let all = scrubber.stats().bytes;
    // A frame's header, and a batch of a later frame.
    for at in [FIRST_FRAME + 1300, FIRST_FRAME + 9000] {
        disk.flip_bit("wal/0000000000000000.wal", at * 8);
    }
    let before = scrubber.stats();
    round(&mut scrubber, 100);
    let after = scrubber.stats();
    assert_eq!(after.findings - before.findings, 2);
    assert_eq!(after.bytes - before.bytes, all, "the damage costs only its place");
    round(&mut scrubber, 1 << 20);
    assert_eq!(scrubber.stats().findings, after.findings + 2);
}

#[test]
fn a_file_that_is_freed_meanwhile_is_passed_over() {
    let disk = sim_disk();
    let mut opened = written(&disk);
    let mut scrubber = Scrubber::new(&opened.keeper, &opened.objects);
    assert!(matches!(scrubber.step(1000), ScrubProgress::Working { .. }));
    let trim = Publish::Trim { log: log(1), start: Offset(100) };
    crate::support::commit(&mut opened, b"trim", &[], &[trim]).unwrap();
    let at = opened.assembler.next_position();
    opened.checkpointer.begin(at).unwrap().finish().unwrap();
    let done = opened.keeper.recycle().unwrap();
    assert!(done.spared + done.removed > 1, "{done:?}");
    round(&mut scrubber, 1000);
    assert_eq!(scrubber.stats().findings, 0);
}

#[test]
fn objects_are_gone_over_too() {
    let disk = sim_disk();
    let opened = written(&disk);
    let objects = &opened.objects;
    let mut writer = ObjectWriter::new(&**objects.store(), objects.directory(), ObjectNumber(3)).unwrap();
    writer.begin_part(log(1), Offset(0));
    for base in 0..100 {
        let mut builder = BatchBuilder::new();
        builder.push(RecordTime(5), None, Some(&[7; 1000]), &[]).unwrap();
        let mut batch = builder.finish(Compression::None).unwrap().to_vec();
        patch(&mut batch, Offset(base), LeaderEpoch(0)).unwrap();
        writer.batch(&[&batch]).unwrap();
    }
    writer.end_part(Offset(100), false).unwrap();
    objects.register(writer.finish().unwrap());
    let mut scrubber = Scrubber::new(&opened.keeper, objects);
    round(&mut scrubber, 30_000);
    let (bytes, findings) = (scrubber.stats().bytes, scrubber.stats().findings);
    assert!(bytes > 160_000 && findings == 0, "{:?}", scrubber.stats());
    disk.flip_bit("objects/0000000000000003.obj", 70_000 * 8);
    round(&mut scrubber, 30_000);
    assert_eq!(scrubber.stats().findings, 1);
    objects.drop_objects(&[ObjectNumber(3)]);
    objects.sweep().unwrap();
    let before = scrubber.stats();
    round(&mut scrubber, 30_000);
    assert_eq!(scrubber.stats().findings, before.findings);
}
