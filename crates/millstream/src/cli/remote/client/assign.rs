//! The range assignor: what a group's leader gives to whom.
//!
//! Apart because all members of a group must agree on it, whichever client each of them is.

use std::collections::{BTreeMap, BTreeSet};

use super::consumer_protocol::Assignment;

/// The name by which members offer it.
pub(super) const RANGE: &str = "range";

/// Divides each topic's partitions into consecutive ranges, one per member that wants the topic, in the order of the
/// members' ids; the first members get one more when it does not divide evenly. Every member has an entry.
pub(super) fn range(
    members: &BTreeMap<String, BTreeSet<String>>,
    partitions: &BTreeMap<String, Vec<i32>>,
) -> BTreeMap<String, Assignment> {
    let mut assigned: BTreeMap<String, Assignment> =
        members.keys().map(|member| (member.clone(), Assignment::new())).collect();
    for (topic, indices) in partitions {
        let takers: Vec<&String> =
            members.iter().filter(|(_, topics)| topics.contains(topic)).map(|(member, _)| member).collect();
        if takers.is_empty() {
            continue;
        }
        let each = indices.len() / takers.len();
        let one_more = indices.len() % takers.len();
        let mut rest = indices.as_slice();
        for (place, member) in takers.into_iter().enumerate() {
            let (mine, others) = rest.split_at(each + usize::from(place < one_more));
            rest = others;
            if !mine.is_empty() {
                let assignment = assigned.get_mut(member).expect("every member has an entry");
                assignment.insert(topic.clone(), mine.to_vec());
            }
        }
        assert!(rest.is_empty(), "the shares add up to the whole");
    }
    assigned
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(members: &[(&str, &[&str])]) -> BTreeMap<String, BTreeSet<String>> {
        let names = |topics: &[&str]| topics.iter().map(|topic| (*topic).to_owned()).collect();
        members.iter().map(|(member, topics)| ((*member).to_owned(), names(topics))).collect()
    }

    #[test]
    fn first_members_get_the_partition_that_is_left_over() {
        let partitions = BTreeMap::from([("t".to_owned(), vec![0, 1, 2, 3, 4])]);
        let assigned = range(&members(&[("b", &["t"]), ("a", &["t"])]), &partitions);
        assert_eq!(assigned["a"]["t"], [0, 1, 2]);
        assert_eq!(assigned["b"]["t"], [3, 4]);
    }

    #[test]
    fn only_members_that_want_a_topic_get_it_and_all_have_an_entry() {
        let partitions = BTreeMap::from([("t".to_owned(), vec![0]), ("u".to_owned(), vec![0, 1])]);
        let assigned = range(&members(&[("a", &["t", "u"]), ("b", &["t"]), ("c", &["v"])]), &partitions);
        assert_eq!(
            assigned["a"],
            Assignment::from([("t".to_owned(), vec![0]), ("u".to_owned(), vec![0, 1])])
        );
        assert!(assigned["b"].is_empty() && assigned["c"].is_empty());
    }
}
