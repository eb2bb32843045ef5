//! The Kafka front: Kafka's wire protocol in front of the core's requests.
//!
//! Apart because wire types stop here: nothing else in the house knows what a Kafka message looks like.

pub mod codec;
