//! The Kafka front's tests as one binary.

mod configs;
mod connection;
mod docs;
mod fetching;
mod frames;
mod fuzzed;
mod generated;
mod group_admin;
mod groups;
mod hostile;
mod membership;
mod offsets;
mod oracle;
mod producing;
mod random;
mod records;
mod round_trip;
mod served;
mod topics;
mod writer;
