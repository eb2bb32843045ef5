//! Which log of a stream a message goes to.
//!
//! Apart because a group has to stay in its log over restarts: the hash's keys are constants. It spreads messages; it
//! guards nothing.

use core::hash::Hasher as _;
use siphasher::sip::SipHasher13;

/// Keys of the hash: any, but for ever the same.
const KEYS: (u64, u64) = (0x6d69_6c6c_7374_7265, 0x616d_2f6f_7264_6572);

/// The hash of a message group.
fn ordering_key(group: &str) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(KEYS.0, KEYS.1);
    hasher.write(group.as_bytes());
    hasher.finish()
}

/// The log that a message goes to: its group's, or any.
pub(crate) fn log_of(group: Option<&str>, logs: u32, random: u128) -> u32 {
    let logs = u64::from(logs.max(1));
    let number = group.map_or_else(|| (random >> 64) as u64, ordering_key);
    u32::try_from(number % logs).expect("less than a number of 32 bits")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_stored_is_found_again_by_every_later_version() {
        assert_eq!(ordering_key("customer-7"), ordering_key("customer-7"));
        assert_eq!(ordering_key(""), 5_005_357_289_702_550_228);
    }

    #[test]
    fn a_group_stays_in_its_log_and_others_are_spread() {
        assert!((0..100).all(|random| log_of(Some("g"), 7, random << 64) == log_of(Some("g"), 7, 0)));
        assert_eq!(
            (0..7).map(|random| log_of(None, 7, random << 64)).collect::<Vec<_>>(),
            [0, 1, 2, 3, 4, 5, 6]
        );
        assert_eq!(log_of(Some("g"), 1, 5), 0);
    }
}
