//! Points on a ring: which binding gets a hash.
//!
//! Apart because a binding that comes or goes must move only its own share. Each has one point for each unit of its weight, at
//! places that depend on its destination alone, so that the same streams share in the same way after a restart and under
//! whichever numbers their bindings have. A hash is turned into several places; of the points that come next after each, the one that
//! comes soonest has it. With 21 places shares differ by some percent, where one place would take hundreds of points for
//! each unit to come as near ("multi-probe consistent hashing", Appleton and O'Reilly, 2015), and binding would cost as much more.

use super::Held;
use super::hits::Hits;
use crate::route::binding::{Binding, Condition, Destination};
use crate::route::radix::Radix;
use alloc::vec;
use alloc::vec::Vec;
use millstream_types::ErrorKind;
use millstream_types::key::ordering_key;

/// Places that a hash is turned into.
const PROBES: u64 = 21;

#[derive(Debug, Clone)]
pub(super) struct Ring {
    /// Points with those that have them; two at the same place are two bindings to the same
    /// destination, of which the larger weight counts.
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

/// One of the places of a hash: the finalizer of SplitMix64.
fn probed(hash: u64, probe: u64) -> u64 {
    let mut mixed = hash.wrapping_add(probe.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
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
        places(binding.destination, weight)
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
        let mut nearest: Option<(u64, &Vec<Held>)> = None;
        for probe in 0..PROBES {
            let place = probed(hash, probe);
            // After the last point comes the first one.
            let point = self.points.at_or_after(place).or_else(|| self.points.at_or_after(0));
            let Some((point, held)) = point else { return Ok(()) };
            let distance = point.wrapping_sub(place);
            if nearest.is_none_or(|(least, _)| distance < least) {
                nearest = Some((distance, held));
            }
        }
        nearest.map_or(Ok(()), |(_, held)| hits.one(&held[0]))
    }

    pub(super) fn each(&self, visit: &mut impl FnMut(&Held)) {
        self.points.each(&mut |there| {
            there.iter().for_each(&mut *visit);
            true
        });
    }
}
