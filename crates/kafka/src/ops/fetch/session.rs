//! Incremental fetch sessions (KIP-227), per connection.
//!
//! Apart because they only save bytes: a client names its partitions once, then says what changed, and is told only
//! what changed. A session that is not found makes the client begin anew, so ending them with their connection is
//! always right.
//!
//! | session id | epoch | meaning |
//! |---|---|---|
//! | 0 | −1 | no session, everything is in this request |
//! | 0 | 0 | everything is in this request, begin a session |
//! | n | −1 | end session n, everything is in this request |
//! | n | 0 | end session n, begin another |
//! | n | e > 0 | go on with session n, whose next epoch must be e |

use super::plan::{Asked, Kind, Part, Plan, Topic};
use crate::codec::generated::fetch::{FetchRequest, FetchResponse, FetchTopic, FetchableTopicResponse};
use crate::codec::{Str, Uuid};
use crate::errors::ErrorCode;
use crate::limits::{FETCH_SESSION_PARTITIONS_MAX, FETCH_SESSIONS_MAX};
use crate::step::Context;
use std::collections::BTreeMap;

/// The sessions of one connection.
#[derive(Default)]
pub(crate) struct FetchSessions {
    by_id: BTreeMap<i32, FetchSession>,
}

/// A session: what is asked for, and what the client was told last.
struct FetchSession {
    next_epoch: i32,
    /// In the order in which the client named them; a topic's partitions need not be together.
    partitions: Vec<Member>,
}

struct Member {
    asked: Asked,
    /// High watermark and log start as last answered; `None` before the first answer and after an error.
    told: Option<(i64, i64)>,
}

/// Finds out what a request asks for.
pub(crate) fn plan(cx: &mut Context, version: i16, request: FetchRequest) -> Result<Plan, ErrorCode> {
    let committed_only = request.isolation_level == 1;
    let (id, epoch) = (request.session_id, request.session_epoch);
    if id != 0 && epoch <= 0 {
        cx.fetch_sessions.by_id.remove(&id);
    }
    if epoch > 0 {
        let sessions = &mut cx.fetch_sessions.by_id;
        let session = sessions.get_mut(&id).ok_or(ErrorCode::FETCH_SESSION_ID_NOT_FOUND)?;
        if epoch != session.next_epoch {
            return Err(ErrorCode::INVALID_FETCH_SESSION_EPOCH);
        }
        session.next_epoch = if epoch == i32::MAX { 1 } else { epoch + 1 };
        session.change(version, request)?;
        let asked: Vec<Asked> = session.partitions.iter().map(|member| member.asked.clone()).collect();
        let parts = asked.into_iter().map(|asked| Part::new(cx, asked)).collect();
        return Ok(Plan { parts, committed_only, kind: Kind::Session { id, first: false } });
    }
    let asked: Vec<Asked> = asked(version, request.topics).collect();
    let kind = if epoch == 0 { begin(cx, &asked) } else { Kind::Full };
    let parts = asked.into_iter().map(|asked| Part::new(cx, asked)).collect();
    Ok(Plan { parts, committed_only, kind })
}

/// Begins a session; without room for one the client simply gets none.
fn begin(cx: &mut Context, asked: &[Asked]) -> Kind {
    let random = cx.backend.random();
    let sessions = &mut cx.fetch_sessions.by_id;
    let fits = sessions.len() < FETCH_SESSIONS_MAX && asked.len() <= FETCH_SESSION_PARTITIONS_MAX;
    let id = i32::try_from(random & 0x7fff_ffff).expect("31 bits").max(1);
    if !fits || sessions.contains_key(&id) {
        return Kind::Full;
    }
    let partitions = asked.iter().map(|asked| Member { asked: owned(asked.clone()), told: None }).collect();
    sessions.insert(id, FetchSession { next_epoch: 1, partitions });
    Kind::Session { id, first: true }
}

impl FetchSession {
    /// Puts the partitions at these places, in ascending order, behind all others: a response that is full always ends
    /// with the last partitions left out, and those must come first in the next one.
    fn put_last(&mut self, served: &[usize]) {
        if served.is_empty() || served.len() == self.partitions.len() {
            return;
        }
        let mut served = served.iter().copied().peekable();
        let (mut first, mut last) = (Vec::with_capacity(self.partitions.len()), Vec::new());
        for (at, member) in std::mem::take(&mut self.partitions).into_iter().enumerate() {
            if served.next_if_eq(&at).is_some() { last.push(member) } else { first.push(member) }
        }
        first.append(&mut last);
        self.partitions = first;
    }

    /// Takes what the client says has changed: other offsets, new partitions, forgotten ones.
    fn change(&mut self, version: i16, request: FetchRequest) -> Result<(), ErrorCode> {
        for forgotten in request.forgotten_topics_data {
            let topic = topic(version, forgotten.topic, forgotten.topic_id);
            self.partitions.retain(|member| {
                member.asked.topic != topic || !forgotten.partitions.contains(&member.asked.partition)
            });
        }
        // Clients name few partitions per request but may hold thousands: look up by index when there are many.
        let mut places: Option<BTreeMap<(Topic, i32), usize>> = None;
        for asked in asked(version, request.topics) {
            let same = |member: &Member| {
                member.asked.partition == asked.partition && member.asked.topic == asked.topic
            };
            let place = if self.partitions.len() <= 8 {
                self.partitions.iter().position(same)
            } else {
                let places = places.get_or_insert_with(|| {
                    let keys = self.partitions.iter().map(|m| (m.asked.topic.clone(), m.asked.partition));
                    keys.zip(0..).collect()
                });
                places.get(&(asked.topic.clone(), asked.partition)).copied()
            };
            match place {
                // The names in a request are slices of its frame; the session keeps the copy it has.
                Some(at) => {
                    let member = &mut self.partitions[at].asked;
                    let topic = member.topic.clone();
                    *member = Asked { topic, ..asked };
                }
                None if self.partitions.len() < FETCH_SESSION_PARTITIONS_MAX => {
                    self.partitions.push(Member { asked: owned(asked), told: None });
                    if let Some(places) = &mut places {
                        let last = self.partitions.len() - 1;
                        let asked = &self.partitions[last].asked;
                        places.insert((asked.topic.clone(), asked.partition), last);
                    }
                }
                None => return Err(ErrorCode::INVALID_REQUEST),
            }
        }
        Ok(())
    }
}

fn asked(version: i16, topics: Vec<FetchTopic>) -> impl Iterator<Item = Asked> {
    topics.into_iter().flat_map(move |named| {
        let topic = topic(version, named.topic, named.topic_id);
        named.partitions.into_iter().map(move |partition| Asked {
            topic: topic.clone(),
            partition: partition.partition,
            leader_epoch: partition.current_leader_epoch,
            offset: partition.fetch_offset,
            max_bytes: partition.partition_max_bytes,
        })
    })
}

fn topic(version: i16, name: Str, id: Uuid) -> Topic {
    if version >= 13 { Topic::Id(id) } else { Topic::Name(name) }
}

/// With a name of its own, so that the request's frame is not kept alive.
fn owned(asked: Asked) -> Asked {
    let topic = match asked.topic {
        Topic::Name(name) => Topic::Name(Str::from(String::from(&*name))),
        Topic::Id(id) => Topic::Id(id),
    };
    Asked { topic, ..asked }
}

/// Makes the answer, and remembers in the session what it says.
pub(crate) fn respond(cx: &mut Context, plan: Plan) -> FetchResponse {
    let Plan { parts, committed_only, kind } = plan;
    let mut session_id = 0;
    let mut session = None;
    let mut everything = true;
    if let Kind::Session { id, first } = kind {
        session = cx.fetch_sessions.by_id.get_mut(&id);
        session_id = id;
        everything = first;
    }
    let mut responses: Vec<FetchableTopicResponse> = Vec::new();
    let mut served = Vec::new();
    for (at, part) in parts.into_iter().enumerate() {
        let bounds = part.bounds();
        let failed = part.code != ErrorCode::NONE;
        let told = session.as_mut().map(|session| &mut session.partitions[at].told);
        let changed =
            failed || !part.records.is_empty() || told.as_ref().is_none_or(|told| **told != Some(bounds));
        if let Some(told) = told {
            *told = (!failed).then_some(bounds);
        }
        if !part.records.is_empty() {
            served.push(at);
        }
        if !everything && !changed {
            continue;
        }
        let topic = part.asked.topic.clone();
        let data = part.into_data(committed_only);
        let (name, topic_id) = match topic {
            Topic::Name(name) => (name, Uuid::NIL),
            Topic::Id(id) => (Str::default(), id),
        };
        match responses.last_mut().filter(|last| last.topic == name && last.topic_id == topic_id) {
            Some(last) => last.partitions.push(data),
            None => {
                responses.push(FetchableTopicResponse { topic: name, topic_id, partitions: vec![data] });
            }
        }
    }
    if let Some(session) = session {
        session.put_last(&served);
    }
    FetchResponse { session_id, responses, ..Default::default() }
}
