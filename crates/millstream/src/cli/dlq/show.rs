//! `millstream dlq show`: dead letters, and why they are dead.
//!
//! Apart because whoever moves or discards some of them looks for them in the same way.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ALL;
use super::args::{FilterArgs, ShowArgs};
use crate::cli::api::{Api, Record, moment};
use crate::cli::moment::TimeSpec;
use crate::cli::output::{self, Column, print_json, print_table};
use crate::cli::remote::now_ms;

#[derive(Deserialize)]
struct Shown {
    state: String,
    dead_letter: Option<Letter>,
    #[serde(flatten)]
    record: Record,
}

#[derive(Deserialize)]
struct Letter {
    reason: String,
    source: String,
    deliveries: u32,
    time_ms: i64,
}

/// Where a record is.
#[derive(Deserialize, Serialize)]
pub(super) struct Place {
    partition: u32,
    offset: u64,
}

pub(super) async fn run(api: &mut Api, args: &ShowArgs, json: bool) -> anyhow::Result<()> {
    let address = ["dead-letters", &args.name, "records"];
    let letters = api.list(&address, &query(&args.filter), usize::try_from(args.count)?).await?;
    if json {
        return print_json(&letters);
    }
    if letters.is_empty() {
        output::note(&format!("there is no such dead letter in {:?}", args.name));
    }
    let columns = [
        Column::Text("RECORD"),
        Column::Text("STATE"),
        Column::Text("REASON"),
        Column::Text("SOURCE"),
        Column::Number("DELIVERIES"),
        Column::Text("DIED"),
        Column::Text("KEY"),
        Column::Text("VALUE"),
    ];
    let rows: Result<Vec<_>, _> = letters.into_iter().map(row).collect();
    Ok(print_table(&columns, rows?)?)
}

fn row(letter: Value) -> anyhow::Result<Vec<String>> {
    let Shown { state, dead_letter, record } = serde_json::from_value(letter)?;
    let none = || "-".to_owned();
    let [reason, source, deliveries, died] = match dead_letter {
        Some(Letter { reason, source, deliveries, time_ms }) => {
            [reason, source, deliveries.to_string(), moment(time_ms)]
        }
        None => [none(), none(), none(), none()],
    };
    Ok(vec![record.place(), state, reason, source, deliveries, died, record.key(), record.value()])
}

/// The places of those that are ready.
pub(super) async fn find_places(
    api: &mut Api,
    name: &str,
    filter: &FilterArgs,
) -> anyhow::Result<Vec<Place>> {
    let keep = |letter: Value| {
        let is_ready = letter["state"] == "ready";
        serde_json::from_value(letter).ok().filter(|_: &Place| is_ready)
    };
    Ok(api.gather(&["dead-letters", name, "records"], &query(filter), ALL, keep).await?)
}

/// A filter, as the API takes it.
fn query(filter: &FilterArgs) -> [(&'static str, Option<String>); 5] {
    let now_ms = now_ms();
    let time = |time: Option<TimeSpec>| time.map(|time| time.resolve(now_ms).to_string());
    [
        ("reason", filter.reason.clone()),
        ("source", filter.source.clone()),
        ("key", filter.key.clone()),
        ("from_time_ms", time(filter.since)),
        ("to_time_ms", time(filter.until)),
    ]
}
