//! `/`: what happens now, what needs somebody, and how to connect.
//!
//! Apart because it is the first page: it must be quick with a hundred thousand streams, so its totals come from the
//! console's own samples, and its lists are short.

use super::ask::{Question, ask_all};
use super::visit::Visit;
use super::{chart, frame, show, snippets};
use crate::context::{Context, Step};
use maud::{Markup, html};
use serde_json::Value;
use std::sync::Arc;

/// Streams with dead letters that are named.
const DEAD_SHOWN_MAX: usize = 5;

pub(super) fn show(cx: &mut Context, visit: Arc<Visit>) -> Step {
    let questions = vec![Question::new("list_dead_letter_streams", &[]).with("limit", 100)];
    ask_all(cx, questions, move |cx, mut answers| {
        let dead = answers.pop().and_then(Result::ok).unwrap_or(Value::Null);
        frame::page(cx, &visit, "Overview", content(cx, &visit, &dead))
    })
}

fn content(cx: &Context, visit: &Visit, dead: &Value) -> Markup {
    let total = cx.samples.total();
    let rate = show::rate(f64::from(total.rates.last().copied().unwrap_or(0.0)));
    let mut waiting: Vec<(&str, u64)> = show::items(dead)
        .iter()
        .map(|stream| (show::text(&stream["name"]), show::number(&stream["counts"]["ready"])))
        .filter(|(_, ready)| *ready > 0)
        .collect();
    waiting.sort_by_key(|(_, ready)| core::cmp::Reverse(*ready));
    html! {
        h1 { "Overview" }
        section #now data-live aria-label="Now" {
            dl.tiles {
                div { dt { "Records in, per second" } dd { (rate) } }
                div { dt { "Streams" } dd { a href=(visit.href(&["streams"], &[])) { (show::count(total.streams)) } } }
                div { dt { "Records kept" } dd { (show::count(total.records)) } }
                div { dt { "Bytes kept" } dd { (show::bytes(total.bytes)) } }
                div.warn[!waiting.is_empty()] {
                    dt { "Dead letters" }
                    dd {
                        a href=(visit.href(&["dead-letters"], &[])) {
                            (show::count(waiting.iter().map(|(_, ready)| ready).sum()))
                        }
                    }
                }
            }
            figure {
                figcaption {
                    "Records per second, the last " (show::span(total.step_ms * total.rates.len() as u64))
                }
                (chart::line(&total.rates, 960, 120, "Records per second", &rate))
            }
            @if !waiting.is_empty() {
                h2 { "Dead letters wait" }
                ul {
                    @for (name, ready) in waiting.iter().take(DEAD_SHOWN_MAX) {
                        li {
                            a href=(visit.href(&["dead-letters", name], &[])) { (name) } ": " (show::count(*ready))
                        }
                    }
                }
            }
        }
        section aria-label="Connect" {
            h2 { "What listens where" }
            (snippets::show(cx, visit))
        }
    }
}
