//! `/audit`: who logged in, who was refused, who changed what.
//!
//! Apart because nothing else shows people; the newest entries since the start are here, all of them in the broker's log.

use super::visit::Visit;
use super::{frame, show};
use crate::context::{Context, Step};
use maud::html;
use std::sync::Arc;

/// Entries of the page.
const SHOWN: usize = 200;

pub(super) fn show(cx: &mut Context, visit: Arc<Visit>) -> Step {
    let entries = cx.options.gate.audited(SHOWN);
    let content = html! {
        h1 { "Audit" }
        p.hint {
            "The newest entries since the broker's start. Its log has all of them, under the target " code { "audit" } "."
        }
        @if entries.is_empty() {
            p { "Nothing yet." }
        } @else {
            div.wide tabindex="0" role="region" aria-label="Entries" {
            table {
                thead { tr { th scope="col" { "When" } th scope="col" { "Who" } th scope="col" { "From" } th scope="col" { "What" } th scope="col" { "Status" } } }
                tbody {
                    @for entry in &entries {
                        tr {
                            td { (show::moment(cx.now, entry.time.0)) }
                            td { (entry.who) }
                            td { @if let Some(peer) = entry.peer { (peer) } }
                            td { code { (entry.what) } }
                            td { span.tag.warn[entry.status >= 400] { (entry.status) } }
                        }
                    }
                }
            }
            }
        }
    };
    frame::page(cx, &visit, "Audit", content)
}
