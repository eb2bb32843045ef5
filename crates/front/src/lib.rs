//! What all fronts share: the session trait, HTTP as values, requests as chains of steps, the backend they speak to,
//! permissions, the memory budget, the registry of operations and what is counted of each, the ways of dead letters, the
//! names that are reserved.
//!
//! Apart so that a front sees nothing else: it translates its protocol into [`Request`](millstream_core::Request)s
//! and reads, gets each permitted by the [`Authorizer`](auth::Authorizer), and hands them to whoever drives it. There
//! is no runtime, no socket and no file here; drivers live in `net`, the broker behind [`Backend`] is wired up by the
//! binary.

pub mod auth;
pub mod backend;
pub mod budget;
pub mod dead_letters;
pub mod http;
pub mod limits;
pub mod metrics;
pub mod registry;
pub mod reserved;
pub mod session;
pub mod site;
pub mod steps;

pub use auth::{Action, Authorized, Authorizer, Grant, Principal, Resource};
pub use backend::{Backend, LogReader, Moment, ReadError, ReadOutcome, ReadSlice, Traffic, WatchGuard};
pub use budget::{Budget, Permit};
pub use metrics::{OperationCounts, OperationMeters};
pub use session::{
    Bell, Close, Event, Io, Need, ReadCommand, Session, SessionFactory, Submission, Tag, Watch,
};
