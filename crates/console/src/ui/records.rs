//! `/streams/{name}/records`: look at records, watch new ones arrive, publish one.
//!
//! Apart because it is about contents. To look takes nothing from anybody: no position moves, no record is leased. Without
//! being told where to begin, the page shows the newest, and goes on showing them as they come.

use super::ask::{Question, ask, ask_all};
use super::confirm::{carry_out, note, or_problem};
use super::visit::Visit;
use super::{frame, show, stream};
use crate::context::{Context, Step};
use crate::errors::Problem;
use maud::{Markup, html};
use serde_json::{Value, json};
use std::sync::Arc;

/// Records of a page.
const RECORDS_SHOWN: u64 = 25;
/// Headers that one form may give.
const HEADERS_MAX: usize = 100;

/// Where the page begins.
struct Place {
    partition: u64,
    offset: u64,
    end: u64,
    start: u64,
    /// The visitor has chosen none: the newest.
    is_newest: bool,
}

pub(super) fn show(cx: &mut Context, visit: Arc<Visit>) -> Step {
    let question = Question::new("get_stream", &[visit.name()]);
    ask(cx, question, move |cx, answer| {
        let begun = answer.and_then(|stream| Ok((place(&visit, &stream)?, stream)));
        match begun {
            Ok((place, stream)) => list(cx, visit, stream, place),
            Err(problem) => frame::problem(cx, &visit, &problem),
        }
    })
}

fn place(visit: &Visit, stream: &Value) -> Result<Place, Problem> {
    let partition = visit.query.number("partition")?.unwrap_or(0);
    let known = show::list(&stream["partitions"]).iter().find(|known| known["partition"] == partition);
    let known = known.ok_or_else(|| Problem::field("partition", "is none of this stream"))?;
    let (start, end) = (show::number(&known["start_offset"]), show::number(&known["end_offset"]));
    let given = visit.query.number("offset")?;
    let newest = end.saturating_sub(RECORDS_SHOWN);
    let offset = given.unwrap_or(newest).clamp(start, end);
    let is_newest = given.is_none() && visit.query.text("time_ms").is_none();
    Ok(Place { partition, offset, end, start, is_newest })
}

fn list(cx: &mut Context, visit: Arc<Visit>, stream: Value, place: Place) -> Step {
    let question = Question::new("list_records", &[visit.name()])
        .with("partition", place.partition)
        .with("limit", RECORDS_SHOWN);
    let question = match visit.query.text("time_ms") {
        Some(time) => question.with("time_ms", time),
        None => question.with("offset", place.offset),
    };
    ask_all(cx, vec![question], move |cx, mut answers| match answers.pop() {
        Some(Ok(records)) => {
            let title = format!("Records of {}", visit.name());
            frame::page(cx, &visit, &title, content(cx, &visit, &stream, &place, &records))
        }
        Some(Err(problem)) => frame::problem(cx, &visit, &problem),
        None => frame::problem(cx, &visit, &Problem::unexpected()),
    })
}

fn content(cx: &Context, visit: &Visit, stream: &Value, place: &Place, records: &Value) -> Markup {
    let name = visit.name();
    let partitions = show::list(&stream["partitions"]).len();
    let base = ["streams", name, "records"];
    html! {
        (stream::heading(visit, name, "records"))
        form.bar method="get" action=(visit.href(&base, &[])) {
            @if let Some(namespace) = visit.namespace() { input type="hidden" name="namespace" value=(namespace); }
            @if partitions > 1 {
                label for="partition" { "Partition" }
                input #partition name="partition" type="number" min="0" max=(partitions - 1) value=(place.partition);
            }
            label for="offset" { "From the offset" }
            input #offset name="offset" inputmode="numeric" value=[visit.query.text("offset")] placeholder="newest";
            label for="time" { "or the time, ms since 1970" }
            input #time name="time_ms" inputmode="numeric" value=[visit.query.text("time_ms")];
            button type="submit" { "Show" }
        }
        section #records data-live[place.is_newest] aria-label="Records" {
            p {
                @if place.is_newest { "The newest records, as they come. " }
                "The partition has the offsets " (place.start) " to " (place.end) "."
            }
            (table(cx, visit, records))
        }
        (pager(visit, place, records))
        (publish_form(cx, visit, partitions))
    }
}

fn table(cx: &Context, visit: &Visit, records: &Value) -> Markup {
    let mut shown: Vec<&Value> = show::items(records).iter().collect();
    shown.reverse();
    html! {
        @if shown.is_empty() {
            p { "There are no records here." }
        } @else {
            div.wide tabindex="0" role="region" aria-label="Records" {
            table {
                thead {
                    tr {
                        th scope="col" { "Offset" }
                        th scope="col" { "Time" }
                        th scope="col" { "Key" }
                        th scope="col" { "Value" }
                        th scope="col" { "Headers" }
                        th scope="col" { "Queue" }
                    }
                }
                tbody {
                    @for record in shown {
                        @let (partition, offset) = (record["partition"].to_string(), record["offset"].to_string());
                        tr {
                            th scope="row" {
                                a href=(visit.href(&["streams", visit.name(), "records", &partition, &offset], &[])) { (offset) }
                            }
                            td { (show::moment_of(cx.now, &record["timestamp_ms"])) }
                            td.text { (show::field(record, "key")) }
                            td.text { (show::field(record, "value")) }
                            td.n { (show::list(&record["headers"]).len()) }
                            td { (state(cx, record)) }
                        }
                    }
                }
            }
            }
        }
    }
}

/// Where a record is in the queue.
pub(super) fn state(cx: &Context, record: &Value) -> Markup {
    let deliveries = show::number(&record["delivery_count"]);
    html! {
        @if let Some(state) = record["state"].as_str() {
            span class={ "tag state-" (state) } { (state) }
            @if deliveries > 0 { " delivered " (deliveries) @if deliveries == 1 { " time" } @else { " times" } }
            @if record["until_ms"].is_i64() { " until " (show::moment_of(cx.now, &record["until_ms"])) }
        }
    }
}

fn pager(visit: &Visit, place: &Place, records: &Value) -> Markup {
    let base = ["streams", visit.name(), "records"];
    let partition = place.partition.to_string();
    let link = |offset: u64, title: &str| {
        let offset = offset.to_string();
        html! { a.button href=(visit.href(&base, &[("partition", &partition), ("offset", &offset)])) { (title) } " " }
    };
    let first = show::items(records).first().map_or(place.offset, |first| show::number(&first["offset"]));
    let last = show::items(records).last().map_or(place.offset, |last| show::number(&last["offset"]));
    html! {
        p {
            @if first > place.start { (link(first.saturating_sub(RECORDS_SHOWN).max(place.start), "Older")) }
            @if last + 1 < place.end { (link(last + 1, "Newer")) }
            @if !place.is_newest {
                a.button href=(visit.href(&base, &[("partition", &partition)])) { "Newest, live" }
            }
        }
    }
}

fn publish_form(cx: &Context, visit: &Visit, partitions: usize) -> Markup {
    let given = |name: &str| visit.query.text(name).unwrap_or_default().to_owned();
    html! {
        details open[visit.query.text("value").is_some() || visit.query.text("publish").is_some()] #publish {
            summary { "Publish a record" }
            form.grid method="post" action=(visit.href(&["streams", visit.name(), "records"], &[])) {
                (frame::word(cx))
                label for="publish-key" { "Key" }
                input #publish-key name="key" value=(given("key"));
                label for="publish-value" { "Value" }
                textarea #publish-value name="value" rows="6" { "\n" (given("value")) }
                label for="publish-headers" { "Headers, a line each: name: value" }
                textarea #publish-headers name="headers" rows="3" { "\n" (given("headers")) }
                @if partitions > 1 {
                    label for="publish-partition" { "Partition" }
                    input #publish-partition name="partition" type="number" min="0" max=(partitions - 1) placeholder="by the key";
                }
                label for="publish-delay" { "Put off, ms" }
                input #publish-delay name="delay_ms" inputmode="numeric";
                button type="submit" { "Publish" }
            }
        }
    }
}

pub(super) fn publish(cx: &mut Context, visit: Arc<Visit>) -> Step {
    note(cx, "publish");
    let step = body(&visit).map(|body| {
        let next = visit.href(&["streams", visit.name(), "records"], &[("publish", "again")]);
        let question = Question::new("send_records", &[visit.name()]).body(body);
        carry_out(cx, visit.clone(), question, next, |answer| {
            let place = &answer["records"][0];
            format!("The record is stored: partition {}, offset {}.", place["partition"], place["offset"])
        })
    });
    or_problem(cx, &visit, step)
}

fn body(visit: &Visit) -> Result<Value, Problem> {
    // Browsers send the ends of lines as two characters.
    let value = visit.form.all("value").next().unwrap_or_default().replace("\r\n", "\n");
    let mut record =
        json!({"value": value, "headers": headers(visit.form.text("headers").unwrap_or_default())?});
    if let Some(key) = visit.form.text("key") {
        record["key"] = key.into();
    }
    if let Some(delay) = visit.form.number("delay_ms")? {
        record["delay_ms"] = delay.into();
    }
    let mut body = json!({"records": [record]});
    if let Some(partition) = visit.form.number("partition")? {
        body["partition"] = partition.into();
    }
    Ok(body)
}

/// Headers as they are typed.
pub(super) fn headers(text: &str) -> Result<Vec<Value>, Problem> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let mut headers = Vec::new();
    for line in lines {
        let (name, value) =
            line.split_once(':').ok_or_else(|| Problem::field("headers", "must be lines of name: value"))?;
        if headers.len() >= HEADERS_MAX {
            return Err(Problem::field("headers", "are too many"));
        }
        headers.push(json!({"name": name.trim(), "value": value.trim()}));
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_lines_and_what_is_none_is_refused() {
        let read = headers("a: 1\r\n\n b : x: y \n").unwrap();
        assert_eq!(read, [json!({"name": "a", "value": "1"}), json!({"name": "b", "value": "x: y"})]);
        assert!(headers("no colon").is_err());
        assert!(headers(&"a: b\n".repeat(HEADERS_MAX + 1)).is_err());
    }
}
