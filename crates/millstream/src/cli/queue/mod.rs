//! `millstream queue`: what can be done with any protocol's queues from outside.
//!
//! Apart from `topic` because these commands are about who works on records, not about where records lie.

mod args;
mod describe;
mod receive;
mod replay;
mod send;
mod settle;

use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

pub(super) use args::QueueArgs;
use args::{AlterArgs, CreateArgs, ListArgs, QueueAction};

use super::api::{self, Api, address};
use super::dlq;
use super::output::{self, Column, print_json, print_table};

/// All there are.
const ALL: usize = usize::MAX;

/// Runs `millstream queue`.
pub(super) fn run(args: QueueArgs) -> anyhow::Result<()> {
    let json = args.server.json;
    let mut api = args.server.api()?;
    api::run(async {
        match args.action {
            QueueAction::List(args) => list(&mut api, args, json).await,
            QueueAction::Describe(args) => describe::run(&mut api, &args, json).await,
            QueueAction::Create(args) => create(&mut api, &args, json).await,
            QueueAction::Alter(args) => alter(&mut api, &args, json).await,
            QueueAction::Send(args) => send::run(&mut api, &args, json).await,
            QueueAction::Receive(args) => receive::run(&mut api, &args, json).await,
            QueueAction::Ack(args) => settle::ack(&mut api, &args, json).await,
            QueueAction::Release(args) => settle::release(&mut api, &args, json).await,
            QueueAction::Purge(args) => replay::purge(&mut api, &args, json).await,
            QueueAction::Replay(args) => replay::run(&mut api, &args, json).await,
            QueueAction::Redrive(args) => dlq::redrive_of_queue(&mut api, &args.name, args.rate, json).await,
        }
    })
}

/// How many records of a queue are where.
#[derive(Deserialize, Default)]
struct Counts {
    ready: u64,
    leased: u64,
    delayed: u64,
    moving: u64,
    waiting: u64,
}

async fn list(api: &mut Api, args: ListArgs, json: bool) -> anyhow::Result<()> {
    #[derive(Deserialize)]
    struct Listed {
        name: String,
        paused: bool,
        bytes: u64,
        dead_letter_stream: Option<String>,
        counts: Option<Counts>,
    }
    let query = [("leased", Some("true".to_owned())), ("prefix", args.prefix)];
    let queues = api.list(&["streams"], &query, ALL).await?;
    if json {
        return print_json(&queues);
    }
    if queues.is_empty() {
        output::note("there are no queues; `millstream queue create NAME` makes one");
    }
    let columns = [
        Column::Text("QUEUE"),
        Column::Number("READY"),
        Column::Number("LEASED"),
        Column::Number("DELAYED"),
        Column::Number("MOVING"),
        Column::Number("WAITING"),
        Column::Number("BYTES"),
        Column::Text("DEAD LETTERS TO"),
    ];
    let row = |queue: Value| -> anyhow::Result<Vec<String>> {
        let queue: Listed = serde_json::from_value(queue)?;
        let counts = queue.counts.unwrap_or_default();
        let paused = if queue.paused { " (paused)" } else { "" };
        Ok(vec![
            format!("{}{paused}", queue.name),
            counts.ready.to_string(),
            counts.leased.to_string(),
            counts.delayed.to_string(),
            counts.moving.to_string(),
            counts.waiting.to_string(),
            queue.bytes.to_string(),
            queue.dead_letter_stream.unwrap_or_else(|| "-".to_owned()),
        ])
    };
    let rows: Result<Vec<_>, _> = queues.into_iter().map(row).collect();
    Ok(print_table(&columns, rows?)?)
}

async fn create(api: &mut Api, args: &CreateArgs, json: bool) -> anyhow::Result<()> {
    let mut wanted = settings(&args.set);
    wanted.entry("leased").or_insert(Value::Bool(true));
    let address = address(&["streams", &args.name], &[]);
    let there: Result<Value, _> = api.get(&address).await;
    let answer: Value = match there {
        // It is there: then it becomes a queue, if it is none.
        Ok(_) => api.send(Method::PATCH, &address, &json!({ "settings": wanted })).await?,
        Err(error) if error.code() == Some("unknown_stream") => {
            // What nobody needs any more goes, as in every queue, unless somebody wants to replay it.
            wanted.entry("consumed_retention_ms").or_insert(Value::from(0));
            wanted.entry("retention_ms").or_insert(Value::Null);
            api.send(Method::PUT, &address, &json!({ "settings": wanted })).await?
        }
        Err(error) => return Err(error.into()),
    };
    report(&args.name, "is there", &answer, json)
}

async fn alter(api: &mut Api, args: &AlterArgs, json: bool) -> anyhow::Result<()> {
    let mut wanted = settings(&args.set);
    if args.pause || args.resume {
        wanted.insert("paused".to_owned(), Value::Bool(args.pause));
    }
    let body = json!({ "settings": wanted, "unset": args.unset });
    let answer: Value = api.send(Method::PATCH, &address(&["streams", &args.name], &[]), &body).await?;
    report(&args.name, "is changed", &answer, json)
}

/// Settings as they are typed: what is not null, true, false or a number is text.
fn settings(typed: &[(String, String)]) -> Map<String, Value> {
    let value = |text: &str| match text {
        "null" => Value::Null,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        text => text.parse::<u64>().map_or_else(|_| Value::from(text), Value::from),
    };
    typed.iter().map(|(name, text)| (name.clone(), value(text))).collect()
}

/// Says what was done to a queue.
fn report(name: &str, done: &str, answer: &Value, json: bool) -> anyhow::Result<()> {
    if json {
        return print_json(answer);
    }
    Ok(output::print(&format!("queue {name:?} {done}\n"))?)
}
