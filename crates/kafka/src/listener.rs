//! The listener: makes a session per connection and holds what they share.
//!
//! Apart because it is all that the binary sees of this front.

use crate::session::KafkaSession;
use core::net::SocketAddr;
use millstream_front::{Authorizer, Backend, Session, SessionFactory};
use std::sync::Arc;

/// What can be set of the Kafka front.
#[derive(Debug, Clone)]
pub struct KafkaOptions {
    /// Host and port that clients are told to connect to.
    pub advertised: (String, u16),
    /// Whether naming an unknown topic in a Metadata request creates it.
    pub auto_create: bool,
    /// Partitions of a topic that is created without saying how many.
    pub default_logs: u32,
    /// The id that this broker has in clients' metadata.
    pub node_id: i32,
}

/// The Kafka front's listener.
#[derive(Debug)]
pub struct Listener {
    options: Arc<KafkaOptions>,
    authorizer: Arc<Authorizer>,
}

impl Listener {
    /// A listener with its options and the authorizer that all fronts share.
    #[must_use]
    pub fn new(options: KafkaOptions, authorizer: Arc<Authorizer>) -> Listener {
        Listener { options: Arc::new(options), authorizer }
    }
}

impl SessionFactory for Listener {
    fn name(&self) -> &'static str {
        "kafka"
    }

    fn session(&self, peer: SocketAddr, backend: &Arc<dyn Backend>) -> Box<dyn Session> {
        let (options, authorizer) = (self.options.clone(), self.authorizer.clone());
        Box::new(KafkaSession::new(peer, backend.clone(), options, authorizer))
    }
}
