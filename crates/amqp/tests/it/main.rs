//! Tests of the AMQP front.

mod cells;
mod client;
mod codec;
mod connecting;
mod docs;
mod exchanges;
mod faults;
mod fuzzed;
mod queues;
