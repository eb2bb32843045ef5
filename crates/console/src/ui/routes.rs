//! `/routes` and `/routes/{name}`: from a name and a record to streams, and where a record would go.
//!
//! Apart because most streams have no route. The tester is the very search that a publish makes; it publishes nothing.

use super::ask::{Question, ask, ask_all};
use super::visit::Visit;
use super::{frame, records, show};
use crate::context::{Context, Step};
use crate::errors::Problem;
use maud::{Markup, html};
use serde_json::{Value, json};
use std::sync::Arc;

/// Routes, and bindings of one, on a page.
const SHOWN: usize = 50;
/// Streams that the tester names.
const TARGETS_SHOWN: usize = 100;

pub(super) fn list(cx: &mut Context, visit: Arc<Visit>) -> Step {
    let question = Question::new("list_routes", &[])
        .with("limit", SHOWN)
        .with_some("prefix", visit.query.text("prefix"))
        .with_some("cursor", visit.query.text("cursor"));
    ask(cx, question, move |cx, answer| match answer {
        Ok(routes) => frame::page(cx, &visit, "Routes", routes_of(&visit, &routes)),
        Err(problem) => frame::problem(cx, &visit, &problem),
    })
}

fn routes_of(visit: &Visit, routes: &Value) -> Markup {
    html! {
        h1 { "Routes" }
        p.hint { "What AMQP calls an exchange: it takes a record to the streams that are bound to it." }
        @if show::items(routes).is_empty() {
            p { "There are none here." }
        } @else {
            div.wide tabindex="0" role="region" aria-label="Routes" {
            table {
                thead {
                    tr {
                        th scope="col" { "Route" }
                        th scope="col" { "Matches by" }
                        th.n scope="col" { "Bindings" }
                        th scope="col" { "What it takes nowhere goes to" }
                    }
                }
                tbody {
                    @for route in show::items(routes) {
                        @let name = show::text(&route["name"]);
                        tr {
                            th scope="row" { a href=(visit.href(&["routes", name], &[])) { (name) } }
                            td { (show::text(&route["match"])) }
                            td.n { (show::count(show::number(&route["binding_count"]))) }
                            td {
                                @if let Some(alternate) = route["alternate"].as_str() {
                                    a href=(visit.href(&["routes", alternate], &[])) { (alternate) }
                                }
                            }
                        }
                    }
                }
            }
            }
        }
        @if let Some(cursor) = routes["next_cursor"].as_str() {
            p { a.button href=(visit.href(&["routes"], &[("cursor", cursor)])) { "Next page" } }
        }
    }
}

pub(super) fn one(cx: &mut Context, visit: Arc<Visit>) -> Step {
    let name = visit.name();
    let bindings = Question::new("list_bindings", &[name])
        .with("limit", SHOWN)
        .with_some("cursor", visit.query.text("cursor"));
    let mut questions = vec![Question::new("get_route", &[name]), bindings];
    if visit.query.text("test").is_some() {
        match tested(&visit) {
            Ok(body) => questions.push(Question::new("resolve_route", &[name]).body(body)),
            Err(problem) => return frame::problem(cx, &visit, &problem),
        }
    }
    ask_all(cx, questions, move |cx, answers| {
        let answers: Result<Vec<Value>, Problem> = answers.into_iter().collect();
        match answers.as_deref() {
            Ok([route, bindings, resolved @ ..]) => {
                let title = format!("Route {}", visit.name());
                let content = route_of(&visit, route, bindings, resolved.first());
                frame::page(cx, &visit, &title, content)
            }
            Ok(_) => frame::problem(cx, &visit, &Problem::unexpected()),
            Err(problem) => frame::problem(cx, &visit, problem),
        }
    })
}

/// The record that is asked about.
fn tested(visit: &Visit) -> Result<Value, Problem> {
    let given = records::headers(visit.query.text("headers").unwrap_or_default())?;
    let headers =
        given.iter().map(|header| (show::text(&header["name"]).to_owned(), header["value"].clone()));
    let headers: serde_json::Map<String, Value> = headers.collect();
    Ok(json!({"key": visit.query.text("key").unwrap_or_default(), "headers": headers}))
}

fn route_of(visit: &Visit, route: &Value, bindings: &Value, resolved: Option<&Value>) -> Markup {
    let given = |name: &str| visit.query.text(name).unwrap_or_default().to_owned();
    html! {
        h1 { "Route " (visit.name()) }
        p { "It matches by " strong { (show::text(&route["match"])) } "." }
        h2 { "Where would this record go?" }
        form.grid method="get" action=(visit.href(&["routes", visit.name()], &[])) {
            input type="hidden" name="test" value="yes";
            @if let Some(namespace) = visit.namespace() { input type="hidden" name="namespace" value=(namespace); }
            label for="key" { "Routing key" }
            input #key name="key" value=(given("key"));
            label for="headers" { "Headers, a line each: name: value" }
            textarea #headers name="headers" rows="2" { "\n" (given("headers")) }
            button type="submit" { "Look" }
        }
        @if let Some(resolved) = resolved { (targets(visit, resolved)) }
        h2 { "Bindings" }
        (bindings_of(visit, bindings))
        @if let Some(cursor) = bindings["next_cursor"].as_str() {
            p { a.button href=(visit.href(&["routes", visit.name()], &[("cursor", cursor)])) { "Next page" } }
        }
    }
}

fn targets(visit: &Visit, resolved: &Value) -> Markup {
    let count = show::number(&resolved["stream_count"]);
    let streams = show::list(&resolved["streams"]);
    html! {
        div.said role="status" {
            @if count == 0 {
                "Nowhere: it would be dropped, or given back to whoever publishes it."
            } @else {
                "To " (show::count(count)) @if count == 1 { " stream: " } @else { " streams: " }
                @for stream in streams.iter().take(TARGETS_SHOWN) {
                    a href=(visit.href(&["streams", show::text(stream)], &[])) { (show::text(stream)) } " "
                }
                @if streams.len() > TARGETS_SHOWN { "…" }
            }
        }
    }
}

fn bindings_of(visit: &Visit, bindings: &Value) -> Markup {
    html! {
        @if show::items(bindings).is_empty() {
            p { "Nothing is bound to it." }
        } @else {
            div.wide tabindex="0" role="region" aria-label="Bindings" {
            table {
                thead { tr { th scope="col" { "Leads to" } th scope="col" { "Key" } th scope="col" { "Headers" } th.n scope="col" { "Weight" } } }
                tbody {
                    @for binding in show::items(bindings) {
                        tr {
                            th scope="row" {
                                @if let Some(stream) = binding["stream"].as_str() {
                                    a href=(visit.href(&["streams", stream], &[])) { (stream) }
                                } @else if let Some(route) = binding["route"].as_str() {
                                    "route " a href=(visit.href(&["routes", route], &[])) { (route) }
                                }
                            }
                            td.text { (show::field(binding, "key")) }
                            td.text { (conditions(&binding["headers"])) }
                            td.n { @if let Some(weight) = binding["weight"].as_u64() { (weight) } }
                        }
                    }
                }
            }
            }
        }
    }
}

fn conditions(headers: &Value) -> Markup {
    html! {
        @if let Some(values) = headers["values"].as_object() {
            (if headers["any"] == true { "any of " } else { "all of " })
            @for (name, value) in values {
                (show::preview(name)) "="
                @match value {
                    Value::String(text) => (show::preview(text)),
                    other => (other),
                }
                " "
            }
        }
    }
}
