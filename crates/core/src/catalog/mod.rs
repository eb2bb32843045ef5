//! The catalog: which streams exist, under which names, with which configuration.
//!
//! Apart because it is read always and changed rarely: entries are immutable and shared ([`StreamEntry`] behind
//! `Arc`), sessions read them without asking the shard (R15), and a change replaces one entry.

mod config;
mod declare;
mod stream;

pub use config::{
    ConfigChange, LeaseSetting, LeaseSettingKey, LeaseSettings, Ordering, Overflow, Setting, SettingKey,
    StreamConfig, TimestampSource,
};
pub(crate) use declare::{add_logs, alter, create, delete};
pub(crate) use stream::{Stream, get_entry, put_entry};
pub use stream::{StreamEntry, check_name};
