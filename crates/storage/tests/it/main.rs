//! Storage as its callers see it: on the machine's disk and on one that fails on request.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod cached;
mod checkpoint;
mod compact;
mod contract;
mod faults;
mod footers;
mod fuzzed;
mod growing;
mod lane;
mod listed_log;
mod log_model;
mod lost_pages;
mod objects;
mod open_files;
mod packed;
mod packer;
mod pieces;
mod property;
mod rewriting;
mod scrub;
mod sealed_files;
mod store;
mod support;
mod tail;
