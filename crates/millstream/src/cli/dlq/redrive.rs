//! `millstream dlq redrive`: moves dead letters, and shows how far it is.
//!
//! Apart because there are two ways. All of them are moved by the broker, which goes on when nobody looks any more. Of some of
//! them only their content says which, and the core does not look at contents: they are found first and moved by their places.

use std::time::Duration;

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::args::{DiscardArgs, RedriveArgs};
use super::show::{Place, find_places};
use crate::cli::api::{Api, address};
use crate::cli::output::{self, print_json};

/// How often is asked how far it is.
const LOOK: Duration = Duration::from_millis(200);
/// More redrives of a stream than are remembered.
const REMEMBERED: usize = 100;
/// Places of one request.
const BATCH_PLACES: u32 = 500;
/// Requests per second, where there is a rate.
const BATCHES_PER_SECOND: u32 = 5;

#[derive(Deserialize)]
struct Redrive {
    number: u64,
    state: String,
    moved: u64,
    total: u64,
}

pub(super) async fn run(api: &mut Api, args: &RedriveArgs, json: bool) -> anyhow::Result<()> {
    if args.cancel {
        return cancel(api, &args.name, json).await;
    }
    if args.filter.is_empty() { all(api, args, json).await } else { some(api, args, json).await }
}

/// Ends the redrive that is under way.
async fn cancel(api: &mut Api, name: &str, json: bool) -> anyhow::Result<()> {
    let redrives = api.list(&["dead-letters", name, "redrives"], &[], REMEMBERED).await?;
    let redrives: Vec<Redrive> =
        redrives.into_iter().map(serde_json::from_value).collect::<Result<_, _>>()?;
    let Some(running) = redrives.iter().find(|redrive| redrive.state == "running") else {
        anyhow::bail!("no redrive of {name:?} is under way");
    };
    let place = address(&["dead-letters", name, "redrives", &running.number.to_string()], &[]);
    let answer: Value = api.delete(&place).await?;
    if json {
        return print_json(&answer);
    }
    let Redrive { number, moved, total, .. } = serde_json::from_value(answer)?;
    Ok(output::print(&format!("redrive {number} is ended after {moved} of {total} dead letters\n"))?)
}

/// The broker moves all of them.
async fn all(api: &mut Api, args: &RedriveArgs, json: bool) -> anyhow::Result<()> {
    let body = json!({ "target": args.to, "per_second": args.rate });
    let begun = address(&["dead-letters", &args.name, "redrives"], &[]);
    let mut answer: Value = api.send(Method::POST, &begun, &body).await?;
    let mut redrive: Redrive = serde_json::from_value(answer.clone())?;
    let number = redrive.number.to_string();
    if !args.detach {
        let place = address(&["dead-letters", &args.name, "redrives", &number], &[]);
        let bar = output::progress(Some(redrive.total));
        while redrive.state == "running" {
            bar.set_position(redrive.moved);
            tokio::time::sleep(LOOK).await;
            answer = api.get(&place).await?;
            redrive = serde_json::from_value(answer.clone())?;
        }
        bar.finish_and_clear();
    }
    let Redrive { state, moved, total, .. } = redrive;
    let said = match state.as_str() {
        "completed" => format!("{moved} dead letters are moved out of {:?}\n", args.name),
        "running" => format!("redrive {number} of {total} dead letters in {:?} is under way\n", args.name),
        "failed" => {
            anyhow::bail!("redrive {number} ended after {moved} of {total} dead letters: its target is gone")
        }
        _ => anyhow::bail!("redrive {number} was ended after {moved} of {total} dead letters"),
    };
    if json { print_json(&answer) } else { Ok(output::print(&said)?) }
}

/// Some of them are found, and moved by their places.
async fn some(api: &mut Api, args: &RedriveArgs, json: bool) -> anyhow::Result<()> {
    let places = find_places(api, &args.name, &args.filter).await?;
    let address = address(&["dead-letters", &args.name, "records", "redrive"], &[]);
    let body = json!({ "target": args.to });
    let done = settle(api, &address, &body, &places, args.rate).await?;
    report(done, places.len(), &format!("moved out of {:?}", args.name), json)
}

/// Runs `millstream dlq discard`.
pub(super) async fn discard(api: &mut Api, args: &DiscardArgs, json: bool) -> anyhow::Result<()> {
    if args.all {
        #[derive(Deserialize)]
        struct Purged {
            purged: usize,
        }
        let address = address(&["streams", &args.name, "groups", "default", "purge"], &[]);
        let Purged { purged } = api.send(Method::POST, &address, &json!({})).await?;
        return report(purged, purged, &format!("discarded from {:?}", args.name), json);
    }
    let places = find_places(api, &args.name, &args.filter).await?;
    let address = address(&["dead-letters", &args.name, "records", "discard"], &[]);
    let done = settle(api, &address, &json!({}), &places, None).await?;
    report(done, places.len(), &format!("discarded from {:?}", args.name), json)
}

/// Does something to records by their places, at a rate; gives to how many it was done.
async fn settle(
    api: &mut Api,
    address: &str,
    body: &Value,
    places: &[Place],
    rate: Option<u32>,
) -> anyhow::Result<usize> {
    #[derive(Deserialize)]
    struct Settled {
        results: Vec<Outcome>,
    }
    #[derive(Deserialize)]
    struct Outcome {
        code: Option<String>,
    }
    let batch = rate.map_or(BATCH_PLACES, |rate| (rate / BATCHES_PER_SECOND).clamp(1, BATCH_PLACES));
    let pace = rate.map(|rate| Duration::from_secs(1) * batch / rate);
    let mut turns = pace.map(tokio::time::interval);
    let bar = output::progress(Some(places.len() as u64));
    let mut done = 0;
    for places in places.chunks(usize::try_from(batch)?) {
        if let Some(turns) = &mut turns {
            turns.tick().await;
        }
        let mut body = body.clone();
        body["records"] = serde_json::to_value(places)?;
        let settled: Settled = api.send(Method::POST, address, &body).await?;
        done += settled.results.iter().filter(|outcome| outcome.code.is_none()).count();
        bar.inc(places.len() as u64);
    }
    bar.finish_and_clear();
    Ok(done)
}

fn report(done: usize, found: usize, what: &str, json: bool) -> anyhow::Result<()> {
    if json {
        return print_json(&json!({ "done": done, "found": found }));
    }
    let letters = if done == 1 { "dead letter is" } else { "dead letters are" };
    let others = match found - done {
        0 => String::new(),
        others => format!("; {others} were taken by somebody else meanwhile"),
    };
    Ok(output::print(&format!("{done} {letters} {what}{others}\n"))?)
}
