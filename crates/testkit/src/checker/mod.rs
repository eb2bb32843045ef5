//! Judges a history: was anything lost, invented, repeated, reordered or taken back?
//!
//! Apart from what makes histories because it must be right on its own: its tests plant each anomaly and see it
//! caught. It takes events one by one in the order of time ([`Merge`](crate::history::Merge)) and needs memory per
//! record, not per event. Offsets must be dense: nothing here compacts or makes transactions.

mod anomaly;
mod bounds;
mod catalog;
mod groups;
mod lost;
pub mod queue;
mod reads;
mod records;

pub use anomaly::{Anomalies, Anomaly};

use std::collections::{BTreeMap, HashMap};

use crate::history::{Event, Op, Phase};

/// What a history contains and what is wrong in it.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Everything that must not be.
    pub anomalies: Anomalies,
    /// Operations of each kind by outcome: ok, fail, info. One without an outcome is an info.
    pub operations: BTreeMap<Op, [u64; 3]>,
    /// Records that each process has acknowledgements for.
    pub acked: BTreeMap<String, u64>,
    /// Records that each process read, again and again as it did.
    pub read: BTreeMap<String, u64>,
    /// Times the broker was killed.
    pub kills: u64,
    /// Kills while at least one send was under way, of a broker that had acknowledged some since it was ready.
    pub kills_under_load: u64,
    /// Records that were stored again by senders that allow it.
    pub repeated: u64,
}

impl Verdict {
    /// Operations of all kinds by outcome: ok, fail, info.
    #[must_use]
    pub fn totals(&self) -> [u64; 3] {
        self.operations.values().fold([0; 3], |sum, each| [0, 1, 2].map(|at| sum[at] + each[at]))
    }

    /// Records acknowledged to all processes.
    #[must_use]
    pub fn acked_total(&self) -> u64 {
        self.acked.values().sum()
    }

    /// Records read by all processes.
    #[must_use]
    pub fn read_total(&self) -> u64 {
        self.read.values().sum()
    }
}

/// What an operation that is under way must be measured against when it ends: what was true when it was asked.
#[derive(Debug)]
enum Open {
    Send,
    Bounds(bounds::Floor),
    Trim,
    Commit,
    Committed { floor: i64 },
    Other,
}

/// The checker. Feed it with [`Checker::event`], then ask for the [`Checker::verdict`].
#[derive(Debug, Default)]
pub struct Checker {
    verdict: Verdict,
    processes: HashMap<String, u32>,
    /// By topic, by partition: numbers used everywhere else.
    partitions: HashMap<String, HashMap<u32, u32>>,
    partition_count: u32,
    open: HashMap<(u32, u64), (Op, Open)>,
    open_sends: u64,
    /// The broker has acknowledged a send since it was ready.
    acks_since_ready: bool,
    records: records::Records,
    bounds: bounds::Bounds,
    reads: reads::Reads,
    groups: groups::Groups,
    catalog: catalog::Catalog,
}

impl Checker {
    /// Takes the next event.
    pub fn event(&mut self, event: &Event) {
        let process = number(&mut self.processes, &event.process);
        match event.phase {
            Phase::Invoke => {
                let open = self.invoked(event);
                self.open_sends += u64::from(event.op == Op::Send);
                let before = self.open.insert((process, event.id), (event.op, open));
                if before.is_some() {
                    self.malformed(event, "is invoked twice");
                }
            }
            phase => {
                let open = match self.open.remove(&(process, event.id)) {
                    Some((op, open)) if op == event.op => {
                        self.open_sends -= u64::from(op == Op::Send);
                        open
                    }
                    Some(_) => return self.malformed(event, "ends as another operation than it began"),
                    None => Open::Other,
                };
                let outcome = match phase {
                    Phase::Fail => 1,
                    Phase::Info => 2,
                    Phase::Ok | Phase::Invoke => 0,
                };
                self.verdict.operations.entry(event.op).or_default()[outcome] += 1;
                self.ended(process, event, open);
            }
        }
    }

    /// Judges what can only be judged at the end.
    #[must_use]
    pub fn verdict(mut self) -> Verdict {
        for (op, _) in self.open.values() {
            self.verdict.operations.entry(*op).or_default()[2] += 1;
        }
        let names = self.names();
        let kept = |partition: u32| !self.catalog.delete_was_asked(&names[partition as usize].0);
        let anomalies = &mut self.verdict.anomalies;
        self.records.order(anomalies);
        lost::check(&self.records, &self.reads, &names, kept, anomalies);
        self.verdict.repeated = self.records.repeated;
        self.verdict
    }

    fn invoked(&mut self, event: &Event) -> Open {
        match event.op {
            Op::Send => {
                let partition = self.partition(event);
                let floor = self.bounds.acked_max(partition);
                if let Err(why) = self.records.invoked(event, partition, floor) {
                    self.malformed(event, why);
                }
                Open::Send
            }
            Op::Bounds | Op::Drain => {
                let partition = self.partition(event);
                Open::Bounds(self.bounds.floor(partition))
            }
            Op::Trim => {
                let partition = self.partition(event);
                self.bounds.trim_asked(partition, event.offset.unwrap_or(-1));
                Open::Trim
            }
            Op::Commit => {
                let partition = self.partition(event);
                self.groups.commit_asked(&event.group, partition, event.offset.unwrap_or(-1));
                Open::Commit
            }
            Op::Committed => {
                let partition = self.partition(event);
                Open::Committed { floor: self.groups.floor(&event.group, partition) }
            }
            Op::Delete => {
                self.catalog.delete_asked(&event.topic);
                Open::Other
            }
            _ => Open::Other,
        }
    }

    fn ended(&mut self, process: u32, event: &Event, open: Open) {
        if event.phase != Phase::Ok {
            self.not_ok(event);
            return;
        }
        match (event.op, open) {
            (Op::Send, Open::Send) => self.sent(event),
            (Op::Poll, _) => self.polled(process, event),
            (Op::Seek, _) => {
                let partition = self.partition(event);
                self.reads.seek(process, partition, event.offset.filter(|offset| *offset >= 0));
            }
            (Op::Drain, open) => {
                let partition = self.partition(event);
                let floor = match open {
                    Open::Bounds(floor) => floor,
                    _ => self.bounds.floor(partition),
                };
                let seen = self.bounds.seen(event, partition, floor, &mut self.verdict.anomalies);
                let Some((low, high)) = seen else { return self.malformed(event, "has no bounds") };
                self.reads.drained(process, partition, low, high, event, &mut self.verdict.anomalies);
            }
            (Op::Bounds, Open::Bounds(floor)) => {
                let partition = self.partition(event);
                if self.bounds.seen(event, partition, floor, &mut self.verdict.anomalies).is_none() {
                    self.malformed(event, "has no bounds");
                }
            }
            (Op::Trim, Open::Trim) => {
                let partition = self.partition(event);
                self.bounds.trimmed(event, partition, &mut self.verdict.anomalies);
            }
            (Op::Commit, Open::Commit) => {
                let partition = self.partition(event);
                self.groups.committed(&event.group, partition, event.offset.unwrap_or(-1));
            }
            (Op::Committed, Open::Committed { floor }) => {
                let partition = self.partition(event);
                self.groups.seen(event, partition, floor, &mut self.verdict.anomalies);
            }
            (Op::Create, _) => self.catalog.created(&event.topic),
            (Op::Delete, _) => self.catalog.deleted(&event.topic),
            (Op::Exists, _) => self.catalog.seen(event, &mut self.verdict.anomalies),
            (Op::Kill, _) => {
                self.verdict.kills += 1;
                self.verdict.kills_under_load += u64::from(self.open_sends > 0 && self.acks_since_ready);
                self.acks_since_ready = false;
            }
            (Op::Ready, _) => self.acks_since_ready = false,
            (Op::Send | Op::Bounds | Op::Trim | Op::Commit | Op::Committed | Op::Fatal, _) => {
                self.malformed(event, "is ok without having been invoked");
            }
        }
    }

    fn not_ok(&mut self, event: &Event) {
        if event.phase == Phase::Fail
            && event.offset.is_some_and(|offset| offset >= 0)
            && event.op == Op::Send
        {
            self.verdict.anomalies.add(Anomaly::OffsetOnError, || describe(event));
        }
        match event.op {
            Op::Send if event.phase == Phase::Fail => {
                self.records.failed(event, &mut self.verdict.anomalies);
            }
            Op::Fatal => self.verdict.anomalies.add(Anomaly::ProducerFatal, || describe(event)),
            _ => {}
        }
    }

    fn sent(&mut self, event: &Event) {
        let partition = self.partition(event);
        *self.verdict.acked.entry(event.process.clone()).or_default() += u64::from(event.count);
        self.acks_since_ready = true;
        let anomalies = &mut self.verdict.anomalies;
        self.records.acked(event, partition, anomalies);
        match event.offset {
            Some(offset) if offset < 0 => anomalies.add(Anomaly::OffsetOnError, || describe(event)),
            Some(offset) => self.bounds.acked(partition, offset + i64::from(event.count) - 1),
            None => {}
        }
    }

    fn polled(&mut self, process: u32, event: &Event) {
        let partition = self.partition(event);
        let anomalies = &mut self.verdict.anomalies;
        for run in &event.runs {
            let trim_max = self.bounds.trim_max(partition);
            self.reads.read(process, partition, run, trim_max, event, anomalies);
            self.records.read(event, partition, run, anomalies);
            self.bounds.read(partition, run.offset + i64::from(run.count));
            *self.verdict.read.entry(event.process.clone()).or_default() += u64::from(run.count);
        }
    }

    fn malformed(&mut self, event: &Event, why: &str) {
        self.verdict.anomalies.add(Anomaly::Malformed, || format!("{} {why}", describe(event)));
    }

    fn partition(&mut self, event: &Event) -> u32 {
        // No copy of the name but the first time: this is asked for every event.
        if !self.partitions.contains_key(&event.topic) {
            self.partitions.insert(event.topic.clone(), HashMap::new());
        }
        let topic = self.partitions.get_mut(&event.topic).expect("it was just put there");
        *topic.entry(event.partition).or_insert_with(|| {
            self.partition_count += 1;
            self.partition_count - 1
        })
    }

    /// Topics and partitions by their numbers here.
    fn names(&self) -> Vec<(String, u32)> {
        let mut names = vec![(String::new(), 0); self.partition_count as usize];
        for (topic, partitions) in &self.partitions {
            for (partition, number) in partitions {
                names[*number as usize] = (topic.clone(), *partition);
            }
        }
        names
    }
}

fn number(numbers: &mut HashMap<String, u32>, name: &str) -> u32 {
    if let Some(number) = numbers.get(name) {
        return *number;
    }
    let next = u32::try_from(numbers.len()).expect("fewer processes than numbers");
    numbers.insert(name.to_owned(), next);
    next
}

/// An event in a sentence about an anomaly: its line.
fn describe(event: &Event) -> String {
    serde_json::to_string(event).expect("an event is JSON")
}

#[cfg(test)]
mod tests;
