//! One channel: its mode, what it is in the middle of, and what was delivered on it.
//!
//! Apart because a connection has thousands of them, and everything here ends with it.

use super::confirms::Confirms;
use super::judge::ChannelState;
use super::operations::Waiting;
use super::publish::Publishing;
use super::unacked::{Deliveries, Unacked};
use bytes::Bytes;
use millstream_core::lease::Action;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What publishing on a channel means.
#[derive(Debug, Default)]
pub(crate) enum Mode {
    /// Nobody hears what becomes of a message.
    #[default]
    Plain,
    /// Each message is confirmed.
    Confirm(Confirms),
    /// Messages and acknowledgements wait for a commit.
    Tx(Box<Transaction>),
}

/// What waits for a commit.
#[derive(Debug, Default)]
pub(crate) struct Transaction {
    pub(crate) publishing: Publishing,
    pub(crate) settles: Vec<(Unacked, Action)>,
    /// Mandatory messages that no queue gets: their publish, header and body.
    pub(crate) returns: Vec<(Bytes, Bytes, Bytes)>,
    /// Bytes of all of them.
    pub(crate) held: crate::shared::Held,
}

/// A message that is being received.
#[derive(Debug)]
pub(crate) struct Content {
    /// The payload of its `basic.publish`.
    pub(crate) method: Bytes,
    /// The payload of its header.
    pub(crate) header: Bytes,
    /// What is there of its body.
    pub(crate) parts: Vec<Bytes>,
    /// Bytes of the body that are missing.
    pub(crate) missing: usize,
    /// Bytes of its frames so far.
    pub(crate) cost: usize,
}

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Channel {
    /// Which opening of its number this is.
    pub(crate) serial: u64,
    pub(crate) is_closing: bool,
    pub(crate) mode: Mode,
    pub(crate) content: Option<Content>,
    /// The operation that it waits for.
    pub(crate) waiting: Option<Waiting>,
    /// The queue that an empty name means.
    pub(crate) last_queue: Option<Arc<str>>,
    /// Prefetch of consumers to come.
    pub(crate) prefetch: u16,
    /// Deliveries that may be out on the whole channel; 0: any number.
    pub(crate) prefetch_all: u16,
    pub(crate) deliveries: Deliveries,
    /// Consumers by tag.
    pub(crate) consumers: BTreeMap<Arc<str>, u64>,
    /// The consumer of answers, see [`crate::replies`].
    pub(crate) replies: Option<crate::ops::ReplyConsumer>,
    /// Who gets single messages on this channel, per queue.
    pub(crate) getters: Vec<(u64, Arc<super::consumer::Source>)>,
    /// Consumers that were cancelled and have records out still.
    pub(crate) former: Vec<Former>,
}

/// A consumer that was cancelled while records were out to it.
#[derive(Debug)]
pub(crate) struct Former {
    pub(crate) id: u64,
    pub(crate) source: Arc<super::consumer::Source>,
    /// How many are out.
    pub(crate) out: usize,
}

impl Channel {
    pub(crate) fn new(serial: u64) -> Channel {
        Channel {
            serial,
            is_closing: false,
            mode: Mode::default(),
            content: None,
            waiting: None,
            last_queue: None,
            prefetch: 0,
            prefetch_all: 0,
            deliveries: Deliveries::default(),
            consumers: BTreeMap::new(),
            replies: None,
            getters: Vec::new(),
            former: Vec::new(),
        }
    }

    pub(crate) fn state(&self) -> ChannelState {
        match &self.content {
            _ if self.is_closing => ChannelState::Closing,
            None => ChannelState::Open,
            Some(content) if content.header.is_empty() => ChannelState::Header,
            Some(_) => ChannelState::Body,
        }
    }

    /// The confirms of a channel that has them.
    pub(crate) fn confirms(&mut self) -> Option<&mut Confirms> {
        match &mut self.mode {
            Mode::Plain | Mode::Tx(_) => None,
            Mode::Confirm(confirms) => Some(confirms),
        }
    }

    /// What waits for a commit on a channel that is transactional.
    pub(crate) fn transaction(&mut self) -> Option<&mut Transaction> {
        match &mut self.mode {
            Mode::Plain | Mode::Confirm(_) => None,
            Mode::Tx(transaction) => Some(transaction),
        }
    }
}
