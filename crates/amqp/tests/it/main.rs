//! Tests of the AMQP front.

mod blocked;
mod cells;
mod channels;
mod client;
mod codec;
mod connecting;
mod docs;
mod ephemeral;
mod exchanges;
mod faults;
mod fuzzed;
mod management;
mod queues;
mod streams;
