//! The write-ahead lane: frames are assembled by the shard's task and written by one thread.
//!
//! Apart in two halves because the shard must never block: the [`Assembler`] orders and lays out, the [`Writer`]
//! writes, syncs, publishes. Between them goes a [`Group`]: what came together is written with one vectored write
//! and made durable together. Both share the numbers in [`Shared`].

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use millstream_types::{Incarnation, WalPosition, planted};
use parking_lot::Mutex;

use crate::disk::{Disk, DiskFile};
use crate::error::LaneError;
use crate::options::Options;
use crate::wal::WalFile;

mod assembler;
mod group;
mod writer;

pub use assembler::{Admit, Assembler, Frame, Purpose};
pub use group::Group;
pub(crate) use group::{Body, Op};
pub use writer::{Durable, Writer};

/// A prepared file under the name of the sequence it will have.
pub(crate) struct Staged {
    pub(crate) sequence: u64,
    pub(crate) path: String,
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) file_bytes: u64,
}

/// What assembler, writer, keeper and checkpointer share.
pub(crate) struct Shared {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) options: Options,
    pub(crate) directory: u128,
    pub(crate) incarnation: Incarnation,
    /// Position up to which everything survives a power cut.
    durable: AtomicU64,
    /// Position up to which read views show everything.
    published: AtomicU64,
    /// Bytes pushed and not yet written.
    pub(crate) pending_bytes: AtomicU64,
    /// Prepared files in the order of use.
    staged: Mutex<VecDeque<Staged>>,
    staged_count: AtomicUsize,
    /// A prepared file has been used.
    has_rolled: AtomicBool,
    /// The last preparation found no space.
    pub(crate) disk_full: AtomicBool,
    /// Begun files that still exist, by sequence.
    pub(crate) files: Mutex<BTreeMap<u64, Arc<WalFile>>>,
    /// Sequences that the newest durable checkpoint does without.
    pub(crate) released: Mutex<BTreeSet<u64>>,
    poison: OnceLock<Arc<str>>,
}

impl Shared {
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        options: Options,
        directory: u128,
        incarnation: Incarnation,
        end: WalPosition,
        files: BTreeMap<u64, Arc<WalFile>>,
    ) -> Shared {
        Shared {
            disk,
            options,
            directory,
            incarnation,
            durable: AtomicU64::new(end.0),
            published: AtomicU64::new(end.0),
            pending_bytes: AtomicU64::new(0),
            staged: Mutex::new(VecDeque::new()),
            staged_count: AtomicUsize::new(0),
            has_rolled: AtomicBool::new(false),
            disk_full: AtomicBool::new(false),
            files: Mutex::new(files),
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

    pub(crate) fn stage(&self, file: Staged) {
        let mut staged = self.staged.lock();
        staged.push_back(file);
        self.staged_count.store(staged.len(), Ordering::Release);
    }

    pub(crate) fn unstage(&self) -> Option<Staged> {
        let mut staged = self.staged.lock();
        let file = staged.pop_front();
        self.has_rolled.store(true, Ordering::Relaxed);
        self.staged_count.store(staged.len(), Ordering::Release);
        file
    }

    pub(crate) fn staged_count(&self) -> usize {
        self.staged_count.load(Ordering::Acquire)
    }

    /// Whether fewer files are prepared than wanted: one, and once it was needed, as many as the options say. A broker
    /// with little to store keeps little disk.
    pub(crate) fn wants_file(&self) -> bool {
        let ahead = if self.has_rolled.load(Ordering::Relaxed) { self.options.files_ahead } else { 1 };
        self.staged_count() < ahead
    }

    /// Length of the file that comes next.
    pub(crate) fn staged_bytes(&self) -> Option<u64> {
        self.staged.lock().front().map(|file| file.file_bytes)
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
