//! `millstream queue send`: records, one or one for each line.
//!
//! Apart because lines come as long as somebody types them: they are sent in batches, the last of which tells what was
//! stored before something went wrong.

use std::io::{self, BufRead};

use anyhow::Context;
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::args::SendArgs;
use crate::cli::api::{Api, address};
use crate::cli::output::{self, print_json};

/// Lines of one request, and bytes of them: a request's body has a limit.
const BATCH_RECORDS: usize = 500;
const BATCH_BYTES: usize = 1 << 20;

#[derive(Deserialize)]
struct Sent {
    records: Vec<Place>,
}

#[derive(Deserialize)]
struct Place {
    partition: u32,
    offset: Option<u64>,
    duplicate: bool,
    code: Option<String>,
}

pub(super) async fn run(api: &mut Api, args: &SendArgs, json: bool) -> anyhow::Result<()> {
    if let Some(value) = &args.value {
        let answer = send(api, args, vec![record(args, value)]).await?;
        if json {
            return print_json(&answer);
        }
        let sent: Sent = serde_json::from_value(answer)?;
        let Some(Place { partition, offset: Some(offset), duplicate, .. }) = sent.records.first() else {
            anyhow::bail!("the broker does not say where the record is");
        };
        let how = if *duplicate { "was there already" } else { "is stored" };
        return Ok(output::print(&format!("the record {how}: partition {partition} offset {offset}\n"))?);
    }
    let mut stored = 0u64;
    let mut batch = Vec::new();
    let mut bytes = 0;
    for (number, line) in (1u64..).zip(io::stdin().lock().lines()) {
        let line = line.with_context(|| format!("line {number}, after {stored} records that are stored"))?;
        bytes += line.len();
        batch.push(record(args, &line));
        if batch.len() == BATCH_RECORDS || bytes >= BATCH_BYTES {
            stored += flush(api, args, std::mem::take(&mut batch), stored).await?;
            bytes = 0;
        }
    }
    if !batch.is_empty() {
        stored += flush(api, args, batch, stored).await?;
    }
    if json {
        return print_json(&json!({ "queue": args.name, "stored": stored }));
    }
    let records = if stored == 1 { "record is" } else { "records are" };
    Ok(output::print(&format!("{stored} {records} stored in {:?}\n", args.name))?)
}

/// Sends a batch and counts what is stored of it: all, or it fails.
async fn flush(api: &mut Api, args: &SendArgs, batch: Vec<Value>, before: u64) -> anyhow::Result<u64> {
    let failed = || format!("after {before} records that are stored");
    let sent: Sent = serde_json::from_value(send(api, args, batch).await.with_context(failed)?)?;
    let refused = sent.records.iter().filter_map(|place| place.code.as_deref());
    let codes: Vec<&str> = refused.collect();
    let stored = (sent.records.len() - codes.len()) as u64;
    if let Some(code) = codes.first() {
        anyhow::bail!("{} records are stored, {} are refused ({code})", before + stored, codes.len());
    }
    Ok(stored)
}

async fn send(api: &mut Api, args: &SendArgs, records: Vec<Value>) -> anyhow::Result<Value> {
    let address = address(&["streams", &args.name, "records"], &[]);
    Ok(api.send(Method::POST, &address, &json!({ "records": records })).await?)
}

fn record(args: &SendArgs, value: &str) -> Value {
    let headers = args.header.iter().map(|(name, value)| json!({ "name": name, "value": value }));
    let mut record = json!({ "value": value, "headers": headers.collect::<Vec<_>>() });
    let given = [
        ("key", args.key.clone().map(Value::from)),
        ("delay_ms", args.delay.map(|seconds| Value::from(u64::from(seconds) * 1000))),
        ("priority", args.priority.map(Value::from)),
        ("dedup_id", args.dedup_id.clone().map(Value::from)),
    ];
    for (name, value) in given {
        if let Some(value) = value {
            record[name] = value;
        }
    }
    record
}
