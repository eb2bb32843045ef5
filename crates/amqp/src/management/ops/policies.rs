//! Policies, and those of operators: set, taken back, shown. An answer comes when every queue and exchange is as they say.

use super::super::call::Call;
use super::super::context::{Context, Step, Vhost, document, made, nothing, submit};
use super::super::errors::Problem;
use super::super::page::Wanted;
use super::super::show;
use crate::policy::{ApplyTo, Document, Owner, Policy, carry_out, check_definition, pattern};
use millstream_core::{Reply, Request};
use millstream_front::{Action, Authorized, Resource};
use millstream_types::ErrorKind;
use serde_json::{Map, Value, json};

/// What operators' policies are called among parameters.
pub(super) const OPERATOR_COMPONENT: &str = "operator_policy";
/// Bytes of a policy's name.
const NAME_BYTES_MAX: usize = 200;

/// A policy as it is shown.
pub(super) fn shown(vhost: &Vhost, policy: &Policy) -> Value {
    let mut value = serde_json::to_value(policy.document()).expect("texts and numbers");
    value["vhost"] = (*vhost.name).into();
    value["name"] = (*policy.name).into();
    value
}

/// A policy as it is described by a request: the annotation that keeps it.
pub(super) fn described(
    owner: Owner,
    name: &str,
    object: &Map<String, Value>,
) -> Result<(Box<str>, Box<str>), Problem> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return Err(Problem::bad_request(format!("the name of a policy has 1 to {NAME_BYTES_MAX} bytes")));
    }
    let mut missing =
        ["pattern", "definition"].into_iter().filter(|key| !object.contains_key(*key)).peekable();
    if missing.peek().is_some() {
        return Err(Problem::keys_missing(missing));
    }
    let text = &object["pattern"];
    let text = text.as_str().ok_or_else(|| Problem::invalid("pattern must be a string"))?;
    pattern(text).map_err(|why| {
        Problem::invalid(format!("pattern should be regular expression but is invalid: {why}\n"))
    })?;
    let definition = serde_json::from_value(object["definition"].clone())
        .map_err(|_| Problem::invalid("definition must be an object"))?;
    check_definition(&definition, owner == Owner::Operator).map_err(Problem::invalid)?;
    let apply_to = match (object.get("apply-to"), owner) {
        (None | Some(Value::Null), Owner::User) => ApplyTo::All,
        (None | Some(Value::Null), Owner::Operator) => ApplyTo::Queues,
        (Some(word), _) => serde_json::from_value(word.clone()).map_err(|_| {
            let word = word.as_str().map_or_else(|| word.to_string(), str::to_owned);
            Problem::invalid(format!(
                "apply-to '{word}' unrecognised; should be one of: 'queues', 'classic_queues',  'quorum_queues', \
                 'streams', 'exchanges', or 'all'\n"
            ))
        })?,
    };
    let priority = match object.get("priority") {
        None | Some(Value::Null) => 0,
        Some(value) => value
            .as_i64()
            .or_else(|| value.as_str()?.parse().ok())
            .ok_or_else(|| Problem::invalid(format!("priority must be a number, not {value}")))?,
    };
    let document = Document { pattern: text.to_owned(), apply_to, priority, definition };
    let text = serde_json::to_string(&document).expect("texts and numbers");
    Ok((owner.key(name), text.into()))
}

/// Changes of annotations: keys with their new values, if they have one.
pub(super) type Changes = Vec<(Box<str>, Option<Box<str>>)>;

/// Asks for changes of a virtual host's annotations.
pub(super) fn annotate(
    cx: &Context,
    vhost: &Vhost,
    changes: Changes,
) -> Result<Authorized<Request>, Problem> {
    let grant = cx.allow(Action::Alter, Resource::Namespace(&vhost.entry.name))?;
    Ok(grant.request(Request::AlterNamespace { namespace: vhost.number(), changes }))
}

/// What the answer to that says.
pub(super) fn annotated(reply: Reply) -> Result<(), Problem> {
    match reply {
        Reply::Namespace { .. } => Ok(()),
        Reply::Refused(ErrorKind::InvalidConfig) => Err(Problem::bad_request(
            "a policy has at most 4 KiB, and those of a virtual host 32 KiB together",
        )),
        Reply::Refused(kind) => Err(kind.into()),
        _ => Err(Problem::unexpected()),
    }
}

fn list_of(cx: &Context, call: &Call<'_>, owner: Owner) -> Result<Step, Problem> {
    let wanted = Wanted::of(call)?;
    let (mut items, mut total) = (Vec::new(), 0);
    for vhost in cx.vhosts(call)? {
        let policies = cx.policies(&vhost.entry.name);
        total += policies.all(owner).len();
        let some = policies.all(owner).iter().filter(|policy| wanted.takes(&policy.name));
        items.extend(some.map(|policy| shown(&vhost, policy)));
    }
    Ok(document(&wanted.list(items, total)?))
}

fn show_of(cx: &Context, call: &Call<'_>, owner: Owner) -> Result<Step, Problem> {
    let vhost = cx.vhost(call.name(0))?;
    let policies = cx.policies(&vhost.entry.name);
    let policy = policies.all(owner).iter().find(|policy| *policy.name == *call.name(1));
    Ok(show::one(&Wanted::of(call)?, shown(&vhost, policy.ok_or_else(Problem::not_found)?)))
}

fn put_of(cx: &Context, call: &Call<'_>, owner: Owner) -> Result<Step, Problem> {
    let vhost = cx.vhost(call.name(0))?;
    let (key, text) = described(owner, call.name(1), &call.object()?)?;
    let is_new = !vhost.entry.annotations.contains_key(&key);
    let request = annotate(cx, &vhost, vec![(key, Some(text))])?;
    Ok(submit(request, move |cx, reply| {
        annotated(reply)?;
        carry_out(cx, vhost.entry.name.clone(), vhost.number(), move |_| Ok(made(is_new)))
    }))
}

fn delete_of(cx: &Context, call: &Call<'_>, owner: Owner) -> Result<Step, Problem> {
    let vhost = cx.vhost(call.name(0))?;
    let key = owner.key(call.name(1));
    if !vhost.entry.annotations.contains_key(&key) {
        return Err(Problem::not_found());
    }
    let request = annotate(cx, &vhost, vec![(key, None)])?;
    Ok(submit(request, move |cx, reply| {
        annotated(reply)?;
        carry_out(cx, vhost.entry.name.clone(), vhost.number(), |_| Ok(nothing()))
    }))
}

/// An operator's policy as the parameter that it is to exports.
pub(super) fn parameter(vhost: &Vhost, policy: &Policy) -> Value {
    let value = serde_json::to_value(policy.document()).expect("texts and numbers");
    json!({"vhost": &*vhost.name, "component": OPERATOR_COMPONENT, "name": &*policy.name, "value": value})
}

/// `GET /api/parameters…`: extensions have none, so these are the operators' policies.
pub(super) fn parameters(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    if !matches!(call.path.first().map(String::as_str), None | Some(OPERATOR_COMPONENT)) {
        return Ok(document(&json!([])));
    }
    let path = call.path.get(1).cloned().into_iter().collect();
    let mut items = Vec::new();
    for vhost in cx.vhosts(&Call { path, query: Vec::new(), body: b"" })? {
        let policies = cx.policies(&vhost.entry.name);
        items.extend(policies.all(Owner::Operator).iter().map(|policy| parameter(&vhost, policy)));
    }
    Ok(document(&items.into()))
}

pub(super) fn list(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    list_of(cx, call, Owner::User)
}

pub(super) fn list_operators(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    list_of(cx, call, Owner::Operator)
}

pub(super) fn show(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    show_of(cx, call, Owner::User)
}

pub(super) fn show_operators(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    show_of(cx, call, Owner::Operator)
}

pub(super) fn put(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    put_of(cx, call, Owner::User)
}

pub(super) fn put_operators(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    put_of(cx, call, Owner::Operator)
}

pub(super) fn delete(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    delete_of(cx, call, Owner::User)
}

pub(super) fn delete_operators(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    delete_of(cx, call, Owner::Operator)
}
