//! Alarms as the API, webhooks, streams and the log show them.
//!
//! Apart because all of these say the same under the same names.

use super::board::{Alarm, Notice, NoticeKind, Silence, State};
use super::id::{AlarmId, Subject};
use super::rules::{RuleInfo, Thresholds};
use schemars::JsonSchema;
use serde::Serialize;

/// What an alarm is about.
#[derive(Serialize, JsonSchema)]
struct ShownSubject<'a> {
    namespace: Option<&'a str>,
    stream: Option<&'a str>,
    group: Option<&'a str>,
}

/// An alarm.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Alarm")]
pub(crate) struct ShownAlarm<'a> {
    id: String,
    rule: &'static str,
    state: &'static str,
    #[serde(flatten)]
    subject: ShownSubject<'a>,
    since_ms: i64,
    value: f64,
    threshold: f64,
    unit: &'static str,
    summary: String,
    advice: &'static str,
    silenced: Option<ShownSilence<'a>>,
}

/// A silence.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AlarmSilence")]
pub(crate) struct ShownSilence<'a> {
    /// The alarm's id, or the rule's name.
    id: String,
    reason: &'a str,
    until_ms: i64,
}

/// A rule.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AlarmRule")]
pub(crate) struct ShownRule {
    name: &'static str,
    threshold: f64,
    unit: &'static str,
    hold_ms: u64,
    doc: &'static str,
    advice: &'static str,
}

impl<'a> From<&'a Subject> for ShownSubject<'a> {
    fn from(subject: &'a Subject) -> ShownSubject<'a> {
        match subject {
            Subject::Broker => ShownSubject { namespace: None, stream: None, group: None },
            Subject::Stream { namespace, stream } => {
                ShownSubject { namespace: Some(namespace), stream: Some(stream), group: None }
            }
            Subject::Group { namespace, stream, group } => {
                ShownSubject { namespace: Some(namespace), stream: Some(stream), group: Some(group) }
            }
        }
    }
}

impl<'a> ShownAlarm<'a> {
    pub(crate) fn new(
        id: AlarmId,
        alarm: &'a Alarm,
        silence: Option<&'a Silence>,
        thresholds: &Thresholds,
    ) -> ShownAlarm<'a> {
        let info = id.rule.info();
        let threshold = thresholds.of(id.rule);
        ShownAlarm {
            id: id.to_string(),
            rule: info.name,
            state: match alarm.state {
                State::Pending => "pending",
                State::Raised => "raised",
            },
            subject: (&alarm.subject).into(),
            since_ms: alarm.since.0,
            value: rounded(alarm.value),
            threshold,
            unit: info.unit,
            summary: summary(info, &alarm.subject, alarm.value),
            advice: info.advice,
            silenced: silence.map(ShownSilence::new),
        }
    }
}

impl<'a> ShownSilence<'a> {
    pub(crate) fn new(silence: &'a Silence) -> ShownSilence<'a> {
        let id = match silence.subject {
            Some(subject) => AlarmId { rule: silence.rule, subject }.to_string(),
            None => silence.rule.info().name.to_owned(),
        };
        ShownSilence { id, reason: &silence.reason, until_ms: silence.until.0 }
    }
}

impl ShownRule {
    pub(crate) fn new(info: &RuleInfo, thresholds: &Thresholds) -> ShownRule {
        let RuleInfo { rule, name, unit, hold_ms, doc, advice } = *info;
        ShownRule { name, threshold: thresholds.of(rule), unit, hold_ms, doc, advice }
    }
}

/// A notice as a document.
#[derive(Serialize)]
struct ShownNotice<'a> {
    event: &'static str,
    id: String,
    rule: &'static str,
    #[serde(flatten)]
    subject: ShownSubject<'a>,
    at_ms: i64,
    since_ms: i64,
    value: f64,
    threshold: f64,
    unit: &'static str,
    summary: String,
    advice: &'static str,
}

impl Notice {
    /// The word for what happened.
    #[must_use]
    pub fn event(&self) -> &'static str {
        match self.kind {
            NoticeKind::Raised => "raised",
            NoticeKind::Resolved => "resolved",
            NoticeKind::Test => "test",
        }
    }

    /// What it is about, in a sentence.
    #[must_use]
    pub fn summary(&self) -> String {
        match self.kind {
            NoticeKind::Test => "This is a test: nothing is wrong.".to_owned(),
            NoticeKind::Raised => summary(self.id.rule.info(), &self.subject, self.value),
            NoticeKind::Resolved => {
                format!("Over: {}", summary(self.id.rule.info(), &self.subject, self.value))
            }
        }
    }

    /// As JSON, for webhooks and streams.
    #[must_use]
    pub fn json(&self) -> Vec<u8> {
        let info = self.id.rule.info();
        let shown = ShownNotice {
            event: self.event(),
            id: self.id.to_string(),
            rule: info.name,
            subject: (&self.subject).into(),
            at_ms: self.at.0,
            since_ms: self.since.0,
            value: rounded(self.value),
            threshold: self.threshold,
            unit: info.unit,
            summary: self.summary(),
            advice: info.advice,
        };
        serde_json::to_vec(&shown).expect("texts and numbers")
    }
}

/// A value with as many digits as mean something.
fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

fn summary(info: &RuleInfo, subject: &Subject, value: f64) -> String {
    let doc = info.doc.trim_end_matches('.');
    format!("{doc}: {subject}, {} {}.", rounded(value), info.unit)
}
