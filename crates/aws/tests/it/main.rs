//! The AWS front's tests as one binary.

mod broker;
mod client;
mod docs;
mod fuzzed;
mod hostile;
mod messages;
mod queues;
mod receiving;
mod recorded;
mod signed;
