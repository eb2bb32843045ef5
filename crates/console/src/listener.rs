//! The listener: judges a request, finds its operation and starts it.
//!
//! Apart because it is all that the binary sees of this front.

use crate::auth::{self, Kind, Pending, Who};
use crate::context::{Context, Step, step};
use crate::errors::{Code, Problem};
use crate::limits::BODY_BYTES_MAX;
use crate::metrics::Telemetry;
use crate::ops::ENDPOINTS;
use crate::options::ConsoleOptions;
use crate::query::NAMESPACE;
use crate::ui::samples::Samples;
use crate::{guard, route, ui};
use millstream_front::http::{Commands, Outcome, Refusal, Request, Response, Service};
use millstream_front::{Authorizer, Backend, OperationMeters, Principal, steps};
use millstream_types::EngineTime;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

/// The console front's listener.
#[derive(Debug)]
pub struct Listener {
    options: Arc<ConsoleOptions>,
    authorizer: Arc<Authorizer>,
    samples: Arc<Samples>,
    /// Views that are live.
    live: Arc<AtomicUsize>,
    meters: Arc<OperationMeters>,
    telemetry: Option<Arc<Telemetry>>,
}

/// The front's name.
const NAME: &str = "http";

impl Listener {
    /// A listener with its options and the authorizer that all fronts share.
    #[must_use]
    pub fn new(options: ConsoleOptions, authorizer: Arc<Authorizer>) -> Listener {
        let meters = OperationMeters::new(NAME, ENDPOINTS.iter().map(|endpoint| endpoint.name));
        Listener {
            options: Arc::new(options),
            authorizer,
            samples: Arc::default(),
            live: Arc::default(),
            meters: Arc::new(meters),
            telemetry: None,
        }
    }

    /// Shows what is seen of the broker, in metrics and in alarms.
    #[must_use]
    pub fn with_telemetry(self, telemetry: Arc<Telemetry>) -> Listener {
        Listener { telemetry: Some(telemetry), ..self }
    }

    /// Looks how far all streams are, for charts. To be called about once a second; it asks no shard and waits for nothing.
    pub fn sample(&self, backend: &dyn Backend) {
        let now = backend.now();
        self.samples.look(now, backend);
        if let Some(telemetry) = &self.telemetry {
            telemetry.tick(now);
        }
    }
}

/// Operations that carry records back and forth: too many for an audit log, and they change nothing that others have set.
const TRAFFIC: [&str; 10] = [
    "send_records",
    "receive",
    "settle",
    "append",
    "lease",
    "ack",
    "release",
    "reject",
    "renew",
    "resolve_route",
];

fn is_traffic(operation: &str) -> bool {
    TRAFFIC.contains(&operation)
}

impl Service for Listener {
    fn name(&self) -> &'static str {
        NAME
    }

    fn meters(&self) -> Option<Arc<OperationMeters>> {
        Some(self.meters.clone())
    }

    fn body_bytes_max(&self) -> usize {
        BODY_BYTES_MAX
    }

    fn start(
        &self,
        now: EngineTime,
        backend: &Arc<dyn Backend>,
        request: &Request<'_>,
        commands: &mut Commands,
    ) -> Outcome {
        let principal = Principal::local();
        let mut cx = Context {
            backend: backend.clone(),
            authorizer: self.authorizer.clone(),
            namespace: principal.namespace(),
            principal,
            version: self.options.version,
            options: self.options.clone(),
            kind: Kind::Local,
            audit: None,
            samples: self.samples.clone(),
            system: self.options.system.clone(),
            live: self.live.clone(),
            telemetry: self.telemetry.clone(),
            meter: None,
            now,
            abandoned: false,
            on_abandon: None,
        };
        // Who watches over the machine asks without a credential.
        let is_open = self.options.is_loopback && route::is_open(request.path);
        let who = guard::check(request, self.options.is_loopback).and_then(|()| match is_open {
            true => Ok(Who { principal: Principal::local(), kind: Kind::Local }),
            false => Ok(self.options.gate.judge(now, request, self.options.is_loopback)?),
        });
        let begin = |cx: &mut Context| {
            if route::is_open(request.path)
                && who.is_ok()
                && let Some(telemetry) = &self.telemetry
                && let Some(response) = telemetry.answer(now, request)
            {
                return Ok(Step::Respond(response));
            }
            if !route::is_api(request.path) {
                return ui::start(cx, request, who);
            }
            cx.act_for(who?);
            let (row, call) = route::find(request)?;
            cx.count(&self.meters, row.0.name);
            if !auth::is_safe(request) {
                if !cx.kind.takes(auth::word(request)) {
                    return Err(Problem::new(Code::CsrfMissing, Code::CsrfMissing.title()));
                }
                cx.audit = (!is_traffic(row.0.name)).then(|| Pending::of(request, &cx.kind));
            }
            call.query.text(NAMESPACE).map_or(Ok(()), |name| cx.enter(name))?;
            (row.1)(cx, &call)
        };
        let begun = begin(&mut cx);
        steps::start(cx, step(begun), commands)
    }

    fn refuse(&self, _: &Arc<dyn Backend>, _: &Request<'_>, refusal: Refusal) -> Response {
        Problem::from(refusal).response()
    }
}
