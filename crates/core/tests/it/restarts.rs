//! What members notice of a restart: as little as possible.

use crate::broker::Broker;
use crate::people::{REBALANCE_MS, SESSION_MS, commit, join, sync};
use millstream_core::cursor::GroupState;
use millstream_types::{ErrorKind, LogId};

#[test]
fn a_stable_group_goes_on_with_fresh_sessions() {
    let mut broker = Broker::new();
    let stream = broker.stream("read", 1);
    let (leader, follower, generation) = broker.pair();
    broker.advance(SESSION_MS - 1);
    broker.crash();
    broker.advance(SESSION_MS - 1);
    assert_eq!(broker.heartbeat(&leader, generation), Ok(()));
    let at = [(LogId { stream, index: 0 }, 1)];
    assert_eq!(broker.commit(commit(&follower, generation, &at)), Ok(vec![Ok(())]));
    let ticket = broker.sync(sync(&follower, generation, &[]));
    assert_eq!(broker.synced(ticket).assignment, "to follower");
    broker.advance(SESSION_MS);
    assert_eq!(broker.state(), Some(GroupState::Empty), "sessions end after a restart as well");
}

#[test]
fn a_generation_that_was_made_up_is_completed_after_the_restart() {
    let mut broker = Broker::new();
    let (leader, follower, generation) = broker.pair();
    let tickets = [broker.join(join(&leader, 0)), broker.join(join(&follower, 0))];
    let next = tickets.map(|ticket| broker.joined(ticket).generation)[0];
    assert_eq!(next, generation.next());
    broker.sync(sync(&follower, next, &[]));
    broker.crash();
    assert_eq!(broker.heartbeat(&follower, next), Ok(()));
    let waiting = broker.sync(sync(&follower, next, &[]));
    let first = broker.sync(sync(&leader, next, &[(&follower, "after all")]));
    assert_eq!(broker.synced(waiting).assignment, "after all");
    assert_eq!(broker.synced(first).assignment, "");
}

#[test]
fn a_generation_that_nobody_completes_ends_after_the_restart() {
    let mut broker = Broker::new();
    let (leader, follower, generation) = broker.pair();
    broker.join(join(&leader, 0));
    broker.join(join(&follower, 0));
    broker.crash();
    for _ in 0..7 {
        broker.advance(REBALANCE_MS / 8);
        assert_eq!(broker.heartbeat(&follower, generation.next()), Ok(()));
        assert_eq!(broker.heartbeat(&leader, generation.next()), Ok(()));
    }
    broker.advance(REBALANCE_MS / 8);
    assert_eq!(broker.heartbeat(&leader, generation.next()), Err(ErrorKind::UnknownMember));
}

#[test]
fn whoever_was_joining_joins_again() {
    let mut broker = Broker::new();
    let (leader, follower, generation) = broker.pair();
    let lost = broker.join(join("", 3));
    assert_eq!(broker.state(), Some(GroupState::PreparingRebalance));
    broker.crash();
    assert!(broker.take(lost).is_none());
    assert_eq!(broker.heartbeat(&leader, generation), Ok(()), "nobody was told of another generation");
    let ticket = broker.join(join("", 4));
    broker.join(join(&leader, 0));
    broker.join(join(&follower, 0));
    assert_eq!(broker.joined(ticket).generation, generation.next());
}

#[test]
fn what_was_not_durable_was_never_answered() {
    let mut broker = Broker::new();
    let stream = broker.stream("read", 1);
    let (leader, _, generation) = broker.pair();
    broker.sync_always = false;
    let at = [(LogId { stream, index: 0 }, 1)];
    let ticket =
        broker.group(millstream_core::cursor::GroupRequest::CommitOffsets(commit(&leader, generation, &at)));
    assert!(broker.take(ticket).is_none());
    broker.crash();
    broker.sync_always = true;
    assert_eq!(broker.positions("g"), []);
}

#[test]
fn what_a_checkpoint_holds_is_shown_before_anything_else_is_written() {
    let mut broker = Broker::new();
    let stream = broker.queue("work", 1, &[]);
    broker.stream("read", 1);
    broker.pair();
    broker.checkpoint(usize::MAX);
    broker.crash();
    assert_eq!(broker.counts(stream).ready, 0);
    assert_eq!(broker.state(), Some(GroupState::Stable));
    assert_eq!(broker.positions("g"), []);
}
