//! Requests that are nearly right: changed, cut and joined at random, always in the same way.
//!
//! Apart because nothing is expected of any of them but that it is answered, or waits, and that the broker is to blame for
//! none of it.

use crate::client::Client;
use serde_json::json;

/// Method, address and body of requests that are right, or were.
const SEEDS: &[(&str, &str, &str)] = &[
    ("GET", "/streams?limit=5&leased=true&prefix=a", ""),
    (
        "PUT",
        "/streams/x",
        "{\"partitions\": 2, \"settings\": {\"delay_ms\": 5, \"leased\": true, \"cleanup\": \"compact\"}}",
    ),
    (
        "PATCH",
        "/streams/q",
        "{\"settings\": {\"retention_ms\": null}, \"unset\": [\"delay_ms\"], \"partitions\": 3}",
    ),
    ("DELETE", "/streams/x", ""),
    ("GET", "/streams/q/records?partition=0&offset=1&limit=2", ""),
    (
        "POST",
        "/streams/q/records",
        "{\"records\": [{\"key\": \"k\", \"value_base64\": \"AA==\", \"delay_ms\": 10}]}",
    ),
    ("GET", "/streams/q/groups/default", ""),
    ("PATCH", "/streams/q/groups/default", "{\"paused\": false}"),
    ("POST", "/streams/q/groups/default/receive", "{\"records_max\": 2, \"timeout_ms\": 50}"),
    (
        "POST",
        "/streams/q/groups/default/seek",
        "{\"to\": {\"offsets\": [{\"partition\": 0, \"offset\": 1}]}}",
    ),
    ("POST", "/streams/q/groups/default/seek", "{\"to\": {\"time_ms\": 1700000000000}}"),
    ("POST", "/streams/q/groups/default/purge", "{\"everything\": false}"),
    (
        "POST",
        "/streams/q/groups/default/settle",
        "{\"leases\": [{\"token\": \"AAAA\", \"action\": \"renew\", \"timeout_ms\": 5}]}",
    ),
    ("GET", "/dead-letters/q/records?reason=limit&from_time_ms=5&key=k", ""),
    ("POST", "/dead-letters/q/records/discard", "{\"records\": [{\"partition\": 0, \"offset\": 1}]}"),
    ("POST", "/dead-letters/q/redrives", "{\"target\": \"x\", \"per_second\": 5}"),
    ("DELETE", "/dead-letters/q/redrives/1", ""),
    ("GET", "/dead-letters?limit=1", ""),
];
const ROUNDS: u64 = 20_000;

/// A row of numbers that look random (splitmix).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end.max(1) as u64).unwrap()
    }

    /// Changes some bytes: replaced, removed, repeated, or exchanged for others that parsers care about.
    fn change(&mut self, text: &str) -> Vec<u8> {
        let mut bytes = text.as_bytes().to_vec();
        for _ in 0..self.below(4) {
            let at = self.below(bytes.len());
            match self.below(5) {
                0 if !bytes.is_empty() => bytes[at] = self.next().to_le_bytes()[0],
                1 if !bytes.is_empty() => drop(bytes.remove(at)),
                2 => bytes.truncate(at),
                3 => bytes.splice(at..at, *b"9999999999999999999").for_each(drop),
                _ => {
                    let piece =
                        [&b"%"[..], b"\"", b"[[[[", b"{}", b"null", b"-1", b"%00", b"&", b"/", b"\\ud800"];
                    let piece = piece[self.below(piece.len())];
                    bytes.splice(at..at, piece.iter().copied()).for_each(drop);
                }
            }
        }
        bytes
    }
}

#[test]
fn whatever_is_asked_is_answered_and_never_the_brokers_fault() {
    let client = Client::new();
    client.create_queue("q", json!({}));
    client.send_values("q", &["a", "b", "c"]);
    let mut numbers = Numbers(7);
    let mut refused = 0;
    for round in 0..ROUNDS {
        let (method, address, body) = SEEDS[numbers.below(SEEDS.len())];
        // An address is ASCII by the time that it comes here.
        let address: String = numbers
            .change(address)
            .iter()
            .filter(|byte| byte.is_ascii_graphic())
            .map(|byte| char::from(*byte))
            .collect();
        let body = if numbers.below(3) == 0 { body.as_bytes().to_vec() } else { numbers.change(body) };
        let waiting = client.start(method, &address, &body);
        assert!(!waiting.is_waiting(), "{round}: nothing here asks to wait");
        let response = waiting.response();
        assert!(response.status < 500, "{round}: {method} {address} {body:?}: {response:?}");
        refused += u32::from(response.status >= 400);
        if round % 64 == 0 {
            client.broker.advance_ms(20);
            client.broker.carry_out_moves();
        }
    }
    assert!(
        refused > 1_000 && u64::from(refused) < ROUNDS - 1_000,
        "{refused}: neither all right nor all wrong"
    );
}
