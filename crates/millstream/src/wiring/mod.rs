//! Wiring: the one place that sees both the engine and the fronts.
//!
//! Apart because a front must not see the engine, nor the engine a front: the adapters here turn the engine's handle into
//! the [`Backend`] that fronts know, and the engine's replies into a connection's inbox.

mod backend;
pub(crate) mod errand;
mod facts;
pub(crate) mod random;
mod reader;
mod status;
mod system;
mod traced;
mod verifier;

pub(crate) use status::SOCKET;
#[cfg(test)]
pub(crate) use status::test_status;
pub(crate) use system::Process;
pub(crate) use verifier::{Verifier, Verifying};

use crate::outbound::{Client, Target};
use crate::trace::Tracer;
use crate::wiring::backend::EngineBackend;
use anyhow::Context;
use millstream_console::StorageStatus;
use millstream_console::metrics::Storage;
use millstream_core::ShardOptions;
use millstream_core::hash::HashSeed;
use millstream_engine::{Engine, EngineOptions, EphemeralMemory};
use millstream_front::Backend;
use millstream_storage::{Durability, Options, RealDisk};
use std::path::Path;
use std::sync::Arc;
use std::task::Poll;

/// What the wiring needs to know of the configuration.
#[derive(Clone)]
pub(crate) struct BrokerOptions {
    /// When a write counts as done.
    pub(crate) durability: Durability,
    /// Memory for the newest records, in bytes.
    pub(crate) tail_bytes: u64,
    /// How much of what was written last is left to the page cache, in bytes.
    pub(crate) cached_bytes_max: u64,
    /// Empty write-ahead log files kept.
    pub(crate) wal_pool_files_max: usize,
    /// Files that storage keeps open beside those it works on.
    pub(crate) open_files_max: usize,
    /// Options of the shard.
    pub(crate) shard: ShardOptions,
    /// Bytes that packing and compaction move per second.
    pub(crate) upkeep_bytes_per_second: u64,
    /// Memory for the keys of a log that is compacted, in bytes.
    pub(crate) compaction_memory_bytes: u64,
    /// Where traces are sent, if they are, and by what.
    pub(crate) traces: Option<(Client, Target)>,
}

/// A running broker, without its listeners.
pub(crate) struct Broker {
    /// What fronts see.
    pub(crate) backend: Arc<dyn Backend>,
    template: EngineBackend,
    engine: Engine,
}

impl Broker {
    /// Opens the data directory, recovers it and starts.
    ///
    /// # Errors
    /// One clear sentence about what is wrong with the directory; nothing was deleted.
    pub(crate) fn open(data_dir: &Path, options: &BrokerOptions) -> anyhow::Result<Broker> {
        let disk = RealDisk::new(data_dir)
            .with_context(|| format!("the data directory {} cannot be opened", data_dir.display()))?;
        let mut storage = Options::new(random_u128()?);
        storage.micros = facts::micros;
        storage.durability = options.durability;
        storage.tail_bytes_max = options.tail_bytes;
        storage.cached_bytes_max = options.cached_bytes_max;
        storage.open_files_max = options.open_files_max;
        storage.pool_files_max = options.wal_pool_files_max.max(storage.files_ahead);
        let seed = random_u128()?;
        #[allow(clippy::cast_possible_truncation, reason = "two halves of one random number")]
        let seed = HashSeed([seed as u64, (seed >> 64) as u64]);
        let mut engine_options = EngineOptions { shard: options.shard, ..EngineOptions::default() };
        engine_options.upkeep.bytes_per_second = options.upkeep_bytes_per_second;
        engine_options.upkeep.compact.map_bytes_max = options.compaction_memory_bytes;
        let engine = Engine::start(Arc::new(disk), storage, &engine_options, seed)
            .with_context(|| format!("the data directory {} cannot be used", data_dir.display()))?;
        let tracer = options.traces.clone().map(|(client, endpoint)| Tracer::begin(client, endpoint));
        let tracer = tracer.transpose();
        let tracer = tracer.context("there is no thread for traces")?.map(Arc::new);
        let template = EngineBackend::new(engine.handle(), data_dir, tracer);
        Ok(Broker { backend: Arc::new(template.clone()), template, engine })
    }

    /// What a front of this name sees: the same, and it is known who reads.
    pub(crate) fn backend_of(&self, front: &str) -> Arc<dyn Backend> {
        Arc::new(self.template.of(front))
    }

    /// Resolves with the reason when storage has failed.
    pub(crate) fn failed(&self) -> impl Future<Output = Arc<str>> + Send + 'static {
        let handle = self.engine.handle();
        std::future::poll_fn(move |cx| match handle.poll_failure(cx) {
            Poll::Ready(why) => Poll::Ready(why),
            Poll::Pending => Poll::Pending,
        })
    }

    /// What `millstream storage` shows, whenever it is called.
    pub(crate) fn storage_status(&self) -> impl Fn() -> StorageStatus + Send + Sync + 'static {
        let handle = self.engine.handle();
        move || status::look(&handle)
    }

    /// What metrics say of the storage, whenever it is called.
    pub(crate) fn storage_facts(&self) -> impl Fn() -> Storage + Send + Sync + 'static {
        let (handle, backend) = (self.engine.handle(), self.backend.clone());
        move || facts::storage(&handle, &*backend)
    }

    /// What streams in memory hold, whenever it is called.
    pub(crate) fn ephemeral_facts(&self) -> impl Fn() -> EphemeralMemory + Send + Sync + 'static {
        let handle = self.engine.handle();
        move || handle.ephemeral_memory()
    }

    /// Begins the thread that verifies what is stored when somebody asks for it, so many bytes per second.
    ///
    /// # Errors
    /// When the machine has no thread for it.
    pub(crate) fn verifier(&self, bytes_per_second: u64) -> anyhow::Result<Verifier> {
        let verifier = Verifier::start(self.engine.handle(), self.backend.clone(), bytes_per_second);
        verifier.context("there is no thread for verifying what is stored")
    }

    /// Stops: finishes what was taken, writes a checkpoint, closes the write-ahead log. Blocks.
    ///
    /// # Errors
    /// When storage has failed; what was acknowledged is kept all the same.
    pub(crate) fn stop(self) -> anyhow::Result<()> {
        self.engine.stop().map_err(|why| anyhow::anyhow!("{why}"))
    }
}

/// 128 bits from the operating system.
fn random_u128() -> anyhow::Result<u128> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).context("the operating system gives no random numbers")?;
    Ok(u128::from_le_bytes(bytes))
}
