//! Users and permissions, of which there are none yet (R20): whoever asks is the one user, and may do everything.

use super::super::call::Call;
use super::super::context::{Context, Step, Vhost, document};
use super::super::errors::Problem;
use super::super::page::Wanted;
use super::super::show;
use serde_json::{Value, json};

pub(super) fn whoami(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let value = json!({"name": cx.user, "tags": ["administrator"], "is_internal_user": true});
    Ok(show::one(&Wanted::of(call)?, value))
}

fn user(cx: &Context) -> Value {
    json!({"name": cx.user, "tags": ["administrator"], "password_hash": "", "hashing_algorithm": "", "limits": {}})
}

pub(super) fn list(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    Ok(document(&Wanted::of(call)?.list(vec![user(cx)], 1)?))
}

pub(super) fn show(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    if *call.name(0) != *cx.user {
        return Err(Problem::not_found());
    }
    Ok(show::one(&Wanted::of(call)?, user(cx)))
}

fn permitted(cx: &Context, vhost: &str) -> Value {
    json!({"user": cx.user, "vhost": vhost, "configure": ".*", "write": ".*", "read": ".*"})
}

pub(super) fn permissions(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    permissions_in(cx, &cx.vhosts(call)?, call)
}

pub(super) fn permissions_of_user(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    if *call.name(0) != *cx.user {
        return Err(Problem::not_found());
    }
    let vhosts = cx.vhosts(&Call { path: Vec::new(), query: Vec::new(), body: b"" })?;
    permissions_in(cx, &vhosts, call)
}

fn permissions_in(cx: &Context, vhosts: &[Vhost], call: &Call<'_>) -> Result<Step, Problem> {
    let permitted = vhosts.iter().map(|vhost| permitted(cx, &vhost.name)).collect();
    Ok(document(&Wanted::of(call)?.list(permitted, vhosts.len())?))
}

pub(super) fn permission(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let vhost = cx.vhost(call.name(0))?;
    if *call.name(1) != *cx.user {
        return Err(Problem::not_found());
    }
    Ok(show::one(&Wanted::of(call)?, permitted(cx, &vhost.name)))
}

pub(super) fn refuse(_: &mut Context, _: &Call<'_>) -> Result<Step, Problem> {
    Err(Problem::no_users())
}
