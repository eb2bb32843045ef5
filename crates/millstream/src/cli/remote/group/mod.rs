//! `millstream group`: list, describe, reset and delete consumer groups.
//!
//! Apart because it looks at groups from outside; being a member of one is `consume`.

mod lag;
mod reset;

use std::collections::BTreeMap;

use serde::Serialize;

use super::args::{GroupAction, GroupArgs};
use super::client::{Client, GroupOffsets, OffsetAt};
use super::connect;
use super::output::{self, Column, print_json, print_table};
use lag::{Lag, Owner, lags};

/// Runs `millstream group`.
pub(super) async fn run(args: GroupArgs) -> anyhow::Result<()> {
    let json = args.connect.json;
    let mut client = connect(&args.connect).await?;
    match args.action {
        GroupAction::List => list(&mut client, json).await,
        GroupAction::Describe { groups } => describe(&mut client, &groups, json).await,
        GroupAction::Reset(args) => reset::run(&mut client, &args, json).await,
        GroupAction::Delete { groups } => delete(&mut client, &groups, json).await,
    }
}

async fn list(client: &mut Client, json: bool) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Listed {
        group: String,
        state: String,
        kind: String,
    }
    let groups = client.groups().await?.into_iter().map(|group| Listed {
        group: group.group_id.to_string(),
        state: group.group_state.to_string(),
        kind: group.protocol_type.to_string(),
    });
    let groups: Vec<Listed> = groups.collect();
    if json {
        return print_json(&groups);
    }
    if groups.is_empty() {
        output::note("there are no groups");
    }
    let columns = [Column::Text("GROUP"), Column::Text("STATE"), Column::Text("KIND")];
    let rows = groups.into_iter().map(|group| vec![group.group, group.state, group.kind]);
    Ok(print_table(&columns, rows.collect())?)
}

#[derive(Serialize)]
struct Described {
    group: String,
    state: String,
    members: usize,
    lag: i64,
    partitions: Vec<Lag>,
}

async fn describe(client: &mut Client, groups: &[String], json: bool) -> anyhow::Result<()> {
    let mut described = Vec::with_capacity(groups.len());
    for group in groups {
        described.push(describe_one(client, group).await?);
    }
    if json {
        return print_json(&described);
    }
    for (place, group) in described.into_iter().enumerate() {
        if place > 0 {
            output::print("\n")?;
        }
        let Described { group, state, members, lag, partitions } = group;
        output::print(&format!("group {group:?}: {state}, {members} members, {lag} records behind\n"))?;
        if !partitions.is_empty() {
            output::print("\n")?;
            print_table(&lag::COLUMNS, partitions.iter().map(Lag::row).collect())?;
        }
    }
    Ok(())
}

async fn describe_one(client: &mut Client, group: &str) -> anyhow::Result<Described> {
    let Some(found) = client.describe_group(group).await? else {
        anyhow::bail!("there is no group {group:?}; `millstream group list` shows all");
    };
    let committed = client.committed(group).await?;
    let mut owners = BTreeMap::new();
    for member in &found.members {
        let owner = Owner { member: member.member_id.to_string(), host: member.client_host.to_string() };
        // Members of other kinds of groups assign in their own formats.
        let assignment = super::client::decode_assignment(&member.member_assignment).unwrap_or_default();
        for (topic, partitions) in assignment {
            owners
                .extend(partitions.into_iter().map(|partition| ((topic.clone(), partition), owner.clone())));
        }
    }
    let ends = ends(client, committed.keys().chain(owners.keys())).await?;
    let partitions = lags(&committed, &ends, &owners);
    Ok(Described {
        group: group.to_owned(),
        state: found.group_state.to_string(),
        members: found.members.len(),
        lag: partitions.iter().filter_map(|partition| partition.lag).sum(),
        partitions,
    })
}

/// The ends of partitions, of those that still exist.
async fn ends(
    client: &mut Client,
    places: impl Iterator<Item = &(String, i32)>,
) -> anyhow::Result<GroupOffsets> {
    let mut wanted: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for (topic, partition) in places {
        let partitions = wanted.entry(topic).or_default();
        if !partitions.contains(partition) {
            partitions.push(*partition);
        }
    }
    let existing = client.topics().await?;
    let mut ends = GroupOffsets::new();
    for topic in existing {
        let Some(partitions) = wanted.get_mut(topic.name.as_str()) else { continue };
        partitions.retain(|partition| topic.partition(*partition).is_ok());
        let found = client.offsets(&topic, partitions, OffsetAt::End).await?;
        ends.extend(found.into_iter().map(|(partition, end)| ((topic.name.clone(), partition), end)));
    }
    Ok(ends)
}

async fn delete(client: &mut Client, groups: &[String], json: bool) -> anyhow::Result<()> {
    for group in groups {
        client.delete_group(group).await?;
        if json {
            print_json(&serde_json::json!({ "group": group, "deleted": true }))?;
        } else {
            output::print(&format!("group {group:?} is deleted\n"))?;
        }
    }
    Ok(())
}
