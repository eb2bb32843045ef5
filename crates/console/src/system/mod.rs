//! What is shown of the process around the broker: listeners, connections, configuration, storage.
//!
//! Apart because none of it is the core's state: whoever puts the process together knows it, and hands it in as this.

mod storage;

pub use storage::{Moved, ObjectsStatus, Scrub, StorageStatus, WalStatus};

use crate::verification::Verification;
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt;

/// The process around the broker. Everything here returns at once.
pub trait System: fmt::Debug + Send + Sync {
    /// Where is listened, and by how many that is used.
    fn listeners(&self) -> Vec<Listening>;

    /// Open connections in the order of their ids, behind `after`, `max` of them at most.
    fn connections(&self, after: Option<&ConnectionId>, max: usize) -> Vec<Connected>;

    /// Has a connection end, after what it has under way. `false`: there is none of this id.
    fn close(&self, id: &ConnectionId) -> bool;

    /// Every knob as it is now, in the order in which people should meet them.
    fn knobs(&self) -> Vec<KnobValue>;

    /// What the storage holds and does.
    fn storage(&self) -> StorageStatus;

    /// The verification that is under way, or was the last; `None`: there never was one.
    fn verification(&self) -> Option<Verification>;

    /// Goes on with a verification in the background, which is written down already. Any other one ends.
    fn verify(&self, verification: Verification);

    /// Ends the verification of this number; what it leaves, if it was under way.
    fn end_verification(&self, number: u64) -> Option<Verification>;
}

/// A listener.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Listening {
    /// The protocol's name.
    pub name: &'static str,
    /// Host and port.
    pub address: String,
    /// Connections that are open.
    pub connections: u64,
    /// Connections at once.
    pub connections_max: u64,
}

/// Names a connection, for as long as the process runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConnectionId {
    /// The name of its listener.
    pub listener: String,
    /// Its number there, never used again.
    pub number: u64,
}

impl ConnectionId {
    /// Reads what [`fmt::Display`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<ConnectionId> {
        let (listener, digits) = text.rsplit_once('-')?;
        let number = digits.parse().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
        Some(ConnectionId { listener: listener.to_owned(), number })
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.listener, self.number)
    }
}

/// A connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connected {
    /// Its id.
    pub id: ConnectionId,
    /// Host and port of the client.
    pub peer: String,
    /// When it began, in milliseconds since 1970 UTC.
    pub connected_ms: i64,
}

/// A knob of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Knob")]
pub struct KnobValue {
    /// Its name in a file.
    pub key: &'static str,
    /// Its value, as it would be written; empty: it is not set.
    pub value: String,
    /// Where that comes from: `default`, a file and line, a variable or a flag.
    pub source: String,
    /// Nobody has set it.
    pub is_default: bool,
    /// Unit of the value; empty: it has none.
    pub unit: &'static str,
    /// What it does.
    pub doc: &'static str,
    /// What turning it costs or risks.
    pub cost: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_written_and_nothing_else_is() {
        let id = ConnectionId { listener: "amqp-management".to_owned(), number: 17 };
        assert_eq!(ConnectionId::parse(&id.to_string()), Some(id));
        for wrong in ["", "kafka", "kafka-", "kafka-+1", "kafka-x", "7"] {
            assert_eq!(ConnectionId::parse(wrong), None, "{wrong}");
        }
    }
}
