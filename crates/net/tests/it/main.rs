//! The driver against a toy protocol over real sockets: what peers and brokers do to each other, and that neither
//! memory nor time is lost by it.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod flow;
mod http;
mod lifetime;
mod logs;
mod memory;
mod toy;
