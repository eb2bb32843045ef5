//! The lean client: just enough of the protocol to drive a broker hard at little cost of its own.
//!
//! Apart from the works because cheapness is decided here. Requests are encoded once with the project's codec and
//! sent from shared bytes with a few of them patched; responses are walked in the receive buffer. Only
//! [`admin`], which is never timed, goes through the codec both ways.

mod admin;
mod fetch;
mod frames;
mod produce;
mod sweep;

pub(crate) use admin::{Admin, Topic};
pub(crate) use fetch::{FETCH_VERSION, Fetcher};
pub(crate) use frames::{FrameReader, connect};
pub(crate) use produce::{PRODUCE_VERSION, Pipeline, ProduceFrame, batch};
pub(crate) use sweep::Sweep;
