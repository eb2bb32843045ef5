//! `/streams`: every protocol's streams, a page at a time, and a form for a new one.
//!
//! Apart because it is a list; what a stream holds is [`stream`](super::stream).

use super::ask::{Question, ask};
use super::confirm::{carry_out, note, or_problem};
use super::visit::Visit;
use super::{chart, frame, show};
use crate::context::{Context, Step};
use maud::{Markup, html};
use serde_json::{Value, json};
use std::sync::Arc;

/// Streams of a page: with sparklines it stays below 100 KB.
const STREAMS_SHOWN: usize = 50;

pub(super) fn show(cx: &mut Context, visit: Arc<Visit>) -> Step {
    let question = Question::new("list_streams", &[])
        .with("limit", STREAMS_SHOWN)
        .with_some("prefix", visit.query.text("prefix"))
        .with_some("leased", visit.query.text("leased").filter(|leased| *leased == "true"))
        .with_some("cursor", visit.query.text("cursor"));
    ask(cx, question, move |cx, answer| match answer {
        Ok(streams) => frame::page(cx, &visit, "Streams", content(cx, &visit, &streams)),
        Err(problem) => frame::problem(cx, &visit, &problem),
    })
}

fn content(cx: &Context, visit: &Visit, streams: &Value) -> Markup {
    let prefix = visit.query.text("prefix").unwrap_or_default();
    let leased = visit.query.text("leased") == Some("true");
    let mut query = vec![("cursor", streams["next_cursor"].as_str().unwrap_or_default()), ("prefix", prefix)];
    query.push(("leased", if leased { "true" } else { "" }));
    query.retain(|(_, value)| !value.is_empty());
    html! {
        h1 { "Streams" }
        form.bar method="get" action=(visit.href(&["streams"], &[])) role="search" {
            @if let Some(namespace) = visit.namespace() { input type="hidden" name="namespace" value=(namespace); }
            label for="prefix" { "Name begins with" }
            input #prefix name="prefix" value=(prefix);
            label { input type="checkbox" name="leased" value="true" checked[leased]; " only queues" }
            button type="submit" { "Show" }
        }
        (namespaces(cx, visit))
        div #streams data-live { (table(cx, visit, streams)) }
        @if streams["next_cursor"].is_string() {
            p { a.button href=(visit.href(&["streams"], &query)) { "Next page" } }
        }
        (create_form(cx, visit))
    }
}

fn table(cx: &Context, visit: &Visit, streams: &Value) -> Markup {
    html! {
        @if show::items(streams).is_empty() {
            p { "There are no streams here. Clients create them, or the form below." }
        } @else {
            div.wide tabindex="0" role="region" aria-label="Streams" {
            table {
                thead {
                    tr {
                        th scope="col" { "Stream" }
                        th scope="col" { "Records per second" }
                        th.n scope="col" { "Records" }
                        th.n scope="col" { "Size" }
                        th.n scope="col" { "Ready" }
                        th.n scope="col" { "Leased" }
                        th.n scope="col" { "Put off" }
                        th scope="col" { "Read by" }
                        th scope="col" { "Dead letters to" }
                    }
                }
                tbody {
                    @for stream in show::items(streams) {
                        @let name = show::text(&stream["name"]);
                        @let counts = stream["counts"].is_object().then_some(&stream["counts"]);
                        tr {
                            th scope="row" {
                                a href=(visit.href(&["streams", name], &[])) { (name) }
                                @if show::number(&stream["partition_count"]) > 1 {
                                    " " span.tag { (show::number(&stream["partition_count"])) " partitions" }
                                }
                                @if stream["paused"] == true { " " span.tag.warn { "paused" } }
                            }
                            td { (sparkline(cx, name)) }
                            td.n { (show::count(show::number(&stream["records"]))) }
                            td.n { (show::bytes(show::number(&stream["bytes"]))) }
                            @for count in ["ready", "leased", "delayed"] {
                                td.n {
                                    @match counts {
                                        Some(counts) => (show::count(show::number(&counts[count]))),
                                        None => span.none { "–" },
                                    }
                                }
                            }
                            td { (read_by(cx, &stream["read_by"])) }
                            td {
                                @if let Some(target) = stream["dead_letter_stream"].as_str() {
                                    a href=(visit.href(&["dead-letters", target], &[])) { (target) }
                                }
                            }
                        }
                    }
                }
            }
            }
        }
    }
}

/// By which protocols a stream was read lately.
pub(super) fn read_by(cx: &Context, readers: &Value) -> Markup {
    html! {
        @if show::list(readers).is_empty() { span.none { "–" } }
        @for reader in show::list(readers) {
            @let last = show::date(reader["last_ms"].as_i64().unwrap_or(cx.now.0));
            span.tag title={ "last seen " (last) } { (protocol(show::text(&reader["protocol"]))) } " "
        }
    }
}

/// A protocol as people call it.
fn protocol(front: &str) -> &str {
    match front {
        "kafka" => "Kafka",
        "amqp" => "AMQP",
        "aws" => "SQS",
        "http" => "HTTP",
        other => other,
    }
}

/// A stream's rate over time, with the newest value beside it.
pub(super) fn sparkline(cx: &Context, name: &str) -> Markup {
    let entry = cx.backend.stream(cx.namespace, name);
    let rates = entry.map_or(Vec::new(), |entry| cx.samples.rates(entry.id));
    let now = show::rate(f64::from(rates.last().copied().unwrap_or(0.0)));
    html! {
        @if rates.iter().any(|rate| *rate > 0.0) {
            // Every third value is enough for a line this small.
            @let few: Vec<f32> = rates.chunks(3).map(|some| some.iter().copied().fold(0.0, f32::max)).collect();
            (chart::line(&few, 90, 20, "Records per second", &now)) " "
        }
        (now)
    }
}

fn namespaces(cx: &Context, visit: &Visit) -> Markup {
    let all = cx.backend.namespaces();
    html! {
        @if all.len() > 1 {
            p {
                "Namespaces: "
                @for entry in all.iter().take(50) {
                    a href=(super::visit::href(&["streams"], &[], Some(&entry.name)))
                        aria-current=[(visit.namespace().unwrap_or("default") == &*entry.name).then_some("true")] { (entry.name) }
                    " "
                }
            }
        }
    }
}

fn create_form(cx: &Context, visit: &Visit) -> Markup {
    html! {
        details {
            summary { "Create a stream" }
            form.grid method="post" action=(visit.href(&["streams"], &[])) {
                (frame::word(cx))
                label for="new-name" { "Name" }
                input #new-name name="name" required maxlength="255";
                label for="new-partitions" { "Partitions" }
                input #new-partitions name="partitions" type="number" min="1" max="10000" value="1";
                label for="new-kind" { "Used as" }
                select #new-kind name="kind" {
                    option value="queue" { "a queue: records go when they are consumed" }
                    option value="replayable" { "a queue that can be replayed: records stay a week" }
                    option value="stream" { "a stream: records stay a week" }
                }
                label for="new-dead" { "Dead letters to the stream" }
                input #new-dead name="dead_letter_stream" maxlength="255" placeholder="none";
                label for="new-limit" { "after so many deliveries" }
                input #new-limit name="delivery_limit" type="number" min="1" placeholder="never";
                button type="submit" { "Create" }
            }
        }
    }
}

/// A week.
const WEEK_MS: u64 = 7 * 86_400_000;

pub(super) fn create(cx: &mut Context, visit: Arc<Visit>) -> Step {
    let name = visit.form.text("name").unwrap_or_default().to_owned();
    note(cx, &format!("create {name:?}"));
    let step = body(&visit).map(|body| {
        let next = visit.href(&["streams", &name], &[]);
        let question = Question::new("create_stream", &[&name]).body(body);
        carry_out(cx, visit.clone(), question, next, move |_| format!("The stream {name} is there."))
    });
    or_problem(cx, &visit, step)
}

fn body(visit: &Visit) -> Result<Value, crate::errors::Problem> {
    let mut settings = match visit.form.text("kind") {
        Some("queue") => json!({"leased": true, "consumed_retention_ms": 0, "retention_ms": null}),
        Some("replayable") => {
            json!({"leased": true, "consumed_retention_ms": WEEK_MS, "retention_ms": null})
        }
        _ => json!({"retention_ms": WEEK_MS}),
    };
    if let Some(target) = visit.form.text("dead_letter_stream") {
        settings["dead_letter_stream"] = target.into();
    }
    if let Some(limit) = visit.form.number("delivery_limit")? {
        settings["delivery_limit"] = limit.into();
    }
    let mut body = json!({"settings": settings});
    if let Some(partitions) = visit.form.number("partitions")? {
        body["partitions"] = partitions.into();
    }
    Ok(body)
}
