//! `PUT` and `DELETE /api/v1/namespaces/{name}`: a space of names comes and goes.
//!
//! One file because each undoes the other. What is in a namespace goes with it, in slices: nobody finds it any more once this is
//! answered.

use super::Endpoint;
use super::list_namespaces::Shown;
use crate::call::Call;
use crate::context::{Context, Step, submit};
use crate::endpoint;
use crate::errors::{Code, Problem};
use crate::respond::{document, nothing};
use millstream_core::request::CreateNamespace;
use millstream_core::{Reply, Request};
use millstream_front::{Action, Resource};

pub(super) const CREATE: Endpoint = Endpoint {
    name: "create_namespace",
    method: "PUT",
    path: "/api/v1/namespaces/{name}",
    answers: &[endpoint::ok::<Shown>(), endpoint::status::<Shown>(201)],
    doc: "Make a namespace, unless it is there.",
    ..Endpoint::PLAIN
};

pub(super) const DELETE: Endpoint = Endpoint {
    name: "delete_namespace",
    method: "DELETE",
    path: "/api/v1/namespaces/{name}",
    answers: &[endpoint::DONE],
    doc: "Delete a namespace and everything in it; `default` stays.",
    ..Endpoint::PLAIN
};

pub(super) fn create(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let grant = cx.allow(Action::Create, Resource::Namespace(call.name()))?;
    let create = CreateNamespace { name: call.name().into(), annotations: Default::default() };
    Ok(submit(grant.request(Request::CreateNamespace(Box::new(create))), |_, reply| match reply {
        Reply::Namespace { entry, is_new } => {
            Ok(document(if is_new { 201 } else { 200 }, &Shown::new(&entry)))
        }
        Reply::Refused(kind) => Err(kind.into()),
        _ => Err(Problem::unexpected()),
    }))
}

pub(super) fn delete(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let grant = cx.allow(Action::Delete, Resource::Namespace(call.name()))?;
    let unknown =
        || Problem::new(Code::UnknownNamespace, format!("There is no namespace {:?}.", call.name()));
    let namespace = cx.backend.namespace(call.name()).ok_or_else(unknown)?;
    Ok(submit(grant.request(Request::DeleteNamespace { namespace }), |_, reply| match reply {
        Reply::Namespace { .. } => Ok(nothing()),
        Reply::Refused(kind) => Err(kind.into()),
        _ => Err(Problem::unexpected()),
    }))
}
