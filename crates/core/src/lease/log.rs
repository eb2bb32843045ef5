//! One log as a lease group sees it: which of its records are settled, out, put off, ready.
//!
//! Apart because it is all of a group's state, and the only place where it changes: entries are folded by the functions
//! here, live and in recovery alike. It knows of no clock but what it is told, and of no request.
//! It is one file, longer than others, because each change has to leave all of the places below in agreement.
//!
//! An offset is in exactly one of these places, looked for from above:
//!
//! | place | the record |
//! |---|---|
//! | before `settled`, or in `done` | is settled |
//! | `records` | has a history: was out, is out, expires, is put off or moves |
//! | `delayed` | is put off and has no history |
//! | `levels` | is ready, and goes before others or comes from behind `next` |
//! | from `next` on, not in `taken` | is ready, and nothing is kept of it |
//!
//! `taken` holds those from `next` on that are in one of the first four places, so that `next` itself is never one of them.
//!
//! What a trim or a seek settles at once may be millions of records with histories. Then `floor` says that everything before it is
//! settled, and the places are swept up to it in slices: until that is done they, and the counts, still hold what is
//! settled already. Whoever looks something up asks [`LeaseLog::is_settled`] first.

use super::ids::{HolderId, LeaseNumber};
use super::keys::{KeyHash, KeyWindow, Place};
use super::offsets::OffsetSet;
use super::ranges::RangeSet;
use super::record::{Bound, NEVER, Record, State};
use super::sizes::Sizes;
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::ops::Range;
use millstream_types::limits::KEY_WINDOW_RECORDS_MAX;
use millstream_types::{EngineTime, Offset, planted};

/// A run of ready records ends here where each of them costs something to settle.
const RUN_MAX: u64 = 1024;

/// See the module's documentation.
#[derive(Debug, Default)]
pub(crate) struct LeaseLog {
    settled: Offset,
    /// At or before `settled` once everything is swept.
    floor: Offset,
    pub(super) next: Offset,
    /// Marks of records before this were taken over when the group came to know them.
    pub(super) marked_to: Offset,
    pub(super) done: RangeSet,
    pub(super) records: BTreeMap<Offset, Record>,
    pub(super) delayed: BTreeMap<Offset, EngineTime>,
    pub(super) levels: BTreeMap<u8, OffsetSet>,
    /// The ordering keys of its next records, once anything was appended with one.
    pub(super) window: Option<Box<KeyWindow>>,
    /// Bytes of its batches, where its stream may have so many.
    pub(super) sizes: Sizes,
    taken: OffsetSet,
    timers: BTreeSet<(EngineTime, Offset)>,
    /// What is bound to its holder's connection.
    held: BTreeSet<(HolderId, Offset)>,
    /// Where the log stands among its group's timers.
    pub(super) noted: Option<EngineTime>,
    leased: u64,
    moving: u64,
    put_off: u64,
}

/// A new delivery of some records, as its entry says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Delivery {
    pub(super) bound: Bound,
    pub(super) holder: HolderId,
    pub(super) time: EngineTime,
    pub(super) deadline: EngineTime,
}

/// What a timer did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fired {
    /// A lease or a delay is over: the record is ready. Named is who had it, if the lease was bound to a connection.
    Ready(Option<HolderId>),
    /// The record's time to live is over. Nothing was done: whoever asked decides what becomes of it.
    Expired(Offset, Record),
}

impl LeaseLog {
    /// Everything before `settled` is settled, and marks of records before `marked_to` are not looked at.
    pub(super) fn starting_at(settled: Offset, marked_to: Offset) -> LeaseLog {
        LeaseLog { settled, next: settled, marked_to, ..LeaseLog::default() }
    }

    pub(super) fn leased(&self) -> u64 {
        self.leased
    }

    pub(super) fn moving(&self) -> u64 {
        self.moving
    }

    pub(super) fn delayed(&self) -> u64 {
        self.put_off + self.delayed.len() as u64
    }

    /// Records that wait for an acquirer, in a log that ends at `end`.
    pub(super) fn ready(&self, end: Offset) -> u64 {
        let untouched = end.0.saturating_sub(self.next.0).saturating_sub(self.taken.len());
        untouched + self.levels.values().map(OffsetSet::len).sum::<u64>()
    }

    pub(super) fn is_settled(&self, offset: Offset) -> bool {
        offset < self.settled.max(self.floor) || self.done.contains(offset)
    }

    /// Everything before this is settled, and this is not.
    pub(super) fn watermark(&self) -> Offset {
        let settled = self.settled.max(self.floor);
        self.done.around(settled).map_or(settled, |range| Offset(range.end))
    }

    /// Whether there is something left to sweep.
    pub(super) fn is_swept(&self) -> bool {
        self.floor <= self.settled
    }

    /// Records from an offset on that are not settled.
    pub(super) fn unsettled(&self, from: Offset, end: Offset) -> impl Iterator<Item = Offset> {
        let mut at = from.max(self.watermark());
        core::iter::from_fn(move || {
            at = self.done.around(at).map_or(at, |range| Offset(range.end));
            let found = (at < end).then_some(at)?;
            at = at.advance(1);
            Some(found)
        })
    }

    /// The first run of ready records from an offset on; another may follow it at once.
    pub(super) fn ready_run(&self, from: Offset, end: Offset) -> Option<Range<u64>> {
        let from = from.max(self.watermark());
        let untouched = self.taken.first_absent(from.max(self.next));
        let back = self.levels.values().filter_map(|level| level.from(from).next()).min();
        let first = back.map_or(untouched, |back| back.min(untouched));
        if first >= end {
            return None;
        }
        let most = end.0.min(first.0 + RUN_MAX);
        if first < untouched {
            let is_ready = |offset: &u64| self.levels.values().any(|level| level.contains(Offset(*offset)));
            return Some(first.0..(first.0 + 1..most).find(|offset| !is_ready(offset)).unwrap_or(most));
        }
        let is_plain = self.window.is_none() && self.sizes.len() == 0;
        let most = if is_plain { end.0 } else { most };
        Some(first.0..self.taken.from(first).next().map_or(most, |taken| taken.0.min(most)))
    }

    /// Records that are ready, with their priorities, in the order in which they are handed out.
    pub(super) fn candidates(&self, end: Offset) -> impl Iterator<Item = (Offset, u8)> {
        let from = self.watermark();
        let first = self.levels.range(1..).rev();
        let first = first.flat_map(move |(&priority, level)| level.from(from).map(move |at| (at, priority)));
        let mut back = self.levels.get(&0).map(|level| level.from(from)).into_iter().flatten().peekable();
        let next = self.next.max(from);
        let mut untouched = (next.0..end.0).map(Offset).filter(|at| !self.taken.contains(*at)).peekable();
        let rest = core::iter::from_fn(move || match (back.peek(), untouched.peek()) {
            (Some(one), Some(other)) if one < other => back.next(),
            (Some(_), None) => back.next(),
            _ => untouched.next(),
        });
        first.chain(rest.map(|offset| (offset, 0)))
    }

    /// Records that are ready between two offsets, ascending.
    pub(super) fn ready_between(&self, from: Offset, end: Offset) -> impl Iterator<Item = Offset> {
        let from = from.max(self.watermark());
        let untouched = (self.next.max(from).0..end.0).map(Offset).filter(|at| !self.taken.contains(*at));
        let mut untouched = untouched.peekable();
        let mut levels: Vec<_> = self.levels.values().map(|level| level.from(from).peekable()).collect();
        core::iter::from_fn(move || {
            let least =
                levels.iter_mut().enumerate().filter_map(|(at, level)| Some((*level.peek()?, at))).min();
            match (least, untouched.peek()) {
                (Some((offset, at)), other) if other.is_none_or(|other| offset < *other) => levels[at].next(),
                _ => untouched.next(),
            }
        })
        .take_while(move |offset| *offset < end)
    }

    /// The priority of a record that is ready.
    pub(super) fn priority(&self, offset: Offset) -> u8 {
        let level = self.levels.iter().rev().find(|(_, level)| level.contains(offset));
        level.map_or(0, |(&priority, _)| priority)
    }

    /// Takes an offset out of its place; its record if it has one. `None` as well when it is settled: see
    /// [`LeaseLog::is_settled`].
    fn detach(&mut self, offset: Offset) -> Option<Record> {
        if let Some(record) = self.records.remove(&offset) {
            if let Some(at) = record.timer() {
                self.timers.remove(&(at, offset));
            }
            match record.state {
                State::Ready => self.leave_level(record.priority, offset),
                State::Leased { bound, holder, .. } => {
                    self.leased -= 1;
                    if bound == Bound::Connection {
                        self.held.remove(&(holder, offset));
                    }
                }
                State::Delayed { .. } => self.put_off -= 1,
                State::Moving { .. } => self.moving -= 1,
            }
            if record.state != State::Ready {
                self.sizes.set_aside(offset, false);
            }
            return Some(record);
        }
        if let Some(until) = self.delayed.remove(&offset) {
            self.timers.remove(&(until, offset));
            self.sizes.set_aside(offset, false);
            return None;
        }
        if !self.levels.is_empty() {
            let priority = self.priority(offset);
            self.leave_level(priority, offset);
            return (priority > 0).then(|| Record { priority, ..Record::untouched(State::Ready) });
        }
        None
    }

    fn leave_level(&mut self, priority: u8, offset: Offset) {
        if let Some(level) = self.levels.get_mut(&priority) {
            level.remove(offset);
            if level.is_empty() {
                self.levels.remove(&priority);
            }
        }
    }

    /// Says that an offset which was detached is now in a place other than the last.
    fn take(&mut self, offset: Offset) {
        if offset == self.next {
            self.next = offset.advance(1);
            self.close_gap();
        } else if offset > self.next {
            self.taken.insert(offset);
        }
    }

    fn close_gap(&mut self) {
        while !self.taken.is_empty() && self.taken.remove(self.next) {
            self.next = self.next.advance(1);
        }
    }

    /// Puts a detached offset into its place.
    fn attach(&mut self, offset: Offset, record: Record) {
        if record.state == State::Ready && record.is_plain() {
            return self.attach_ready(offset, record.priority);
        }
        self.take(offset);
        if record.state != State::Ready {
            self.sizes.set_aside(offset, true);
        }
        if let Some(at) = record.timer() {
            self.timers.insert((at, offset));
        }
        match record.state {
            State::Ready => {
                self.levels.entry(record.priority).or_default().insert(offset);
            }
            State::Leased { bound, holder, .. } => {
                self.leased += 1;
                if bound == Bound::Connection {
                    self.held.insert((holder, offset));
                }
            }
            State::Delayed { .. } => self.put_off += 1,
            State::Moving { .. } => self.moving += 1,
        }
        self.tell_window(offset, Place::of(record.state));
        let before = self.records.insert(offset, record);
        assert!(before.is_none(), "an offset is detached before it is attached");
    }

    /// Puts a detached offset that nothing need be remembered of among those that are ready.
    fn attach_ready(&mut self, offset: Offset, priority: u8) {
        self.tell_window(offset, Place::Ready);
        if priority == 0 && offset >= self.next {
            self.taken.remove(offset);
        } else {
            self.take(offset);
            self.levels.entry(priority).or_default().insert(offset);
        }
    }

    fn tell_window(&mut self, offset: Offset, place: Place) {
        if let Some(window) = &mut self.window {
            window.place(offset, place);
        }
    }

    /// Folds a delivery of `len` records from `offset` on, all for the `count`th time, with lease numbers from `lease` on.
    pub(super) fn deliver(
        &mut self,
        offset: Offset,
        len: u32,
        count: u32,
        priority: u8,
        lease: LeaseNumber,
        delivery: Delivery,
    ) {
        let Delivery { bound, holder, time, deadline } = delivery;
        for n in 0..u64::from(len) {
            let offset = offset.advance(n);
            if self.is_settled(offset) {
                continue;
            }
            let before = self.detach(offset);
            let first = before.filter(|record| record.count > 0).map_or(time, |record| record.first);
            let expires = before.map_or(NEVER, |record| record.expires);
            let state = State::Leased { bound, holder, deadline };
            let lease = LeaseNumber(lease.0 + n);
            self.attach(offset, Record { state, count, lease, first, expires, priority });
        }
    }

    /// Folds a record's return: ready, or put off until a time.
    pub(super) fn give_back(&mut self, offset: Offset, count: u32, priority: u8, until: Option<EngineTime>) {
        if self.is_settled(offset) {
            return;
        }
        let state = until.map_or(State::Ready, |until| State::Delayed { until });
        let before = self.detach(offset).unwrap_or(Record::untouched(state));
        self.attach(offset, Record { state, count, priority, ..before });
    }

    /// Folds a new deadline of the lease with this number.
    pub(super) fn renew(&mut self, offset: Offset, lease: LeaseNumber, deadline: EngineTime) {
        let Some(record) = self.records.get(&offset).copied() else { return };
        if let State::Leased { bound, holder, .. } = record.state
            && record.lease == lease
            && !self.is_settled(offset)
        {
            self.detach(offset);
            let state = State::Leased { bound, holder, deadline };
            self.attach(offset, Record { state, ..record });
        }
    }

    /// Folds that a record moves.
    pub(super) fn begin_move(&mut self, offset: Offset, count: u32, lease: LeaseNumber, state: State) {
        assert!(matches!(state, State::Moving { .. }));
        if self.is_settled(offset) {
            return;
        }
        let before = self.detach(offset).unwrap_or(Record::untouched(state));
        self.attach(offset, Record { state, count, lease, ..before });
    }

    /// Folds that records are settled.
    pub(super) fn settle(&mut self, range: Range<u64>) {
        let from = Offset(range.start.max(self.settled.0));
        let to = Offset(range.end);
        if from >= to || to.0 - from.0 == 1 && self.done.contains(from) {
            return;
        }
        self.settle_sizes(from.0..to.0);
        if let Some(window) = &mut self.window {
            window.forget_all(from..to);
        }
        if to.0 - from.0 == 1 {
            self.detach(from);
            self.take(from);
        } else {
            self.detach_all(from, to);
            if from <= self.next {
                self.next = self.next.max(to);
                self.taken.remove_before(self.next);
                self.close_gap();
            } else {
                for offset in from.0..to.0 {
                    self.taken.insert(Offset(offset));
                }
            }
        }
        if from == self.settled {
            self.settled = to;
            self.done.remove_before(to.0);
        } else {
            self.done.insert(from.0..to.0);
        }
        // What was settled out of order may follow without a gap now.
        if let Some(first) = self.done.first()
            && first.start <= self.settled.0
        {
            self.settled = Offset(first.end);
            self.done.remove_before(first.end);
        }
        self.sizes.forget_before(self.settled);
    }

    fn settle_sizes(&mut self, range: Range<u64>) {
        if self.sizes.len() == 0 {
            return;
        }
        let mut at = range.start;
        for done in self.done.overlapping(range.clone()) {
            if at < done.start {
                self.sizes.settle(at..done.start);
            }
            at = done.end;
        }
        if at < range.end {
            self.sizes.settle(at..range.end);
        }
    }

    fn detach_all(&mut self, from: Offset, to: Offset) {
        while let Some((&offset, _)) = self.records.range(from..to).next() {
            self.detach(offset);
        }
        while let Some((&offset, _)) = self.delayed.range(from..to).next() {
            self.detach(offset);
        }
        let levels: Vec<u8> = self.levels.keys().copied().collect();
        for priority in levels {
            let level = &self.levels[&priority];
            let members: Vec<Offset> = level.from(from).take_while(|offset| *offset < to).collect();
            for offset in members {
                self.leave_level(priority, offset);
            }
        }
    }

    /// Folds that the log starts later: what lies before is gone. See [`LeaseLog::sweep`].
    pub(super) fn trim(&mut self, start: Offset) {
        self.floor = self.floor.max(start);
    }

    /// Takes out of their places what a trim or a seek has settled, of each place so many at most. Whether that was all.
    pub(super) fn sweep(&mut self, steps: usize) -> bool {
        if !self.is_swept() {
            let (from, to) = (self.settled, self.floor);
            let cuts = [
                self.records.range(from..to).nth(steps).map(|(&offset, _)| offset),
                self.delayed.range(from..to).nth(steps).map(|(&offset, _)| offset),
                self.levels.values().filter_map(|level| level.from(from).nth(steps)).min(),
                self.window
                    .as_ref()
                    .and_then(|window| window.from(from).nth(steps))
                    .map(|(offset, _)| offset),
                self.done.after(Some(from.0)).nth(steps).map(|range| Offset(range.start)),
                self.sizes.from(from).nth(steps).map(|(offset, ..)| offset),
            ];
            let cut = cuts.into_iter().flatten().min().map_or(to, |cut| cut.min(to));
            self.settle(from.0..cut.0);
        }
        self.is_swept()
    }

    /// Sweeps everything.
    fn sweep_all(&mut self) {
        while !self.sweep(usize::MAX) {}
    }

    /// Whether everything from an offset on is ready, and nothing is kept of it.
    fn is_untouched_from(&self, to: Offset) -> bool {
        self.settled <= to
            && self.done.overlapping(to.0..u64::MAX).next().is_none()
            && self.records.range(to..).next().is_none()
            && self.delayed.range(to..).next().is_none()
            && self.levels.values().all(|level| level.from(to).next().is_none())
    }

    /// Folds that everything before `to` is settled, and everything else is not and has no history.
    pub(super) fn seek(&mut self, to: Offset) {
        self.sizes.clear();
        if self.is_untouched_from(to) && self.floor <= to {
            self.floor = to;
            if let Some(window) = &mut self.window {
                window.known_to = window.known_to.max(to);
            }
            return;
        }
        self.trim(to);
        self.sweep_all();
        self.floor = Offset::ZERO;
        let known: Vec<Offset> = self.records.keys().copied().collect();
        for offset in known {
            let record = self.detach(offset).expect("it was just seen");
            let reset = Record {
                priority: record.priority,
                expires: record.expires,
                ..Record::untouched(State::Ready)
            };
            // What was put off and never delivered stays put off.
            let state = match record.state {
                State::Delayed { .. } if record.count == 0 => record.state,
                _ => State::Ready,
            };
            self.attach(offset, Record { state, ..reset });
        }
        if let Some(window) = &mut self.window {
            **window = KeyWindow::starting_at(to);
        }
        self.done.clear();
        (self.settled, self.next) = (to, to);
        self.taken = OffsetSet::default();
        let levels = self.levels.iter().filter(|(priority, _)| **priority > 0);
        let tracked = self.records.keys().chain(self.delayed.keys()).copied();
        let tracked = tracked.chain(levels.flat_map(|(_, level)| level.from(Offset::ZERO)));
        for offset in tracked {
            self.taken.insert(offset);
        }
        // What came back and has no history is ready like everything else from here on.
        let histories = &self.records;
        if let Some(back) = self.levels.remove(&0) {
            let mut kept = OffsetSet::default();
            for offset in back.from(Offset::ZERO).filter(|offset| histories.contains_key(offset)) {
                kept.insert(offset);
            }
            if !kept.is_empty() {
                self.levels.insert(0, kept);
            }
        }
        self.close_gap();
    }

    /// Folds the mark of a new record.
    pub(super) fn mark(
        &mut self,
        offset: Offset,
        priority: u8,
        until: Option<EngineTime>,
        expires: EngineTime,
    ) {
        let is_marked = priority > 0 || until.is_some() || expires != NEVER;
        if !is_marked || self.is_settled(offset) {
            return;
        }
        match self.detach(offset) {
            // Recovery: what the image holds of it is newer than its mark.
            Some(record) if record.count > 0 => self.attach(offset, record),
            _ if priority == 0 && expires == NEVER => {
                if let Some(until) = until {
                    self.restore_delayed(offset, until);
                }
            }
            _ => {
                let state = until.map_or(State::Ready, |until| State::Delayed { until });
                self.attach(offset, Record { priority, expires, ..Record::untouched(state) });
            }
        }
    }

    /// When the next state changes by itself.
    pub(super) fn next_timer(&self) -> Option<EngineTime> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Does what is due first, if it is due.
    pub(super) fn fire(&mut self, now: EngineTime) -> Option<Fired> {
        let &(_, offset) = self.timers.first().filter(|(at, _)| *at <= now)?;
        if self.is_settled(offset) {
            self.detach(offset);
            return Some(Fired::Ready(None));
        }
        let record = self.records.get(&offset).copied();
        if let Some(record) = record.filter(|record| record.expires <= now) {
            return Some(Fired::Expired(offset, record));
        }
        self.make_ready(offset);
        Some(Fired::Ready(match record.map(|record| record.state) {
            Some(State::Leased { bound: Bound::Connection, holder, .. }) => Some(holder),
            _ => None,
        }))
    }

    /// A lease or a delay is over.
    fn make_ready(&mut self, offset: Offset) {
        match self.detach(offset) {
            Some(record) => self.attach(offset, Record { state: State::Ready, ..record }),
            None => self.attach_ready(offset, 0),
        }
    }

    /// After a restart: ends every lease and delay that is over. What has expired is found by the first ticks.
    pub(super) fn resume(&mut self, now: EngineTime) {
        self.sweep_all();
        let is_due = |at: EngineTime| at <= now || planted!(DeadlinesLostAtRestart);
        let due: Vec<Offset> =
            self.timers.iter().take_while(|(at, _)| is_due(*at)).map(|(_, offset)| *offset).collect();
        for offset in due {
            self.make_ready(offset);
        }
        self.end_connections();
        let aside = self.records.iter().filter(|(_, record)| record.state != State::Ready);
        let aside = aside.map(|(&offset, _)| offset).chain(self.delayed.keys().copied());
        let settled = core::iter::once(0..self.settled.0).chain(self.done.after(None));
        self.sizes.count(settled, aside);
    }

    /// Gives back what was bound to connections that a restart has ended.
    fn end_connections(&mut self) {
        if planted!(NamedLeasesEnd) {
            let is_named = |state: State| matches!(state, State::Leased { bound: Bound::Name, .. });
            let named = self.records.iter().filter(|(_, record)| is_named(record.state));
            let named: Vec<Offset> = named.map(|(&offset, _)| offset).collect();
            named.into_iter().for_each(|offset| self.make_ready(offset));
        }
        while let Some(&(_, offset)) = self.held.first() {
            self.make_ready(offset);
        }
    }

    /// What is bound to a holder's connection.
    pub(super) fn held_by(&self, holder: HolderId) -> impl Iterator<Item = Offset> {
        let from = self.held.range((holder, Offset::ZERO)..);
        let of_holder = from.take_while(move |(of, _)| *of == holder).map(|(_, offset)| *offset);
        of_holder.filter(|offset| !self.is_settled(*offset))
    }

    /// Records that are ready, those first that are given up first when there are too many.
    pub(super) fn surplus(&self, end: Offset) -> impl Iterator<Item = Offset> {
        let plain = self.candidates(end).filter(|(_, priority)| *priority == 0).map(|(offset, _)| offset);
        let from = self.watermark();
        plain.chain(self.levels.range(1..).flat_map(move |(_, level)| level.from(from)))
    }

    /// Records before `to` that are not settled.
    pub(super) fn unsettled_before(&self, to: Offset) -> u64 {
        let settled = self.watermark().0;
        let before = self.done.after(Some(settled)).take_while(|range| range.start < to.0);
        let done: u64 = before.map(|range| range.end.min(to.0) - range.start).sum();
        to.0.saturating_sub(settled).saturating_sub(done)
    }

    /// Forgets some of what it knows, of a group that is gone; whether that was all.
    pub(super) fn discard(&mut self, records: usize) -> bool {
        for _ in 0..records {
            if self.records.pop_first().is_none() && self.delayed.pop_first().is_none() {
                return true;
            }
            self.timers.pop_first();
        }
        false
    }

    /// Takes what an image says of a record.
    pub(super) fn restore(&mut self, offset: Offset, record: Record) {
        self.detach(offset);
        self.attach(offset, record);
    }

    /// Takes what an image says is ready at a level above the lowest.
    pub(super) fn restore_ready(&mut self, offset: Offset, priority: u8) {
        self.detach(offset);
        self.attach_ready(offset, priority);
    }

    /// Takes what an image says is put off.
    pub(super) fn restore_delayed(&mut self, offset: Offset, until: EngineTime) {
        self.detach(offset);
        self.take(offset);
        self.sizes.set_aside(offset, true);
        self.delayed.insert(offset, until);
        self.timers.insert((until, offset));
        self.tell_window(offset, Place::Aside);
    }

    /// The keys of records before this are known, or do not matter any more.
    pub(super) fn keys_known_to(&self) -> Offset {
        let settled = self.watermark();
        self.window.as_ref().map_or(settled, |window| window.known_to.max(settled))
    }

    /// Folds the keys of some records. `to`: those of all before it are known then.
    pub(super) fn learn(&mut self, keys: impl Iterator<Item = (Offset, KeyHash)>, to: Offset) {
        let known_to = self.keys_known_to();
        for (offset, key) in keys {
            if self.is_settled(offset) {
                continue;
            }
            let place = match self.records.get(&offset) {
                Some(record) => Place::of(record.state),
                None if self.delayed.contains_key(&offset) => Place::Aside,
                None => Place::Ready,
            };
            self.window.get_or_insert_default().learn(offset, key, place);
        }
        self.window.get_or_insert_default().known_to = known_to.max(to);
    }

    /// Whether keys of so many more records are looked at.
    pub(super) fn has_key_room(&self, records: usize) -> bool {
        self.window.as_ref().map_or(0, |window| window.len()) + records <= KEY_WINDOW_RECORDS_MAX
    }
}
