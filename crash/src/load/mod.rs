//! What is done to the broker by the lean client: one file per kind of load, one thread and one history per load.
//!
//! Apart from the foreign clients, which are programs of their own.

pub(crate) mod bulk;
pub(crate) mod churn;
pub(crate) mod commits;
pub(crate) mod follow;
pub(crate) mod produce;
pub(crate) mod trim;
pub(crate) mod watermarks;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use millstream_testkit::history::{Event, Phase, Writer};

use crate::clock;
use crate::moment::Moments;
use crate::wire::Link;

/// A topic that lives as long as the run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Topic {
    pub(crate) name: &'static str,
    pub(crate) partitions: u32,
}

/// Written by the lean client alone, fast.
pub(crate) const FAST: Topic = Topic { name: "fast", partitions: 2 };
/// Written and read by every client.
pub(crate) const SHARED: Topic = Topic { name: "shared", partitions: 3 };
/// Written, and deleted from the front.
pub(crate) const TRIMMED: Topic = Topic { name: "trimmed", partitions: 1 };
/// Written when a checkpoint is wanted, then deleted.
pub(crate) const BULK: Topic = Topic { name: "bulk", partitions: 1 };
/// All of them.
pub(crate) const TOPICS: [Topic; 4] = [FAST, SHARED, TRIMMED, BULK];

/// What every load has.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) histories: PathBuf,
    pub(crate) moments: Arc<Moments>,
    pub(crate) seed: u64,
}

/// One load's connection and history.
#[derive(Debug)]
pub(crate) struct Hand {
    pub(crate) link: Link,
    pub(crate) history: Writer<fn() -> u64>,
    pub(crate) moments: Arc<Moments>,
}

impl World {
    /// Makes a load's connection and history.
    pub(crate) fn hand(&self, process: &str) -> anyhow::Result<Hand> {
        Ok(Hand {
            link: Link::new(self.address),
            history: Writer::create(&self.histories, process, clock::now_ns as fn() -> u64)?,
            moments: self.moments.clone(),
        })
    }
}

impl Hand {
    /// Waits for a connection; `false` when the run is over.
    pub(crate) fn ready(&mut self) -> bool {
        self.link.ready(&self.moments)
    }

    /// Writes that nobody knows how an operation ended.
    pub(crate) fn unknown(&mut self, event: Event, error: &anyhow::Error) -> std::io::Result<()> {
        self.history.done(Phase::Info, Event { note: format!("{error:#}"), ..event })
    }
}
