//! What an operator can set about groups.
//!
//! Apart because these are arguments of the shard, not limits of the format: two starts of a broker may use
//! different ones on the same data.

/// Settings of all groups of a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupOptions {
    /// How long the first rebalance of an empty group waits for more members, extended by each that comes, up to
    /// the largest rebalance timeout. Default 0: a group of one starts at once, and members that come later cost a
    /// rebalance each; large groups that start together gain by some seconds here.
    pub initial_delay_ms: u64,
    /// Shortest session timeout a member may ask for. Default 6,000.
    pub session_timeout_min_ms: u32,
    /// Longest session timeout a member may ask for. Default 1,800,000: half an hour.
    pub session_timeout_max_ms: u32,
    /// Members of one group at most. Default and largest value:
    /// [`MEMBERS_PER_GROUP_MAX`](millstream_types::limits::MEMBERS_PER_GROUP_MAX).
    pub members_max: usize,
    /// Offsets of a group that has been without members for this long are forgotten, those of readers outside any
    /// membership this long after their last commit. Default: seven days.
    pub offsets_retention_ms: u64,
    /// How often it is looked for offsets to forget. Default: ten minutes.
    pub offsets_check_interval_ms: u64,
}

impl Default for GroupOptions {
    fn default() -> GroupOptions {
        GroupOptions {
            initial_delay_ms: 0,
            session_timeout_min_ms: 6_000,
            session_timeout_max_ms: 1_800_000,
            members_max: millstream_types::limits::MEMBERS_PER_GROUP_MAX,
            offsets_retention_ms: 7 * 24 * 3_600_000,
            offsets_check_interval_ms: 600_000,
        }
    }
}
