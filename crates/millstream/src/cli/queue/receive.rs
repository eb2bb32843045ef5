//! `millstream queue receive`: take records, print them, and maybe be done with them.
//!
//! Apart because the order matters: records are settled only once they are printed, so that none is lost to a closed pipe.

use std::time::Duration;

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::args::ReceiveArgs;
use super::settle;
use crate::cli::api::{Api, Record, address, moment};
use crate::cli::output::{self, Column, print_json, print_table};

#[derive(Deserialize)]
struct Received {
    records: Vec<Value>,
}

#[derive(Deserialize)]
struct Delivered {
    token: String,
    delivery_count: u32,
    deadline_ms: Option<i64>,
    #[serde(flatten)]
    record: Record,
}

pub(super) async fn run(api: &mut Api, args: &ReceiveArgs, json: bool) -> anyhow::Result<()> {
    let body = json!({
        "records_max": args.count,
        "wait_ms": u64::from(args.wait) * 1000,
        "timeout_ms": args.lease.map(|seconds| u64::from(seconds) * 1000),
    });
    let address = address(&["streams", &args.name, "groups", "default", "receive"], &[]);
    let waits = Duration::from_secs(args.wait.into());
    let received: Received = api.send_and_wait(Method::POST, &address, &body, waits).await?;
    let mut delivered: Vec<Delivered> = Vec::with_capacity(received.records.len());
    for record in &received.records {
        delivered.push(serde_json::from_value(record.clone())?);
    }
    if json {
        print_json(&received.records)?;
    } else {
        print_delivered(&args.name, &delivered, args.ack)?;
    }
    if !args.ack || delivered.is_empty() {
        return Ok(());
    }
    let tokens: Vec<String> = delivered.into_iter().map(|delivered| delivered.token).collect();
    settle::settle(api, &args.name, &tokens, &json!({ "action": "ack" })).await.map(drop)
}

fn print_delivered(name: &str, delivered: &[Delivered], acked: bool) -> anyhow::Result<()> {
    if delivered.is_empty() {
        output::note(&format!("there is nothing in {name:?} to be received now"));
        return Ok(());
    }
    let mut columns = vec![
        Column::Text("RECORD"),
        Column::Number("DELIVERIES"),
        Column::Text("KEY"),
        Column::Text("VALUE"),
    ];
    if !acked {
        columns.extend([Column::Text("UNTIL"), Column::Text("TOKEN")]);
    }
    let row = |delivered: &Delivered| {
        let record = &delivered.record;
        let mut row =
            vec![record.place(), delivered.delivery_count.to_string(), record.key(), record.value()];
        if !acked {
            row.push(delivered.deadline_ms.map_or_else(|| "-".to_owned(), moment));
            row.push(delivered.token.clone());
        }
        row
    };
    Ok(print_table(&columns, delivered.iter().map(row).collect())?)
}
