//! The APIs that the codec has, with their keys and versions.
//!
//! Apart because a session needs this table before it knows which message it holds.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

use core::ops::RangeInclusive;

/// An API of Kafka's protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i16)]
pub enum ApiKey {
    /// Key 0, versions 3–13.
    Produce = 0,
    /// Key 1, versions 4–18.
    Fetch = 1,
    /// Key 2, versions 1–11.
    ListOffsets = 2,
    /// Key 3, versions 0–13.
    Metadata = 3,
    /// Key 8, versions 2–10.
    OffsetCommit = 8,
    /// Key 9, versions 1–10.
    OffsetFetch = 9,
    /// Key 10, versions 0–6.
    FindCoordinator = 10,
    /// Key 11, versions 0–9.
    JoinGroup = 11,
    /// Key 12, versions 0–4.
    Heartbeat = 12,
    /// Key 13, versions 0–5.
    LeaveGroup = 13,
    /// Key 14, versions 0–5.
    SyncGroup = 14,
    /// Key 15, versions 0–6.
    DescribeGroups = 15,
    /// Key 16, versions 0–5.
    ListGroups = 16,
    /// Key 18, versions 0–4.
    ApiVersions = 18,
    /// Key 19, versions 2–7.
    CreateTopics = 19,
    /// Key 20, versions 1–6.
    DeleteTopics = 20,
    /// Key 21, versions 0–2.
    DeleteRecords = 21,
    /// Key 22, versions 0–5.
    InitProducerId = 22,
    /// Key 23, versions 2–4.
    OffsetForLeaderEpoch = 23,
    /// Key 32, versions 1–4.
    DescribeConfigs = 32,
    /// Key 33, versions 0–2.
    AlterConfigs = 33,
    /// Key 35, versions 1–5.
    DescribeLogDirs = 35,
    /// Key 37, versions 0–3.
    CreatePartitions = 37,
    /// Key 42, versions 0–2.
    DeleteGroups = 42,
    /// Key 44, versions 0–1.
    IncrementalAlterConfigs = 44,
    /// Key 47, versions 0.
    OffsetDelete = 47,
    /// Key 60, versions 0–2.
    DescribeCluster = 60,
    /// Key 75, versions 0.
    DescribeTopicPartitions = 75,
}

impl ApiKey {
    /// Every API, by key.
    pub const ALL: [Self; 28] = [
        Self::Produce,
        Self::Fetch,
        Self::ListOffsets,
        Self::Metadata,
        Self::OffsetCommit,
        Self::OffsetFetch,
        Self::FindCoordinator,
        Self::JoinGroup,
        Self::Heartbeat,
        Self::LeaveGroup,
        Self::SyncGroup,
        Self::DescribeGroups,
        Self::ListGroups,
        Self::ApiVersions,
        Self::CreateTopics,
        Self::DeleteTopics,
        Self::DeleteRecords,
        Self::InitProducerId,
        Self::OffsetForLeaderEpoch,
        Self::DescribeConfigs,
        Self::AlterConfigs,
        Self::DescribeLogDirs,
        Self::CreatePartitions,
        Self::DeleteGroups,
        Self::IncrementalAlterConfigs,
        Self::OffsetDelete,
        Self::DescribeCluster,
        Self::DescribeTopicPartitions,
    ];

    /// The API with a key from the wire.
    pub const fn from_id(id: i16) -> Option<Self> {
        Some(match id {
            0 => Self::Produce,
            1 => Self::Fetch,
            2 => Self::ListOffsets,
            3 => Self::Metadata,
            8 => Self::OffsetCommit,
            9 => Self::OffsetFetch,
            10 => Self::FindCoordinator,
            11 => Self::JoinGroup,
            12 => Self::Heartbeat,
            13 => Self::LeaveGroup,
            14 => Self::SyncGroup,
            15 => Self::DescribeGroups,
            16 => Self::ListGroups,
            18 => Self::ApiVersions,
            19 => Self::CreateTopics,
            20 => Self::DeleteTopics,
            21 => Self::DeleteRecords,
            22 => Self::InitProducerId,
            23 => Self::OffsetForLeaderEpoch,
            32 => Self::DescribeConfigs,
            33 => Self::AlterConfigs,
            35 => Self::DescribeLogDirs,
            37 => Self::CreatePartitions,
            42 => Self::DeleteGroups,
            44 => Self::IncrementalAlterConfigs,
            47 => Self::OffsetDelete,
            60 => Self::DescribeCluster,
            75 => Self::DescribeTopicPartitions,
            _ => return None,
        })
    }

    /// The key on the wire.
    pub const fn id(self) -> i16 {
        self as i16
    }

    /// The name in Kafka's definitions.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Produce => "Produce",
            Self::Fetch => "Fetch",
            Self::ListOffsets => "ListOffsets",
            Self::Metadata => "Metadata",
            Self::OffsetCommit => "OffsetCommit",
            Self::OffsetFetch => "OffsetFetch",
            Self::FindCoordinator => "FindCoordinator",
            Self::JoinGroup => "JoinGroup",
            Self::Heartbeat => "Heartbeat",
            Self::LeaveGroup => "LeaveGroup",
            Self::SyncGroup => "SyncGroup",
            Self::DescribeGroups => "DescribeGroups",
            Self::ListGroups => "ListGroups",
            Self::ApiVersions => "ApiVersions",
            Self::CreateTopics => "CreateTopics",
            Self::DeleteTopics => "DeleteTopics",
            Self::DeleteRecords => "DeleteRecords",
            Self::InitProducerId => "InitProducerId",
            Self::OffsetForLeaderEpoch => "OffsetForLeaderEpoch",
            Self::DescribeConfigs => "DescribeConfigs",
            Self::AlterConfigs => "AlterConfigs",
            Self::DescribeLogDirs => "DescribeLogDirs",
            Self::CreatePartitions => "CreatePartitions",
            Self::DeleteGroups => "DeleteGroups",
            Self::IncrementalAlterConfigs => "IncrementalAlterConfigs",
            Self::OffsetDelete => "OffsetDelete",
            Self::DescribeCluster => "DescribeCluster",
            Self::DescribeTopicPartitions => "DescribeTopicPartitions",
        }
    }

    /// The versions the codec has: those that Kafka serves, except that Kafka advertises Produce from
    /// version 0 and then refuses what is below 3.
    pub const fn versions(self) -> RangeInclusive<i16> {
        match self {
            Self::Produce => 3..=13,
            Self::Fetch => 4..=18,
            Self::ListOffsets => 1..=11,
            Self::Metadata => 0..=13,
            Self::OffsetCommit => 2..=10,
            Self::OffsetFetch => 1..=10,
            Self::FindCoordinator => 0..=6,
            Self::JoinGroup => 0..=9,
            Self::Heartbeat => 0..=4,
            Self::LeaveGroup => 0..=5,
            Self::SyncGroup => 0..=5,
            Self::DescribeGroups => 0..=6,
            Self::ListGroups => 0..=5,
            Self::ApiVersions => 0..=4,
            Self::CreateTopics => 2..=7,
            Self::DeleteTopics => 1..=6,
            Self::DeleteRecords => 0..=2,
            Self::InitProducerId => 0..=5,
            Self::OffsetForLeaderEpoch => 2..=4,
            Self::DescribeConfigs => 1..=4,
            Self::AlterConfigs => 0..=2,
            Self::DescribeLogDirs => 1..=5,
            Self::CreatePartitions => 0..=3,
            Self::DeleteGroups => 0..=2,
            Self::IncrementalAlterConfigs => 0..=1,
            Self::OffsetDelete => 0..=0,
            Self::DescribeCluster => 0..=2,
            Self::DescribeTopicPartitions => 0..=0,
        }
    }

    /// The first version with compact lengths and tagged fields.
    pub const fn flexible_from(self) -> Option<i16> {
        match self {
            Self::Produce => Some(9),
            Self::Fetch => Some(12),
            Self::ListOffsets => Some(6),
            Self::Metadata => Some(9),
            Self::OffsetCommit => Some(8),
            Self::OffsetFetch => Some(6),
            Self::FindCoordinator => Some(3),
            Self::JoinGroup => Some(6),
            Self::Heartbeat => Some(4),
            Self::LeaveGroup => Some(4),
            Self::SyncGroup => Some(4),
            Self::DescribeGroups => Some(5),
            Self::ListGroups => Some(3),
            Self::ApiVersions => Some(3),
            Self::CreateTopics => Some(5),
            Self::DeleteTopics => Some(4),
            Self::DeleteRecords => Some(2),
            Self::InitProducerId => Some(2),
            Self::OffsetForLeaderEpoch => Some(4),
            Self::DescribeConfigs => Some(4),
            Self::AlterConfigs => Some(2),
            Self::DescribeLogDirs => Some(2),
            Self::CreatePartitions => Some(2),
            Self::DeleteGroups => Some(2),
            Self::IncrementalAlterConfigs => Some(1),
            Self::OffsetDelete => None,
            Self::DescribeCluster => Some(0),
            Self::DescribeTopicPartitions => Some(0),
        }
    }

    /// Whether a version, known or not, has compact lengths and tagged fields.
    pub fn is_flexible(self, version: i16) -> bool {
        self.flexible_from().is_some_and(|first| version >= first)
    }
}
