//! The console front's tests as one binary.
#![allow(clippy::unwrap_used, reason = "in a test, and in what tests call, a panic is the verdict")]

mod access;
mod client;
mod dead_letters;
mod docs;
mod exposition;
mod fuzzed;
mod groups;
mod hostile;
mod jobs;
mod live;
mod openapi;
mod ops;
mod pages;
mod plain;
mod process;
mod queues;
mod records;
mod routes;
mod schema;
mod streams;
mod system;
mod watched;
