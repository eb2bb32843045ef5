//! Consuming as a member of a group.
//!
//! Apart because of its duties beside reading: signs of life, commits of what was printed, and giving partitions up
//! when the group divides them anew.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval, timeout};

use super::super::args::ConsumeArgs;
use super::super::client::{Assignment, Beat, Client, GroupOffsets, Membership, TopicInfo};
use super::super::moment::OffsetSpec;
use super::super::output;
use super::super::place;
use super::super::stop::Stop;
use super::print::Printer;
use super::reader::Reader;
use super::{begin, now_ms};

/// Between signs of life: a fifteenth of the session, as clients do by default.
const BEAT_EVERY: Duration = Duration::from_secs(3);
/// Between commits: what is printed twice after a crash.
const COMMIT_EVERY: Duration = Duration::from_secs(5);

/// Reads as a member of `group` until done or told to stop; leaves the group in any case.
pub(super) async fn run(
    client: &mut Client,
    group: &str,
    topics: BTreeMap<String, TopicInfo>,
    args: &ConsumeArgs,
    printer: &mut Printer,
    mut stop: Stop,
) -> anyhow::Result<()> {
    let names = topics.keys().cloned().collect();
    let mut duty = Duty {
        member: Membership::new(client, group, names).await?,
        committed: GroupOffsets::new(),
        group,
        topics,
        args,
    };
    let mut reader = Reader::new(args.count, args.follow);
    let read = duty.read(client, &mut reader, printer, &mut stop).await;
    let left = duty.member.leave(client).await;
    read?;
    Ok(left?)
}

struct Duty<'a> {
    member: Membership,
    /// What the broker knows already.
    committed: GroupOffsets,
    group: &'a str,
    topics: BTreeMap<String, TopicInfo>,
    args: &'a ConsumeArgs,
}

impl Duty<'_> {
    async fn read(
        &mut self,
        client: &mut Client,
        reader: &mut Reader,
        printer: &mut Printer,
        stop: &mut Stop,
    ) -> anyhow::Result<()> {
        loop {
            let assignment = tokio::select! {
                joined = self.member.join(client) => joined?,
                () = stop.wait() => return Ok(()),
            };
            self.take_over(client, reader, &assignment).await?;
            if !self.read_assigned(client, reader, printer, stop).await? {
                return Ok(());
            }
        }
    }

    /// Reads until done (false) or until partitions are divided anew (true).
    async fn read_assigned(
        &mut self,
        client: &mut Client,
        reader: &mut Reader,
        printer: &mut Printer,
        stop: &Stop,
    ) -> anyhow::Result<bool> {
        let (mut beats, mut commits) = (every(BEAT_EVERY), every(COMMIT_EVERY));
        while !reader.is_done() && !stop.is_set() {
            let round = reader.round(client, printer).await;
            // Printed before it is committed: a crash between the two prints again, and loses nothing.
            printer.flush()?;
            round?;
            if is_due(&mut beats).await && self.member.beat(client).await? == Beat::Rejoin {
                self.commit(client, reader).await?;
                return Ok(true);
            }
            if is_due(&mut commits).await && self.commit(client, reader).await? == Beat::Rejoin {
                return Ok(true);
            }
        }
        self.commit(client, reader).await?;
        Ok(false)
    }

    /// Begins with newly assigned partitions: where the group has left off, or where the arguments say.
    async fn take_over(
        &mut self,
        client: &mut Client,
        reader: &mut Reader,
        assignment: &Assignment,
    ) -> anyhow::Result<()> {
        reader.clear();
        self.committed = client.committed(self.group).await?;
        if assignment.is_empty() {
            output::note(&format!("group {:?} has no partition left for this member", self.group));
        }
        for (name, partitions) in assignment {
            let topic = client.topic(name).await?;
            let known = |partition: &i32| self.committed.contains_key(&(name.clone(), *partition));
            let (known, new): (Vec<i32>, Vec<i32>) =
                partitions.iter().partition(|partition| known(partition));
            for (partition, place) in place::find(client, &topic, &known, OffsetSpec::End, now_ms()).await? {
                let offset = self.committed[&(name.clone(), partition)].max(place.start);
                reader.add(&topic, partition, offset, place.end);
            }
            begin(client, reader, &topic, &new, self.args).await?;
            self.topics.insert(name.clone(), topic);
        }
        Ok(())
    }

    /// Commits what has changed since the last time.
    async fn commit(&mut self, client: &mut Client, reader: &Reader) -> anyhow::Result<Beat> {
        let mut offsets = reader.offsets();
        offsets.retain(|place, offset| self.committed.get(place) != Some(offset));
        let beat = self.member.commit(client, &offsets).await?;
        if beat == Beat::Stable {
            self.committed.extend(offsets);
        }
        Ok(beat)
    }
}

/// A timer whose first tick is a full period away.
fn every(period: Duration) -> Interval {
    let mut timer = interval(period);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    timer.reset();
    timer
}

/// Whether a timer's next tick has come.
async fn is_due(timer: &mut Interval) -> bool {
    timeout(Duration::ZERO, timer.tick()).await.is_ok()
}
