//! The write-ahead lane: frames are assembled by the shard's task and written by one thread.
//!
//! Apart in two halves because the shard must never block: the [`Assembler`] orders and lays out, the [`Writer`]
//! writes, syncs, publishes. Between them goes a [`Group`]: what came together is written with one vectored write
//! and made durable together. Both share the numbers in [`Shared`].

use std::collections::VecDeque;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use millstream_types::{Incarnation, WalPosition, planted};
use parking_lot::Mutex;

use crate::disk::Disk;
use crate::error::LaneError;
use crate::footer::FileRuns;
use crate::options::Options;
use crate::store::Files;
use crate::wal::WalFile;

mod assembler;
mod group;
mod meters;
mod ready;
mod writer;

pub use assembler::{Admit, Assembler, Frame, Purpose};
pub use group::Group;
pub(crate) use group::{Body, Op};
pub use meters::LaneCounts;
pub(crate) use meters::LaneMeters;
pub(crate) use ready::{Ready, ReadyFiles};
pub(crate) use writer::is_no_room;
pub use writer::{Durable, Writer};

/// The page cache is told of this share of a WAL file at once that it is not needed, 4 MiB: the pages that this frees are
/// written to again before the machine has found another use for them.
const COLD_STEPS_PER_FILE: u64 = 64;
/// Runs in footers that wait to be written: 40 MB.
const FOOTER_RUNS_WAITING_MAX: usize = 512 << 10;

/// What assembler, writer, keeper and checkpointer share.
pub(crate) struct Shared {
    pub(crate) disk: Arc<dyn Disk>,
    /// Opens what is not held open, and closes it when descriptors are short.
    pub(crate) opener: Arc<Files>,
    pub(crate) options: Options,
    pub(crate) directory: u128,
    pub(crate) incarnation: Incarnation,
    /// Position up to which everything survives a power cut.
    durable: AtomicU64,
    /// Position up to which read views show everything.
    published: AtomicU64,
    /// Before this position the machine's page cache was told to give up what it has.
    cold_to: AtomicU64,
    /// Bytes pushed and not yet written.
    pub(crate) pending_bytes: AtomicU64,
    /// What the writer counts.
    pub(crate) meters: LaneMeters,
    /// Files that wait for use.
    pub(crate) ready: ReadyFiles,
    /// Number of the next file: larger than any in a name.
    next_sequence: AtomicU64,
    /// Half of the file in use lies before this position: time to see about the next one. `u64::MAX` once seen to.
    half_at: AtomicU64,
    /// A file was begun that the keeper has not seen.
    has_rolled: AtomicBool,
    /// On a full disk, nothing lives in the file in use: the lane should leave it, so that its space comes free.
    pub(crate) wants_roll: AtomicBool,
    /// The last preparation, or the last write to a file that grows, found no space.
    pub(crate) disk_full: AtomicBool,
    /// How often a file that grows found the disk full and the lane went on in its reserve, and where.
    diversions: AtomicU32,
    diverted_to: Mutex<Option<Arc<WalFile>>>,
    /// Begun files that still exist, by sequence.
    pub(crate) files: Mutex<BTreeMap<u64, Arc<WalFile>>>,
    /// What the footers of files that were left say, oldest first, and how many there are.
    footers: Mutex<VecDeque<FileRuns>>,
    footers_waiting: AtomicUsize,
    /// Sequences that the newest durable checkpoint does without.
    pub(crate) released: Mutex<BTreeSet<u64>>,
    poison: OnceLock<Arc<str>>,
}

impl Shared {
    #[expect(clippy::too_many_arguments, reason = "each is a part that a start has made")]
    pub(crate) fn new(
        opener: Arc<Files>,
        disk: Arc<dyn Disk>,
        options: Options,
        directory: u128,
        incarnation: Incarnation,
        end: WalPosition,
        files: BTreeMap<u64, Arc<WalFile>>,
        ready: ReadyFiles,
    ) -> Shared {
        let (newest, _) = files.last_key_value().expect("a lane has the file that it writes to");
        let next_sequence = AtomicU64::new(newest + 1);
        Shared {
            disk,
            opener,
            options,
            directory,
            incarnation,
            durable: AtomicU64::new(end.0),
            published: AtomicU64::new(end.0),
            cold_to: AtomicU64::new(end.0),
            pending_bytes: AtomicU64::new(0),
            meters: LaneMeters::default(),
            ready,
            next_sequence,
            half_at: AtomicU64::new(u64::MAX),
            has_rolled: AtomicBool::new(false),
            wants_roll: AtomicBool::new(false),
            disk_full: AtomicBool::new(false),
            diversions: AtomicU32::new(0),
            diverted_to: Mutex::new(None),
            files: Mutex::new(files),
            footers: Mutex::new(VecDeque::new()),
            footers_waiting: AtomicUsize::new(0),
            released: Mutex::new(BTreeSet::new()),
            poison: OnceLock::new(),
        }
    }

    pub(crate) fn durable(&self) -> WalPosition {
        WalPosition(self.durable.load(Ordering::Acquire))
    }

    pub(crate) fn set_durable(&self, position: WalPosition) {
        self.durable.store(position.0, Ordering::Release);
    }

    pub(crate) fn published(&self) -> WalPosition {
        WalPosition(self.published.load(Ordering::Acquire))
    }

    pub(crate) fn set_published(&self, position: WalPosition) {
        self.published.store(position.0, Ordering::Release);
    }

    /// A number for a file that is begun, or waits. A file that grows gets two: the second one is that of the file in
    /// which the lane goes on when the disk turns out to be full.
    pub(crate) fn take_sequence(&self, grows: bool) -> u64 {
        self.next_sequence.fetch_add(1 + u64::from(grows), Ordering::Relaxed)
    }

    /// Whether the keeper has something to prepare.
    pub(crate) fn wants_file(&self) -> bool {
        self.needs_file()
            || self.is_half_full()
            || self.has_rolled.load(Ordering::Relaxed)
            || self.disk_full.load(Ordering::Relaxed)
            || self.has_footer()
            || self.newly_cold().is_some()
    }

    /// From where to where the page cache has more than it is to keep, once that is enough to be worth a call.
    pub(crate) fn newly_cold(&self) -> Option<(WalPosition, WalPosition)> {
        let from = self.cold_to.load(Ordering::Relaxed);
        let to = self.durable().0.saturating_sub(self.options.cached_bytes_max);
        (to >= from.saturating_add(self.cold_step_bytes())).then_some((WalPosition(from), WalPosition(to)))
    }

    /// Bytes that one call gives up at least.
    pub(crate) fn cold_step_bytes(&self) -> u64 {
        self.options.wal_file_bytes / COLD_STEPS_PER_FILE
    }

    /// Everything before `to` was given up.
    pub(crate) fn set_cold(&self, to: WalPosition) {
        self.cold_to.store(to.0, Ordering::Relaxed);
    }

    /// Bytes of frames that may be in the page cache, as far as this process has written them.
    pub(crate) fn warm_bytes(&self) -> u64 {
        let (cold, end) = (self.cold_to.load(Ordering::Relaxed), self.durable().0);
        let files = self.files.lock();
        let warm = files.values().map(|file| {
            let to = file.end().map_or(end, |file_end| file_end.0.min(end));
            to.saturating_sub(file.base.0.max(cold))
        });
        warm.sum()
    }

    /// Whether the lane lacks its reserve, or what it goes on in before it.
    pub(crate) fn needs_file(&self) -> bool {
        let (written, growing) = self.ready.counts();
        written == 0 || written + growing < self.options.files_ahead
    }

    /// Half of the file in use is written.
    pub(crate) fn is_half_full(&self) -> bool {
        self.published.load(Ordering::Acquire) >= self.half_at.load(Ordering::Relaxed)
    }

    /// The next file was seen to.
    pub(crate) fn forget_half(&self) {
        self.half_at.store(u64::MAX, Ordering::Relaxed);
    }

    /// A file was begun.
    pub(crate) fn note_roll(&self, base: WalPosition, file_bytes: u64) {
        self.half_at.store(base.0 + file_bytes / 2, Ordering::Relaxed);
        self.has_rolled.store(true, Ordering::Relaxed);
        self.wants_roll.store(false, Ordering::Relaxed);
    }

    /// Whether a file was begun since the last call.
    pub(crate) fn take_roll(&self) -> bool {
        self.has_rolled.swap(false, Ordering::Relaxed)
    }

    /// A file was left: its footer can be written once it is durable. Of too many the keeper writes none: they wait in
    /// memory, and a start does without.
    pub(crate) fn add_footer(&self, runs: FileRuns) {
        let mut footers = self.footers.lock();
        if footers.iter().map(FileRuns::count).sum::<usize>() + runs.count() <= FOOTER_RUNS_WAITING_MAX {
            footers.push_back(runs);
            self.footers_waiting.store(footers.len(), Ordering::Release);
        }
    }

    /// The next footer to write, of a file that is durable to its end.
    pub(crate) fn take_footer(&self) -> Option<FileRuns> {
        let durable = self.durable();
        let mut footers = self.footers.lock();
        let ready = footers.front().is_some_and(|runs| runs.file.end().is_some_and(|end| end <= durable));
        let taken = if ready { footers.pop_front() } else { None };
        self.footers_waiting.store(footers.len(), Ordering::Release);
        taken
    }

    fn has_footer(&self) -> bool {
        if self.footers_waiting.load(Ordering::Acquire) == 0 {
            return false;
        }
        let durable = self.durable();
        self.footers.lock().front().is_some_and(|runs| runs.file.end().is_some_and(|end| end <= durable))
    }

    /// How often the lane went on in its reserve.
    pub(crate) fn diversions(&self) -> u32 {
        self.diversions.load(Ordering::Acquire)
    }

    /// Where it went on last.
    pub(crate) fn diverted_to(&self) -> Arc<WalFile> {
        Arc::clone(self.diverted_to.lock().as_ref().expect("there was a diversion"))
    }

    /// From here on the lane goes on in `file`.
    pub(crate) fn divert(&self, file: &Arc<WalFile>) {
        *self.diverted_to.lock() = Some(Arc::clone(file));
        self.diversions.fetch_add(1, Ordering::Release);
    }

    /// # Errors
    /// [`LaneError::Poisoned`] after a failure.
    pub(crate) fn check(&self) -> Result<(), LaneError> {
        match self.poison.get() {
            Some(why) if !planted!(PoisonedLaneGoesOn) => Err(LaneError::Poisoned(Arc::clone(why))),
            _ => Ok(()),
        }
    }

    fn poison(&self, error: LaneError) -> LaneError {
        tracing::error!(%error, "the lane is stopped; restart the process after the disk has been seen to");
        // A second failure cannot come: every call checks first, and there is one writer.
        self.poison.get_or_init(|| error.to_string().into());
        error
    }

    pub(crate) fn poison_write(&self, file: &str, source: io::Error) -> LaneError {
        self.poison(LaneError::Write { file: file.to_owned(), source: Arc::new(source) })
    }

    pub(crate) fn poison_sync(&self, file: &str, source: io::Error) -> LaneError {
        self.poison(LaneError::Sync { file: file.to_owned(), source: Arc::new(source) })
    }
}
