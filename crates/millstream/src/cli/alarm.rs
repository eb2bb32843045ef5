//! `millstream alarm`: what is wrong with a broker, and who need not hear of it.
//!
//! Apart because whoever is woken by an alarm types these first.

use clap::{Args, Subcommand};
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{self, Api, ServerArgs, address, moment};
use super::moment::Span;
use super::output::{self, Column, print_json, print_table};

/// See what is wrong, and silence what is known.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millstream alarm list
  millstream alarm silence dead_letters.5f3a9c217b3e0d12 --reason 'being mended' --for 2h
  millstream alarm silence fsync_slow --reason 'backup runs' --for 30m
  millstream alarm silence fsync_slow --end
  millstream alarm test")]
pub(super) struct AlarmArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    action: AlarmAction,
}

/// What to do with alarms.
#[derive(Debug, Subcommand)]
enum AlarmAction {
    /// List what is wrong, since when, and what to do.
    List(ListArgs),
    /// Have nobody told of an alarm, or of a rule, for a while.
    Silence(SilenceArgs),
    /// Send a notice that is none, to see that it arrives.
    Test,
}

/// Arguments of `alarm list`.
#[derive(Debug, Args)]
struct ListArgs {
    /// Show the rules instead: from where on each applies, and what it is about.
    #[arg(long)]
    rules: bool,
}

/// Arguments of `alarm silence`.
#[derive(Debug, Args)]
struct SilenceArgs {
    /// The alarm's id, or a rule's name: all alarms of it.
    id: String,
    /// Why, for whoever wonders.
    #[arg(long, required_unless_present = "end")]
    reason: Option<String>,
    /// How long: 30m, 2h, 1d; 30 days at most.
    #[arg(long = "for", value_name = "SPAN", default_value = "1h")]
    span: Span,
    /// End the silence instead.
    #[arg(long, conflicts_with_all = ["reason", "span"])]
    end: bool,
}

/// Runs `millstream alarm`.
pub(super) fn run(args: AlarmArgs) -> anyhow::Result<()> {
    let json = args.server.json;
    let mut api = args.server.api()?;
    api::run(async {
        match args.action {
            AlarmAction::List(args) if args.rules => rules(&mut api, json).await,
            AlarmAction::List(_) => list(&mut api, json).await,
            AlarmAction::Silence(args) => silence(&mut api, &args, json).await,
            AlarmAction::Test => test(&mut api, json).await,
        }
    })
}

#[derive(Deserialize)]
struct Listed {
    items: Vec<Value>,
    rules: Vec<Value>,
}

async fn list(api: &mut Api, json: bool) -> anyhow::Result<()> {
    #[derive(Deserialize)]
    struct Alarm {
        id: String,
        state: String,
        since_ms: i64,
        summary: String,
        advice: String,
        silenced: Option<Silence>,
    }
    #[derive(Deserialize)]
    struct Silence {
        reason: String,
        until_ms: i64,
    }
    let Listed { items, .. } = api.get(&address(&["alarms"], &[])).await?;
    if json {
        return print_json(&items);
    }
    if items.is_empty() {
        output::note("nothing is wrong");
    }
    let columns = [
        Column::Text("ALARM"),
        Column::Text("STATE"),
        Column::Text("SINCE"),
        Column::Text("WHAT, AND WHAT TO DO"),
    ];
    let mut rows = Vec::new();
    for item in items {
        let alarm: Alarm = serde_json::from_value(item)?;
        let state = match &alarm.silenced {
            Some(Silence { until_ms, .. }) => {
                format!("{}, silenced until {}", alarm.state, moment(*until_ms))
            }
            None => alarm.state,
        };
        let silenced =
            alarm.silenced.map(|silence| format!(" Silenced: {}", silence.reason)).unwrap_or_default();
        rows.push(vec![
            alarm.id,
            state,
            moment(alarm.since_ms),
            format!("{} {}{silenced}", alarm.summary, alarm.advice),
        ]);
    }
    Ok(print_table(&columns, rows)?)
}

async fn rules(api: &mut Api, json: bool) -> anyhow::Result<()> {
    #[derive(Deserialize)]
    struct Rule {
        name: String,
        threshold: f64,
        unit: String,
        hold_ms: u64,
        doc: String,
    }
    let Listed { rules, .. } = api.get(&address(&["alarms"], &[])).await?;
    if json {
        return print_json(&rules);
    }
    let columns =
        [Column::Text("RULE"), Column::Text("FROM"), Column::Text("HELD FOR"), Column::Text("WHAT IS WRONG")];
    let row = |rule: Value| -> anyhow::Result<Vec<String>> {
        let Rule { name, threshold, unit, hold_ms, doc } = serde_json::from_value(rule)?;
        Ok(vec![name, format!("{threshold} {unit}"), format!("{} s", hold_ms / 1000), doc])
    };
    let rows: Result<Vec<_>, _> = rules.into_iter().map(row).collect();
    Ok(print_table(&columns, rows?)?)
}

async fn silence(api: &mut Api, args: &SilenceArgs, json: bool) -> anyhow::Result<()> {
    let address = address(&["alarms", &args.id, "silence"], &[]);
    if args.end {
        let _ended: Value = api.delete(&address).await?;
        output::note(&format!("{} is not silenced any more", args.id));
        return Ok(());
    }
    let body = json!({"reason": args.reason, "for_ms": args.span.ms()});
    let silence: Value = api.send(Method::POST, &address, &body).await?;
    if json {
        return print_json(&silence);
    }
    let until = silence["until_ms"].as_i64().unwrap_or_default();
    output::note(&format!("{} is silenced until {}", args.id, moment(until)));
    Ok(())
}

async fn test(api: &mut Api, json: bool) -> anyhow::Result<()> {
    let tested: Value = api.send(Method::POST, &address(&["alarms", "test"], &[]), &json!({})).await?;
    if json {
        return print_json(&tested);
    }
    let ways = tested["ways"].as_array().into_iter().flatten().filter_map(Value::as_str);
    output::note(&format!("a test goes to: {}", ways.collect::<Vec<_>>().join(", ")));
    Ok(())
}
