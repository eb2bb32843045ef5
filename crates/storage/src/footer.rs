//! What a sealed WAL file says of itself behind its last frame: which runs of which logs it holds.
//!
//! Apart because it is persisted, and because nothing may depend on it: a footer only saves a start the walk over the
//! file's frames. One that is absent (the process ended before it was written) or damaged (said by name) is made up for
//! by that walk. Numbers are little-endian.
//!
//! ```text
//! at the file's end position
//!  0 magic "MSWALRUN" (8) │ 8 version (4) │ 12 runs (4) │ 16 data directory id (16)
//! 32 sequence (8) │ 40 incarnation (8) │ 48 base position (8) │ 56 end position (8)
//! 64 CRC-32C of bytes 0..64 and of the runs (4) │ 68 zero (12)
//! 80 runs, 64 bytes each, in the order of their first frames:
//!    0 stream (8) │ 8 log index (4) │ 12 batches (4) │ 16 start position (8) │ 24 end position (8)
//!    32 first offset (8) │ 40 last offset (8) │ 48 bytes of the log's batches (8) │ 56 max timestamp (8)
//! ```
//!
//! It may reach beyond the length that the file's header page says; that is cut off when the file is recycled. A footer
//! that an earlier life of the file left at the same place has another sequence.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::io::{self, IoSlice};
use std::sync::Arc;

use millstream_types::{BatchFacts, LogId, Offset, RecordTime, StreamId, WalPosition};

use crate::disk::{DiskFile, read_up_to, write_all_at};
use crate::frame::{u32_at, u64_at};
use crate::views::{FoundRun, IdHasher, RUN_BYTES_MAX};
use crate::wal::WalFile;

const MAGIC: [u8; 8] = *b"MSWALRUN";
/// Newest version known.
pub(crate) const VERSION: u32 = 1;
const HEADER_BYTES: usize = 80;
const RUN_BYTES: usize = 64;
const CHECKSUM_AT: usize = 64;
/// Most runs of one file: a footer of 16 MiB. A file of frames under a kilobyte, each of another log, has no footer.
const RUNS_MAX: usize = 256 << 10;

/// The runs of one WAL file, gathered frame by frame.
pub(crate) struct FileRuns {
    pub(crate) file: Arc<WalFile>,
    runs: Vec<(LogId, FoundRun)>,
    /// The last run of each log.
    last: HashMap<LogId, usize, BuildHasherDefault<IdHasher>>,
    too_many: bool,
}

impl FileRuns {
    pub(crate) fn new(file: &Arc<WalFile>) -> FileRuns {
        FileRuns { file: Arc::clone(file), runs: Vec::new(), last: HashMap::default(), too_many: false }
    }

    /// Adds the next batch, which lies in the frame `start..end`.
    pub(crate) fn add(&mut self, facts: &BatchFacts, start: WalPosition, end: WalPosition) {
        if let Some(index) = self.last.get(&facts.log) {
            let run = &mut self.runs[*index].1;
            let goes_on = run.end == end || (run.end == start && end.0 - run.start.0 <= RUN_BYTES_MAX);
            if goes_on && run.last.advance(1) == facts.base_offset {
                run.end = end;
                run.last = facts.last_offset();
                run.bytes += u64::from(facts.bytes);
                run.batches += 1;
                run.max_timestamp = run.max_timestamp.max(facts.max_timestamp);
                return;
            }
        }
        if self.runs.len() == RUNS_MAX {
            self.too_many = true;
            return;
        }
        self.last.insert(facts.log, self.runs.len());
        let run = FoundRun {
            start,
            end,
            from: facts.base_offset,
            last: facts.last_offset(),
            bytes: u64::from(facts.bytes),
            batches: 1,
            max_timestamp: facts.max_timestamp,
        };
        self.runs.push((facts.log, run));
    }

    /// The runs, in the order of their first frames.
    pub(crate) fn runs(&self) -> &[(LogId, FoundRun)] {
        &self.runs
    }

    /// Runs so far.
    pub(crate) fn count(&self) -> usize {
        self.runs.len()
    }

    /// Writes the footer of a sealed file and makes it durable. All of the file's frames must be durable: a failed sync
    /// then says nothing about them. Without room it is left out.
    ///
    /// # Errors
    /// What the disk says; the file's frames are what they were.
    pub(crate) fn write(&self, directory: u128) -> io::Result<()> {
        let Some(end) = self.file.end().filter(|_| !self.too_many) else { return Ok(()) };
        let bytes = encode(directory, &self.file, end, &self.runs);
        let file = self.file.open()?;
        let written = write_all_at(&*file, self.file.offset_of(end), &mut [IoSlice::new(&bytes)]);
        match written.and_then(|()| file.sync_data()) {
            Err(error) if crate::lane::is_no_room(&error) => Ok(()),
            done => done,
        }
    }
}

/// A footer that was read.
pub(crate) struct Footer {
    /// In the order of their first frames.
    pub(crate) runs: Vec<(LogId, FoundRun)>,
    /// Bytes that it takes in the file.
    pub(crate) bytes: u64,
}

/// What stands where a footer belongs.
pub(crate) enum FooterFound {
    /// An intact one.
    Runs(Footer),
    /// None was written.
    Nothing,
    /// One that does not match its checksum, or says what cannot be.
    Damaged,
    /// Intact, but of a newer version.
    Newer(u32),
}

/// Reads the footer of a file that ends at `end`.
pub(crate) fn read(directory: u128, file: &WalFile, end: WalPosition) -> io::Result<FooterFound> {
    let at = file.offset_of(end);
    let bytes_of = file.open()?;
    let mut header = [0; HEADER_BYTES];
    let read = read_up_to(&*bytes_of, at, &mut header)?;
    if read < HEADER_BYTES || header[..8] != MAGIC || header[16..64] != binding(directory, file, end) {
        // A footer cut short, or one with a damaged header, is known by more than half of it: what an earlier life of the
        // file left has another sequence, base and end.
        let ours = binding(directory, file, end);
        let fields = [0..16, 16..24, 24..32, 32..40, 40..48].into_iter();
        let same = fields.filter(|field| header[16..64][field.clone()] == ours[field.clone()]).count();
        let half = same + usize::from(header[..8] == MAGIC) > 3;
        return Ok(if half { FooterFound::Damaged } else { FooterFound::Nothing });
    }
    if header[CHECKSUM_AT + 4..].iter().any(|byte| *byte != 0) {
        return Ok(FooterFound::Damaged);
    }
    let count = u32_at(&header, 12) as usize;
    let bytes = (count as u64).saturating_mul(RUN_BYTES as u64);
    if count > RUNS_MAX || length_from(&*bytes_of, at + HEADER_BYTES as u64)? < bytes {
        return Ok(FooterFound::Damaged);
    }
    let mut body = vec![0; bytes as usize];
    let read = read_up_to(&*bytes_of, at + HEADER_BYTES as u64, &mut body)?;
    if read < body.len() || checksum(&header, &body) != u32_at(&header, CHECKSUM_AT) {
        return Ok(FooterFound::Damaged);
    }
    let version = u32_at(&header, 8);
    if version != VERSION {
        return Ok(FooterFound::Newer(version));
    }
    let runs: Option<Vec<_>> =
        body.chunks_exact(RUN_BYTES).map(|run| decode_run(run, file.base, end)).collect();
    let bytes = bytes + HEADER_BYTES as u64;
    Ok(runs.map_or(FooterFound::Damaged, |runs| FooterFound::Runs(Footer { runs, bytes })))
}

fn length_from(file: &dyn DiskFile, at: u64) -> io::Result<u64> {
    Ok(file.len()?.saturating_sub(at))
}

fn encode(directory: u128, file: &WalFile, end: WalPosition, runs: &[(LogId, FoundRun)]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER_BYTES + runs.len() * RUN_BYTES);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&u32::try_from(runs.len()).expect("runs are bounded").to_le_bytes());
    out.extend_from_slice(&binding(directory, file, end));
    out.resize(HEADER_BYTES, 0);
    for (log, run) in runs {
        out.extend_from_slice(&log.stream.0.to_le_bytes());
        out.extend_from_slice(&log.index.to_le_bytes());
        out.extend_from_slice(&run.batches.to_le_bytes());
        for number in [run.start.0, run.end.0, run.from.0, run.last.0, run.bytes] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&run.max_timestamp.0.to_le_bytes());
    }
    let (header, body) = out.split_at_mut(HEADER_BYTES);
    let sum = checksum(header, body);
    header[CHECKSUM_AT..CHECKSUM_AT + 4].copy_from_slice(&sum.to_le_bytes());
    out
}

/// Bytes 16..64: which file, and which of its lives.
fn binding(directory: u128, file: &WalFile, end: WalPosition) -> [u8; 48] {
    let mut out = [0; 48];
    out[..16].copy_from_slice(&directory.to_le_bytes());
    for (place, number) in [file.sequence, file.incarnation.0, file.base.0, end.0].into_iter().enumerate() {
        out[16 + place * 8..24 + place * 8].copy_from_slice(&number.to_le_bytes());
    }
    out
}

fn checksum(header: &[u8], body: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&header[..CHECKSUM_AT]), body)
}

/// `None` when it says what cannot be.
fn decode_run(bytes: &[u8], base: WalPosition, file_end: WalPosition) -> Option<(LogId, FoundRun)> {
    let log = LogId { stream: StreamId(u64_at(bytes, 0)), index: u32_at(bytes, 8) };
    let run = FoundRun {
        batches: u32_at(bytes, 12),
        start: WalPosition(u64_at(bytes, 16)),
        end: WalPosition(u64_at(bytes, 24)),
        from: Offset(u64_at(bytes, 32)),
        last: Offset(u64_at(bytes, 40)),
        bytes: u64_at(bytes, 48),
        max_timestamp: RecordTime(u64_at(bytes, 56).cast_signed()),
    };
    let sane = base <= run.start
        && run.start < run.end
        && run.end <= file_end
        && run.from <= run.last
        && run.last.0 <= i64::MAX as u64
        && run.batches > 0
        && run.bytes <= run.end.0 - run.start.0;
    sane.then_some((log, run))
}
