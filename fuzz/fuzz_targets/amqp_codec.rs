//! Frames, methods, headers and tables of AMQP: what is done with them stands in `fuzzed`, beside the tests that replay the corpus.
#![no_main]

#[path = "../../crates/amqp/tests/it/client.rs"]
#[allow(dead_code, reason = "the tests use the rest of it")]
mod client;
#[path = "../../crates/amqp/tests/it/fuzzed.rs"]
#[allow(dead_code, reason = "the other target uses the rest of it")]
mod fuzzed;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzed::codec(data));
