//! A small Kafka client: what the command line needs to speak to a running broker, and no more.
//!
//! Apart because it knows nothing of terminals and arguments, and because it must stay a plain client: it works
//! against any broker of the protocol, so nothing here may rely on what only ours does.
//!
//! [`Connection`] is one socket with one request under way; [`Client`] adds metadata, one connection per broker and
//! retries. [`Producer`] and [`Membership`] hold the state of an idempotent producer and of a group's member.

mod admin;
mod assign;
mod cluster;
mod connection;
mod consumer_protocol;
mod coordinator;
mod error;
mod fetch;
mod membership;
mod metadata;
mod offsets;
mod producer;

pub(crate) use admin::NewTopic;
pub(crate) use cluster::{Client, ClientOptions};
pub(crate) use consumer_protocol::{Assignment, decode_assignment};
pub(crate) use coordinator::GroupOffsets;
pub(crate) use error::{ClientError, check};
pub(crate) use fetch::{FetchFrom, Fetched};
pub(crate) use membership::{Beat, Membership};
pub(crate) use metadata::TopicInfo;
pub(crate) use offsets::OffsetAt;
pub(crate) use producer::{Producer, Stored};

use connection::Connection;
