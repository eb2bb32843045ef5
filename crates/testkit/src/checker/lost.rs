//! Acknowledged records that a complete reading lacks, and the shape of what is missing.
//!
//! Apart because the shape names the cause: a lost prefix is a trim or a wrong start, a lost end is a tail that was
//! cut, a hole in the middle is an index or a file.

use std::collections::HashMap;

use super::reads::{Drain, Reads};
use super::records::{Records, State};
use super::{Anomalies, Anomaly};

/// Checks every complete reading against everything that was acknowledged. A partition with acknowledgements and without
/// a complete reading is malformed: it would pass for lack of looking. Those that are not `kept` may be gone.
pub(super) fn check(
    records: &Records,
    reads: &Reads,
    names: &[(String, u32)],
    kept: impl Fn(u32) -> bool,
    anomalies: &mut Anomalies,
) {
    let name = |partition: u32| {
        let (topic, partition) = &names[partition as usize];
        format!("{topic}/{partition}")
    };
    let mut acked: HashMap<u32, Vec<i64>> = HashMap::new();
    for (client, n, value) in records.values() {
        if value.state != State::Acked || !kept(value.partition) {
            continue;
        }
        let offset = if value.acked_at < 0 { value.read_at } else { value.acked_at };
        if offset < 0 {
            anomalies.add(Anomaly::Unseen, || {
                format!(
                    "{}: {client}:{n} was acknowledged without an offset and never read",
                    name(value.partition)
                )
            });
            continue;
        }
        acked.entry(value.partition).or_default().push(offset);
    }
    for (partition, offsets) in &mut acked {
        offsets.sort_unstable();
        offsets.dedup();
        let name = &name(*partition);
        let mut drains = reads.drains.iter().filter(|drain| drain.partition == *partition).peekable();
        if drains.peek().is_none() {
            anomalies
                .add(Anomaly::Malformed, || format!("{name} has acknowledged records and was never drained"));
        }
        for drain in drains {
            check_drain(drain, offsets, name, anomalies);
        }
    }
}

fn check_drain(drain: &Drain, acked: &[i64], name: &str, anomalies: &mut Anomalies) {
    let wanted = &acked[acked.partition_point(|offset| *offset < drain.low)..];
    let missing = |offset: i64| {
        offset >= drain.high || drain.gaps.iter().any(|(from, to)| (*from..*to).contains(&offset))
    };
    for run in wanted.chunk_by(|a, b| missing(*a) == missing(*b)) {
        let (first, last) = (run[0], run[run.len() - 1]);
        if !missing(first) {
            continue;
        }
        let (from_start, to_end) = (first == wanted[0], last == wanted[wanted.len() - 1]);
        let shape = match (from_start, to_end) {
            (true, true) => "everything",
            (true, false) => "lost-prefix",
            (false, true) => "lost-postfix",
            (false, false) => "lost-middle",
        };
        let kind = if to_end { Anomaly::Unseen } else { Anomaly::LostWrite };
        anomalies.add(kind, || {
            format!(
                "{name} as {} read it: {shape}, {} records, offsets {first} to {last}",
                drain.process,
                run.len()
            )
        });
    }
}
