//! `/`: what happens now, what needs somebody, and how to connect.
//!
//! Apart because it is the first page: it must be quick with a hundred thousand streams, so everything on it was counted
//! before it is asked for, and its lists are short.

use super::ask::{Question, ask_all};
use super::visit::Visit;
use super::{chart, frame, show, snippets};
use crate::context::{Context, Step};
use maud::{Markup, html};
use serde_json::Value;
use std::sync::Arc;

/// Streams with dead letters that are named.
const DEAD_SHOWN_MAX: usize = 5;
/// Alarms that are named.
const ALARMS_SHOWN_MAX: usize = 5;
/// Operations whose latency is shown.
const OPERATIONS_SHOWN_MAX: usize = 8;

pub(super) fn show(cx: &mut Context, visit: Arc<Visit>) -> Step {
    let questions = vec![Question::new("get_overview", &[]), Question::new("list_alarms", &[])];
    ask_all(cx, questions, move |cx, answers| {
        let mut answers = answers.into_iter().map(Result::ok);
        match (answers.next().flatten(), answers.next().flatten()) {
            // Nobody may watch over a broker: then it has no alarms.
            (Some(overview), alarms) => {
                let content = content(cx, &visit, &overview, &alarms.unwrap_or(Value::Null));
                frame::page(cx, &visit, "Overview", content)
            }
            (None, _) => frame::problem(cx, &visit, &crate::errors::Problem::unexpected()),
        }
    })
}

fn content(cx: &Context, visit: &Visit, overview: &Value, alarms: &Value) -> Markup {
    let total = cx.samples.total();
    let rate = show::rate(f64::from(total.rates.last().copied().unwrap_or(0.0)));
    let dead = show::number(&overview["dead_letters"]["records"]);
    let raised = show::number(&overview["alarms_raised"]);
    let recent = &overview["recent"];
    html! {
        h1 { "Overview" }
        section #now data-live aria-label="Now" {
            @if overview["is_disk_full"] == true {
                p.problem role="alert" { "The disk is full: nothing is stored until there is room." }
            }
            dl.tiles {
                div { dt { "Records in, per second" } dd { (rate) } }
                div {
                    dt { "Streams" }
                    dd { a href=(visit.href(&["streams"], &[])) { (show::count(total.streams)) } }
                }
                div { dt { "Records kept" } dd { (show::count(total.records)) } }
                div { dt { "Bytes kept" } dd { (show::bytes(total.bytes)) } }
                div { dt { "Sync, 99 of 100 within" } dd { (micros(&recent["sync_p99_micros"])) } }
                div.warn[dead > 0] {
                    dt { "Dead letters" } dd { a href=(visit.href(&["dead-letters"], &[])) { (show::count(dead)) } }
                }
                div.warn[raised > 0] {
                    dt { "Alarms" } dd { a href=(visit.href(&["alarms"], &[])) { (show::count(raised)) } }
                }
            }
            (raised_alarms(cx, visit, alarms))
            figure {
                figcaption {
                    "Records per second, the last " (show::span(total.step_ms * total.rates.len() as u64))
                }
                (chart::line(&total.rates, 960, 120, "Records per second", &rate))
            }
            (dead_letters(visit, &overview["dead_letters"]))
            (latency(recent))
        }
        section aria-label="Connect" {
            h2 { "What listens where" }
            (snippets::show(cx, visit))
        }
    }
}

/// What is wrong, in a sentence each.
fn raised_alarms(cx: &Context, visit: &Visit, alarms: &Value) -> Markup {
    let is_heard = |alarm: &&Value| alarm["state"] == "raised" && alarm["silenced"].is_null();
    let raised: Vec<&Value> = show::items(alarms).iter().filter(is_heard).collect();
    html! {
        @if !raised.is_empty() {
            h2 { "What is wrong" }
            ul {
                @for alarm in raised.iter().take(ALARMS_SHOWN_MAX) {
                    @let id = show::text(&alarm["id"]);
                    li {
                        a href=(visit.href(&["alarms"], &[("id", id)])) { (show::text(&alarm["summary"])) }
                        " Since " (show::moment_of(cx.now, &alarm["since_ms"])) ". " (show::text(&alarm["advice"]))
                    }
                }
            }
            @if raised.len() > ALARMS_SHOWN_MAX { p { "And " (raised.len() - ALARMS_SHOWN_MAX) " more." } }
        }
    }
}

fn dead_letters(visit: &Visit, dead: &Value) -> Markup {
    let streams = show::list(&dead["streams"]);
    html! {
        @if !streams.is_empty() {
            h2 { "Dead letters wait" }
            ul {
                @for stream in streams.iter().take(DEAD_SHOWN_MAX) {
                    @let name = show::text(&stream["name"]);
                    li {
                        a href=(visit.href(&["dead-letters", name], &[])) { (name) } ": "
                        (show::count(show::number(&stream["records"])))
                    }
                }
            }
        }
    }
}

/// How long what was asked for lately has taken.
fn latency(recent: &Value) -> Markup {
    let operations = show::list(&recent["operations"]);
    html! {
        @if !operations.is_empty() {
            h2 { "Latency" }
            div.wide tabindex="0" role="region" aria-label="Latency" {
            table {
                caption { "Of the last " (show::span(show::number(&recent["span_ms"]))) ", waits that clients ask for included" }
                thead {
                    tr {
                        th scope="col" { "Operation" }
                        th scope="col" { "Protocol" }
                        th.n scope="col" { "Per second" }
                        th.n scope="col" { "Refused" }
                        th.n scope="col" { "Half within" }
                        th.n scope="col" { "99 of 100 within" }
                    }
                }
                tbody {
                    @for operation in operations.iter().take(OPERATIONS_SHOWN_MAX) {
                        @let per_second = |name: &str| show::rate(operation[name].as_f64().unwrap_or(0.0));
                        tr {
                            th scope="row" { (show::text(&operation["operation"])) }
                            td { (show::text(&operation["front"])) }
                            td.n { (per_second("per_second")) }
                            td.n { (per_second("failures_per_second")) }
                            td.n { (micros(&operation["p50_micros"])) }
                            td.n { (micros(&operation["p99_micros"])) }
                        }
                    }
                }
            }
            }
        }
    }
}

/// A time in microseconds as people read it.
fn micros(value: &Value) -> String {
    match value.as_u64() {
        None => "–".to_owned(),
        Some(micros @ 0..1_000) => format!("{micros} µs"),
        Some(micros @ 1_000..100_000) => format!("{:.1} ms", micros as f64 / 1e3),
        Some(micros) => show::span(micros / 1_000),
    }
}
