//! What has happened at least once: a simulation that never tore a write has not shown that torn writes are survived.
//!
//! Apart because every harness counts in the same way, and because a run of many seeds adds the counts of all.

use std::collections::BTreeMap;
use std::fmt;

/// How often each thing of a run has happened, by a sentence about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sightings(BTreeMap<&'static str, u64>);

impl Sightings {
    /// It happened so many more times.
    pub fn saw(&mut self, what: &'static str, times: u64) {
        if times > 0 {
            *self.0.entry(what).or_default() += times;
        }
    }

    /// Adds those of another run.
    pub fn add(&mut self, other: &Sightings) {
        for (what, times) in &other.0 {
            self.saw(what, *times);
        }
    }

    /// Which of these never happened.
    #[must_use]
    pub fn missing(&self, expected: &[&'static str]) -> Vec<&'static str> {
        expected.iter().filter(|what| !self.0.contains_key(*what)).copied().collect()
    }

    /// Which are not among these: a name that was mistyped would never be missed.
    #[must_use]
    pub fn unknown(&self, expected: &[&'static str]) -> Vec<&'static str> {
        self.0.keys().filter(|what| !expected.contains(what)).copied().collect()
    }
}

impl fmt::Display for Sightings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(what, times)| writeln!(f, "{times:>10}  {what}"))
    }
}

/// Notes that something happens sometimes: `sometimes!(sightings, condition, "what, as a sentence")`. A run of many
/// seeds fails when one of the sentences it expects was never true.
#[macro_export]
macro_rules! sometimes {
    ($sightings:expr, $condition:expr, $what:literal) => {
        $sightings.saw($what, u64::from($condition))
    };
}

#[cfg(test)]
mod tests {
    use super::Sightings;

    #[test]
    fn what_never_happened_is_missing() {
        let mut sightings = Sightings::default();
        sometimes!(sightings, 1 > 2, "arithmetic broke");
        sometimes!(sightings, 2 > 1, "arithmetic held");
        assert_eq!(sightings.missing(&["arithmetic held", "arithmetic broke"]), ["arithmetic broke"]);
        assert_eq!(sightings.unknown(&["arithmetic broke"]), ["arithmetic held"]);
    }
}
