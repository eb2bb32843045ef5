//! One turn of the shard: admit, apply, push frames, route replies. A value without threads.
//!
//! Apart so that the shard's thread and a simulator run the same steps. Nothing here waits; what cannot go on now
//! says so in [`Pause`].

use crate::gate::{Addressed, ReplySink, Waiting};
use crate::options::{IMAGE_BYTES_PER_TURN, REQUESTS_PER_TURN};
use crate::queue::Submission;
use crate::room::EphemeralMemory;
use millstream_core::{
    Effects, EphemeralChange, Reply, Request, Shard, Ticket, Turn, ViewChange, shard::ImageKey,
};
use millstream_storage::{Admit, Assembler, EphemeralLogs, Frame, Publish, Purpose, frame_bytes};
use millstream_types::{Chain, EngineTime, ErrorKind, Offset, WalPosition};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// Why a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pause {
    /// Everything that was taken is applied.
    Drained,
    /// There is more, but the lane should get its chance first.
    Enough,
    /// The next request waits for the lane to write what is assembled, or for the keeper to prepare a file.
    NoRoom,
}

/// The shard with what belongs to its turns.
pub(crate) struct Turns {
    shard: Shard,
    effects: Effects,
    /// Logs that are in memory only.
    ephemeral: EphemeralLogs,
    /// Something came into them since this was last asked for.
    has_held: bool,
    next_ticket: u64,
    /// Requests whose reply comes in a later turn.
    parked: HashMap<Ticket, Caller>,
    /// The walk of the checkpoint that is being written.
    walk: Option<ImageKey>,
    /// An append was refused because ephemeral logs hold too much: it may be taken once they hold no more than this.
    relieved_at: Option<u64>,
}

struct Caller {
    sink: Arc<dyn ReplySink>,
    tag: u64,
}

impl Turns {
    pub(crate) fn new(shard: Shard, ephemeral: EphemeralLogs) -> Turns {
        let (effects, parked) = (Effects::default(), HashMap::new());
        Turns {
            shard,
            effects,
            ephemeral,
            has_held: false,
            next_ticket: 0,
            parked,
            walk: None,
            relieved_at: None,
        }
    }

    /// Whether anything came into ephemeral logs since the last call.
    pub(crate) fn take_has_held(&mut self) -> bool {
        std::mem::take(&mut self.has_held)
    }

    /// What ephemeral logs hold now.
    pub(crate) fn memory(&mut self) -> EphemeralMemory {
        let (bytes, bytes_max) = (self.shard.ephemeral_bytes(), self.shard.ephemeral_bytes_max());
        self.relieved_at = self.relieved_at.filter(|at| bytes > *at);
        EphemeralMemory { bytes, bytes_max, is_full: self.relieved_at.is_some() }
    }

    /// When [`Turns::tick`] has something to do next.
    pub(crate) fn next_deadline(&self) -> Option<EngineTime> {
        if self.ephemeral.has_swept() { self.shard.next_deadline() } else { Some(EngineTime(i64::MIN)) }
    }

    /// Applies waiting requests, in order.
    pub(crate) fn apply(
        &mut self,
        now: EngineTime,
        queue: &mut VecDeque<Submission>,
        assembler: &mut Assembler,
        released: &mut Vec<(WalPosition, Waiting)>,
    ) -> Pause {
        for _ in 0..REQUESTS_PER_TURN {
            let Some(next) = queue.front() else { return Pause::Drained };
            let is_ephemeral = next.request.is_ephemeral();
            // What makes no frame needs no room for one.
            let admitted = if is_ephemeral { Admit::Yes } else { admit(&next.request, assembler) };
            if admitted == Admit::Wait {
                return Pause::NoRoom;
            }
            let Some(Submission { sink, tag, request, chain }) = queue.pop_front() else {
                return Pause::Drained;
            };
            // What follows one that was refused would otherwise be stored before it.
            let is_cut_off = chain.as_ref().is_some_and(Chain::is_broken);
            if admitted == Admit::Full || is_cut_off {
                if let Some(chain) = chain {
                    chain.break_off();
                }
                let reply = Reply::Refused(ErrorKind::StorageFull);
                released.push((WalPosition::ZERO, Waiting::Reply(Addressed { sink, tag, reply })));
                continue;
            }
            let ticket = Ticket(self.next_ticket);
            self.next_ticket += 1;
            let turn = Turn { now, position: assembler.next_position() };
            self.shard.apply(turn, ticket, request, &mut self.effects);
            let replies = &self.effects.replies;
            if replies.iter().any(|reply| reply.ticket == ticket && lacks_memory(&reply.reply)) {
                // As with the disk: what follows must not be stored before it.
                chain.iter().for_each(Chain::break_off);
                let (bytes, bytes_max) = (self.shard.ephemeral_bytes(), self.shard.ephemeral_bytes_max());
                self.relieved_at = Some((bytes_max - bytes_max / 8).min(bytes.saturating_sub(1)));
            }
            assert!(!is_ephemeral || !self.effects.has_frame(), "what is not admitted makes no frame");
            self.carry_out(now, Some((ticket, Caller { sink, tag })), assembler, released);
        }
        if queue.is_empty() { Pause::Drained } else { Pause::Enough }
    }

    /// Does what has become due.
    pub(crate) fn tick(
        &mut self,
        now: EngineTime,
        assembler: &mut Assembler,
        released: &mut Vec<(WalPosition, Waiting)>,
    ) -> Pause {
        self.ephemeral.sweep();
        if self.next_deadline().is_none_or(|due| due > now) {
            return Pause::Drained;
        }
        let bytes = frame_bytes(self.shard.tick_entries_bytes(now), 0, 0);
        if assembler.admit(bytes, Purpose::Relief) != Admit::Yes {
            return Pause::NoRoom;
        }
        let turn = Turn { now, position: assembler.next_position() };
        self.shard.tick(turn, &mut self.effects);
        self.carry_out(now, None, assembler, released);
        Pause::Enough
    }

    /// Begins the walk over all images; the checkpoint's position is that of the next frame.
    pub(crate) fn begin_checkpoint(&mut self, assembler: &Assembler) -> WalPosition {
        assert!(self.walk.is_none(), "one checkpoint at a time");
        self.walk = Some(ImageKey::Counters);
        assembler.next_position()
    }

    /// Goes on with the walk. Returns the chunks with their stamp, and whether the walk has ended.
    pub(crate) fn walk(&mut self, assembler: &Assembler) -> Option<(WalPosition, Vec<Vec<u8>>, bool)> {
        let key = self.walk.take()?;
        let mut chunks = Vec::new();
        self.walk = self.shard.images(key, IMAGE_BYTES_PER_TURN, &mut chunks);
        Some((assembler.next_position(), chunks, self.walk.is_none()))
    }

    /// Ends the walk without its checkpoint.
    pub(crate) fn give_up_walk(&mut self) {
        self.walk = None;
    }

    /// Every image at once.
    pub(crate) fn images(&self) -> Vec<Vec<u8>> {
        let mut images = Vec::new();
        let end = self.shard.images(ImageKey::Counters, usize::MAX, &mut images);
        assert!(end.is_none(), "a walk without a budget ends");
        images
    }

    /// Requests that wait for a later turn, refused: the broker stops.
    pub(crate) fn refuse_parked(&mut self) -> impl Iterator<Item = Addressed> {
        let refuse = |Caller { sink, tag }| {
            let reply = Reply::Refused(ErrorKind::ShuttingDown);
            Addressed { sink, tag, reply }
        };
        std::mem::take(&mut self.parked).into_values().map(refuse)
    }

    fn carry_out(
        &mut self,
        now: EngineTime,
        caller: Option<(Ticket, Caller)>,
        assembler: &mut Assembler,
        released: &mut Vec<(WalPosition, Waiting)>,
    ) {
        let effects = &mut self.effects;
        if effects.has_frame() {
            let publish: Vec<Publish> = effects.views.drain(..).map(publish).collect();
            assembler.push(Frame {
                time: now,
                entries: &effects.entries,
                batches: &effects.batches,
                publish: &publish,
            });
        }
        assert!(effects.views.is_empty(), "what readers see of logs on the disk comes from a frame");
        for change in effects.ephemeral.drain(..) {
            self.has_held |= matches!(change, EphemeralChange::Append { .. });
            hold(&mut self.ephemeral, change, released);
        }
        let catalog = effects.catalog.drain(..);
        released.extend(catalog.map(|effect| (effect.after, Waiting::Catalog(effect.change))));
        let mut caller = caller;
        for reply in effects.replies.drain(..) {
            let to = match &caller {
                Some((ticket, _)) if *ticket == reply.ticket => caller.take().map(|(_, caller)| caller),
                _ => self.parked.remove(&reply.ticket),
            };
            let Caller { sink, tag } = to.expect("every ticket is answered once");
            let after = reply.after.unwrap_or(WalPosition::ZERO);
            released.push((after, Waiting::Reply(Addressed { sink, tag, reply: reply.reply })));
        }
        if let Some((ticket, caller)) = caller {
            self.parked.insert(ticket, caller);
        }
        effects.clear();
    }
}

/// Whether ephemeral logs hold too much for something that was asked for.
fn lacks_memory(reply: &Reply) -> bool {
    match reply {
        Reply::Appended(results) => results.contains(&Err(ErrorKind::Overloaded)),
        Reply::Refused(kind) => *kind == ErrorKind::Overloaded,
        _ => false,
    }
}

/// Refused before anything is decided, or decided with room for all of it (R12).
fn admit(request: &Request, assembler: &mut Assembler) -> Admit {
    let size = request.frame_size_max();
    let bytes = frame_bytes(size.entries_bytes, size.batches, size.batches_bytes as u64);
    let purpose = if size.frees_space { Purpose::Relief } else { Purpose::Append };
    assembler.admit(bytes, purpose)
}

/// Changes what is in memory, now; what is added to it is shown when its time has come.
fn hold(logs: &mut EphemeralLogs, change: EphemeralChange, waiting: &mut Vec<(WalPosition, Waiting)>) {
    match change {
        EphemeralChange::Create { log } => logs.create(log),
        EphemeralChange::Append { facts, bytes, after } => {
            let view = logs.append(&facts, &bytes);
            waiting.push((after, Waiting::Show(view, facts.next_offset())));
        }
        EphemeralChange::Forget { log, base } => logs.forget(log, base),
        EphemeralChange::Trim { log, start } => {
            // Who watches is told of it as of what is shown.
            let view = logs.trim(log, start);
            waiting.extend(view.map(|view| (WalPosition::ZERO, Waiting::Show(view, start))));
        }
        EphemeralChange::Delete { stream, logs: count } => logs.delete(stream, count),
    }
}

/// What the read views are told of a change.
fn publish(change: ViewChange) -> Publish {
    match change {
        ViewChange::Create { log } => Publish::Create { log, start: Offset::ZERO },
        ViewChange::Trim { log, start } => Publish::Trim { log, start },
        ViewChange::Pack { object, part } => Publish::Pack { object, part },
        ViewChange::Delete { stream, logs } => Publish::DeleteStream { stream, logs },
    }
}
