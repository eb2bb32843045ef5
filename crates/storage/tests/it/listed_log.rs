//! A log that is a list of pieces in memory, and objects that are committed to it as a broker would.
//!
//! Apart because the tests of compaction and of packing want any log at once: with holes, trimmed, deleted, damaged.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use millstream_storage::object::PartIndex;
use millstream_storage::store::{DirStore, Files, Store};
use millstream_storage::{
    HomeId, LogReader, Logs, PieceFacts, ReadError, ReadMode, ReadOutcome, StoredBatch,
};
use millstream_testkit::sim_disk::SimDisk;
use millstream_types::batch::{BatchHeader, LeaderEpoch, OpenLimits, open, patch};
use millstream_types::{LogId, ObjectEntry, Offset, RecordTime};

/// Id of the data directory that the tests' objects belong to.
pub(crate) const DIRECTORY: u128 = 7;

/// A store on a simulated disk.
pub(crate) fn store(disk: &SimDisk) -> Arc<dyn Store> {
    let files = Arc::new(Files::new(Arc::new(disk.clone()), 16));
    Arc::new(DirStore::open(files).unwrap())
}

/// One element of the log's index.
#[derive(Clone)]
struct Piece {
    home: HomeId,
    from: Offset,
    to: Offset,
    is_compacted: bool,
    batches: Vec<StoredBatch>,
}

#[derive(Default)]
struct State {
    start: Offset,
    end: Offset,
    pieces: Vec<Piece>,
    is_deleted: bool,
    /// Reading this offset finds damage.
    damaged_at: Option<Offset>,
}

/// The log.
#[derive(Default)]
pub(crate) struct ListedLog(Mutex<State>);

impl ListedLog {
    /// Appends a batch of a builder at the end, to the first WAL file; `joins` the piece before it if that is there too.
    pub(crate) fn append(&self, batch: &Bytes, joins: bool) -> Offset {
        self.append_to(HomeId::Wal(0), batch, joins)
    }

    pub(crate) fn append_to(&self, home: HomeId, batch: &Bytes, joins: bool) -> Offset {
        let mut state = self.0.lock().unwrap();
        let base = state.end;
        let mut bytes = batch.to_vec();
        patch(&mut bytes, base, LeaderEpoch(0)).unwrap();
        let batch = stored(Bytes::from(bytes));
        state.end = batch.last_offset.advance(1);
        let end = state.end;
        match state.pieces.last_mut() {
            Some(piece) if joins && piece.home == home => {
                piece.to = end;
                piece.batches.push(batch);
            }
            _ => state.pieces.push(Piece {
                home,
                from: base,
                to: end,
                is_compacted: false,
                batches: vec![batch],
            }),
        }
        base
    }

    pub(crate) fn trim(&self, start: Offset) {
        let mut state = self.0.lock().unwrap();
        state.start = start;
        state.pieces.retain(|piece| piece.to > start);
        if let Some(first) = state.pieces.first_mut() {
            first.batches.retain(|batch| batch.last_offset >= start);
            first.from = first.batches.first().map_or(start, |batch| batch.base_offset.min(start));
        }
    }

    pub(crate) fn delete(&self) {
        self.0.lock().unwrap().is_deleted = true;
    }

    pub(crate) fn damage(&self, at: Option<Offset>) {
        self.0.lock().unwrap().damaged_at = at;
    }

    pub(crate) fn end(&self) -> Offset {
        self.0.lock().unwrap().end
    }

    /// All pieces.
    pub(crate) fn all_pieces(&self) -> Vec<PieceFacts> {
        self.pieces(Offset(0), usize::MAX)
    }

    /// All batches.
    pub(crate) fn batches(&self) -> Vec<StoredBatch> {
        self.0.lock().unwrap().pieces.iter().flat_map(|piece| piece.batches.clone()).collect()
    }

    /// Replaces what the parts of an object answer for by what they hold. `log_of` finds the listed log.
    pub(crate) fn commit<'a>(
        store: &dyn Store,
        entry: &ObjectEntry,
        log_of: impl Fn(LogId) -> &'a ListedLog,
    ) {
        let file = store.open(entry.number).unwrap();
        for part in &entry.parts {
            let index = PartIndex::load(&*file, entry.number, DIRECTORY, part, ReadMode::MayBlock);
            let index = index.unwrap().unwrap();
            let blocks = 0..index.blocks().len();
            let batches = if blocks.is_empty() {
                Vec::new()
            } else {
                index.read(&*file, blocks, ReadMode::MayBlock).unwrap().unwrap()
            };
            log_of(part.log).replace(Piece {
                home: HomeId::Object(entry.number),
                from: part.from,
                to: part.to,
                is_compacted: part.is_compacted,
                batches,
            });
        }
    }

    fn replace(&self, new: Piece) {
        let mut state = self.0.lock().unwrap();
        if new.to <= state.start {
            return;
        }
        let mut pieces = Vec::new();
        for piece in std::mem::take(&mut state.pieces) {
            let (before, rest): (Vec<_>, Vec<_>) =
                piece.batches.iter().cloned().partition(|batch| batch.last_offset < new.from);
            let after: Vec<_> = rest.into_iter().filter(|batch| batch.base_offset >= new.to).collect();
            if piece.from < new.from {
                let to = piece.to.min(new.from);
                pieces.push(Piece { to, batches: before, ..piece.clone() });
            }
            if piece.to > new.to {
                let from = piece.from.max(new.to);
                pieces.push(Piece { from, batches: after, ..piece });
            }
        }
        pieces.push(new);
        pieces.sort_by_key(|piece| piece.from);
        assert!(pieces.windows(2).all(|two| two[0].to == two[1].from), "pieces have no gaps");
        state.pieces = pieces;
    }
}

impl LogReader for ListedLog {
    fn log_start(&self) -> Offset {
        self.0.lock().unwrap().start
    }

    fn read_waiting(&self, from: Offset, bytes_max: u32) -> Result<ReadOutcome, ReadError> {
        let state = self.0.lock().unwrap();
        if state.is_deleted {
            return Err(ReadError::Revoked);
        }
        if from < state.start || from > state.end {
            return Err(ReadError::OutOfRange { start: state.start, end: state.end });
        }
        let mut batches: Vec<StoredBatch> = Vec::new();
        let mut bytes = 0;
        for batch in state.pieces.iter().flat_map(|piece| &piece.batches) {
            if batch.last_offset < from {
                continue;
            }
            if state.damaged_at.is_some_and(|at| (batch.base_offset..=batch.last_offset).contains(&at)) {
                if batches.is_empty() {
                    return Err(ReadError::Corrupt { file: "a file".to_owned(), offset: 99 });
                }
                break;
            }
            if !batches.is_empty() && bytes + batch.bytes() > bytes_max as usize {
                break;
            }
            bytes += batch.bytes();
            batches.push(batch.clone());
        }
        Ok(if batches.is_empty() { ReadOutcome::AtEnd } else { ReadOutcome::Batches(batches) })
    }

    fn pieces(&self, from: Offset, count_max: usize) -> Vec<PieceFacts> {
        let facts = |piece: &Piece| PieceFacts {
            home: piece.home,
            from: piece.from,
            to: piece.to,
            bytes: piece.batches.iter().map(|batch| batch.bytes() as u64).sum(),
            batches: piece.batches.len() as u32,
            max_timestamp: piece
                .batches
                .iter()
                .map(|batch| batch.max_timestamp)
                .max()
                .unwrap_or(RecordTime::NONE),
            is_compacted: piece.is_compacted,
        };
        let state = self.0.lock().unwrap();
        state.pieces.iter().filter(|piece| piece.to > from).take(count_max).map(facts).collect()
    }
}

/// Several logs.
#[derive(Clone, Default)]
pub(crate) struct ListedLogs(pub(crate) BTreeMap<LogId, Arc<ListedLog>>);

impl Logs for ListedLogs {
    fn ids(&self) -> Vec<LogId> {
        self.0.keys().copied().collect()
    }

    fn reader(&self, log: LogId) -> Option<Arc<dyn LogReader>> {
        let log: Arc<dyn LogReader> = self.0.get(&log)?.clone();
        Some(log)
    }
}

fn stored(bytes: Bytes) -> StoredBatch {
    let header = BatchHeader::parse(&bytes).unwrap();
    StoredBatch {
        base_offset: header.base_offset().unwrap(),
        last_offset: header.last_offset().unwrap(),
        max_timestamp: header.max_timestamp(),
        head: bytes.slice(..16),
        rest: bytes.slice(16..),
    }
}

/// A record as a reader sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Seen {
    pub(crate) offset: u64,
    pub(crate) time: i64,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Vec<(String, Option<Vec<u8>>)>,
}

/// All records of batches.
pub(crate) fn seen(batches: &[StoredBatch]) -> Vec<Seen> {
    let mut all = Vec::new();
    for batch in batches {
        for record in &open(&batch.to_contiguous(), OpenLimits::default()).unwrap() {
            let record = record.unwrap();
            all.push(Seen {
                offset: batch.base_offset.0 + u64::from(record.offset_delta),
                time: record.timestamp.0,
                key: record.key.map(<[u8]>::to_vec),
                value: record.value.map(<[u8]>::to_vec),
                headers: record
                    .headers
                    .map(|(key, value)| (key.to_owned(), value.map(<[u8]>::to_vec)))
                    .collect(),
            });
        }
    }
    all
}
