//! `/audit`: who logged in, who was refused, who changed what.
//!
//! Apart because nothing else shows people; the newest entries since the start are here, all of them in the broker's log.

use super::ask::{Question, ask};
use super::visit::Visit;
use super::{frame, show};
use crate::context::{Context, Step};
use maud::{Markup, html};
use serde_json::Value;
use std::sync::Arc;

/// Entries of a page.
const SHOWN: usize = 200;

pub(super) fn show(cx: &mut Context, visit: Arc<Visit>) -> Step {
    let question =
        Question::new("list_audit", &[]).with("limit", SHOWN).with_some("cursor", visit.query.text("cursor"));
    ask(cx, question, move |cx, answer| match answer {
        Ok(entries) => frame::page(cx, &visit, "Audit", content(cx, &visit, &entries)),
        Err(problem) => frame::problem(cx, &visit, &problem),
    })
}

fn content(cx: &Context, visit: &Visit, entries: &Value) -> Markup {
    html! {
        h1 { "Audit" }
        p.hint {
            "The newest entries since the broker's start. Its log has all of them, under the target " code { "audit" } "."
        }
        @if show::items(entries).is_empty() {
            p { "Nothing yet." }
        } @else {
            div.wide tabindex="0" role="region" aria-label="Entries" {
            table {
                thead { tr { th scope="col" { "When" } th scope="col" { "Who" } th scope="col" { "From" } th scope="col" { "What" } th scope="col" { "Status" } } }
                tbody {
                    @for entry in show::items(entries) {
                        @let status = show::number(&entry["status"]);
                        tr {
                            td { (show::moment_of(cx.now, &entry["time_ms"])) }
                            td { (show::text(&entry["who"])) }
                            td { (show::text(&entry["peer"])) }
                            td { code { (show::text(&entry["what"])) } }
                            td { span.tag.warn[status >= 400] { (status) } }
                        }
                    }
                }
            }
            }
        }
        @if let Some(cursor) = entries["next_cursor"].as_str() {
            p { a.button href=(visit.href(&["audit"], &[("cursor", cursor)])) { "Older" } }
        }
    }
}
