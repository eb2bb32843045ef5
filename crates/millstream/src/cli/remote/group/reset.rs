//! `millstream group reset`: moves committed offsets.
//!
//! Apart because it is the one command that silently decides what a consumer will see: it shows what it would do,
//! and does it only when told so.

use std::collections::BTreeMap;

use anyhow::bail;
use serde::Serialize;

use super::super::args::{ResetArgs, TargetArgs};
use super::super::client::{Client, GroupOffsets};
use super::super::moment::OffsetSpec;
use super::super::now_ms;
use super::super::output::{self, Column, print_json, print_table};
use super::super::place::{self, Place};

#[derive(Serialize)]
struct Report<'a> {
    group: &'a str,
    executed: bool,
    partitions: Vec<Move>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Move {
    topic: String,
    partition: i32,
    from: Option<i64>,
    to: i64,
}

/// Runs `millstream group reset`.
pub(super) async fn run(client: &mut Client, args: &ResetArgs, json: bool) -> anyhow::Result<()> {
    let committed = client.committed(&args.group).await?;
    let group = client.describe_group(&args.group).await?;
    // A group that does not exist yet may be given a start; one with members would overwrite what we commit.
    if let Some(members) = group.map(|group| group.members.len()).filter(|count| *count > 0) {
        bail!("group {:?} has {members} members; stop its consumers before moving its offsets", args.group);
    }
    let mut moves = Vec::new();
    for (name, partitions) in wanted(args, &committed)? {
        let topic = client.topic(&name).await?;
        let partitions = if partitions.is_empty() { topic.indices() } else { partitions };
        let places = place::find(client, &topic, &partitions, spec(args.target), now_ms()).await?;
        for (partition, place) in places {
            let from = committed.get(&(name.clone(), partition)).copied();
            if let Some(to) = target(args.target, from, place) {
                moves.push(Move { topic: name.clone(), partition, from, to });
            }
        }
    }
    if args.execute {
        let offsets = moves.iter().map(|step| ((step.topic.clone(), step.partition), step.to)).collect();
        client.commit_offsets(&args.group, &offsets).await?;
    }
    report(Report { group: &args.group, executed: args.execute, partitions: moves }, json)
}

/// The topics to move in and which of their partitions; none means all.
fn wanted(args: &ResetArgs, committed: &GroupOffsets) -> anyhow::Result<BTreeMap<String, Vec<i32>>> {
    let mut wanted: BTreeMap<String, Vec<i32>> = BTreeMap::new();
    if args.all_topics {
        for (topic, partition) in committed.keys() {
            wanted.entry(topic.clone()).or_default().push(*partition);
        }
        if wanted.is_empty() {
            bail!("group {:?} has committed nothing; name a topic with --topic", args.group);
        }
    }
    for (topic, partitions) in &args.topic {
        wanted.entry(topic.clone()).or_default().extend(partitions);
    }
    Ok(wanted)
}

/// What to look for in each partition.
fn spec(target: TargetArgs) -> OffsetSpec {
    match (target.to_time, target.to_offset) {
        (Some(time), _) => OffsetSpec::Time(time),
        (_, Some(offset)) => OffsetSpec::At(offset),
        _ if target.to_earliest => OffsetSpec::Beginning,
        _ => OffsetSpec::End,
    }
}

/// Where a partition's offset goes; `None` when there is nothing to shift.
fn target(target: TargetArgs, from: Option<i64>, place: Place) -> Option<i64> {
    match target.shift_by {
        Some(by) => Some(from?.saturating_add(by).clamp(place.start, place.end.max(place.start))),
        None => Some(place.offset),
    }
}

fn report(report: Report<'_>, json: bool) -> anyhow::Result<()> {
    if json {
        return print_json(&report);
    }
    let columns = [
        Column::Text("TOPIC"),
        Column::Number("PARTITION"),
        Column::Number("FROM"),
        Column::Number("TO"),
        Column::Number("CHANGE"),
    ];
    let row = |step: &Move| {
        let change = step.from.map(|from| step.to.saturating_sub(from));
        vec![
            step.topic.clone(),
            step.partition.to_string(),
            step.from.map_or("-".to_owned(), |from| from.to_string()),
            step.to.to_string(),
            change.map_or("-".to_owned(), |change| format!("{change:+}")),
        ]
    };
    print_table(&columns, report.partitions.iter().map(row).collect())?;
    let done =
        if report.executed { "these offsets are committed" } else { "nothing is changed yet; add --execute" };
    output::note(done);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place { offset: 50, start: 10, end: 100 };

    fn shift(by: i64) -> TargetArgs {
        let (to_earliest, to_latest) = (false, false);
        TargetArgs { to_earliest, to_latest, to_offset: None, to_time: None, shift_by: Some(by) }
    }

    #[test]
    fn shifting_starts_at_the_commit_and_stays_inside() {
        assert_eq!(target(shift(-5), Some(20), PLACE), Some(15));
        assert_eq!(target(shift(-50), Some(20), PLACE), Some(10));
        assert_eq!(target(shift(i64::MAX), Some(20), PLACE), Some(100));
        assert_eq!(target(shift(1), None, PLACE), None, "there is nothing to shift");
    }

    #[test]
    fn other_targets_are_where_they_were_found() {
        let to_offset = TargetArgs { shift_by: None, to_offset: Some(50), ..shift(0) };
        assert_eq!(spec(to_offset), OffsetSpec::At(50));
        assert_eq!(target(to_offset, None, PLACE), Some(50));
    }
}
