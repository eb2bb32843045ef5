//! Which log of a stream a message goes to.
//!
//! Apart because a group has to stay in its log: it is found by the same hash that puts the group's records in order.

use millstream_types::key::ordering_key;

/// The log that a message goes to: its group's, or any.
pub(crate) fn log_of(group: Option<&str>, logs: u32, random: u128) -> u32 {
    let logs = u64::from(logs.max(1));
    let number = group.map_or_else(|| (random >> 64) as u64, |group| ordering_key(group.as_bytes()));
    u32::try_from(number % logs).expect("less than a number of 32 bits")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_stays_in_its_log_and_others_are_spread() {
        assert!((0..100).all(|random| log_of(Some("g"), 7, random << 64) == log_of(Some("g"), 7, 0)));
        let spread: Vec<u32> = (0..7).map(|random| log_of(None, 7, random << 64)).collect();
        assert_eq!(spread, [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(log_of(Some("g"), 1, 5), 0);
    }
}
