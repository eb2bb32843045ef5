//! `/alarms`: what is wrong, since when, what to do; silences; the rules.
//!
//! Apart because it is where a notice leads. A silence has a reason and an end, and stands in the audit log.

use super::ask::{Question, ask};
use super::confirm::{carry_out, note, or_problem};
use super::visit::Visit;
use super::{frame, show};
use crate::context::{Context, Step};
use crate::errors::Problem;
use maud::{Markup, html};
use serde_json::{Value, json};
use std::sync::Arc;

/// Alarms of the page.
const SHOWN: usize = 100;

pub(super) fn list(cx: &mut Context, visit: Arc<Visit>) -> Step {
    ask(cx, Question::new("list_alarms", &[]), move |cx, answer| match answer {
        Ok(alarms) => frame::page(cx, &visit, "Alarms", content(cx, &visit, &alarms)),
        Err(problem) => frame::problem(cx, &visit, &problem),
    })
}

fn content(cx: &Context, visit: &Visit, alarms: &Value) -> Markup {
    let action = visit.href(&["alarms"], &[]);
    html! {
        h1 { "Alarms" }
        section #alarms data-live aria-label="Alarms" { (table(cx, visit, show::list(&alarms["items"]))) }
        h2 { "Silence one" }
        form.grid method="post" action=(action) {
            (frame::word(cx))
            label for="id" { "Alarm, or rule" }
            input #id name="id" list="ids" required value=[visit.query.text("id")];
            datalist #ids {
                @for alarm in show::list(&alarms["items"]).iter().take(SHOWN) { option value=(show::text(&alarm["id"])) {} }
                @for rule in show::list(&alarms["rules"]) { option value=(show::text(&rule["name"])) {} }
            }
            label for="reason" { "Why" }
            input #reason name="reason" required maxlength="200";
            label for="hours" { "For so many hours" }
            input #hours name="hours" type="number" min="1" max="720" value="4" required;
            button type="submit" name="act" value="silence" { "Silence" }
        }
        @if !show::list(&alarms["silences"]).is_empty() {
            h2 { "Silences" }
            div.wide tabindex="0" role="region" aria-label="Silences" {
            table {
                thead { tr { th scope="col" { "Of" } th scope="col" { "Why" } th scope="col" { "Until" } th scope="col" { "End it" } } }
                tbody {
                    @for silence in show::list(&alarms["silences"]) {
                        tr {
                            th scope="row" { (show::text(&silence["id"])) }
                            td { (show::text(&silence["reason"])) }
                            td { (show::moment_of(cx.now, &silence["until_ms"])) }
                            td {
                                form.plain method="post" action=(action) {
                                    (frame::word(cx))
                                    input type="hidden" name="id" value=(show::text(&silence["id"]));
                                    button.quiet type="submit" name="act" value="unsilence" { "End" }
                                }
                            }
                        }
                    }
                }
            }
            }
        }
        h2 { "Rules" }
        form.plain method="post" action=(action) {
            (frame::word(cx))
            button.quiet type="submit" name="act" value="test" { "Send a test notice" }
        }
        (rules(show::list(&alarms["rules"])))
    }
}

fn table(cx: &Context, visit: &Visit, alarms: &[Value]) -> Markup {
    html! {
        @if alarms.is_empty() {
            p { "Nothing is wrong." }
        } @else {
            div.wide tabindex="0" role="region" aria-label="Alarms" {
            table {
                thead {
                    tr {
                        th scope="col" { "Alarm" }
                        th scope="col" { "State" }
                        th scope="col" { "Since" }
                        th scope="col" { "What" }
                        th scope="col" { "What to do" }
                    }
                }
                tbody {
                    @for alarm in alarms.iter().take(SHOWN) {
                        @let id = show::text(&alarm["id"]);
                        tr {
                            th scope="row" { a href=(visit.href(&["alarms"], &[("id", id)])) { (id) } }
                            td {
                                span.tag.warn[alarm["state"] != "pending"] { (show::text(&alarm["state"])) }
                                @if alarm["silenced"].is_object() { " " span.tag { "silenced" } }
                            }
                            td { (show::moment_of(cx.now, &alarm["since_ms"])) }
                            td { (show::text(&alarm["summary"])) (subject(visit, alarm)) }
                            td { (show::text(&alarm["advice"])) }
                        }
                    }
                }
            }
            }
            @if alarms.len() > SHOWN { p { "And " (alarms.len() - SHOWN) " more." } }
        }
    }
}

/// Leads to what an alarm is about.
fn subject(visit: &Visit, alarm: &Value) -> Markup {
    html! {
        @if let Some(stream) = alarm["stream"].as_str() {
            " " a href=(visit.href(&["streams", stream], &[])) { (stream) }
        }
        @if let Some(group) = alarm["group"].as_str() {
            " " a href=(visit.href(&["groups", group], &[])) { (group) }
        }
    }
}

fn rules(rules: &[Value]) -> Markup {
    html! {
        div.wide tabindex="0" role="region" aria-label="Rules" {
        table {
            thead { tr { th scope="col" { "Rule" } th scope="col" { "When" } th scope="col" { "Threshold" } th scope="col" { "For" } } }
            tbody {
                @for rule in rules {
                    tr {
                        th scope="row" { (show::text(&rule["name"])) }
                        td { (show::text(&rule["doc"])) }
                        td { (rule["threshold"]) " " (show::text(&rule["unit"])) }
                        td { (show::span(show::number(&rule["hold_ms"]))) }
                    }
                }
            }
        }
        }
    }
}

pub(super) fn act(cx: &mut Context, visit: Arc<Visit>) -> Step {
    let step = try_act(cx, &visit);
    or_problem(cx, &visit, step)
}

fn try_act(cx: &mut Context, visit: &Arc<Visit>) -> Result<Step, Problem> {
    let id = visit.form.text("id").unwrap_or_default().to_owned();
    let act = visit.form.text("act").unwrap_or_default();
    note(cx, &format!("{act} {id}"));
    let (asked, said) = match act {
        "silence" => {
            let hours = visit.form.number("hours")?.filter(|hours| *hours <= 720);
            let hours = hours.ok_or_else(|| Problem::field("hours", "must be at most 720"))?;
            let body =
                json!({"reason": visit.form.text("reason").unwrap_or_default(), "for_ms": hours * 3_600_000});
            (Question::new("silence_alarm", &[&id]).body(body), format!("{id} is silent for {hours} hours."))
        }
        "unsilence" => (Question::new("end_alarm_silence", &[&id]), format!("{id} is heard again.")),
        "test" => {
            (Question::new("test_alarms", &[]).body(json!({})), "A test notice is on its way.".to_owned())
        }
        _ => return Err(Problem::field("act", "is none that this page has")),
    };
    let next = visit.href(&["alarms"], &[]);
    Ok(carry_out(cx, visit.clone(), asked, next, move |_| said))
}
