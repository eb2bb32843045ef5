//! basic.consume of a queue of type `stream`: a reader of its own, which takes nothing out.
//!
//! Apart because nothing of a lease is in it: where to begin and what to see are the client's to say, with the arguments
//! `x-stream-offset`, `x-stream-filter` and `x-stream-match-unfiltered`, and the prefetch count is its only limit.

use super::queues::source;
use crate::codec::{Method, Table};
use crate::errors::Fault;
use crate::presence::ConsumerPresence;
use crate::session::{Connection, Reader};
use crate::shared::InExclusiveUse;
use crate::step::Step;
use crate::translate::{STREAM_LOG, StreamFilter, StreamStart};
use millstream_core::catalog::StreamEntry;
use millstream_types::{LogId, RecordTime};
use std::sync::Arc;

/// Begins to read for a consumer.
pub(super) fn consume(
    cx: &mut Connection,
    number: u16,
    tag: Arc<str>,
    entry: Arc<StreamEntry>,
    (no_ack, nowait): (bool, bool),
    arguments: Table<'_>,
) -> Result<Step, Fault> {
    let name = entry.name.clone();
    let at = format!("queue '{name}' in vhost '{}'", cx.vhost);
    let prefetch = cx.channel(number).prefetch;
    if prefetch == 0 {
        return Err(Fault::precondition(format!("consumer prefetch count is not set for stream {at}")));
    }
    if no_ack {
        let text = format!("automatic acknowledgement not supported by stream {at}");
        return Err(Fault::not_implemented(text));
    }
    let invalid = |argument: &str, why: String| {
        Fault::precondition(format!("invalid arg '{argument}' for {at}: {why}"))
    };
    let start = StreamStart::read(arguments, RecordTime(cx.now.0));
    let start = start.map_err(|why| invalid("x-stream-offset", why))?;
    let filter = StreamFilter::read(arguments).map_err(|why| invalid("x-stream-filter", why))?;
    let source = source(cx, entry)?;
    let log = cx.backend.log(LogId { stream: source.entry.id, index: STREAM_LOG });
    let log = log.ok_or_else(|| Fault::no_queue(&name, &cx.vhost))?;
    // Nobody is alone with a stream, so nobody is in the way.
    if let Err(InExclusiveUse) = cx.shared.add_consumer(source.entry.id, false) {
        return Err(Fault::in_exclusive_use(&name, &cx.vhost));
    }
    let id = cx.holder();
    let reader = Reader::new((number, tag.clone()), source, prefetch, (start, filter), &*log);
    cx.readers.insert(id, reader);
    cx.channel(number).consumers.insert(tag.clone(), id);
    let shown = ConsumerPresence { queue: name, no_ack, exclusive: false, prefetch, priority: 0 };
    cx.show_consumer(number, &tag, shown);
    if !nowait {
        cx.send(number, &Method::BasicConsumeOk { consumer_tag: &tag });
    }
    cx.feed(id);
    Ok(Step::Done)
}
