//! A consumer of a stream queue: its place in the log, and what it passes over on the way.
//!
//! Apart from `consumer.rs` because nothing is taken out of a stream: each reader goes through all of it by itself, an
//! acknowledgement only says that it may have more, and whoever comes again says where to go on.

use super::consumer::{Slice, Source};
use crate::limits::READ_BYTES;
use crate::translate::{STREAM_LOG, StreamFilter, StreamStart};
use millstream_front::LogReader;
use millstream_types::batch::Record;
use millstream_types::{LogId, Offset, RecordTime};
use std::sync::Arc;

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) channel: u16,
    pub(crate) tag: Arc<str>,
    pub(crate) source: Arc<Source>,
    /// Deliveries that may be out at once.
    pub(crate) prefetch: u16,
    /// Deliveries that are out.
    pub(crate) out: usize,
    /// Whether a read is under way.
    pub(crate) is_reading: bool,
    /// It waits for the log to move, whose high watermark it has seen.
    pub(crate) waits: Option<Offset>,
    /// What it read last.
    pub(crate) slice: Option<Slice>,
    /// Everything before this offset was delivered or passed over.
    place: Offset,
    beginning: Beginning,
    filter: StreamFilter,
}

/// What is left to be found out about where a reader begins.
#[derive(Debug, Clone, Copy)]
enum Beginning {
    /// Nothing.
    Known,
    /// It begins with the batch that its place is in.
    WithBatch,
    /// It begins with the first record that is not older.
    Since(RecordTime),
}

/// What a reader does next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Read from here.
    Read(Offset),
    /// Wait until the log moves, which has this high watermark.
    Wait(Offset),
}

impl Reader {
    /// A reader of a log that begins where its client wants.
    pub(crate) fn new(
        (channel, tag): (u16, Arc<str>),
        source: Arc<Source>,
        prefetch: u16,
        (start, filter): (StreamStart, StreamFilter),
        log: &dyn LogReader,
    ) -> Reader {
        let end = log.high_watermark();
        let (place, beginning) = match start {
            StreamStart::First => (log.log_start(), Beginning::Known),
            StreamStart::Last => (Offset(end.0.saturating_sub(1)), Beginning::WithBatch),
            StreamStart::Next => (end, Beginning::Known),
            StreamStart::At(offset) => (offset, Beginning::Known),
            StreamStart::Since(time) => (log.batch_from_time(time).unwrap_or(end), Beginning::Since(time)),
        };
        Reader {
            channel,
            tag,
            source,
            prefetch,
            out: 0,
            is_reading: false,
            waits: None,
            slice: None,
            place,
            beginning,
            filter,
        }
    }

    /// The log that it reads.
    pub(crate) fn log(&self) -> LogId {
        LogId { stream: self.source.entry.id, index: STREAM_LOG }
    }

    /// What to do when nothing is left of what was read. What the log lost meanwhile is passed over.
    pub(crate) fn plan(&mut self, log: &dyn LogReader) -> Next {
        // In this order: if the log moves in between, the watch finds that it has.
        let seen = log.high_watermark();
        let end = log.last_stable_offset().min(seen);
        self.place = self.place.max(log.log_start());
        if self.place < end { Next::Read(self.place) } else { Next::Wait(seen) }
    }

    /// Takes what was read from its place. `false`: nothing was.
    pub(crate) fn take(&mut self, mut slice: Slice, log_start: Offset) -> bool {
        if slice.end() <= self.place {
            return false;
        }
        if matches!(self.beginning, Beginning::WithBatch) {
            self.place = slice.begin().map_or(self.place, |first| first.max(log_start));
            self.beginning = Beginning::Known;
        }
        self.slice = Some(slice);
        true
    }

    /// The next record that it wants of what was read; `None`: there is none left.
    pub(crate) fn next(&mut self) -> Option<(Offset, Record)> {
        let slice = self.slice.as_mut()?;
        while let Some((at, record)) = slice.first_from(self.place) {
            self.place = at.advance(1);
            if let Beginning::Since(time) = self.beginning {
                if record.timestamp < time {
                    continue;
                }
                self.beginning = Beginning::Known;
            }
            if self.filter.wants(&record) {
                return Some((at, record));
            }
        }
        self.place = self.place.max(slice.end());
        None
    }

    /// Lets go of what was read, unless there is something left and it is little. Returns how many bytes are let go.
    pub(crate) fn rest(&mut self) -> usize {
        let done = self.slice.take_if(|slice| slice.end() <= self.place || slice.bytes > READ_BYTES as usize);
        done.map_or(0, |slice| slice.bytes)
    }
}
