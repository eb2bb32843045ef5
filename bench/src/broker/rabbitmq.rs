//! A RabbitMQ that runs already.
//!
//! Apart because it is not started here: it comes with a system of its own, and how it is configured is part of what is measured.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use super::{Broker, Process};
use crate::amqp;

/// What it is called in the tables.
pub(crate) const NAME: &str = "rabbitmq";

/// The RabbitMQ at `address`, whose Erlang machine is process `pid`.
pub(crate) fn attach(address: SocketAddr, pid: u32, parent: &Path) -> Broker {
    let (process, directory) = (Process::Others(pid), parent.join(NAME));
    Broker { name: NAME, address, ready_after: Duration::ZERO, answers: amqp::answers, process, directory }
}
