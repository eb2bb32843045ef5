//! `millstream queue describe`: counts, the oldest record, partitions, settings.
//!
//! Apart because it puts two resources of the API together, the stream and its queue.

use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

use super::Counts;
use super::args::DescribeArgs;
use crate::cli::api::{Api, address};
use crate::cli::output::{self, Column, print_json, print_table};

#[derive(Deserialize)]
struct Described {
    name: String,
    partitions: Vec<Partition>,
    settings: BTreeMap<String, Setting>,
    counts: Option<Counts>,
    oldest: Option<Oldest>,
}

/// The record that has waited for longest, of those that are not done with.
#[derive(Deserialize)]
struct Oldest {
    partition: u32,
    offset: u64,
    age_ms: u64,
}

#[derive(Deserialize)]
struct Partition {
    partition: u32,
    start_offset: u64,
    end_offset: u64,
    bytes: u64,
}

#[derive(Deserialize)]
struct Setting {
    value: Value,
    is_set: bool,
}

pub(super) async fn run(api: &mut Api, args: &DescribeArgs, json: bool) -> anyhow::Result<()> {
    let mut described = Vec::with_capacity(args.names.len());
    for name in &args.names {
        let mut queue: Value = api.get(&address(&["streams", name], &[])).await?;
        if queue["counts"].is_object() {
            let group: Value = api.get(&address(&["streams", name, "groups", "default"], &[])).await?;
            queue["oldest"] = group["oldest"].clone();
        }
        described.push(queue);
    }
    if json {
        return print_json(&described);
    }
    for (place, queue) in described.into_iter().enumerate() {
        if place > 0 {
            output::print("\n")?;
        }
        print_described(&serde_json::from_value(queue)?, args.all_settings)?;
    }
    Ok(())
}

fn print_described(queue: &Described, all_settings: bool) -> anyhow::Result<()> {
    let counted = match &queue.counts {
        Some(Counts { ready, leased, delayed, moving, waiting }) => format!(
            "{ready} ready, {leased} leased, {delayed} delayed, {moving} moving; {waiting} consumers wait"
        ),
        None => "not worked as a queue".to_owned(),
    };
    let oldest = queue.oldest.as_ref().map_or(String::new(), |Oldest { partition, offset, age_ms }| {
        format!("; the oldest record is {partition}@{offset}, of {} s ago", age_ms / 1000)
    });
    output::print(&format!("queue {:?}: {counted}{oldest}\n\n", queue.name))?;
    let columns = [
        Column::Number("PARTITION"),
        Column::Number("START"),
        Column::Number("END"),
        Column::Number("BYTES"),
    ];
    let row = |partition: &Partition| {
        let Partition { partition, start_offset, end_offset, bytes } = partition;
        [u64::from(*partition), *start_offset, *end_offset, *bytes].map(|number| number.to_string()).to_vec()
    };
    print_table(&columns, queue.partitions.iter().map(row).collect())?;
    let shown = queue.settings.iter().filter(|(_, setting)| all_settings || setting.is_set);
    let rows: Vec<Vec<String>> =
        shown.map(|(name, setting)| vec![name.clone(), plain(&setting.value)]).collect();
    if !rows.is_empty() {
        output::print("\n")?;
        print_table(&[Column::Text("SETTING"), Column::Text("VALUE")], rows)?;
    }
    Ok(())
}

/// A value as it is typed.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
