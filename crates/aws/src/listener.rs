//! The listener: starts requests.
//!
//! Apart because it is all that the binary sees of this front. Each request is told from others by itself: its protocol by
//! its looks, its sender by its signature, its action by its name.

use crate::ids::uuid;
use crate::options::AwsOptions;
use crate::protocol::{Call as Wire, Protocol};
use crate::reply::Spelling;
use crate::scope::Scope;
use crate::sqs::{self, Call, Deleted, Opened, Parameters, SqsError, Sums};
use crate::step::{Context, Step};
use millstream_front::http::{Commands, Outcome, Refusal, Request, Response, Service};
use millstream_front::{Authorizer, Backend, OperationMeters, Principal, steps};
use millstream_types::EngineTime;
use std::sync::Arc;

/// What requests share. It is one thing, since each request holds it: counting who does is not for free where several
/// processors do it at once.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) options: AwsOptions,
    pub(crate) authorizer: Arc<Authorizer>,
    pub(crate) meters: Arc<OperationMeters>,
    pub(crate) deleted: Deleted,
    pub(crate) opened: Opened,
    pub(crate) sums: Sums,
}

/// The AWS front's listener.
#[derive(Debug)]
pub struct Listener {
    shared: Arc<Shared>,
}

/// The front's name.
const NAME: &str = "aws";

impl Listener {
    /// A listener with its options and the authorizer that all fronts share.
    #[must_use]
    pub fn new(options: AwsOptions, authorizer: Arc<Authorizer>) -> Listener {
        let meters = OperationMeters::new(NAME, sqs::OPERATIONS.iter().map(|operation| operation.name));
        let shared = Shared {
            options,
            authorizer,
            meters: Arc::new(meters),
            deleted: Deleted::default(),
            opened: Opened::default(),
            sums: Sums::default(),
        };
        Listener { shared: Arc::new(shared) }
    }
}

impl Service for Listener {
    fn name(&self) -> &'static str {
        NAME
    }

    fn meters(&self) -> Option<Arc<OperationMeters>> {
        Some(self.shared.meters.clone())
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
        let protocol = Protocol::of(request);
        let spelling = Spelling { protocol, action: "", request_id: uuid(backend.random()) };
        let mut cx = Context {
            backend: backend.clone(),
            shared: self.shared.clone(),
            principal: Principal::local(),
            caller: Scope::default(),
            spelling,
            since: backend.moment().micros,
            now,
            abandoned: false,
            on_abandon: None,
        };
        let begun = begin(&mut cx, request);
        steps::start(cx, begun.into(), commands)
    }

    fn refuse(&self, backend: &Arc<dyn Backend>, request: &Request<'_>, refusal: Refusal) -> Response {
        let protocol = Protocol::of_refused(request);
        Spelling { protocol, action: "", request_id: uuid(backend.random()) }.refuse(&refusal.into())
    }
}

/// Says who asks, what is asked, and starts it.
fn begin(cx: &mut Context, request: &Request<'_>) -> Result<Step, SqsError> {
    cx.caller = cx.shared.options.credentials.authenticate(request, sqs::SERVICE, cx.now)?;
    match Wire::of(request)? {
        Wire::Json { target: sqs::TARGET, action, body } => {
            sqs::start(cx, action, &Call { request, parameters: Parameters::Json(body) })
        }
        Wire::Json { target, action, .. } => Err(SqsError::InvalidAction(format!("{target}.{action}"))),
        Wire::Query { action, form } => {
            let action = action.ok_or(SqsError::MissingParameter("Action"))?;
            sqs::start(cx, &action, &Call { request, parameters: Parameters::Form(form) })
        }
    }
}
