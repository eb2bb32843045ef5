//! Connections, channels and consumers of AMQP clients: what their sessions let others know.

use super::super::call::Call;
use super::super::context::{Context, Step, Vhost, document, nothing};
use super::super::errors::Problem;
use super::super::json::from_table;
use super::super::page::Wanted;
use super::super::show;
use crate::codec::Table;
use crate::presence::{ChannelPresence, Presence};
use millstream_front::{Action, Resource};
use serde_json::{Value, json};
use std::sync::Arc;

/// The connections that a request is about: those to the virtual host that it names, or all.
fn presences(cx: &Context, call: &Call<'_>) -> Result<Vec<Arc<Presence>>, Problem> {
    let vhosts = cx.vhosts(call)?;
    let presences = cx.shared.presences.all().into_iter();
    Ok(presences.filter(|presence| vhosts.iter().any(|vhost| *vhost.name == *presence.vhost)).collect())
}

fn named(cx: &Context, name: &str) -> Result<Arc<Presence>, Problem> {
    cx.allow(Action::Describe, Resource::Cluster)?;
    let found = cx.shared.presences.all().into_iter().find(|presence| presence.name() == name);
    found.ok_or_else(Problem::not_found)
}

fn shown(cx: &Context, presence: &Presence) -> Value {
    let client = Table::of(&presence.client).map_or_else(|_| json!({}), from_table);
    let local = cx.listeners.iter().find(|(protocol, _)| *protocol == "amqp").map(|(_, addr)| *addr);
    json!({
        "name": presence.name(),
        "node": cx.node(),
        "user": presence.user,
        "user_who_performed_action": presence.user,
        "vhost": presence.vhost,
        "protocol": "AMQP 0-9-1",
        "auth_mechanism": presence.mechanism,
        "type": "network",
        "state": "running",
        "ssl": false,
        "peer_host": presence.peer.ip().to_string(),
        "peer_port": presence.peer.port(),
        "host": local.map(|addr| addr.ip().to_string()),
        "port": local.map(|addr| addr.port()),
        "connected_at": presence.since.0,
        "channel_max": presence.channel_max,
        "frame_max": presence.frame_max,
        "timeout": presence.heartbeat_seconds,
        "channels": presence.state.lock().channels.len(),
        "user_provided_name": client.get("connection_name"),
        "client_properties": client,
    })
}

pub(super) fn list(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let wanted = Wanted::of(call)?;
    let presences = presences(cx, call)?;
    let total = presences.len();
    let items = presences.iter().filter(|presence| wanted.takes(&presence.name()));
    let items = items.map(|presence| shown(cx, presence)).collect();
    Ok(document(&wanted.list(items, total)?))
}

pub(super) fn show(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let presence = named(cx, call.name(0))?;
    Ok(show::one(&Wanted::of(call)?, shown(cx, &presence)))
}

pub(super) fn close(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let presence = named(cx, call.name(0))?;
    cx.allow(Action::Alter, Resource::Cluster)?;
    presence.end("Closed via management plugin");
    Ok(nothing())
}

fn shown_channel(cx: &Context, presence: &Presence, number: u16, channel: &ChannelPresence) -> Value {
    json!({
        "name": format!("{} ({number})", presence.name()),
        "number": number,
        "node": cx.node(),
        "user": presence.user,
        "vhost": presence.vhost,
        "state": "running",
        "confirm": channel.confirms,
        "transactional": channel.transactional,
        "prefetch_count": channel.prefetch,
        "global_prefetch_count": channel.prefetch_all,
        "consumer_count": channel.consumers.len(),
        "messages_unacknowledged": channel.unacked.get(),
        "connection_details": {
            "name": presence.name(),
            "peer_host": presence.peer.ip().to_string(),
            "peer_port": presence.peer.port(),
        },
    })
}

/// The channels of connections.
fn channels_in(cx: &Context, presences: &[Arc<Presence>]) -> Vec<Value> {
    let mut items = Vec::new();
    for presence in presences {
        let channels = presence.state.lock().channels.clone();
        items.extend(channels.iter().map(|(number, channel)| shown_channel(cx, presence, *number, channel)));
    }
    items
}

fn answer(call: &Call<'_>, items: Vec<Value>) -> Result<Step, Problem> {
    let wanted = Wanted::of(call)?;
    let total = items.len();
    let items =
        items.into_iter().filter(|item| wanted.takes(item["name"].as_str().unwrap_or_default())).collect();
    Ok(document(&wanted.list(items, total)?))
}

pub(super) fn channels(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let presences = presences(cx, call)?;
    answer(call, channels_in(cx, &presences))
}

pub(super) fn channels_of(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let presence = named(cx, call.name(0))?;
    answer(call, channels_in(cx, &[presence]))
}

pub(super) fn channel(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let name = call.name(0);
    let of = name.rsplit_once(" (").map_or(name, |(connection, _)| connection);
    let presence = named(cx, of)?;
    let mut value = channels_in(cx, std::slice::from_ref(&presence))
        .into_iter()
        .find(|item| item["name"] == name)
        .ok_or_else(Problem::not_found)?;
    let consumers = consumers_in(cx, std::slice::from_ref(&presence));
    let own = consumers.into_iter().filter(|consumer| consumer["channel_details"]["name"] == name);
    value["consumer_details"] = own.collect();
    Ok(show::one(&Wanted::of(call)?, value))
}

/// The consumers of connections.
fn consumers_in(cx: &Context, presences: &[Arc<Presence>]) -> Vec<Value> {
    let mut items = Vec::new();
    for presence in presences {
        let channels = presence.state.lock().channels.clone();
        for (number, channel) in &channels {
            for (tag, consumer) in &channel.consumers {
                items.push(json!({
                    "consumer_tag": &**tag,
                    "ack_required": !consumer.no_ack,
                    "active": true,
                    "activity_status": "up",
                    "arguments": if consumer.priority == 0 { json!({}) } else { json!({"x-priority": consumer.priority}) },
                    "exclusive": consumer.exclusive,
                    "prefetch_count": consumer.prefetch,
                    "queue": {"name": &*consumer.queue, "vhost": presence.vhost},
                    "channel_details": {
                        "connection_name": presence.name(),
                        "name": format!("{} ({number})", presence.name()),
                        "node": cx.node(),
                        "number": number,
                        "peer_host": presence.peer.ip().to_string(),
                        "peer_port": presence.peer.port(),
                        "user": presence.user,
                    },
                }));
            }
        }
    }
    items
}

/// The consumers of a queue.
pub(super) fn consumers_of(cx: &Context, vhost: &Vhost, queue: &str) -> Vec<Value> {
    let all = consumers_in(cx, &cx.shared.presences.all()).into_iter();
    all.filter(|item| item["queue"]["vhost"] == *vhost.name && item["queue"]["name"] == queue).collect()
}

pub(super) fn consumers(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let wanted = Wanted::of(call)?;
    let presences = presences(cx, call)?;
    let items = consumers_in(cx, &presences);
    let total = items.len();
    Ok(document(&wanted.list(items, total)?))
}
