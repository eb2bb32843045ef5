//! The listener: starts requests and carries their steps out.
//!
//! Apart because it is all that the binary sees of this front. Each request is told from others by itself: its protocol by
//! its looks, its sender by its signature, its action by its name. What an operation orders gets the tags of its
//! exchange here, and what it answers is spelled in the protocol that it was asked in.

use crate::fault::Fault;
use crate::ids::uuid;
use crate::options::AwsOptions;
use crate::protocol::{Call as Wire, Protocol};
use crate::scope::Scope;
use crate::sqs::{self, Call, Deleted, Opened, Parameters, SqsError};
use crate::step::{Context, Output, ReadResult, Step, Then};
use crate::xml::Xml;
use bytes::Bytes;
use millstream_core::Reply;
use millstream_front::http::{Commands, Exchange, Outcome, Refusal, Request, Response, Service};
use millstream_front::{Authorizer, Backend, Event, Principal, ReadCommand, Submission, Tag};
use millstream_types::EngineTime;
use std::sync::Arc;

/// What requests share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) deleted: Deleted,
    pub(crate) opened: Opened,
}

/// The AWS front's listener.
#[derive(Debug)]
pub struct Listener {
    options: Arc<AwsOptions>,
    authorizer: Arc<Authorizer>,
    shared: Arc<Shared>,
}

impl Listener {
    /// A listener with its options and the authorizer that all fronts share.
    #[must_use]
    pub fn new(options: AwsOptions, authorizer: Arc<Authorizer>) -> Listener {
        Listener { options: Arc::new(options), authorizer, shared: Arc::default() }
    }
}

impl Service for Listener {
    fn name(&self) -> &'static str {
        "aws"
    }

    fn body_bytes_max(&self) -> usize {
        sqs::limits::REQUEST_BYTES_MAX
    }

    fn start(
        &self,
        now: EngineTime,
        backend: &Arc<dyn Backend>,
        request: &Request<'_>,
        commands: &mut Commands,
    ) -> Outcome {
        let mut cx = Context {
            backend: backend.clone(),
            options: self.options.clone(),
            authorizer: self.authorizer.clone(),
            shared: self.shared.clone(),
            principal: Principal::local(),
            caller: Scope::default(),
            origin: sqs::origin(request, &self.options.host),
            now,
            abandoned: false,
            on_abandon: None,
        };
        let answer =
            Answer { protocol: Protocol::of(request), action: "", request_id: uuid(backend.random()) };
        match begin(&mut cx, request) {
            Err(error) => Outcome::Respond(answer.refuse(&error)),
            Ok((action, step)) => {
                let running =
                    Running { cx, answer: Answer { action, ..answer }, state: State::Moving, next_tag: 0 };
                running.go_on(step, commands)
            }
        }
    }

    fn refuse(&self, backend: &Arc<dyn Backend>, request: &Request<'_>, refusal: Refusal) -> Response {
        let protocol = Protocol::of_refused(request);
        Answer { protocol, action: "", request_id: uuid(backend.random()) }.refuse(&refusal.into())
    }
}

/// Says who asks, what is asked, and starts it.
fn begin(cx: &mut Context, request: &Request<'_>) -> Result<(&'static str, Step), SqsError> {
    cx.caller = cx.options.credentials.authenticate(request, sqs::SERVICE, cx.now)?;
    let (name, parameters) = match Wire::of(request)? {
        Wire::Json { target, action, body } => {
            if target != sqs::TARGET {
                return Err(SqsError::InvalidAction(format!("{target}.{action}")));
            }
            (action.to_owned(), Parameters::Json(body))
        }
        Wire::Query { action, form } => {
            let action = action.ok_or(SqsError::MissingParameter("Action"))?;
            (action.into_owned(), Parameters::Form(form))
        }
    };
    let action = sqs::action(&name).ok_or(SqsError::InvalidAction(name))?;
    let step = sqs::start(cx, action, &Call { request, parameters });
    Ok((action, step))
}

/// How a reply is to be spelled.
struct Answer {
    protocol: Protocol,
    action: &'static str,
    request_id: String,
}

impl Answer {
    fn refuse(&self, error: &SqsError) -> Response {
        let fault: Fault = error.fault(self.protocol);
        fault.response(self.protocol, sqs::XML_NAMESPACE, &self.request_id)
    }

    fn respond(&self, output: &dyn Output) -> Response {
        let body = match self.protocol {
            Protocol::Json => output.json(),
            Protocol::Query => self.xml(output).into_bytes(),
        };
        let headers = vec![
            ("content-type", self.protocol.content_type().to_owned()),
            ("x-amzn-requestid", self.request_id.clone()),
        ];
        Response { status: 200, headers, body: Bytes::from(body) }
    }

    fn xml(&self, output: &dyn Output) -> String {
        let mut xml = Xml::document();
        let (response, result) = (format!("{}Response", self.action), format!("{}Result", self.action));
        xml.open_in(&response, sqs::XML_NAMESPACE);
        if output.has_result() {
            xml.open(&result);
            output.xml(&mut xml);
            xml.close(&result);
        }
        xml.open("ResponseMetadata");
        xml.element("RequestId", &self.request_id);
        xml.close("ResponseMetadata");
        xml.close(&response);
        xml.finish()
    }
}

/// A request that waits.
struct Running {
    cx: Context,
    answer: Answer,
    state: State,
    /// Tags count up, so that what answers a call that was taken back finds nobody.
    next_tag: u64,
}

enum State {
    Replies {
        first: u64,
        missing: usize,
        replies: Vec<Option<Reply>>,
        then: Then<Vec<Reply>>,
    },
    Reads {
        first: u64,
        missing: usize,
        results: Vec<Option<ReadResult>>,
        then: Then<Vec<ReadResult>>,
    },
    /// Only while its continuation runs.
    Moving,
}

impl Running {
    /// Carries out steps until one has to be waited for.
    fn go_on(mut self, mut step: Step, commands: &mut Commands) -> Outcome {
        self.state = loop {
            match step {
                Step::Respond(output) => return Outcome::Respond(self.answer.respond(&*output)),
                Step::Refuse(error) => return Outcome::Respond(self.answer.refuse(&error)),
                Step::Submit(requests, then) if requests.is_empty() => step = then(&mut self.cx, Vec::new()),
                Step::Read(reads, then) if reads.is_empty() => step = then(&mut self.cx, Vec::new()),
                Step::Submit(requests, then) => {
                    let (first, missing) = (self.next_tag, requests.len());
                    for request in requests {
                        commands.submissions.push(Submission { tag: self.tag(), request });
                    }
                    break State::Replies { first, missing, replies: none(missing), then };
                }
                Step::Read(reads, then) => {
                    let (first, missing) = (self.next_tag, reads.len());
                    for read in reads {
                        commands.reads.push(ReadCommand { tag: self.tag(), read });
                    }
                    break State::Reads { first, missing, results: none(missing), then };
                }
            }
        };
        Outcome::Wait(Box::new(self))
    }

    fn tag(&mut self) -> Tag {
        self.next_tag += 1;
        Tag(self.next_tag - 1)
    }

    /// Runs the continuation once everything is there.
    fn resume(mut self: Box<Self>, commands: &mut Commands) -> Outcome {
        let step = match std::mem::replace(&mut self.state, State::Moving) {
            State::Replies { missing: 0, replies, then, .. } => {
                then(&mut self.cx, replies.into_iter().flatten().collect())
            }
            State::Reads { missing: 0, results, then, .. } => {
                then(&mut self.cx, results.into_iter().flatten().collect())
            }
            state => {
                self.state = state;
                return Outcome::Wait(self);
            }
        };
        self.go_on(step, commands)
    }
}

fn none<T>(count: usize) -> Vec<Option<T>> {
    (0..count).map(|_| None).collect()
}

/// The place of a tag among those that were given out from `first` on.
fn place<T>(places: &mut [Option<T>], first: u64, tag: Tag) -> Option<&mut Option<T>> {
    let index = usize::try_from(tag.0.checked_sub(first)?).ok()?;
    places.get_mut(index)
}

impl Exchange for Running {
    fn handle(mut self: Box<Self>, now: EngineTime, event: Event, commands: &mut Commands) -> Outcome {
        self.cx.now = now;
        match (event, &mut self.state) {
            (Event::Reply(tag, reply), State::Replies { first, missing, replies, .. }) => {
                if let Some(place) = place(replies, *first, tag) {
                    assert!(place.replace(reply).is_none(), "one reply per request");
                    *missing -= 1;
                }
            }
            (Event::Read(tag, result), State::Reads { first, missing, results, .. }) => {
                if let Some(place) = place(results, *first, tag) {
                    assert!(place.replace(result).is_none(), "one result per read");
                    *missing -= 1;
                }
            }
            // The answer to a call that took another one back.
            _ => {}
        }
        self.resume(commands)
    }

    fn abandon(&mut self, now: EngineTime, commands: &mut Commands) {
        self.cx.now = now;
        self.cx.abandoned = true;
        if let Some(request) = self.cx.on_abandon.take() {
            commands.submissions.push(Submission { tag: Tag(u64::MAX), request });
        }
    }
}
