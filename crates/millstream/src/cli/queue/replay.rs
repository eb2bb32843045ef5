//! `millstream queue replay` and `purge`: go on elsewhere, or be done with what waits.
//!
//! One file because both move the place from which a queue goes on, and say what was passed over by it.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::args::{PurgeArgs, ReplayArgs};
use crate::cli::api::{Api, address};
use crate::cli::output::{self, print_json};
use crate::cli::remote::now_ms;

pub(super) async fn run(api: &mut Api, args: &ReplayArgs, json: bool) -> anyhow::Result<()> {
    #[derive(Deserialize)]
    struct Sought {
        skipped: u64,
    }
    let (to, place) = match (&args.to.to_time, args.to.to_offset) {
        (Some(time), _) => (json!({ "time_ms": time.resolve(now_ms()) }), "the first record of that time"),
        (None, Some(offset)) => {
            let offsets = json!([{ "partition": args.partition, "offset": offset }]);
            (json!({ "offsets": offsets }), "that offset")
        }
        (None, None) if args.to.to_earliest => (Value::from("start"), "its first record"),
        (None, None) => (Value::from("end"), "its end"),
    };
    let address = address(&["streams", &args.name, "groups", "default", "seek"], &[]);
    let answer: Value = api.send(Method::POST, &address, &json!({ "to": to })).await?;
    if json {
        return print_json(&answer);
    }
    let Sought { skipped } = serde_json::from_value(answer)?;
    let skipped = match skipped {
        0 => String::new(),
        skipped => format!("; {skipped} records that waited are skipped"),
    };
    Ok(output::print(&format!("queue {:?} goes on from {place}{skipped}\n", args.name))?)
}

pub(super) async fn purge(api: &mut Api, args: &PurgeArgs, json: bool) -> anyhow::Result<()> {
    #[derive(Deserialize)]
    struct Purged {
        purged: u64,
    }
    let address = address(&["streams", &args.name, "groups", "default", "purge"], &[]);
    let answer: Value = api.send(Method::POST, &address, &json!({ "everything": args.everything })).await?;
    if json {
        return print_json(&answer);
    }
    let Purged { purged } = serde_json::from_value(answer)?;
    Ok(output::print(&format!("queue {:?} is purged of {purged} records\n", args.name))?)
}
