//! Retention: looks through all logs for records that may go, and asks for trims.
//!
//! Apart because it goes over every log: a pass is cut into slices, and no pass is made before something can have expired.
//! What may go is decided by [`retention`]; that it goes is a request like any other, so the start of the log moves in the
//! write-ahead log before any space comes free.

use super::World;
use crate::options::UpkeepOptions;
use millstream_core::catalog::{SettingKey, StreamConfig, StreamEntry};
use millstream_core::request::Trim;
use millstream_core::retention::{self, Extent, Piece};
use millstream_storage::{Aged, LogView};
use millstream_types::{EngineTime, LogId, Offset, WalPosition};
use std::sync::Arc;

/// Logs looked at in one slice: well under a millisecond.
const LOGS_PER_SLICE: usize = 1_000;
/// Pieces of a log that are taken from its index at once.
const PIECES_AT_ONCE: usize = 4;
/// Trims of one request.
const TRIMS_MAX: usize = 512;

/// One pass after another, of two kinds: what somebody has configured is looked at often; what is kept for the default
/// time, which is days, seldom, so that old timestamps which nobody meant to expire do not go before they are noticed.
pub(super) struct Sweep {
    configured: Rounds,
    others: Rounds,
    /// Whether the pass under way is over configured streams.
    is_configured: bool,
    /// Streams of the pass under way that are still to be looked at, the next one last.
    left: Vec<Arc<StreamEntry>>,
    /// Logs of that one that have been looked at.
    looked_at: u32,
}

/// When passes of one kind are made.
struct Rounds {
    interval_ms: u64,
    /// The next pass begins no sooner.
    not_before: EngineTime,
    /// What had been written, and had come into memory, when the last pass began.
    seen: (WalPosition, u64),
    /// When the first of the records that were kept expires.
    expires: Option<EngineTime>,
}

impl Rounds {
    fn new(interval_ms: u64, not_before: EngineTime) -> Rounds {
        Rounds { interval_ms, not_before, seen: (WalPosition::ZERO, 0), expires: None }
    }

    fn due(&self, world: &World<'_>) -> Option<EngineTime> {
        let at =
            if self.seen == (world.written_to, world.held) { self.expires } else { Some(self.not_before) };
        at.map(|at| at.max(self.not_before))
    }

    fn begin(&mut self, world: &World<'_>) {
        self.not_before = world.now.after_ms(self.interval_ms);
        self.seen = (world.written_to, world.held);
        self.expires = None;
    }
}

impl Sweep {
    pub(super) fn new(options: &UpkeepOptions, now: EngineTime) -> Sweep {
        let default_ms = options.default_retention_interval_ms;
        Sweep {
            configured: Rounds::new(options.retention_interval_ms, now),
            others: Rounds::new(default_ms, now.after_ms(default_ms)),
            is_configured: true,
            left: Vec::new(),
            looked_at: 0,
        }
    }

    /// When there is something to look at; `None`: not before something is written.
    pub(super) fn due(&self, world: &World<'_>) -> Option<EngineTime> {
        if !self.left.is_empty() {
            return Some(world.now);
        }
        let rounds = [&self.configured, &self.others];
        rounds.into_iter().filter_map(|rounds| rounds.due(world)).min()
    }

    /// Whether some of the passes have seen everything that there is: the next write makes them due.
    pub(super) fn has_seen(&self, world: &World<'_>) -> bool {
        let all = (world.written_to, world.held);
        self.configured.seen == all || self.others.seen == all
    }

    /// Looks at the next logs, beginning a pass if there is none; returns those to trim.
    pub(super) fn slice(&mut self, world: &World<'_>) -> Vec<Trim> {
        if self.left.is_empty() {
            let is_due = self.configured.due(world).is_some_and(|due| due <= world.now);
            self.is_configured = is_due;
            self.left = world.catalog.all();
            self.left.retain(|stream| is_configured(&stream.config) == is_due);
            self.looked_at = 0;
            self.rounds().begin(world);
        }
        let mut trims = Vec::new();
        for _ in 0..LOGS_PER_SLICE {
            let Some(stream) = self.left.last().map(Arc::clone) else { break };
            if self.looked_at >= stream.logs {
                self.left.pop();
                self.looked_at = 0;
                continue;
            }
            let log = LogId { stream: stream.id, index: self.looked_at };
            self.looked_at += 1;
            let Some(view) = world.views.get(log) else { continue };
            let (start, expires) = look(&stream.config, world.now, &view);
            trims.extend(start.map(|start| Trim { log, before: Some(start) }));
            let rounds = self.rounds();
            rounds.expires = [rounds.expires, expires].into_iter().flatten().min();
            if trims.len() >= TRIMS_MAX {
                break;
            }
        }
        trims
    }

    fn rounds(&mut self) -> &mut Rounds {
        if self.is_configured { &mut self.configured } else { &mut self.others }
    }
}

fn is_configured(config: &StreamConfig) -> bool {
    [SettingKey::RetentionMs, SettingKey::RetentionBytes, SettingKey::Consumed]
        .iter()
        .any(|key| config.is_set(key))
}

/// Where a log may start now, and when the first piece that it keeps expires.
fn look(config: &StreamConfig, now: EngineTime, view: &LogView) -> (Option<Offset>, Option<EngineTime>) {
    let start = view.log_start();
    let extent = Extent { start, end: view.high_watermark(), bytes: view.bytes(), consumed: None };
    let mut last: Option<Piece> = None;
    let pieces = Oldest { view, from: start, ahead: Vec::new() }.inspect(|piece| last = Some(*piece));
    let start = retention::new_start(config, now, extent, pieces);
    // The last piece that was looked at is the first that stays, unless all of them go.
    let stays = last.filter(|piece| start.is_none_or(|start| start < piece.to));
    (start, stays.and_then(|piece| retention::expires_at(config, &piece)))
}

/// A log's pieces from the oldest on, a few at a time: mostly the first one stays.
struct Oldest<'a> {
    view: &'a LogView,
    from: Offset,
    /// Pieces that were taken from the index, the next one last.
    ahead: Vec<Piece>,
}

impl Iterator for Oldest<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        if self.ahead.is_empty() {
            let pieces = self.view.aged(self.from, PIECES_AT_ONCE);
            self.from = pieces.last()?.to;
            let piece =
                |facts: &Aged| Piece { to: facts.to, bytes: facts.bytes, max_timestamp: facts.max_timestamp };
            self.ahead.extend(pieces.iter().rev().map(piece));
        }
        self.ahead.pop()
    }
}
