//! RabbitMQ's management API: scenes of requests played to RabbitMQ and to this broker.
//!
//! Apart because requests and answers are HTTP here. A scene is a few requests ([`play`] tells the language), its transcript the
//! same with the answers between them. What a scene asks for it names by `columns`, where an object has more than both know: RabbitMQ
//! shows much of its machine that means nothing here.

mod http;
mod play;

pub use play::play_all;

use crate::scene;
use crate::{Finding, Scene, Transcript};

/// The versions of RabbitMQ whose answers are recorded, with the recordings.
const RECORDED: [(&str, &str); 1] = [("4.0.5", include_str!("../../recorded/management/rabbitmq-4.0.5.txt"))];
/// What this broker answers where it differs from one of them.
pub const OURS: &str = include_str!("../../recorded/management/millstream.txt");

/// The files, in the order in which they are played and said.
const FILES: [&str; 3] = [
    include_str!("../../scenes/management/objects.txt"),
    include_str!("../../scenes/management/messages.txt"),
    include_str!("../../scenes/management/broker.txt"),
];

/// All scenes.
///
/// # Errors
/// When a file is not written as scenes are.
pub fn scenes() -> anyhow::Result<Vec<Scene>> {
    scene::parse(&FILES)
}

/// Compares what this broker answered with what was recorded, of it and of RabbitMQ.
#[must_use]
pub fn findings(scenes: &[Scene], played: &[Transcript], looked_at: &[Transcript]) -> Vec<Finding> {
    crate::transcript::findings(&RECORDED, scenes, played, looked_at)
}
