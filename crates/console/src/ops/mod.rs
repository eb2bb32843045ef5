//! The operations, one file each, in one table.
//!
//! Apart because whoever wants to know what a request does opens one file and reads its header, and because addresses, the
//! documentation and whatever describes the API to programs are made from the table.

mod alter_group;
mod alter_stream;
mod counted;
mod create_stream;
mod dead_letters;
mod delete_stream;
mod get_api;
mod get_group;
mod get_stream;
mod list_dead_letter_streams;
mod list_dead_letters;
mod list_namespaces;
mod list_records;
mod list_streams;
mod purge_group;
mod receive;
mod redrives;
mod seek_group;
mod send_records;
mod settle;
mod target;

use crate::call::Call;
use crate::context::{Context, Step};
use crate::errors::Problem;

/// An operation as the outside sees it.
#[derive(Debug, Clone, Copy)]
pub struct Endpoint {
    /// Its name, for programs.
    pub name: &'static str,
    /// Its method.
    pub method: &'static str,
    /// Its address; parts in braces stand for names.
    pub path: &'static str,
    /// The parameters of its query, with what each is.
    pub query: &'static [(&'static str, &'static str)],
    /// Whether it takes a body.
    pub has_body: bool,
    /// What it does, in a sentence.
    pub doc: &'static str,
}

/// Starts an operation.
type Start = fn(&mut Context, &Call<'_>) -> Result<Step, Problem>;

/// An operation with how it starts.
pub(crate) type Row = (Endpoint, Start);

/// The parameters of a list.
const LIMIT: (&str, &str) = (crate::page::LIMIT, "items of a page, 1 to 1000; 100 if not given");
const CURSOR: (&str, &str) = (crate::page::CURSOR, "`next_cursor` of the page before");

/// Everything that is served, resource by resource.
pub(crate) static TABLE: [Row; ENDPOINTS_COUNT] = [
    (get_api::ENDPOINT, get_api::start),
    (list_namespaces::ENDPOINT, list_namespaces::start),
    (list_streams::ENDPOINT, list_streams::start),
    (get_stream::ENDPOINT, get_stream::start),
    (create_stream::ENDPOINT, create_stream::start),
    (alter_stream::ENDPOINT, alter_stream::start),
    (delete_stream::ENDPOINT, delete_stream::start),
    (list_records::ENDPOINT, list_records::start),
    (send_records::ENDPOINT, send_records::start),
    (get_group::ENDPOINT, get_group::start),
    (alter_group::ENDPOINT, alter_group::start),
    (purge_group::ENDPOINT, purge_group::start),
    (receive::ENDPOINT, receive::start),
    (seek_group::ENDPOINT, seek_group::start),
    (settle::ENDPOINT, settle::start),
    (list_dead_letter_streams::ENDPOINT, list_dead_letter_streams::start),
    (list_dead_letters::ENDPOINT, list_dead_letters::start),
    (dead_letters::REDRIVE, dead_letters::redrive),
    (dead_letters::DISCARD, dead_letters::discard),
    (redrives::LIST, redrives::list),
    (redrives::START, redrives::start),
    (redrives::GET, redrives::get),
    (redrives::CANCEL, redrives::cancel),
];

const ENDPOINTS_COUNT: usize = 23;

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
