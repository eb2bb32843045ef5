//! Moves, as the engine's mover makes them but without any of its care: one record after the other, whole or not at all.
//!
//! Apart because a front sees dead letters and redrives only when somebody has carried them out.

use super::TestBroker;
use millstream_core::catalog::{DeadLetterRoute, StreamEntry};
use millstream_core::lease::{
    FinishMove, LeaseReply, LeaseRequest, Move, MoveOutcome, MoveReason, MoveTarget,
};
use millstream_core::log::AppendBatch;
use millstream_core::route::{Lookup, NoHeaders, RoutedRecord, resolve};
use millstream_core::{Reply, Request};
use millstream_front::backend::Blocking;
use millstream_front::dead_letters::Ways;
use millstream_front::{Backend, ReadOutcome};
use millstream_types::batch::{self, BatchBuilder, Compression, OpenLimits, Record};
use millstream_types::dead_letter::{self, DeadLetter, DeathReason};
use millstream_types::routed::{self, Routed};
use millstream_types::{LogId, Namespace};
use std::sync::Arc;

impl TestBroker {
    /// Moves every record of the default namespace that is to be moved by now; returns how many arrived. What has nowhere
    /// to go comes back.
    ///
    /// # Panics
    /// When the shard does not answer as it should.
    pub fn carry_out_moves(&self) -> usize {
        let mut arrived = 0;
        while let Some(moves) = self.take_moves() {
            let finishes: Vec<FinishMove> = moves
                .iter()
                .map(|of| {
                    let batches = self.batches_of(of);
                    arrived += batches.as_ref().map_or(0, Vec::len);
                    let outcome = batches.map_or(MoveOutcome::Return, MoveOutcome::Append);
                    FinishMove { group: of.group, record: of.record, outcome }
                })
                .collect();
            let count = finishes.len();
            let reply = self.ask(Request::Lease(Box::new(LeaseRequest::FinishMoves(finishes))));
            let Some(Reply::Lease(reply)) = reply else { panic!("{reply:?} ends no moves") };
            assert_eq!(*reply, LeaseReply::Moved(vec![Ok(true); count]), "every move ends");
        }
        arrived
    }

    /// The moves that have become due since the last time; who asks for them stays the same until some come.
    fn take_moves(&self) -> Option<Vec<Move>> {
        let mut asked = self.moves.lock();
        let inbox =
            asked.take().unwrap_or_else(|| self.start(Request::Lease(Box::new(LeaseRequest::TakeMoves))));
        match inbox.take().pop() {
            None => {
                *asked = Some(inbox);
                None
            }
            Some((_, Reply::Lease(reply))) => match *reply {
                LeaseReply::Moves(moves) => Some(moves),
                reply => panic!("{reply:?} is no moves"),
            },
            Some((_, reply)) => panic!("{reply:?} is no moves"),
        }
    }

    /// A batch for each stream that the record goes to; none if its way leads nowhere.
    fn batches_of(&self, of: &Move) -> Option<Vec<AppendBatch>> {
        let streams = self.streams(Namespace::DEFAULT);
        let source = streams.iter().find(|entry| entry.id == of.group.stream)?;
        let named = |name: &str| streams.iter().find(|entry| *entry.name == *name);
        let record = self.record(of.group.log(of.record.log), of)?;
        let target = match of.target {
            MoveTarget::DeadLetter if source.config.lease().dead_letter_route().is_some() => {
                let DeadLetterRoute { route, key } = source.config.lease().dead_letter_route()?;
                let routed = Routed::parse(record.headers());
                let key = key.clone().or(routed.map(|routed| routed.key)).unwrap_or(source.name[..].into());
                let targets = if route.is_empty() {
                    named(&key).into_iter().cloned().collect()
                } else {
                    let route = self.route(Namespace::DEFAULT, route)?;
                    let record = RoutedRecord { key: key.as_bytes(), headers: &NoHeaders, random: 0 };
                    resolve(self, &route, &record).expect("few streams").streams
                };
                let way = Routed { by: route.clone(), key };
                let batch = |target| self.append_to(target, source, of, &record, Some(&way));
                return Some(targets.iter().map(batch).collect());
            }
            MoveTarget::DeadLetter => named(source.config.lease().dead_letter()?)?,
            MoveTarget::Stream(id) => streams.iter().find(|entry| entry.id == id)?,
            MoveTarget::Source => {
                let from = named(&DeadLetter::parse(record.headers())?.source)?;
                Some(from).filter(|from| Ways::new(self).lead(from, source))?
            }
        };
        let way = Routed { by: "".into(), key: target.name[..].into() };
        let was_routed = reason(of.reason).and_then(|_| Routed::parse(record.headers()));
        Some(vec![self.append_to(target, source, of, &record, was_routed.map(|_| &way))])
    }

    fn record(&self, log: LogId, of: &Move) -> Option<Record> {
        let ReadOutcome::Data(slice) = self.log(log)?.read(of.record.offset, 1, Blocking::Allowed).ok()?
        else {
            return None;
        };
        let bytes = slice.chunks.first()?;
        let header = batch::BatchHeader::parse(bytes).expect("what is stored is a batch");
        let first = header.base_offset().expect("what is stored has offsets");
        let mut records = batch::records(bytes, OpenLimits::default()).expect("what is stored can be opened");
        let is_it = |record: &Record| first.advance(u64::from(record.offset_delta)) == of.record.offset;
        records.find_map(|record| record.ok().filter(is_it))
    }

    fn append_to(
        &self,
        target: &Arc<StreamEntry>,
        source: &Arc<StreamEntry>,
        of: &Move,
        record: &Record,
        way: Option<&Routed>,
    ) -> AppendBatch {
        let mut history = dead_letter::history(record.headers());
        let added = match reason(of.reason) {
            None => dead_letter::history_header(&history).into_iter().collect(),
            Some(reason) => {
                history.add_routed(&source.name, reason, self.now(), Routed::parse(record.headers()));
                DeadLetter {
                    reason,
                    source: source.name[..].into(),
                    log: of.record.log,
                    offset: of.record.offset,
                    deliveries: of.delivery_count,
                    time: self.now(),
                    history,
                }
                .headers()
            }
        };
        let is_said_anew = |name: &str| {
            name.starts_with(dead_letter::PREFIX) || way.is_some() && name.starts_with(routed::PREFIX)
        };
        let own = record.headers().filter(|(name, _)| !is_said_anew(name));
        let added = added.iter().map(|(name, value)| (*name, Some(&value[..])));
        let way = way
            .into_iter()
            .flat_map(|way| [(routed::BY, Some(way.by.as_bytes())), (routed::KEY, Some(way.key.as_bytes()))]);
        let headers: Vec<(&str, Option<&[u8]>)> = own.chain(added).chain(way).collect();
        let mut builder = BatchBuilder::new();
        builder
            .push(record.timestamp, record.key.as_deref(), record.value.as_deref(), &headers)
            .expect("it was in a batch before");
        AppendBatch {
            log: LogId { stream: target.id, index: 0 },
            records: 1,
            last_offset_delta: 0,
            max_timestamp: record.timestamp,
            producer: None,
            marks: Vec::new(),
            bytes: builder.finish(Compression::None).expect("it was in a batch before"),
        }
    }
}

fn reason(reason: MoveReason) -> Option<DeathReason> {
    match reason {
        MoveReason::Rejected => Some(DeathReason::Rejected),
        MoveReason::Expired => Some(DeathReason::Expired),
        MoveReason::Limit => Some(DeathReason::Limit),
        MoveReason::Length => Some(DeathReason::Length),
        MoveReason::Redrive => None,
    }
}
