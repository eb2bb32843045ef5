//! `/streams/{name}/settings`: every setting with where its value is from, changed one at a time, and the stream's end.
//!
//! Apart because what a setting does is said by the table that the API has of them.

use super::ask::{Question, ask};
use super::confirm::{carry_out, is_confirmed, note, or_problem, question};
use super::visit::Visit;
use super::{frame, show, stream};
use crate::context::{Context, Step};
use crate::errors::Problem;
use crate::translate::SETTINGS;
use maud::{Markup, html};
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) fn show(cx: &mut Context, visit: Arc<Visit>) -> Step {
    ask(cx, Question::new("get_stream", &[visit.name()]), move |cx, answer| match answer {
        Ok(stream) => {
            let title = format!("Settings of {}", visit.name());
            frame::page(cx, &visit, &title, content(cx, &visit, &stream))
        }
        Err(problem) => frame::problem(cx, &visit, &problem),
    })
}

fn content(cx: &Context, visit: &Visit, stream: &Value) -> Markup {
    let name = visit.name();
    let action = visit.href(&["streams", name, "settings"], &[]);
    html! {
        (stream::heading(visit, name, "settings"))
        form.bar method="post" action=(action) {
            (frame::word(cx))
            label for="setting" { "Set" }
            select #setting name="setting" {
                @for row in SETTINGS { option value=(row.name) { (row.name) } }
            }
            label for="value" { "to" }
            input #value name="value" placeholder="null, true, false, a number, a text";
            button type="submit" name="act" value="set" { "Set" }
            button.quiet type="submit" name="act" value="unset" { "Back to the default" }
        }
        form.bar method="post" action=(action) {
            (frame::word(cx))
            label for="partitions" { "Partitions" }
            input #partitions name="partitions" type="number" min=(show::number(&stream["partition_count"]))
                value=(show::number(&stream["partition_count"]));
            button type="submit" name="act" value="grow" { "Grow" }
        }
        div.wide tabindex="0" role="region" aria-label="Settings" {
        table {
            thead { tr { th scope="col" { "Setting" } th scope="col" { "Value" } th scope="col" { "From" } th scope="col" { "What it does" } } }
            tbody {
                @for row in SETTINGS {
                    @let shown = &stream["settings"][row.name];
                    tr {
                        th scope="row" { code { (row.name) } }
                        td { (value(&shown["value"])) }
                        td { @if shown["is_set"] == true { "set" } @else { span.none { "default" } } }
                        td { (row.doc) }
                    }
                }
            }
        }
        }
        h2 { "Delete the stream" }
        form.plain method="post" action=(visit.href(&["streams", name, "delete"], &[])) {
            (frame::word(cx))
            input type="hidden" name="back" value=(action);
            button.danger type="submit" { "Delete " (name) " and everything in it" }
        }
    }
}

fn value(value: &Value) -> Markup {
    html! {
        @match value {
            Value::String(text) => (text),
            other => code { (other) },
        }
    }
}

pub(super) fn change(cx: &mut Context, visit: Arc<Visit>) -> Step {
    let step = body(&visit).map(|(body, about)| {
        note(cx, &about);
        let next = visit.href(&["streams", visit.name(), "settings"], &[]);
        let question = Question::new("alter_stream", &[visit.name()]).body(body);
        carry_out(cx, visit.clone(), question, next, move |_| format!("Done: {about}."))
    });
    or_problem(cx, &visit, step)
}

/// What is to be changed, and that in words.
fn body(visit: &Visit) -> Result<(Value, String), Problem> {
    let setting = visit.form.text("setting").unwrap_or_default();
    match visit.form.text("act") {
        Some("set") => {
            let typed = visit.form.text("value").unwrap_or_default().trim();
            // As on the command line: what is not null, true, false or a number is text.
            let value = match typed {
                "null" => Value::Null,
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                text => text.parse::<u64>().map_or_else(|_| Value::from(text), Value::from),
            };
            Ok((json!({"settings": {setting: value}}), format!("{setting} is {typed}")))
        }
        Some("unset") => Ok((json!({"unset": [setting]}), format!("{setting} has its default"))),
        Some("grow") => {
            let partitions = visit.form.number("partitions")?;
            let partitions = partitions.ok_or_else(|| Problem::field("partitions", "is missing"))?;
            Ok((json!({"partitions": partitions}), format!("{partitions} partitions")))
        }
        _ => Err(Problem::field("act", "is none that this page has")),
    }
}

pub(super) fn delete(cx: &mut Context, visit: Arc<Visit>) -> Step {
    let name = visit.name().to_owned();
    if !is_confirmed(&visit) {
        let asked =
            format!("The stream {name} and every record in it will be gone for every protocol, for good.");
        return question(cx, &visit, &asked);
    }
    let next = visit.href(&["streams"], &[]);
    let asked = Question::new("delete_stream", &[&name]);
    carry_out(cx, visit, asked, next, move |_| format!("The stream {name} is deleted."))
}
