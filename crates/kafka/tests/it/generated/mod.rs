//! Random messages of every API and a visit to each, for round trips.
//!
//! Apart from the other tests because no line of it is written by hand.
//! Written by `cargo xtask codegen kafka` from the message definitions of Kafka 4.3.1; do not edit.

mod alter_configs;
mod api_versions;
mod create_partitions;
mod create_topics;
mod delete_groups;
mod delete_records;
mod delete_topics;
mod describe_cluster;
mod describe_configs;
mod describe_groups;
mod describe_log_dirs;
mod describe_topic_partitions;
mod fetch;
mod find_coordinator;
mod heartbeat;
mod incremental_alter_configs;
mod init_producer_id;
mod join_group;
mod leave_group;
mod list_groups;
mod list_offsets;
mod metadata;
mod offset_commit;
mod offset_delete;
mod offset_fetch;
mod offset_for_leader_epoch;
mod produce;
mod sync_group;

use crate::random::Visitor;

use millstream_kafka::codec::generated as codec;

/// Shows every message type to the visitor.
pub(crate) fn visit(visitor: &mut impl Visitor) {
    visitor.message::<codec::produce::ProduceRequest>();
    visitor.message::<codec::produce::ProduceResponse>();
    visitor.message::<codec::fetch::FetchRequest>();
    visitor.message::<codec::fetch::FetchResponse>();
    visitor.message::<codec::list_offsets::ListOffsetsRequest>();
    visitor.message::<codec::list_offsets::ListOffsetsResponse>();
    visitor.message::<codec::metadata::MetadataRequest>();
    visitor.message::<codec::metadata::MetadataResponse>();
    visitor.message::<codec::offset_commit::OffsetCommitRequest>();
    visitor.message::<codec::offset_commit::OffsetCommitResponse>();
    visitor.message::<codec::offset_fetch::OffsetFetchRequest>();
    visitor.message::<codec::offset_fetch::OffsetFetchResponse>();
    visitor.message::<codec::find_coordinator::FindCoordinatorRequest>();
    visitor.message::<codec::find_coordinator::FindCoordinatorResponse>();
    visitor.message::<codec::join_group::JoinGroupRequest>();
    visitor.message::<codec::join_group::JoinGroupResponse>();
    visitor.message::<codec::heartbeat::HeartbeatRequest>();
    visitor.message::<codec::heartbeat::HeartbeatResponse>();
    visitor.message::<codec::leave_group::LeaveGroupRequest>();
    visitor.message::<codec::leave_group::LeaveGroupResponse>();
    visitor.message::<codec::sync_group::SyncGroupRequest>();
    visitor.message::<codec::sync_group::SyncGroupResponse>();
    visitor.message::<codec::describe_groups::DescribeGroupsRequest>();
    visitor.message::<codec::describe_groups::DescribeGroupsResponse>();
    visitor.message::<codec::list_groups::ListGroupsRequest>();
    visitor.message::<codec::list_groups::ListGroupsResponse>();
    visitor.message::<codec::api_versions::ApiVersionsRequest>();
    visitor.message::<codec::api_versions::ApiVersionsResponse>();
    visitor.message::<codec::create_topics::CreateTopicsRequest>();
    visitor.message::<codec::create_topics::CreateTopicsResponse>();
    visitor.message::<codec::delete_topics::DeleteTopicsRequest>();
    visitor.message::<codec::delete_topics::DeleteTopicsResponse>();
    visitor.message::<codec::delete_records::DeleteRecordsRequest>();
    visitor.message::<codec::delete_records::DeleteRecordsResponse>();
    visitor.message::<codec::init_producer_id::InitProducerIdRequest>();
    visitor.message::<codec::init_producer_id::InitProducerIdResponse>();
    visitor.message::<codec::offset_for_leader_epoch::OffsetForLeaderEpochRequest>();
    visitor.message::<codec::offset_for_leader_epoch::OffsetForLeaderEpochResponse>();
    visitor.message::<codec::describe_configs::DescribeConfigsRequest>();
    visitor.message::<codec::describe_configs::DescribeConfigsResponse>();
    visitor.message::<codec::alter_configs::AlterConfigsRequest>();
    visitor.message::<codec::alter_configs::AlterConfigsResponse>();
    visitor.message::<codec::describe_log_dirs::DescribeLogDirsRequest>();
    visitor.message::<codec::describe_log_dirs::DescribeLogDirsResponse>();
    visitor.message::<codec::create_partitions::CreatePartitionsRequest>();
    visitor.message::<codec::create_partitions::CreatePartitionsResponse>();
    visitor.message::<codec::delete_groups::DeleteGroupsRequest>();
    visitor.message::<codec::delete_groups::DeleteGroupsResponse>();
    visitor.message::<codec::incremental_alter_configs::IncrementalAlterConfigsRequest>();
    visitor.message::<codec::incremental_alter_configs::IncrementalAlterConfigsResponse>();
    visitor.message::<codec::offset_delete::OffsetDeleteRequest>();
    visitor.message::<codec::offset_delete::OffsetDeleteResponse>();
    visitor.message::<codec::describe_cluster::DescribeClusterRequest>();
    visitor.message::<codec::describe_cluster::DescribeClusterResponse>();
    visitor.message::<codec::describe_topic_partitions::DescribeTopicPartitionsRequest>();
    visitor.message::<codec::describe_topic_partitions::DescribeTopicPartitionsResponse>();
}
