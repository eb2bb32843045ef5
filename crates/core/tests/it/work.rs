//! Queues made of a stream and its default lease group, for the tests of leases.
//!
//! Apart because they all send, take out and settle, and differ in what they look at.

use crate::broker::Broker;
use bytes::Bytes;
use millstream_core::catalog::{ConfigChange, LeaseSetting, Setting, StreamConfig};
use millstream_core::lease::{
    Acquire, Acquired, Action, Binding, GroupCounts, GroupTotals, HolderId, LeaseError, LeaseGroupId,
    LeaseNumber, LeaseRef, LeaseReply, LeaseRequest, RecordMark, SeekTo, Settle,
};
use millstream_core::log::AppendBatch;
use millstream_core::{Reply, Request, Ticket};
use millstream_types::{ErrorKind, LogId, Namespace, Offset, StreamId, StreamUid};

pub(crate) const HOLDER: HolderId = HolderId(7);

/// An acquirer that takes up to so many and does not wait.
pub(crate) fn take(stream: StreamId, records_max: u32) -> Acquire {
    Acquire {
        group: LeaseGroupId::default_of(stream),
        holder: HOLDER,
        binding: Binding::Timed { timeout_ms: None },
        records_max,
        wait_ms: 0,
        priority: 0,
        leased_max: None,
        attempt: None,
    }
}

/// Names a delivery.
pub(crate) fn lease(offset: u64, lease: u64) -> LeaseRef {
    LeaseRef { log: 0, offset: Offset(offset), lease: LeaseNumber(lease) }
}

pub(crate) const ACK: Action = Action::Ack { late: false };
pub(crate) const LATE_ACK: Action = Action::Ack { late: true };
pub(crate) const RELEASE: Action = Action::Release { delay_ms: 0, delivered: true };

/// A batch of records that are marked like this.
pub(crate) fn marked(log: LogId, marks: &[RecordMark]) -> AppendBatch {
    let records = u32::try_from(marks.len()).expect("few");
    AppendBatch { marks: marks.to_vec(), bytes: Bytes::from_static(b"opaque"), ..Broker::batch(log, records) }
}

impl Broker {
    /// A stream of some logs with a default lease group.
    pub(crate) fn queue(&mut self, name: &str, logs: u32, settings: &[LeaseSetting]) -> StreamId {
        self.queue_with(name, logs, settings, StreamConfig::default())
    }

    /// The same in memory, where consumed records go.
    pub(crate) fn ephemeral_queue(&mut self, name: &str, logs: u32, settings: &[LeaseSetting]) -> StreamId {
        let mut config = StreamConfig::default();
        for setting in [Setting::Ephemeral(true), Setting::Consumed(Some(0))] {
            config.change(&ConfigChange::Set(setting)).expect("in range");
        }
        self.queue_with(name, logs, settings, config)
    }

    fn queue_with(
        &mut self,
        name: &str,
        logs: u32,
        settings: &[LeaseSetting],
        mut config: StreamConfig,
    ) -> StreamId {
        let settings = settings.iter().cloned().chain([LeaseSetting::Enabled(true)]);
        for setting in settings {
            config.change(&ConfigChange::Set(Setting::Lease(setting))).expect("in range");
        }
        let uid = StreamUid(u128::from(name.len() as u64) + 1_000);
        let create = millstream_core::request::CreateStream {
            namespace: Namespace::DEFAULT,
            name: name.into(),
            uid,
            logs,
            config,
        };
        match self.call(Request::CreateStream(Box::new(create))) {
            Reply::Stream(entry) => entry.id,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn set(&mut self, stream: StreamId, setting: LeaseSetting) {
        let changes = vec![ConfigChange::Set(Setting::Lease(setting))];
        let reply = self.call(Request::AlterStream { stream, changes });
        assert!(matches!(reply, Reply::Stream(_)), "{reply:?}");
        self.advance(0);
    }

    /// Appends ordinary records to a stream's first log.
    pub(crate) fn fill(&mut self, stream: StreamId, records: u32) {
        let log = LogId { stream, index: 0 };
        self.send(Request::Append(vec![Broker::batch(log, records)]));
    }

    pub(crate) fn fill_marked(&mut self, stream: StreamId, marks: &[RecordMark]) {
        let log = LogId { stream, index: 0 };
        self.send(Request::Append(vec![marked(log, marks)]));
    }

    pub(crate) fn lease(&mut self, request: LeaseRequest) -> Ticket {
        self.send(Request::Lease(Box::new(request)))
    }

    /// The answer to a request about leases, if it has left.
    pub(crate) fn leased(&mut self, ticket: Ticket) -> Option<Result<LeaseReply, ErrorKind>> {
        match self.take(ticket)? {
            Reply::Lease(reply) => Some(Ok(*reply)),
            Reply::Refused(kind) => Some(Err(kind)),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn ask_lease(&mut self, request: LeaseRequest) -> Result<LeaseReply, ErrorKind> {
        let ticket = self.lease(request);
        self.leased(ticket).expect("it is answered at once")
    }

    pub(crate) fn acquired(&mut self, ticket: Ticket) -> Option<Acquired> {
        match self.leased(ticket)? {
            Ok(LeaseReply::Acquired(acquired)) => Some(acquired),
            other => panic!("{other:?}"),
        }
    }

    /// Takes records out; offsets with delivery counts and leases.
    pub(crate) fn acquire(&mut self, acquire: Acquire) -> Vec<(u64, u32, u64)> {
        let ticket = self.lease(LeaseRequest::Acquire(acquire));
        listed(&self.acquired(ticket).expect("it does not wait"))
    }

    /// The offsets that are taken out.
    pub(crate) fn offsets(&mut self, stream: StreamId, records_max: u32) -> Vec<u64> {
        self.acquire(take(stream, records_max)).into_iter().map(|(offset, _, _)| offset).collect()
    }

    pub(crate) fn settle(
        &mut self,
        stream: StreamId,
        leases: &[(LeaseRef, Action)],
    ) -> Vec<Result<(), LeaseError>> {
        let settle = Settle { group: LeaseGroupId::default_of(stream), leases: leases.to_vec() };
        match self.ask_lease(LeaseRequest::Settle(settle)) {
            Ok(LeaseReply::Settled(results)) => results,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn seek(&mut self, stream: StreamId, to: SeekTo) -> u64 {
        match self.ask_lease(LeaseRequest::Seek { group: LeaseGroupId::default_of(stream), to }) {
            Ok(LeaseReply::Sought { settled }) => settled,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn counts(&mut self, stream: StreamId) -> GroupCounts {
        let groups = vec![LeaseGroupId::default_of(stream)];
        match self.ask_lease(LeaseRequest::Describe { groups }) {
            // What has happened is counted beside the state, and asked for by name where it matters.
            Ok(LeaseReply::Described(counts)) => {
                GroupCounts { totals: GroupTotals::default(), ..counts[0].expect("the group is there") }
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Offsets with delivery counts and leases.
pub(crate) fn listed(acquired: &Acquired) -> Vec<(u64, u32, u64)> {
    acquired.records.iter().map(|record| (record.offset.0, record.delivery_count, record.lease.0)).collect()
}
