//! `PUT /api/v1/streams/{name}`: there shall be a stream like this.
//!
//! It can be repeated: a stream that is there already and has what is given is the answer as if it had been created
//! (status 200 in place of 201). One that differs in something that was given is refused and stays as it is; what is not
//! given is not compared.

use super::Endpoint;
use super::get_stream::show;
use super::target::check_dead_letter;
use crate::call::Call;
use crate::context::{Context, Step, stream_reply, submit};
use crate::endpoint;
use crate::errors::{Code, Problem};
use crate::translate::{Changes, Detail, difference};
use millstream_core::Request;
use millstream_core::catalog::{StreamConfig, StreamEntry};
use millstream_core::request::CreateStream;
use millstream_front::{Action, Resource};
use millstream_types::StreamUid;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    name: "create_stream",
    method: "PUT",
    path: "/api/v1/streams/{name}",
    body: endpoint::json::<Body>(),
    answers: &[endpoint::ok::<Detail>(), endpoint::status::<Detail>(201)],
    doc: "Create a stream, unless it is there as described: `partitions` (1 if not given), `settings`.",
    ..Endpoint::PLAIN
};

#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Body {
    partitions: Option<u32>,
    settings: Changes,
}

pub(super) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let body: Body = call.read()?;
    let name: Arc<str> = call.name().into();
    let namespace = cx.namespace;
    if let Some(entry) = cx.backend.stream(namespace, &name) {
        return existing(cx, entry, &body);
    }
    let grant = cx.allow(Action::Create, Resource::Stream(&name))?;
    check_dead_letter(cx, &name, &body.settings)?;
    let mut config = StreamConfig::default();
    for change in body.settings.of(&config.clone(), &[])? {
        config.change(&change)?;
    }
    let create = CreateStream {
        namespace,
        name: name.clone(),
        uid: StreamUid(cx.backend.random() | 1),
        logs: body.partitions.unwrap_or(1),
        config,
    };
    Ok(submit(grant.request(Request::CreateStream(Box::new(create))), move |cx, reply| {
        match (stream_reply(reply), cx.backend.stream(namespace, &name)) {
            (Ok(entry), _) => Ok(show(201, cx.allow(Action::Describe, Resource::Stream(&name))?, entry)),
            // Somebody else was faster: then it is there, and is compared.
            (Err(problem), Some(entry)) if problem.code == Code::StreamExists => existing(cx, entry, &body),
            (Err(problem), _) => Err(problem),
        }
    }))
}

/// A stream of the name is there already.
fn existing(cx: &Context, entry: Arc<StreamEntry>, body: &Body) -> Result<Step, Problem> {
    let grant = cx.allow(Action::Describe, Resource::Stream(&entry.name))?;
    let partitions = body.partitions.filter(|partitions| *partitions != entry.logs);
    let difference = match partitions {
        Some(partitions) => Some(format!("it has {} partitions, not {partitions}", entry.logs)),
        None => difference(&entry.config, &body.settings),
    };
    match difference {
        Some(difference) => {
            let detail = format!("There is a stream {:?}, and {difference}.", entry.name);
            Err(Problem::new(Code::StreamExists, detail))
        }
        None => Ok(show(200, grant, entry)),
    }
}
