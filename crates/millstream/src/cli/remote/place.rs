//! From "the last ten" or "an hour ago" to offsets.
//!
//! Apart because consuming and resetting a group ask the same, and must answer alike where an offset is no longer,
//! or not yet, there.

use std::collections::BTreeMap;

use anyhow::bail;

use super::client::{Client, OffsetAt, TopicInfo};
use super::moment::OffsetSpec;

/// An offset in a partition, between the partition's ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The offset.
    pub(super) offset: i64,
    /// That of the first record there is.
    pub(super) start: i64,
    /// That which the next record will get.
    pub(super) end: i64,
}

/// Finds what `spec` means in each of the partitions.
pub(super) async fn find(
    client: &mut Client,
    topic: &TopicInfo,
    partitions: &[i32],
    spec: OffsetSpec,
    now_ms: i64,
) -> anyhow::Result<BTreeMap<i32, Place>> {
    // The end last: what is stored meanwhile only makes it larger.
    let timed = match spec {
        OffsetSpec::Time(time) => {
            client.offsets(topic, partitions, OffsetAt::Time(time.resolve(now_ms))).await?
        }
        _ => BTreeMap::new(),
    };
    let starts = client.offsets(topic, partitions, OffsetAt::Start).await?;
    let ends = client.offsets(topic, partitions, OffsetAt::End).await?;
    let mut places = BTreeMap::new();
    for &partition in partitions {
        let (Some(&start), Some(&end)) = (starts.get(&partition), ends.get(&partition)) else {
            bail!("the broker does not say where {}/{partition} begins and ends", topic.name);
        };
        let offset = match spec {
            OffsetSpec::Beginning => start,
            OffsetSpec::End => end,
            OffsetSpec::At(offset) => offset,
            OffsetSpec::BeforeEnd(count) => end.saturating_sub(count),
            OffsetSpec::Time(_) => timed.get(&partition).copied().unwrap_or(end),
        };
        places.insert(partition, Place { offset: offset.clamp(start, end.max(start)), start, end });
    }
    Ok(places)
}
