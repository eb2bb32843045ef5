//! The core as whoever runs it sees it: requests in, frames and replies out, restored after crashes.
//!
//! One binary with a module per subject; `broker` is the harness that they share.

mod backpressure;
mod broker;
mod catalog;
mod cells;
mod commits;
mod consumers;
mod damage;
mod ephemeral;
mod fuzzed;
mod history;
mod joins;
mod keyed;
mod large;
mod lease_cells;
mod lease_crashes;
mod long_work;
mod namespaces;
mod objects;
mod people;
mod queue_history;
mod queues;
mod random;
mod redrives;
mod reference;
mod restarts;
mod retention;
mod route_cells;
mod route_history;
mod route_match;
mod routing;
mod speed;
mod statics;
mod streams;
mod transactions;
mod work;
