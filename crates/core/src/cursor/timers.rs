//! Everything about groups that happens by itself at a certain time.
//!
//! Apart because the order of timers has to be the same in every run (R1), and because hearing from a member must
//! cost nothing here: an [`Alarm`] that is put off keeps its old place in the order and is put right when that comes.

use super::request::GroupId;
use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use millstream_types::EngineTime;

/// What happens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// A member, or someone who was given an id to join with, was not heard of for too long.
    Session(GroupId, Arc<str>),
    /// A rebalance has waited long enough for members to join.
    Join(GroupId),
    /// A generation has waited long enough for its members to sync.
    Sync(GroupId),
}

impl Timer {
    pub(super) fn group(&self) -> &GroupId {
        match self {
            Timer::Session(group, _) | Timer::Join(group) | Timer::Sync(group) => group,
        }
    }
}

/// One timer's place in the order. `armed ≤ due` whenever both are set; `due` is only set when `armed` is.
#[derive(Debug, Default)]
pub(super) struct Alarm {
    /// When it is to happen; `None`: not at all.
    due: Option<EngineTime>,
    /// Where it stands in [`Timers`].
    armed: Option<EngineTime>,
}

impl Alarm {
    pub(super) fn is_off(&self) -> bool {
        self.armed.is_none()
    }
}

/// All timers in the order in which they are due.
#[derive(Debug, Default)]
pub(super) struct Timers(BTreeSet<(EngineTime, Timer)>);

impl Timers {
    /// When the first one is due, at the earliest.
    pub(super) fn first(&self) -> Option<EngineTime> {
        self.0.first().map(|(at, _)| *at)
    }

    /// The first timer, if its place has come.
    pub(super) fn due(&self, now: EngineTime) -> Option<&Timer> {
        self.0.first().filter(|(at, _)| *at <= now).map(|(_, timer)| timer)
    }

    /// Takes the first timer, if its place has come.
    pub(super) fn pop(&mut self, now: EngineTime) -> Option<Timer> {
        self.due(now)?;
        self.0.pop_first().map(|(_, timer)| timer)
    }

    /// Sets an alarm; `timer` is always the same for the same alarm.
    pub(super) fn set(&mut self, alarm: &mut Alarm, at: EngineTime, timer: impl FnOnce() -> Timer) {
        alarm.due = Some(at);
        match alarm.armed {
            Some(armed) if armed <= at => {}
            Some(armed) => {
                let timer = timer();
                self.0.remove(&(armed, timer.clone()));
                self.0.insert((at, timer));
                alarm.armed = Some(at);
            }
            None => {
                self.0.insert((at, timer()));
                alarm.armed = Some(at);
            }
        }
    }

    /// Takes an alarm out of the order.
    pub(super) fn clear(&mut self, alarm: &mut Alarm, timer: impl FnOnce() -> Timer) {
        alarm.due = None;
        if let Some(armed) = alarm.armed.take() {
            let found = self.0.remove(&(armed, timer()));
            assert!(found, "an armed alarm has its place");
        }
    }

    /// Whether the alarm whose timer was popped is really due; otherwise it goes to its new place.
    pub(super) fn is_due(&mut self, alarm: &mut Alarm, now: EngineTime, timer: Timer) -> bool {
        alarm.armed = None;
        match alarm.due {
            Some(due) if due > now => {
                self.set(alarm, due, || timer);
                false
            }
            due => {
                alarm.due = None;
                due.is_some()
            }
        }
    }
}
