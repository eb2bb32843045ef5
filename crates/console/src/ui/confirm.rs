//! How forms end: asked once more where something is lost, carried out, written down, and led back to a page.
//!
//! Apart because every form of every page ends like this.

use super::ask::{Answer, Question, ask};
use super::visit::Visit;
use super::{frame, login};
use crate::context::{Context, Step};
use crate::errors::Problem;
use serde_json::Value;
use std::sync::Arc;

/// Whether whoever sent a form has been asked and has said yes.
pub(super) fn is_confirmed(visit: &Visit) -> bool {
    visit.form.text("confirmed") == Some("yes")
}

/// Asks whether it is meant. Nothing is done, so nothing is written down.
pub(super) fn question(cx: &mut Context, visit: &Visit, question: &str) -> Step {
    cx.audit = None;
    frame::page(cx, visit, "Are you sure?", login::confirm(cx, visit, question))
}

/// Says in the audit log what a form was about, beside its address.
pub(super) fn note(cx: &mut Context, about: &str) {
    if let Some(audit) = &mut cx.audit {
        audit.what.push_str(": ");
        audit.what.push_str(about);
    }
}

/// Carries out what a form asks for, and leads to a page that says what was done; `say` makes the sentence.
pub(super) fn carry_out(
    cx: &mut Context,
    visit: Arc<Visit>,
    question: Question,
    next: String,
    say: impl FnOnce(&Value) -> String + Send + 'static,
) -> Step {
    ask(cx, question, move |cx, answer| finish(cx, &visit, answer, &next, say))
}

/// Leads to a page that says what was done, or shows why it was not.
pub(super) fn finish(
    cx: &mut Context,
    visit: &Visit,
    answer: Answer,
    next: &str,
    say: impl FnOnce(&Value) -> String,
) -> Step {
    match answer {
        Ok(document) => {
            cx.options.gate.say(&cx.kind, say(&document));
            frame::redirect(next, None)
        }
        Err(problem) => frame::problem(cx, visit, &problem),
    }
}

/// A step, or the page that says why there is none.
pub(super) fn or_problem(cx: &Context, visit: &Visit, step: Result<Step, Problem>) -> Step {
    step.unwrap_or_else(|problem| frame::problem(cx, visit, &problem))
}
