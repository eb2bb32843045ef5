//! Random histories of groups, with crashes, against what members were told.
//!
//! What must hold in every history: a generation has one leader and one protocol; whoever is given an assignment is
//! given the one that its generation's leader made; commits that were acknowledged are never lost; every request is
//! answered at most once, and once time has passed, exactly once.

use crate::broker::{Broker, disturb};
use crate::people::{commit, group, join, offer, sync};
use crate::random::Random;
use bytes::Bytes;
use millstream_core::cursor::{
    Generation, GroupId, GroupOptions, GroupReply, GroupRequest, Heartbeat, JoinGroup, Joined, LeaveGroup,
    LeavingMember,
};
use millstream_core::shard::ShardOptions;
use millstream_core::{Reply, Request, Ticket};
use millstream_types::{ErrorKind, LogId, Offset, StreamId};
use std::collections::BTreeMap;
use std::sync::Arc;

const GROUPS: u64 = 3;
const CLIENTS: usize = 8;

#[derive(Clone)]
struct Client {
    group: GroupId,
    instance: Option<Arc<str>>,
    member: Arc<str>,
    generation: Generation,
    joined: Option<Joined>,
    synced: bool,
    waiting: Option<Ticket>,
}

enum Asked {
    Join(usize),
    Sync(usize),
    Heartbeat(usize),
    Commit(GroupId, LogId, u64),
    Other,
}

/// The incarnation of a group is over when it is deleted: then generations count from the start.
#[derive(Default)]
struct World {
    clients: Vec<Client>,
    asked: BTreeMap<Ticket, Asked>,
    leaders: BTreeMap<(GroupId, Generation), (Arc<str>, Arc<str>)>,
    assigned: BTreeMap<(GroupId, Generation), Arc<str>>,
    committed: BTreeMap<(GroupId, LogId), u64>,
    next_offset: u64,
}

fn share(id: &GroupId, generation: Generation, member: &str) -> String {
    format!("{}/{generation}/{member}", id.name)
}

impl World {
    fn new(random: &mut Random) -> World {
        let client = |number: usize, random: &mut Random| Client {
            group: group(&format!("g{}", random.below(GROUPS))),
            instance: number.is_multiple_of(3).then(|| format!("i{}", number / 6).into()),
            member: "".into(),
            generation: Generation::NONE,
            joined: None,
            synced: false,
            waiting: None,
        };
        World { clients: (0..CLIENTS).map(|number| client(number, random)).collect(), ..World::default() }
    }

    fn act(&mut self, random: &mut Random, broker: &mut Broker, logs: &[LogId]) {
        let number = usize::try_from(random.below(CLIENTS as u64)).expect("small");
        let client = self.clients[number].clone();
        let impatient = random.one_in(10);
        if client.waiting.is_some() && !impatient {
            return;
        }
        let (request, asked) = match random.below(12) {
            0 if random.one_in(6) => {
                let leaving =
                    LeavingMember { member: client.member.clone(), instance: client.instance.clone() };
                let request = LeaveGroup { group: client.group.clone(), members: vec![leaving] };
                self.clients[number].forget();
                (GroupRequest::Leave(request), Asked::Other)
            }
            1 if random.one_in(20) => {
                (GroupRequest::Describe { groups: vec![client.group.clone()] }, Asked::Other)
            }
            2 | 3 => {
                self.next_offset += 1;
                let log = *random.pick(logs);
                let mut request = commit(&client.member, client.generation, &[(log, self.next_offset)]);
                request.group = client.group.clone();
                request.instance = client.instance.clone();
                let asked = Asked::Commit(client.group.clone(), log, self.next_offset);
                (GroupRequest::CommitOffsets(request), asked)
            }
            4..=6 if client.joined.is_some() => {
                let beat = Heartbeat {
                    group: client.group.clone(),
                    member: client.member.clone(),
                    instance: client.instance.clone(),
                    generation: client.generation,
                };
                (GroupRequest::Heartbeat(beat), Asked::Heartbeat(number))
            }
            _ => match &client.joined {
                Some(joined) if !client.synced => self.sync_of(&client, joined, number),
                Some(_) if !impatient => return,
                _ => self.join_of(&client, number, random),
            },
        };
        let ticket = broker.group(request);
        if matches!(asked, Asked::Join(_) | Asked::Sync(_)) {
            self.clients[number].waiting = Some(ticket);
        }
        self.asked.insert(ticket, asked);
    }

    fn join_of(&self, client: &Client, number: usize, random: &mut Random) -> (GroupRequest, Asked) {
        let mut protocols = vec![offer("range", &format!("m{}", random.below(2)))];
        if random.one_in(2) {
            protocols.insert(usize::try_from(random.below(2)).expect("small"), offer("sticky", "s"));
        }
        let request = JoinGroup {
            group: client.group.clone(),
            instance: client.instance.clone(),
            protocols,
            require_known_member: number.is_multiple_of(2),
            can_skip_assignment: number.is_multiple_of(4),
            rebalance_timeout_ms: 12_000,
            session_timeout_ms: 9_000,
            ..join(&client.member, random.wide())
        };
        (GroupRequest::Join(request), Asked::Join(number))
    }

    fn sync_of(&self, client: &Client, joined: &Joined, number: usize) -> (GroupRequest, Asked) {
        let mut request = sync(&client.member, client.generation, &[]);
        request.group = client.group.clone();
        request.instance = client.instance.clone();
        if !joined.skip_assignment {
            let one = |member: &Arc<str>| {
                let bytes = Bytes::from(share(&client.group, client.generation, member));
                (member.clone(), bytes)
            };
            request.assignments = joined.members.iter().map(|member| one(&member.member)).collect();
        }
        (GroupRequest::Sync(request), Asked::Sync(number))
    }

    fn learn(&mut self, ticket: Ticket, reply: Reply) {
        let asked = self.asked.remove(&ticket).expect("every reply has its request");
        let (Asked::Join(number) | Asked::Sync(number) | Asked::Heartbeat(number)) = asked else {
            if let (Asked::Commit(group, log, offset), Reply::Group(reply)) = (asked, reply)
                && matches!(&*reply, GroupReply::OffsetsCommitted(results) if results[0].is_ok())
            {
                let known = self.committed.entry((group, log)).or_default();
                *known = offset.max(*known);
            }
            return;
        };
        let current = self.clients[number].waiting == Some(ticket);
        if current {
            self.clients[number].waiting = None;
        }
        match reply {
            Reply::Group(reply) => self.learn_from(number, *reply, current),
            Reply::Refused(ErrorKind::UnknownMember | ErrorKind::FencedInstance) => {
                self.clients[number].forget();
            }
            Reply::Refused(_) => self.clients[number].joined = None,
            other => panic!("{other:?}"),
        }
    }

    fn learn_from(&mut self, number: usize, reply: GroupReply, current: bool) {
        let group = self.clients[number].group.clone();
        match reply {
            GroupReply::Joined(joined) => {
                let key = (group, joined.generation);
                let leads = !joined.members.is_empty() && !joined.skip_assignment;
                let protocol = joined.protocol_name.clone();
                if leads {
                    let told = (joined.member.clone(), protocol);
                    let known = self.leaders.entry(key).or_insert_with(|| told.clone());
                    assert_eq!(*known, told, "two leaders or protocols in one generation");
                } else if let Some((_, known)) = self.leaders.get(&key) {
                    assert_eq!(*known, protocol, "two protocols in one generation");
                }
                if current {
                    let client = &mut self.clients[number];
                    client.member = joined.member.clone();
                    client.generation = joined.generation;
                    client.synced = false;
                    client.joined = Some(joined);
                }
            }
            GroupReply::MemberIdRequired { member } => self.clients[number].member = member,
            GroupReply::Synced(synced) if current => {
                let client = &mut self.clients[number];
                client.synced = true;
                let text = core::str::from_utf8(&synced.assignment).expect("shares are text");
                if !text.is_empty() {
                    let made_for = share(&group, client.generation, "");
                    assert!(text.starts_with(&made_for), "{text} is of another generation than {made_for}");
                    let member: Arc<str> = text[made_for.len()..].into();
                    if client.instance.is_none() {
                        assert_eq!(member, client.member, "another member's share");
                    }
                    self.assigned.insert((group, client.generation), member);
                }
            }
            GroupReply::Synced(_) | GroupReply::Alive => {}
            other => panic!("{other:?}"),
        }
    }

    fn check(&self, broker: &mut Broker) {
        for ((id, log), offset) in &self.committed {
            let found = broker.fetch(&id.name, Some(&[*log]));
            let found = found[0].1.as_ref().map(|offset| offset.offset);
            assert!(found >= Some(Offset(*offset)), "an acknowledged commit is lost: {found:?} < {offset}");
        }
    }

    /// A crash loses what was under way, for clients that ask again.
    fn crashed(&mut self) {
        self.asked.clear();
        for client in &mut self.clients {
            client.waiting = None;
        }
    }
}

impl Client {
    fn forget(&mut self) {
        self.member = "".into();
        self.generation = Generation::NONE;
        self.joined = None;
        self.synced = false;
        self.waiting = None;
    }
}

fn history(seed: u64) -> (usize, usize) {
    let mut random = Random(seed);
    let initial_delay_ms = *random.pick(&[0, 0, 3_000]);
    let members_max = *random.pick(&[3, 5_000]);
    let groups = GroupOptions { initial_delay_ms, members_max, ..GroupOptions::default() };
    let mut broker = Broker::with(ShardOptions { groups, ..ShardOptions::default() });
    let stream: StreamId = broker.stream("read", 3);
    let logs: Vec<LogId> = (0..3).map(|index| LogId { stream, index }).collect();
    broker.sync_always = false;
    let mut world = World::new(&mut random);
    for step in 0..3_000 {
        world.act(&mut random, &mut broker, &logs);
        broker.advance(*random.pick(&[0, 0, 0, 10, 200, 1_000]));
        if step % 500 == 499 {
            broker.sync_always = true;
            let passing = broker.stream(&format!("passing{step}"), 1);
            broker.sync_always = false;
            let at = [(LogId { stream: passing, index: 0 }, 1)];
            broker.group(GroupRequest::CommitOffsets(crate::people::simple_commit("aside", &at)));
            broker.send(Request::DeleteStream { stream: passing });
        }
        let crashed = disturb(&mut broker, &mut random);
        for (ticket, reply) in broker.take_all() {
            if world.asked.contains_key(&ticket) {
                world.learn(ticket, reply);
            }
        }
        if crashed {
            world.crashed();
            broker.sync_always = true;
            world.check(&mut broker);
            broker.sync_always = false;
        }
    }
    broker.sync_always = true;
    broker.flush();
    broker.advance(3_600_000);
    assert_eq!(broker.open(), 0, "everyone who waited was answered");
    world.check(&mut broker);
    broker.crash();
    (world.leaders.len(), world.assigned.len())
}

#[test]
fn random_histories_of_groups_survive_crashes() {
    let mut sum = (0, 0);
    for seed in 0..40 {
        println!("seed {seed}");
        let (generations, assigned) = history(seed);
        sum = (sum.0 + generations, sum.1 + assigned);
    }
    assert!(sum.0 > 1_000 && sum.1 > 300, "the histories are about something: {sum:?}");
}

#[test]
fn a_history_is_the_same_for_the_same_seed() {
    assert_eq!(history(7), history(7));
}
