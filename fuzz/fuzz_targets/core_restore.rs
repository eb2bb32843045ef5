//! Images and entries that nobody wrote: what is done with them stands in `fuzzed`, beside the tests that replay the
//! corpus.
#![no_main]

#[path = "../../crates/core/tests/it/fuzzed.rs"]
mod fuzzed;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzed::run(data));
