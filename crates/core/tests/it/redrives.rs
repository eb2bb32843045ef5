//! Redrives: all that is ready goes elsewhere, at a rate, once through each log.

use crate::broker::Broker;
use millstream_core::lease::{
    FinishMove, GroupCounts, LeaseGroupId, LeaseReply, LeaseRequest, Move, MoveOutcome, MoveReason,
    MoveTarget, Redrive, RedriveState, StartRedrive,
};
use millstream_core::{Request, Ticket};
use millstream_types::{LogId, Offset, StreamId};

fn counts(ready: u64, leased: u64, delayed: u64, moving: u64) -> GroupCounts {
    GroupCounts { ready, leased, delayed, moving, ..GroupCounts::default() }
}

/// Ends the moves that are asked for, each as it is said. `mover`: who asked and has no answer yet.
fn finish(
    broker: &mut Broker,
    mover: &mut Option<Ticket>,
    outcome: impl Fn(&Move) -> MoveOutcome,
) -> Vec<Offset> {
    let ticket = *mover.get_or_insert_with(|| broker.lease(LeaseRequest::TakeMoves));
    broker.advance(0);
    let Some(Ok(LeaseReply::Moves(moves))) = broker.leased(ticket) else { return Vec::new() };
    *mover = None;
    let finish = |of: &Move| {
        assert_eq!(of.reason, MoveReason::Redrive);
        FinishMove { group: of.group, record: of.record, outcome: outcome(of) }
    };
    let finished = moves.iter().map(finish).collect();
    let reply = broker.ask_lease(LeaseRequest::FinishMoves(finished));
    assert_eq!(reply, Ok(LeaseReply::Moved(vec![Ok(true); moves.len()])));
    moves.iter().map(|of| of.record.offset).collect()
}

fn append_to(to: StreamId) -> MoveOutcome {
    MoveOutcome::Append(vec![Broker::batch(LogId { stream: to, index: 0 }, 1)])
}

/// Ends the moves that are asked for in the first log of a stream.
fn carry_out(broker: &mut Broker, mover: &mut Option<Ticket>, to: StreamId) -> usize {
    finish(broker, mover, |_| append_to(to)).len()
}

fn redrives(broker: &mut Broker, group: LeaseGroupId) -> Vec<Redrive> {
    match broker.ask_lease(LeaseRequest::Redrives { group }) {
        Ok(LeaseReply::Redrives(redrives)) => redrives,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_redrive_moves_what_was_ready_at_its_rate_over_a_restart() {
    let mut broker = Broker::new();
    let dead = broker.queue("dead", 1, &[]);
    let source = broker.stream("source", 1);
    broker.fill(dead, 100);
    broker.offsets(dead, 10);
    let group = LeaseGroupId::default_of(dead);
    let start = StartRedrive { group, target: MoveTarget::Stream(source), per_second: Some(20) };
    let begin = || LeaseRequest::StartRedrive(start);
    let Ok(LeaseReply::Redrive { redrive, is_new: true }) = broker.ask_lease(begin()) else { panic!() };
    assert_eq!((redrive.number, redrive.total, redrive.moved), (1, 90, 0));
    let Ok(LeaseReply::Redrive { is_new: false, .. }) = broker.ask_lease(begin()) else {
        panic!("one at a time")
    };
    broker.fill(dead, 5);
    let (mut moved, mut mover) = (0, None);
    for second in 1..=3 {
        broker.advance(1_000);
        moved += carry_out(&mut broker, &mut mover, source);
        assert!((20 * second - 2..=20 * second).contains(&moved), "{moved} after {second} s");
    }
    broker.checkpoint(5_000);
    broker.crash();
    mover = None;
    assert_eq!(redrives(&mut broker, group)[0].state, RedriveState::Running);
    broker.advance(1_000);
    while carry_out(&mut broker, &mut mover, source) > 0 {}
    let cancelled = broker.ask_lease(LeaseRequest::CancelRedrive { group, number: 1 });
    let Ok(LeaseReply::Redrives(listed)) = cancelled else { panic!("{cancelled:?}") };
    assert_eq!(listed[0].state, RedriveState::Cancelled);
    broker.advance(5_000);
    assert_eq!(carry_out(&mut broker, &mut mover, source), 0);
    let fast = StartRedrive { per_second: None, ..start };
    broker.ask_lease(LeaseRequest::StartRedrive(fast)).expect("the first one is over");
    broker.advance(1_000);
    while carry_out(&mut broker, &mut mover, source) > 0 {
        broker.advance(100);
    }
    let both = redrives(&mut broker, group);
    assert_eq!((both.len(), both[1].state, both[0].moved + both[1].moved), (2, RedriveState::Completed, 95));
    assert_eq!(broker.counts(dead), counts(0, 10, 0, 0), "what is out stays");
}

#[test]
fn a_record_that_comes_back_does_not_take_the_turns_of_those_behind_it() {
    let mut broker = Broker::new();
    let dead = broker.queue("dead", 1, &[]);
    let source = broker.stream("source", 1);
    broker.fill(dead, 5);
    let group = LeaseGroupId::default_of(dead);
    let start = StartRedrive { group, target: MoveTarget::Source, per_second: Some(1) };
    broker.ask_lease(LeaseRequest::StartRedrive(start)).expect("it begins");
    let (mut seen, mut mover) = (Vec::new(), None);
    for second in 0..7 {
        broker.advance(1_000);
        seen.extend(finish(&mut broker, &mut mover, |of| match of.record.offset {
            Offset(0 | 2) => MoveOutcome::Return,
            _ => append_to(source),
        }));
        if second == 2 {
            broker.checkpoint(5_000);
            broker.crash();
            mover = None;
        }
    }
    assert_eq!(seen, (0..5).map(Offset).collect::<Vec<_>>(), "each once, in order");
    let ended = redrives(&mut broker, group);
    assert_eq!((ended[0].state, ended[0].moved), (RedriveState::Completed, 5));
    assert_eq!(broker.counts(dead), counts(2, 0, 0, 0));
}

#[test]
fn a_redrive_whose_stream_goes_away_fails_and_says_so_after_a_restart() {
    let mut broker = Broker::new();
    let dead = broker.queue("dead", 1, &[]);
    let other = broker.stream("other", 1);
    broker.fill(dead, 10);
    let group = LeaseGroupId::default_of(dead);
    let start = StartRedrive { group, target: MoveTarget::Stream(other), per_second: Some(2) };
    broker.ask_lease(LeaseRequest::StartRedrive(start)).expect("it begins");
    broker.advance(1_500);
    assert_eq!(carry_out(&mut broker, &mut None, other), 3);
    broker.call(Request::DeleteStream { stream: other });
    broker.advance(5_000);
    let failed = redrives(&mut broker, group);
    assert_eq!((failed[0].state, failed[0].moved), (RedriveState::Failed, 3));
    broker.crash();
    assert_eq!(redrives(&mut broker, group), failed);
    assert_eq!(broker.counts(dead), counts(7, 0, 0, 0));
    let again = StartRedrive { target: MoveTarget::Source, ..start };
    let started = broker.ask_lease(LeaseRequest::StartRedrive(again));
    assert!(matches!(started, Ok(LeaseReply::Redrive { is_new: true, .. })), "{started:?}");
}
