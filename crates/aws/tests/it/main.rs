//! The AWS front's tests as one binary.

mod attempts;
mod client;
mod docs;
mod failures;
mod fuzzed;
mod hostile;
mod limits;
mod messages;
mod move_tasks;
mod queues;
mod receiving;
mod recorded;
mod signed;
