//! Ephemeral logs: in memory only, and never in a frame (R18).
//!
//! Apart because the lane has no part in them: whoever runs the shard writes to them here, in the order of the shard's decisions,
//! and sessions read them through the same read views as any log. What is written can be read once it is shown, which may
//! be later: what is published to logs of both kinds is seen in both when its frame is durable.

use std::sync::Arc;

use bytes::Bytes;
use millstream_types::{BatchFacts, LogId, Offset, StreamId};

use crate::views::{LogView, Views};

/// The writer's side of all ephemeral logs. There is one.
pub struct EphemeralLogs {
    views: Arc<Views>,
    /// The log of the last change: the next one is often the same.
    last: Option<Arc<LogView>>,
}

impl EphemeralLogs {
    pub(crate) fn new(views: Arc<Views>) -> EphemeralLogs {
        EphemeralLogs { views, last: None }
    }

    /// Makes an empty log.
    ///
    /// # Panics
    /// When the log exists, or its id is one of logs on the disk.
    pub fn create(&mut self, log: LogId) {
        assert!(log.stream.is_ephemeral(), "log {log} is on the disk");
        self.views.create_ephemeral(log);
    }

    /// Adds a batch at the end of its log. It is read once its end was given to [`LogView::show`] of the view that is
    /// returned, or the end of a later one.
    ///
    /// # Panics
    /// When the log does not exist, or the batch is not as long as its facts say.
    pub fn append(&mut self, facts: &BatchFacts, bytes: &Bytes) -> Arc<LogView> {
        let view = self.view(facts.log).expect("the shard appends only to logs it has created");
        view.hold(facts, bytes);
        view
    }

    /// Lets go of the batch that begins at `base`, if it is still there.
    pub fn forget(&mut self, log: LogId, base: Offset) {
        if let Some(view) = self.view(log) {
            view.forget(base);
        }
    }

    /// Lets the log start at `start`. Returns its view, for who watches it to be woken.
    pub fn trim(&mut self, log: LogId, start: Offset) -> Option<Arc<LogView>> {
        let view = self.view(log)?;
        view.trim_held(start);
        Some(view)
    }

    /// Lets go of all logs of a stream.
    pub fn delete(&mut self, stream: StreamId, logs: u32) {
        self.last = None;
        self.views.remove_stream(stream, logs);
    }

    fn view(&mut self, log: LogId) -> Option<Arc<LogView>> {
        if self.last.as_ref().is_none_or(|view| view.log() != log) {
            self.last = self.views.get(log);
        }
        self.last.clone()
    }
}
