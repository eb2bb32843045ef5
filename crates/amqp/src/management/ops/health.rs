//! Health checks: `{"status": "ok"}`, or 503 with a reason.

use super::super::call::Call;
use super::super::context::{Context, Step, document};
use super::super::errors::Problem;
use super::broker::DISK_FREE_BYTES_MIN;
use bytes::Bytes;
use millstream_front::http::Response;
use serde_json::{Value, json};

/// Whether the disk is full, which is when publishers are blocked, or as good as full. A file system that cannot be asked
/// has no bytes at all.
pub(super) fn disk_alarm(cx: &Context) -> bool {
    let (all, free) = cx.backend.disk_bytes();
    cx.backend.is_disk_full() || all > DISK_FREE_BYTES_MIN && free < DISK_FREE_BYTES_MIN
}

fn failed(value: &Value) -> Step {
    let headers = vec![("content-type", "application/json".into())];
    Step::Respond(Response { status: 503, headers, body: Bytes::from(value.to_string()) })
}

pub(super) fn fine(_: &mut Context, _: &Call<'_>) -> Result<Step, Problem> {
    Ok(document(&json!({"status": "ok"})))
}

/// What would fail if other nodes had to do without this one.
pub(super) fn not_critical(_: &mut Context, _: &Call<'_>) -> Result<Step, Problem> {
    Ok(document(&json!({"status": "ok", "reason": "single node cluster"})))
}

pub(super) fn aliveness(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    cx.vhost(call.name(0))?;
    Ok(document(&json!({"status": "ok"})))
}

pub(super) fn alarms(cx: &mut Context, _: &Call<'_>) -> Result<Step, Problem> {
    if disk_alarm(cx) {
        let alarms = json!([{"node": cx.node(), "resource": "disk"}]);
        return Ok(failed(
            &json!({"status": "failed", "reason": "There are alarms in effect in the cluster", "alarms": alarms}),
        ));
    }
    Ok(document(&json!({"status": "ok"})))
}

pub(super) fn port(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let port: u16 = call.name(0).parse().map_err(|_| Problem::bad_request("Invalid port"))?;
    let ports: Vec<u16> = cx.listeners.iter().map(|(_, addr)| addr.port()).collect();
    Ok(match ports.contains(&port) {
        true => document(&json!({"status": "ok", "port": port})),
        false => failed(
            &json!({"status": "failed", "reason": "No active listener", "missing": port, "ports": ports}),
        ),
    })
}

pub(super) fn protocol(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let asked = match call.name(0) {
        "amqp" | "amqp091" => "amqp",
        other => other,
    };
    let protocols: Vec<&str> = cx.listeners.iter().map(|(protocol, _)| *protocol).collect();
    Ok(match protocols.contains(&asked) {
        true => document(&json!({"status": "ok", "protocol": call.name(0)})),
        false => failed(&json!({
            "status": "failed", "reason": "No active listener", "missing": call.name(0), "protocols": protocols,
        })),
    })
}
