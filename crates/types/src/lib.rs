//! The leaf of the house: identifiers, offsets, record batches, time, limits and error kinds.
//!
//! Apart because everything else is built on these words: a number that has a meaning is a type here, a limit
//! stands here beside the limits it must fit with, and nothing here does I/O or reads a clock.
#![no_std]
extern crate alloc;

pub mod batch;
pub mod error;
pub mod facts;
pub mod ids;
pub mod limits;
pub mod object;
pub mod time;

pub use error::ErrorKind;
pub use facts::BatchFacts;
pub use ids::{
    Incarnation, LogId, Namespace, ObjectNumber, Offset, ProducerEpoch, ProducerId, StreamId, StreamUid,
    WalPosition,
};
pub use object::{ObjectEntry, ObjectPart};
pub use time::{EngineTime, RecordTime};
