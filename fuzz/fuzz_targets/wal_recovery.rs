//! Damage to a data directory: what is done with it stands in `fuzzed`, beside the tests that replay the corpus.
#![no_main]

#[path = "../../crates/storage/tests/it/fuzzed.rs"]
mod fuzzed;
#[path = "../../crates/storage/tests/it/support.rs"]
#[allow(dead_code, reason = "the tests use the rest of it")]
mod support;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzed::run(data));
