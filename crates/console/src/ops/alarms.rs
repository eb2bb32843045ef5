//! `/api/v1/alarms`: what is wrong, what is silenced, and whether notices arrive.
//!
//! Four operations in one file because they are about one board. A silence is answered once it is written down: it survives
//! a restart. It ends by itself; one of the same alarm, or of the same rule, replaces it.

use super::Endpoint;
use crate::alarms::{AlarmId, RULES, Rule, ShownAlarm, ShownRule, ShownSilence, Silence};
use crate::call::Call;
use crate::context::{Context, Step, submit};
use crate::endpoint;
use crate::errors::{Code, Problem};
use crate::metrics::Telemetry;
use crate::respond::{document, nothing};
use millstream_core::catalog::DEFAULT_NAME;
use millstream_core::{Reply, Request};
use millstream_front::{Action, Resource};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

const SILENCE_PATH: &str = "/api/v1/alarms/{id}/silence";

pub(super) const LIST: Endpoint = Endpoint {
    name: "list_alarms",
    path: "/api/v1/alarms",
    answers: &[endpoint::ok::<Listed<'static>>()],
    doc: "List the alarms that are pending or raised, what is silenced, and the rules.",
    ..Endpoint::PLAIN
};

pub(super) const SILENCE: Endpoint = Endpoint {
    name: "silence_alarm",
    method: "POST",
    path: SILENCE_PATH,
    body: endpoint::json::<Body>(),
    answers: &[endpoint::ok::<ShownSilence<'static>>()],
    doc: "Silence an alarm by its `id`, or all of a rule by its name: `reason`, `for_ms` of 1 second to 30 days.",
    ..Endpoint::PLAIN
};

pub(super) const UNSILENCE: Endpoint = Endpoint {
    name: "end_alarm_silence",
    method: "DELETE",
    path: SILENCE_PATH,
    answers: &[endpoint::DONE],
    doc: "End a silence before its time.",
    ..Endpoint::PLAIN
};

pub(super) const TEST: Endpoint = Endpoint {
    name: "test_alarms",
    method: "POST",
    path: "/api/v1/alarms/test",
    body: endpoint::json::<Nothing>(),
    answers: &[endpoint::status::<Tested>(202)],
    doc: "Send a notice that is none, every way that notices go, to see that they arrive.",
    ..Endpoint::PLAIN
};

/// The longest silence: 30 days.
const SILENCE_MS_MAX: u64 = 30 * 86_400_000;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Alarms")]
struct Listed<'a> {
    items: Vec<ShownAlarm<'a>>,
    /// There are never more than fit on a page.
    next_cursor: Option<String>,
    silences: Vec<ShownSilence<'a>>,
    rules: Vec<ShownRule>,
}

pub(super) fn list(cx: &mut Context, _: &Call<'_>) -> Result<Step, Problem> {
    cx.allow(Action::Describe, Resource::Cluster)?;
    let now = cx.now;
    Ok(telemetry(cx)?.with_alarms(|board| {
        let thresholds = board.thresholds();
        let alarms =
            board.alarms(now).map(|(id, alarm, silence)| ShownAlarm::new(id, alarm, silence, thresholds));
        let listed = Listed {
            items: alarms.collect(),
            next_cursor: None,
            silences: board.silences(now).map(ShownSilence::new).collect(),
            rules: RULES.iter().map(|info| ShownRule::new(info, thresholds)).collect(),
        };
        document(200, &listed)
    }))
}

#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "AlarmSilenceWish")]
#[serde(deny_unknown_fields)]
struct Body {
    reason: String,
    for_ms: u64,
}

pub(super) fn silence(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let (rule, subject) = named(call.name())?;
    let body: Body = call.read()?;
    let reason = body.reason.trim().to_owned();
    if reason.is_empty()
        || reason.len() > crate::alarms::REASON_BYTES_MAX
        || reason.contains(char::is_control)
    {
        let limit = crate::alarms::REASON_BYTES_MAX;
        return Err(Problem::field("reason", &format!("must be a line of 1 to {limit} bytes")));
    }
    if !(1_000..=SILENCE_MS_MAX).contains(&body.for_ms) {
        return Err(Problem::field("for_ms", &format!("must be from 1000 to {SILENCE_MS_MAX}")));
    }
    let silence = Silence { rule, subject, reason, until: cx.now.after_ms(body.for_ms) };
    let (telemetry, now) = (telemetry(cx)?, cx.now);
    if !telemetry.with_alarms(|board| board.silence(now, silence.clone())) {
        return Err(Problem::new(Code::LimitExceeded, "There are as many silences as may be."));
    }
    write_down(cx, move |cx, written| match written {
        Ok(()) => Ok(document(200, &ShownSilence::new(&silence))),
        Err(problem) => {
            // What would be gone after a restart is not promised.
            self::telemetry(cx)?.with_alarms(|board| board.end_silence(silence.rule, silence.subject));
            Err(problem)
        }
    })
}

pub(super) fn unsilence(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let (rule, subject) = named(call.name())?;
    if !telemetry(cx)?.with_alarms(|board| board.end_silence(rule, subject)) {
        return Err(unknown(call.name()));
    }
    write_down(cx, |_, written| written.map(|()| nothing()))
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AlarmTest")]
struct Tested {
    ways: Vec<&'static str>,
}

/// There is nothing to say yet, and clients send an empty object.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Nothing {}

pub(super) fn test(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let Nothing {} = call.read()?;
    cx.allow(Action::Alter, Resource::Cluster)?;
    let telemetry = telemetry(cx)?;
    if !telemetry.ask_for_test(cx.now) {
        return Err(Problem::new(Code::Overloaded, "Other tests wait still; ask again later."));
    }
    Ok(document(202, &Tested { ways: telemetry.ways() }))
}

fn telemetry(cx: &Context) -> Result<Arc<Telemetry>, Problem> {
    let unseen = || Problem::new(Code::UnknownResource, "Nobody watches over this broker.");
    cx.telemetry.clone().ok_or_else(unseen)
}

fn unknown(id: &str) -> Problem {
    Problem::new(Code::UnknownResource, format!("There is neither an alarm nor a rule nor a silence {id:?}."))
}

/// The rule, and the subject if it is one alarm.
fn named(id: &str) -> Result<(Rule, Option<u64>), Problem> {
    match AlarmId::parse(id) {
        Some(id) => Ok((id.rule, Some(id.subject))),
        None => Ok((Rule::by_name(id).ok_or_else(|| unknown(id))?, None)),
    }
}

/// Writes down what is silenced, and goes on when that is durable.
fn write_down(
    cx: &mut Context,
    then: impl FnOnce(&mut Context, Result<(), Problem>) -> Result<Step, Problem> + Send + 'static,
) -> Result<Step, Problem> {
    let grant = cx.allow(Action::Alter, Resource::Namespace(DEFAULT_NAME))?;
    let namespace = cx.backend.namespace_entry(DEFAULT_NAME).ok_or_else(Problem::unexpected)?;
    let changes = telemetry(cx)?.unsaved(&namespace.annotations);
    let request = Request::AlterNamespace { namespace: namespace.number, changes };
    Ok(submit(grant.request(request), move |cx, reply| {
        let written = match reply {
            Reply::Namespace { .. } => Ok(()),
            Reply::Refused(kind) => Err(kind.into()),
            _ => Err(Problem::unexpected()),
        };
        then(cx, written)
    }))
}
