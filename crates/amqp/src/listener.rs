//! The listener: makes a session per connection and holds what they share.
//!
//! Apart because it is all that the binary sees of this front.

use crate::meters::NAME;
use crate::options::AmqpOptions;
use crate::session::AmqpSession;
use crate::shared::Shared;
use core::net::SocketAddr;
use millstream_front::budget::Budget;
use millstream_front::{Authorizer, Backend, OperationMeters, Session, SessionFactory};
use std::sync::Arc;

/// The AMQP front's listener.
#[derive(Debug)]
pub struct Listener {
    options: Arc<AmqpOptions>,
    authorizer: Arc<Authorizer>,
    shared: Arc<Shared>,
}

impl Listener {
    /// A listener with its options and the authorizer that all fronts share.
    #[must_use]
    pub fn new(options: AmqpOptions, authorizer: Arc<Authorizer>) -> Listener {
        Listener { options: Arc::new(options), authorizer, shared: Arc::default() }
    }

    /// With the memory budget that its connections draw on: publishers are blocked while it is short, and open transactions are
    /// counted in it.
    #[must_use]
    pub fn with_memory(self, memory: Arc<Budget>) -> Listener {
        Listener { shared: Arc::new(Shared::with_memory(memory)), ..self }
    }

    /// What its sessions share.
    pub(crate) fn shared(&self) -> Arc<Shared> {
        self.shared.clone()
    }
}

impl SessionFactory for Listener {
    fn name(&self) -> &'static str {
        NAME
    }

    fn meters(&self) -> Option<Arc<OperationMeters>> {
        Some(self.shared.meters.operations())
    }

    fn session(&self, peer: SocketAddr, backend: &Arc<dyn Backend>) -> Box<dyn Session> {
        let (options, authorizer) = (self.options.clone(), self.authorizer.clone());
        Box::new(AmqpSession::new(peer, backend.clone(), options, authorizer, self.shared.clone()))
    }
}
