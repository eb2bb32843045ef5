//! One open connection: its channels and consumers, what is under way, and what is to be sent.
//!
//! Apart from the session, which takes frames off the input and knows the handshake: operations work on this, and
//! everything that they want done gathers here until the session hands it over in one go. The order is kept: messages
//! first, then what was settled, then who asks for more.

use super::blocked::Blocked;
use super::channel::{Channel, Mode};
use super::consumer::{Consumer, Source};
use super::pending::{Pending, PendingTable};
use super::publish::Publishing;
use super::reader::Reader;
use crate::codec::{Frame, Method, Output};
use crate::errors::{Code, Fault};
use crate::management::{Context, Vhost};
use crate::options::AmqpOptions;
use crate::policy::Policies;
use crate::presence::{ConsumerPresence, Presence};
use crate::shared::{ConnectionId, Shared};
use core::net::SocketAddr;
use millstream_core::Request;
use millstream_core::lease::{Action as LeaseAction, LeaseGroupId, LeaseRef, LeaseRequest, Settle};
use millstream_front::{
    Action, Authorized, Authorizer, Backend, Bell, Grant, Io, Principal, ReadCommand, Resource, Submission,
};
use millstream_types::limits::LEASE_SETTLE_RECORDS_MAX;
use millstream_types::{Chain, EngineTime, LogId, Namespace, Offset, RecordTime};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Leases of one queue that are to be settled.
type Settled = Vec<(LeaseRef, LeaseAction)>;

/// What the client said that it understands.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Capabilities {
    /// It may be sent `basic.cancel`.
    pub(crate) cancel_notify: bool,
    /// It may be told that its messages wait for room.
    pub(crate) blocked: bool,
    /// It may be told that its credentials were refused.
    pub(crate) close_on_refusal: bool,
}

/// See the module's documentation.
pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    pub(crate) peer: SocketAddr,
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) options: Arc<AmqpOptions>,
    authorizer: Arc<Authorizer>,
    pub(crate) shared: Arc<Shared>,
    /// What others of this front ring when they have left something for this session.
    pub(crate) bell: Option<Arc<dyn Bell>>,
    principal: Principal,
    /// Engine time of what is being handled.
    pub(crate) now: EngineTime,
    /// The same by the driver's clock, in microseconds.
    pub(crate) micros: u64,
    pub(crate) out: Output,
    pub(crate) capabilities: Capabilities,
    /// What others may know of it, once it is open.
    pub(crate) presence: Option<Arc<Presence>>,
    pub(crate) user: Box<str>,
    /// What the client says of itself, as a field table.
    pub(crate) client: Box<[u8]>,
    pub(crate) mechanism: &'static str,
    pub(crate) vhost: Box<str>,
    pub(crate) namespace: Namespace,
    pub(crate) channel_max: u16,
    pub(crate) frame_max: u32,
    pub(crate) channels: BTreeMap<u16, Channel>,
    pub(crate) consumers: BTreeMap<u64, Consumer>,
    /// Consumers of streams; their numbers are of the same row.
    pub(crate) readers: BTreeMap<u64, Reader>,
    /// Readers wait for something else than what is watched.
    pub(crate) is_watch_due: bool,
    pub(crate) pending: PendingTable,
    /// Operations under way, of all channels.
    pub(crate) waiting: usize,
    /// Frames that came for channels with operations under way.
    pub(crate) held: BTreeMap<u16, VecDeque<Frame>>,
    /// Bytes of those frames.
    pub(crate) held_bytes: usize,
    pub(crate) publishing: Publishing,
    pub(crate) blocked: Blocked,
    settles: Vec<(Arc<Source>, Settled)>,
    /// Consumers that may ask for more.
    hungry: BTreeSet<u64>,
    /// Channels whose confirms have news.
    telling: BTreeSet<u16>,
    submissions: Vec<Submission>,
    reads: Vec<ReadCommand>,
    pub(crate) settled_bytes: usize,
    pub(crate) dropped_bytes: usize,
    serials: u64,
}

impl Connection {
    pub(crate) fn new(
        peer: SocketAddr,
        backend: Arc<dyn Backend>,
        options: Arc<AmqpOptions>,
        authorizer: Arc<Authorizer>,
        shared: Arc<Shared>,
    ) -> Connection {
        Connection {
            id: shared.next_connection(),
            peer,
            now: backend.now(),
            micros: 0,
            backend,
            options,
            authorizer,
            shared,
            bell: None,
            principal: Principal::local(),
            out: Output::default(),
            capabilities: Capabilities::default(),
            presence: None,
            user: "".into(),
            client: [].into(),
            mechanism: "",
            vhost: "/".into(),
            namespace: Namespace::DEFAULT,
            channel_max: crate::limits::CHANNEL_MAX,
            frame_max: crate::limits::FRAME_BYTES_FIRST,
            channels: BTreeMap::new(),
            consumers: BTreeMap::new(),
            readers: BTreeMap::new(),
            is_watch_due: false,
            pending: PendingTable::default(),
            waiting: 0,
            held: BTreeMap::new(),
            held_bytes: 0,
            publishing: Publishing::default(),
            blocked: Blocked::default(),
            settles: Vec::new(),
            hungry: BTreeSet::new(),
            telling: BTreeSet::new(),
            submissions: Vec::new(),
            reads: Vec::new(),
            settled_bytes: 0,
            dropped_bytes: 0,
            serials: 0,
        }
    }

    /// One that nobody is at the other end of: what it takes to publish as clients do.
    pub(crate) fn within(cx: &Context, vhost: &Vhost) -> Connection {
        let peer = SocketAddr::from(([127, 0, 0, 1], 0));
        let (backend, authorizer, shared) = (cx.backend.clone(), cx.authorizer.clone(), cx.shared.clone());
        let options = Arc::new(AmqpOptions { version: cx.version });
        let mut connection = Connection::new(peer, backend, options, authorizer, shared);
        (connection.user, connection.vhost) = (cx.user.clone(), (*vhost.name).into());
        (connection.namespace, connection.now) = (vhost.number(), cx.now);
        connection
    }

    /// Asks for permission to do something with a queue.
    pub(crate) fn allow(&self, action: Action, queue: &str) -> Result<Grant, Fault> {
        let denied = |_| {
            let (vhost, user) = (&self.vhost, &self.user);
            let text = format!("access to queue '{queue}' in vhost '{vhost}' refused for user '{user}'");
            Fault::new(Code::ACCESS_REFUSED, text)
        };
        self.authorizer.authorize(&self.principal, action, Resource::Stream(queue)).map_err(denied)
    }

    /// Asks for permission to do something with an exchange.
    pub(crate) fn allow_exchange(&self, action: Action, exchange: &str) -> Result<Grant, Fault> {
        let denied = |_| {
            let (vhost, user) = (&self.vhost, &self.user);
            let text =
                format!("access to exchange '{exchange}' in vhost '{vhost}' refused for user '{user}'");
            Fault::new(Code::ACCESS_REFUSED, text)
        };
        self.authorizer.authorize(&self.principal, action, Resource::Route(exchange)).map_err(denied)
    }

    /// The policies of its virtual host.
    pub(crate) fn policies(&self) -> Arc<Policies> {
        self.shared.policies(&*self.backend, &self.vhost)
    }

    /// Shows itself to others from now on.
    pub(crate) fn come(&mut self, heartbeat_seconds: u16) {
        let presence = Arc::new(Presence {
            id: self.id,
            peer: self.peer,
            user: self.user.clone(),
            vhost: self.vhost.clone(),
            since: self.now,
            client: std::mem::take(&mut self.client),
            mechanism: self.mechanism,
            channel_max: self.channel_max,
            frame_max: self.frame_max,
            heartbeat_seconds,
            bell: self.bell.clone(),
            state: Mutex::default(),
        });
        self.shared.presences.come(presence.clone());
        self.presence = Some(presence);
    }

    /// Is not there for others any more.
    pub(crate) fn go(&mut self) {
        if self.presence.take().is_some() {
            self.shared.presences.go(self.id);
        }
    }

    /// Shows what a channel is like now, but for its consumers; one that is gone or closing is not shown.
    pub(crate) fn show_channel(&self, number: u16) {
        let Some(presence) = &self.presence else { return };
        let mut state = presence.state.lock();
        let Some(channel) = self.channels.get(&number).filter(|channel| !channel.is_closing) else {
            state.channels.remove(&number);
            return;
        };
        let shown = state.channels.entry(number).or_default();
        (shown.prefetch, shown.prefetch_all) = (channel.prefetch, channel.prefetch_all);
        shown.confirms = matches!(channel.mode, Mode::Confirm(_));
        shown.transactional = matches!(channel.mode, Mode::Tx(_));
        shown.unacked = channel.deliveries.shown();
    }

    /// Shows a consumer.
    pub(crate) fn show_consumer(&self, number: u16, tag: &Arc<str>, consumer: ConsumerPresence) {
        if let Some(presence) = &self.presence {
            presence.channel(number, |channel| {
                channel.consumers.insert(tag.clone(), consumer);
            });
        }
    }

    /// A consumer is there no more.
    pub(crate) fn hide_consumer(&self, number: u16, tag: &str) {
        if let Some(presence) = &self.presence {
            presence.channel(number, |channel| {
                channel.consumers.remove(tag);
            });
        }
    }

    /// A number for who takes records out: used once while the process runs.
    pub(crate) fn holder(&mut self) -> u64 {
        self.shared.next_holder(self.backend.random())
    }

    /// A number that is used once on this connection.
    pub(crate) fn serial(&mut self) -> u64 {
        self.serials += 1;
        self.serials
    }

    /// The number of the channel that a consumer is on; 0 when it is gone.
    pub(crate) fn channel_of(&self, consumer: u64) -> u16 {
        let consumers = self.consumers.get(&consumer).map(|consumer| consumer.channel);
        let readers = || self.readers.get(&consumer).map(|reader| reader.channel);
        consumers.or_else(readers).unwrap_or(0)
    }

    /// The channel that an operation belongs to.
    ///
    /// # Panics
    /// When it is not there: operations run on open channels.
    pub(crate) fn channel(&mut self, number: u16) -> &mut Channel {
        self.channels.get_mut(&number).expect("operations run on open channels")
    }

    /// Sends a method.
    pub(crate) fn send(&mut self, channel: u16, method: &Method<'_>) {
        self.out.method(channel, method);
    }

    /// Wants a request made, behind those before it.
    pub(crate) fn submit(&mut self, pending: Pending, request: Authorized<Request>) {
        self.submit_on(pending, request, None);
    }

    /// The same for a request that hangs on a chain.
    pub(super) fn submit_on(&mut self, pending: Pending, request: Authorized<Request>, chain: Option<Chain>) {
        let tag = self.pending.add(pending);
        self.submissions.push(Submission { tag, request, chain });
    }

    /// Wants a log read.
    pub(crate) fn read(&mut self, pending: Pending, read: Authorized<(LogId, Offset, u32)>) {
        let tag = self.pending.add(pending);
        self.reads.push(ReadCommand { tag, read });
    }

    /// Wants a lease settled.
    pub(crate) fn settle(&mut self, source: &Arc<Source>, lease: LeaseRef, action: LeaseAction) {
        let group = source.group();
        match self.settles.iter_mut().find(|(known, _)| known.group() == group) {
            Some((_, leases)) => leases.push((lease, action)),
            None => self.settles.push((source.clone(), vec![(lease, action)])),
        }
    }

    /// Notes that a consumer may ask for more.
    pub(crate) fn feed(&mut self, consumer: u64) {
        self.hungry.insert(consumer);
    }

    /// Notes that a channel's confirms have news.
    pub(crate) fn tell_soon(&mut self, channel: u16) {
        self.telling.insert(channel);
    }

    /// Puts everything that was gathered into requests: messages, then what was settled.
    pub(crate) fn flush(&mut self) {
        if let Some((request, appending)) = self.publishing.take(RecordTime(self.now.0), self.micros) {
            self.append(request, appending);
        }
        for (source, mut leases) in std::mem::take(&mut self.settles) {
            let group: LeaseGroupId = source.group();
            while !leases.is_empty() {
                let rest = leases.split_off(leases.len().min(LEASE_SETTLE_RECORDS_MAX));
                let settle = Settle { group, leases: std::mem::replace(&mut leases, rest) };
                self.submit(Pending::Quiet, source.lease(LeaseRequest::Settle(settle)));
            }
        }
    }

    /// Hands everything over that the session's driver is to carry out.
    pub(crate) fn hand_over(&mut self, io: &mut Io) {
        self.flush();
        for consumer in std::mem::take(&mut self.hungry) {
            if self.readers.contains_key(&consumer) {
                self.follow(consumer);
            } else {
                self.ask(consumer);
            }
        }
        for number in std::mem::take(&mut self.telling) {
            if let Some(confirms) = self.channels.get_mut(&number).and_then(Channel::confirms) {
                confirms.tell(number, &mut self.out);
            }
        }
        if let Some(watch) = self.watch() {
            io.watch = Some(watch);
        }
        io.submissions.append(&mut self.submissions);
        io.reads.append(&mut self.reads);
        io.settled_bytes += std::mem::take(&mut self.settled_bytes);
        io.dropped_bytes += std::mem::take(&mut self.dropped_bytes);
        self.out.drain_into(&mut io.output);
    }

    /// Ends a channel: what was delivered on it and not settled goes back to its queues.
    pub(crate) fn end_channel(&mut self, number: u16) {
        self.end_answers(number);
        let Some(channel) = self.channels.get_mut(&number) else { return };
        let consumers: Vec<u64> = std::mem::take(&mut channel.consumers).into_values().collect();
        let former = std::mem::take(&mut channel.former);
        let mut former: Vec<_> = former.into_iter().map(|former| (former.id, former.source)).collect();
        former.append(&mut channel.getters);
        channel.deliveries.take_all();
        if let Some(content) = channel.content.take() {
            self.settled_bytes += content.cost;
        }
        // What was settled before counts.
        self.flush();
        for id in consumers {
            self.end_consumer(id);
        }
        for (holder, source) in former {
            self.consumers.remove(&holder);
            self.end_holder(holder, &source);
        }
    }

    /// Bytes of messages whose rest has not arrived, and how many are missing of the one that has come furthest.
    pub(crate) fn unfinished(&self) -> (usize, usize) {
        let contents = self.channels.values().filter_map(|channel| channel.content.as_ref());
        contents.fold((0, 0), |(cost, missing), content| (cost + content.cost, missing.max(content.missing)))
    }
}
