//! One stream: its immutable catalog entry and, in the shard, its logs.
//!
//! Apart because the entry is what every session holds, and its bytes are persisted (entry and image share them).

use crate::catalog::StreamConfig;
use crate::codec::{DecodeError, Decoder, Encoder};
use crate::log::LogState;
use alloc::sync::Arc;
use alloc::vec::Vec;
use millstream_types::limits::{LOGS_PER_STREAM_MAX, NAME_BYTES_MAX};
use millstream_types::{EngineTime, ErrorKind, LogId, Namespace, StreamId, StreamUid, WalPosition};

/// What everyone may know of a stream without asking the shard. Immutable; a change makes a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamEntry {
    /// Its id, never used again after it is deleted.
    pub id: StreamId,
    /// Its universal id, as protocols with topic ids show it.
    pub uid: StreamUid,
    /// Where its name lives.
    pub namespace: Namespace,
    /// Its name.
    pub name: Arc<str>,
    /// Number of its logs.
    pub logs: u32,
    /// What was set of its configuration.
    pub config: StreamConfig,
    /// When it was created.
    pub created: EngineTime,
}

impl StreamEntry {
    /// The ids of its logs, in order.
    pub fn log_ids(&self) -> impl ExactSizeIterator<Item = LogId> + use<> {
        let stream = self.id;
        (0..self.logs).map(move |index| LogId { stream, index })
    }
}

/// A stream as the shard holds it.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) entry: Arc<StreamEntry>,
    pub(crate) logs: Vec<LogState>,
    /// Start of the last frame that touched the stream itself (not its logs).
    pub(crate) last: WalPosition,
}

impl Stream {
    pub(crate) fn new(entry: StreamEntry, last: WalPosition) -> Stream {
        assert!((1..=LOGS_PER_STREAM_MAX).contains(&entry.logs), "log count was checked before");
        let mut logs = Vec::new();
        logs.resize_with(entry.logs as usize, LogState::default);
        Stream { entry: Arc::new(entry), logs, last }
    }
}

/// Checks a stream's name: UTF-8 by type, 1 to 255 bytes, no control characters.
///
/// # Errors
/// `InvalidName`.
pub fn check_name(name: &str) -> Result<(), ErrorKind> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
        return Err(ErrorKind::InvalidName);
    }
    Ok(())
}

/// `id u64, uid u128, namespace u32, name, logs u32, created i64, config`.
pub(crate) fn put_entry(out: &mut Encoder<'_>, entry: &StreamEntry) {
    out.u64(entry.id.0);
    out.u128(entry.uid.0);
    out.u32(entry.namespace.0);
    out.str(&entry.name);
    out.u32(entry.logs);
    out.i64(entry.created.0);
    entry.config.put(out);
}

pub(crate) fn get_entry(input: &mut Decoder<'_>) -> Result<StreamEntry, DecodeError> {
    let entry = StreamEntry {
        id: StreamId(input.id()?),
        uid: StreamUid(input.u128()?),
        namespace: Namespace(input.u32()?),
        name: input.str()?.into(),
        logs: input.u32()?,
        created: EngineTime(input.i64()?),
        config: StreamConfig::get(input)?,
    };
    if !(1..=LOGS_PER_STREAM_MAX).contains(&entry.logs) {
        return Err(DecodeError::Invalid("a stream's number of logs"));
    }
    if entry.id.is_ephemeral() != entry.config.ephemeral() {
        return Err(DecodeError::Invalid("whether a stream is in memory only"));
    }
    if check_name(&entry.name).is_err() {
        return Err(DecodeError::Invalid("a stream's name"));
    }
    Ok(entry)
}
