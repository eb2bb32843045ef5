//! Record batches from a peer: what is done with them stands in `fuzzed`, beside the tests that replay the corpus.
#![no_main]

#[path = "../../crates/types/tests/it/fuzzed.rs"]
mod fuzzed;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzed::run(data));
