//! Three members share a group; one is killed, the others take over, and nothing is lost.
//!
//! The judge knows only what members said: which records they got, and which offsets were committed. A record may come
//! twice only if nobody had committed beyond it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};

use super::Bench;
use crate::clock;
use crate::compat::client::{Message, Process};

const PARTITIONS: u32 = 6;
const MEMBERS: usize = 3;
/// Joining, and noticing a dead member: session timeout (6 s, or the broker's) plus a rebalance, with room for a
/// machine that is busy.
const PATIENCE: Duration = Duration::from_secs(100);
/// How long members may take over what was written to them before more is written.
const ROUND: Duration = Duration::from_millis(500);

pub(super) fn run(bench: &mut Bench<'_>) {
    for protocol in bench.client.abilities.protocols.clone() {
        if !bench.protocols.contains(&protocol) {
            bench.report.note(&format!(
                "group of three ({protocol} protocol): the broker does not offer this protocol"
            ));
            continue;
        }
        let outcome = group(bench, &protocol);
        bench.report.check(
            format!(
                "group of three ({protocol} protocol): one is killed, the others take over, commits hold"
            ),
            outcome,
        );
    }
}

fn group(bench: &mut Bench<'_>, protocol: &str) -> anyhow::Result<()> {
    let topic = bench.topic(&format!("group-{protocol}"));
    bench.client.create(&topic, PARTITIONS)?;
    let mut run = Run::new(bench, topic, protocol.to_owned());

    for _ in 0..MEMBERS {
        run.join()?;
    }
    run.feed_until("all three members get records", |judge| judge.owners.len() == MEMBERS)?;

    let victim = *run.judge.owners.iter().next().context("a member gets records")?;
    run.members.remove(&victim).context("the member runs")?.kill()?;
    run.judge.owners.clear();
    run.judge.killed = Some(victim);
    run.feed_until("the two that are left get every record", |judge| {
        judge.seen == judge.written
            && judge.all_committed()
            && judge.owners.len() == MEMBERS - 1
            && judge.round_partitions() == PARTITIONS
    })?;
    run.leave_all()?;

    // All records are read and committed: a new member gets only what is new.
    run.judge.replay_allowed = false;
    run.join()?;
    run.feed_until("a new member gets what is new", |judge| judge.seen == judge.written)?;
    run.leave_all()
}

/// What the members have said so far.
#[derive(Default)]
struct Judge {
    written: BTreeSet<String>,
    seen: BTreeSet<String>,
    /// Per partition the offset after the last record that somebody got.
    read: BTreeMap<String, u64>,
    /// Per partition the largest next offset that a commit confirmed.
    committed: BTreeMap<String, u64>,
    /// Members that got a record since this was emptied.
    owners: BTreeSet<usize>,
    /// The member that was killed; what it said before may be heard later.
    killed: Option<usize>,
    /// Partitions that somebody got a record of since the last round was written.
    partitions: BTreeSet<u64>,
    /// Whether a record that nobody committed may come again.
    replay_allowed: bool,
}

impl Judge {
    fn round_partitions(&self) -> u32 {
        u32::try_from(self.partitions.len()).unwrap_or(u32::MAX)
    }

    /// A member that is told to leave, or that another one's leaving interrupts, may not come to commit what it got:
    /// only what was confirmed before must not come again.
    fn all_committed(&self) -> bool {
        self.read == self.committed
    }

    fn hear(&mut self, member: usize, event: &Value) -> anyhow::Result<()> {
        match event["event"].as_str() {
            Some("got") => {
                let (partition, offset) = (event["partition"].as_u64(), event["offset"].as_u64());
                let (partition, offset) = partition.zip(offset).context("a place")?;
                let value = event["value"].as_str().context("a value")?;
                let committed = self.committed.get(&partition.to_string()).copied().unwrap_or(0);
                ensure!(
                    offset >= committed,
                    "member {member} got offset {offset} of partition {partition}, committed was {committed}"
                );
                let read = self.read.entry(partition.to_string()).or_default();
                *read = (offset + 1).max(*read);
                ensure!(self.written.contains(value), "member {member} got {value}, which nobody wrote");
                let first_time = self.seen.insert(value.to_owned());
                ensure!(first_time || self.replay_allowed, "member {member} got {value} a second time");
                if self.killed != Some(member) {
                    self.owners.insert(member);
                }
                self.partitions.insert(partition);
            }
            Some("committed") => {
                for (partition, next) in event["offsets"].as_object().context("offsets")? {
                    let next = next.as_u64().context("an offset")?;
                    let committed = self.committed.entry(partition.clone()).or_default();
                    *committed = next.max(*committed);
                }
            }
            Some("ready" | "refused") => {}
            _ => {
                ensure!(event.get("error").is_none(), "member {member}: {}", event["error"]);
            }
        }
        Ok(())
    }
}

struct Run<'a, 'b> {
    bench: &'a mut Bench<'b>,
    topic: String,
    protocol: String,
    members: BTreeMap<usize, Process>,
    started: usize,
    sink: std::sync::mpsc::Sender<(usize, Message)>,
    messages: Receiver<(usize, Message)>,
    judge: Judge,
}

impl<'a, 'b> Run<'a, 'b> {
    fn new(bench: &'a mut Bench<'b>, topic: String, protocol: String) -> Self {
        let (sink, messages) = channel();
        let judge = Judge { replay_allowed: true, ..Judge::default() };
        Self { bench, topic, protocol, members: BTreeMap::new(), started: 0, sink, messages, judge }
    }

    /// Starts one more member.
    fn join(&mut self) -> anyhow::Result<()> {
        let (program, bootstrap) = (self.bench.program, self.bench.broker.bootstrap());
        let member = self.started;
        self.started += 1;
        let mut process = Process::start(program, bootstrap, &self.bench.log, member, self.sink.clone())?;
        let group = format!("{}.group", self.topic);
        process
            .send(&json!({"do": "member", "topic": self.topic, "group": group, "protocol": self.protocol}))?;
        self.members.insert(member, process);
        Ok(())
    }

    /// Writes to all partitions and listens to the members, round after round, until `enough`.
    fn feed_until(&mut self, wish: &str, enough: impl Fn(&Judge) -> bool) -> anyhow::Result<()> {
        let deadline = clock::now() + PATIENCE;
        loop {
            self.judge.partitions.clear();
            for partition in 0..PARTITIONS {
                let first = self.judge.written.len();
                let values: Vec<String> =
                    (first..first + 3).map(|number| format!("value {number}")).collect();
                self.judge.written.extend(values.iter().cloned());
                self.bench.fill(&self.topic, partition, &values)?;
            }
            // Listen the round to its end: records that come late belong to it.
            let round = clock::now() + ROUND;
            while !enough(&self.judge) && clock::now() < round {
                self.listen(Duration::from_millis(50))?;
            }
            if enough(&self.judge) {
                return Ok(());
            }
            if clock::now() > deadline {
                let (seen, written) = (self.judge.seen.len(), self.judge.written.len());
                let lost: Vec<_> = self.judge.written.difference(&self.judge.seen).take(5).collect();
                let who = &self.judge.owners;
                bail!(
                    "waited {} s until {wish}; {seen} of {written} records were read, missing are {lost:?} …; \
                     records came to the members {who:?}",
                    PATIENCE.as_secs()
                );
            }
        }
    }

    fn listen(&mut self, patience: Duration) -> anyhow::Result<()> {
        match self.messages.recv_timeout(patience) {
            Ok((member, Message::Line(event))) => self.judge.hear(member, &event),
            Ok((member, Message::Noise(line))) => {
                bail!("member {member} wrote a line that is no JSON: {line}")
            }
            Ok((member, Message::Ended)) if self.members.contains_key(&member) => {
                bail!("member {member} ended")
            }
            Ok((_, Message::Ended)) | Err(RecvTimeoutError::Timeout) => Ok(()),
            Err(RecvTimeoutError::Disconnected) => bail!("no member is left"),
        }
    }

    /// Closes every member and hears what it still said.
    fn leave_all(&mut self) -> anyhow::Result<()> {
        for (member, process) in std::mem::take(&mut self.members) {
            process.close().with_context(|| format!("member {member} leaves"))?;
        }
        while let Ok((member, message)) = self.messages.try_recv() {
            if let Message::Line(event) = message {
                self.judge.hear(member, &event)?;
            }
        }
        Ok(())
    }
}
