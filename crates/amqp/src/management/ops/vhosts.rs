//! Virtual hosts: namespaces of the broker, whoever made them.

use super::super::call::Call;
use super::super::context::{Context, Step, Vhost, document, done, made, nothing, submit};
use super::super::errors::Problem;
use super::super::json::no_rate;
use super::super::page::Wanted;
use super::super::show;
use crate::translate::{is_queue, namespace_name};
use millstream_core::catalog::{Annotations, DEFAULT_NAME};
use millstream_core::request::CreateNamespace;
use millstream_core::{Reply, Request};
use millstream_front::{Action, Authorized, Resource};
use serde_json::{Value, json};

pub(super) fn list(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let wanted = Wanted::of(call)?;
    let vhosts = cx.vhosts(call)?;
    let total = vhosts.len();
    let vhosts = vhosts.into_iter().filter(|vhost| wanted.takes(&vhost.name)).collect();
    counted(cx, vhosts, move |values| Ok(document(&wanted.list(values, total)?)))
}

pub(super) fn show(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let wanted = Wanted::of(call)?;
    let vhost = cx.vhost(call.name(0))?;
    counted(cx, vec![vhost], move |mut values| {
        Ok(show::one(&wanted, values.pop().ok_or_else(Problem::not_found)?))
    })
}

/// Virtual hosts with what their queues hold.
fn counted(
    cx: &Context,
    vhosts: Vec<Vhost>,
    then: impl FnOnce(Vec<Value>) -> Result<Step, Problem> + Send + 'static,
) -> Result<Step, Problem> {
    let queues = vhosts.iter().flat_map(|vhost| {
        let streams = cx.backend.streams(vhost.number()).into_iter().filter(|entry| is_queue(entry));
        streams.map(|entry| (vhost.clone(), entry)).collect::<Vec<_>>()
    });
    let queues = queues.collect();
    show::count(cx, queues, move |cx, counted| {
        let value = |vhost: &Vhost| {
            let of_it = counted.iter().filter(|(of, ..)| of.number() == vhost.number());
            let (ready, leased) = of_it.fold((0, 0), |(ready, leased), (_, _, counts)| {
                (ready + counts.ready, leased + counts.leased)
            });
            json!({
                "name": &*vhost.name,
                "cluster_state": {cx.node(): "running"},
                "default_queue_type": "classic",
                "description": if &*vhost.name == "/" { "Default virtual host" } else { "" },
                "metadata": {"description": "", "tags": []},
                "tags": [],
                "tracing": false,
                "messages": ready + leased,
                "messages_details": no_rate(),
                "messages_ready": ready,
                "messages_ready_details": no_rate(),
                "messages_unacknowledged": leased,
                "messages_unacknowledged_details": no_rate(),
            })
        };
        then(vhosts.iter().map(value).collect())
    })
}

/// Asks for a virtual host of a name.
pub(super) fn create(cx: &Context, name: &str) -> Result<Authorized<Request>, Problem> {
    let name = namespace_name(name);
    let grant = cx.allow(Action::Create, Resource::Namespace(name))?;
    let create = CreateNamespace { name: name.into(), annotations: Annotations::new() };
    Ok(grant.request(Request::CreateNamespace(Box::new(create))))
}

pub(super) fn put(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    Ok(submit(create(cx, call.name(0))?, |_, reply| match reply {
        Reply::Namespace { is_new, .. } => Ok(made(is_new)),
        Reply::Refused(millstream_types::ErrorKind::InvalidName) => {
            Err(Problem::bad_request("no virtual host can have such a name"))
        }
        reply => Err(done(reply).err().unwrap_or_else(Problem::unexpected)),
    }))
}

pub(super) fn delete(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let vhost = cx.vhost(call.name(0))?;
    if &*vhost.entry.name == DEFAULT_NAME {
        return Err(Problem::bad_request("the virtual host that all protocols share stays"));
    }
    let grant = cx.allow(Action::Delete, Resource::Namespace(&vhost.entry.name))?;
    let request = grant.request(Request::DeleteNamespace { namespace: vhost.number() });
    Ok(submit(request, move |cx, reply| {
        done(reply)?;
        for presence in cx.shared.presences.all().iter().filter(|presence| *presence.vhost == *vhost.name) {
            presence.end("vhost is deleted");
        }
        Ok(nothing())
    }))
}
