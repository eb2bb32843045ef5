//! All records of a broker, as they were when nothing was damaged, and whether a reading of a damaged one agrees.
//!
//! Apart from the judge because here the question is another one: every byte that is served must be right, what is
//! missing must be refused, and nothing may seem never to have been there.

use std::collections::BTreeMap;

use anyhow::ensure;
use millstream_crash::drain;
use millstream_crash::load::follow::{Fetched, fetch};
use millstream_crash::load::watermarks::{Place, bounds};
use millstream_crash::load::{TOPICS, World};
use millstream_kafka::ErrorCode;
use millstream_testkit::history::Run;

/// A partition, as it was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Partition {
    low: i64,
    high: i64,
    runs: Vec<Run>,
    /// Why reading ended early, if it did.
    refused: Option<ErrorCode>,
}

/// All partitions, as they were read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Reading(BTreeMap<(&'static str, u32), Partition>);

impl Reading {
    /// Reads everything; a partition up to where the broker refuses to go on.
    ///
    /// # Errors
    /// When the broker cannot be reached, or serves what cannot be.
    pub(crate) fn take(world: &World, process: &str) -> anyhow::Result<Reading> {
        let mut hand = drain::connected(world, process)?;
        let mut reading = Reading::default();
        for topic in TOPICS {
            for partition in 0..topic.partitions {
                let place = Place { topic: topic.name, partition };
                let (low, high) = bounds(&mut hand, place)?;
                let mut read = Partition { low, high, runs: Vec::new(), refused: None };
                let mut next = low;
                while next < high {
                    match fetch(&mut hand, place, next)? {
                        Fetched::Records(runs, end) => {
                            ensure!(end > next, "{place:?}: nothing comes at offset {next} of {high}");
                            next = end;
                            runs.into_iter().for_each(|run| join(&mut read.runs, run));
                        }
                        Fetched::Refused(code) => {
                            read.refused = Some(code);
                            break;
                        }
                    }
                }
                reading.0.insert((topic.name, partition), read);
            }
        }
        hand.history.finish()?;
        Ok(reading)
    }

    /// Whether everything could be read.
    pub(crate) fn is_whole(&self) -> bool {
        self.0.values().all(|partition| partition.refused.is_none())
    }

    /// How many records were read.
    pub(crate) fn records(&self) -> u64 {
        self.0.values().flat_map(|partition| &partition.runs).map(|run| u64::from(run.count)).sum()
    }

    /// An error unless this reading shows nothing but what `right` shows, up to where it was refused.
    pub(crate) fn agrees_with(&self, right: &Reading) -> anyhow::Result<()> {
        for (place, partition) in &right.0 {
            let found = &self.0[place];
            ensure!(
                (found.low, found.high) == (partition.low, partition.high),
                "{place:?} seems to hold {}..{} and not {}..{}",
                found.low,
                found.high,
                partition.low,
                partition.high
            );
            let same = match found.refused {
                None => found.runs == partition.runs,
                Some(_) => is_beginning(&found.runs, &partition.runs),
            };
            ensure!(same, "{place:?} holds other records than were written");
        }
        Ok(())
    }
}

/// Adds a run, to the last one if it continues it.
fn join(runs: &mut Vec<Run>, run: Run) {
    match runs.last_mut() {
        Some(last)
            if last.client == run.client
                && last.offset + i64::from(last.count) == run.offset
                && last.n + u64::from(last.count) == run.n =>
        {
            last.count += run.count;
        }
        _ => runs.push(run),
    }
}

/// Whether the runs are those of `whole` up to some record.
fn is_beginning(runs: &[Run], whole: &[Run]) -> bool {
    let Some((last, before)) = runs.split_last() else { return true };
    whole.starts_with(before)
        && whole.get(before.len()).is_some_and(|run| {
            (run.offset, run.client, run.n) == (last.offset, last.client, last.n) && last.count <= run.count
        })
}

#[cfg(test)]
mod tests {
    use super::{Run, is_beginning, join};

    fn run(offset: i64, client: u32, n: u64, count: u32) -> Run {
        Run { offset, client, n, count }
    }

    #[test]
    fn a_reading_that_was_refused_is_right_up_to_there_and_no_further() {
        let whole = [run(0, 1, 0, 5), run(5, 2, 0, 5)];
        for right in [&[][..], &[run(0, 1, 0, 3)], &[run(0, 1, 0, 5)], &[run(0, 1, 0, 5), run(5, 2, 0, 1)]] {
            assert!(is_beginning(right, &whole), "{right:?}");
        }
        for wrong in [&[run(0, 1, 0, 6)][..], &[run(0, 1, 1, 2)], &[run(0, 1, 0, 4), run(5, 2, 0, 1)]] {
            assert!(!is_beginning(wrong, &whole), "{wrong:?}");
        }
    }

    #[test]
    fn runs_that_continue_each_other_are_one() {
        let mut runs = vec![run(0, 1, 0, 5)];
        join(&mut runs, run(5, 1, 5, 2));
        join(&mut runs, run(7, 1, 9, 2));
        assert_eq!(runs, [run(0, 1, 0, 7), run(7, 1, 9, 2)]);
    }
}
