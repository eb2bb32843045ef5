//! `millstream connection` and `millstream job`: who is connected, and the broker's long work.
//!
//! One file because both are a list and a way to end what is on it.

use clap::{Args, Subcommand};
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{self, Api, ServerArgs, address, moment};
use super::output::{self, Column, print_json, print_table};

/// All there are.
const ALL: usize = usize::MAX;

/// List the connections of all protocols, or end some.
#[derive(Debug, Args)]
pub(crate) struct ConnectionArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    action: ConnectionAction,
}

#[derive(Debug, Subcommand)]
enum ConnectionAction {
    /// List the connections.
    List,
    /// End connections after what they have under way; clients may come back.
    Close(IdsArgs),
}

/// List the broker's long work, redrives, purges and verifications, begin a verification, or end some.
#[derive(Debug, Args)]
pub(crate) struct JobArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    action: JobAction,
}

#[derive(Debug, Subcommand)]
enum JobAction {
    /// List the jobs that are under way, the newest redrives of each stream, and the last verification.
    List,
    /// Begin to read and check everything that the running broker has stored.
    Verify,
    /// End jobs; what they have done stays done.
    Cancel(IdsArgs),
}

#[derive(Debug, Args)]
struct IdsArgs {
    /// Their ids, as the list shows them.
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
}

/// Runs `millstream connection`.
pub(super) fn connection(args: ConnectionArgs) -> anyhow::Result<()> {
    let json = args.server.json;
    let mut api = args.server.api()?;
    api::run(async {
        match args.action {
            ConnectionAction::List => connections(&mut api, json).await,
            ConnectionAction::Close(args) => {
                end(&mut api, "connections", &args, "is asked to end", json).await
            }
        }
    })
}

/// Runs `millstream job`.
pub(super) fn job(args: JobArgs) -> anyhow::Result<()> {
    let json = args.server.json;
    let mut api = args.server.api()?;
    api::run(async {
        match args.action {
            JobAction::List => jobs(&mut api, json).await,
            JobAction::Verify => verify(&mut api, json).await,
            JobAction::Cancel(args) => end(&mut api, "jobs", &args, "is ended", json).await,
        }
    })
}

async fn connections(api: &mut Api, json: bool) -> anyhow::Result<()> {
    #[derive(Deserialize)]
    struct Listed {
        id: String,
        protocol: String,
        peer: String,
        connected_ms: i64,
    }
    let connections = api.list(&["connections"], &[], ALL).await?;
    if json {
        return print_json(&connections);
    }
    let columns =
        [Column::Text("CONNECTION"), Column::Text("PROTOCOL"), Column::Text("CLIENT"), Column::Text("SINCE")];
    let row = |connection: Value| -> anyhow::Result<Vec<String>> {
        let Listed { id, protocol, peer, connected_ms } = serde_json::from_value(connection)?;
        Ok(vec![id, protocol, peer, moment(connected_ms)])
    };
    let rows: Result<Vec<_>, _> = connections.into_iter().map(row).collect();
    Ok(print_table(&columns, rows?)?)
}

async fn jobs(api: &mut Api, json: bool) -> anyhow::Result<()> {
    #[derive(Deserialize)]
    struct Listed {
        id: String,
        kind: String,
        stream: Option<String>,
        state: String,
        unit: String,
        done: u64,
        total: u64,
    }
    let jobs = api.list(&["jobs"], &[], ALL).await?;
    if json {
        return print_json(&jobs);
    }
    if jobs.is_empty() {
        output::note("there is no long work");
    }
    let columns = [
        Column::Text("JOB"),
        Column::Text("KIND"),
        Column::Text("STREAM"),
        Column::Text("STATE"),
        Column::Number("DONE"),
        Column::Number("OF"),
        Column::Text("UNIT"),
    ];
    let row = |job: Value| -> anyhow::Result<Vec<String>> {
        let Listed { id, kind, stream, state, unit, done, total } = serde_json::from_value(job)?;
        let stream = stream.unwrap_or_else(|| "-".to_owned());
        Ok(vec![id, kind, stream, state, done.to_string(), total.to_string(), unit])
    };
    let rows: Result<Vec<_>, _> = jobs.into_iter().map(row).collect();
    Ok(print_table(&columns, rows?)?)
}

async fn verify(api: &mut Api, json: bool) -> anyhow::Result<()> {
    #[derive(Deserialize)]
    struct Begun {
        id: String,
    }
    let job: Value = api.send(Method::POST, &address(&["jobs"], &[]), &json!({ "kind": "verify" })).await?;
    if json {
        return print_json(&job);
    }
    let Begun { id } = serde_json::from_value(job)?;
    Ok(output::print(&format!("{id} has begun; `millstream job list` shows how far it is\n"))?)
}

/// Ends what has these ids.
async fn end(api: &mut Api, of: &str, args: &IdsArgs, what: &str, json: bool) -> anyhow::Result<()> {
    for id in &args.ids {
        api.delete::<Value>(&address(&[of, id], &[])).await?;
        if !json {
            output::print(&format!("{id} {what}\n"))?;
        }
    }
    if json { print_json(&json!({ "ended": args.ids })) } else { Ok(()) }
}
