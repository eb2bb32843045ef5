//! Being a member of a consumer group: join, get partitions, stay, commit, leave.
//!
//! Apart because it is a conversation with its own rules: the broker says when to begin anew, and a member that does
//! not say goodbye holds up its group until its session ends. The classic protocol, which every broker has.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use millstream_kafka::ErrorCode;
use millstream_kafka::codec::Str;
use millstream_kafka::codec::generated::heartbeat::HeartbeatRequest;
use millstream_kafka::codec::generated::join_group::{
    JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse,
};
use millstream_kafka::codec::generated::leave_group::{LeaveGroupRequest, MemberIdentity};
use millstream_kafka::codec::generated::sync_group::{SyncGroupRequest, SyncGroupRequestAssignment};

use super::consumer_protocol::{
    decode_assignment, decode_subscription, encode_assignment, encode_subscription,
};
use super::{Assignment, Client, ClientError, Connection, GroupOffsets, assign, check};

/// How long the broker waits for a sign of life, and for all members to come to a rebalance. Clients' defaults.
const SESSION_TIMEOUT_MS: i32 = 45_000;
const REBALANCE_TIMEOUT_MS: i32 = 60_000;
/// Rounds of joining after which something is wrong: other members coming and going cost one each.
const JOINS_MAX: u32 = 32;
/// Before a coordinator is looked for again.
const RECONNECT_PAUSE: Duration = Duration::from_millis(200);
/// The kind of group, in the protocol's words.
const PROTOCOL_TYPE: &str = "consumer";

/// What a sign of life was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beat {
    /// All is as it was.
    Stable,
    /// The group is dividing its partitions anew: commit, then [`Membership::join`] again.
    Rejoin,
}

/// A member of a group.
#[derive(Debug)]
pub(crate) struct Membership {
    group: String,
    topics: BTreeSet<String>,
    coordinator: Connection,
    member_id: Str,
    generation: i32,
}

impl Membership {
    /// A member that has not joined yet.
    pub(crate) async fn new(
        client: &mut Client,
        group: &str,
        topics: BTreeSet<String>,
    ) -> Result<Self, ClientError> {
        let coordinator = client.retrying(async |client| client.coordinator(group).await).await?;
        let group = group.to_owned();
        Ok(Self { group, topics, coordinator, member_id: Str::new(), generation: -1 })
    }

    /// Joins or joins again, as often as it takes; gives the partitions that are now ours.
    pub(crate) async fn join(&mut self, client: &mut Client) -> Result<Assignment, ClientError> {
        for _ in 1..JOINS_MAX {
            match self.join_once(client).await {
                Ok(assignment) => return Ok(assignment),
                Err(error) => self.recover(client, error).await?,
            }
        }
        self.join_once(client).await
    }

    /// Gives a sign of life.
    pub(crate) async fn beat(&mut self, client: &mut Client) -> Result<Beat, ClientError> {
        let ask = |_| HeartbeatRequest {
            group_id: self.group.as_str().into(),
            generation_id: self.generation,
            member_id: self.member_id.clone(),
            group_instance_id: None,
        };
        let what = || format!("staying in group {:?}", self.group);
        let alive = match self.coordinator.call(ask).await {
            Ok(response) => check(response.error_code, None, what),
            Err(error) => Err(error),
        };
        match alive {
            Ok(()) => Ok(Beat::Stable),
            Err(error) => self.recover(client, error).await.map(|()| Beat::Rejoin),
        }
    }

    /// Commits offsets as this member. [`Beat::Rejoin`] when the group has gone on without us: what was read since
    /// the last commit will be read again.
    pub(crate) async fn commit(
        &mut self,
        client: &mut Client,
        offsets: &GroupOffsets,
    ) -> Result<Beat, ClientError> {
        if offsets.is_empty() {
            return Ok(Beat::Stable);
        }
        match self.coordinator.commit_offsets(&self.group, self.generation, &self.member_id, offsets).await {
            Ok(()) => Ok(Beat::Stable),
            Err(error) => self.recover(client, error).await.map(|()| Beat::Rejoin),
        }
    }

    /// Says goodbye, so that the others need not wait for the session to end.
    pub(crate) async fn leave(mut self, client: &mut Client) -> Result<(), ClientError> {
        if self.member_id.is_empty() {
            return Ok(());
        }
        // A join that was given up half-way still owes an answer.
        if !self.coordinator.is_usable() {
            self.coordinator = client.coordinator(&self.group).await?;
        }
        let ask = |version| {
            let mut request =
                LeaveGroupRequest { group_id: self.group.as_str().into(), ..Default::default() };
            if version >= 3 {
                request.members =
                    vec![MemberIdentity { member_id: self.member_id.clone(), ..Default::default() }];
            } else {
                request.member_id = self.member_id.clone();
            }
            request
        };
        let response = self.coordinator.call(ask).await?;
        match ErrorCode(response.error_code) {
            // It has already gone on without us.
            ErrorCode::UNKNOWN_MEMBER_ID => Ok(()),
            code => check(code.0, None, || format!("leaving group {:?}", self.group)),
        }
    }

    /// Prepares for joining again after `error`, or gives it back when that would not help.
    async fn recover(&mut self, client: &mut Client, error: ClientError) -> Result<(), ClientError> {
        match error.code() {
            Some(ErrorCode::REBALANCE_IN_PROGRESS | ErrorCode::ILLEGAL_GENERATION) => Ok(()),
            Some(ErrorCode::UNKNOWN_MEMBER_ID) => {
                self.member_id = Str::new();
                Ok(())
            }
            _ if error.is_retriable() => {
                tokio::time::sleep(RECONNECT_PAUSE).await;
                let group = self.group.clone();
                self.coordinator = client.retrying(async |client| client.coordinator(&group).await).await?;
                Ok(())
            }
            _ => Err(error),
        }
    }

    async fn join_once(&mut self, client: &mut Client) -> Result<Assignment, ClientError> {
        let mut joined = self.ask_to_join().await?;
        // A new member is told its id first, so that one that gives up here does not count.
        if ErrorCode(joined.error_code) == ErrorCode::MEMBER_ID_REQUIRED {
            self.member_id = Str::from(joined.member_id.to_string());
            joined = self.ask_to_join().await?;
        }
        check(joined.error_code, None, || format!("joining group {:?}", self.group))?;
        self.member_id = Str::from(joined.member_id.to_string());
        self.generation = joined.generation_id;

        let assignments = if joined.leader == joined.member_id && !joined.skip_assignment {
            assign_all(client, &joined).await?
        } else {
            Vec::new()
        };
        let ask = |_| SyncGroupRequest {
            group_id: self.group.as_str().into(),
            generation_id: self.generation,
            member_id: self.member_id.clone(),
            group_instance_id: None,
            protocol_type: Some(PROTOCOL_TYPE.into()),
            protocol_name: Some(assign::RANGE.into()),
            assignments,
        };
        let wait = Duration::from_millis(REBALANCE_TIMEOUT_MS.unsigned_abs().into());
        let synced = self.coordinator.call_waiting(wait, ask).await?;
        check(synced.error_code, None, || format!("getting partitions from group {:?}", self.group))?;
        decode_assignment(&synced.assignment).ok_or_else(|| ClientError::Nonsense {
            address: self.coordinator.address().to_owned(),
            what: "SyncGroup",
            reason: "the group's leader sent no assignment that can be read".to_owned(),
        })
    }

    async fn ask_to_join(&mut self) -> Result<JoinGroupResponse, ClientError> {
        let ask = |_| JoinGroupRequest {
            group_id: self.group.as_str().into(),
            session_timeout_ms: SESSION_TIMEOUT_MS,
            rebalance_timeout_ms: REBALANCE_TIMEOUT_MS,
            member_id: self.member_id.clone(),
            protocol_type: PROTOCOL_TYPE.into(),
            protocols: vec![JoinGroupRequestProtocol {
                name: assign::RANGE.into(),
                metadata: encode_subscription(&self.topics).into(),
            }],
            ..Default::default()
        };
        // The answer comes when all members have come, or their time is up.
        let wait = Duration::from_millis(REBALANCE_TIMEOUT_MS.unsigned_abs().into());
        self.coordinator.call_waiting(wait, ask).await
    }
}

/// Divides the partitions of all topics that anyone wants; a topic that does not exist has none.
async fn assign_all(
    client: &mut Client,
    joined: &JoinGroupResponse,
) -> Result<Vec<SyncGroupRequestAssignment>, ClientError> {
    let mut members: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for member in &joined.members {
        // Whoever sends what cannot be read gets nothing, and does not keep the others from working.
        let topics = decode_subscription(&member.metadata).unwrap_or_default();
        members.insert(member.member_id.to_string(), topics);
    }
    let mut partitions = BTreeMap::new();
    for topic in members.values().flatten().cloned().collect::<BTreeSet<String>>() {
        if let Some(info) = client.retrying(async |client| client.find_topic(&topic).await).await? {
            partitions.insert(topic, info.indices());
        }
    }
    let assigned = assign::range(&members, &partitions);
    Ok(assigned
        .into_iter()
        .map(|(member, assignment)| SyncGroupRequestAssignment {
            member_id: member.into(),
            assignment: encode_assignment(&assignment).into(),
        })
        .collect())
}
