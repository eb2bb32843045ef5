//! OffsetFetch (9), versions 1–10: how far groups have read; several groups from version 8, topics by id in version 10.
//!
//! A group's topics may be null from version 2: all that it has offsets for. What has no offset, group and topic included,
//! is answered with offset −1 and no error; only a topic id that is not known is an error. `requireStable` is always true
//! here: there are no transactions whose offsets could be pending. The member id and epoch of version 9 belong to groups
//! of the newer kind and are not looked at, as in Kafka for the classic kind.
//!
//! An error of a whole group stands beside the group, in versions 2 to 7 beside the response, in version 1 beside each
//! partition.

use crate::codec::generated::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics, OffsetFetchResponse,
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};
use crate::codec::{ApiKey, DecodeError, Reader, Str};
use crate::errors::ErrorCode;
use crate::limits::FETCHED_GROUPS_MAX;
use crate::ops::{groups, operation};
use crate::step::{Context, Step};
use crate::translate::{group_error, is_topic_name, position_to_show, topic_id, uid};
use millstream_core::catalog::StreamEntry;
use millstream_core::cursor::{CommittedOffset, GroupReply, GroupRequest};
use millstream_core::{Reply, Request};
use millstream_front::registry::Operation;
use millstream_front::{Action, Authorized, Resource};
use millstream_types::limits::OFFSETS_PER_REQUEST_MAX;
use millstream_types::{LogId, StreamId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub(crate) const OPERATION: Operation = operation(
    ApiKey::OffsetFetch,
    "A request names at most 1,024 groups, and asks for all offsets of a group once.",
);

/// One group of the request.
struct Asked {
    answer: OffsetFetchResponseGroup,
    /// All its offsets are asked for.
    is_all: bool,
    /// Where in the answer the logs that are asked for stand, in order.
    places: Vec<(usize, usize)>,
    /// How many requests it is made of.
    requests: usize,
}

pub(crate) fn start(cx: &mut Context, version: i16, r: &mut Reader) -> Result<Step, DecodeError> {
    let request = OffsetFetchRequest::decode(version, r)?;
    let named = if version >= 8 { request.groups } else { vec![only_group(request)] };
    let mut requests = Vec::new();
    let mut groups = Vec::with_capacity(named.len());
    let mut all = BTreeSet::new();
    for (number, group) in named.into_iter().enumerate() {
        // All offsets of a group can be megabytes, and naming it costs a few bytes.
        let is_too_much =
            number >= FETCHED_GROUPS_MAX || (group.topics.is_none() && !all.insert(group.group_id.clone()));
        groups.push(Asked::new(cx, version, group, is_too_much, &mut requests));
    }
    Ok(Step::Submit(
        requests,
        Box::new(move |cx, replies| {
            let mut replies = replies.into_iter();
            for group in &mut groups {
                let count = group.requests;
                group.take(cx, version, replies.by_ref().take(count));
            }
            let groups: Vec<OffsetFetchResponseGroup> =
                groups.into_iter().map(|group| group.answer).collect();
            Step::respond(if version >= 8 {
                OffsetFetchResponse { groups, ..Default::default() }
            } else {
                single(version, groups)
            })
        }),
    ))
}

/// The group of a request that can name only one.
fn only_group(request: OffsetFetchRequest) -> OffsetFetchRequestGroup {
    let topics = request.topics.map(|topics| {
        let topic = |topic: crate::codec::generated::offset_fetch::OffsetFetchRequestTopic| {
            OffsetFetchRequestTopics {
                name: topic.name,
                partition_indexes: topic.partition_indexes,
                ..Default::default()
            }
        };
        topics.into_iter().map(topic).collect()
    });
    OffsetFetchRequestGroup { group_id: request.group_id, topics, ..Default::default() }
}

/// The answer about the only group.
fn single(version: i16, groups: Vec<OffsetFetchResponseGroup>) -> OffsetFetchResponse {
    let group = groups.into_iter().next().expect("one group was asked about");
    let topic = |topic: OffsetFetchResponseTopics| {
        let partition = |partition: OffsetFetchResponsePartitions| OffsetFetchResponsePartition {
            partition_index: partition.partition_index,
            committed_offset: partition.committed_offset,
            committed_leader_epoch: partition.committed_leader_epoch,
            metadata: partition.metadata,
            error_code: if version < 2 && group.error_code != 0 {
                group.error_code
            } else {
                partition.error_code
            },
        };
        OffsetFetchResponseTopic {
            name: topic.name,
            partitions: topic.partitions.into_iter().map(partition).collect(),
        }
    };
    OffsetFetchResponse {
        topics: group.topics.into_iter().map(topic).collect(),
        error_code: group.error_code,
        ..Default::default()
    }
}

fn no_offset(partition_index: i32, code: ErrorCode) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions {
        partition_index,
        committed_offset: -1,
        error_code: code.0,
        ..Default::default()
    }
}

fn offset(partition_index: i32, kept: &CommittedOffset) -> OffsetFetchResponsePartitions {
    let (committed_offset, committed_leader_epoch) = position_to_show(kept);
    OffsetFetchResponsePartitions {
        partition_index,
        committed_offset,
        committed_leader_epoch,
        metadata: Some(Str::from(&*kept.metadata)),
        error_code: 0,
    }
}

/// A topic of the request: the stream if there is one, or the error of its partitions.
fn find(
    cx: &Context,
    version: i16,
    topic: &OffsetFetchRequestTopics,
) -> Result<Option<Arc<StreamEntry>>, ErrorCode> {
    let namespace = cx.principal.namespace();
    if version >= 10 {
        let entry = cx.backend.stream_by_uid(namespace, uid(topic.topic_id));
        let entry = entry.ok_or(ErrorCode::UNKNOWN_TOPIC_ID)?;
        cx.allow(Action::Describe, Resource::Stream(&entry.name))?;
        return Ok(Some(entry));
    }
    cx.allow(Action::Describe, Resource::Stream(&topic.name))?;
    Ok(cx.backend.stream(namespace, &topic.name))
}

impl Asked {
    fn new(
        cx: &Context,
        version: i16,
        group: OffsetFetchRequestGroup,
        is_too_much: bool,
        requests: &mut Vec<Authorized<Request>>,
    ) -> Asked {
        let is_all = group.topics.is_none();
        let mut places = Vec::new();
        let mut logs = Vec::new();
        let mut topics = Vec::new();
        for topic in group.topics.into_iter().flatten() {
            let stream = find(cx, version, &topic);
            let mut partitions = Vec::with_capacity(topic.partition_indexes.len());
            for index in topic.partition_indexes {
                if let (Ok(Some(entry)), Ok(log)) = (&stream, u32::try_from(index)) {
                    logs.push(LogId { stream: entry.id, index: log });
                    places.push((topics.len(), partitions.len()));
                }
                partitions.push(no_offset(index, stream.as_ref().err().copied().unwrap_or(ErrorCode::NONE)));
            }
            topics.push(OffsetFetchResponseTopics { name: topic.name, topic_id: topic.topic_id, partitions });
        }
        let id = groups::group_id(cx, &group.group_id);
        let answer = OffsetFetchResponseGroup { group_id: group.group_id, topics, error_code: 0 };
        let mut asked = Asked { answer, is_all, places, requests: 0 };
        let grant = match groups::allow(cx, Action::Describe, &asked.answer.group_id) {
            Ok(grant) if !is_too_much => grant,
            Ok(_) => {
                asked.fail(version, ErrorCode::INVALID_REQUEST);
                return asked;
            }
            Err(code) => {
                asked.fail(version, code);
                return asked;
            }
        };
        // Reading a position is something done to the group; the topics were asked about above.
        let before = requests.len();
        let mut ask = |logs| {
            let fetch = GroupRequest::FetchOffsets { group: id.clone(), logs };
            requests.push(grant.allow(groups::request(fetch)));
        };
        if is_all {
            ask(None);
        } else {
            logs.chunks(OFFSETS_PER_REQUEST_MAX).for_each(|logs| ask(Some(logs.to_vec())));
        }
        asked.requests = requests.len() - before;
        asked
    }

    /// Takes the answers to its requests.
    fn take(&mut self, cx: &Context, version: i16, replies: impl Iterator<Item = Reply>) {
        let mut found = Vec::new();
        for reply in replies {
            match groups::answer(reply) {
                Ok(GroupReply::Offsets(offsets)) => found.extend(offsets),
                Ok(_) => unreachable!("a fetch of offsets is answered as one"),
                Err(kind) => return self.fail(version, group_error(kind)),
            }
        }
        if self.is_all {
            self.answer.topics = self.all(cx, version, found);
            return;
        }
        for ((topic, partition), (_, kept)) in self.places.iter().zip(found) {
            if let Some(kept) = kept {
                let place = &mut self.answer.topics[*topic].partitions[*partition];
                *place = offset(place.partition_index, &kept);
            }
        }
    }

    /// Everything that the group has, topics in the order of their creation.
    fn all(
        &self,
        cx: &Context,
        version: i16,
        found: Vec<(LogId, Option<CommittedOffset>)>,
    ) -> Vec<OffsetFetchResponseTopics> {
        if found.is_empty() {
            return Vec::new();
        }
        let streams = cx.backend.streams(cx.principal.namespace());
        let streams: BTreeMap<StreamId, Arc<StreamEntry>> =
            streams.into_iter().map(|entry| (entry.id, entry)).collect();
        let mut topics: BTreeMap<StreamId, Vec<OffsetFetchResponsePartitions>> = BTreeMap::new();
        for (log, kept) in found {
            let index = i32::try_from(log.index).expect("a stream has at most 10,000 logs");
            topics.entry(log.stream).or_default().extend(kept.map(|kept| offset(index, &kept)));
        }
        let topic = |(id, partitions)| {
            let entry = streams.get(&id).filter(|entry| is_topic_name(&entry.name))?;
            cx.allow(Action::Describe, Resource::Stream(&entry.name)).ok()?;
            let (name, topic_id) = if version >= 10 {
                (Str::new(), topic_id(entry.uid))
            } else {
                (Str::from(&*entry.name), crate::codec::Uuid::NIL)
            };
            Some(OffsetFetchResponseTopics { name, topic_id, partitions })
        };
        topics.into_iter().filter_map(topic).collect()
    }

    /// The group as a whole is refused. Version 1 can only say so beside its partitions.
    fn fail(&mut self, version: i16, code: ErrorCode) {
        self.answer.error_code = code.0;
        if version >= 2 {
            self.answer.topics.clear();
        }
    }
}
