//! DescribeTopicPartitions (75), version 0: topics with their partitions, page by page.
//!
//! Topics come in the order of their names: those asked for, or all. An answer holds as many partitions as the request
//! and the broker allow (2,000), and a cursor to where the next one begins. Eligible leader replicas do not exist here.

use crate::codec::generated::describe_topic_partitions::{
    Cursor, DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse,
    DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};
use crate::codec::{ApiKey, DecodeError, Reader, Str};
use crate::errors::ErrorCode;
use crate::limits::DESCRIBED_PARTITIONS_MAX;
use crate::ops::metadata::TOPIC_OPERATIONS;
use crate::ops::operation;
use crate::ops::topics::find_topic;
use crate::step::{Context, Step};
use crate::translate::{check_topic_name, is_topic_name, topic_id};
use millstream_core::catalog::StreamEntry;
use millstream_front::registry::Operation;
use millstream_front::{Action, Resource};
use std::collections::BTreeSet;
use std::sync::Arc;

pub(crate) const OPERATION: Operation = operation(ApiKey::DescribeTopicPartitions, "");

type Topic = DescribeTopicPartitionsResponseTopic;

pub(crate) fn start(cx: &mut Context, version: i16, r: &mut Reader) -> Result<Step, DecodeError> {
    let request = DescribeTopicPartitionsRequest::decode(version, r)?;
    let asked: BTreeSet<&Str> = request.topics.iter().map(|topic| &topic.name).collect();
    let cursor = request.cursor.as_ref();
    let lost = cursor.is_some_and(|cursor| {
        cursor.partition_index < 0 || !(asked.is_empty() || asked.contains(&cursor.topic_name))
    });
    if lost {
        let refused = |name: &Str| failed(name, ErrorCode::INVALID_REQUEST);
        let topics = asked.into_iter().map(refused).collect();
        return Ok(Step::respond(DescribeTopicPartitionsResponse { topics, ..Default::default() }));
    }
    let from = cursor.map(|cursor| cursor.topic_name.clone()).unwrap_or_default();
    let topics: Vec<(Str, Result<Arc<StreamEntry>, ErrorCode>)> = if asked.is_empty() {
        let all = cx.backend.streams(cx.principal.namespace());
        let named = all.into_iter().filter(|entry| is_topic_name(&entry.name) && *entry.name >= *from);
        named
            .filter(|entry| cx.allow(Action::Describe, Resource::Stream(&entry.name)).is_ok())
            .map(|entry| (Str::from(&*entry.name), Ok(entry)))
            .collect()
    } else {
        asked.range::<&Str, _>(&from..).map(|name| ((*name).clone(), find(cx, name))).collect()
    };
    let limit = request.response_partition_limit.clamp(1, DESCRIBED_PARTITIONS_MAX);
    let room = u32::try_from(limit).expect("clamped to at least 1");
    let first = |name: &str| match cursor {
        Some(cursor) if *cursor.topic_name == *name => u32::try_from(cursor.partition_index).unwrap_or(0),
        _ => 0,
    };
    Ok(Step::respond(page(cx, topics, first, room)))
}

fn find(cx: &Context, name: &str) -> Result<Arc<StreamEntry>, ErrorCode> {
    cx.allow(Action::Describe, Resource::Stream(name))?;
    check_topic_name(name)?;
    find_topic(cx, name)
}

/// One answer with at most `room` partitions.
fn page(
    cx: &Context,
    topics: Vec<(Str, Result<Arc<StreamEntry>, ErrorCode>)>,
    first: impl Fn(&str) -> u32,
    room: u32,
) -> DescribeTopicPartitionsResponse {
    let mut room = room;
    let mut response = DescribeTopicPartitionsResponse::default();
    let cursor = |topic_name: Str, partition: u32| Cursor {
        topic_name,
        partition_index: i32::try_from(partition).expect("a stream has at most 10,000 logs"),
    };
    for (name, found) in topics {
        if room == 0 {
            response.next_cursor = Some(cursor(name, 0));
            break;
        }
        let entry = match found {
            Ok(entry) => entry,
            Err(code) => {
                response.topics.push(failed(&name, code));
                continue;
            }
        };
        let from = first(&name).min(entry.logs);
        let until = entry.logs.min(from + room);
        response.topics.push(described(cx, &entry, from, until));
        if until < entry.logs {
            response.next_cursor = Some(cursor(name, until));
            break;
        }
        room -= until - from;
    }
    response
}

fn described(cx: &Context, entry: &StreamEntry, from: u32, until: u32) -> Topic {
    let node = cx.options.node_id;
    let partition = |index: u32| DescribeTopicPartitionsResponsePartition {
        error_code: 0,
        partition_index: i32::try_from(index).expect("a stream has at most 10,000 logs"),
        leader_id: node,
        leader_epoch: 0,
        replica_nodes: vec![node],
        isr_nodes: vec![node],
        eligible_leader_replicas: Some(Vec::new()),
        last_known_elr: Some(Vec::new()),
        offline_replicas: Vec::new(),
    };
    Topic {
        error_code: 0,
        name: Some(Str::from(&*entry.name)),
        topic_id: topic_id(entry.uid),
        is_internal: false,
        partitions: (from..until).map(partition).collect(),
        topic_authorized_operations: TOPIC_OPERATIONS,
    }
}

fn failed(name: &Str, code: ErrorCode) -> Topic {
    Topic { error_code: code.0, name: Some(name.clone()), ..Default::default() }
}
