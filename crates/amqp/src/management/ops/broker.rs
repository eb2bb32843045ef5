//! The broker as a whole: overview, node, version.

use super::super::call::Call;
use super::super::context::{Context, Step, document};
use super::super::errors::Problem;
use super::super::json::no_rate;
use super::super::page::Wanted;
use super::super::show;
use super::health::disk_alarm;
use crate::session::PRODUCT_VERSION;
use crate::translate::{is_queue, vhost_name};
use bytes::Bytes;
use millstream_front::http::Response;
use millstream_front::{Action, Resource};
use serde_json::{Value, json};

/// Bytes that must be free on the disk.
pub(super) const DISK_FREE_BYTES_MIN: u64 = 50_000_000;

pub(super) fn overview(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let wanted = Wanted::of(call)?;
    cx.allow(Action::Describe, Resource::Cluster)?;
    let vhosts = cx.vhosts(&Call { path: Vec::new(), query: Vec::new(), body: b"" })?;
    let exchanges: usize = vhosts.iter().map(|vhost| show::exchanges(cx, vhost).len() + 1).sum();
    let queues = vhosts.into_iter().flat_map(|vhost| {
        let streams = cx.backend.streams(vhost.number());
        let queues = streams.into_iter().filter(|entry| is_queue(entry));
        queues.map(move |entry| (vhost.clone(), entry)).collect::<Vec<_>>()
    });
    let queues: Vec<_> = queues.collect();
    show::count(cx, queues, move |cx, counted| {
        let ready: u64 = counted.iter().map(|(_, _, counts)| counts.ready).sum();
        let unacknowledged: u64 = counted.iter().map(|(_, _, counts)| counts.leased).sum();
        let presences = cx.shared.presences.all();
        let (mut channels, mut consumers) = (0, 0);
        for presence in &presences {
            let state = presence.state.lock();
            channels += state.channels.len();
            consumers += state.channels.values().map(|channel| channel.consumers.len()).sum::<usize>();
        }
        let listeners: Vec<Value> = cx
            .listeners
            .iter()
            .map(|(protocol, addr)| {
                json!({"node": cx.node(), "protocol": protocol, "ip_address": addr.ip().to_string(), "port": addr.port()})
            })
            .collect();
        let value = json!({
            "management_version": PRODUCT_VERSION,
            "rabbitmq_version": PRODUCT_VERSION,
            "product_name": "RabbitMQ",
            "product_version": PRODUCT_VERSION,
            "millstream_version": cx.version,
            "rates_mode": "none",
            "cluster_name": cx.node(),
            "cluster_tags": {},
            "node_tags": {},
            "node": cx.node(),
            "statistics_db_event_queue": 0,
            "disable_stats": true,
            "enable_queue_totals": true,
            "exchange_types": exchange_types(),
            "message_stats": {},
            "churn_rates": {},
            "queue_totals": {
                "messages": ready + unacknowledged,
                "messages_details": no_rate(),
                "messages_ready": ready,
                "messages_ready_details": no_rate(),
                "messages_unacknowledged": unacknowledged,
                "messages_unacknowledged_details": no_rate(),
            },
            "object_totals": {
                "channels": channels,
                "connections": presences.len(),
                "consumers": consumers,
                "exchanges": exchanges,
                "queues": counted.len(),
            },
            "listeners": listeners,
            "contexts": [],
        });
        Ok(show::one(&wanted, value))
    })
}

fn exchange_types() -> Value {
    const TYPES: [&str; 8] = [
        "direct",
        "fanout",
        "headers",
        "topic",
        "x-consistent-hash",
        "x-delayed-message",
        "x-modulus-hash",
        "x-random",
    ];
    TYPES.iter().map(|name| json!({"name": name, "description": "", "enabled": true})).collect()
}

pub(super) fn cluster_name(cx: &mut Context, _: &Call<'_>) -> Result<Step, Problem> {
    Ok(document(&json!({"name": cx.node()})))
}

pub(super) fn version(_: &mut Context, _: &Call<'_>) -> Result<Step, Problem> {
    let headers = vec![("content-type", "text/plain".into())];
    Ok(Step::Respond(Response { status: 200, headers, body: Bytes::from_static(PRODUCT_VERSION.as_bytes()) }))
}

pub(super) fn auth(_: &mut Context, _: &Call<'_>) -> Result<Step, Problem> {
    Ok(document(&json!({"oauth_enabled": false})))
}

pub(super) fn nodes(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    cx.allow(Action::Describe, Resource::Cluster)?;
    Ok(document(&Wanted::of(call)?.list(vec![shown_node(cx)], 1)?))
}

pub(super) fn node(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    cx.allow(Action::Describe, Resource::Cluster)?;
    if call.name(0) != cx.node() {
        return Err(Problem::not_found());
    }
    Ok(show::one(&Wanted::of(call)?, shown_node(cx)))
}

fn shown_node(cx: &Context) -> Value {
    let (_, free) = cx.backend.disk_bytes();
    json!({
        "name": cx.node(),
        "type": "disc",
        "running": true,
        "being_drained": false,
        "partitions": [],
        "mem_alarm": false,
        "disk_free": free,
        "disk_free_limit": DISK_FREE_BYTES_MIN,
        "disk_free_alarm": disk_alarm(cx),
        "rates_mode": "none",
        "enabled_plugins": ["rabbitmq_management"],
        "applications": [],
        "contexts": [],
        "cluster_links": [],
        "exchange_types": exchange_types(),
    })
}

pub(super) fn global_parameters(cx: &mut Context, _: &Call<'_>) -> Result<Step, Problem> {
    Ok(document(&json!([{"name": "cluster_name", "value": cx.node()}])))
}

/// What an export begins with.
pub(super) fn head(cx: &Context) -> Value {
    json!({
        "rabbit_version": PRODUCT_VERSION,
        "rabbitmq_version": PRODUCT_VERSION,
        "product_name": "RabbitMQ",
        "product_version": PRODUCT_VERSION,
        "users": [],
        "vhosts": cx.backend.namespaces().iter().map(|entry| json!({"name": vhost_name(&entry.name)})).collect::<Value>(),
        "permissions": [],
        "topic_permissions": [],
        "global_parameters": [{"name": "cluster_name", "value": cx.node()}],
    })
}
