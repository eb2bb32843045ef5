//! `millstream dlq redrive`: begins a redrive and shows how far it is.
//!
//! Apart because it outlives the command: the broker goes on with it when nobody looks any more.

use std::time::Duration;

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::args::RedriveArgs;
use crate::cli::api::{Api, address};
use crate::cli::output::{self, print_json};

/// How often is asked how far it is.
const LOOK: Duration = Duration::from_millis(200);

#[derive(Deserialize)]
struct Redrive {
    number: u64,
    state: String,
    moved: u64,
    total: u64,
}

pub(super) async fn run(api: &mut Api, args: &RedriveArgs, json: bool) -> anyhow::Result<()> {
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
    if json {
        return print_json(&answer);
    }
    let Redrive { state, moved, total, .. } = redrive;
    let said = match state.as_str() {
        "completed" => format!("{moved} dead letters are moved out of {:?}\n", args.name),
        "running" => format!("redrive {number} of {total} dead letters in {:?} is under way\n", args.name),
        _ => anyhow::bail!("redrive {number} was ended after {moved} of {total} dead letters"),
    };
    Ok(output::print(&said)?)
}
