//! The listener: makes a session per connection and holds what they share.
//!
//! Apart because it is all that the binary sees of this front.

use crate::ops::OPERATIONS;
use crate::options::KafkaOptions;
use crate::session::KafkaSession;
use core::net::SocketAddr;
use millstream_front::{Authorizer, Backend, OperationMeters, Session, SessionFactory};
use std::sync::Arc;

/// The front's name.
const NAME: &str = "kafka";

/// The Kafka front's listener.
#[derive(Debug)]
pub struct Listener {
    options: Arc<KafkaOptions>,
    authorizer: Arc<Authorizer>,
    meters: Arc<OperationMeters>,
}

impl Listener {
    /// A listener with its options and the authorizer that all fronts share.
    #[must_use]
    pub fn new(options: KafkaOptions, authorizer: Arc<Authorizer>) -> Listener {
        let meters = OperationMeters::new(NAME, OPERATIONS.iter().map(|operation| operation.name));
        Listener { options: Arc::new(options), authorizer, meters: Arc::new(meters) }
    }
}

impl SessionFactory for Listener {
    fn name(&self) -> &'static str {
        NAME
    }

    fn meters(&self) -> Option<Arc<OperationMeters>> {
        Some(self.meters.clone())
    }

    fn session(&self, peer: SocketAddr, backend: &Arc<dyn Backend>) -> Box<dyn Session> {
        let (options, authorizer) = (self.options.clone(), self.authorizer.clone());
        Box::new(KafkaSession::new(peer, backend.clone(), options, authorizer, self.meters.clone()))
    }
}
