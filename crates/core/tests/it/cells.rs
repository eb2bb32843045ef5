//! Walks every cell of the state table in the documentation of `cursor`.
//!
//! Apart because the table is read from the source: whoever changes it, or the machine, has to change both.

use crate::broker::Broker;
use crate::people::{REBALANCE_MS, commit, group, join, offer, sync};
use millstream_core::Ticket;
use millstream_core::cursor::{Generation, GroupReply, GroupRequest, GroupState, JoinGroup};
use millstream_types::{ErrorKind, LogId};
use std::sync::Arc;

const SOURCE: &str = include_str!("../../src/cursor/mod.rs");

struct Scene {
    broker: Broker,
    log: LogId,
    leader: Arc<str>,
    follower: Arc<str>,
    generation: Generation,
    /// The leader's session is shorter than anything else.
    brief: bool,
}

fn patient(random: u128) -> JoinGroup {
    JoinGroup { session_timeout_ms: 300_000, ..join("", random) }
}

fn scene(state: &str, event: &str) -> Scene {
    let mut broker = Broker::new();
    let log = LogId { stream: broker.stream("read", 1), index: 0 };
    let brief = event.contains("session");
    let first = if brief { join("", 1) } else { patient(1) };
    let (leader, follower, generation) = broker.pair_of(first, patient(2));
    let mut scene = Scene { broker, log, leader, follower, generation, brief };
    match state {
        "Stable" => {}
        "Empty" => {
            scene.broker.leave(&[(&scene.leader, None), (&scene.follower, None)]);
        }
        "Preparing" | "Completing" => {
            let again = scene.again(&scene.follower.clone(), "other");
            scene.broker.join(again);
            if state == "Completing" {
                let ticket = scene.broker.join(scene.again(&scene.leader.clone(), "r"));
                scene.generation = scene.broker.joined(ticket).generation;
                scene.broker.take_all();
            }
        }
        other => panic!("{other}"),
    }
    assert_eq!(scene.state(), state);
    scene
}

impl Scene {
    /// A member's join with this metadata.
    fn again(&self, member: &str, metadata: &str) -> JoinGroup {
        let base = if self.brief && *member == *self.leader { join("", 0) } else { patient(0) };
        let protocols = vec![offer("range", metadata), offer("sticky", "s")];
        JoinGroup { member: member.into(), protocols, ..base }
    }

    fn state(&mut self) -> &'static str {
        match self.broker.state() {
            None => "none",
            Some(GroupState::Empty) => "Empty",
            Some(GroupState::PreparingRebalance) => "Preparing",
            Some(GroupState::CompletingRebalance) => "Completing",
            Some(GroupState::Stable) => "Stable",
        }
    }

    fn answer(&mut self, ticket: Ticket) -> String {
        let Some(reply) = self.broker.take(ticket) else { return "waits".into() };
        let millstream_core::Reply::Group(reply) = reply else {
            let millstream_core::Reply::Refused(kind) = reply else { panic!("{reply:?}") };
            return format!("{kind:?}");
        };
        let of =
            |results: Vec<Result<(), ErrorKind>>, name: &str| match results.iter().find(|one| one.is_err()) {
                Some(Err(kind)) => format!("{kind:?}"),
                _ => name.into(),
            };
        match *reply {
            GroupReply::Joined(_) => "Joined".into(),
            GroupReply::MemberIdRequired { .. } => "MemberIdRequired".into(),
            GroupReply::Synced(_) => "Synced".into(),
            GroupReply::Alive => "Alive".into(),
            GroupReply::Offsets(_) => "Offsets".into(),
            GroupReply::Left(results) => of(results, "Left"),
            GroupReply::OffsetsCommitted(results) => of(results, "Committed"),
            GroupReply::Deleted(results) => of(results, "Deleted"),
            other => panic!("{other:?}"),
        }
    }

    fn happen(&mut self, event: &str) -> String {
        let (leader, follower, generation) = (self.leader.clone(), self.follower.clone(), self.generation);
        let ticket = match event {
            "a stranger joins" => self.broker.join(patient(3)),
            "a stranger asks for an id" => {
                self.broker.join(JoinGroup { require_known_member: true, ..patient(3) })
            }
            "a stranger joins with another type" => {
                self.broker.join(JoinGroup { protocol_type: "connect".into(), ..patient(3) })
            }
            "the leader joins again" => self.broker.join(self.again(&leader, "r")),
            "the follower joins again" => {
                let metadata = if self.state() == "Stable" { "r" } else { "other" };
                self.broker.join(self.again(&follower, metadata))
            }
            "the follower joins with other metadata" => self.broker.join(self.again(&follower, "new")),
            "the leader syncs" => self.broker.sync(sync(&leader, generation, &[])),
            "the follower syncs" => self.broker.sync(sync(&follower, generation, &[])),
            "the leader syncs an older generation" => {
                self.broker.sync(sync(&leader, Generation(generation.0 - 1), &[]))
            }
            "the leader is heard of" => {
                return match self.broker.heartbeat(&leader, generation) {
                    Ok(()) => "Alive".into(),
                    Err(kind) => format!("{kind:?}"),
                };
            }
            "the follower leaves" | "both leave" => {
                let both = [(&*follower, None), (&*leader, None)];
                let leaving = if event == "both leave" { &both[..] } else { &both[..1] };
                let results = self.broker.leave(leaving);
                return match results.into_iter().find(Result::is_err) {
                    Some(Err(kind)) => format!("{kind:?}"),
                    _ => "Left".into(),
                };
            }
            "the leader commits" => {
                let commit = commit(&leader, generation, &[(self.log, 5)]);
                self.broker.group(GroupRequest::CommitOffsets(commit))
            }
            "a stranger commits" => {
                let commit = commit("", Generation::NONE, &[(self.log, 5)]);
                self.broker.group(GroupRequest::CommitOffsets(commit))
            }
            "the leader's session ends" => {
                self.broker.advance(10_000);
                return "nothing".into();
            }
            "the rebalance timeout passes" => {
                self.broker.advance(REBALANCE_MS);
                return "nothing".into();
            }
            "offsets are fetched" => {
                self.broker.group(GroupRequest::FetchOffsets { group: group("g"), logs: None })
            }
            "the group is deleted" => self.broker.group(GroupRequest::Delete { groups: vec![group("g")] }),
            "the broker starts again" => {
                self.broker.crash();
                return "nothing".into();
            }
            other => panic!("the table has a row that is not tested: {other}"),
        };
        self.answer(ticket)
    }
}

#[test]
fn every_cell_of_the_state_table_is_what_happens() {
    let rows: Vec<Vec<&str>> = SOURCE
        .lines()
        .filter_map(|line| line.strip_prefix("//! | ")?.strip_suffix(" |"))
        .map(|row| row.split(" | ").collect())
        .collect();
    let states = &rows[0][1..];
    assert_eq!(states, ["Empty", "Preparing", "Completing", "Stable"]);
    assert_eq!(
        rows.len(),
        20,
        "the heading and every event; the line between them is written without spaces"
    );
    for row in &rows[1..] {
        let event = row[0];
        for (state, expected) in states.iter().zip(&row[1..]) {
            let mut scene = scene(state, event);
            let answer = scene.happen(event);
            let found = format!("{answer} → {}", scene.state());
            assert_eq!(found, *expected, "{event}, in state {state}");
        }
        assert_eq!(row.len(), 5, "{event}");
    }
}
