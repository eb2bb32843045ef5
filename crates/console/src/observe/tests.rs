//! A look at a broker without disk or threads: what is remembered from one look to the next.
//!
//! Apart because a look needs a whole broker.

use super::*;
use millstream_core::cursor::{CommitOffsets, Generation, GroupId, GroupRequest, OffsetToCommit};
use millstream_core::{Reply, Request};
use millstream_front::{Authorized, Authorizer, Backend};
use millstream_testkit::broker::TestBroker;
use millstream_types::{LogId, Namespace, Offset};

struct Asker {
    broker: Arc<TestBroker>,
    backend: Arc<dyn Backend>,
    /// The most questions that were asked together.
    together: usize,
}

impl World for Asker {
    fn backend(&self) -> &Arc<dyn Backend> {
        &self.backend
    }

    fn ask(&mut self, requests: Vec<Authorized<Request>>) -> Vec<Reply> {
        self.together = self.together.max(requests.len());
        self.broker.ask_all(requests)
    }
}

struct Place {
    world: Asker,
    sampler: Sampler,
}

impl Place {
    fn new() -> Place {
        let broker = TestBroker::new();
        let world = Asker { backend: broker.clone(), broker, together: 0 };
        Place { world, sampler: Sampler::default() }
    }

    fn look(&mut self, ms: i64) -> Observation {
        self.world.broker.advance_ms(ms);
        self.sampler.look(&mut self.world, &Authorizer::local_only())
    }

    fn commit(&self, group: &str, stream: &str, offset: u64) {
        let entry = self.world.broker.stream(Namespace::DEFAULT, stream).expect("it is there");
        let commit = CommitOffsets {
            group: GroupId { namespace: Namespace::DEFAULT, name: group.into() },
            member: "".into(),
            instance: None,
            generation: Generation::NONE,
            retention_ms: None,
            offsets: vec![OffsetToCommit {
                log: LogId { stream: entry.id, index: 0 },
                offset: Offset(offset),
                leader_epoch: -1,
                metadata: "".into(),
            }],
        };
        let request = Request::Group(Box::new(GroupRequest::CommitOffsets(commit)));
        self.world.broker.ask(request).expect("it answers at once");
    }
}

#[test]
fn a_group_of_several_streams_is_seen_on_each() {
    let mut place = Place::new();
    for stream in ["a", "b", "c"] {
        place.world.broker.create_stream(stream, 1);
    }
    place.commit("readers", "a", 0);
    place.commit("readers", "b", 0);
    let seen = place.look(1_000);
    let of: Vec<(&str, &str, u64)> =
        seen.groups.iter().map(|group| (&*group.name, &*group.stream, group.lag_records)).collect();
    assert_eq!(of, [("readers", "a", 0), ("readers", "b", 0)]);
    assert!(seen.groups.iter().all(|group| group.kind == GroupKind::Cursor && group.lag_ms == Some(0)));
}

#[test]
fn a_look_at_very_many_groups_asks_few_things_together() {
    let mut place = Place::new();
    place.world.broker.create_stream("a", 1);
    for number in 0..200 {
        place.commit(&format!("g{number}"), "a", 0);
    }
    let seen = place.look(1_000);
    assert_eq!(seen.groups.len(), 200);
    assert_eq!(seen.groups.iter().filter(|group| group.is_shown).count(), 200);
    assert!(place.world.together <= 33, "{}", place.world.together);
}

#[test]
fn what_is_gone_is_not_remembered() {
    let mut place = Place::new();
    place.world.broker.create_stream("a", 1);
    place.commit("readers", "a", 0);
    assert_eq!((place.look(1_000).streams.len(), place.sampler.groups.len()), (1, 1));
    let entry = place.world.broker.stream(Namespace::DEFAULT, "a").expect("it is there");
    place.world.broker.ask(Request::DeleteStream { stream: entry.id }).expect("it answers at once");
    let seen = place.look(1_000);
    assert_eq!((seen.streams.len(), seen.groups.len(), place.sampler.groups.len()), (0, 0, 0));
}
