//! Random histories of streams and logs, with crashes, against a model of what was acknowledged.

use crate::broker::{Broker, disturb};
use crate::random::Random;
use bytes::Bytes;
use millstream_core::catalog::{Annotations, ConfigChange, Setting, SettingKey};
use millstream_core::log::{AppendBatch, ProducerStamp};
use millstream_core::request::{CreateNamespace, CreateStream, Trim};
use millstream_core::{Reply, Request, Ticket};
use millstream_types::{LogId, Namespace, Offset, ProducerEpoch, ProducerId, StreamId, StreamUid};
use std::collections::BTreeMap;

/// What was acknowledged: nothing of it may be lost.
#[derive(Default)]
struct Model {
    ends: BTreeMap<LogId, Offset>,
    starts: BTreeMap<LogId, Offset>,
    deleted: Vec<StreamId>,
    producers: Vec<ProducerId>,
    asked: BTreeMap<Ticket, Asked>,
}

enum Asked {
    Append(LogId, u64),
    Trim(LogId),
    Delete(StreamId),
    Other,
}

fn change(random: &mut Random) -> ConfigChange {
    match random.below(6) {
        0 => ConfigChange::Set(Setting::RetentionMs(Some(random.below(1_000_000)))),
        1 => ConfigChange::Set(Setting::Annotation("a.key".into(), "value".into())),
        2 => ConfigChange::Unset(SettingKey::RetentionMs),
        3 => ConfigChange::Set(Setting::Consumed(Some(random.below(1_000)))),
        4 => ConfigChange::Unset(SettingKey::Consumed),
        _ => ConfigChange::Set(Setting::BatchBytesMax(1_000_000)),
    }
}

fn request(random: &mut Random, broker: &Broker) -> (Request, Asked) {
    let streams: Vec<(StreamId, u32)> =
        broker.shard.stream_entries().map(|entry| (entry.id, entry.logs)).collect();
    let known = if streams.is_empty() { (StreamId(1), 1) } else { *random.pick(&streams) };
    let (stream, logs) = known;
    let log = LogId { stream, index: u32::try_from(random.below(u64::from(logs))).expect("small") };
    let namespaces: Vec<Namespace> = broker.shard.namespaces().map(|entry| entry.number).collect();
    match random.below(20) {
        0 if random.one_in(3) => {
            let (name, annotations) = (format!("n{}", random.below(3)).into(), Annotations::new());
            (Request::CreateNamespace(Box::new(CreateNamespace { name, annotations })), Asked::Other)
        }
        1 if random.one_in(6) => {
            (Request::DeleteNamespace { namespace: *random.pick(&namespaces) }, Asked::Other)
        }
        0..=2 => {
            let create = CreateStream {
                namespace: *random.pick(&namespaces),
                name: format!("s{}", random.below(8)).into(),
                uid: StreamUid(random.wide() | 1),
                logs: 1 + u32::try_from(random.below(4)).expect("small"),
                config: Default::default(),
            };
            (Request::CreateStream(Box::new(create)), Asked::Other)
        }
        3 => (Request::DeleteStream { stream }, Asked::Delete(stream)),
        4 => (Request::AddLogs { stream, logs: logs + 1 }, Asked::Other),
        5 => (Request::AlterStream { stream, changes: vec![change(random)] }, Asked::Other),
        6..=8 => {
            let before = if random.one_in(4) { None } else { Some(Offset(random.below(60))) };
            (Request::TrimLogs(vec![Trim { log, before }]), Asked::Trim(log))
        }
        9 => (Request::AllocateProducer, Asked::Other),
        _ => {
            let records = 1 + u32::try_from(random.below(5)).expect("small");
            let mut batch: AppendBatch = Broker::batch(log, records);
            batch.bytes = Bytes::from_static(b"a batch");
            if random.one_in(2) {
                let first_sequence = u32::try_from(random.below(3)).expect("small");
                batch.producer = Some(ProducerStamp {
                    id: ProducerId(1 + random.below(4)),
                    epoch: ProducerEpoch(u16::try_from(random.below(2)).expect("small")),
                    first_sequence,
                    last_sequence: first_sequence + records - 1,
                });
            }
            (Request::Append(vec![batch]), Asked::Append(log, u64::from(records)))
        }
    }
}

impl Model {
    fn learn(&mut self, ticket: Ticket, reply: &Reply) {
        let asked = self.asked.remove(&ticket).expect("every reply has its request");
        match (asked, reply) {
            (Asked::Append(log, records), Reply::Appended(results)) => {
                if let Ok(appended) = results[0]
                    && !appended.duplicate
                {
                    let end = self.ends.entry(log).or_default();
                    assert!(appended.base_offset >= *end, "an acknowledged offset is given out again");
                    *end = appended.base_offset.advance(records);
                }
            }
            (Asked::Trim(log), Reply::Trimmed(results)) => {
                if let Ok(start) = results[0] {
                    let known = self.starts.entry(log).or_default();
                    *known = start.max(*known);
                }
            }
            (Asked::Delete(stream), Reply::Stream(_)) => self.deleted.push(stream),
            (Asked::Other, Reply::Producer { id, .. }) => {
                assert!(!self.producers.contains(id), "a producer id is given out twice");
                self.producers.push(*id);
            }
            (Asked::Other, Reply::Namespace { .. }) => {}
            (Asked::Other | Asked::Delete(_), Reply::Stream(_) | Reply::Refused(_)) => {}
            (_, other) => panic!("{other:?}"),
        }
    }

    fn check(&self, broker: &Broker) {
        for stream in &self.deleted {
            assert_eq!(broker.shard.log_bounds(LogId { stream: *stream, index: 0 }), None);
        }
        for (log, end) in &self.ends {
            if let Some((start, found)) = broker.shard.log_bounds(*log) {
                assert!(found >= *end && start <= found, "log {log} lost acknowledged records");
                assert!(
                    start >= self.starts.get(log).copied().unwrap_or_default(),
                    "log {log} starts earlier"
                );
            }
        }
    }
}

fn history(seed: u64) {
    let mut random = Random(seed);
    let mut broker = Broker::new();
    broker.sync_always = false;
    let mut model = Model::default();
    for _ in 0..1_500 {
        let (request, asked) = request(&mut random, &broker);
        let ticket = broker.send(request);
        model.asked.insert(ticket, asked);
        if random.one_in(4) {
            broker.advance(random.below(50));
        }
        let crashed = disturb(&mut broker, &mut random);
        for (ticket, reply) in broker.take_all() {
            model.learn(ticket, &reply);
        }
        if crashed {
            model.check(&broker);
        }
    }
    broker.flush();
    assert_eq!(broker.open(), 0, "everything is answered at once");
    broker.crash();
    model.check(&broker);
}

#[test]
fn random_histories_of_streams_survive_crashes() {
    for seed in 0..40 {
        println!("seed {seed}");
        history(seed);
    }
}
