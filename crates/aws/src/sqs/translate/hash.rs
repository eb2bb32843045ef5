//! Which log of a stream a message goes to.
//!
//! Apart because a group has to stay in its log, which is the one that every other protocol takes for the same key.

use millstream_types::key;

/// The log that a message goes to: its group's, or any.
pub(crate) fn log_of(group: Option<&str>, logs: u32, random: u128) -> u32 {
    let any = || u32::try_from(random % u128::from(logs)).expect("less than the number of logs");
    group.map_or_else(any, |group| key::log_of(group.as_bytes(), logs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_goes_where_its_key_goes_and_others_are_spread() {
        assert!((0..100).all(|random| log_of(Some("g"), 7, random) == key::log_of(b"g", 7)));
        let spread: Vec<u32> = (0..7).map(|random| log_of(None, 7, random)).collect();
        assert_eq!(spread, [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(log_of(Some("g"), 1, 5), 0);
    }
}
