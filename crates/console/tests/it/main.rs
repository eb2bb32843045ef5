//! The console front's tests as one binary.
#![allow(clippy::unwrap_used, reason = "in a test, and in what tests call, a panic is the verdict")]

mod access;
mod client;
mod dead_letters;
mod docs;
mod fuzzed;
mod hostile;
mod pages;
mod queues;
mod records;
mod streams;
