//! The console front: the admin API `/api/v1`, JSON over HTTP, for people's tools and for the command line.
//!
//! Apart because whoever looks after a broker speaks no messaging protocol, and must see every protocol's streams alike.
//! Wire types stop here: a request is a value ([`Request`](millstream_front::http::Request)), what is served stands in one
//! table ([`ENDPOINTS`]), each operation is a chain of [steps](millstream_front::steps). Nothing here does I/O, reads a clock
//! or waits.

pub mod alarms;
mod auth;
mod body;
mod call;
mod context;
mod endpoint;
mod errors;
mod guard;
mod limits;
mod listener;
mod live;
mod lookup;
pub mod metrics;
pub mod observe;
mod openapi;
mod ops;
mod options;
mod page;
mod query;
mod respond;
mod route;
mod scaling;
mod scan;
mod system;
mod translate;
mod ui;
mod verification;

pub use auth::{Gate, Token};
pub use endpoint::{Answer, Body, Content, Endpoint, Kind, Param, SchemaOf};
pub use errors::{Code, Problem};
pub use listener::Listener;
pub use openapi::document as openapi_document;
pub use ops::ENDPOINTS;
pub use options::ConsoleOptions;
pub use system::{
    Connected, ConnectionId, KnobValue, Listening, Moved, ObjectsStatus, Scrub, StorageStatus, System,
    WalStatus,
};
pub use translate::{SETTINGS, SettingRow};
pub use verification::{VERIFICATION, Verification, VerificationPlace, VerificationState};
