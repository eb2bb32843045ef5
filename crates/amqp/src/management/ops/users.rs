//! Users and permissions, of which there are none yet (R20): whoever asks is the one user, and may do everything.

use super::super::call::Call;
use super::super::context::{Context, Step, document};
use super::super::errors::Problem;
use serde_json::{Value, json};

pub(super) fn whoami(cx: &mut Context, _: &Call<'_>) -> Result<Step, Problem> {
    Ok(document(&json!({"name": cx.user, "tags": ["administrator"], "is_internal_user": true})))
}

fn user(cx: &Context) -> Value {
    json!({"name": cx.user, "tags": ["administrator"], "password_hash": "", "hashing_algorithm": "", "limits": {}})
}

pub(super) fn list(cx: &mut Context, _: &Call<'_>) -> Result<Step, Problem> {
    Ok(document(&json!([user(cx)])))
}

pub(super) fn show(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    if *call.name(0) != *cx.user {
        return Err(Problem::not_found());
    }
    Ok(document(&user(cx)))
}

fn permitted(cx: &Context, vhost: &str) -> Value {
    json!({"user": cx.user, "vhost": vhost, "configure": ".*", "write": ".*", "read": ".*"})
}

pub(super) fn permissions(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let vhosts = cx.vhosts(call)?;
    Ok(document(&vhosts.iter().map(|vhost| permitted(cx, &vhost.name)).collect()))
}

pub(super) fn permissions_of_user(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    if *call.name(0) != *cx.user {
        return Err(Problem::not_found());
    }
    permissions(cx, &Call { path: Vec::new(), query: Vec::new(), body: b"" })
}

pub(super) fn permission(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let vhost = cx.vhost(call.name(0))?;
    if *call.name(1) != *cx.user {
        return Err(Problem::not_found());
    }
    Ok(document(&permitted(cx, &vhost.name)))
}

pub(super) fn refuse(_: &mut Context, _: &Call<'_>) -> Result<Step, Problem> {
    Err(Problem::no_users())
}
