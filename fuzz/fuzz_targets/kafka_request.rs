//! Bytes from a Kafka peer: what is done with them stands in `fuzzed`, beside the tests that replay the corpus.
#![no_main]

#[path = "../../crates/kafka/tests/it/connection.rs"]
#[allow(dead_code, reason = "the tests use the rest of it")]
mod connection;
#[path = "../../crates/kafka/tests/it/fuzzed.rs"]
mod fuzzed;
#[path = "../../crates/kafka/tests/it/generated/mod.rs"]
mod generated;
#[path = "../../crates/kafka/tests/it/random.rs"]
#[allow(dead_code, reason = "the tests use the rest of it")]
mod random;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzed::run(data));
