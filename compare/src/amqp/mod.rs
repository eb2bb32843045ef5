//! AMQP 0-9-1: scenes played to RabbitMQ and to this broker.
//!
//! Apart because the frames are here. A scene ([`script`]) is a few lines of text, its [`transcript`](Transcript) the same lines with
//! the answers between them. The client shares nothing with the front: methods and field tables are read and written
//! from a table of its own ([`method`]), so that a mistake of the front's codec shows instead of cancelling out.

mod connection;
mod method;
mod play;
mod script;
mod text;
mod value;

pub use play::{Patience, play_all};
pub use script::scenes;

use crate::{Finding, Scene, Transcript};

/// The versions of RabbitMQ whose answers are recorded, with the recordings.
pub const RECORDED: [(&str, &str); 2] = [
    ("3.10.8", include_str!("../../recorded/amqp/rabbitmq-3.10.8.txt")),
    ("4.0.5", include_str!("../../recorded/amqp/rabbitmq-4.0.5.txt")),
];
/// What this broker answers where it differs from one of them.
pub const OURS: &str = include_str!("../../recorded/amqp/millstream.txt");

/// Compares what this broker answered with what was recorded, of it and of RabbitMQ.
#[must_use]
pub fn findings(scenes: &[Scene], played: &[Transcript], looked_at: &[Transcript]) -> Vec<Finding> {
    crate::transcript::findings(&RECORDED, scenes, played, looked_at)
}
