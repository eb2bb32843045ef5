//! Points on a ring: which binding gets a hash.
//!
//! Apart because a binding that comes or goes must move only its own share. Each has 64 points for each unit of its weight, at
//! places that depend on its destination alone, so that the same streams share in the same way after a restart and under
//! whichever numbers their bindings have; a hash belongs to the next point. With n destinations of the same weight shares differ by an
//! eighth or so.

use super::Held;
use super::hits::Hits;
use crate::route::binding::{Binding, Condition, Destination};
use crate::route::radix::Radix;
use alloc::vec;
use alloc::vec::Vec;
use millstream_types::ErrorKind;
use millstream_types::key::ordering_key;

/// Points of a binding for each unit of its weight.
const POINTS_PER_WEIGHT: u32 = 64;

#[derive(Debug, Clone)]
pub(super) struct Ring {
    /// Points with those that have them; two at the same place are two bindings to the same destination.
    points: Radix<Vec<Held>>,
    weighted: bool,
}

/// The places of a binding's points.
fn places(destination: Destination, count: u32) -> impl Iterator<Item = u64> {
    let (kind, id) = match destination {
        Destination::Stream(stream) => (0, stream.0),
        Destination::Route(route) => (1, route.0),
    };
    (0..count).map(move |point| {
        let mut bytes = [kind; 13];
        bytes[1..9].copy_from_slice(&id.to_le_bytes());
        bytes[9..].copy_from_slice(&point.to_le_bytes());
        ordering_key(&bytes)
    })
}

impl Ring {
    pub(super) fn new(weighted: bool) -> Ring {
        Ring { points: Radix::default(), weighted }
    }

    fn places(&self, binding: &Binding) -> impl Iterator<Item = u64> + use<> {
        let weight = match binding.condition {
            Condition::Weight(weight) if self.weighted => weight,
            _ => 1,
        };
        places(binding.destination, weight * POINTS_PER_WEIGHT)
    }

    pub(super) fn bind(&mut self, held: Held) {
        for place in self.places(&held.binding) {
            match self.points.get_mut(place) {
                Some(there) => there.push(held.clone()),
                None => self.points.insert(place, vec![held.clone()]),
            }
        }
    }

    pub(super) fn unbind(&mut self, number: u64, binding: &Binding) {
        for place in self.places(binding) {
            let there = self.points.get_mut(place).expect("the binding is there");
            there.retain(|held| held.number != number);
            if there.is_empty() {
                self.points.remove(place);
            }
        }
    }

    pub(super) fn find(&self, hash: u64, hits: &mut Hits) -> Result<(), ErrorKind> {
        // After the last point comes the first one.
        let point = self.points.at_or_after(hash).or_else(|| self.points.at_or_after(0));
        match point {
            Some((_, held)) => hits.one(&held[0]),
            None => Ok(()),
        }
    }

    pub(super) fn each(&self, visit: &mut impl FnMut(&Held)) {
        self.points.each(&mut |there| {
            there.iter().for_each(&mut *visit);
            true
        });
    }
}
