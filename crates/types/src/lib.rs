//! The leaf of the house: identifiers, offsets, record batches, time, limits and error kinds.
//!
//! Apart because everything else is built on these words: a number that has a meaning is a type here, a limit
//! stands here beside the limits it must fit with, and nothing here does I/O or reads a clock.
#![no_std]
extern crate alloc;

pub mod batch;
pub mod chain;
pub mod dead_letter;
pub mod error;
pub mod facts;
pub mod histogram;
pub mod ids;
pub mod key;
pub mod limits;
pub mod object;
#[cfg(feature = "planted")]
pub mod planted;
pub mod routed;
pub mod time;

pub use chain::Chain;
pub use error::ErrorKind;
pub use facts::BatchFacts;
pub use histogram::Histogram;
pub use ids::{
    Incarnation, LogId, Namespace, ObjectNumber, Offset, ProducerEpoch, ProducerId, RouteId, StreamId,
    StreamUid, WalPosition,
};
pub use object::{ObjectEntry, ObjectPart};
pub use time::{EngineTime, RecordTime};

/// Whether a known mistake is to be made here, by its name in `planted::Bug`; see there. Without the feature `planted`,
/// as in everything that is shipped, it is the constant `false`.
#[cfg(feature = "planted")]
#[macro_export]
macro_rules! planted {
    ($bug:ident) => {
        $crate::planted::is_on($crate::planted::Bug::$bug)
    };
}

/// Whether a known mistake is to be made here: never, without the feature `planted`.
#[cfg(not(feature = "planted"))]
#[macro_export]
macro_rules! planted {
    ($bug:ident) => {
        false
    };
}
