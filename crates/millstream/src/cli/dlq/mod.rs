//! `millstream dlq`: dead letters of every protocol.
//!
//! Apart because a dead letter is a record with a story: why, from where, how often.

mod args;
mod redrive;
mod show;

use serde::Deserialize;
use serde_json::Value;

pub(super) use args::DlqArgs;
use args::{DlqAction, FilterArgs, RedriveArgs};

use super::api::{self, Api, address};
use super::output::{self, Column, print_json, print_table};

/// All there are.
const ALL: usize = usize::MAX;

/// Runs `millstream dlq`.
pub(super) fn run(args: DlqArgs) -> anyhow::Result<()> {
    let json = args.server.json;
    let mut api = args.server.api()?;
    api::run(async {
        match args.action {
            DlqAction::List => list(&mut api, json).await,
            DlqAction::Show(args) => show::run(&mut api, &args, json).await,
            DlqAction::Redrive(args) => redrive::run(&mut api, &args, json).await,
            DlqAction::Discard(args) => redrive::discard(&mut api, &args, json).await,
        }
    })
}

/// Runs `millstream queue redrive`: the dead letters of a queue come back.
pub(super) async fn redrive_of_queue(
    api: &mut Api,
    queue: &str,
    rate: Option<u32>,
    json: bool,
) -> anyhow::Result<()> {
    let stream: Value = api.get(&address(&["streams", queue], &[])).await?;
    let Some(name) = stream["settings"]["dead_letter_stream"]["value"].as_str() else {
        anyhow::bail!("the dead letters of {queue:?} go nowhere: its setting dead_letter_stream is null");
    };
    let filter = FilterArgs { source: Some(queue.to_owned()), ..FilterArgs::default() };
    let args = RedriveArgs { name: name.to_owned(), filter, to: None, rate, detach: false, cancel: false };
    redrive::run(api, &args, json).await
}

async fn list(api: &mut Api, json: bool) -> anyhow::Result<()> {
    #[derive(Deserialize)]
    struct Listed {
        name: String,
        sources: Vec<String>,
        source_count: usize,
        counts: Option<Counts>,
    }
    #[derive(Deserialize)]
    struct Counts {
        ready: u64,
        leased: u64,
        moving: u64,
    }
    let listed = api.list(&["dead-letters"], &[], ALL).await?;
    if json {
        return print_json(&listed);
    }
    if listed.is_empty() {
        output::note("no stream has a setting dead_letter_stream");
    }
    let columns = [
        Column::Text("DEAD LETTERS IN"),
        Column::Number("READY"),
        Column::Number("LEASED"),
        Column::Number("MOVING"),
        Column::Text("FROM"),
    ];
    let row = |stream: Value| -> anyhow::Result<Vec<String>> {
        let Listed { name, sources, source_count, counts } = serde_json::from_value(stream)?;
        let count =
            |of: fn(&Counts) -> u64| counts.as_ref().map_or("-".to_owned(), |counts| of(counts).to_string());
        let mut from = sources.join(", ");
        if source_count > sources.len() {
            from.push_str(&format!(" and {} more", source_count - sources.len()));
        }
        Ok(vec![
            name,
            count(|counts| counts.ready),
            count(|counts| counts.leased),
            count(|counts| counts.moving),
            from,
        ])
    };
    let rows: Result<Vec<_>, _> = listed.into_iter().map(row).collect();
    Ok(print_table(&columns, rows?)?)
}
