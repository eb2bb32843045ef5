//! The fuzz target `wal_recovery`: a small data directory, damaged at will, and then a start.
//!
//! Apart because the fuzzer (`fuzz/`) and an ordinary test run the same function, so that what was found once is
//! looked at in every test run.
//!
//! The first byte chooses the directory (see [`Directory::make`]), the others are blows of eight bytes:
//!
//! ```text
//! 0 what (1) │ 1 file (1) │ 2 place in it (2) │ 4 length (2) │ 6 argument (2)
//! ```
//!
//! What a start promises: it works and has lost nothing of which the remaining bytes prove that it was durable (R6),
//! or it fails and names what is wrong. What it shows once it shows after the next power cut too.

use std::collections::BTreeMap;

use millstream_storage::disk::{Disk, OpenMode, write_all_at};
use millstream_storage::{
    Frame, OpenError, Opened, Options, Publish, ReadError, ReadMode, ReadOutcome, Replay, ReplayError,
    ReplayedFrame, open,
};
use millstream_testkit::sim_disk::SimDisk;
use millstream_types::{EngineTime, LogId, Offset, WalPosition};
use std::sync::Arc;

use crate::support::{FIRST_FRAME, batch, facts, log, options, prepare, read_file, sim_disk};

/// Blows that one input may deal.
const BLOWS_MAX: usize = 8;
/// Frames of a directory.
const FRAMES: u64 = 40;
const BATCH_BYTES: usize = 200;
/// Bytes at the start of a WAL file that say what it is.
const PAGE_BYTES: u64 = 68;

/// Runs one input; a panic is a finding.
pub(crate) fn run(data: &[u8]) {
    let Some((kind, blows)) = data.split_first() else { return };
    let mut directory = Directory::make(*kind);
    for blow in blows.as_chunks::<8>().0.iter().take(BLOWS_MAX) {
        directory.strike(blow);
    }
    directory.check();
}

/// What the frames add up to; every entry and every image is one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct State {
    /// Frames so far.
    frames: u64,
    /// The log's first offset and the one its next record gets.
    start: u64,
    end: u64,
}

impl State {
    fn encode(self) -> Vec<u8> {
        [self.frames, self.start, self.end].iter().flat_map(|number| number.to_le_bytes()).collect()
    }

    fn decode(bytes: &[u8]) -> State {
        let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
        State { frames: number(0), start: number(8), end: number(16) }
    }
}

impl Replay for State {
    fn image(&mut self, _stamp: WalPosition, image: &[u8]) -> Result<(), ReplayError> {
        *self = State::decode(image);
        Ok(())
    }

    fn frame(&mut self, frame: ReplayedFrame<'_>) -> Result<(), ReplayError> {
        let state = State::decode(frame.entries);
        assert!(state.frames <= self.frames + 1, "frame {} follows frame {}", state.frames, self.frames);
        if state.frames > self.frames {
            *self = state;
        }
        Ok(())
    }
}

/// One frame that was written: where, and what it proves.
struct Written {
    /// Positions in the lane.
    start: u64,
    end: u64,
    /// What was durable when it was laid out.
    durable_to: u64,
}

/// A data directory, and what may have become of it.
struct Directory {
    disk: SimDisk,
    /// Frame n at n − 1; the closing frame, if any, last.
    frames: Vec<Written>,
    state: State,
    /// Per file, by path, the ranges of bytes that are not what was written.
    harmed: BTreeMap<String, Vec<(u64, u64)>>,
    /// Where in the lane each file's first frame is.
    bases: Vec<(u64, String)>,
}

fn small() -> Options {
    Options { wal_file_bytes: 8 << 10, wal_file_bytes_first: 8 << 10, ..options() }
}

impl Directory {
    /// Bits of `kind`: 0 stopped cleanly, 1 checkpoints are taken, 2 the log is trimmed, so that files are freed and used
    /// again, 3 the process dies in the middle and starts again, 4 frames go out in pairs.
    fn make(kind: u8) -> Directory {
        let mut directory = Directory {
            disk: sim_disk(),
            frames: Vec::new(),
            state: State::default(),
            harmed: BTreeMap::new(),
            bases: Vec::new(),
        };
        let bit = |n: u8| kind >> n & 1 == 1;
        let mut opened = directory.start(State::default());
        for n in 1..=FRAMES {
            if bit(3) && n == FRAMES / 2 {
                directory.flush(&mut opened);
                drop(opened);
                directory.disk.kill();
                let state = directory.state;
                opened = directory.start(state);
            }
            directory.push(&mut opened, bit(2) && n % 8 == 7);
            if !bit(4) || n % 2 == 0 {
                directory.flush(&mut opened);
            }
            if bit(1) && n % 9 == 0 {
                directory.flush(&mut opened);
                let stamp = opened.assembler.next_position();
                let mut writer = opened.checkpointer.begin(stamp).expect("the disk works");
                writer.add(stamp, &directory.state.encode()).expect("the disk works");
                writer.finish().expect("the disk works");
                opened.keeper.recycle().expect("the disk works");
            }
        }
        directory.flush(&mut opened);
        if bit(0) {
            let start = opened.assembler.next_position().0;
            directory.frames.push(Written { start, end: start + 64, durable_to: start });
            opened.writer.close(opened.assembler, EngineTime(9)).expect("the disk works");
        }
        directory.disk.kill();
        directory.find_files();
        directory
    }

    fn start(&self, expected: State) -> Opened {
        let mut state = State::default();
        let mut opened =
            open(Arc::new(self.disk.clone()), small(), &mut state).expect("nothing is damaged yet");
        assert_eq!(state, expected);
        if state.frames > 0 {
            opened
                .adoption
                .adopt(log(1), Offset(state.start), Offset(state.end))
                .expect("all of it is there");
        }
        opened
    }

    fn push(&mut self, opened: &mut Opened, trims: bool) {
        prepare(opened);
        let mut publish = Vec::new();
        if self.state.frames == 0 {
            publish.push(Publish::Create { log: log(1), start: Offset(0) });
        }
        let base = self.state.end;
        self.state.frames += 1;
        self.state.end += 1;
        if trims {
            self.state.start = base;
            publish.push(Publish::Trim { log: log(1), start: Offset(base) });
        }
        let start = opened.assembler.next_position().0;
        let durable_to = opened.writer.durable().0;
        let batches = [(facts(log(1), base, 1, BATCH_BYTES), batch(BATCH_BYTES, base as u8))];
        let entries = self.state.encode();
        let frame = Frame { time: EngineTime(5), entries: &entries, batches: &batches, publish: &publish };
        let end = opened.assembler.push(frame).0;
        self.frames.push(Written { start, end, durable_to });
    }

    fn flush(&self, opened: &mut Opened) {
        if let Some(group) = opened.assembler.take_group() {
            opened.writer.write(group).expect("the disk works");
        }
    }

    /// The files as their header pages describe them.
    fn find_files(&mut self) {
        for name in self.disk.list("wal").expect("the disk works") {
            let path = format!("wal/{name}");
            let page = read_file(&self.disk, &path);
            if page.is_empty() {
                continue;
            }
            let number = |at: usize| u64::from_le_bytes(page[at..at + 8].try_into().expect("eight bytes"));
            if name == format!("{:016x}.wal", number(32)) && page[..8] == *b"MSWALFIL" {
                self.bases.push((number(48), path));
            }
        }
        self.bases.sort();
    }

    fn paths(&self) -> Vec<String> {
        let mut paths = vec!["identity".to_owned()];
        for dir in ["wal", "checkpoint"] {
            let names = self.disk.list(dir).expect("the disk works");
            paths.extend(names.into_iter().map(|name| format!("{dir}/{name}")));
        }
        paths.retain(|path| self.disk.file_bytes(path).is_some());
        paths
    }

    fn strike(&mut self, blow: &[u8; 8]) {
        let short = |at: usize| u16::from_be_bytes([blow[at], blow[at + 1]]);
        let paths = self.paths();
        let Some(path) = paths.get(usize::from(blow[1]) % paths.len().max(1)).cloned() else { return };
        let before = read_file(&self.disk, &path);
        let at = usize::from(short(2)) % before.len().max(1);
        let to = (at + usize::from(short(4))).min(before.len());
        let argument = short(6);
        let mut after = before.clone();
        match blow[0] % 6 {
            // Bits flip. Not set to a value: the fuzzer would learn to forge checksums.
            0 => {
                let mask = argument.to_be_bytes();
                let to = to.min(at + 16);
                after[at..to].iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
            }
            1 => after[at..to].fill(0),
            2 => {
                self.disk.remove(&path).expect("it is there");
                self.sync_names();
                self.harmed.entry(path).or_default().push((0, u64::MAX));
                return;
            }
            3 => after.truncate(at),
            4 => {
                // Bytes of another file at the same place: a misdirected or a lost write.
                let other = read_file(&self.disk, &paths[usize::from(argument) % paths.len()]);
                let to = to.min(other.len());
                if at < to {
                    after[at..to].copy_from_slice(&other[at..to]);
                }
            }
            _ => after = read_file(&self.disk, &paths[usize::from(argument) % paths.len()]),
        }
        self.replace(&path, &before, &after);
    }

    fn replace(&mut self, path: &str, before: &[u8], after: &[u8]) {
        let harmed = self.harmed.entry(path.to_owned()).or_default();
        let differs = |at: &usize| before.get(*at) != after.get(*at);
        harmed
            .extend((0..before.len().max(after.len())).filter(differs).map(|at| (at as u64, at as u64 + 1)));
        self.disk.remove(path).expect("it is there");
        let file = self.disk.open(path, OpenMode::CreateNew).expect("it is gone");
        write_all_at(&*file, 0, &mut [std::io::IoSlice::new(after)]).expect("the disk works");
        file.sync_data().expect("the disk works");
        self.sync_names();
    }

    /// What was done to the directory stays done.
    fn sync_names(&self) {
        for dir in ["", "wal", "checkpoint"] {
            self.disk.sync_dir(dir).expect("the disk works");
        }
    }

    /// Whether a frame and the page of its file are as they were written.
    fn is_intact(&self, frame: &Written) -> bool {
        let Some((base, path)) = self.bases.iter().rev().find(|(base, _)| *base <= frame.start) else {
            return false;
        };
        let (from, to) = (FIRST_FRAME + frame.start - base, FIRST_FRAME + frame.end - base);
        self.harmed.get(path).is_none_or(|harmed| {
            harmed.iter().all(|(start, end)| *start >= PAGE_BYTES && (*end <= from || *start >= to))
        })
    }

    fn check(&self) {
        let mut state = State::default();
        let mut opened = match open(Arc::new(self.disk.clone()), small(), &mut state) {
            Ok(opened) => opened,
            Err(error) => return assert_names_something(&error),
        };
        // Everything that an intact frame says was durable must be there.
        if let Some(lost) = self.frames.get(state.frames as usize).filter(|_| state.frames < FRAMES) {
            let proof =
                self.frames.iter().find(|frame| frame.durable_to >= lost.end && self.is_intact(frame));
            assert!(
                proof.is_none(),
                "frame {} was dropped, but the intact frame at {} proves it",
                state.frames + 1,
                proof.map_or(0, |frame| frame.start)
            );
        }
        assert!(state.frames <= FRAMES);
        if state.frames > 0 {
            // A hole is found here: the start stops with it.
            let adopted = opened.adoption.adopt(log(1), Offset(state.start), Offset(state.end));
            if let Err(error) = adopted {
                return assert_names_something(&error);
            }
            read_everything(&opened, log(1), state);
        }
        drop(opened);
        self.disk.crash();
        let mut again = State::default();
        let opened = open(Arc::new(self.disk.clone()), small(), &mut again);
        assert!(opened.is_ok(), "a second start says {:?}", opened.err());
        assert_eq!(again, state, "what was shown once is shown again");
    }
}

fn assert_names_something(error: &OpenError) {
    match error {
        OpenError::NewerFormat { file, .. }
        | OpenError::Foreign { file, .. }
        | OpenError::Corrupt { file, .. }
        | OpenError::Missing { file, .. } => assert!(!file.is_empty()),
        OpenError::Hole { .. } => {}
        other => panic!("damage is no reason for: {other}"),
    }
}

/// Reads the log; what cannot be read must be said to be damaged.
fn read_everything(opened: &Opened, log: LogId, state: State) {
    let view = opened.views.get(log).expect("it was adopted");
    assert_eq!((view.log_start(), view.high_watermark()), (Offset(state.start), Offset(state.end)));
    for offset in state.start..state.end {
        match view.read(Offset(offset), 1, ReadMode::MayBlock) {
            Ok(ReadOutcome::Batches(batches)) => {
                let found = batches[0].to_contiguous();
                let mut expected = batch(BATCH_BYTES, offset as u8).to_vec();
                expected[..8].copy_from_slice(&offset.to_be_bytes());
                expected[12..16].fill(0);
                assert!(found[..] == expected[..], "offset {offset} holds other bytes");
            }
            Err(ReadError::Corrupt { .. }) => {}
            Ok(other) => panic!("offset {offset} is there, and a read says {other:?}"),
            Err(error) => panic!("offset {offset} is there, and a read says {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::run;
    use millstream_testkit::corpus;

    const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/wal_recovery");

    #[test]
    fn the_corpus_is_survived() {
        corpus::replay(CORPUS, run);
    }

    #[test]
    fn every_directory_is_opened_when_nothing_happened_to_it() {
        for kind in 0..32 {
            run(&[kind]);
        }
    }

    #[test]
    #[ignore = "writes seeds for the fuzzer; `cargo xtask fuzz --seeds` runs it"]
    fn write_seeds() {
        for kind in 0..32u8 {
            let what = kind % 6;
            let blow = [kind, what, kind / 3, 0x10 + kind % 16, kind, 0, 20, 1, kind % 5];
            corpus::write_seed(CORPUS, &format!("kind-{kind:02}"), &blow);
        }
    }
}
