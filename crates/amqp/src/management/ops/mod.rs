//! Everything that can be asked of the management API.
//!
//! Apart because this is its table of contents: addresses, and the documentation, are made from [`TABLE`]. A resource is a
//! file; its operations are few and share what they show.

mod bindings;
mod broker;
mod connections;
mod definitions;
mod exchanges;
mod get_messages;
mod health;
mod policies;
mod publish;
mod queues;
mod users;
mod vhosts;

use super::call::Call;
use super::context::{Context, Step, document};
use super::errors::Problem;
use serde_json::json;

/// One operation.
pub struct Row {
    /// The method; `HEAD` is answered where `GET` is.
    pub method: &'static str,
    /// The address; parts in braces stand for names.
    pub path: &'static str,
    /// What it does, in a sentence.
    pub doc: &'static str,
    pub(super) start: fn(&mut Context, &Call<'_>) -> Result<Step, Problem>,
}

const fn row(
    method: &'static str,
    path: &'static str,
    doc: &'static str,
    start: fn(&mut Context, &Call<'_>) -> Result<Step, Problem>,
) -> Row {
    Row { method, path, doc, start }
}

/// What is never there: lists of it are empty.
fn none(_: &mut Context, _: &Call<'_>) -> Result<Step, Problem> {
    Ok(document(&json!([])))
}

/// One of what is never there.
fn not_found(_: &mut Context, _: &Call<'_>) -> Result<Step, Problem> {
    Err(Problem::not_found())
}

/// Every operation of the management API.
pub const ENDPOINTS: &[Row] = TABLE;

pub(super) const TABLE: &[Row] = &[
    row("GET", "/api/overview", "Show what the broker is and what it holds altogether.", broker::overview),
    row("GET", "/api/cluster-name", "Show what the broker is called.", broker::cluster_name),
    row("GET", "/api/version", "Show the version of RabbitMQ that this is like.", broker::version),
    row("GET", "/api/whoami", "Show who asks.", users::whoami),
    row("GET", "/api/auth", "Show how to log in: with a name and a password.", broker::auth),
    row("GET", "/api/extensions", "List extensions; there are none.", none),
    row("GET", "/api/feature-flags", "List feature flags; there are none.", none),
    row("GET", "/api/deprecated-features", "List deprecated features; there are none.", none),
    row("GET", "/api/nodes", "List the nodes: one.", broker::nodes),
    row("GET", "/api/nodes/{name}", "Show a node.", broker::node),
    row("GET", "/api/vhosts", "List virtual hosts.", vhosts::list),
    row("GET", "/api/vhosts/{vhost}", "Show a virtual host.", vhosts::show),
    row("PUT", "/api/vhosts/{vhost}", "Make a virtual host.", vhosts::put),
    row("DELETE", "/api/vhosts/{vhost}", "Delete a virtual host and everything in it.", vhosts::delete),
    row("GET", "/api/vhosts/{vhost}/permissions", "List permissions in a virtual host.", users::permissions),
    row("GET", "/api/vhosts/{vhost}/connections", "List connections to a virtual host.", connections::list),
    row("GET", "/api/vhosts/{vhost}/channels", "List channels in a virtual host.", connections::channels),
    row("GET", "/api/vhost-limits", "List limits of virtual hosts; there are none.", none),
    row("GET", "/api/vhost-limits/{vhost}", "List limits of a virtual host; there are none.", none),
    row("GET", "/api/users", "List users: the one that asks, while there are none.", users::list),
    row("GET", "/api/users/{user}", "Show a user.", users::show),
    row("PUT", "/api/users/{user}", "Refused with 501: there are no users yet.", users::refuse),
    row("DELETE", "/api/users/{user}", "Refused with 501: there are no users yet.", users::refuse),
    row("GET", "/api/users/{user}/permissions", "List permissions of a user.", users::permissions_of_user),
    row(
        "GET",
        "/api/permissions",
        "List permissions: the one that asks may do everything.",
        users::permissions,
    ),
    row("GET", "/api/permissions/{vhost}/{user}", "Show the permissions of a user.", users::permission),
    row("PUT", "/api/permissions/{vhost}/{user}", "Refused with 501: there are no users yet.", users::refuse),
    row(
        "DELETE",
        "/api/permissions/{vhost}/{user}",
        "Refused with 501: there are no users yet.",
        users::refuse,
    ),
    row("GET", "/api/topic-permissions", "List permissions by routing key; there are none.", none),
    row("GET", "/api/user-limits", "List limits of users; there are none.", none),
    row("GET", "/api/exchanges", "List exchanges.", exchanges::list),
    row("GET", "/api/exchanges/{vhost}", "List exchanges of a virtual host.", exchanges::list),
    row("GET", "/api/exchanges/{vhost}/{name}", "Show an exchange.", exchanges::show),
    row("PUT", "/api/exchanges/{vhost}/{name}", "Declare an exchange.", exchanges::put),
    row("DELETE", "/api/exchanges/{vhost}/{name}", "Delete an exchange.", exchanges::delete),
    row("POST", "/api/exchanges/{vhost}/{name}/publish", "Publish a message.", publish::start),
    row(
        "GET",
        "/api/exchanges/{vhost}/{name}/bindings/source",
        "List what leads on from an exchange.",
        bindings::from_exchange,
    ),
    row(
        "GET",
        "/api/exchanges/{vhost}/{name}/bindings/destination",
        "List what leads to an exchange.",
        bindings::to_exchange,
    ),
    row("GET", "/api/queues", "List queues with their counts.", queues::list),
    row("GET", "/api/queues/{vhost}", "List queues of a virtual host.", queues::list),
    row("GET", "/api/queues/{vhost}/{name}", "Show a queue and its consumers.", queues::show),
    row("PUT", "/api/queues/{vhost}/{name}", "Declare a queue.", queues::put),
    row(
        "DELETE",
        "/api/queues/{vhost}/{name}",
        "Delete a queue, if it is as `if-empty` and `if-unused` say.",
        queues::delete,
    ),
    row("DELETE", "/api/queues/{vhost}/{name}/contents", "Purge a queue.", queues::purge),
    row("GET", "/api/queues/{vhost}/{name}/bindings", "List what leads to a queue.", bindings::to_queue),
    row(
        "POST",
        "/api/queues/{vhost}/{name}/get",
        "Get messages, and give them back or be done with them.",
        get_messages::start,
    ),
    row("GET", "/api/bindings", "List bindings.", bindings::list),
    row("GET", "/api/bindings/{vhost}", "List bindings of a virtual host.", bindings::list),
    row(
        "GET",
        "/api/bindings/{vhost}/e/{source}/q/{queue}",
        "List bindings between an exchange and a queue.",
        bindings::to_queue_from,
    ),
    row(
        "POST",
        "/api/bindings/{vhost}/e/{source}/q/{queue}",
        "Bind a queue to an exchange.",
        bindings::bind_queue,
    ),
    row("GET", "/api/bindings/{vhost}/e/{source}/q/{queue}/{props}", "Show a binding.", bindings::show_queue),
    row(
        "DELETE",
        "/api/bindings/{vhost}/e/{source}/q/{queue}/{props}",
        "Take a binding back.",
        bindings::unbind_queue,
    ),
    row(
        "GET",
        "/api/bindings/{vhost}/e/{source}/e/{exchange}",
        "List bindings between two exchanges.",
        bindings::to_exchange_from,
    ),
    row(
        "POST",
        "/api/bindings/{vhost}/e/{source}/e/{exchange}",
        "Bind an exchange to an exchange.",
        bindings::bind_exchange,
    ),
    row(
        "GET",
        "/api/bindings/{vhost}/e/{source}/e/{exchange}/{props}",
        "Show a binding.",
        bindings::show_exchange,
    ),
    row(
        "DELETE",
        "/api/bindings/{vhost}/e/{source}/e/{exchange}/{props}",
        "Take a binding back.",
        bindings::unbind_exchange,
    ),
    row("GET", "/api/connections", "List connections.", connections::list),
    row("GET", "/api/connections/{name}", "Show a connection.", connections::show),
    row(
        "DELETE",
        "/api/connections/{name}",
        "Close a connection; the header `X-Reason` is not looked at.",
        connections::close,
    ),
    row(
        "GET",
        "/api/connections/{name}/channels",
        "List channels of a connection.",
        connections::channels_of,
    ),
    row("GET", "/api/channels", "List channels.", connections::channels),
    row("GET", "/api/channels/{name}", "Show a channel.", connections::channel),
    row("GET", "/api/consumers", "List consumers.", connections::consumers),
    row("GET", "/api/consumers/{vhost}", "List consumers of a virtual host.", connections::consumers),
    row("GET", "/api/policies", "List policies.", policies::list),
    row("GET", "/api/policies/{vhost}", "List policies of a virtual host.", policies::list),
    row("GET", "/api/policies/{vhost}/{name}", "Show a policy.", policies::show),
    row("PUT", "/api/policies/{vhost}/{name}", "Set a policy and carry it out.", policies::put),
    row("DELETE", "/api/policies/{vhost}/{name}", "Take a policy back.", policies::delete),
    row("GET", "/api/operator-policies", "List operators' policies.", policies::list_operators),
    row(
        "GET",
        "/api/operator-policies/{vhost}",
        "List operators' policies of a virtual host.",
        policies::list_operators,
    ),
    row(
        "GET",
        "/api/operator-policies/{vhost}/{name}",
        "Show an operator's policy.",
        policies::show_operators,
    ),
    row(
        "PUT",
        "/api/operator-policies/{vhost}/{name}",
        "Set an operator's policy and carry it out.",
        policies::put_operators,
    ),
    row(
        "DELETE",
        "/api/operator-policies/{vhost}/{name}",
        "Take an operator's policy back.",
        policies::delete_operators,
    ),
    row("GET", "/api/parameters", "List parameters: the operators' policies.", policies::parameters),
    row("GET", "/api/parameters/{component}", "List parameters of an extension.", policies::parameters),
    row(
        "GET",
        "/api/parameters/{component}/{vhost}",
        "List parameters of an extension in a virtual host.",
        policies::parameters,
    ),
    row("GET", "/api/parameters/{component}/{vhost}/{name}", "Show a parameter; there is none.", not_found),
    row("GET", "/api/global-parameters", "List parameters of the broker.", broker::global_parameters),
    row("GET", "/api/definitions", "Export what is declared.", definitions::export),
    row("GET", "/api/definitions/{vhost}", "Export what is declared in a virtual host.", definitions::export),
    row("POST", "/api/definitions", "Declare what was exported; users are left out.", definitions::import),
    row(
        "POST",
        "/api/definitions/{vhost}",
        "Declare what was exported of a virtual host.",
        definitions::import,
    ),
    row("GET", "/api/aliveness-test/{vhost}", "Say that the broker answers.", health::aliveness),
    row("GET", "/api/health/checks/alarms", "Fail while the disk is full.", health::alarms),
    row("GET", "/api/health/checks/local-alarms", "Fail while the disk is full.", health::alarms),
    row("GET", "/api/health/checks/virtual-hosts", "Say that the virtual hosts are there.", health::fine),
    row("GET", "/api/health/checks/ready-to-serve-clients", "Say that clients are served.", health::fine),
    row("GET", "/api/health/checks/is-in-service", "Say that clients are served.", health::fine),
    row(
        "GET",
        "/api/health/checks/node-is-quorum-critical",
        "Say that nobody depends on this node being up.",
        health::not_critical,
    ),
    row(
        "GET",
        "/api/health/checks/node-is-mirror-sync-critical",
        "Say that nobody depends on this node being up.",
        health::not_critical,
    ),
    row("GET", "/api/health/checks/port-listener/{port}", "Fail unless a port is listened on.", health::port),
    row(
        "GET",
        "/api/health/checks/protocol-listener/{protocol}",
        "Fail unless a protocol is listened for.",
        health::protocol,
    ),
];
