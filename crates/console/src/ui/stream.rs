//! `/streams/{name}`: one stream: what comes in, what waits, how far everybody is, and what can be done with its queue.
//!
//! Apart because it is the page to which everything that names a stream leads.

use super::ask::{Question, ask_all};
use super::chart::Mark;
use super::confirm::{carry_out, is_confirmed, note, or_problem, question};
use super::visit::Visit;
use super::{chart, frame, show, streams};
use crate::context::{Context, Step};
use crate::errors::Problem;
use maud::{Markup, html};
use serde_json::{Value, json};
use std::sync::Arc;

/// Partitions whose maps are drawn.
const MAPS_SHOWN_MAX: usize = 16;

/// Readers that are named.
const READERS_SHOWN_MAX: usize = 50;

/// The parts of a stream's pages: what stands behind its name in the address, and what that is called.
const PARTS: [(&str, &str); 3] = [("", "Overview"), ("records", "Records"), ("settings", "Settings")];

/// The heading of all pages of a stream.
pub(super) fn heading(visit: &Visit, name: &str, here: &str) -> Markup {
    html! {
        h1 { (name) }
        nav.parts aria-label="Parts of the stream" {
            @for (address, title) in PARTS {
                @let parts = if address.is_empty() { vec!["streams", name] } else { vec!["streams", name, address] };
                a href=(visit.href(&parts, &[])) aria-current=[(address == here).then_some("page")] { (title) }
                " "
            }
        }
    }
}

pub(super) fn show(cx: &mut Context, visit: Arc<Visit>) -> Step {
    let name = visit.name();
    let questions = vec![
        Question::new("get_stream", &[name]),
        Question::new("get_group", &[name]),
        Question::new("list_stream_groups", &[name]).with("limit", READERS_SHOWN_MAX),
        Question::new("get_group_history", &[name]).with("kind", "lease"),
    ];
    ask_all(cx, questions, move |cx, answers| {
        let mut answers = answers.into_iter();
        let stream = answers.next().unwrap_or_else(|| Err(Problem::unexpected()));
        match stream {
            Ok(stream) => {
                let title = show::text(&stream["name"]).to_owned();
                // A stream that is not worked as a queue has no group, which is no mistake.
                let group = answers.next().and_then(Result::ok);
                let readers = answers.next().and_then(Result::ok).unwrap_or(Value::Null);
                let history = answers.next().and_then(Result::ok).unwrap_or(Value::Null);
                let shown =
                    Shown { stream: &stream, group: group.as_ref(), readers: &readers, history: &history };
                frame::page(cx, &visit, &title, content(cx, &visit, &shown))
            }
            Err(problem) => frame::problem(cx, &visit, &problem),
        }
    })
}

/// What the page shows.
struct Shown<'a> {
    stream: &'a Value,
    /// The queue, if it is one.
    group: Option<&'a Value>,
    readers: &'a Value,
    /// How the queue's lag went.
    history: &'a Value,
}

fn content(cx: &Context, visit: &Visit, shown: &Shown<'_>) -> Markup {
    let Shown { stream, group, readers, history } = *shown;
    let name = show::text(&stream["name"]);
    html! {
        (heading(visit, name, ""))
        section #now data-live aria-label="Now" {
            dl.tiles {
                div { dt { "Records" } dd { (show::count(show::number(&stream["records"]))) } }
                div { dt { "Size" } dd { (show::bytes(show::number(&stream["bytes"]))) } }
                div { dt { "Records in, per second" } dd { (streams::sparkline(cx, name)) } }
                @if let Some(group) = group { (tiles(cx, group)) }
            }
            p { (retention(&stream["settings"])) " Created " (show::moment_of(cx.now, &stream["created_ms"])) "." }
            (rates(cx, name))
            (super::groups::lag_over_time(history))
            (maps(stream, group, readers))
            (table_of(cx, visit, stream, readers))
        }
        @if let Some(group) = group { (queue_forms(cx, visit, name, group)) }
        @if let Some(target) = stream["settings"]["dead_letter_stream"]["value"].as_str() {
            p { "Dead letters go to " a href=(visit.href(&["dead-letters", target], &[])) { (target) } "." }
        }
        p { a href=(visit.href(&["dead-letters", name], &[])) { "Look at this stream as dead letters" } }
    }
}

fn tiles(cx: &Context, group: &Value) -> Markup {
    html! {
        div { dt { "Ready" } dd { (show::count(show::number(&group["ready"]))) } }
        div { dt { "Leased" } dd { (show::count(show::number(&group["leased"]))) } }
        div { dt { "Put off" } dd { (show::count(show::number(&group["delayed"]))) } }
        div {
            dt { "Consumers" }
            dd { (show::count(show::number(&group["holders"]) + show::number(&group["waiting"]))) }
        }
        @if group["oldest"].is_object() {
            div { dt { "Oldest" } dd { (show::moment_of(cx.now, &group["oldest"]["timestamp_ms"])) } }
        }
    }
}

/// What keeps records, in a sentence.
fn retention(settings: &Value) -> String {
    let value = |name: &str| settings[name]["value"].as_u64();
    let mut said = Vec::new();
    match value("consumed_retention_ms") {
        Some(0) => said.push("Records go when they are consumed".to_owned()),
        Some(ms) => said.push(format!("Records go {} after they were consumed", show::span(ms))),
        None => {}
    }
    if show::text(&settings["cleanup"]["value"]).contains("compact") {
        said.push("The latest record of each key is kept".to_owned());
    }
    if let Some(ms) = value("retention_ms") {
        said.push(format!("Records go when they are {} old", show::span(ms)));
    }
    if let Some(bytes) = value("retention_bytes") {
        said.push(format!("A partition holds {}", show::bytes(bytes)));
    }
    if said.is_empty() {
        said.push("Records are kept for ever".to_owned());
    }
    said.join(". ") + "."
}

fn rates(cx: &Context, name: &str) -> Markup {
    let entry = cx.backend.stream(cx.namespace, name);
    let rates = entry.map_or(Vec::new(), |entry| cx.samples.rates(entry.id));
    html! {
        @if rates.len() > 1 {
            @let now = show::rate(f64::from(rates.last().copied().unwrap_or(0.0)));
            figure {
                figcaption { "Records per second" }
                (chart::line(&rates, 960, 100, "Records per second", &now))
            }
        }
    }
}

fn maps(stream: &Value, group: Option<&Value>, readers: &Value) -> Markup {
    let partitions = show::list(&stream["partitions"]);
    html! {
        h2 { "Where everybody is" }
        @for partition in partitions.iter().take(MAPS_SHOWN_MAX) {
            @let number = show::number(&partition["partition"]);
            @let (start, end) = (show::number(&partition["start_offset"]), show::number(&partition["end_offset"]));
            @let marks = marks(number, group, readers);
            div.log {
                p {
                    "Partition " (number) ": offsets " (start) " to " (end) ", "
                    (show::bytes(show::number(&partition["bytes"])))
                    @for (place, mark) in marks.iter().enumerate() {
                        " · " span class={ "key mark-" (place % 6) } { (mark.name) } " " (mark.offset)
                    }
                }
                (chart::log_map(start, end, &marks))
            }
        }
        @if partitions.len() > MAPS_SHOWN_MAX {
            p { "And " (partitions.len() - MAPS_SHOWN_MAX) " more partitions." }
        }
    }
}

/// Positions in a partition: the first record that the queue has not consumed, and where cursor groups go on.
fn marks(partition: u64, group: Option<&Value>, readers: &Value) -> Vec<Mark> {
    let oldest = group.map(|group| &group["oldest"]).filter(|oldest| oldest["partition"] == partition);
    let oldest = oldest.filter(|oldest| oldest.is_object());
    let queue =
        oldest.map(|oldest| Mark { name: "queue".to_owned(), offset: show::number(&oldest["offset"]) });
    let groups = show::items(readers).iter().filter_map(|reader| {
        let offsets = show::list(&reader["offsets"]);
        let here = offsets.iter().find(|committed| committed["partition"] == partition)?;
        Some(Mark {
            name: show::preview(show::text(&reader["name"])),
            offset: show::number(&here["committed_offset"]),
        })
    });
    queue.into_iter().chain(groups).collect()
}

/// Who reads the stream.
fn table_of(cx: &Context, visit: &Visit, stream: &Value, readers: &Value) -> Markup {
    html! {
        h2 { "Who reads it" }
        p { "By protocol, within the last ten minutes: " (streams::read_by(cx, &stream["read_by"])) }
        @if show::items(readers).is_empty() {
            p { "Nobody: it is no queue, and no group has committed an offset in it." }
        } @else {
            div.wide tabindex="0" role="region" aria-label="Who reads it" {
            table {
                thead {
                    tr {
                        th scope="col" { "Reader" }
                        th scope="col" { "By" }
                        th.n scope="col" { "Behind, records" }
                        th.n scope="col" { "Behind, time" }
                    }
                }
                tbody {
                    @for reader in show::items(readers) {
                        @let name = show::text(&reader["name"]);
                        tr {
                            @if reader["kind"] == "queue" {
                                th scope="row" { "The queue" }
                                td { "leases: AMQP, SQS, HTTP" }
                            } @else {
                                th scope="row" { a href=(visit.href(&["groups", name], &[])) { (name) } }
                                td { "offsets: Kafka" }
                            }
                            td.n { (show::count(show::number(&reader["lag_records"]))) }
                            td.n { (super::groups::lag_time(&reader["lag_ms"])) }
                        }
                    }
                }
            }
            }
        }
    }
}

fn queue_forms(cx: &Context, visit: &Visit, name: &str, group: &Value) -> Markup {
    let action = visit.href(&["streams", name, "queue"], &[]);
    let paused = group["paused"] == true;
    html! {
        h2 { "The queue" }
        div.bar {
            form.plain method="post" action=(action) {
                (frame::word(cx))
                button type="submit" name="act" value=(if paused { "resume" } else { "pause" }) {
                    (if paused { "Let it go on" } else { "Pause" })
                }
            }
            form.plain method="post" action=(action) {
                (frame::word(cx))
                button.danger type="submit" name="act" value="purge" { "Purge what is ready" }
            }
        }
        details {
            summary { "Replay or skip" }
            form.bar method="post" action=(action) {
                (frame::word(cx))
                label for="replay-to" { "Go on from" }
                select #replay-to name="to" {
                    option value="start" { "the first record there is" }
                    option value="end" { "the end: skip everything" }
                    option value="time" { "the first record of a time" }
                }
                label for="replay-time" { "Time, ms since 1970" }
                input #replay-time name="time_ms" inputmode="numeric";
                button.danger type="submit" name="act" value="seek" { "Go" }
            }
        }
    }
}

pub(super) fn change(cx: &mut Context, visit: Arc<Visit>) -> Step {
    let step = act(cx, &visit);
    or_problem(cx, &visit, step)
}

fn act(cx: &mut Context, visit: &Arc<Visit>) -> Result<Step, Problem> {
    let name = visit.name().to_owned();
    let next = visit.href(&["streams", &name], &[]);
    let act = visit.form.text("act").unwrap_or_default();
    note(cx, act);
    let ask = |operation: &'static str, body: Value| Question::new(operation, &[&name]).body(body);
    Ok(match act {
        "pause" | "resume" => {
            let pause = act == "pause";
            let said = if pause { "Nobody gets records now." } else { "Consumers get records again." };
            let asked = ask("alter_group", json!({"paused": pause}));
            carry_out(cx, visit.clone(), asked, next, move |_| said.to_owned())
        }
        "purge" if is_confirmed(visit) => {
            let asked = ask("purge_group", json!({}));
            carry_out(cx, visit.clone(), asked, next, |answer| {
                format!("{} records are done with.", show::count(show::number(&answer["purged"])))
            })
        }
        "purge" => question(
            cx,
            visit,
            &format!("Everything that is ready in the queue {name} will be done with, for every protocol."),
        ),
        "seek" => {
            let to = match visit.form.text("to") {
                Some("start") => json!("start"),
                Some("end") => json!("end"),
                _ => {
                    let time = visit.form.number("time_ms")?;
                    json!({"time_ms": time.ok_or_else(|| Problem::field("time_ms", "is missing"))?})
                }
            };
            if !is_confirmed(visit) {
                let what = "Consumers will get every record from there on again, and nothing from before.";
                return Ok(question(cx, visit, what));
            }
            let asked = ask("seek_group", json!({"to": to}));
            carry_out(cx, visit.clone(), asked, next, |answer| {
                let skipped = show::count(show::number(&answer["skipped"]));
                format!("The queue goes on from there; {skipped} records were skipped.")
            })
        }
        _ => return Err(Problem::field("act", "is none that this page has")),
    })
}
