//! Committed positions: what Kafka can say of one that the core cannot.
//!
//! Apart because Kafka lets a client commit a negative offset, meaning "no position" (kafkajs resets groups so), while the
//! core's positions are offsets. Such a commit is kept as the log's first possible offset, which holds back nothing that a
//! reader could still want, with a leader epoch that no client sends.

use millstream_core::cursor::CommittedOffset;
use millstream_types::Offset;

/// "Not known", of an offset or of a leader epoch.
pub(crate) const UNKNOWN: i32 = -1;

/// The leader epoch that stands beside a position that is none.
const NO_POSITION: i32 = i32::MIN;

/// Offset and leader epoch to keep for a commit.
pub(crate) fn position_to_keep(offset: i64, leader_epoch: i32) -> (Offset, i32) {
    match u64::try_from(offset) {
        Ok(offset) => (Offset(offset), leader_epoch.max(UNKNOWN)),
        Err(_) => (Offset::ZERO, NO_POSITION),
    }
}

/// Offset and leader epoch to show for a position; −1 both for one that is none.
pub(crate) fn position_to_show(kept: &CommittedOffset) -> (i64, i32) {
    match kept.leader_epoch {
        NO_POSITION => (i64::from(UNKNOWN), UNKNOWN),
        epoch => (i64::try_from(kept.offset.0).expect("offsets fit in 63 bits"), epoch),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_types::EngineTime;

    #[test]
    fn a_negative_commit_shows_as_no_position() {
        let cases = [((7, 3), (7, 3)), ((0, -1), (0, -1)), ((-1, 3), (-1, -1)), ((-2, -1), (-1, -1))];
        for ((offset, epoch), shown) in cases {
            let (kept, leader_epoch) = position_to_keep(offset, epoch);
            let kept = CommittedOffset {
                offset: kept,
                leader_epoch,
                metadata: "".into(),
                committed: EngineTime(0),
                expires: None,
            };
            assert_eq!(position_to_show(&kept), shown, "{offset} in epoch {epoch}");
        }
        assert_eq!(position_to_keep(5, i32::MIN), (Offset(5), -1), "no client can forge the mark");
    }
}
