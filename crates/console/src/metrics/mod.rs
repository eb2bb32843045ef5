//! What Prometheus and its kin read: `/metrics`, in the formats that they ask for.
//!
//! Apart from the API because it is read by machines every few seconds and must cost nobody anything: it is made of counters
//! that are there anyway ([`Process`], the fronts' meters) and of the last [`Observation`](crate::observe::Observation), so a
//! scrape asks neither the shard nor the disk. Nothing is kept between two scrapes: a series is there as long as what it
//! describes.

mod catalog;
mod expose;
mod family;
mod health;
mod process;
mod recent;
mod streams;
mod telemetry;
mod text;

pub use catalog::{CATALOG, MetricKind, MetricRow};
pub use process::{Budget, Connections, Health, Moved, Process, Storage};
pub(crate) use recent::Recent;
pub use telemetry::{Telemetry, TelemetryParts};
