//! `/streams/{name}/records/{partition}/{offset}`: one record, whole: as text, as JSON, or as bytes.
//!
//! Apart because a list shows beginnings only; here the content is shown, and can be taken over into a new record.

use super::ask::{Question, ask};
use super::visit::Visit;
use super::{frame, records, show, stream};
use crate::context::{Context, Step};
use crate::errors::{Code, Problem};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use maud::{Markup, html};
use serde_json::Value;
use std::fmt::Write as _;
use std::sync::Arc;

/// Characters of a content that are shown; the API has all of it.
const SHOWN_CHARS: usize = 32 << 10;
/// Bytes that are shown as such.
const SHOWN_BYTES: usize = 4 << 10;
/// Characters of a value that fit into the address of a form that is filled in.
const COPIED_CHARS: usize = 4 << 10;

pub(super) fn show(cx: &mut Context, visit: Arc<Visit>) -> Step {
    let question = Question::new("list_records", &[visit.name()])
        .with("partition", &visit.path[1])
        .with("offset", &visit.path[2])
        .with("limit", 1);
    ask(cx, question, move |cx, answer| {
        let offset = visit.path[2].parse::<u64>().ok();
        let record = answer.and_then(|page| {
            let record =
                show::items(&page).iter().find(|record| record["offset"].as_u64() == offset).cloned();
            record.ok_or_else(|| Problem::new(Code::OffsetOutOfRange, "There is no record at this offset."))
        });
        match record {
            Ok(record) => frame::page(cx, &visit, "Record", content(cx, &visit, &record)),
            Err(problem) => frame::problem(cx, &visit, &problem),
        }
    })
}

fn content(cx: &Context, visit: &Visit, record: &Value) -> Markup {
    html! {
        (stream::heading(visit, visit.name(), "records"))
        h2 { "Partition " (visit.path[1]) ", offset " (visit.path[2]) }
        p {
            time { (show::date(record["timestamp_ms"].as_i64().unwrap_or(0))) } " "
            (records::state(cx, record))
        }
        @if record["dead_letter"].is_object() { (death(cx, visit, &record["dead_letter"])) }
        h3 { "Key" }
        (bytes(record, "key"))
        h3 { "Value" }
        (bytes(record, "value"))
        h3 { "Headers" }
        @if show::list(&record["headers"]).is_empty() {
            p { "None." }
        } @else {
            table {
                thead { tr { th scope="col" { "Name" } th scope="col" { "Value" } } }
                tbody {
                    @for header in show::list(&record["headers"]) {
                        tr { th.text scope="row" { (show::text(&header["name"])) } td.text { (show::field(header, "value")) } }
                    }
                }
            }
        }
        (copy_link(visit, record))
    }
}

/// Why a record is a dead letter.
fn death(cx: &Context, visit: &Visit, letter: &Value) -> Markup {
    let source = show::text(&letter["source"]);
    html! {
        h3 { "Dead letter" }
        p {
            "It died because of " strong { (show::text(&letter["reason"])) } " in "
            a href=(visit.href(&["streams", source], &[])) { (source) }
            ", " (show::moment_of(cx.now, &letter["time_ms"])) ", after "
            (show::number(&letter["deliveries"])) " deliveries."
        }
        @if show::list(&letter["history"]).len() > 1 {
            ul {
                @for death in show::list(&letter["history"]) {
                    li {
                        (show::text(&death["source"])) ": " (show::text(&death["reason"])) ", "
                        (show::number(&death["count"])) " times, first " (show::moment_of(cx.now, &death["first_ms"]))
                    }
                }
            }
        }
    }
}

/// A field of a record: text, laid out if it is JSON; else its bytes.
fn bytes(record: &Value, name: &str) -> Markup {
    let base64 = record[format!("{name}_base64")].as_str();
    html! {
        @if let Some(text) = record[name].as_str() {
            @if let Some(laid_out) = laid_out(text) {
                pre.content tabindex="0" { (cut(&laid_out)) }
                details { summary { "As it is stored" } pre.content tabindex="0" { (cut(text)) } }
            } @else if text.is_empty() {
                p.none { "Empty." }
            } @else {
                pre.content tabindex="0" { (cut(text)) }
            }
        } @else if let Some(base64) = base64 {
            pre.content tabindex="0" { (hex(&BASE64.decode(base64).unwrap_or_default())) }
        } @else {
            p.none { "None." }
        }
    }
}

/// JSON, an object or a list, with a line for each part.
fn laid_out(text: &str) -> Option<String> {
    if text.len() > SHOWN_CHARS || !text.trim_start().starts_with(['{', '[']) {
        return None;
    }
    let value: Value = serde_json::from_str(text).ok()?;
    serde_json::to_string_pretty(&value).ok()
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        None => text.to_owned(),
        Some((cut, _)) => {
            format!("{}\n… {} more bytes; the API has all of it.", &text[..cut], text.len() - cut)
        }
    }
}

/// Bytes in rows of sixteen, with the characters that they are beside them.
fn hex(bytes: &[u8]) -> String {
    let mut rows = String::new();
    for (row, bytes) in bytes.chunks(16).take(SHOWN_BYTES / 16).enumerate() {
        write!(rows, "{:08x} ", row * 16).expect("a string takes everything");
        for place in 0..16 {
            match bytes.get(place) {
                Some(byte) => write!(rows, " {byte:02x}").expect("a string takes everything"),
                None => rows.push_str("   "),
            }
        }
        rows.push_str("  ");
        rows.extend(bytes.iter().map(|byte| if (32..127).contains(byte) { char::from(*byte) } else { '.' }));
        rows.push('\n');
    }
    if bytes.len() > SHOWN_BYTES {
        write!(rows, "… {} bytes together", bytes.len()).expect("a string takes everything");
    }
    rows
}

/// Leads to the form for a new record with this one's content: in the stream that it died in, if it is a dead letter.
fn copy_link(visit: &Visit, record: &Value) -> Markup {
    let target = record["dead_letter"]["source"].as_str().unwrap_or(visit.name());
    let value = record["value"].as_str().filter(|value| value.chars().count() <= COPIED_CHARS);
    html! {
        @if let Some(value) = value {
            @let headers = own_headers(record);
            @let key = record["key"].as_str().unwrap_or_default();
            @let query = [("publish", "copy"), ("key", key), ("value", value), ("headers", &headers)];
            p {
                a.button href={ (visit.href(&["streams", target, "records"], &query)) "#publish" } {
                    "Edit a copy and publish it to " (target)
                }
            }
        }
    }
}

/// The headers that somebody has given, a line each; what says how it died is not copied.
fn own_headers(record: &Value) -> String {
    let mut lines = String::new();
    for header in show::list(&record["headers"]) {
        let (name, value) = (show::text(&header["name"]), header["value"].as_str());
        let Some(value) = value.filter(|value| !name.starts_with("dead-letter.") && !value.contains('\n'))
        else {
            continue;
        };
        if lines.len() + name.len() + value.len() <= COPIED_CHARS {
            writeln!(lines, "{name}: {value}").expect("a string takes everything");
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_rows_of_sixteen() {
        let rows = hex(b"0123456789abcdef\x00\xff");
        assert_eq!(rows.lines().count(), 2);
        assert!(
            rows.starts_with("00000000  30 31") && rows.contains("  0123456789abcdef\n00000010  00 ff "),
            "{rows}"
        );
        assert!(rows.trim_end().ends_with(".."));
        assert!(hex(&[0; SHOWN_BYTES + 1]).ends_with("4097 bytes together"));
    }

    #[test]
    fn only_objects_and_lists_are_laid_out() {
        assert_eq!(laid_out("{\"a\":1}").as_deref(), Some("{\n  \"a\": 1\n}"));
        assert_eq!(laid_out("12"), None);
        assert_eq!(laid_out("{no"), None);
    }
}
