//! `/connections`: who is connected, by which protocol; one of them can be ended.
//!
//! Apart because connections belong to the process, not to any stream.

use super::ask::{Question, ask};
use super::confirm::{carry_out, is_confirmed, note, question};
use super::visit::Visit;
use super::{frame, show};
use crate::context::{Context, Step};
use maud::{Markup, html};
use serde_json::Value;
use std::sync::Arc;

/// Connections of a page.
const SHOWN: usize = 100;

pub(super) fn list(cx: &mut Context, visit: Arc<Visit>) -> Step {
    let question = Question::new("list_connections", &[])
        .with("limit", SHOWN)
        .with_some("cursor", visit.query.text("cursor"));
    ask(cx, question, move |cx, answer| match answer {
        Ok(connections) => frame::page(cx, &visit, "Connections", content(cx, &visit, &connections)),
        Err(problem) => frame::problem(cx, &visit, &problem),
    })
}

fn content(cx: &Context, visit: &Visit, connections: &Value) -> Markup {
    let action = visit.href(&["connections"], &[]);
    html! {
        h1 { "Connections" }
        form method="post" action=(action) {
            (frame::word(cx))
            input type="hidden" name="back" value=(action);
            div #connections data-live {
                div.wide tabindex="0" role="region" aria-label="Connections" {
                table {
                    thead {
                        tr {
                            th scope="col" { "Connection" }
                            th scope="col" { "Protocol" }
                            th scope="col" { "From" }
                            th scope="col" { "Since" }
                            th scope="col" { "End it" }
                        }
                    }
                    tbody {
                        @for connection in show::items(connections) {
                            @let id = show::text(&connection["id"]);
                            tr {
                                th scope="row" { (id) }
                                td { (show::text(&connection["protocol"])) }
                                td { (show::text(&connection["peer"])) }
                                td { (show::moment_of(cx.now, &connection["connected_ms"])) }
                                td { button.quiet type="submit" name="id" value=(id) aria-label={ "End " (id) } { "End" } }
                            }
                        }
                    }
                }
                }
            }
        }
        @if let Some(cursor) = connections["next_cursor"].as_str() {
            p { a.button href=(visit.href(&["connections"], &[("cursor", cursor)])) { "Next page" } }
        }
    }
}

pub(super) fn close(cx: &mut Context, visit: Arc<Visit>) -> Step {
    let id = visit.form.text("id").unwrap_or_default().to_owned();
    note(cx, &format!("end {id}"));
    if !is_confirmed(&visit) {
        let asked =
            format!("The connection {id} will end after what it has under way. Its client may come back.");
        return question(cx, &visit, &asked);
    }
    let next = visit.href(&["connections"], &[]);
    carry_out(cx, visit, Question::new("close_connection", &[&id]), next, move |_| {
        format!("{id} is told to end.")
    })
}
