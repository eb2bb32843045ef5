//! The operations, one file each, named by their API.
//!
//! Apart because whoever wants to know what this broker does with a request opens one file and reads its header: key,
//! versions, behaviour, what differs from Kafka. An operation is a function from its request to a [`Step`]; what it
//! waits for goes on in a closure.

pub(crate) mod alter_configs;
mod altering;
pub(crate) mod api_versions;
pub(crate) mod create_partitions;
pub(crate) mod create_topics;
pub(crate) mod delete_groups;
pub(crate) mod delete_records;
pub(crate) mod delete_topics;
pub(crate) mod describe_cluster;
pub(crate) mod describe_configs;
pub(crate) mod describe_groups;
pub(crate) mod describe_log_dirs;
pub(crate) mod describe_topic_partitions;
pub(crate) mod fetch;
pub(crate) mod find_coordinator;
mod groups;
pub(crate) mod heartbeat;
pub(crate) mod incremental_alter_configs;
pub(crate) mod init_producer_id;
pub(crate) mod join_group;
pub(crate) mod leave_group;
pub(crate) mod list_groups;
pub(crate) mod list_offsets;
pub(crate) mod metadata;
pub(crate) mod offset_commit;
pub(crate) mod offset_delete;
pub(crate) mod offset_fetch;
pub(crate) mod offset_for_leader_epoch;
pub(crate) mod produce;
pub(crate) mod sync_group;
mod topics;

use crate::codec::{ApiKey, DecodeError, Reader};
use crate::step::{Context, Step};
use millstream_front::registry::Operation;

/// Everything this front serves, in the order of the keys.
pub const OPERATIONS: [Operation; 28] = [
    produce::OPERATION,
    fetch::OPERATION,
    list_offsets::OPERATION,
    metadata::OPERATION,
    offset_commit::OPERATION,
    offset_fetch::OPERATION,
    find_coordinator::OPERATION,
    join_group::OPERATION,
    heartbeat::OPERATION,
    leave_group::OPERATION,
    sync_group::OPERATION,
    describe_groups::OPERATION,
    list_groups::OPERATION,
    api_versions::OPERATION,
    create_topics::OPERATION,
    delete_topics::OPERATION,
    delete_records::OPERATION,
    init_producer_id::OPERATION,
    offset_for_leader_epoch::OPERATION,
    describe_configs::OPERATION,
    alter_configs::OPERATION,
    describe_log_dirs::OPERATION,
    create_partitions::OPERATION,
    delete_groups::OPERATION,
    incremental_alter_configs::OPERATION,
    offset_delete::OPERATION,
    describe_cluster::OPERATION,
    describe_topic_partitions::OPERATION,
];

/// The row of each API in [`OPERATIONS`], by its key.
const ROWS: [u8; ROWS_COUNT] = {
    let mut rows = [u8::MAX; ROWS_COUNT];
    let mut row = 0;
    while row < OPERATIONS.len() {
        rows[OPERATIONS[row].number as usize] = row as u8;
        row += 1;
    }
    rows
};
/// Larger than any key.
const ROWS_COUNT: usize = 128;

/// The row of an API in [`OPERATIONS`]: everything that the codec has is served.
pub(crate) fn row(api: ApiKey) -> usize {
    usize::from(ROWS[api as usize])
}

/// What the registry says of an API of the codec.
pub(crate) const fn operation(api: ApiKey, differences: &'static str) -> Operation {
    let versions = api.versions();
    Operation {
        name: api.name(),
        number: api.id(),
        version_min: *versions.start(),
        version_max: *versions.end(),
        differences,
    }
}

/// Starts an operation.
///
/// # Errors
/// When the body cannot be read, or the API or version is not served; the connection ends then, as in Kafka.
pub(crate) fn start(
    cx: &mut Context,
    api: ApiKey,
    version: i16,
    r: &mut Reader,
) -> Result<Step, DecodeError> {
    match api {
        ApiKey::Produce => produce::start(cx, version, r),
        ApiKey::Fetch => fetch::start(cx, version, r),
        ApiKey::ListOffsets => list_offsets::start(cx, version, r),
        ApiKey::Metadata => metadata::start(cx, version, r),
        ApiKey::OffsetCommit => offset_commit::start(cx, version, r),
        ApiKey::OffsetFetch => offset_fetch::start(cx, version, r),
        ApiKey::FindCoordinator => find_coordinator::start(cx, version, r),
        ApiKey::JoinGroup => join_group::start(cx, version, r),
        ApiKey::Heartbeat => heartbeat::start(cx, version, r),
        ApiKey::LeaveGroup => leave_group::start(cx, version, r),
        ApiKey::SyncGroup => sync_group::start(cx, version, r),
        ApiKey::DescribeGroups => describe_groups::start(cx, version, r),
        ApiKey::ListGroups => list_groups::start(cx, version, r),
        ApiKey::DeleteGroups => delete_groups::start(cx, version, r),
        ApiKey::OffsetDelete => offset_delete::start(cx, version, r),
        ApiKey::ApiVersions => api_versions::start(cx, version, r),
        ApiKey::CreateTopics => create_topics::start(cx, version, r),
        ApiKey::DeleteTopics => delete_topics::start(cx, version, r),
        ApiKey::InitProducerId => init_producer_id::start(cx, version, r),
        ApiKey::DescribeConfigs => describe_configs::start(cx, version, r),
        ApiKey::DescribeCluster => describe_cluster::start(cx, version, r),
        ApiKey::DeleteRecords => delete_records::start(cx, version, r),
        ApiKey::OffsetForLeaderEpoch => offset_for_leader_epoch::start(cx, version, r),
        ApiKey::AlterConfigs => alter_configs::start(cx, version, r),
        ApiKey::DescribeLogDirs => describe_log_dirs::start(cx, version, r),
        ApiKey::CreatePartitions => create_partitions::start(cx, version, r),
        ApiKey::IncrementalAlterConfigs => incremental_alter_configs::start(cx, version, r),
        ApiKey::DescribeTopicPartitions => describe_topic_partitions::start(cx, version, r),
    }
}
