//! How notices leave: into the log, into a stream, to a webhook.
//!
//! Apart because each way may fail by itself, and none may keep the others waiting.

use super::webhook::{Webhook, WebhookOptions};
use crate::outbound::Client;
use crate::wiring::errand;
use millstream_console::alarms::{Notice, NoticeKind};
use millstream_core::catalog::StreamConfig;
use millstream_core::log::AppendBatch;
use millstream_core::request::CreateStream;
use millstream_core::{Reply, Request};
use millstream_front::{Action, Authorizer, Backend, Principal, Resource};
use millstream_types::batch::{BatchBuilder, Compression};
use millstream_types::{ErrorKind, LogId, Namespace, RecordTime, StreamUid};
use parking_lot::Mutex;
use std::io;
use std::sync::Arc;

/// How notices leave: the log, and whatever else is set.
#[derive(Default)]
pub(crate) struct Ways(Mutex<Others>);

#[derive(Default)]
struct Others {
    /// A stream of the default namespace.
    stream: Option<String>,
    webhook: Option<Webhook>,
}

impl Ways {
    /// Notices leave by these from now on. What waits for a webhook goes to the new one, and is given up if there is none.
    ///
    /// # Errors
    /// When the machine has no thread for a webhook; nothing has changed then.
    pub(crate) fn set(
        &self,
        stream: Option<String>,
        webhook: Option<WebhookOptions>,
        client: &Client,
        backend: &Arc<dyn Backend>,
    ) -> io::Result<()> {
        let mut others = self.0.lock();
        match (&others.webhook, webhook) {
            (Some(webhook), Some(options)) => webhook.redirect(options),
            (None, Some(options)) => {
                others.webhook = Some(Webhook::begin(options, client.clone(), backend.clone())?);
            }
            (_, None) => others.webhook = None,
        }
        others.stream = stream;
        Ok(())
    }

    /// The ways by name.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        let others = self.0.lock();
        let stream = others.stream.is_some().then_some("stream");
        let webhook = others.webhook.is_some().then_some("webhook");
        ["log"].into_iter().chain(stream).chain(webhook).collect()
    }

    /// Sends notices every way.
    pub(crate) fn send(&self, backend: &Arc<dyn Backend>, authorizer: &Authorizer, notices: Vec<Notice>) {
        let stream = {
            let others = self.0.lock();
            for notice in &notices {
                log(notice);
                if let Some(webhook) = &others.webhook {
                    webhook.send(notice.json());
                }
            }
            others.stream.clone().filter(|_| !notices.is_empty())
        };
        if let Some(name) = stream.as_deref()
            && let Err(why) = append(backend, authorizer, name, &notices)
        {
            tracing::warn!(stream = name, ?why, "notices of alarms could not be appended to their stream");
        }
    }
}

/// Writes a notice into the log. Whoever looks after the broker has to act on one that is raised.
fn log(notice: &Notice) {
    let (alarm, summary, since_ms) = (notice.id.to_string(), notice.summary(), notice.since.0);
    let advice = notice.id.rule.info().advice;
    match notice.kind {
        NoticeKind::Raised => tracing::warn!(alarm, since_ms, advice, "alarm raised: {summary}"),
        NoticeKind::Resolved => tracing::info!(alarm, since_ms, "alarm resolved: {summary}"),
        NoticeKind::Test => tracing::info!("alarm test: {summary}"),
    }
}

/// Appends notices to a stream, which is made if it is not there: a record each, with the alarm's id as its key.
fn append(
    backend: &Arc<dyn Backend>,
    authorizer: &Authorizer,
    name: &str,
    notices: &[Notice],
) -> Result<(), ErrorKind> {
    let principal = Principal::local();
    let allow = |action| {
        authorizer.authorize(&principal, action, Resource::Stream(name)).map_err(|_| ErrorKind::Denied)
    };
    let ask = |request| {
        errand::ask(backend, vec![request]).pop().unwrap_or(Reply::Refused(ErrorKind::Indeterminate))
    };
    let entry = match backend.stream(Namespace::DEFAULT, name) {
        Some(entry) => entry,
        None => {
            let create = CreateStream {
                namespace: Namespace::DEFAULT,
                name: name.into(),
                uid: StreamUid(backend.random()),
                logs: 1,
                config: StreamConfig::default(),
            };
            match ask(allow(Action::Create)?.request(Request::CreateStream(Box::new(create)))) {
                Reply::Stream(entry) => entry,
                Reply::Refused(kind) => return Err(kind),
                _ => return Err(ErrorKind::Indeterminate),
            }
        }
    };
    let mut builder = BatchBuilder::default();
    for notice in notices {
        let (key, value) = (notice.id.to_string(), notice.json());
        builder
            .push(RecordTime(notice.at.0), Some(key.as_bytes()), Some(&value), &[])
            .map_err(|error| error.kind())?;
    }
    let records = builder.record_count();
    let batch = AppendBatch {
        log: LogId { stream: entry.id, index: 0 },
        records,
        last_offset_delta: records - 1,
        max_timestamp: RecordTime(notices.iter().map(|notice| notice.at.0).max().unwrap_or(0)),
        producer: None,
        marks: Vec::new(),
        bytes: builder.finish(Compression::None).map_err(|error| error.kind())?,
    };
    match ask(allow(Action::Write)?.request(Request::Append(vec![batch]))) {
        Reply::Appended(results) => results.into_iter().try_for_each(|result| result.map(drop)),
        Reply::Refused(kind) => Err(kind),
        _ => Err(ErrorKind::Indeterminate),
    }
}
