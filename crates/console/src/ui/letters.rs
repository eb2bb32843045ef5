//! `/dead-letters/{name}`: the dead letters of one stream: why they died, and what becomes of them.
//!
//! Apart because it is the page for the bad day: letters are gathered by reason and source, chosen one by one or all
//! together, and replayed at a rate that the consumers bear. Each act is asked once more and stands in the audit log.

use super::ask::{Question, ask_all};
use super::confirm::{carry_out, is_confirmed, note, or_problem, question};
use super::visit::Visit;
use super::{frame, records, show};
use crate::context::{Context, Step};
use crate::errors::Problem;
use maud::{Markup, html};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Letters of a page.
const LETTERS_SHOWN: usize = 50;
/// Kinds of deaths that are shown.
const KINDS_SHOWN: usize = 20;

pub(super) fn show(cx: &mut Context, visit: Arc<Visit>) -> Step {
    let name = visit.name();
    let mut letters = Question::new("list_dead_letters", &[name])
        .with("limit", LETTERS_SHOWN)
        .with_some("cursor", visit.query.text("cursor"));
    for filter in ["reason", "source", "key"] {
        letters = letters.with_some(filter, visit.query.text(filter));
    }
    let questions = vec![letters, Question::new("list_redrives", &[name])];
    ask_all(cx, questions, move |cx, answers| {
        let mut answers = answers.into_iter();
        match answers.next() {
            Some(Ok(letters)) => {
                let redrives = answers.next().and_then(Result::ok).unwrap_or(Value::Null);
                let title = format!("Dead letters in {}", visit.name());
                frame::page(cx, &visit, &title, content(cx, &visit, &letters, &redrives))
            }
            Some(Err(problem)) => frame::problem(cx, &visit, &problem),
            None => frame::problem(cx, &visit, &Problem::unexpected()),
        }
    })
}

fn content(cx: &Context, visit: &Visit, letters: &Value, redrives: &Value) -> Markup {
    let name = visit.name();
    let action = visit.href(&["dead-letters", name], &[]);
    html! {
        h1 { "Dead letters in " (name) }
        p { a href=(visit.href(&["streams", name], &[])) { "The stream itself" } }
        (kinds(cx, visit, letters))
        (filters(visit))
        form method="post" action=(action) {
            (frame::word(cx))
            input type="hidden" name="back" value=(action);
            (table(cx, visit, letters))
            div.bar {
                label for="target" { "To the stream" }
                input #target name="target" placeholder="where each came from";
                button type="submit" name="act" value="redrive" { "Replay the chosen" }
                button.danger type="submit" name="act" value="discard" { "Discard the chosen" }
            }
        }
        @if let Some(cursor) = letters["next_cursor"].as_str() {
            p { a.button href=(visit.href(&["dead-letters", name], &[("cursor", cursor)])) { "Next page" } }
        }
        h2 { "Replay all" }
        form.bar method="post" action=(action) {
            (frame::word(cx))
            input type="hidden" name="back" value=(action);
            label for="all-target" { "To the stream" }
            input #all-target name="target" placeholder="where each came from";
            label for="rate" { "Records per second, at most" }
            input #rate name="per_second" type="number" min="1" placeholder="no bound";
            button type="submit" name="act" value="redrive_all" { "Replay all" }
        }
        (running(cx, visit, redrives, &action))
    }
}

/// Why they died and where, the most frequent first: of this page's letters.
fn kinds(cx: &Context, visit: &Visit, letters: &Value) -> Markup {
    #[derive(Default)]
    struct Kind {
        count: u64,
        first: i64,
        last: i64,
    }
    let mut kinds: BTreeMap<(&str, &str), Kind> = BTreeMap::new();
    for letter in show::items(letters) {
        let death = &letter["dead_letter"];
        let Some(time) = death["time_ms"].as_i64() else { continue };
        let key = (show::text(&death["reason"]), show::text(&death["source"]));
        let kind = kinds.entry(key).or_insert(Kind { count: 0, first: time, last: time });
        *kind = Kind { count: kind.count + 1, first: kind.first.min(time), last: kind.last.max(time) };
    }
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    kinds.sort_by_key(|(_, kind)| core::cmp::Reverse(kind.count));
    html! {
        @if !kinds.is_empty() {
            div.wide tabindex="0" role="region" aria-label="Why they died" {
            table {
                caption { "Why they died, of those below" }
                thead {
                    tr {
                        th scope="col" { "Reason" }
                        th scope="col" { "Source" }
                        th.n scope="col" { "Letters" }
                        th scope="col" { "First" }
                        th scope="col" { "Last" }
                    }
                }
                tbody {
                    @for ((reason, source), kind) in kinds.iter().take(KINDS_SHOWN) {
                        tr {
                            td {
                                a href=(visit.href(&["dead-letters", visit.name()], &[("reason", reason), ("source", source)])) {
                                    (reason)
                                }
                            }
                            td { a href=(visit.href(&["streams", source], &[])) { (source) } }
                            td.n { (show::count(kind.count)) }
                            td { (show::moment(cx.now, kind.first)) }
                            td { (show::moment(cx.now, kind.last)) }
                        }
                    }
                }
            }
            }
        }
    }
}

fn filters(visit: &Visit) -> Markup {
    let given = |name: &str| visit.query.text(name).unwrap_or_default().to_owned();
    html! {
        form.bar method="get" action=(visit.href(&["dead-letters", visit.name()], &[])) role="search" {
            @if let Some(namespace) = visit.namespace() { input type="hidden" name="namespace" value=(namespace); }
            label for="reason" { "Reason" }
            select #reason name="reason" {
                @for reason in ["", "rejected", "expired", "limit", "length"] {
                    option value=(reason) selected[reason == given("reason")] {
                        (if reason.is_empty() { "any" } else { reason })
                    }
                }
            }
            label for="source" { "Source" }
            input #source name="source" value=(given("source"));
            label for="key" { "Key" }
            input #key name="key" value=(given("key"));
            button type="submit" { "Filter" }
        }
    }
}

fn table(cx: &Context, visit: &Visit, letters: &Value) -> Markup {
    html! {
        @if show::items(letters).is_empty() {
            p { "There are none here." }
        } @else {
            div.wide tabindex="0" role="region" aria-label="Letters" {
            table {
                thead {
                    tr {
                        th scope="col" { "Choose" }
                        th scope="col" { "Letter" }
                        th scope="col" { "Reason" }
                        th scope="col" { "Source" }
                        th scope="col" { "Died" }
                        th scope="col" { "Key" }
                        th scope="col" { "Value" }
                        th scope="col" { "Is" }
                    }
                }
                tbody { @for letter in show::items(letters) { (row(cx, visit, letter)) } }
            }
            }
        }
    }
}

fn row(cx: &Context, visit: &Visit, letter: &Value) -> Markup {
    let (partition, offset) = (letter["partition"].to_string(), letter["offset"].to_string());
    let place = format!("{partition}:{offset}");
    let death = &letter["dead_letter"];
    let source = show::text(&death["source"]);
    html! {
        tr {
            td { input type="checkbox" name="at" value=(place) aria-label={ "Choose the letter at " (place) }; }
            th scope="row" {
                a href=(visit.href(&["streams", visit.name(), "records", &partition, &offset], &[])) { (place) }
            }
            td { (show::text(&death["reason"])) }
            td { @if !source.is_empty() { a href=(visit.href(&["streams", source], &[])) { (source) } } }
            td { (show::moment_of(cx.now, &death["time_ms"])) }
            td.text { (show::field(letter, "key")) }
            td.text { (show::field(letter, "value")) }
            td { (records::state(cx, letter)) }
        }
    }
}

/// What is under way, and what was.
fn running(cx: &Context, visit: &Visit, redrives: &Value, action: &str) -> Markup {
    html! {
        section #redrives data-live aria-label="Replays" {
            @if !show::items(redrives).is_empty() {
                div.wide tabindex="0" role="region" aria-label="Replays" {
                table {
                    thead {
                        tr {
                            th scope="col" { "Replay" }
                            th scope="col" { "State" }
                            th.n scope="col" { "Moved" }
                            th.n scope="col" { "Of" }
                            th scope="col" { "To" }
                            th scope="col" { "Begun" }
                            th scope="col" { "End it" }
                        }
                    }
                    tbody {
                        @for redrive in show::items(redrives).iter().rev() {
                            @let number = redrive["number"].to_string();
                            tr {
                                th scope="row" { (number) }
                                td { (show::text(&redrive["state"])) }
                                td.n { (show::count(show::number(&redrive["moved"]))) }
                                td.n { (show::count(show::number(&redrive["total"]))) }
                                td { @match redrive["target"].as_str() {
                                    Some(target) => a href=(visit.href(&["streams", target], &[])) { (target) },
                                    None => "where each came from",
                                } }
                                td { (show::moment_of(cx.now, &redrive["started_ms"])) }
                                td {
                                    @if redrive["state"] == "running" {
                                        form.plain method="post" action=(action) {
                                            (frame::word(cx))
                                            input type="hidden" name="number" value=(number);
                                            button.quiet type="submit" name="act" value="cancel" { "End" }
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
    }
}

pub(super) fn act(cx: &mut Context, visit: Arc<Visit>) -> Step {
    let step = try_act(cx, &visit);
    or_problem(cx, &visit, step)
}

fn try_act(cx: &mut Context, visit: &Arc<Visit>) -> Result<Step, Problem> {
    let name = visit.name().to_owned();
    let next = visit.href(&["dead-letters", &name], &[]);
    let act = visit.form.text("act").unwrap_or_default().to_owned();
    let target = visit.form.text("target").map(str::to_owned);
    let to = target.as_deref().unwrap_or("where each came from").to_owned();
    if act == "cancel" {
        let number = visit.form.text("number").unwrap_or_default();
        note(cx, &format!("end replay {number}"));
        let asked = Question::new("cancel_redrive", &[&name, number]);
        return Ok(carry_out(cx, visit.clone(), asked, next, |_| "The replay is ended.".to_owned()));
    }
    if act == "redrive_all" {
        note(cx, &format!("replay all to {to}"));
        if !is_confirmed(visit) {
            return Ok(question(
                cx,
                visit,
                &format!("All dead letters in {name} that are ready will go to: {to}."),
            ));
        }
        let per_second = visit.form.number("per_second")?;
        let asked = Question::new("start_redrive", &[&name]);
        let asked = asked.body(json!({"target": target, "per_second": per_second}));
        return Ok(carry_out(cx, visit.clone(), asked, next, |answer| {
            format!("Replay {} has begun: {} letters.", answer["number"], answer["total"])
        }));
    }
    let places = places(visit)?;
    let count = places.len();
    note(cx, &format!("{act} {count}: {}", visit.form.all("at").collect::<Vec<_>>().join(" ")));
    let (operation, body, asked) = match &*act {
        "redrive" => {
            let asked = format!("{count} dead letters will go to: {to}.");
            ("redrive_dead_letters", json!({"records": places, "target": target}), asked)
        }
        "discard" => {
            let asked = format!("{count} dead letters will be done with, for good.");
            ("discard_dead_letters", json!({"records": places}), asked)
        }
        _ => return Err(Problem::field("act", "is none that this page has")),
    };
    if !is_confirmed(visit) {
        return Ok(question(cx, visit, &asked));
    }
    let done = if operation == "redrive_dead_letters" { "are on their way" } else { "are done with" };
    Ok(carry_out(cx, visit.clone(), Question::new(operation, &[&name]).body(body), next, move |answer| {
        let results = show::list(&answer["results"]);
        let failed = results.iter().find(|result| !result["code"].is_null());
        let well = results.iter().filter(|result| result["code"].is_null()).count();
        match failed {
            None => format!("{well} letters {done}."),
            Some(failed) => {
                format!("{well} of {count} letters {done}. Of another: {}", show::text(&failed["detail"]))
            }
        }
    }))
}

/// The places that were chosen.
fn places(visit: &Visit) -> Result<Vec<Value>, Problem> {
    let place = |text: &str| {
        let (partition, offset) = text.split_once(':')?;
        Some(json!({"partition": partition.parse::<u32>().ok()?, "offset": offset.parse::<u64>().ok()?}))
    };
    let places: Option<Vec<Value>> = visit.form.all("at").map(place).collect();
    let places = places.ok_or_else(|| Problem::field("at", "must be partition:offset"))?;
    match places.is_empty() {
        true => Err(Problem::field("at", "is missing: choose letters first")),
        false => Ok(places),
    }
}
