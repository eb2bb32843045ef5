//! Acquirers that wait for records.
//!
//! Apart because a thousand of them must cost nothing while nothing comes: a place in an order and an end in another.

use super::ids::HolderId;
use super::request::Acquire;
use crate::effect::Ticket;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::ops::Bound::{Excluded, Unbounded};
use millstream_types::EngineTime;

/// The larger priority first, then who came first.
pub(super) type Place = (Reverse<i32>, u64);

/// One acquirer that waits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waiter {
    pub(super) ticket: Ticket,
    pub(super) acquire: Acquire,
    /// `None`: it waits for ever.
    until: Option<EngineTime>,
}

/// Those who wait in one group.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    places: BTreeMap<Place, Waiter>,
    ends: BTreeSet<(EngineTime, Place)>,
    holders: BTreeSet<(HolderId, Place)>,
    arrivals: u64,
}

impl Waiters {
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Adds one at the end of those of its priority.
    pub(super) fn add(&mut self, ticket: Ticket, acquire: Acquire, now: EngineTime) {
        let until = (acquire.wait_ms != u64::MAX).then(|| now.after_ms(acquire.wait_ms));
        self.arrivals += 1;
        let place = (Reverse(acquire.priority), self.arrivals);
        self.places.insert(place, Waiter { ticket, acquire, until });
        self.ends.extend(until.map(|until| (until, place)));
        self.holders.insert((acquire.holder, place));
    }

    /// Those who wait after a place, in the order in which they are served.
    pub(super) fn iter(&self, after: Option<Place>) -> impl Iterator<Item = (Place, &Waiter)> {
        let from = after.map_or(Unbounded, Excluded);
        self.places.range((from, Unbounded)).map(|(&place, waiter)| (place, waiter))
    }

    /// Those of the same priority as the one at a place, from that one on.
    pub(super) fn equals(&self, place: Place) -> impl Iterator<Item = Place> {
        self.places.range(place..).map(|(&place, _)| place).take_while(move |(of, _)| *of == place.0)
    }

    fn of(&self, holder: HolderId) -> impl Iterator<Item = Place> {
        let from = self.holders.range((holder, (Reverse(i32::MAX), 0))..);
        from.take_while(move |(of, _)| *of == holder).map(|(_, place)| *place)
    }

    pub(super) fn remove(&mut self, place: Place) -> Option<Waiter> {
        let waiter = self.places.remove(&place)?;
        if let Some(until) = waiter.until {
            self.ends.remove(&(until, place));
        }
        self.holders.remove(&(waiter.acquire.holder, place));
        Some(waiter)
    }

    /// When the first of them has waited long enough.
    pub(super) fn first_end(&self) -> Option<EngineTime> {
        self.ends.first().map(|(until, _)| *until)
    }

    /// Takes one who has waited long enough.
    pub(super) fn take_ended(&mut self, now: EngineTime) -> Option<Waiter> {
        let &(_, place) = self.ends.first().filter(|(until, _)| *until <= now)?;
        self.remove(place)
    }

    /// Takes all waits of a holder.
    pub(super) fn take_of(&mut self, holder: HolderId) -> Vec<Waiter> {
        let places: Vec<Place> = self.of(holder).collect();
        places.into_iter().filter_map(|place| self.remove(place)).collect()
    }

    /// Takes everyone.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = Waiter> {
        core::mem::take(self).places.into_values()
    }
}
