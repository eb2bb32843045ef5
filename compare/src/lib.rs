//! The same script played to other brokers and to this one, and what they answer compared word by word.
//!
//! Apart because it knows nothing of the broker's code: what clients rely on is what comes over the wire, so the script
//! is written by hand, read by a client of its own, and the answers of other brokers are recordings that are committed.

pub mod amqp;
pub mod management;
mod scene;
mod transcript;

pub use scene::Scene;
pub use transcript::{Finding, Kind, Transcript, parse, render, table};
