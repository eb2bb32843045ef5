//! The read view of one log.
//!
//! Apart from the map of views because sessions keep one for as long as they read.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::task::Waker;

use bytes::Bytes;
use millstream_types::object::ObjectPart;
use millstream_types::{BatchFacts, LogId, Offset, WalPosition};
use parking_lot::Mutex;

use super::held::Held;
use super::index::{Index, TailBatch};
use super::reading::Reading;
use super::watch::{Watch, Watchers};
use crate::objects::Object;
use crate::wal::WalFile;

/// What readers see of one log. The numbers never go back.
pub struct LogView {
    log: LogId,
    pub(super) log_start: AtomicU64,
    pub(super) high_watermark: AtomicU64,
    /// Offset of the first record of an open transaction; `u64::MAX` without one.
    last_stable: AtomicU64,
    revoked: AtomicBool,
    pub(super) index: Mutex<Index>,
    /// All of it, if it is in memory only: the index is empty then.
    pub(super) held: Option<Mutex<Held>>,
    watchers: Arc<Watchers>,
    appended_bytes: AtomicU64,
    served_bytes: AtomicU64,
    served_offsets: AtomicU64,
    /// Who has read lately: a bit each.
    readers: AtomicU32,
    pub(super) reading: Arc<Reading>,
}

/// What went into a log and out of it since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogTraffic {
    /// Bytes of batches that were appended.
    pub appended_bytes: u64,
    /// Bytes of batches that were read for clients.
    pub served_bytes: u64,
    /// Offsets of those batches.
    pub served_offsets: u64,
}

impl LogView {
    pub(crate) fn new(log: LogId, start: Offset, reading: Arc<Reading>) -> LogView {
        LogView {
            log,
            log_start: AtomicU64::new(start.0),
            high_watermark: AtomicU64::new(start.0),
            last_stable: AtomicU64::new(u64::MAX),
            revoked: AtomicBool::new(false),
            index: Mutex::new(Index::default()),
            held: None,
            watchers: Arc::new(Watchers::default()),
            appended_bytes: AtomicU64::new(0),
            served_bytes: AtomicU64::new(0),
            served_offsets: AtomicU64::new(0),
            readers: AtomicU32::new(0),
            reading,
        }
    }

    /// Of a log that is in memory only.
    pub(crate) fn ephemeral(log: LogId, reading: Arc<Reading>) -> LogView {
        LogView { held: Some(Mutex::default()), ..LogView::new(log, Offset::ZERO, reading) }
    }

    /// The log.
    #[must_use]
    pub fn log(&self) -> LogId {
        self.log
    }

    /// Offset of the first record that can be read.
    #[must_use]
    pub fn log_start(&self) -> Offset {
        Offset(self.log_start.load(Ordering::SeqCst))
    }

    /// Offset after the last durable record.
    #[must_use]
    pub fn high_watermark(&self) -> Offset {
        Offset(self.high_watermark.load(Ordering::SeqCst))
    }

    /// Offset after the last record that belongs to no open transaction.
    #[must_use]
    pub fn last_stable(&self) -> Offset {
        Offset(self.last_stable.load(Ordering::SeqCst)).min(self.high_watermark())
    }

    /// Whether the log was deleted.
    #[must_use]
    pub fn is_revoked(&self) -> bool {
        self.revoked.load(Ordering::SeqCst)
    }

    /// Bytes of its batches. Of a run in a WAL file (at most 64 KiB, or one large frame) all count until all of it is
    /// trimmed; of an object's part as many as belong to the offsets that are left, in proportion.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        if let Some(held) = &self.held {
            return held.lock().bytes();
        }
        self.index.lock().bytes
    }

    /// Number of its batches, counted as [`LogView::bytes`] counts.
    #[must_use]
    pub fn batches(&self) -> u64 {
        if let Some(held) = &self.held {
            return held.lock().len();
        }
        self.index.lock().batches
    }

    /// Counts what was read for a client: storage reads for itself as well.
    pub fn count_served(&self, offsets: u64, bytes: u64) {
        self.served_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.served_offsets.fetch_add(offsets, Ordering::Relaxed);
    }

    /// Notes who has read for a client, by a bit of his own.
    pub fn note_reader(&self, reader: u32) {
        // Nearly always it is known: then nothing is written that other threads have to fetch again.
        if self.readers.load(Ordering::Relaxed) & reader != reader {
            self.readers.fetch_or(reader, Ordering::Relaxed);
        }
    }

    /// Who has read since this was last asked.
    pub fn take_readers(&self) -> u32 {
        match self.readers.load(Ordering::Relaxed) {
            0 => 0,
            _ => self.readers.swap(0, Ordering::Relaxed),
        }
    }

    /// What went in and out since the start.
    #[must_use]
    pub fn traffic(&self) -> LogTraffic {
        LogTraffic {
            appended_bytes: self.appended_bytes.load(Ordering::Relaxed),
            served_bytes: self.served_bytes.load(Ordering::Relaxed),
            served_offsets: self.served_offsets.load(Ordering::Relaxed),
        }
    }

    /// Wakes `waker` once when high watermark, log start or last stable offset move or the log is deleted.
    /// Register first, then read: what moved before is seen by the read, what moves after wakes.
    #[must_use]
    pub fn watch(&self, waker: &Waker) -> Watch {
        self.watchers.register(waker)
    }

    /// Shows a batch. `kept` is what stays in memory.
    pub(crate) fn append(
        &self,
        facts: &BatchFacts,
        file: &Arc<WalFile>,
        start: WalPosition,
        end: WalPosition,
        kept: TailBatch,
    ) {
        assert_eq!(
            facts.base_offset,
            self.high_watermark(),
            "the next batch of log {} begins where the last one ended",
            self.log
        );
        self.appended_bytes.fetch_add(u64::from(facts.bytes), Ordering::Relaxed);
        let mut index = self.index.lock();
        index.append(facts, file, start, end);
        index.tail.push_back(kept);
        // Under the lock: whoever has read the batch and comes back for the next one must find that it is in range.
        self.high_watermark.store(facts.next_offset().0, Ordering::SeqCst);
    }

    /// Keeps a batch in memory, where nobody sees it yet.
    pub(crate) fn hold(&self, facts: &BatchFacts, bytes: &Bytes) {
        self.memory().lock().add(facts, bytes);
    }

    /// Lets what lies before `to` be read, of a log that is in memory only. What is shown stays shown: the order of calls does not
    /// matter. Whoever calls this wakes those who watch afterwards.
    pub fn show(&self, to: Offset) {
        self.high_watermark.fetch_max(to.0, Ordering::SeqCst);
    }

    /// Wakes whoever watches the log.
    pub fn wake_watchers(&self) {
        self.wake();
    }

    /// Lets go of the batch in memory that begins at `base`.
    pub(crate) fn forget(&self, base: Offset) {
        self.memory().lock().forget(base);
    }

    /// Moves the start of a log that is in memory only. What was not shown yet can go as well. It goes with
    /// [`LogView::drop_trimmed`].
    pub(crate) fn trim_held(&self, start: Offset) {
        self.log_start.fetch_max(start.0, Ordering::SeqCst);
        self.high_watermark.fetch_max(start.0, Ordering::SeqCst);
    }

    /// Lets go of up to `max` batches of a log in memory that lie before its start. Returns how many they were.
    pub(crate) fn drop_trimmed(&self, max: usize) -> usize {
        self.memory().lock().trim(self.log_start(), max)
    }

    /// Ends a log that is in memory only. Returns what it held.
    pub(crate) fn bury(&self) -> Held {
        self.revoked.store(true, Ordering::SeqCst);
        let held = std::mem::take(&mut *self.memory().lock());
        self.wake();
        held
    }

    fn memory(&self) -> &Mutex<Held> {
        self.held.as_ref().expect("the shard's changes of memory are of logs in memory")
    }

    /// Moves the log start; one before the present is no change.
    pub(crate) fn trim(&self, start: Offset) {
        if start <= self.log_start() {
            return;
        }
        assert!(start <= self.high_watermark(), "log {} is not trimmed beyond its end", self.log);
        self.log_start.store(start.0, Ordering::SeqCst);
        self.index.lock().trim(start);
    }

    /// Reads what `part` answers for from the object from now on, but for what is trimmed and what an object of a larger
    /// number answers for. Reads under way see the old homes to their end.
    pub(crate) fn pack(&self, object: &Arc<Object>, part: &ObjectPart) {
        assert_eq!(part.log, self.log, "a part is laid over its own log");
        assert!(part.to <= self.high_watermark(), "log {} is not packed beyond its end", self.log);
        let mut index = self.index.lock();
        let Some(first) = index.pieces.front().map(|piece| piece.from) else { return };
        let start = self.log_start();
        if part.to <= start {
            return;
        }
        index.overlay(object, part, part.from.max(first), part.to);
        // The part begins before the log does, unless the log's first run did too.
        index.trim(start);
        if part.is_compacted {
            index.forget_tail(part.to);
        }
    }

    pub(crate) fn set_last_stable(&self, offset: Offset) {
        let stored = if offset >= self.high_watermark() { u64::MAX } else { offset.0 };
        self.last_stable.store(stored, Ordering::SeqCst);
    }

    pub(crate) fn evict(&self, ticket: u64) {
        self.index.lock().evict(ticket);
    }

    pub(crate) fn revoke(&self) {
        self.revoked.store(true, Ordering::SeqCst);
        self.index.lock().clear();
        self.wake();
    }

    /// Whether anybody watches the log.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.watchers.any()
    }

    pub(crate) fn wake(&self) {
        if self.watchers.any() {
            self.watchers.wake();
        }
    }
}
