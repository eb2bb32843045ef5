//! The brokers behind a bootstrap address: one connection each, made when first needed.
//!
//! Apart because commands speak of topics and groups; which broker leads or coordinates what, and what to do when
//! that changes, is settled here.

use std::collections::BTreeMap;
use std::time::Duration;

use millstream_kafka::codec::generated::metadata::MetadataResponse;

use super::{ClientError, Connection};

/// Times that a request is tried before its error is shown: with the pauses below, about five seconds.
const ATTEMPTS_MAX: u32 = 8;
/// The first pause between two tries; each next one is twice as long, up to a second.
const PAUSE_MS_FIRST: u64 = 100;
const PAUSE_MS_MAX: u64 = 1000;
/// Stands for "whoever answered the bootstrap address" among the brokers' ids, which are not negative.
const BOOTSTRAP: i32 = -1;

/// How to reach the cluster.
#[derive(Clone, Debug)]
pub(crate) struct ClientOptions {
    /// Addresses to try in turn.
    pub(crate) bootstrap: Vec<String>,
    /// The longest wait for a connection or an answer.
    pub(crate) patience: Duration,
}

/// A client of one cluster.
#[derive(Debug)]
pub(crate) struct Client {
    options: ClientOptions,
    brokers: BTreeMap<i32, String>,
    controller: i32,
    connections: BTreeMap<i32, Connection>,
}

impl Client {
    /// Connects to the first bootstrap address that answers.
    pub(crate) async fn connect(options: ClientOptions) -> Result<Self, ClientError> {
        let mut client =
            Self { options, brokers: BTreeMap::new(), controller: BOOTSTRAP, connections: BTreeMap::new() };
        client.any().await?;
        Ok(client)
    }

    /// A connection to some broker.
    pub(super) async fn any(&mut self) -> Result<&mut Connection, ClientError> {
        if !self.has(BOOTSTRAP) {
            let connection = self.open_bootstrap().await?;
            self.connections.insert(BOOTSTRAP, connection);
        }
        Ok(self.connections.get_mut(&BOOTSTRAP).expect("it was just put there"))
    }

    /// The connection to the broker of that id, as of the last metadata.
    pub(super) async fn broker(&mut self, id: i32) -> Result<&mut Connection, ClientError> {
        // A cluster of one is wherever it answered, even when the address it advertises cannot be reached from here.
        if self.brokers.len() <= 1 {
            return self.any().await;
        }
        if !self.has(id) {
            let connection = self.open_broker(id).await?;
            self.connections.insert(id, connection);
        }
        Ok(self.connections.get_mut(&id).expect("it was just put there"))
    }

    /// The connection for changes to topics: the controller's, if there is one.
    pub(super) async fn controller(&mut self) -> Result<&mut Connection, ClientError> {
        match self.controller {
            id if self.brokers.contains_key(&id) => self.broker(id).await,
            _ => self.any().await,
        }
    }

    /// A connection of its own to a broker that was named with its address.
    pub(super) async fn open_at(&mut self, host: &str, port: i32) -> Result<Connection, ClientError> {
        if self.brokers.is_empty() {
            self.metadata(None).await?;
        }
        if self.brokers.len() <= 1 {
            return self.open_bootstrap().await;
        }
        Connection::open(&address(host, port), self.options.patience).await
    }

    /// Runs `step` until it succeeds, fails for good, or has failed too often.
    pub(super) async fn retrying<T>(
        &mut self,
        mut step: impl AsyncFnMut(&mut Client) -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        let mut pause_ms = PAUSE_MS_FIRST;
        for _ in 1..ATTEMPTS_MAX {
            match step(self).await {
                // There was a broker a moment ago, so one that cannot be reached now is most likely restarting.
                Err(error) if error.is_retriable() || matches!(error, ClientError::Connect { .. }) => {}
                done => return done,
            }
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            pause_ms = (pause_ms * 2).min(PAUSE_MS_MAX);
        }
        step(self).await
    }

    /// The brokers of the last metadata.
    pub(super) fn broker_ids(&self) -> Vec<i32> {
        self.brokers.keys().copied().collect()
    }

    pub(super) fn learn_brokers(&mut self, metadata: &MetadataResponse) {
        self.brokers = metadata
            .brokers
            .iter()
            .map(|broker| (broker.node_id, address(&broker.host, broker.port)))
            .collect();
        self.controller = metadata.controller_id;
        let brokers = &self.brokers;
        self.connections.retain(|id, connection| {
            *id == BOOTSTRAP || brokers.get(id).is_some_and(|address| address == connection.address())
        });
    }

    fn has(&self, id: i32) -> bool {
        self.connections.get(&id).is_some_and(Connection::is_usable)
    }

    async fn open_bootstrap(&self) -> Result<Connection, ClientError> {
        let mut failed = None;
        for address in &self.options.bootstrap {
            match Connection::open(address, self.options.patience).await {
                Ok(connection) => return Ok(connection),
                Err(error) => failed = Some(error),
            }
        }
        Err(failed.unwrap_or_else(|| ClientError::Connect {
            address: "an empty list of addresses".to_owned(),
            reason: "nothing to try".to_owned(),
        }))
    }

    async fn open_broker(&self, id: i32) -> Result<Connection, ClientError> {
        let Some(address) = self.brokers.get(&id) else {
            return Err(ClientError::Connect {
                address: format!("broker {id}"),
                reason: "the cluster does not say where it is".to_owned(),
            });
        };
        Connection::open(address, self.options.patience).await
    }
}

/// Host and port as one address; an IPv6 literal gets its brackets.
fn address(host: &str, port: i32) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}
