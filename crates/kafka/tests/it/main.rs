//! The Kafka front's tests as one binary.

mod frames;
mod generated;
mod hostile;
mod oracle;
mod random;
mod round_trip;
mod writer;
