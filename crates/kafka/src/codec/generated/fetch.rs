//! Fetch (API key 1), versions 4–18: request and response.
//!
//! Apart because each API has a module of its own, as long as its messages make it.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use core::ops::RangeInclusive;

use crate::codec::{
    ApiKey, DecodeError, EncodeError, Message, Reader, Records, RequestMessage, Str, Uuid, Writer,
};

/// Fetch request, versions 4–18.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchRequest {
    /// String, versions 12–18, nullable, tag 0, left out where the version lacks it.
    pub cluster_id: Option<Str>,
    /// 32-bit integer, versions 4–14. Default: `-1`.
    pub replica_id: i32,
    /// Struct, versions 15–18, tag 1.
    pub replica_state: ReplicaState,
    /// 32-bit integer.
    pub max_wait_ms: i32,
    /// 32-bit integer.
    pub min_bytes: i32,
    /// 32-bit integer. Default: `i32::MAX`.
    pub max_bytes: i32,
    /// 8-bit integer.
    pub isolation_level: i8,
    /// 32-bit integer, versions 7–18, left out where the version lacks it.
    pub session_id: i32,
    /// 32-bit integer, versions 7–18, left out where the version lacks it. Default: `-1`.
    pub session_epoch: i32,
    /// Array.
    pub topics: Vec<FetchTopic>,
    /// Array, versions 7–18.
    pub forgotten_topics_data: Vec<ForgottenTopic>,
    /// String, versions 11–18, left out where the version lacks it.
    pub rack_id: Str,
}

impl Default for FetchRequest {
    fn default() -> Self {
        Self {
            cluster_id: None,
            replica_id: -1,
            replica_state: Default::default(),
            max_wait_ms: 0,
            min_bytes: 0,
            max_bytes: i32::MAX,
            isolation_level: 0,
            session_id: 0,
            session_epoch: -1,
            topics: Vec::new(),
            forgotten_topics_data: Vec::new(),
            rack_id: Str::new(),
        }
    }
}

impl FetchRequest {
    /// The versions the codec has.
    pub const VERSIONS: RangeInclusive<i16> = 4..=18;

    /// Decodes a body.
    ///
    /// # Errors
    /// When the bytes are no such message, or the codec has no such version.
    pub fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Version { message: "FetchRequest", version });
        }
        let flexible = version >= 12;
        let replica_id = if version <= 14 { r.i32()? } else { -1 };
        let max_wait_ms = r.i32()?;
        let min_bytes = r.i32()?;
        let max_bytes = r.i32()?;
        let isolation_level = r.i8()?;
        let session_id = if version >= 7 { r.i32()? } else { 0 };
        let session_epoch = if version >= 7 { r.i32()? } else { -1 };
        let topics = r.array(flexible, FetchTopic::BYTES_MIN, |r| FetchTopic::decode(version, r))?;
        let forgotten_topics_data = if version >= 7 {
            r.array(flexible, ForgottenTopic::BYTES_MIN, |r| ForgottenTopic::decode(version, r))?
        } else {
            Vec::new()
        };
        let rack_id = if version >= 11 { r.string(flexible)? } else { Str::new() };
        let mut cluster_id = None;
        let mut replica_state = Default::default();
        if flexible {
            r.tagged_fields(|r, tag| {
                match tag {
                    0 => cluster_id = r.nullable_string(true)?,
                    1 if version >= 15 => replica_state = ReplicaState::decode(version, r)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(Self {
            cluster_id,
            replica_id,
            replica_state,
            max_wait_ms,
            min_bytes,
            max_bytes,
            isolation_level,
            session_id,
            session_epoch,
            topics,
            forgotten_topics_data,
            rack_id,
        })
    }

    /// Encodes a body.
    ///
    /// # Errors
    /// When the version cannot carry a value, or the codec has no such version.
    pub fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(EncodeError::Version { message: "FetchRequest", version });
        }
        let flexible = version >= 12;
        if version <= 14 {
            w.i32(self.replica_id);
        } else if self.replica_id != -1 {
            return Err(EncodeError::FieldNotInVersion { field: "FetchRequest.replica_id", version });
        }

        w.i32(self.max_wait_ms);
        w.i32(self.min_bytes);
        w.i32(self.max_bytes);
        w.i8(self.isolation_level);
        if version >= 7 {
            w.i32(self.session_id);
        }
        if version >= 7 {
            w.i32(self.session_epoch);
        }
        w.array(flexible, &self.topics, |w, element| element.encode(version, w))?;
        if version >= 7 {
            w.array(flexible, &self.forgotten_topics_data, |w, element| element.encode(version, w))?;
        } else if !self.forgotten_topics_data.is_empty() {
            return Err(EncodeError::FieldNotInVersion {
                field: "FetchRequest.forgotten_topics_data",
                version,
            });
        }

        if version >= 11 {
            w.string(flexible, &self.rack_id)?;
        }
        if flexible {
            let has_cluster_id = self.cluster_id.is_some();
            let has_replica_state = version >= 15 && self.replica_state != ReplicaState::default();
            w.uvarint(u32::from(has_cluster_id) + u32::from(has_replica_state));
            if has_cluster_id {
                w.tagged(0, |w| {
                    w.nullable_string(true, self.cluster_id.as_deref())?;
                    Ok(())
                })?;
            }
            if has_replica_state {
                w.tagged(1, |w| {
                    self.replica_state.encode(version, w)?;
                    Ok(())
                })?;
            }
            if !has_replica_state && self.replica_state != ReplicaState::default() {
                return Err(EncodeError::FieldNotInVersion { field: "FetchRequest.replica_state", version });
            }
        }
        if !flexible && self.replica_state != ReplicaState::default() {
            return Err(EncodeError::FieldNotInVersion { field: "FetchRequest.replica_state", version });
        }
        Ok(())
    }
}

impl Message for FetchRequest {
    const API: ApiKey = ApiKey::Fetch;
    const NAME: &'static str = "FetchRequest";
    const VERSIONS: RangeInclusive<i16> = Self::VERSIONS;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Self::decode(version, r)
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        self.encode(version, w)
    }
}

impl RequestMessage for FetchRequest {
    type Response = FetchResponse;
}

/// Fetch response, versions 4–18.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FetchResponse {
    /// 32-bit integer.
    pub throttle_time_ms: i32,
    /// 16-bit integer, versions 7–18, left out where the version lacks it.
    pub error_code: i16,
    /// 32-bit integer, versions 7–18.
    pub session_id: i32,
    /// Array.
    pub responses: Vec<FetchableTopicResponse>,
    /// Array, versions 16–18, tag 0.
    pub node_endpoints: Vec<NodeEndpoint>,
}

impl FetchResponse {
    /// The versions the codec has.
    pub const VERSIONS: RangeInclusive<i16> = 4..=18;

    /// Decodes a body.
    ///
    /// # Errors
    /// When the bytes are no such message, or the codec has no such version.
    pub fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Version { message: "FetchResponse", version });
        }
        let flexible = version >= 12;
        let throttle_time_ms = r.i32()?;
        let error_code = if version >= 7 { r.i16()? } else { 0 };
        let session_id = if version >= 7 { r.i32()? } else { 0 };
        let responses = r.array(flexible, FetchableTopicResponse::BYTES_MIN, |r| {
            FetchableTopicResponse::decode(version, r)
        })?;
        let mut node_endpoints = Vec::new();
        if flexible {
            r.tagged_fields(|r, tag| {
                match tag {
                    0 if version >= 16 => {
                        node_endpoints =
                            r.array(true, NodeEndpoint::BYTES_MIN, |r| NodeEndpoint::decode(version, r))?
                    }
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(Self { throttle_time_ms, error_code, session_id, responses, node_endpoints })
    }

    /// Encodes a body.
    ///
    /// # Errors
    /// When the version cannot carry a value, or the codec has no such version.
    pub fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        if !Self::VERSIONS.contains(&version) {
            return Err(EncodeError::Version { message: "FetchResponse", version });
        }
        let flexible = version >= 12;
        w.i32(self.throttle_time_ms);
        if version >= 7 {
            w.error_code(self.error_code);
        }
        if version >= 7 {
            w.i32(self.session_id);
        } else if self.session_id != 0 {
            return Err(EncodeError::FieldNotInVersion { field: "FetchResponse.session_id", version });
        }

        w.array(flexible, &self.responses, |w, element| element.encode(version, w))?;
        if flexible {
            let has_node_endpoints = version >= 16 && !self.node_endpoints.is_empty();
            w.uvarint(u32::from(has_node_endpoints));
            if has_node_endpoints {
                w.tagged(0, |w| {
                    w.array(true, &self.node_endpoints, |w, element| element.encode(version, w))?;
                    Ok(())
                })?;
            }
            if !has_node_endpoints && !self.node_endpoints.is_empty() {
                return Err(EncodeError::FieldNotInVersion {
                    field: "FetchResponse.node_endpoints",
                    version,
                });
            }
        }
        if !flexible && !self.node_endpoints.is_empty() {
            return Err(EncodeError::FieldNotInVersion { field: "FetchResponse.node_endpoints", version });
        }
        Ok(())
    }
}

impl Message for FetchResponse {
    const API: ApiKey = ApiKey::Fetch;
    const NAME: &'static str = "FetchResponse";
    const VERSIONS: RangeInclusive<i16> = Self::VERSIONS;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        Self::decode(version, r)
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        self.encode(version, w)
    }
}

/// Part of the Fetch request, versions 15–18.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicaState {
    /// 32-bit integer. Default: `-1`.
    pub replica_id: i32,
    /// 64-bit integer. Default: `-1`.
    pub replica_epoch: i64,
}

impl Default for ReplicaState {
    fn default() -> Self {
        Self { replica_id: -1, replica_epoch: -1 }
    }
}

impl ReplicaState {
    fn decode(_version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let replica_id = r.i32()?;
        let replica_epoch = r.i64()?;
        r.skip_tagged_fields()?;
        Ok(Self { replica_id, replica_epoch })
    }

    fn encode(&self, _version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        w.i32(self.replica_id);
        w.i64(self.replica_epoch);
        w.uvarint(0);
        Ok(())
    }
}

/// Part of the Fetch request, versions 4–18.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FetchTopic {
    /// String, versions 4–12, left out where the version lacks it.
    pub topic: Str,
    /// UUID, versions 13–18, left out where the version lacks it.
    pub topic_id: Uuid,
    /// Array.
    pub partitions: Vec<FetchPartition>,
}

impl FetchTopic {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 3;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 12;
        let topic = if version <= 12 { r.string(flexible)? } else { Str::new() };
        let topic_id = if version >= 13 { r.uuid()? } else { Uuid::NIL };
        let partitions =
            r.array(flexible, FetchPartition::BYTES_MIN, |r| FetchPartition::decode(version, r))?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { topic, topic_id, partitions })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 12;
        if version <= 12 {
            w.string(flexible, &self.topic)?;
        }
        if version >= 13 {
            w.uuid(self.topic_id);
        }
        w.array(flexible, &self.partitions, |w, element| element.encode(version, w))?;
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

/// Part of the Fetch request, versions 4–18.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchPartition {
    /// 32-bit integer.
    pub partition: i32,
    /// 32-bit integer, versions 9–18, left out where the version lacks it. Default: `-1`.
    pub current_leader_epoch: i32,
    /// 64-bit integer.
    pub fetch_offset: i64,
    /// 32-bit integer, versions 12–18. Default: `-1`.
    pub last_fetched_epoch: i32,
    /// 64-bit integer, versions 5–18, left out where the version lacks it. Default: `-1`.
    pub log_start_offset: i64,
    /// 32-bit integer.
    pub partition_max_bytes: i32,
    /// UUID, versions 17–18, tag 0, left out where the version lacks it.
    pub replica_directory_id: Uuid,
    /// 64-bit integer, versions 18, tag 1, left out where the version lacks it. Default: `i64::MAX`.
    pub high_watermark: i64,
}

impl Default for FetchPartition {
    fn default() -> Self {
        Self {
            partition: 0,
            current_leader_epoch: -1,
            fetch_offset: 0,
            last_fetched_epoch: -1,
            log_start_offset: -1,
            partition_max_bytes: 0,
            replica_directory_id: Uuid::NIL,
            high_watermark: i64::MAX,
        }
    }
}

impl FetchPartition {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 16;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 12;
        let partition = r.i32()?;
        let current_leader_epoch = if version >= 9 { r.i32()? } else { -1 };
        let fetch_offset = r.i64()?;
        let last_fetched_epoch = if version >= 12 { r.i32()? } else { -1 };
        let log_start_offset = if version >= 5 { r.i64()? } else { -1 };
        let partition_max_bytes = r.i32()?;
        let mut replica_directory_id = Uuid::NIL;
        let mut high_watermark = i64::MAX;
        if flexible {
            r.tagged_fields(|r, tag| {
                match tag {
                    0 if version >= 17 => replica_directory_id = r.uuid()?,
                    1 if version >= 18 => high_watermark = r.i64()?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(Self {
            partition,
            current_leader_epoch,
            fetch_offset,
            last_fetched_epoch,
            log_start_offset,
            partition_max_bytes,
            replica_directory_id,
            high_watermark,
        })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 12;
        w.i32(self.partition);
        if version >= 9 {
            w.i32(self.current_leader_epoch);
        }
        w.i64(self.fetch_offset);
        if version >= 12 {
            w.i32(self.last_fetched_epoch);
        } else if self.last_fetched_epoch != -1 {
            return Err(EncodeError::FieldNotInVersion {
                field: "FetchPartition.last_fetched_epoch",
                version,
            });
        }

        if version >= 5 {
            w.i64(self.log_start_offset);
        }
        w.i32(self.partition_max_bytes);
        if flexible {
            let has_replica_directory_id = version >= 17 && !self.replica_directory_id.is_nil();
            let has_high_watermark = version >= 18 && self.high_watermark != i64::MAX;
            w.uvarint(u32::from(has_replica_directory_id) + u32::from(has_high_watermark));
            if has_replica_directory_id {
                w.tagged(0, |w| {
                    w.uuid(self.replica_directory_id);
                    Ok(())
                })?;
            }
            if has_high_watermark {
                w.tagged(1, |w| {
                    w.i64(self.high_watermark);
                    Ok(())
                })?;
            }
        }
        Ok(())
    }
}

/// Part of the Fetch request, versions 7–18.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ForgottenTopic {
    /// String, versions 7–12, left out where the version lacks it.
    pub topic: Str,
    /// UUID, versions 13–18, left out where the version lacks it.
    pub topic_id: Uuid,
    /// Array of 32-bit integers.
    pub partitions: Vec<i32>,
}

impl ForgottenTopic {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 3;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 12;
        let topic = if version <= 12 { r.string(flexible)? } else { Str::new() };
        let topic_id = if version >= 13 { r.uuid()? } else { Uuid::NIL };
        let partitions = r.array(flexible, 4, Reader::i32)?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { topic, topic_id, partitions })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 12;
        if version <= 12 {
            w.string(flexible, &self.topic)?;
        }
        if version >= 13 {
            w.uuid(self.topic_id);
        }
        w.array(flexible, &self.partitions, |w, element| {
            w.i32(*element);
            Ok(())
        })?;
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

/// Part of the Fetch response, versions 4–18.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FetchableTopicResponse {
    /// String, versions 4–12, left out where the version lacks it.
    pub topic: Str,
    /// UUID, versions 13–18, left out where the version lacks it.
    pub topic_id: Uuid,
    /// Array.
    pub partitions: Vec<PartitionData>,
}

impl FetchableTopicResponse {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 3;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 12;
        let topic = if version <= 12 { r.string(flexible)? } else { Str::new() };
        let topic_id = if version >= 13 { r.uuid()? } else { Uuid::NIL };
        let partitions =
            r.array(flexible, PartitionData::BYTES_MIN, |r| PartitionData::decode(version, r))?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { topic, topic_id, partitions })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 12;
        if version <= 12 {
            w.string(flexible, &self.topic)?;
        }
        if version >= 13 {
            w.uuid(self.topic_id);
        }
        w.array(flexible, &self.partitions, |w, element| element.encode(version, w))?;
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

/// Part of the Fetch response, versions 4–18.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionData {
    /// 32-bit integer.
    pub partition_index: i32,
    /// 16-bit integer.
    pub error_code: i16,
    /// 64-bit integer.
    pub high_watermark: i64,
    /// 64-bit integer. Default: `-1`.
    pub last_stable_offset: i64,
    /// 64-bit integer, versions 5–18, left out where the version lacks it. Default: `-1`.
    pub log_start_offset: i64,
    /// Struct, versions 12–18, tag 0.
    pub diverging_epoch: EpochEndOffset,
    /// Struct, versions 12–18, tag 1.
    pub current_leader: LeaderIdAndEpoch,
    /// Struct, versions 12–18, tag 2.
    pub snapshot_id: SnapshotId,
    /// Array, nullable. Default: `Some(Vec::new())`.
    pub aborted_transactions: Option<Vec<AbortedTransaction>>,
    /// 32-bit integer, versions 11–18. Default: `-1`.
    pub preferred_read_replica: i32,
    /// Record batches, nullable. Default: `Some(Records::default())`.
    pub records: Option<Records>,
}

impl Default for PartitionData {
    fn default() -> Self {
        Self {
            partition_index: 0,
            error_code: 0,
            high_watermark: 0,
            last_stable_offset: -1,
            log_start_offset: -1,
            diverging_epoch: Default::default(),
            current_leader: Default::default(),
            snapshot_id: Default::default(),
            aborted_transactions: Some(Vec::new()),
            preferred_read_replica: -1,
            records: Some(Records::default()),
        }
    }
}

impl PartitionData {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 30;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 12;
        let partition_index = r.i32()?;
        let error_code = r.i16()?;
        let high_watermark = r.i64()?;
        let last_stable_offset = r.i64()?;
        let log_start_offset = if version >= 5 { r.i64()? } else { -1 };
        let aborted_transactions = r.nullable_array(flexible, AbortedTransaction::BYTES_MIN, |r| {
            AbortedTransaction::decode(version, r)
        })?;
        let preferred_read_replica = if version >= 11 { r.i32()? } else { -1 };
        let records = r.nullable_records(flexible)?;
        let mut diverging_epoch = Default::default();
        let mut current_leader = Default::default();
        let mut snapshot_id = Default::default();
        if flexible {
            r.tagged_fields(|r, tag| {
                match tag {
                    0 => diverging_epoch = EpochEndOffset::decode(version, r)?,
                    1 => current_leader = LeaderIdAndEpoch::decode(version, r)?,
                    2 => snapshot_id = SnapshotId::decode(version, r)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(Self {
            partition_index,
            error_code,
            high_watermark,
            last_stable_offset,
            log_start_offset,
            diverging_epoch,
            current_leader,
            snapshot_id,
            aborted_transactions,
            preferred_read_replica,
            records,
        })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 12;
        w.i32(self.partition_index);
        w.error_code(self.error_code);
        w.i64(self.high_watermark);
        w.i64(self.last_stable_offset);
        if version >= 5 {
            w.i64(self.log_start_offset);
        }
        match &self.aborted_transactions {
            Some(elements) => w.array(flexible, elements, |w, element| element.encode(version, w))?,
            None => w.null(flexible),
        }
        if version >= 11 {
            w.i32(self.preferred_read_replica);
        } else if self.preferred_read_replica != -1 {
            return Err(EncodeError::FieldNotInVersion {
                field: "PartitionData.preferred_read_replica",
                version,
            });
        }

        w.nullable_records(flexible, self.records.as_ref())?;
        if flexible {
            let has_diverging_epoch = self.diverging_epoch != EpochEndOffset::default();
            let has_current_leader = self.current_leader != LeaderIdAndEpoch::default();
            let has_snapshot_id = self.snapshot_id != SnapshotId::default();
            w.uvarint(
                u32::from(has_diverging_epoch) + u32::from(has_current_leader) + u32::from(has_snapshot_id),
            );
            if has_diverging_epoch {
                w.tagged(0, |w| {
                    self.diverging_epoch.encode(version, w)?;
                    Ok(())
                })?;
            }
            if has_current_leader {
                w.tagged(1, |w| {
                    self.current_leader.encode(version, w)?;
                    Ok(())
                })?;
            }
            if has_snapshot_id {
                w.tagged(2, |w| {
                    self.snapshot_id.encode(version, w)?;
                    Ok(())
                })?;
            }
        }
        if !flexible && self.diverging_epoch != EpochEndOffset::default() {
            return Err(EncodeError::FieldNotInVersion { field: "PartitionData.diverging_epoch", version });
        }
        if !flexible && self.current_leader != LeaderIdAndEpoch::default() {
            return Err(EncodeError::FieldNotInVersion { field: "PartitionData.current_leader", version });
        }
        if !flexible && self.snapshot_id != SnapshotId::default() {
            return Err(EncodeError::FieldNotInVersion { field: "PartitionData.snapshot_id", version });
        }
        Ok(())
    }
}

/// Part of the Fetch response, versions 12–18.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpochEndOffset {
    /// 32-bit integer. Default: `-1`.
    pub epoch: i32,
    /// 64-bit integer. Default: `-1`.
    pub end_offset: i64,
}

impl Default for EpochEndOffset {
    fn default() -> Self {
        Self { epoch: -1, end_offset: -1 }
    }
}

impl EpochEndOffset {
    fn decode(_version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let epoch = r.i32()?;
        let end_offset = r.i64()?;
        r.skip_tagged_fields()?;
        Ok(Self { epoch, end_offset })
    }

    fn encode(&self, _version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        w.i32(self.epoch);
        w.i64(self.end_offset);
        w.uvarint(0);
        Ok(())
    }
}

/// Part of the Fetch response, versions 12–18.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaderIdAndEpoch {
    /// 32-bit integer. Default: `-1`.
    pub leader_id: i32,
    /// 32-bit integer. Default: `-1`.
    pub leader_epoch: i32,
}

impl Default for LeaderIdAndEpoch {
    fn default() -> Self {
        Self { leader_id: -1, leader_epoch: -1 }
    }
}

impl LeaderIdAndEpoch {
    fn decode(_version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let leader_id = r.i32()?;
        let leader_epoch = r.i32()?;
        r.skip_tagged_fields()?;
        Ok(Self { leader_id, leader_epoch })
    }

    fn encode(&self, _version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        w.i32(self.leader_id);
        w.i32(self.leader_epoch);
        w.uvarint(0);
        Ok(())
    }
}

/// Part of the Fetch response, versions 12–18.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotId {
    /// 64-bit integer. Default: `-1`.
    pub end_offset: i64,
    /// 32-bit integer. Default: `-1`.
    pub epoch: i32,
}

impl Default for SnapshotId {
    fn default() -> Self {
        Self { end_offset: -1, epoch: -1 }
    }
}

impl SnapshotId {
    fn decode(_version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let end_offset = r.i64()?;
        let epoch = r.i32()?;
        r.skip_tagged_fields()?;
        Ok(Self { end_offset, epoch })
    }

    fn encode(&self, _version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        w.i64(self.end_offset);
        w.i32(self.epoch);
        w.uvarint(0);
        Ok(())
    }
}

/// Part of the Fetch response, versions 4–18.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AbortedTransaction {
    /// 64-bit integer.
    pub producer_id: i64,
    /// 64-bit integer.
    pub first_offset: i64,
}

impl AbortedTransaction {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 16;

    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let flexible = version >= 12;
        let producer_id = r.i64()?;
        let first_offset = r.i64()?;
        if flexible {
            r.skip_tagged_fields()?;
        }
        Ok(Self { producer_id, first_offset })
    }

    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        let flexible = version >= 12;
        w.i64(self.producer_id);
        w.i64(self.first_offset);
        if flexible {
            w.uvarint(0);
        }
        Ok(())
    }
}

/// Part of the Fetch response, versions 16–18.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeEndpoint {
    /// 32-bit integer.
    pub node_id: i32,
    /// String.
    pub host: Str,
    /// 32-bit integer.
    pub port: i32,
    /// String, nullable.
    pub rack: Option<Str>,
}

impl NodeEndpoint {
    /// The least bytes one takes in any version.
    const BYTES_MIN: usize = 11;

    fn decode(_version: i16, r: &mut Reader) -> Result<Self, DecodeError> {
        let node_id = r.i32()?;
        let host = r.string(true)?;
        let port = r.i32()?;
        let rack = r.nullable_string(true)?;
        r.skip_tagged_fields()?;
        Ok(Self { node_id, host, port, rack })
    }

    fn encode(&self, _version: i16, w: &mut Writer) -> Result<(), EncodeError> {
        w.i32(self.node_id);
        w.string(true, &self.host)?;
        w.i32(self.port);
        w.nullable_string(true, self.rack.as_deref())?;
        w.uvarint(0);
        Ok(())
    }
}
