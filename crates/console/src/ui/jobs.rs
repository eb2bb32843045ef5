//! `/jobs`: the broker's long work, how far it is, and a way to end it.
//!
//! Apart because work belongs to no page from which it was begun: it goes on when that is closed, and after a restart.

use super::ask::{Question, ask};
use super::confirm::{carry_out, is_confirmed, note, or_problem, question};
use super::visit::Visit;
use super::{frame, show};
use crate::context::{Context, Step};
use crate::errors::Problem;
use maud::{Markup, html};
use serde_json::{Value, json};
use std::sync::Arc;

/// Jobs of a page.
const SHOWN: usize = 100;

pub(super) fn list(cx: &mut Context, visit: Arc<Visit>) -> Step {
    let asked =
        Question::new("list_jobs", &[]).with("limit", SHOWN).with_some("cursor", visit.query.text("cursor"));
    ask(cx, asked, move |cx, answer| match answer {
        Ok(jobs) => frame::page(cx, &visit, "Jobs", content(cx, &visit, &jobs)),
        Err(problem) => frame::problem(cx, &visit, &problem),
    })
}

fn content(cx: &Context, visit: &Visit, jobs: &Value) -> Markup {
    let action = visit.href(&["jobs"], &[]);
    html! {
        h1 { "Jobs" }
        p.hint { "Long work goes on by itself, also after a restart. What is done stays done when it is ended." }
        section #jobs data-live aria-label="Jobs" {
            @if show::items(jobs).is_empty() {
                p { "There is none." }
            } @else {
                (table(cx, visit, jobs, &action))
            }
        }
        @if let Some(cursor) = jobs["next_cursor"].as_str() {
            p { a.button href=(visit.href(&["jobs"], &[("cursor", cursor)])) { "Next page" } }
        }
        form.plain method="post" action=(action) {
            (frame::word(cx))
            input type="hidden" name="back" value=(action);
            button type="submit" name="act" value="verify" { "Verify everything that is stored" }
        }
    }
}

fn table(cx: &Context, visit: &Visit, jobs: &Value, action: &str) -> Markup {
    html! {
        div.wide tabindex="0" role="region" aria-label="Long work" {
        table {
            thead {
                tr {
                    th scope="col" { "Job" }
                    th scope="col" { "What" }
                    th scope="col" { "Stream" }
                    th scope="col" { "State" }
                    th.n scope="col" { "Done" }
                    th.n scope="col" { "Of" }
                    th scope="col" { "Begun" }
                    th scope="col" { "End it" }
                }
            }
            tbody {
                @for job in show::items(jobs) {
                    @let id = show::text(&job["id"]);
                    tr {
                        th scope="row" { (id) }
                        td {
                            (show::text(&job["kind"]))
                            @if show::number(&job["findings"]) > 0 {
                                " " span.tag.warn { (show::count(show::number(&job["findings"]))) " places found damaged" }
                            }
                        }
                        td {
                            @if let Some(stream) = job["stream"].as_str() {
                                a href=(visit.href(&["streams", stream], &[])) { (stream) }
                            } @else { "all" }
                        }
                        td { (show::text(&job["state"])) }
                        td.n { (amount(job, "done")) }
                        td.n { (amount(job, "total")) }
                        td { (show::moment_of(cx.now, &job["started_ms"])) }
                        td {
                            @if job["state"] == "running" {
                                form.plain method="post" action=(action) {
                                    (frame::word(cx))
                                    input type="hidden" name="back" value=(action);
                                    input type="hidden" name="id" value=(id);
                                    button.quiet type="submit" name="act" value="cancel" aria-label={ "End " (id) } { "End" }
                                }
                            }
                        }
                    }
                }
            }
        }
        }
    }
}

/// Records or bytes of a job.
fn amount(job: &Value, name: &str) -> String {
    let number = show::number(&job[name]);
    if job["unit"] == "bytes" { show::bytes(number) } else { show::count(number) }
}

pub(super) fn act(cx: &mut Context, visit: Arc<Visit>) -> Step {
    let step = try_act(cx, &visit);
    or_problem(cx, &visit, step)
}

fn try_act(cx: &mut Context, visit: &Arc<Visit>) -> Result<Step, Problem> {
    let next = visit.href(&["jobs"], &[]);
    match visit.form.text("act") {
        Some("cancel") => {
            let id = visit.form.text("id").unwrap_or_default().to_owned();
            note(cx, &format!("end {id}"));
            if !is_confirmed(visit) {
                return Ok(question(
                    cx,
                    visit,
                    &format!("The job {id} will be ended. What it has done stays done."),
                ));
            }
            let asked = Question::new("cancel_job", &[&id]);
            Ok(carry_out(cx, visit.clone(), asked, next, move |_| format!("The job {id} is ended.")))
        }
        Some("verify") => {
            note(cx, "verify");
            let asked = Question::new("start_job", &[]).body(json!({"kind": "verify"}));
            Ok(carry_out(cx, visit.clone(), asked, next, |job| {
                format!("The job {} has begun.", show::text(&job["id"]))
            }))
        }
        _ => Err(Problem::field("act", "is none that this page has")),
    }
}
