//! `/storage` and `/configuration`: what the broker keeps on its disk, and how it is set up.
//!
//! One file because both only show what an operation says of the process.

use super::ask::{Question, ask};
use super::visit::Visit;
use super::{frame, show};
use crate::context::{Context, Step};
use maud::{Markup, html};
use serde_json::Value;
use std::sync::Arc;

pub(super) fn storage(cx: &mut Context, visit: Arc<Visit>) -> Step {
    ask(cx, Question::new("get_storage", &[]), move |cx, answer| match answer {
        Ok(storage) => frame::page(cx, &visit, "Storage", storage_of(&storage)),
        Err(problem) => frame::problem(cx, &visit, &problem),
    })
}

fn storage_of(storage: &Value) -> Markup {
    let bytes = |value: &Value| show::bytes(show::number(value));
    let count = |value: &Value| show::count(show::number(value));
    let (wal, objects) = (&storage["wal"], &storage["objects"]);
    let (packer, compaction, scrub) = (&storage["packer"], &storage["compaction"], &storage["scrub"]);
    let rows: [(&str, &str, String); 16] = [
        ("Write-ahead log", "appended since the start", bytes(&wal["appended_bytes"])),
        ("", "sealed files", count(&wal["sealed_files"])),
        ("", "their size", bytes(&wal["sealed_bytes"])),
        ("", "live in them", bytes(&wal["live_bytes"])),
        ("", "held by reads", bytes(&wal["pinned_bytes"])),
        ("", "files prepared for use", count(&wal["prepared_files"])),
        ("Packed objects", "how many", count(&objects["count"])),
        ("", "their size", bytes(&objects["bytes"])),
        ("", "live in them", bytes(&objects["live_bytes"])),
        ("Packing", "still to do", bytes(&storage["packer_backlog_bytes"])),
        ("", "written since the start", bytes(&packer["bytes_written"])),
        ("Compaction", "read since the start", bytes(&compaction["bytes_read"])),
        ("", "written since the start", bytes(&compaction["bytes_written"])),
        ("Scrubbing", "read and checked", bytes(&scrub["bytes_read"])),
        ("", "rounds", count(&scrub["rounds"])),
        ("", "places found damaged", count(&scrub["findings"])),
    ];
    html! {
        h1 { "Storage" }
        section #storage data-live aria-label="Storage" {
            dl.tiles {
                div.warn[wal["is_disk_full"] == true] {
                    dt { "Disk" }
                    dd { (bytes(&storage["disk_free_bytes"])) " free of " (bytes(&storage["disk_bytes"])) }
                }
                div.warn[show::number(&scrub["findings"]) > 0] {
                    dt { "Places found damaged" } dd { (count(&scrub["findings"])) }
                }
                div {
                    dt { "Written per byte appended" }
                    dd { @match storage["write_amplification"].as_f64() { Some(times) => (format!("{times:.2}")), None => "–" } }
                }
            }
            @if wal["is_disk_full"] == true {
                p.problem role="alert" { "The disk is full: nothing is stored until there is room." }
            }
            table {
                thead { tr { th scope="col" { "Part" } th scope="col" { "What" } th.n scope="col" { "How much" } } }
                tbody { @for (part, what, amount) in &rows { tr { td { (part) } th scope="row" { (what) } td.n { (amount) } } } }
            }
        }
    }
}

pub(super) fn configuration(cx: &mut Context, visit: Arc<Visit>) -> Step {
    ask(cx, Question::new("get_configuration", &[]), move |cx, answer| match answer {
        Ok(knobs) => frame::page(cx, &visit, "Configuration", configuration_of(&knobs)),
        Err(problem) => frame::problem(cx, &visit, &problem),
    })
}

fn configuration_of(knobs: &Value) -> Markup {
    html! {
        h1 { "Configuration" }
        p.hint { "How this process was started: a file, overridden by the environment, overridden by flags." }
        div.wide tabindex="0" role="region" aria-label="Configuration" {
        table {
            thead { tr { th scope="col" { "Knob" } th scope="col" { "Value" } th scope="col" { "From" } th scope="col" { "What it does, what it costs" } } }
            tbody {
                @for knob in show::items(knobs) {
                    tr {
                        th scope="row" { code { (show::text(&knob["key"])) } }
                        td.text {
                            @if show::text(&knob["value"]).is_empty() { span.none { "not set" } } @else { (show::text(&knob["value"])) }
                            " " (show::text(&knob["unit"]))
                        }
                        td { span.none[knob["is_default"] == true] { (show::text(&knob["source"])) } }
                        td { (show::text(&knob["doc"])) ". " span.none { (show::text(&knob["cost"])) } }
                    }
                }
            }
        }
        }
    }
}
