//! Damage to a packed object: what is done with it stands in `packed`, beside the tests that replay the corpus.
#![no_main]

#[path = "../../crates/storage/tests/it/packed.rs"]
mod packed;
#[path = "../../crates/storage/tests/it/support.rs"]
#[allow(dead_code, reason = "the tests use the rest of it")]
mod support;

libfuzzer_sys::fuzz_target!(|data: &[u8]| packed::run(data));
