//! Failed attempts, by address: whoever guesses has to wait longer and longer.
//!
//! Apart because the table is written by strangers: it is bounded, an IPv6 client counts by its network, and what happened
//! long ago is forgotten. While an address has to wait nothing that it sends is compared, so that guessing is slow;
//! sessions that exist go on.

use core::net::{IpAddr, Ipv6Addr};
use millstream_types::EngineTime;
use std::collections::BTreeMap;

/// Addresses that are remembered; one more makes the one forgotten that failed longest ago.
const ADDRESSES_MAX: usize = 1024;
/// So many failures cost nothing: people mistype.
const FREE: u32 = 5;
/// The wait after the first failure beyond that; each further one doubles it.
const WAIT_MS: u64 = 1_000;
/// The longest wait.
const WAIT_MS_MAX: u64 = 30_000;
/// Failures are forgotten after so long without one.
const FORGOTTEN_MS: u64 = 600_000;

#[derive(Debug)]
struct Trace {
    count: u32,
    last: EngineTime,
}

/// Who failed lately.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    table: BTreeMap<Option<IpAddr>, Trace>,
}

/// What counts as one address: a network of IPv6 is one customer's.
fn group(peer: Option<IpAddr>) -> Option<IpAddr> {
    peer.map(|peer| match peer.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64))
        }
        address => address,
    })
}

impl Failures {
    /// How long an address has to wait before it is listened to; 0: it is.
    pub(crate) fn wait_ms(&self, now: EngineTime, peer: Option<IpAddr>) -> u64 {
        let Some(trace) = self.table.get(&group(peer)) else { return 0 };
        let Some(beyond) = trace.count.checked_sub(FREE) else { return 0 };
        let wait = WAIT_MS_MAX.min(WAIT_MS << beyond.min(10));
        wait.saturating_sub(now.since_ms(trace.last))
    }

    /// An attempt failed.
    pub(crate) fn failed(&mut self, now: EngineTime, peer: Option<IpAddr>) {
        let peer = group(peer);
        if !self.table.contains_key(&peer) && self.table.len() >= ADDRESSES_MAX {
            self.table.retain(|_, trace| now.since_ms(trace.last) < FORGOTTEN_MS);
        }
        if !self.table.contains_key(&peer) && self.table.len() >= ADDRESSES_MAX {
            let oldest = self.table.iter().min_by_key(|(_, trace)| trace.last).map(|(peer, _)| *peer);
            self.table.remove(&oldest.expect("the table is full"));
        }
        let trace = self.table.entry(peer).or_insert(Trace { count: 0, last: now });
        let is_old = now.since_ms(trace.last) >= FORGOTTEN_MS;
        *trace = Trace { count: if is_old { 1 } else { trace.count.saturating_add(1) }, last: now };
    }

    /// An attempt succeeded.
    pub(crate) fn succeeded(&mut self, peer: Option<IpAddr>) {
        self.table.remove(&group(peer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guessing_gets_slower_and_a_success_or_a_pause_ends_that() {
        let mut failures = Failures::default();
        let peer = Some(IpAddr::from([127, 0, 0, 1]));
        let mut now = EngineTime(1_000_000);
        for _ in 0..FREE - 1 {
            failures.failed(now, peer);
            assert_eq!(failures.wait_ms(now, peer), 0);
        }
        let mut waits = Vec::new();
        for _ in 0..8 {
            failures.failed(now, peer);
            waits.push(failures.wait_ms(now, peer));
            assert_eq!(failures.wait_ms(now.after_ms(*waits.last().unwrap()), peer), 0);
        }
        assert_eq!(waits, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
        assert_eq!(failures.wait_ms(now, Some(IpAddr::from([127, 0, 0, 2]))), 0);
        now = now.after_ms(FORGOTTEN_MS);
        failures.failed(now, peer);
        assert_eq!(failures.wait_ms(now, peer), 0);
        for _ in 0..10 {
            failures.failed(now, peer);
        }
        assert!(failures.wait_ms(now, peer) > 0);
        failures.succeeded(peer);
        assert_eq!(failures.wait_ms(now, peer), 0);
    }

    #[test]
    fn the_table_is_bounded_and_a_network_of_ipv6_is_one_address() {
        let mut failures = Failures::default();
        let now = EngineTime(1_000);
        for number in 0..5_000_u128 {
            failures.failed(now, Some(IpAddr::V6(Ipv6Addr::from_bits(number << 64))));
        }
        assert_eq!(failures.table.len(), ADDRESSES_MAX);
        let mut failures = Failures::default();
        for number in 0..10_u128 {
            failures.failed(now, Some(IpAddr::V6(Ipv6Addr::from_bits(7 << 64 | number))));
        }
        assert!(failures.wait_ms(now, Some(IpAddr::V6(Ipv6Addr::from_bits(7 << 64 | 99)))) > 0);
    }
}
