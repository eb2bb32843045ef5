//! Shows a durable group in the read views, and keeps the newest batches in memory within one budget.
//!
//! Apart because it runs on the writer's thread for every batch: one look-up by number, one short lock.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use millstream_types::{BatchFacts, LogId};

use super::index::TailBatch;
use super::{LogView, Views};
use crate::frame::PATCHED_BYTES;
use crate::lane::{Body, Group, Op};
use crate::publish::Publish;

/// What a batch in memory costs beside its bytes: its entry here, in the log's tail, and its share of the frame
/// header that stays in the arena with it.
const OVERHEAD_BYTES: u64 = 256;

/// The writer's side of the views.
pub(crate) struct Publisher {
    views: Arc<Views>,
    /// Batches in memory, oldest first; the ticket of the first is `first_ticket`.
    kept: VecDeque<(Arc<LogView>, u64)>,
    first_ticket: u64,
    kept_bytes: u64,
    kept_bytes_max: u64,
    /// The log of the last batch: the next one is often the same.
    last: Option<Arc<LogView>>,
}

impl Publisher {
    pub(crate) fn new(views: Arc<Views>, kept_bytes_max: u64) -> Publisher {
        Publisher { views, kept: VecDeque::new(), first_ticket: 0, kept_bytes: 0, kept_bytes_max, last: None }
    }

    /// Shows everything of a group, then wakes who waits for any of it.
    pub(crate) fn publish(&mut self, group: Group) {
        let Group { parts, ops, arena, heads, .. } = group;
        // Readers keep what they are shown: room that a group did not need would count for nothing and cost memory.
        let arena =
            if arena.capacity() / 2 > arena.len() { Bytes::copy_from_slice(&arena) } else { arena.freeze() };
        let heads = heads.freeze();
        let mut watched: Vec<Arc<LogView>> = Vec::new();
        let mut at = None;
        let mut rest_of_last = Bytes::new();
        for op in ops {
            match op {
                Op::Frame { part, start, end } => at = Some((&parts[part].file, start, end)),
                Op::Batch { facts, body } => {
                    let (file, start, end) = at.expect("a batch follows its frame");
                    let (head, rest) = match body {
                        Body::Arena(range) => {
                            let whole = arena.slice(range);
                            rest_of_last = whole.slice(PATCHED_BYTES..);
                            (Bytes::new(), whole)
                        }
                        Body::Split { head, rest } => {
                            rest_of_last = rest.clone();
                            (arena.slice(head..head + PATCHED_BYTES), rest)
                        }
                        Body::Shared { head } => {
                            (heads.slice(head..head + PATCHED_BYTES), rest_of_last.clone())
                        }
                    };
                    let view = self.view(facts.log);
                    let kept = self.keep(&view, &facts, head, rest);
                    view.append(&facts, file, start, end, kept);
                    remember(&mut watched, &view);
                }
                Op::Publish(change) => self.change(change, &mut watched),
            }
        }
        self.evict();
        for view in watched {
            view.wake();
        }
    }

    fn view(&mut self, log: LogId) -> Arc<LogView> {
        if let Some(view) = &self.last
            && view.log() == log
        {
            return Arc::clone(view);
        }
        let view = self.views.get(log).expect("the shard appends only to logs it has created");
        self.last = Some(Arc::clone(&view));
        view
    }

    fn change(&mut self, change: Publish, watched: &mut Vec<Arc<LogView>>) {
        match change {
            Publish::Create { log, start } => {
                self.views.create(log, start);
            }
            Publish::Trim { log, start } => {
                let view = self.view(log);
                view.trim(start);
                remember(watched, &view);
            }
            Publish::LastStable { log, offset } => {
                let view = self.view(log);
                view.set_last_stable(offset);
                remember(watched, &view);
            }
            Publish::Pack { object, part } => {
                // The log may have been deleted since the object was written: its other parts count.
                if let Some(view) = self.views.get(part.log) {
                    let object = self.views.objects().get(object);
                    view.pack(&object.expect("an object is registered before it is committed"), &part);
                }
            }
            Publish::Delete { log } => {
                self.last = None;
                self.views.remove(log);
            }
            Publish::DeleteStream { stream, logs } => {
                self.last = None;
                self.views.remove_stream(stream, logs);
            }
        }
    }

    fn keep(&mut self, view: &Arc<LogView>, facts: &BatchFacts, head: Bytes, rest: Bytes) -> TailBatch {
        let cost = (head.remaining() + rest.remaining()) as u64 + OVERHEAD_BYTES;
        let ticket = self.first_ticket + self.kept.len() as u64;
        self.kept.push_back((Arc::clone(view), cost));
        self.kept_bytes += cost;
        TailBatch {
            ticket,
            base: facts.base_offset,
            last: facts.last_offset(),
            max_timestamp: facts.max_timestamp,
            head,
            rest,
        }
    }

    fn evict(&mut self) {
        while self.kept_bytes > self.kept_bytes_max {
            let Some((view, cost)) = self.kept.pop_front() else { break };
            view.evict(self.first_ticket);
            self.first_ticket += 1;
            self.kept_bytes -= cost;
        }
    }
}

fn remember(watched: &mut Vec<Arc<LogView>>, view: &Arc<LogView>) {
    if view.is_watched() && !watched.iter().any(|known| Arc::ptr_eq(known, view)) {
        watched.push(Arc::clone(view));
    }
}
