//! Publishing while the disk is full: what was refused is kept and tried again, and its connection is not read meanwhile.
//!
//! Apart because it is RabbitMQ's alarm: whoever publishes waits (and is told so, if it understands that), whoever only
//! consumes goes on. Nothing is lost and nothing is confirmed that is not stored. Nobody is blocked before it publishes.

use super::connection::Connection;
use super::pending::Pending;
use super::publish::Appending;
use crate::codec::Method;
use crate::errors::Fault;
use crate::limits::BLOCKED_RETRY_MS;
use millstream_core::Request;
use millstream_front::{Action, Grant};
use millstream_types::EngineTime;
use std::collections::VecDeque;

/// What RabbitMQ says of a full disk.
const REASON: &str = "low on disk";

/// Appends that were refused because the disk is full, in the order in which they were.
#[derive(Debug, Default)]
pub(crate) struct Blocked {
    appends: VecDeque<Appending>,
    /// When the first of them is tried again; `None`: it is under way, or there is none.
    retry_at: Option<EngineTime>,
    /// One is tried again.
    is_trying: bool,
}

impl Blocked {
    /// When to try again.
    pub(crate) fn retry_at(&self) -> Option<EngineTime> {
        self.retry_at
    }
}

impl Connection {
    /// Forgets what waits: nobody is there any more to whom anything was promised.
    pub(crate) fn forget_blocked(&mut self) {
        let blocked = std::mem::take(&mut self.blocked);
        self.settled_bytes += blocked.appends.iter().map(|appending| appending.cost).sum::<usize>();
    }

    /// Whether messages wait for room on the disk: nothing more is read from the client.
    pub(crate) fn is_blocked(&self) -> bool {
        self.blocked.is_trying || !self.blocked.appends.is_empty()
    }

    /// Keeps an append that was refused.
    pub(crate) fn block(&mut self, appending: Appending) {
        let was_blocked = self.is_blocked();
        if appending.is_retry {
            self.blocked.is_trying = false;
            self.blocked.appends.push_front(appending);
        } else {
            self.blocked.appends.push_back(appending);
        }
        if !self.blocked.is_trying {
            self.blocked.retry_at = Some(self.now.after_ms(BLOCKED_RETRY_MS));
        }
        if !was_blocked {
            tracing::info!(peer = %self.peer, "an AMQP connection is blocked: the disk is full");
            if self.capabilities.blocked {
                self.send(0, &Method::ConnectionBlocked { reason: REASON });
            }
        }
    }

    /// An append that was tried again is done: the next one, or the client goes on.
    pub(crate) fn unblock(&mut self) -> Result<(), Fault> {
        self.blocked.is_trying = false;
        if !self.blocked.appends.is_empty() {
            return self.try_again();
        }
        tracing::info!(peer = %self.peer, "an AMQP connection is not blocked any more");
        if self.capabilities.blocked {
            self.send(0, &Method::ConnectionUnblocked {});
        }
        Ok(())
    }

    /// Tries the first of the appends again if it is time.
    ///
    /// # Errors
    /// When the client may not write any more.
    pub(crate) fn try_again_if_due(&mut self) -> Result<(), Fault> {
        if self.blocked.retry_at.is_some_and(|at| at <= self.now) {
            return self.try_again();
        }
        Ok(())
    }

    fn try_again(&mut self) -> Result<(), Fault> {
        self.blocked.retry_at = None;
        let Some(mut appending) = self.blocked.appends.pop_front() else { return Ok(()) };
        let mut grants: Vec<Grant> = Vec::new();
        for batch in &appending.batches {
            // A stream that is gone is nobody's to ask for; the shard says so.
            if let Some(entry) = self.backend.stream_by_id(batch.batch.log.stream) {
                grants.push(self.allow(Action::Write, &entry.name)?);
            }
        }
        appending.is_retry = true;
        self.blocked.is_trying = true;
        let batches = appending.batches.iter().map(|batch| batch.batch.clone()).collect();
        match Grant::request_all(grants, Request::Append(batches)) {
            Some(request) => {
                self.submit(Pending::Append(appending), request);
                Ok(())
            }
            // All of them are gone, and the messages with them, as if they had been published before.
            None => {
                self.settled_bytes += appending.cost;
                crate::ops::basic_publish::vanished(self, appending);
                self.unblock()
            }
        }
    }
}
