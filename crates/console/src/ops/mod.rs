//! The operations, one file each, in one table.
//!
//! Apart because whoever wants to know what a request does opens one file and reads its header, and because addresses, the
//! documentation and whatever describes the API to programs are made from the table.

mod alarms;
mod alter_group;
mod alter_stream;
mod bindings;
mod connections;
mod counted;
mod create_stream;
mod cursor_group;
mod dead_letters;
mod delete_stream;
mod get_api;
mod get_group;
mod get_openapi;
mod get_record;
mod get_stream;
mod group_history;
mod group_scaling;
mod health;
mod jobs;
mod lag;
mod list_audit;
mod list_consumers;
mod list_dead_letter_streams;
mod list_dead_letters;
mod list_groups;
mod list_namespaces;
mod list_records;
mod list_stream_groups;
mod list_streams;
mod namespaces;
mod overview;
mod plain_lease;
mod plain_read;
mod plain_send;
mod process;
mod purge_group;
mod receive;
mod redrives;
mod resolve;
mod routes;
mod seek_cursor_group;
mod seek_group;
mod seek_place;
mod send_records;
mod settle;
mod tail_stream;
mod target;
mod verify;

use crate::call::Call;
use crate::context::{Context, Step};
use crate::endpoint::{self, Endpoint, Param};
use crate::errors::Problem;
use crate::limits::PAGE_MAX;
use crate::translate::VIEWS;

/// Starts an operation.
type Start = fn(&mut Context, &Call<'_>) -> Result<Step, Problem>;

/// An operation with how it starts.
pub(crate) type Row = (Endpoint, Start);

/// The parameters of a list.
const LIMIT: Param =
    endpoint::number(crate::page::LIMIT, 1, PAGE_MAX as u64, "items of a page; 100 if not given");
const CURSOR: Param = endpoint::text(crate::page::CURSOR, "`next_cursor` of the page before");

/// The parameter that has values decoded.
const VIEW: Param = endpoint::word(
    "view",
    VIEWS,
    "show values decoded as well: as JSON, text, hexadecimal digits, or what fits",
);

/// Everything that is served, resource by resource.
pub(crate) static TABLE: [Row; ENDPOINTS_COUNT] = [
    (get_api::ENDPOINT, get_api::start),
    (get_openapi::ENDPOINT, get_openapi::start),
    (health::HEALTH, health::health),
    (health::READY, health::readiness),
    (overview::ENDPOINT, overview::start),
    (list_namespaces::ENDPOINT, list_namespaces::start),
    (namespaces::CREATE, namespaces::create),
    (namespaces::DELETE, namespaces::delete),
    (list_streams::ENDPOINT, list_streams::start),
    (get_stream::ENDPOINT, get_stream::start),
    (create_stream::ENDPOINT, create_stream::start),
    (alter_stream::ENDPOINT, alter_stream::start),
    (delete_stream::ENDPOINT, delete_stream::start),
    (list_records::ENDPOINT, list_records::start),
    (send_records::ENDPOINT, send_records::start),
    (get_record::ENDPOINT, get_record::start),
    (tail_stream::ENDPOINT, tail_stream::start),
    (list_stream_groups::ENDPOINT, list_stream_groups::start),
    (get_group::ENDPOINT, get_group::start),
    (alter_group::ENDPOINT, alter_group::start),
    (purge_group::ENDPOINT, purge_group::start),
    (receive::ENDPOINT, receive::start),
    (seek_group::ENDPOINT, seek_group::start),
    (settle::ENDPOINT, settle::start),
    (list_groups::ENDPOINT, list_groups::start),
    (cursor_group::GET, cursor_group::get),
    (cursor_group::DELETE, cursor_group::delete),
    (cursor_group::OFFSETS, cursor_group::offsets),
    (seek_cursor_group::ENDPOINT, seek_cursor_group::start),
    (list_consumers::ENDPOINT, list_consumers::start),
    (routes::LIST, routes::list),
    (routes::GET, routes::get),
    (routes::CREATE, routes::create),
    (routes::DELETE, routes::delete),
    (bindings::LIST, bindings::list),
    (bindings::CREATE, bindings::create),
    (bindings::DELETE, bindings::delete),
    (resolve::ENDPOINT, resolve::start),
    (list_dead_letter_streams::ENDPOINT, list_dead_letter_streams::start),
    (list_dead_letters::ENDPOINT, list_dead_letters::start),
    (dead_letters::REDRIVE, dead_letters::redrive),
    (dead_letters::DISCARD, dead_letters::discard),
    (redrives::LIST, redrives::list),
    (redrives::START, redrives::start),
    (redrives::GET, redrives::get),
    (redrives::CANCEL, redrives::cancel),
    (jobs::LIST, jobs::list),
    (jobs::START, jobs::start),
    (jobs::GET, jobs::get),
    (jobs::CANCEL, jobs::cancel),
    (connections::LIST, connections::list),
    (connections::CLOSE, connections::close),
    (process::LISTENERS, process::listeners),
    (process::CONFIGURATION, process::configuration),
    (process::STORAGE, process::storage),
    (process::LIMITS, process::limits),
    (plain_send::ENDPOINT, plain_send::start),
    (plain_read::ENDPOINT, plain_read::start),
    (plain_lease::LEASE, plain_lease::lease),
    (plain_lease::ACK, plain_lease::ack),
    (plain_lease::RELEASE, plain_lease::release),
    (plain_lease::REJECT, plain_lease::reject),
    (plain_lease::RENEW, plain_lease::renew),
    (group_scaling::ENDPOINT, group_scaling::start),
    (group_history::ENDPOINT, group_history::start),
    (list_audit::ENDPOINT, list_audit::start),
    (alarms::LIST, alarms::list),
    (alarms::TEST, alarms::test),
    (alarms::SILENCE, alarms::silence),
    (alarms::UNSILENCE, alarms::unsilence),
];

const ENDPOINTS_COUNT: usize = 70;

/// Everything that is served, resource by resource.
pub static ENDPOINTS: [Endpoint; ENDPOINTS_COUNT] = {
    let mut endpoints = [get_api::ENDPOINT; ENDPOINTS_COUNT];
    let mut index = 0;
    while index < ENDPOINTS_COUNT {
        endpoints[index] = TABLE[index].0;
        index += 1;
    }
    endpoints
};
