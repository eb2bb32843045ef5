//! Walks every cell of the state table in the documentation of `lease`.
//!
//! Apart because the table is read from the source: whoever changes it, or the machine, has to change both.

use crate::broker::Broker;
use crate::work::{ACK, LATE_ACK, RELEASE, lease, take};
use millstream_core::catalog::LeaseSetting;
use millstream_core::lease::{
    Acquire, Action, Binding, FinishMove, LeaseGroupId, LeaseRef, LeaseReply, LeaseRequest, MoveOutcome,
    MoveTarget, RecordMark, SeekTo,
};
use millstream_types::{LogId, Offset, StreamId};

const SOURCE: &str = include_str!("../../src/lease/mod.rs");

/// One record, delivered twice: once under the number 1 and given back, then under the number 2.
struct Scene {
    broker: Broker,
    queue: StreamId,
    dead: StreamId,
    /// What its move goes by, or what a mistaken end of one would say.
    moved: LeaseRef,
}

fn scene(state: &str, event: &str) -> Scene {
    let mut broker = Broker::new();
    let queue = broker.queue("q", 1, &[]);
    let dead = broker.stream("dead", 1);
    let lives_ms = event.contains("time to live").then_some(500);
    broker.fill_marked(queue, &[RecordMark { time_to_live_ms: lives_ms, ..RecordMark::default() }]);
    let binding = match event.contains("connection") {
        true => Binding::Connection { timeout_ms: None },
        false => Binding::Timed { timeout_ms: None },
    };
    let acquire = Acquire { binding, ..take(queue, 1) };
    assert_eq!(broker.acquire(acquire), [(0, 1, 1)]);
    broker.settle(queue, &[(lease(0, 1), RELEASE)]);
    assert_eq!(broker.acquire(acquire), [(0, 2, 2)]);
    let mut moved = lease(0, 2);
    let last = match state {
        "leased" => None,
        "ready" => Some(RELEASE),
        "delayed" => Some(Action::Release { delay_ms: 10_000, delivered: true }),
        "settled" => Some(ACK),
        "moving" => {
            broker.set(queue, LeaseSetting::DeadLetter(Some("dead".into())));
            Some(Action::Reject)
        }
        other => panic!("the table has a state that is not tested: {other}"),
    };
    if let Some(action) = last {
        assert_eq!(broker.settle(queue, &[(lease(0, 2), action)]), [Ok(())]);
    }
    if state == "moving" {
        let mover = broker.lease(LeaseRequest::TakeMoves);
        let Some(Ok(LeaseReply::Moves(moves))) = broker.leased(mover) else { panic!("a move is asked for") };
        moved = moves[0].record;
    }
    let route = event.contains("with a route").then(|| "dead".into());
    broker.set(queue, LeaseSetting::DeadLetter(route));
    if event.contains("limit") {
        broker.set(queue, LeaseSetting::DeliveryLimit(Some(2)));
    }
    let scene = Scene { broker, queue, dead, moved };
    let mut scene = scene;
    assert_eq!(scene.state(), state, "the scene for {event} is set");
    scene
}

impl Scene {
    fn state(&mut self) -> &'static str {
        let counts = self.broker.counts(self.queue);
        match (counts.ready, counts.leased, counts.delayed, counts.moving) {
            (1, 0, 0, 0) => "ready",
            (0, 1, 0, 0) => "leased",
            (0, 0, 1, 0) => "delayed",
            (0, 0, 0, 1) => "moving",
            (0, 0, 0, 0) => "settled",
            other => panic!("one record is in one place: {other:?}"),
        }
    }

    /// What comes of an event, as the table says it.
    fn happen(&mut self, event: &str) -> String {
        let before = self.state();
        let action = match event.split(", ").next().expect("it has a beginning") {
            "ack" => Some((2, ACK)),
            "late ack of its last delivery" => Some((2, LATE_ACK)),
            "late ack of an older delivery" => Some((1, LATE_ACK)),
            "release" => Some((2, RELEASE)),
            "release for later" => Some((2, Action::Release { delay_ms: 10_000, delivered: true })),
            "reject" => Some((2, Action::Reject)),
            "renew" => Some((2, Action::Renew { timeout_ms: 60_000 })),
            _ => None,
        };
        if let Some((number, action)) = action {
            return match self.broker.settle(self.queue, &[(lease(0, number), action)])[0] {
                Ok(()) => format!("→ {}", self.state()),
                Err(error) => {
                    assert_eq!(self.state(), before, "what is refused changes nothing");
                    format!("{error:?}")
                }
            };
        }
        let group = LeaseGroupId::default_of(self.queue);
        let records = vec![(0, Offset(0))];
        let by_place = match event {
            "it is settled by its place" => Some(LeaseRequest::SettleRecords { group, records }),
            "it is redriven by its place" => {
                let target = MoveTarget::Stream(self.dead);
                Some(LeaseRequest::RedriveRecords { group, records, target })
            }
            _ => None,
        };
        if let Some(request) = by_place {
            return match self.broker.ask_lease(request) {
                Ok(LeaseReply::Settled(results)) if results == [Ok(())] => format!("→ {}", self.state()),
                Ok(LeaseReply::Settled(results)) => {
                    assert_eq!(self.state(), before, "what is refused changes nothing");
                    format!("{:?}", results[0].expect_err("it was refused"))
                }
                other => panic!("{other:?}"),
            };
        }
        self.befall(event);
        match self.state() {
            "settled" if before == "settled" => "nothing".into(),
            state if state == before && !event.contains("seeks") => "nothing".into(),
            state => format!("→ {state}"),
        }
    }

    fn befall(&mut self, event: &str) {
        match event {
            "acquire"
            | "acquire, at its delivery limit, with a route"
            | "acquire, at its delivery limit, without" => {
                self.broker.offsets(self.queue, 1);
            }
            "its deadline or delay passes" => self.broker.advance(40_000),
            "its time to live passes, with a route" | "its time to live passes, without" => {
                self.broker.advance(500)
            }
            "its group is purged" => {
                let group = LeaseGroupId::default_of(self.queue);
                let settled = u64::from(self.state() == "ready");
                let reply = self.broker.ask_lease(LeaseRequest::Purge { group });
                assert_eq!(reply, Ok(LeaseReply::Purged { settled }));
            }
            "its move ends in another stream" => {
                let batch = Broker::batch(LogId { stream: self.dead, index: 0 }, 1);
                self.end_move(MoveOutcome::Append(vec![batch]));
            }
            "its move ends with a return" => self.end_move(MoveOutcome::Return),
            "the group seeks to it" => {
                self.broker.seek(self.queue, SeekTo::Offsets(vec![(0, Offset(0))]));
            }
            "the group seeks behind it" => {
                self.broker.seek(self.queue, SeekTo::End);
            }
            "the broker starts again" | "the broker starts again, bound to a connection" => {
                self.broker.crash()
            }
            other => panic!("the table has a row that is not tested: {other}"),
        }
    }

    fn end_move(&mut self, outcome: MoveOutcome) {
        let group = LeaseGroupId::default_of(self.queue);
        let finish = FinishMove { group, record: self.moved, outcome };
        let reply = self.broker.ask_lease(LeaseRequest::FinishMoves(vec![finish]));
        assert!(matches!(reply, Ok(LeaseReply::Moved(_))), "{reply:?}");
    }
}

#[test]
fn every_cell_of_the_lease_table_is_what_happens() {
    let rows: Vec<Vec<&str>> = SOURCE
        .lines()
        .filter_map(|line| line.strip_prefix("//! | ")?.strip_suffix(" |"))
        .map(|row| row.split(" | ").collect())
        .collect();
    let states = &rows[0][1..];
    assert_eq!(states, ["ready", "leased", "delayed", "moving", "settled"]);
    assert_eq!(
        rows.len(),
        25,
        "the heading and every event; the line between them is written without spaces"
    );
    for row in &rows[1..] {
        let event = row[0];
        for (state, expected) in states.iter().zip(&row[1..]) {
            let found = scene(state, event).happen(event);
            assert_eq!(found, *expected, "{event}, in state {state}");
        }
        assert_eq!(row.len(), 6, "{event}");
    }
}
