//! Committed offsets: an acknowledged commit stays, and nothing else appears.
//!
//! Apart because groups are judged like partitions' watermarks but by names of their own. Clients must commit in
//! ascending order: a lower offset would look like a loss.

use std::collections::HashMap;

use super::{Anomalies, Anomaly, describe};
use crate::history::Event;

#[derive(Clone, Copy, Debug)]
struct Commits {
    acked: i64,
    asked: i64,
}

#[derive(Debug, Default)]
pub(super) struct Groups(HashMap<String, HashMap<u32, Commits>>);

impl Groups {
    fn at(&mut self, group: &str, partition: u32) -> &mut Commits {
        if !self.0.contains_key(group) {
            self.0.insert(group.to_owned(), HashMap::new());
        }
        let group = self.0.get_mut(group).expect("it was just put there");
        group.entry(partition).or_insert(Commits { acked: -1, asked: -1 })
    }

    pub(super) fn commit_asked(&mut self, group: &str, partition: u32, offset: i64) {
        let commits = self.at(group, partition);
        commits.asked = commits.asked.max(offset);
    }

    pub(super) fn committed(&mut self, group: &str, partition: u32, offset: i64) {
        let commits = self.at(group, partition);
        commits.acked = commits.acked.max(offset);
    }

    /// What a question that is asked now must be answered with at least.
    pub(super) fn floor(&mut self, group: &str, partition: u32) -> i64 {
        self.at(group, partition).acked
    }

    pub(super) fn seen(&mut self, event: &Event, partition: u32, floor: i64, anomalies: &mut Anomalies) {
        let offset = event.offset.unwrap_or(-1);
        let asked = self.at(&event.group, partition).asked;
        if offset < floor {
            anomalies
                .add(Anomaly::CommitLost, || format!("{}; {floor} was acknowledged before", describe(event)));
        }
        if offset > asked {
            anomalies
                .add(Anomaly::CommitInvented, || format!("{}; at most {asked} was asked", describe(event)));
        }
    }
}
