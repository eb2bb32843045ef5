//! Ephemeral logs: in memory only, and never in a frame (R18).
//!
//! Apart because the lane has no part in them: whoever runs the shard writes to them here, in the order of the shard's decisions,
//! and sessions read them through the same read views as any log. What is written can be read once it is shown, which may
//! be later: what is published to logs of both kinds is seen in both when its frame is durable.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use millstream_types::{BatchFacts, LogId, Offset, StreamId};

use crate::views::{Held, LogView, Views};

/// Batches that one turn lets go of: a tenth of a microsecond each (R13).
const DROPPED_PER_TURN: usize = 2_048;
/// Those that go at once: for so few no further turn is worth its while.
const DROPPED_AT_ONCE: usize = 64;

/// The writer's side of all ephemeral logs. There is one.
pub struct EphemeralLogs {
    views: Arc<Views>,
    /// The log of the last change: the next one is often the same.
    last: Option<Arc<LogView>>,
    /// What nobody can read any more and is still held.
    left: VecDeque<Left>,
}

/// What is let go of in steps.
enum Left {
    /// What lies before the start of a log.
    Trimmed(Arc<LogView>),
    /// What a log held that is gone.
    Buried(Held),
}

impl EphemeralLogs {
    pub(crate) fn new(views: Arc<Views>) -> EphemeralLogs {
        EphemeralLogs { views, last: None, left: VecDeque::new() }
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

    /// Lets the log start at `start`; what lies before goes with [`EphemeralLogs::sweep`]. Returns its view, for who watches it
    /// to be woken.
    pub fn trim(&mut self, log: LogId, start: Offset) -> Option<Arc<LogView>> {
        let view = self.view(log)?;
        view.trim_held(start);
        if view.drop_trimmed(DROPPED_AT_ONCE) == DROPPED_AT_ONCE {
            self.left.push_back(Left::Trimmed(Arc::clone(&view)));
        }
        Some(view)
    }

    /// Ends all logs of a stream; what they held goes with [`EphemeralLogs::sweep`].
    pub fn delete(&mut self, stream: StreamId, logs: u32) {
        self.last = None;
        for index in 0..logs {
            if let Some(view) = self.views.take(LogId { stream, index }) {
                let mut held = view.bury();
                if held.drop_some(DROPPED_AT_ONCE) == DROPPED_AT_ONCE {
                    self.left.push_back(Left::Buried(held));
                }
            }
        }
    }

    /// Lets go of some of what nobody can read any more (R13).
    pub fn sweep(&mut self) {
        let mut steps = DROPPED_PER_TURN;
        while steps > 0
            && let Some(first) = self.left.front_mut()
        {
            steps -= match first {
                Left::Trimmed(view) => view.drop_trimmed(steps),
                Left::Buried(held) => held.drop_some(steps),
            };
            if steps > 0 {
                self.left.pop_front();
                steps -= 1;
            }
        }
    }

    /// Whether nothing is left for [`EphemeralLogs::sweep`].
    #[must_use]
    pub fn has_swept(&self) -> bool {
        self.left.is_empty()
    }

    fn view(&mut self, log: LogId) -> Option<Arc<LogView>> {
        if self.last.as_ref().is_none_or(|view| view.log() != log) {
            self.last = self.views.get(log);
        }
        self.last.clone()
    }
}
