//! What can be set of the console front.
//!
//! Apart so that requests can be judged by it without knowing the listener.

use crate::auth::Gate;
use crate::system::System;
use core::net::SocketAddr;
use std::sync::Arc;

/// What can be set of the console front.
#[derive(Debug, Clone)]
pub struct ConsoleOptions {
    /// The broker's version, as it is shown.
    pub version: &'static str,
    /// It listens on a loopback address: then only names of this machine may stand in `Host`, for any other would be a
    /// web page's that has pointed its own name here.
    pub is_loopback: bool,
    /// What lets requests through.
    pub gate: Arc<Gate>,
    /// What listens where, by name, for whoever wants to connect.
    pub listeners: Vec<(&'static str, SocketAddr)>,
    /// The process around the broker.
    pub system: Arc<dyn System>,
}
