//! Committing rising offsets for a group without members, and asking for them again.
//!
//! Apart because it commits far more often than a consumer would, so that many commits are under way at a kill.

use std::thread::sleep;
use std::time::Duration;

use anyhow::Context as _;
use millstream_kafka::ErrorCode;
use millstream_kafka::codec::generated::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use millstream_kafka::codec::generated::offset_fetch::{OffsetFetchRequest, OffsetFetchRequestTopic};
use millstream_testkit::history::{Event, Op, Phase};

use super::{Hand, SHARED, World, refusal};
use crate::moment::Moments;

const COMMIT_VERSION: i16 = 8;
const FETCH_VERSION: i16 = 7;
const GROUP: &str = "lean";
const PAUSE: Duration = Duration::from_millis(15);
/// A question after so many commits, and after every new connection.
const COMMITS_PER_QUESTION: i64 = 4;

/// Commits until the run is over.
///
/// # Errors
/// When an answer makes no sense, or the history cannot be written.
pub fn run(world: &World) -> anyhow::Result<()> {
    let mut hand = world.hand("lean-commits")?;
    let mut offset = 0;
    let mut answered = false;
    while hand.ready() {
        if !answered || offset % COMMITS_PER_QUESTION == 0 {
            answered = committed(&mut hand)?;
        }
        offset += 1;
        answered = commit(&mut hand, offset)? && answered;
        sleep(PAUSE);
    }
    hand.history.finish()?;
    Ok(())
}

fn event(op: Op, offset: Option<i64>) -> Event {
    Event { op, group: GROUP.into(), topic: SHARED.name.into(), offset, ..Event::default() }
}

/// Whether it was answered.
fn commit(hand: &mut Hand, offset: i64) -> anyhow::Result<bool> {
    let partition = OffsetCommitRequestPartition {
        partition_index: 0,
        committed_offset: offset,
        committed_metadata: None,
        ..Default::default()
    };
    let ask = OffsetCommitRequest {
        group_id: GROUP.into(),
        generation_id_or_member_epoch: -1,
        topics: vec![OffsetCommitRequestTopic {
            name: SHARED.name.into(),
            partitions: vec![partition],
            ..Default::default()
        }],
        ..Default::default()
    };
    let event = hand.history.invoke(event(Op::Commit, Some(offset)))?;
    Moments::announce(&hand.moments.commit);
    match hand.link.call(COMMIT_VERSION, &ask) {
        Ok(answer) => {
            let answer = answer.topics.into_iter().flat_map(|topic| topic.partitions).next();
            let code = answer.context("an OffsetCommit response without partitions")?.error_code;
            let phase = if code == 0 { Phase::Ok } else { refusal(ErrorCode(code)) };
            let note = if code == 0 { String::new() } else { format!("error {code}") };
            hand.history.done(phase, Event { note, ..event })?;
            Ok(true)
        }
        Err(error) => {
            hand.unknown(event, &error)?;
            Ok(false)
        }
    }
}

/// Whether it was answered.
fn committed(hand: &mut Hand) -> anyhow::Result<bool> {
    let topic = OffsetFetchRequestTopic { name: SHARED.name.into(), partition_indexes: vec![0] };
    let ask = OffsetFetchRequest {
        group_id: GROUP.into(),
        topics: Some(vec![topic]),
        groups: vec![],
        require_stable: false,
    };
    let event = hand.history.invoke(event(Op::Committed, None))?;
    match hand.link.call(FETCH_VERSION, &ask) {
        Ok(answer) => {
            if answer.error_code != 0 {
                let note = format!("error {}", answer.error_code);
                hand.history.done(Phase::Fail, Event { note, ..event })?;
                return Ok(true);
            }
            let partition = answer.topics.into_iter().flat_map(|topic| topic.partitions).next();
            let partition = partition.context("an OffsetFetch response without partitions")?;
            if partition.error_code == 0 {
                let offset = Some(partition.committed_offset);
                hand.history.done(Phase::Ok, Event { offset, ..event })?;
            } else {
                let note = format!("error {}", partition.error_code);
                hand.history.done(Phase::Fail, Event { note, ..event })?;
            }
            Ok(true)
        }
        Err(error) => {
            hand.unknown(event, &error)?;
            Ok(false)
        }
    }
}
