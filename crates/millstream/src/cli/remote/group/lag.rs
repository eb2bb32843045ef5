//! How far a group is behind, by partition.
//!
//! Apart because it is a join of three answers that need not agree: offsets of topics that are gone, partitions
//! assigned and never committed, commits of members that have left.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::super::client::GroupOffsets;
use super::super::output::Column;

/// Who reads a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    /// The member's id.
    pub(super) member: String,
    /// Where it connects from.
    pub(super) host: String,
}

/// One partition of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Lag {
    topic: String,
    partition: i32,
    /// What the group will read next; `None` before its first commit.
    committed: Option<i64>,
    /// What the next record will get; `None` when the partition is gone.
    end: Option<i64>,
    /// Records between the two.
    pub(super) lag: Option<i64>,
    member: Option<String>,
    host: Option<String>,
}

/// The headings that go with [`Lag::row`].
pub(super) const COLUMNS: [Column; 7] = [
    Column::Text("TOPIC"),
    Column::Number("PARTITION"),
    Column::Number("COMMITTED"),
    Column::Number("END"),
    Column::Number("LAG"),
    Column::Text("MEMBER"),
    Column::Text("HOST"),
];

impl Lag {
    /// One row of the table.
    pub(super) fn row(&self) -> Vec<String> {
        let number = |number: Option<i64>| number.map_or("-".to_owned(), |number| number.to_string());
        let text = |text: &Option<String>| text.clone().unwrap_or("-".to_owned());
        vec![
            self.topic.clone(),
            self.partition.to_string(),
            number(self.committed),
            number(self.end),
            number(self.lag),
            text(&self.member),
            text(&self.host),
        ]
    }
}

/// Joins the three by topic and partition, in that order.
pub(super) fn lags(
    committed: &GroupOffsets,
    ends: &GroupOffsets,
    owners: &BTreeMap<(String, i32), Owner>,
) -> Vec<Lag> {
    let places: BTreeSet<&(String, i32)> = committed.keys().chain(owners.keys()).collect();
    let lag = |place: &(String, i32)| {
        let (committed, end) = (committed.get(place).copied(), ends.get(place).copied());
        let owner = owners.get(place);
        Lag {
            topic: place.0.clone(),
            partition: place.1,
            committed,
            end,
            // A topic that was made anew may end before what was committed in the old one.
            lag: end.zip(committed).map(|(end, committed)| end.saturating_sub(committed).max(0)),
            member: owner.map(|owner| owner.member.clone()),
            host: owner.map(|owner| owner.host.clone()),
        }
    };
    places.into_iter().map(lag).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offsets(offsets: &[(&str, i32, i64)]) -> GroupOffsets {
        offsets.iter().map(|&(topic, partition, offset)| ((topic.to_owned(), partition), offset)).collect()
    }

    #[test]
    fn lag_joins_commits_ends_and_owners() {
        let committed = offsets(&[("gone", 0, 5), ("t", 0, 3), ("t", 1, 9)]);
        let ends = offsets(&[("t", 0, 10), ("t", 1, 4), ("t", 2, 8)]);
        let owner = Owner { member: "m".to_owned(), host: "/127.0.0.1".to_owned() };
        let owners = BTreeMap::from([(("t".to_owned(), 2), owner.clone()), (("t".to_owned(), 0), owner)]);
        let rows: Vec<String> =
            lags(&committed, &ends, &owners).iter().map(|lag| lag.row().join(" ")).collect();
        let expected =
            ["gone 0 5 - - - -", "t 0 3 10 7 m /127.0.0.1", "t 1 9 4 0 - -", "t 2 - 8 - m /127.0.0.1"];
        assert_eq!(rows, expected);
    }
}
