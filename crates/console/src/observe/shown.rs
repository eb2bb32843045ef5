//! Which streams and groups are shown by name: those at work, as many as may be.
//!
//! Apart because the choice has to be steady: a series that comes and goes is of no use, so one that is shown stays until
//! another one is clearly busier.

use std::collections::BTreeSet;

/// Streams shown by name.
pub(super) const STREAMS_SHOWN_MAX: usize = 100;
/// Groups shown by name.
pub(super) const GROUPS_SHOWN_MAX: usize = 200;
/// So many times busier another one must be.
const STEADINESS: f64 = 2.0;

/// Chooses among `all`, each with how busy it is; `before` is what was shown until now.
pub(super) fn choose<K: Ord + Clone>(
    all: impl Iterator<Item = (K, f64)>,
    before: &BTreeSet<K>,
    max: usize,
) -> BTreeSet<K> {
    let mut ranked: Vec<(K, f64)> = all
        .map(|(key, busy)| {
            let is_shown = before.contains(&key);
            // What is shown and idle stays before what was never shown and is idle too.
            (key, if is_shown { busy * STEADINESS + 1e-9 } else { busy })
        })
        .collect();
    if ranked.len() > max {
        ranked.select_nth_unstable_by(max, |a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        ranked.truncate(max);
    }
    ranked.into_iter().map(|(key, _)| key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_are_chosen_and_stay_until_others_are_clearly_busier() {
        let all = |busy: [f64; 4]| (0..4).zip(busy);
        let none = BTreeSet::new();
        let first = choose(all([5.0, 1.0, 4.0, 0.0]), &none, 2);
        assert_eq!(first, BTreeSet::from([0, 2]));
        let same = choose(all([1.0, 1.5, 4.0, 0.0]), &first, 2);
        assert_eq!(same, first, "half as much again is not enough");
        let other = choose(all([1.0, 2.5, 4.0, 0.0]), &first, 2);
        assert_eq!(other, BTreeSet::from([1, 2]));
        assert_eq!(choose(all([0.0; 4]), &other, 2), other);
        assert_eq!(choose(all([0.0; 4]), &none, 9).len(), 4);
    }
}
