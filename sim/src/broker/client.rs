//! The clients: what they ask, and what they make of the answers.
//!
//! Apart from the world because none of this knows of disks and crashes: a request goes out with what it may do noted
//! down ([`Known`]), and an answer turns *may* into *is*. A little long, because each request stands beside what its
//! answer means.

use std::sync::Arc;

use anyhow::{Result, bail, ensure};
use bytes::Bytes;
use millstream_core::cursor::{
    CommitOffsets, Generation, GroupId, GroupReply, GroupRequest, Heartbeat, JoinGroup, LeaveGroup,
    LeavingMember, OfferedProtocol, OffsetToCommit, Subscription, SyncGroup,
};
use millstream_core::log::{AppendBatch, ProducerStamp};
use millstream_core::request::{CreateStream, Trim};
use millstream_core::{Reply, Request};
use millstream_testkit::sim_disk::Rng;
use millstream_types::{
    EngineTime, ErrorKind, LogId, Namespace, Offset, ProducerEpoch, ProducerId, RecordTime, StreamId,
    StreamUid,
};

use crate::broker::batch::{self, Shape};
use crate::broker::known::{Existence, Fate, Known, KnownMember, KnownStream, Sent};
use crate::broker::rules;

/// Names of streams: few, so that names are used again.
const NAMES: u64 = 5;
/// Groups whose offsets are committed from outside.
const SIMPLE_GROUPS: u64 = 2;
/// Groups with a member.
pub(crate) const TEAMS: usize = 2;
/// Batches of one producer in flight: brokers remember five.
const IN_FLIGHT_MAX: usize = 3;

/// A batch in a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batch {
    pub(crate) log: LogId,
    pub(crate) number: u64,
    pub(crate) kind: Kind,
}

/// Why a batch is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    First,
    /// Nobody knows whether it was stored.
    Again,
    /// It was stored: the broker must say so.
    Probe,
}

/// What a request was.
#[derive(Clone, Debug)]
pub(crate) enum What {
    Create(u128),
    Delete(u128),
    AddLogs(u128, u32),
    Append(Vec<Batch>),
    Trim(LogId),
    Allocate,
    Commit {
        group: usize,
        log: LogId,
        offset: u64,
        by_member: bool,
    },
    Fetch {
        group: usize,
        logs: Vec<LogId>,
    },
    Join(usize),
    Sync(usize, String, i32),
    Leave(usize),
    Heartbeat,
    /// Not a client's: the upkeep asks, and hears the answer itself.
    Upkeep,
}

/// The clients.
pub(crate) struct Clients {
    pub(crate) known: Known,
    /// Membership is part of the run: it needs large files.
    pub(crate) teams: bool,
    /// Time has made leaps: members may be given up at any moment.
    has_leapt: bool,
    pub(crate) batch_bytes_max: u64,
    /// Some streams have a retention of their own, or are compacted.
    expires: bool,
    /// What the clients' clocks say.
    pub(crate) now: EngineTime,
    next_number: u64,
    next_offset: u64,
}

fn group_id(group: usize) -> GroupId {
    GroupId { namespace: Namespace::DEFAULT, name: format!("group-{group}").into() }
}

impl Clients {
    pub(crate) fn new(teams: bool, batch_bytes_max: u64, expires: bool, now: EngineTime) -> Clients {
        let members = vec![KnownMember::default(); TEAMS];
        let known = Known { members, ..Known::default() };
        Clients {
            known,
            teams,
            has_leapt: false,
            batch_bytes_max,
            expires,
            now,
            next_number: 1,
            next_offset: 1,
        }
    }

    /// The next request; `None` when there is nothing sensible to ask.
    pub(crate) fn ask(&mut self, rng: &mut Rng) -> Option<(What, Request)> {
        let teams = self.teams;
        match rng.below(if teams { 30 } else { 24 }) {
            0..=1 => self.create(rng),
            2 => self.delete(rng),
            3 if teams => self.add_logs(rng),
            3..=15 => self.append(rng),
            16..=18 => self.trim(rng),
            19 => Some((What::Allocate, Request::AllocateProducer)),
            20..=22 => {
                let group = rng.below(SIMPLE_GROUPS) as usize;
                let log = self.any_log(rng)?;
                Some(self.commit(group, log, None))
            }
            23 => {
                let log = self.any_log(rng)?;
                Some(self.fetch(rng.below(SIMPLE_GROUPS) as usize, vec![log]))
            }
            _ => self.team(rng),
        }
    }

    fn any_stream(&self, rng: &mut Rng) -> Option<(u128, StreamId)> {
        let there = |stream: &KnownStream| matches!(stream.existence, Existence::Exists);
        let all: Vec<_> = self.known.streams.iter().filter(|(_, stream)| there(stream)).collect();
        let (uid, stream) = all.get(rng.below(all.len() as u64) as usize)?;
        Some((**uid, stream.id?))
    }

    pub(crate) fn any_log(&self, rng: &mut Rng) -> Option<LogId> {
        let (uid, stream) = self.any_stream(rng)?;
        Some(LogId { stream, index: rng.below(u64::from(self.known.streams[&uid].logs_min)) as u32 })
    }

    fn create(&mut self, rng: &mut Rng) -> Option<(What, Request)> {
        let uid = u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64());
        let name = format!("s-{}", rng.below(NAMES));
        let logs = 1 + rng.below(3) as u32;
        let existence = Existence::MayHaveBegun;
        let (rules, config) = if self.expires { rules::draw(rng) } else { Default::default() };
        let stream =
            KnownStream { name: name.clone(), id: None, existence, rules, logs_min: logs, logs_max: logs };
        self.known.streams.insert(uid, stream);
        let create = CreateStream {
            namespace: Namespace::DEFAULT,
            name: name.into(),
            uid: StreamUid(uid),
            logs,
            config,
        };
        Some((What::Create(uid), Request::CreateStream(Box::new(create))))
    }

    fn delete(&mut self, rng: &mut Rng) -> Option<(What, Request)> {
        let (uid, stream) = self.any_stream(rng)?;
        self.known.streams.get_mut(&uid)?.existence = Existence::MayHaveEnded;
        Some((What::Delete(uid), Request::DeleteStream { stream }))
    }

    fn add_logs(&mut self, rng: &mut Rng) -> Option<(What, Request)> {
        let (uid, stream) = self.any_stream(rng)?;
        let known = self.known.streams.get_mut(&uid)?;
        let logs = known.logs_max + 1;
        known.logs_max = logs;
        Some((What::AddLogs(uid, logs), Request::AddLogs { stream, logs }))
    }

    fn append(&mut self, rng: &mut Rng) -> Option<(What, Request)> {
        let (mut batches, mut request) = (Vec::new(), Vec::new());
        // Bytes that go to several logs are stored once.
        let shares = rng.one_in(4);
        let mut shared: Option<(Bytes, u64, Shape)> = None;
        for _ in 0..1 + rng.below(3) {
            let log = self.any_log(rng)?;
            let records = 1 + rng.below(5) as u32;
            let keyed = self.known.log(log).rules.compacts;
            let (bytes, number, shape) =
                shared.take().filter(|(_, _, shape)| shape.keyed == keyed).unwrap_or_else(|| {
                    let bytes = batch::BYTES_MIN + rng.below(self.batch_bytes_max) as usize;
                    let bytes = bytes.max(batch::bytes_min(records));
                    self.next_number += 1;
                    let shape = Shape { bytes, records, time_ms: self.now.0, keyed };
                    let made = batch::make(self.next_number, &shape);
                    let shape = Shape { bytes: made.len(), ..shape };
                    (made, self.next_number, shape)
                });
            let repeats = self.known.log(log).sent.contains_key(&number);
            if repeats {
                continue;
            }
            let stamp = self.stamp(rng, log, number, shape.records);
            self.known.log(log).sent.insert(number, Sent::new(shape, stamp));
            request.push(append_batch(log, &shape, stamp, bytes.clone()));
            batches.push(Batch { log, number, kind: Kind::First });
            if shares {
                shared = Some((bytes, number, shape));
            }
        }
        (!batches.is_empty()).then_some((What::Append(batches), Request::Append(request)))
    }

    /// Often the batch is an idempotent producer's.
    fn stamp(&mut self, rng: &mut Rng, log: LogId, number: u64, records: u32) -> Option<ProducerStamp> {
        let ids = &self.known.producer_ids;
        let id = *ids.iter().rev().take(3).nth(rng.below(5) as usize)?;
        let Known { producers, logs, .. } = &mut self.known;
        let producer = producers.entry((id, log)).or_default();
        if producer.doubtful.len() >= IN_FLIGHT_MAX {
            return None;
        }
        // After a refusal the sequence goes back. While a later batch is in doubt, what was sent under it must not be
        // given to another one.
        let sent = &logs.entry(log).or_default().sent;
        let last_of = |number: &u64| Some(sent.get(number)?.stamp?.last_sequence);
        if producer.doubtful.iter().filter_map(last_of).any(|last| last >= producer.next_sequence) {
            return None;
        }
        producer.doubtful.push(number);
        let first_sequence = producer.next_sequence;
        producer.next_sequence += records;
        Some(ProducerStamp {
            id: ProducerId(id),
            epoch: ProducerEpoch(0),
            first_sequence,
            last_sequence: first_sequence + records - 1,
        })
    }

    /// A batch that was sent before, once more.
    pub(crate) fn again(&self, log: LogId, number: u64, kind: Kind) -> Option<(What, Request)> {
        let sent = self.known.logs.get(&log)?.sent.get(&number)?;
        let bytes = batch::make(number, &sent.shape);
        let request = Request::Append(vec![append_batch(log, &sent.shape, sent.stamp, bytes)]);
        Some((What::Append(vec![Batch { log, number, kind }]), request))
    }

    fn trim(&mut self, rng: &mut Rng) -> Option<(What, Request)> {
        let log = self.any_log(rng)?;
        let known = self.known.log(log);
        let end = known.sent.values().filter_map(Sent::offsets).map(|(_, end)| end).max().unwrap_or(0);
        let before = known.start_min + rng.below(end.saturating_sub(known.start_min) + 1);
        let before = (!rng.one_in(6)).then_some(before);
        Some(self.trim_to(log, before))
    }

    /// Trims a log to an offset, or wholly.
    pub(crate) fn trim_to(&mut self, log: LogId, before: Option<u64>) -> (What, Request) {
        let known = self.known.log(log);
        known.start_max = before.map_or(u64::MAX, |before| known.start_max.max(before));
        let trim = Trim { log, before: before.map(Offset) };
        (What::Trim(log), Request::TrimLogs(vec![trim]))
    }

    /// So much time has passed that members were given up and offsets that nobody renewed were forgotten.
    pub(crate) fn long_after(&mut self) {
        self.has_leapt = true;
        for member in &mut self.known.members {
            *member = KnownMember { pending: member.pending, ..KnownMember::default() };
        }
        for offset in self.known.offsets.values_mut() {
            (offset.least, offset.old) = (None, offset.most);
        }
    }

    fn commit(&mut self, group: usize, log: LogId, member: Option<(String, i32)>) -> (What, Request) {
        self.next_offset += 1;
        let offset = self.next_offset;
        self.known.offsets.entry((group, log)).or_default().most = offset;
        let by_member = member.is_some();
        let (member, generation) = member.unwrap_or((String::new(), Generation::NONE.0));
        let commit = CommitOffsets {
            group: group_id(group),
            instance: by_member.then(|| "only".into()),
            member: member.into(),
            generation: Generation(generation),
            retention_ms: None,
            offsets: vec![OffsetToCommit {
                log,
                offset: Offset(offset),
                leader_epoch: -1,
                metadata: "".into(),
            }],
        };
        let what = What::Commit { group, log, offset, by_member };
        (what, Request::Group(Box::new(GroupRequest::CommitOffsets(commit))))
    }

    pub(crate) fn fetch(&self, group: usize, logs: Vec<LogId>) -> (What, Request) {
        let request = GroupRequest::FetchOffsets { group: group_id(group), logs: Some(logs.clone()) };
        (What::Fetch { group, logs }, Request::Group(Box::new(request)))
    }

    fn team(&mut self, rng: &mut Rng) -> Option<(What, Request)> {
        let team = rng.below(TEAMS as u64) as usize;
        let group = SIMPLE_GROUPS as usize + team;
        let known = self.known.members[team].clone();
        if known.pending {
            return None;
        }
        let (what, request) = match (known.joined, known.synced) {
            (Some((member, generation)), _) => {
                self.known.members[team].joined = None;
                let sync = SyncGroup {
                    group: group_id(group),
                    member: member.as_str().into(),
                    instance: Some("only".into()),
                    generation: Generation(generation),
                    protocol_type: None,
                    protocol_name: None,
                    assignments: vec![(member.as_str().into(), Bytes::from_static(b"everything"))],
                };
                (What::Sync(team, member, generation), GroupRequest::Sync(sync))
            }
            (None, Some(synced)) => {
                if rng.below(5) > 0 {
                    let log = self.any_log(rng)?;
                    return Some(self.commit(group, log, Some(synced)));
                }
                if rng.one_in(2) {
                    return self.heartbeat(team);
                }
                self.known.members[team].synced = None;
                let member = LeavingMember { member: synced.0.into(), instance: Some("only".into()) };
                let leave = LeaveGroup { group: group_id(group), members: vec![member] };
                (What::Leave(team), GroupRequest::Leave(leave))
            }
            (None, None) => (What::Join(team), GroupRequest::Join(join(group, rng))),
        };
        self.known.members[team].pending = true;
        Some((what, Request::Group(Box::new(request))))
    }

    /// A heartbeat of a member that has synced.
    pub(crate) fn heartbeat(&self, team: usize) -> Option<(What, Request)> {
        let (member, generation) = self.known.members[team].synced.clone()?;
        let beat = Heartbeat {
            group: group_id(SIMPLE_GROUPS as usize + team),
            member: member.into(),
            instance: Some("only".into()),
            generation: Generation(generation),
        };
        Some((What::Heartbeat, Request::Group(Box::new(GroupRequest::Heartbeat(beat)))))
    }

    /// Takes an answer for what it says. Whoever calls has made sure that it stands.
    pub(crate) fn learn(&mut self, what: &What, reply: &Reply) -> Result<()> {
        if let What::Join(team) | What::Sync(team, ..) | What::Leave(team) = what {
            self.known.members[*team].pending = false;
        }
        if let Reply::Refused(kind) = reply {
            return self.learn_refusal(what, *kind);
        }
        match (what, reply) {
            (What::Create(uid), Reply::Stream(entry)) => {
                let stream = self.known.streams.get_mut(uid).expect("it was noted when it was asked for");
                ensure!(entry.uid.0 == *uid && *entry.name == *stream.name, "another stream was created");
                stream.id = Some(entry.id);
                if stream.existence == Existence::MayHaveBegun {
                    stream.existence = Existence::Exists;
                }
            }
            (What::Delete(uid), Reply::Stream(entry)) => {
                let stream = self.known.streams.get_mut(uid).expect("it was noted when it was created");
                stream.existence = Existence::Ended;
                self.known.end_stream(entry.id);
            }
            (What::AddLogs(uid, logs), Reply::Stream(entry)) => {
                ensure!(entry.logs >= *logs, "logs are missing after they were added");
                let stream = self.known.streams.get_mut(uid).expect("it was noted when it was created");
                stream.logs_min = stream.logs_min.max(*logs);
            }
            (What::Append(batches), Reply::Appended(results)) => {
                ensure!(batches.len() == results.len(), "one result per batch");
                for (batch, result) in batches.iter().zip(results) {
                    self.learn_appended(batch, result)?;
                }
            }
            (What::Trim(log), Reply::Trimmed(results)) => {
                if let (Ok(start), Some(known)) = (results[0], self.known.logs.get_mut(log)) {
                    known.start_min = known.start_min.max(start.0);
                }
            }
            (What::Allocate, Reply::Producer { id, .. }) => {
                ensure!(self.known.producer_ids.insert(id.0), "producer id {} was given out twice", id.0);
            }
            (_, Reply::Group(reply)) => return self.learn_group(what, reply),
            _ => bail!("{what:?} is answered by {reply:?}"),
        }
        Ok(())
    }

    fn learn_appended(
        &mut self,
        batch: &Batch,
        result: &std::result::Result<millstream_core::log::Appended, ErrorKind>,
    ) -> Result<()> {
        let Batch { log, number, kind } = *batch;
        match result {
            Ok(appended) => {
                let sent = self.known.logs.get(&log).and_then(|log| log.sent.get(&number));
                let was_stored = sent.is_some_and(|sent| matches!(sent.fate, Fate::Stored(_)));
                ensure!(appended.duplicate || !was_stored, "stored twice: {batch:?}, {result:?}");
                ensure!(
                    kind != Kind::First || !appended.duplicate,
                    "never sent before: {batch:?}, {result:?}"
                );
                self.known.stored(log, number, appended.base_offset.0)
            }
            Err(_) if kind == Kind::First => {
                self.known.refused(log, number);
                Ok(())
            }
            Err(ErrorKind::UnknownStream | ErrorKind::UnknownLog) => Ok(()),
            Err(error) if kind == Kind::Probe => {
                bail!("a stored batch sent again: {batch:?} is refused: {error:?}")
            }
            Err(_) => {
                self.give_up_producer(log, number);
                Ok(())
            }
        }
    }

    /// What is in doubt cannot be cleared up: the producer is not used any more.
    fn give_up_producer(&mut self, log: LogId, number: u64) {
        let sent = self.known.logs.get(&log).and_then(|log| log.sent.get(&number));
        if let Some(stamp) = sent.and_then(|sent| sent.stamp) {
            self.known.producers.insert((stamp.id.0, log), full_producer());
        }
    }

    fn learn_refusal(&mut self, what: &What, kind: ErrorKind) -> Result<()> {
        if matches!(kind, ErrorKind::Indeterminate | ErrorKind::ShuttingDown) {
            return Ok(());
        }
        match what {
            What::Create(uid) => {
                let stream = self.known.streams.get_mut(uid).expect("it was noted when it was asked for");
                stream.existence = Existence::Ended;
            }
            What::Append(batches) => {
                for Batch { log, number, kind } in batches {
                    match kind {
                        Kind::First => self.known.refused(*log, *number),
                        Kind::Again => self.give_up_producer(*log, *number),
                        Kind::Probe => {}
                    }
                }
            }
            What::Commit { by_member: true, .. } | What::Heartbeat | What::Sync(..) => {
                ensure!(
                    kind == ErrorKind::StorageFull || self.has_leapt,
                    "{what:?} of a member in good standing: {kind:?}"
                );
            }
            What::Commit { by_member: false, .. } | What::Fetch { .. } | What::Allocate | What::Join(_) => {
                ensure!(kind == ErrorKind::StorageFull, "{what:?} is refused: {kind:?}");
            }
            What::Delete(_) | What::AddLogs(..) | What::Trim(_) | What::Leave(_) | What::Upkeep => {}
        }
        Ok(())
    }

    fn learn_group(&mut self, what: &What, reply: &GroupReply) -> Result<()> {
        match (what, reply) {
            (What::Commit { group, log, offset, .. }, GroupReply::OffsetsCommitted(results)) => {
                if results[0].is_ok()
                    && let Some(known) = self.known.offsets.get_mut(&(*group, *log))
                {
                    known.least = known.least.max(Some(*offset).filter(|offset| *offset > known.old));
                }
            }
            (What::Fetch { group, logs }, GroupReply::Offsets(offsets)) => {
                ensure!(logs.len() == offsets.len(), "one offset per log");
                for (log, offset) in offsets {
                    let Some(known) = self.known.offsets.get_mut(&(*group, *log)) else { continue };
                    let offset = offset.as_ref().map(|offset| offset.offset.0);
                    ensure!(
                        offset >= known.least && offset.is_none_or(|offset| offset <= known.most),
                        "group {group} has {offset:?} in {log}, but {known:?}"
                    );
                    known.least = offset.filter(|offset| *offset > known.old);
                }
            }
            (What::Join(team), GroupReply::Joined(joined)) => {
                let known = &mut self.known.members[*team];
                let generation = joined.generation.0;
                ensure!(generation >= known.generation, "generation {generation} after {known:?}");
                known.generation = generation;
                known.joined = Some((joined.member.to_string(), generation));
            }
            (What::Sync(team, member, generation), GroupReply::Synced(synced)) => {
                ensure!(synced.assignment[..] == *b"everything", "an assignment is handed on as it is");
                self.known.members[*team].synced = Some((member.clone(), *generation));
            }
            (What::Leave(_), GroupReply::Left(_)) | (What::Heartbeat, GroupReply::Alive) => {}
            _ => bail!("{what:?} is answered by {reply:?}"),
        }
        Ok(())
    }
}

/// A producer with so much in doubt that nothing is sent for it any more.
fn full_producer() -> crate::broker::known::KnownProducer {
    crate::broker::known::KnownProducer { doubtful: vec![0; IN_FLIGHT_MAX], ..Default::default() }
}

fn join(group: usize, rng: &mut Rng) -> JoinGroup {
    JoinGroup {
        group: group_id(group),
        member: "".into(),
        instance: Some("only".into()),
        client_id: "client".into(),
        client_host: "/10.0.0.1".into(),
        session_timeout_ms: 1_800_000,
        rebalance_timeout_ms: 60_000,
        protocol_type: "consumer".into(),
        protocols: vec![OfferedProtocol { name: "range".into(), metadata: Bytes::from_static(b"r") }],
        subscription: Subscription::Unknown,
        require_known_member: false,
        can_skip_assignment: false,
        random: u128::from(rng.next_u64()),
    }
}

pub(crate) fn append_batch(
    log: LogId,
    shape: &Shape,
    producer: Option<ProducerStamp>,
    bytes: Bytes,
) -> AppendBatch {
    let (records, max_timestamp) = (shape.records, RecordTime(shape.time_ms));
    AppendBatch {
        log,
        records,
        last_offset_delta: records - 1,
        max_timestamp,
        producer,
        marks: Vec::new(),
        bytes,
    }
}

/// Answers that have left the broker.
#[derive(Default)]
pub(crate) struct Answers(parking_lot::Mutex<Vec<(u64, Reply)>>);

impl Answers {
    pub(crate) fn take(&self) -> Vec<(u64, Reply)> {
        std::mem::take(&mut self.0.lock())
    }
}

impl millstream_engine::ReplySink for Answers {
    fn deliver(&self, replies: &mut dyn Iterator<Item = (u64, Reply)>) {
        self.0.lock().extend(replies);
    }
}

/// One sink for everyone.
pub(crate) fn answers() -> Arc<Answers> {
    Arc::default()
}
