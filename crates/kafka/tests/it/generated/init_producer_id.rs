//! Random messages of InitProducerId.
//!
//! Apart because each API has a module of its own.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use millstream_kafka::codec::generated::init_producer_id::*;

use crate::random::{Gen, Random};

impl Random for InitProducerIdRequest {
    fn random(g: &mut Gen, version: i16) -> Self {
        let default = Self::default();
        Self {
            transactional_id: g.nullable(|g| g.string()),
            transaction_timeout_ms: g.i32(),
            producer_id: if version >= 3 { g.i64() } else { default.producer_id },
            producer_epoch: if version >= 3 { g.i16() } else { default.producer_epoch },
        }
    }
}

impl Random for InitProducerIdResponse {
    fn random(g: &mut Gen, _version: i16) -> Self {
        Self { throttle_time_ms: g.i32(), error_code: g.i16(), producer_id: g.i64(), producer_epoch: g.i16() }
    }
}
