//! `/dead-letters`: the streams that dead letters go to, whichever protocol they came by.
//!
//! Apart from [`letters`](super::letters), which is one of them, because a list of thousands must stay quick: it has
//! counts and no contents.

use super::ask::{Question, ask};
use super::visit::Visit;
use super::{frame, show};
use crate::context::{Context, Step};
use maud::{Markup, html};
use serde_json::Value;
use std::sync::Arc;

/// Streams of a page.
const STREAMS_SHOWN: usize = 50;
/// Sources of each that are named.
const SOURCES_SHOWN: usize = 5;

pub(super) fn show(cx: &mut Context, visit: Arc<Visit>) -> Step {
    let question = Question::new("list_dead_letter_streams", &[])
        .with("limit", STREAMS_SHOWN)
        .with_some("cursor", visit.query.text("cursor"));
    ask(cx, question, move |cx, answer| match answer {
        Ok(streams) => frame::page(cx, &visit, "Dead letters", content(&visit, &streams)),
        Err(problem) => frame::problem(cx, &visit, &problem),
    })
}

fn content(visit: &Visit, streams: &Value) -> Markup {
    html! {
        h1 { "Dead letters" }
        p.hint {
            "Messages that were rejected, ran out of time, were delivered too often, or had no room. Here are the streams \
             that such messages go to."
        }
        div #dead data-live {
            @if show::items(streams).is_empty() {
                p { "No stream names another for its dead letters." }
            } @else {
                div.wide tabindex="0" role="region" aria-label="Streams of dead letters" {
                table {
                    thead {
                        tr {
                            th scope="col" { "Stream" }
                            th.n scope="col" { "Wait" }
                            th.n scope="col" { "Leased" }
                            th.n scope="col" { "On their way" }
                            th scope="col" { "From" }
                        }
                    }
                    tbody { @for stream in show::items(streams) { (row(visit, stream)) } }
                }
                }
            }
        }
        @if let Some(cursor) = streams["next_cursor"].as_str() {
            p { a.button href=(visit.href(&["dead-letters"], &[("cursor", cursor)])) { "Next page" } }
        }
    }
}

fn row(visit: &Visit, stream: &Value) -> Markup {
    let name = show::text(&stream["name"]);
    let ready = show::number(&stream["counts"]["ready"]);
    let sources = show::list(&stream["sources"]);
    let more = usize::try_from(show::number(&stream["source_count"])).unwrap_or(0);
    html! {
        tr {
            th scope="row" { a href=(visit.href(&["dead-letters", name], &[])) { (name) } }
            td.n { span.tag.warn[ready > 0] { (show::count(ready)) } }
            td.n { (show::count(show::number(&stream["counts"]["leased"]))) }
            td.n { (show::count(show::number(&stream["counts"]["moving"]))) }
            td {
                @for source in sources.iter().take(SOURCES_SHOWN) {
                    a href=(visit.href(&["streams", show::text(source)], &[])) { (show::text(source)) } " "
                }
                @if more > SOURCES_SHOWN { "and " (more - SOURCES_SHOWN) " more" }
            }
        }
    }
}
