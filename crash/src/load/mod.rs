//! What is done to the broker by the lean client: one file per kind of load, one thread and one history per load.
//!
//! Apart from the foreign clients, which are programs of their own.

pub mod bulk;
pub mod churn;
pub mod commits;
pub mod follow;
pub mod produce;
pub mod trim;
pub mod watermarks;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::ensure;
use millstream_kafka::ErrorCode;
use millstream_kafka::codec::generated::create_topics::{CreatableTopic, CreateTopicsRequest};
use millstream_testkit::history::{Event, Phase, Writer};

use crate::clock;
use crate::moment::Moments;
use crate::wire::Link;

/// A topic that lives as long as the run.
#[derive(Clone, Copy, Debug)]
pub struct Topic {
    /// Its name.
    pub name: &'static str,
    /// How many partitions it has.
    pub partitions: u32,
}

/// Written by the lean client alone, fast.
pub const FAST: Topic = Topic { name: "fast", partitions: 2 };
/// Written and read by every client.
pub const SHARED: Topic = Topic { name: "shared", partitions: 3 };
/// Written, and deleted from the front.
pub const TRIMMED: Topic = Topic { name: "trimmed", partitions: 1 };
/// Written when a checkpoint is wanted, then deleted.
pub const BULK: Topic = Topic { name: "bulk", partitions: 1 };
/// All of them.
pub const TOPICS: [Topic; 4] = [FAST, SHARED, TRIMMED, BULK];

/// What every load has.
#[derive(Clone, Debug)]
pub struct World {
    /// Where the broker listens.
    pub address: SocketAddr,
    /// Folder of the histories.
    pub histories: PathBuf,
    /// What loads announce and what they are asked for.
    pub moments: Arc<Moments>,
    /// Decides what is decided by chance.
    pub seed: u64,
    /// The disk is made to fail: a read that is refused for it is no finding.
    pub disk_fails: bool,
}

/// One load's connection and history.
#[derive(Debug)]
pub struct Hand {
    /// The connection.
    pub link: Link,
    /// Where everything is written down that is asked and answered.
    pub history: Writer<fn() -> u64>,
    /// What loads announce and what they are asked for.
    pub moments: Arc<Moments>,
}

impl World {
    /// Makes a load's connection and history.
    ///
    /// # Errors
    /// When the history cannot be made.
    pub fn hand(&self, process: &str) -> anyhow::Result<Hand> {
        Ok(Hand {
            link: Link::new(self.address),
            history: Writer::create(&self.histories, process, clock::now_ns as fn() -> u64)?,
            moments: self.moments.clone(),
        })
    }
}

impl Hand {
    /// Waits for a connection; `false` when the run is over.
    pub fn ready(&mut self) -> bool {
        self.link.ready(&self.moments)
    }

    /// Writes that nobody knows how an operation ended.
    ///
    /// # Errors
    /// When the history cannot be written.
    pub fn unknown(&mut self, event: Event, error: &anyhow::Error) -> std::io::Result<()> {
        self.history.done(Phase::Info, Event { note: format!("{error:#}"), ..event })
    }
}

/// Makes the topics that live as long as the run.
///
/// # Errors
/// When the broker does not make them.
pub fn make_topics(world: &World) -> anyhow::Result<()> {
    const CREATE_VERSION: i16 = 7;
    let mut hand = world.hand("lean-setup")?;
    ensure!(hand.ready(), "the run is over before it began");
    let topics = TOPICS.iter().map(|topic| CreatableTopic {
        name: topic.name.into(),
        num_partitions: i32::try_from(topic.partitions).expect("few partitions"),
        replication_factor: 1,
        ..Default::default()
    });
    let ask = CreateTopicsRequest { topics: topics.collect(), timeout_ms: 30_000, validate_only: false };
    let answer = hand.link.call(CREATE_VERSION, &ask)?;
    for topic in &answer.topics {
        ensure!(topic.error_code == 0, "creating {} was answered with {}", topic.name, topic.error_code);
    }
    hand.history.finish()?;
    Ok(())
}

/// What an error code of an answer says about the request: it was certainly not carried out, or nobody knows.
pub(crate) fn refusal(code: ErrorCode) -> Phase {
    if code == ErrorCode::REQUEST_TIMED_OUT { Phase::Info } else { Phase::Fail }
}
