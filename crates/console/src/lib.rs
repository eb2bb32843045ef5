//! The console front: the admin API `/api/v1`, JSON over HTTP, for people's tools and for the command line.
//!
//! Apart because whoever looks after a broker speaks no messaging protocol, and must see every protocol's streams alike.
//! Wire types stop here: a request is a value ([`Request`](millstream_front::http::Request)), what is served stands in one
//! table ([`ENDPOINTS`]), each operation is a chain of [steps](millstream_front::steps). Nothing here does I/O, reads a clock
//! or waits.

mod auth;
mod body;
mod call;
mod context;
mod errors;
mod guard;
mod limits;
mod listener;
mod lookup;
mod ops;
mod options;
mod page;
mod query;
mod respond;
mod route;
mod scan;
mod translate;
mod ui;

pub use auth::{Gate, Token};
pub use errors::{Code, Problem};
pub use listener::Listener;
pub use ops::{ENDPOINTS, Endpoint};
pub use options::ConsoleOptions;
pub use translate::{SETTINGS, SettingRow};
