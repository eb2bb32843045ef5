//! `millstream queue ack` and `release`: what becomes of records that were received.
//!
//! Apart because a token that is not good any more must fail the command, and the others must be settled all the same.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::args::{ReleaseArgs, TokensArgs};
use crate::cli::api::{Api, address};
use crate::cli::output::{self, print_json};

/// Tokens of one request.
const BATCH_TOKENS: usize = 1000;

#[derive(Deserialize)]
struct Settled {
    results: Vec<Outcome>,
}

#[derive(Deserialize)]
struct Outcome {
    code: Option<String>,
    detail: Option<String>,
}

pub(super) async fn ack(api: &mut Api, args: &TokensArgs, json: bool) -> anyhow::Result<()> {
    let settled = settle(api, &args.name, &args.tokens, &json!({ "action": "ack" })).await?;
    report(settled, "done with", json)
}

pub(super) async fn release(api: &mut Api, args: &ReleaseArgs, json: bool) -> anyhow::Result<()> {
    let (action, done) = match (args.reject, args.delay) {
        (true, _) => (json!({ "action": "reject" }), "rejected"),
        (false, delay) => {
            let delay_ms = u64::from(delay.unwrap_or(0)) * 1000;
            (json!({ "action": "release", "delay_ms": delay_ms }), "given back")
        }
    };
    let settled = settle(api, &args.of.name, &args.of.tokens, &action).await?;
    report(settled, done, json)
}

/// Settles tokens, all in the same way; gives how many.
///
/// # Errors
/// When one of them is not good any more; the others are settled.
pub(super) async fn settle(
    api: &mut Api,
    name: &str,
    tokens: &[String],
    action: &Value,
) -> anyhow::Result<usize> {
    let address = address(&["streams", name, "groups", "default", "settle"], &[]);
    let mut refused: Vec<(&str, String)> = Vec::new();
    for batch in tokens.chunks(BATCH_TOKENS) {
        let lease = |token: &String| {
            let mut lease = action.clone();
            lease["token"] = Value::from(token.as_str());
            lease
        };
        let leases: Vec<Value> = batch.iter().map(lease).collect();
        let settled: Settled = api.send(Method::POST, &address, &json!({ "leases": leases })).await?;
        for (token, Outcome { code, detail }) in batch.iter().zip(settled.results) {
            if let Some(code) = code {
                refused.push((token, detail.unwrap_or(code)));
            }
        }
    }
    match refused.first() {
        None => Ok(tokens.len()),
        Some((token, why)) if tokens.len() == 1 => anyhow::bail!("{token}: {why}"),
        Some((token, why)) => {
            anyhow::bail!(
                "{} of {} tokens are not settled, the first {token}: {why}",
                refused.len(),
                tokens.len()
            )
        }
    }
}

fn report(settled: usize, done: &str, json: bool) -> anyhow::Result<()> {
    if json {
        return print_json(&json!({ "settled": settled }));
    }
    let records = if settled == 1 { "record is" } else { "records are" };
    Ok(output::print(&format!("{settled} {records} {done}\n"))?)
}
