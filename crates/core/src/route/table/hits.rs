//! What one search has found so far, and how much it may still do.
//!
//! Apart because every arrangement is searched under the same bounds: a record that a hostile table makes dear is refused, not
//! worked off.

use super::{Held, Set};
use crate::route::binding::Destination;
use alloc::vec::Vec;
use millstream_types::ErrorKind;
use millstream_types::limits::{APPEND_TARGETS_MAX, ROUTE_STEPS_MAX};

/// Found destinations, many of them perhaps several times, are put in order when there are so many.
const UNSORTED_MAX: usize = 4 * APPEND_TARGETS_MAX;

/// See the module's documentation.
#[derive(Debug)]
pub(in crate::route) struct Hits {
    found: Vec<Destination>,
    steps_left: usize,
}

impl Hits {
    pub(in crate::route) fn new() -> Hits {
        Hits { found: Vec::new(), steps_left: ROUTE_STEPS_MAX }
    }

    /// Counts a step: a node, a binding.
    ///
    /// # Errors
    /// `LimitExceeded` when it was one too many.
    pub(in crate::route) fn step(&mut self) -> Result<(), ErrorKind> {
        self.steps_left = self.steps_left.checked_sub(1).ok_or(ErrorKind::LimitExceeded)?;
        Ok(())
    }

    pub(super) fn one(&mut self, held: &Held) -> Result<(), ErrorKind> {
        self.step()?;
        self.found.push(held.destination);
        if self.found.len() >= UNSORTED_MAX {
            self.sort();
            if self.found.len() > APPEND_TARGETS_MAX {
                return Err(ErrorKind::LimitExceeded);
            }
        }
        Ok(())
    }

    pub(super) fn all(&mut self, set: &Set) -> Result<(), ErrorKind> {
        let mut result = Ok(());
        set.each(&mut |held| {
            result = self.one(held);
            result.is_ok()
        });
        result
    }

    fn sort(&mut self) {
        self.found.sort_unstable();
        self.found.dedup();
    }

    /// Everything found since the last time, each once, streams first.
    pub(in crate::route) fn take(&mut self) -> Vec<Destination> {
        self.sort();
        core::mem::take(&mut self.found)
    }
}
