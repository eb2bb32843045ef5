//! `/groups` and `/groups/{name}`: who reads by offset, and how far behind each is.
//!
//! Apart from streams because a cursor group belongs to none: it may read many. Queues are shown with their streams.

use super::ask::{Question, ask, ask_all};
use super::confirm::{carry_out, is_confirmed, note, or_problem, question};
use super::visit::Visit;
use super::{chart, frame, show};
use crate::context::{Context, Step};
use crate::errors::Problem;
use maud::{Markup, html};
use serde_json::{Value, json};
use std::sync::Arc;

/// Groups, and positions of one group, on a page.
const SHOWN: usize = 50;

pub(super) fn list(cx: &mut Context, visit: Arc<Visit>) -> Step {
    let question = Question::new("list_groups", &[])
        .with("limit", SHOWN)
        .with_some("prefix", visit.query.text("prefix"))
        .with_some("cursor", visit.query.text("cursor"));
    ask(cx, question, move |cx, answer| match answer {
        Ok(groups) => frame::page(cx, &visit, "Groups", groups_of(&visit, &groups)),
        Err(problem) => frame::problem(cx, &visit, &problem),
    })
}

fn groups_of(visit: &Visit, groups: &Value) -> Markup {
    html! {
        h1 { "Groups" }
        p.hint { "Consumers that share committed offsets. A queue is shown with its stream." }
        form.bar method="get" action=(visit.href(&["groups"], &[])) role="search" {
            @if let Some(namespace) = visit.namespace() { input type="hidden" name="namespace" value=(namespace); }
            label for="prefix" { "Name begins with" }
            input #prefix name="prefix" value=[visit.query.text("prefix")];
            button type="submit" { "Show" }
        }
        div #groups data-live {
            @if show::items(groups).is_empty() {
                p { "There are no groups here." }
            } @else {
                div.wide tabindex="0" role="region" aria-label="Groups" {
                table {
                    thead {
                        tr {
                            th scope="col" { "Group" }
                            th scope="col" { "State" }
                            th.n scope="col" { "Members" }
                            th.n scope="col" { "Partitions" }
                            th.n scope="col" { "Behind, records" }
                            th.n scope="col" { "Behind, time" }
                        }
                    }
                    tbody {
                        @for group in show::items(groups) {
                            @let name = show::text(&group["name"]);
                            tr {
                                th scope="row" { a href=(visit.href(&["groups", name], &[])) { (name) } }
                                td { (show::text(&group["state"])) }
                                td.n { (show::count(show::number(&group["member_count"]))) }
                                td.n { (show::count(show::number(&group["committed_partitions"]))) }
                                td.n { (show::count(show::number(&group["lag_records"]))) }
                                td.n { (lag_time(&group["lag_ms"])) }
                            }
                        }
                    }
                }
                }
            }
        }
        @if let Some(cursor) = groups["next_cursor"].as_str() {
            p { a.button href=(visit.href(&["groups"], &[("cursor", cursor)])) { "Next page" } }
        }
    }
}

/// How old the first record is that was not read.
pub(super) fn lag_time(ms: &Value) -> String {
    ms.as_u64().map_or_else(|| "–".to_owned(), show::span)
}

pub(super) fn one(cx: &mut Context, visit: Arc<Visit>) -> Step {
    let name = visit.name();
    let offsets = Question::new("list_group_offsets", &[name])
        .with("limit", SHOWN)
        .with_some("cursor", visit.query.text("cursor"));
    let history = Question::new("get_group_history", &[name]);
    let questions = vec![Question::new("get_cursor_group", &[name]), offsets, history];
    ask_all(cx, questions, move |cx, answers| {
        let mut answers = answers.into_iter();
        let group = answers.next().unwrap_or_else(|| Err(Problem::unexpected()));
        let both = group.and_then(|group| Ok((group, answers.next().ok_or_else(Problem::unexpected)??)));
        // Nobody may watch over a broker: then there is no chart.
        let history = answers.next().and_then(Result::ok).unwrap_or(Value::Null);
        match both {
            Ok((group, offsets)) => {
                let title = format!("Group {}", visit.name());
                frame::page(cx, &visit, &title, group_of(cx, &visit, &group, &offsets, &history))
            }
            Err(problem) => frame::problem(cx, &visit, &problem),
        }
    })
}

fn group_of(cx: &Context, visit: &Visit, group: &Value, offsets: &Value, history: &Value) -> Markup {
    let name = visit.name();
    html! {
        h1 { "Group " (name) }
        section #now data-live aria-label="Now" {
            dl.tiles {
                div { dt { "State" } dd { (show::text(&group["state"])) } }
                div { dt { "Members" } dd { (show::list(&group["members"]).len()) } }
                div { dt { "Behind, records" } dd { (show::count(show::number(&group["lag_records"]))) } }
                div { dt { "Behind, time" } dd { (lag_time(&group["lag_ms"])) } }
            }
            (lag_over_time(history))
            h2 { "Where it is" }
            (positions(cx, visit, offsets))
            h2 { "Members" }
            (members(group))
        }
        @if let Some(cursor) = offsets["next_cursor"].as_str() {
            p { a.button href=(visit.href(&["groups", name], &[("cursor", cursor)])) { "Next page" } }
        }
        (forms(cx, visit, offsets))
    }
}

/// Streams whose lag is drawn.
const CHARTS_SHOWN_MAX: usize = 8;

/// How the lag went, a line for each stream.
pub(super) fn lag_over_time(history: &Value) -> Markup {
    let times = show::list(&history["times_ms"]);
    let time = |value: Option<&Value>| value.and_then(Value::as_i64).unwrap_or(0);
    let span = u64::try_from(time(times.last()) - time(times.first())).unwrap_or(0);
    html! {
        @if times.len() > 1 {
            @for lag in show::list(&history["streams"]).iter().take(CHARTS_SHOWN_MAX) {
                @let stream = show::text(&lag["stream"]);
                @let values: Vec<u64> = show::list(&lag["lag_records"]).iter().map(show::number).collect();
                @let now = show::count(values.last().copied().unwrap_or(0));
                @let largest = show::count(values.iter().copied().max().unwrap_or(0));
                @let drawn: Vec<f32> = values.iter().map(|value| *value as f32).collect();
                figure {
                    figcaption {
                        "Records behind in " (stream) ", the last " (show::span(span)) ": now " (now) ", at most " (largest)
                    }
                    (chart::line(&drawn, 960, 80, &format!("Records behind in {stream}"), &now))
                }
            }
        }
    }
}

fn positions(cx: &Context, visit: &Visit, offsets: &Value) -> Markup {
    html! {
        @if show::items(offsets).is_empty() {
            p { "It has committed no offset." }
        } @else {
            div.wide tabindex="0" role="region" aria-label="Positions" {
            table {
                thead {
                    tr {
                        th scope="col" { "Stream" }
                        th.n scope="col" { "Partition" }
                        th.n scope="col" { "Committed" }
                        th.n scope="col" { "End" }
                        th.n scope="col" { "Behind, records" }
                        th.n scope="col" { "Behind, time" }
                        th scope="col" { "Committed" }
                    }
                }
                tbody {
                    @for position in show::items(offsets) {
                        @let stream = show::text(&position["stream"]);
                        tr {
                            th scope="row" { a href=(visit.href(&["streams", stream], &[])) { (stream) } }
                            td.n { (show::number(&position["partition"])) }
                            td.n { (show::number(&position["committed_offset"])) }
                            td.n { (show::number(&position["end_offset"])) }
                            td.n { (show::count(show::number(&position["lag_records"]))) }
                            td.n { (lag_time(&position["lag_ms"])) }
                            td { (show::moment_of(cx.now, &position["committed_ms"])) }
                        }
                    }
                }
            }
            }
        }
    }
}

fn members(group: &Value) -> Markup {
    html! {
        @if show::list(&group["members"]).is_empty() {
            p { "Nobody is in it." }
        } @else {
            div.wide tabindex="0" role="region" aria-label="Members" {
            table {
                thead { tr { th scope="col" { "Member" } th scope="col" { "Client" } th scope="col" { "From" } } }
                tbody {
                    @for member in show::list(&group["members"]) {
                        tr {
                            th.text scope="row" { (show::preview(show::text(&member["member_id"]))) }
                            td.text { (show::preview(show::text(&member["client_id"]))) }
                            td { (show::preview(show::text(&member["host"]))) }
                        }
                    }
                }
            }
            }
        }
    }
}

fn forms(cx: &Context, visit: &Visit, offsets: &Value) -> Markup {
    let name = visit.name();
    let action = visit.href(&["groups", name], &[]);
    let mut streams: Vec<&str> =
        show::items(offsets).iter().map(|position| show::text(&position["stream"])).collect();
    streams.dedup();
    html! {
        h2 { "Go on elsewhere" }
        p.hint { "Only while nobody is in the group: members would commit over it." }
        form.bar method="post" action=(action) {
            (frame::word(cx))
            input type="hidden" name="back" value=(action);
            label for="stream" { "In the stream" }
            input #stream name="stream" required value=[streams.first()];
            label for="to" { "from" }
            select #to name="to" {
                option value="start" { "its start" }
                option value="end" { "its end" }
                option value="time" { "a time" }
            }
            label for="time" { "Time, ms since 1970" }
            input #time name="time_ms" inputmode="numeric";
            button.danger type="submit" name="act" value="seek" { "Go" }
        }
        form.plain method="post" action=(action) {
            (frame::word(cx))
            input type="hidden" name="back" value=(action);
            button.danger type="submit" name="act" value="delete" { "Forget the group" }
        }
    }
}

pub(super) fn act(cx: &mut Context, visit: Arc<Visit>) -> Step {
    let step = try_act(cx, &visit);
    or_problem(cx, &visit, step)
}

fn try_act(cx: &mut Context, visit: &Arc<Visit>) -> Result<Step, Problem> {
    let name = visit.name().to_owned();
    let stream = visit.form.text("stream").unwrap_or_default().to_owned();
    match visit.form.text("act") {
        Some("seek") => {
            let to = match visit.form.text("to") {
                Some("start") => json!("start"),
                Some("end") => json!("end"),
                _ => {
                    json!({"time_ms": visit.form.number("time_ms")?.ok_or_else(|| Problem::field("time_ms", "is missing"))?})
                }
            };
            note(cx, &format!("seek in {stream:?} to {to}"));
            if !is_confirmed(visit) {
                let asked = format!(
                    "The group {name} will go on elsewhere in {stream}, and its old place is forgotten."
                );
                return Ok(question(cx, visit, &asked));
            }
            let asked =
                Question::new("seek_cursor_group", &[&name]).body(json!({"stream": stream, "to": to}));
            let next = visit.href(&["groups", &name], &[]);
            Ok(carry_out(cx, visit.clone(), asked, next, |_| "The group goes on from there.".to_owned()))
        }
        Some("delete") => {
            note(cx, "forget");
            if !is_confirmed(visit) {
                return Ok(question(
                    cx,
                    visit,
                    &format!("The group {name} and everything that it has committed is forgotten."),
                ));
            }
            let next = visit.href(&["groups"], &[]);
            let asked = Question::new("delete_cursor_group", &[&name]);
            Ok(carry_out(cx, visit.clone(), asked, next, move |_| format!("The group {name} is forgotten.")))
        }
        _ => Err(Problem::field("act", "is none that this page has")),
    }
}
