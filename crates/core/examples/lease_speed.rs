//! How many records a second the core alone takes out and settles, on one core, without network or disk.
//!
//! Apart because it is a measurement, not a test: it says what was found. Entries are encoded and folded as in the broker
//! and then thrown away.
//!
//! `cargo run --release -p millstream-core --example lease_speed`
#![allow(clippy::disallowed_methods, reason = "a measurement reads the clock")]

use bytes::Bytes;
use millstream_core::catalog::{ConfigChange, LeaseSetting, Setting, StreamConfig};
use millstream_core::hash::HashSeed;
use millstream_core::lease::{
    Acquire, Action, Binding, HolderId, LeaseGroupId, LeaseRef, LeaseReply, LeaseRequest, Settle,
};
use millstream_core::log::AppendBatch;
use millstream_core::request::CreateStream;
use millstream_core::shard::ShardOptions;
use millstream_core::{Effects, Reply, Request, Shard, Ticket, Turn};
use millstream_types::{EngineTime, LogId, Namespace, RecordTime, StreamId, StreamUid, WalPosition};
use std::time::Instant;

const SECONDS: f64 = 2.0;

struct Broker {
    shard: Shard,
    effects: Effects,
    turns: u64,
    entry_bytes: u64,
}

impl Broker {
    fn ask(&mut self, request: Request) -> Reply {
        self.turns += 1;
        let turn = Turn {
            now: EngineTime((self.turns / 1_000).cast_signed()),
            position: WalPosition(self.turns * 64),
        };
        self.effects.clear();
        self.shard.apply(turn, Ticket(self.turns), request, &mut self.effects);
        self.entry_bytes += self.effects.entries.len() as u64;
        self.effects.replies.pop().expect("it is answered at once").reply
    }

    fn append(&mut self, stream: StreamId, records: u32) {
        let batch = AppendBatch {
            log: LogId { stream, index: 0 },
            records,
            last_offset_delta: records - 1,
            max_timestamp: RecordTime(0),
            producer: None,
            marks: Vec::new(),
            bytes: Bytes::from_static(b"opaque"),
        };
        self.ask(Request::Append(vec![batch]));
    }

    fn cycle(&mut self, stream: StreamId, records_max: u32, binding: Binding) {
        let group = LeaseGroupId::default_of(stream);
        let holder = HolderId(1);
        let acquire = Acquire {
            group,
            holder,
            binding,
            records_max,
            wait_ms: 0,
            priority: 0,
            leased_max: Some(120_000),
            attempt: None,
        };
        let reply = self.ask(Request::Lease(Box::new(LeaseRequest::Acquire(acquire))));
        let Reply::Lease(reply) = reply else { panic!("{reply:?}") };
        let LeaseReply::Acquired(acquired) = *reply else { panic!("{reply:?}") };
        assert_eq!(acquired.records.len(), records_max as usize);
        let name = |record: &millstream_core::lease::AcquiredRecord| LeaseRef {
            log: record.log,
            offset: record.offset,
            lease: record.lease,
        };
        let leases =
            acquired.records.iter().map(|record| (name(record), Action::Ack { late: false })).collect();
        self.ask(Request::Lease(Box::new(LeaseRequest::Settle(Settle { group, leases }))));
    }
}

/// Bytes that this process has in memory.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    status.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}

fn main() {
    let mut config = StreamConfig::default();
    config.change(&ConfigChange::Set(Setting::Lease(LeaseSetting::Enabled(true)))).expect("in range");
    let shard = Shard::new(HashSeed([1, 2]), ShardOptions::default());
    let mut broker = Broker { shard, effects: Effects::default(), turns: 0, entry_bytes: 0 };
    let create = CreateStream {
        namespace: Namespace::DEFAULT,
        name: "work".into(),
        uid: StreamUid(1),
        logs: 1,
        config,
    };
    let Reply::Stream(stream) = broker.ask(Request::CreateStream(Box::new(create))) else {
        panic!("it is made")
    };
    let before = resident_bytes();
    for _ in 0..10_000 {
        broker.append(stream.id, 10_000);
    }
    println!("100,000,000 ready records: {} KiB", (resident_bytes() - before) >> 10);
    let timed = Binding::Timed { timeout_ms: None };
    let bound = Binding::Connection { timeout_ms: None };
    for (name, records_max, binding) in [
        ("one, timed", 1, timed),
        ("ten, timed", 10, timed),
        ("one, bound", 1, bound),
        ("hundred, bound", 100, bound),
    ] {
        let (began, entry_bytes) = (Instant::now(), broker.entry_bytes);
        let mut records = 0_u64;
        while began.elapsed().as_secs_f64() < SECONDS {
            for _ in 0..1_000 {
                broker.cycle(stream.id, records_max, binding);
                records += u64::from(records_max);
            }
        }
        let rate = records as f64 / began.elapsed().as_secs_f64();
        let bytes = (broker.entry_bytes - entry_bytes) as f64 / records as f64;
        println!("acquire and ack, {name}: {rate:.0} records/s, {bytes:.0} bytes of entries each");
    }
}
