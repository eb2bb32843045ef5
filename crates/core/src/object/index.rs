//! Which object answers for which stretch of each log: derived from the manifest and the logs, never persisted.
//!
//! Apart because it makes every decision about objects cheap: stretches of one log never overlap (what a newer object
//! took over was cut out of the older ones), and an object without a stretch is dead.
//!
//! ```text
//! object 1   ├───────────────────────────┤            stretches  1├──────┤ 3├─────┤1├────┤ 2├───┤
//! object 2                          ├────────────┤
//! object 3           ├────────┤
//! ```
//!
//! A trim or a deletion can end any number of stretches, so they go in slices (R13); until then their objects are only
//! thought to be live, which costs space for a moment and nothing else.

use alloc::collections::{BTreeMap, BTreeSet};
use millstream_types::{LogId, ObjectNumber, ObjectPart, Offset, StreamId};

/// Stretches that one turn forgets: a fifth of a microsecond each.
const SWEPT_PER_TURN: usize = 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stretch {
    to: Offset,
    object: ObjectNumber,
}

#[derive(Debug, Default)]
pub(super) struct Index {
    /// By log and first offset.
    stretches: BTreeMap<(LogId, Offset), Stretch>,
    /// Number of stretches of each object that has any.
    live: BTreeMap<ObjectNumber, u32>,
    /// Logs with stretches that end at or before this, their start.
    trimmed: BTreeMap<LogId, Offset>,
    /// Streams that are gone and had stretches.
    deleted: BTreeSet<StreamId>,
}

impl Index {
    /// Lets a part answer for its offsets, instead of whatever did. What is left of others before `start` is dropped.
    pub(super) fn insert(&mut self, part: &ObjectPart, object: ObjectNumber, start: Offset) {
        let (log, from, to) = (part.log, part.from, part.to);
        assert!(from < to && to > start, "log {log}: a part answers for something");
        loop {
            let Some((at, stretch)) = self.overlapping(log, from, to).next() else { break };
            self.remove(log, at);
            if at < from && from > start {
                self.put(log, at, Stretch { to: from, ..stretch });
            }
            if stretch.to > to {
                self.put(log, to, stretch);
            }
        }
        self.put(log, from, Stretch { to, object });
    }

    /// The stretches that have offsets in `from..to`, each with its first offset.
    fn overlapping(&self, log: LogId, from: Offset, to: Offset) -> impl Iterator<Item = (Offset, Stretch)> {
        let reaches_in = move |(&(of, at), stretch): (&(LogId, Offset), &Stretch)| {
            (of == log && stretch.to > from).then_some((at, *stretch))
        };
        let before = self.stretches.range(..(log, from)).next_back().and_then(reaches_in);
        before.into_iter().chain(self.stretches.range((log, from)..(log, to)).filter_map(reaches_in))
    }

    /// How many stretches a part would cut, counted up to `max`.
    pub(super) fn cut_by(&self, part: &ObjectPart, max: usize) -> usize {
        self.overlapping(part.log, part.from, part.to).take(max).count()
    }

    fn put(&mut self, log: LogId, from: Offset, stretch: Stretch) {
        *self.live.entry(stretch.object).or_default() += 1;
        let before = self.stretches.insert((log, from), stretch);
        assert!(before.is_none(), "log {log}: two stretches begin at {from}");
    }

    fn remove(&mut self, log: LogId, from: Offset) {
        let stretch = self.stretches.remove(&(log, from)).expect("the stretch was just found");
        let count = self.live.get_mut(&stretch.object).expect("a stretch's object has a count");
        *count -= 1;
        if *count == 0 {
            self.live.remove(&stretch.object);
        }
    }

    pub(super) fn is_live(&self, object: ObjectNumber) -> bool {
        self.live.contains_key(&object)
    }

    pub(super) fn at(&self, log: LogId, offset: Offset) -> Option<ObjectNumber> {
        let (&(of, _), stretch) = self.stretches.range(..=(log, offset)).next_back()?;
        (of == log && stretch.to > offset).then_some(stretch.object)
    }

    pub(super) fn log_trimmed(&mut self, log: LogId, start: Offset) {
        if self.first_before(log, start).is_some() {
            self.trimmed.insert(log, start);
        }
    }

    pub(super) fn stream_deleted(&mut self, stream: StreamId) {
        if self.first_of(stream).is_some() {
            self.deleted.insert(stream);
        }
    }

    /// The log's first stretch, if it ends at or before `start`.
    fn first_before(&self, log: LogId, start: Offset) -> Option<Offset> {
        let (&(of, from), stretch) = self.stretches.range((log, Offset::ZERO)..).next()?;
        (of == log && stretch.to <= start).then_some(from)
    }

    fn first_of(&self, stream: StreamId) -> Option<(LogId, Offset)> {
        let first = LogId { stream, index: 0 };
        let (&(log, from), _) = self.stretches.range((first, Offset::ZERO)..).next()?;
        (log.stream == stream).then_some((log, from))
    }

    pub(super) fn has_swept(&self) -> bool {
        self.trimmed.is_empty() && self.deleted.is_empty()
    }

    /// Does a slice of what trims and deletions left.
    pub(super) fn sweep(&mut self) {
        for _ in 0..SWEPT_PER_TURN {
            if let Some((&log, &start)) = self.trimmed.first_key_value() {
                match self.first_before(log, start) {
                    Some(from) => self.remove(log, from),
                    None => drop(self.trimmed.remove(&log)),
                }
            } else if let Some(&stream) = self.deleted.first() {
                match self.first_of(stream) {
                    Some((log, from)) => self.remove(log, from),
                    None => drop(self.deleted.remove(&stream)),
                }
            } else {
                return;
            }
        }
    }
}
