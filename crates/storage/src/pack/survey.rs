//! What lives where: the facts that the plan is made of.
//!
//! Apart because it looks at every log's index, which is done log by log, with pauses. The indexes are short where there is
//! nothing to pack, since long ones are what is packed.

use std::collections::BTreeMap;

use millstream_types::LogId;

use super::plan::HomeFacts;
use super::quarantine::Quarantine;
use crate::log_reader::{HomeId, LogReader, Pieces};

/// Counts the pieces of all logs by home.
pub struct Survey {
    homes: BTreeMap<HomeId, HomeFacts>,
}

impl Survey {
    /// Begins a survey of these homes: all sealed WAL files and all objects, each with its bytes. Others do not count.
    #[must_use]
    pub fn new(homes: impl IntoIterator<Item = (HomeId, u64)>) -> Survey {
        let facts =
            |(home, bytes)| (home, HomeFacts { home, bytes, live_bytes: 0, live_pieces: 0, live_logs: 0 });
        Survey { homes: homes.into_iter().map(facts).collect() }
    }

    /// Counts one log; returns how many pieces it has. What is in quarantine counts as little as what is dead: it cannot be
    /// packed.
    pub fn add(&mut self, log: LogId, reader: &dyn LogReader, quarantine: &Quarantine) -> u64 {
        let mut last = None;
        let mut count = 0;
        for piece in Pieces::new(reader) {
            count += 1;
            if quarantine.holds(log, &piece) {
                continue;
            }
            let Some(facts) = self.homes.get_mut(&piece.home) else { continue };
            facts.live_bytes += piece.bytes;
            facts.live_pieces += 1;
            // A log's pieces in one home are neighbours, or nearly.
            facts.live_logs += u64::from(last != Some(piece.home));
            last = Some(piece.home);
        }
        count
    }

    /// What was found.
    #[must_use]
    pub fn finish(self) -> Vec<HomeFacts> {
        self.homes.into_values().collect()
    }
}
