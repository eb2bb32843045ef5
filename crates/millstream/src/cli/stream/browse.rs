//! `millstream stream browse`: records by offset, time, key or content.
//!
//! Apart because it is the one command here that prints records.

use serde::Deserialize;
use serde_json::Value;

use super::args::{BrowseArgs, View};
use crate::cli::api::{Api, Record, cell_of, moment};
use crate::cli::output::{self, Column, print_json, print_table};
use crate::cli::remote::now_ms;

#[derive(Deserialize)]
struct Shown {
    timestamp_ms: i64,
    state: Option<String>,
    view: Option<Viewed>,
    #[serde(flatten)]
    record: Record,
}

#[derive(Deserialize)]
struct Viewed {
    value: Value,
}

pub(super) async fn run(api: &mut Api, args: &BrowseArgs, json: bool) -> anyhow::Result<()> {
    let view = args.view.map(|view| match view {
        View::Auto => "auto",
        View::Json => "json",
        View::Text => "text",
        View::Hex => "hex",
    });
    let time = args.time.map(|time| time.resolve(now_ms()).max(0).to_string());
    let query = [
        ("partition", args.partition.map(|partition| partition.to_string())),
        ("offset", args.offset.map(|offset| offset.to_string())),
        ("time_ms", time),
        ("last", args.last.map(|last| last.to_string())),
        ("key", args.key.clone()),
        ("contains", args.contains.clone()),
        ("view", view.map(str::to_owned)),
    ];
    let records = api.list(&["streams", &args.name, "records"], &query, args.count).await?;
    if json {
        return print_json(&records);
    }
    if records.is_empty() {
        output::note(&format!("there is no such record in {:?}", args.name));
    }
    let columns = [
        Column::Text("RECORD"),
        Column::Text("TIME"),
        Column::Text("STATE"),
        Column::Text("KEY"),
        Column::Text("VALUE"),
    ];
    let rows: Result<Vec<_>, _> = records.into_iter().map(row).collect();
    Ok(print_table(&columns, rows?)?)
}

fn row(record: Value) -> anyhow::Result<Vec<String>> {
    let Shown { timestamp_ms, state, view, record } = serde_json::from_value(record)?;
    let value = match view {
        Some(Viewed { value: Value::String(text) }) => cell_of(&text),
        Some(Viewed { value }) => cell_of(&value.to_string()),
        None => record.value(),
    };
    Ok(vec![
        record.place(),
        moment(timestamp_ms),
        state.unwrap_or_else(|| "-".to_owned()),
        record.key(),
        value,
    ])
}
