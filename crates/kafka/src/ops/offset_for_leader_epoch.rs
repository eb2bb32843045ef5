//! OffsetForLeaderEpoch (23), versions 2–4: where a leader epoch ended, so that a client finds out whether its log was cut.
//!
//! This broker has led everything in epoch 0 since the first record: that epoch ends at the high watermark. Any other is
//! unknown and answered with epoch −1 and offset −1, as Kafka does; a client that believes in a newer leader is told
//! UNKNOWN_LEADER_EPOCH.

use crate::codec::generated::offset_for_leader_epoch::{
    EpochEndOffset, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, OffsetForLeaderPartition,
    OffsetForLeaderTopic, OffsetForLeaderTopicResult,
};
use crate::codec::{ApiKey, DecodeError, Reader};
use crate::errors::ErrorCode;
use crate::ops::fetch::check_leader_epoch;
use crate::ops::operation;
use crate::ops::topics::find_topic;
use crate::step::{Context, Step};
use millstream_front::registry::Operation;
use millstream_front::{Action, Resource};
use millstream_types::LogId;

pub(crate) const OPERATION: Operation =
    operation(ApiKey::OffsetForLeaderEpoch, "There is one leader epoch, 0.");

/// The epoch in which this broker leads.
const EPOCH: i32 = 0;

pub(crate) fn start(cx: &mut Context, version: i16, r: &mut Reader) -> Result<Step, DecodeError> {
    let request = OffsetForLeaderEpochRequest::decode(version, r)?;
    let topic = |topic: OffsetForLeaderTopic| OffsetForLeaderTopicResult {
        partitions: topic.partitions.iter().map(|partition| one(cx, &topic.topic, partition)).collect(),
        topic: topic.topic,
    };
    let topics = request.topics.into_iter().map(topic).collect();
    Ok(Step::respond(OffsetForLeaderEpochResponse { topics, ..Default::default() }))
}

fn one(cx: &Context, topic: &str, asked: &OffsetForLeaderPartition) -> EpochEndOffset {
    let unknown = EpochEndOffset { partition: asked.partition, ..Default::default() };
    match end(cx, topic, asked) {
        Ok(Some(end_offset)) => EpochEndOffset { leader_epoch: EPOCH, end_offset, ..unknown },
        Ok(None) => unknown,
        Err(code) => EpochEndOffset { error_code: code.0, ..unknown },
    }
}

fn end(cx: &Context, topic: &str, asked: &OffsetForLeaderPartition) -> Result<Option<i64>, ErrorCode> {
    cx.allow(Action::Describe, Resource::Stream(topic))?;
    let unknown = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    let entry = find_topic(cx, topic)?;
    let index = u32::try_from(asked.partition).map_err(|_| unknown)?;
    let log = cx.backend.log(LogId { stream: entry.id, index }).ok_or(unknown)?;
    check_leader_epoch(asked.current_leader_epoch)?;
    let end = i64::try_from(log.high_watermark().0).expect("offsets fit in 63 bits");
    Ok((asked.leader_epoch == EPOCH).then_some(end))
}
