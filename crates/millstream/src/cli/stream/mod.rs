//! `millstream stream`: every protocol's streams, looked at from outside.
//!
//! Apart from `queue` because these commands are about records and who reads them by offset, not about who works on them.

mod args;
mod browse;

use std::io::Read as _;

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) use args::StreamArgs;
use args::{DeleteArgs, ListArgs, NameArgs, PublishArgs, StreamAction};

use super::api::{self, Api, address};
use super::output::{self, Column, base64, print_json, print_table};

/// All there are.
const ALL: usize = usize::MAX;

/// Runs `millstream stream`.
pub(super) fn run(args: StreamArgs) -> anyhow::Result<()> {
    let json = args.server.json;
    let mut api = args.server.api()?;
    api::run(async {
        match args.action {
            StreamAction::List(args) => list(&mut api, args, json).await,
            StreamAction::Browse(args) => browse::run(&mut api, &args, json).await,
            StreamAction::Publish(args) => publish(&mut api, &args, json).await,
            StreamAction::Groups(args) => groups(&mut api, &args, json).await,
            StreamAction::Delete(args) => delete(&mut api, &args, json).await,
        }
    })
}

async fn list(api: &mut Api, args: ListArgs, json: bool) -> anyhow::Result<()> {
    #[derive(Deserialize)]
    struct Listed {
        name: String,
        partition_count: u32,
        records: u64,
        bytes: u64,
        leased: bool,
    }
    let streams = api.list(&["streams"], &[("prefix", args.prefix)], ALL).await?;
    if json {
        return print_json(&streams);
    }
    if streams.is_empty() {
        output::note("there are no streams");
    }
    let columns = [
        Column::Text("STREAM"),
        Column::Number("PARTITIONS"),
        Column::Number("RECORDS"),
        Column::Number("BYTES"),
        Column::Text("QUEUE"),
    ];
    let row = |stream: Value| -> anyhow::Result<Vec<String>> {
        let Listed { name, partition_count, records, bytes, leased } = serde_json::from_value(stream)?;
        let queue = if leased { "yes" } else { "-" };
        Ok(vec![name, partition_count.to_string(), records.to_string(), bytes.to_string(), queue.to_owned()])
    };
    let rows: Result<Vec<_>, _> = streams.into_iter().map(row).collect();
    Ok(print_table(&columns, rows?)?)
}

async fn publish(api: &mut Api, args: &PublishArgs, json: bool) -> anyhow::Result<()> {
    #[derive(Deserialize)]
    struct Sent {
        records: Vec<Place>,
    }
    #[derive(Deserialize)]
    struct Place {
        partition: u32,
        offset: u64,
    }
    let headers = args.header.iter().map(|(name, value)| json!({ "name": name, "value": value }));
    let mut record = json!({ "key": args.key, "headers": headers.collect::<Vec<_>>() });
    if args.value == "-" {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes)?;
        record["value_base64"] = base64(&bytes).into();
    } else {
        record["value"] = args.value.as_str().into();
    }
    let body = json!({ "partition": args.partition, "records": [record] });
    let answer: Value =
        api.send(Method::POST, &address(&["streams", &args.name, "records"], &[]), &body).await?;
    if json {
        return print_json(&answer);
    }
    let sent: Sent = serde_json::from_value(answer)?;
    let Some(Place { partition, offset }) = sent.records.first() else {
        anyhow::bail!("the broker does not say where the record is");
    };
    Ok(output::print(&format!("the record is stored: partition {partition} offset {offset}\n"))?)
}

async fn groups(api: &mut Api, args: &NameArgs, json: bool) -> anyhow::Result<()> {
    #[derive(Deserialize)]
    struct Group {
        kind: String,
        name: String,
        lag_records: u64,
        lag_ms: Option<u64>,
    }
    let groups = api.list(&["streams", &args.name, "groups"], &[], ALL).await?;
    if json {
        return print_json(&groups);
    }
    if groups.is_empty() {
        output::note(&format!("nobody has read {:?} as a group", args.name));
    }
    let columns =
        [Column::Text("GROUP"), Column::Text("KIND"), Column::Number("LAG"), Column::Number("LAG (S)")];
    let row = |group: Value| -> anyhow::Result<Vec<String>> {
        let Group { kind, name, lag_records, lag_ms } = serde_json::from_value(group)?;
        let seconds = lag_ms.map_or_else(|| "-".to_owned(), |ms| (ms / 1000).to_string());
        Ok(vec![name, kind, lag_records.to_string(), seconds])
    };
    let rows: Result<Vec<_>, _> = groups.into_iter().map(row).collect();
    Ok(print_table(&columns, rows?)?)
}

async fn delete(api: &mut Api, args: &DeleteArgs, json: bool) -> anyhow::Result<()> {
    for name in &args.names {
        api.delete::<Value>(&address(&["streams", name], &[])).await?;
        if !json {
            output::print(&format!("stream {name:?} is deleted\n"))?;
        }
    }
    if json { print_json(&json!({ "deleted": args.names })) } else { Ok(()) }
}
