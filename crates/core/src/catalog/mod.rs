//! The catalog: which streams exist, in which namespaces, under which names, with which configuration.
//!
//! Apart because it is read always and changed rarely: entries are immutable and shared ([`StreamEntry`] behind
//! `Arc`), sessions read them without asking the shard (R15), and a change replaces one entry.

mod config;
mod declare;
mod doom;
mod namespace;
mod stream;

pub use config::{
    ConfigChange, DeadLetterRoute, LeaseSetting, LeaseSettingKey, LeaseSettings, Ordering, Overflow, Setting,
    SettingKey, StreamConfig, TimestampSource,
};
pub(crate) use declare::{add_logs, alter, create, delete, remove};
pub(crate) use doom::{
    TICK_BYTES as DOOM_TICK_BYTES, is_due as is_doom_due, resume as resume_doom, tick as tick_doom,
};
pub use namespace::{Annotations, DEFAULT_NAME, NamespaceEntry};
pub(crate) use namespace::{
    Namespaces, alter as alter_namespace, annotations_bytes, create as create_namespace,
    delete as delete_namespace, get_namespace, get_number, put_namespace,
};
pub(crate) use stream::{Stream, get_entry, put_entry};
pub use stream::{StreamEntry, check_name};
