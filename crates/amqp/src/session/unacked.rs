//! Deliveries of one channel that were not acknowledged: delivery tags, and the leases behind them.
//!
//! Apart because tags are counted per channel and settled from the front as a rule: a row of places with gaps, not a map.

use super::consumer::Source;
use crate::presence::Unacknowledged;
use millstream_core::lease::LeaseRef;
use std::collections::VecDeque;
use std::sync::Arc;

/// One delivery.
#[derive(Debug, Clone)]
pub(crate) struct Unacked {
    /// Its tag; given by [`Deliveries::add`].
    pub(crate) tag: u64,
    pub(crate) source: Arc<Source>,
    /// `None`: it came from a stream, where nothing is taken out.
    pub(crate) lease: Option<LeaseRef>,
    /// The consumer that it went to; `None`: a `basic.get`.
    pub(crate) consumer: Option<u64>,
}

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Deliveries {
    /// The tag of the first place.
    first: u64,
    places: VecDeque<Option<Unacked>>,
    count: usize,
    /// The same for others to see.
    shown: Unacknowledged,
}

impl Default for Deliveries {
    fn default() -> Deliveries {
        Deliveries { first: 1, places: VecDeque::new(), count: 0, shown: Unacknowledged::default() }
    }
}

impl Deliveries {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// How many there are, for others to see.
    pub(crate) fn shown(&self) -> Unacknowledged {
        self.shown.clone()
    }

    /// The tag of the next delivery, one that needs no acknowledgement included.
    pub(crate) fn add(&mut self, unacked: Option<Unacked>) -> u64 {
        let tag = self.first + self.places.len() as u64;
        self.count += usize::from(unacked.is_some());
        self.places.push_back(unacked.map(|unacked| Unacked { tag, ..unacked }));
        self.trim();
        tag
    }

    /// Takes the delivery of a tag, or all up to it; tag 0 and `multiple` mean all there are. `None` if there is nothing
    /// that the tag could mean.
    pub(crate) fn take(&mut self, tag: u64, multiple: bool) -> Option<Vec<Unacked>> {
        if multiple {
            if tag == 0 {
                return Some(self.take_all());
            }
            let places = usize::try_from(tag.checked_sub(self.first)?).ok()? + 1;
            // The tag itself has to be out, as in RabbitMQ.
            self.places.get(places - 1)?.as_ref()?;
            let taken: Vec<Unacked> = self.places.drain(..places).flatten().collect();
            self.first += places as u64;
            self.count -= taken.len();
            self.trim();
            return Some(taken);
        }
        let place = usize::try_from(tag.checked_sub(self.first)?).ok()?;
        let taken = self.places.get_mut(place)?.take()?;
        self.count -= 1;
        self.trim();
        Some(vec![taken])
    }

    /// Puts a delivery back that was taken.
    pub(crate) fn restore(&mut self, unacked: Unacked) {
        while self.first > unacked.tag {
            self.places.push_front(None);
            self.first -= 1;
        }
        let place = usize::try_from(unacked.tag - self.first).expect("tags are of this row");
        let before = self.places[place].replace(unacked);
        assert!(before.is_none(), "it was taken");
        self.count += 1;
        self.shown.set(self.count);
    }

    /// Takes everything.
    pub(crate) fn take_all(&mut self) -> Vec<Unacked> {
        self.first += self.places.len() as u64;
        self.count = 0;
        self.shown.set(0);
        self.places.drain(..).flatten().collect()
    }

    fn trim(&mut self) {
        while let Some(None) = self.places.front() {
            self.places.pop_front();
            self.first += 1;
        }
        self.shown.set(self.count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::consumer::test_source;
    use millstream_core::lease::LeaseNumber;
    use millstream_types::Offset;

    fn deliveries(count: u64) -> Deliveries {
        let source = test_source();
        let mut deliveries = Deliveries::default();
        for n in 1..=count {
            let lease = LeaseRef { log: 0, offset: Offset(n), lease: LeaseNumber(n) };
            let unacked = Unacked { tag: 0, source: source.clone(), lease: Some(lease), consumer: Some(1) };
            assert_eq!(deliveries.add(Some(unacked)), n);
        }
        deliveries
    }

    fn offsets(taken: Option<Vec<Unacked>>) -> Option<Vec<u64>> {
        taken.map(|taken| taken.iter().map(|unacked| unacked.lease.unwrap().offset.0).collect())
    }

    #[test]
    fn each_tag_is_taken_once() {
        let mut deliveries = deliveries(5);
        assert_eq!(offsets(deliveries.take(2, false)), Some(vec![2]));
        assert_eq!(offsets(deliveries.take(2, false)), None);
        assert_eq!(offsets(deliveries.take(6, false)), None);
        assert_eq!(offsets(deliveries.take(0, false)), None);
        assert_eq!(offsets(deliveries.take(2, true)), None, "its tag is not out any more");
        assert_eq!(offsets(deliveries.take(4, true)), Some(vec![1, 3, 4]));
        assert_eq!(offsets(deliveries.take(4, true)), None);
        assert_eq!(deliveries.len(), 1);
        assert_eq!(offsets(deliveries.take(0, true)), Some(vec![5]));
        assert_eq!(offsets(deliveries.take(0, true)), Some(vec![]), "all there are, which may be none");
    }

    #[test]
    fn what_is_put_back_is_where_it_was() {
        let mut deliveries = deliveries(4);
        let taken = deliveries.take(3, true).unwrap();
        assert_eq!(offsets(deliveries.take(4, false)), Some(vec![4]));
        taken.into_iter().rev().for_each(|unacked| deliveries.restore(unacked));
        assert_eq!((offsets(deliveries.take(2, false)), deliveries.len()), (Some(vec![2]), 2));
        assert_eq!(offsets(deliveries.take(0, true)), Some(vec![1, 3]));
    }

    #[test]
    fn deliveries_without_acknowledgement_cost_nothing() {
        let mut deliveries = Deliveries::default();
        for tag in 1..1000 {
            assert_eq!(deliveries.add(None), tag);
        }
        assert!(deliveries.places.is_empty() && deliveries.len() == 0);
        assert_eq!(offsets(deliveries.take(500, false)), None);
    }
}
