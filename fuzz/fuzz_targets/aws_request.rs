//! Requests of AWS clients: what is done with them stands in `fuzzed`, beside the tests that replay the corpus.
#![no_main]

#[path = "../../crates/aws/tests/it/client.rs"]
#[allow(dead_code, reason = "the tests use the rest of it")]
mod client;
#[path = "../../crates/aws/tests/it/fuzzed.rs"]
mod fuzzed;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzed::run(data));
