//! `/login` and `/logout`: a session begins with the admin token, or with the address that the broker printed at its start.
//!
//! Apart because these are the only pages for nobody in particular. The one-time token stands in an address and is spent when
//! it is opened; the admin token is typed into a form and never stands in an address.

use super::frame::{bare, redirect, word};
use super::visit::{Fields, Visit};
use crate::auth::Refused;
use crate::context::{Context, Step};
use crate::errors::{Code, Problem};
use maud::{Markup, html};
use millstream_front::http::Request;

/// Shows the form, or logs in who has the printed address.
pub(super) fn get(cx: &mut Context, request: &Request<'_>, visit: &Visit) -> Step {
    match visit.query.text("token") {
        Some(token) => log_in(cx, request, token, "/"),
        None => form(200, next_of(&visit.query), None),
    }
}

/// Logs in who has typed the admin token.
pub(super) fn post(cx: &mut Context, request: &Request<'_>, visit: &Visit) -> Step {
    let given = visit.form.text("token").unwrap_or_default().trim().to_owned();
    log_in(cx, request, &given, next_of(&visit.form))
}

/// Leads who is nobody to the form, and back to where he wanted to go.
pub(super) fn first(request: &Request<'_>, problem: Option<&Problem>) -> Step {
    let address = match request.query {
        "" => request.path.to_owned(),
        query => format!("{}?{query}", request.path),
    };
    let is_page = request.method == "GET" && !address.starts_with("//");
    match problem {
        // Another site's page led here. A link of a page of our own leads on, for that is the visitor's own will.
        Some(problem) if problem.code == Code::OriginNotAllowed => {
            bare(403, "Go on", onward(if is_page { &address } else { "/" }))
        }
        Some(problem) => {
            let content =
                html! { main.login id="main" { h1 { "Millstream" } p.problem { (problem.detail) } } };
            bare(problem.code.status(), "Not here", content)
        }
        None => form(401, if is_page && is_inside(&address) { &address } else { "/" }, None),
    }
}

fn onward(next: &str) -> Markup {
    html! {
        main.login id="main" {
            h1 { "Millstream" }
            p { "Another site's page has sent you here." }
            p { a.button href=(next) { "Open the console" } }
        }
    }
}

fn log_in(cx: &mut Context, request: &Request<'_>, given: &str, next: &str) -> Step {
    let backend = cx.backend.clone();
    match cx.options.gate.log_in(cx.now, request, given, || backend.random()) {
        Ok(cookie) => redirect(next, Some(cookie)),
        Err(Refused::Slowed(seconds)) => {
            let why = format!("There were too many wrong tokens from here. Wait {seconds} seconds.");
            form(429, next, Some(&why))
        }
        Err(Refused::Wrong | Refused::Missing) => {
            let why = "This token is not the admin token, or it was used already.";
            form(401, next, Some(why))
        }
    }
}

/// Ends the session.
pub(super) fn log_out(cx: &Context, request: &Request<'_>) -> Step {
    redirect("/login", Some(cx.options.gate.log_out(cx.now, request, &cx.kind)))
}

/// Where to go on, if that is a page of the console.
fn next_of(fields: &Fields) -> &str {
    fields.text("next").filter(|next| is_inside(next)).unwrap_or("/")
}

/// Whether an address is one of this site's and nothing else: browsers take `//host` and `/\host` for other sites.
fn is_inside(address: &str) -> bool {
    let is_plain = address.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    is_plain && address.starts_with('/') && !address.starts_with("//") && !address.starts_with("/log")
}

fn form(status: u16, next: &str, refused: Option<&str>) -> Step {
    bare(status, "Log in", html! { main.login id="main" { (content(next, refused)) } })
}

fn content(next: &str, refused: Option<&str>) -> Markup {
    html! {
        h1 { "Millstream" }
        @if let Some(refused) = refused {
            p.problem role="alert" { (refused) }
        }
        form method="post" action="/login" {
            input type="hidden" name="next" value=(next);
            label for="token" { "Admin token" }
            input id="token" name="token" type="password" autocomplete="current-password" required autofocus;
            button type="submit" { "Log in" }
        }
        p.hint {
            "The broker wrote it into the file " code { "admin.token" } " of its data directory at its first start. \
             The address that the broker prints when it starts logs you in once without it."
        }
    }
}

/// Asks once more before something is done that cannot be undone; the form comes back with all its fields.
pub(super) fn confirm(cx: &Context, visit: &Visit, question: &str) -> Markup {
    html! {
        h1 { "Are you sure?" }
        p { (question) }
        form method="post" action=(visit.address) {
            (word(cx))
            @for (name, value) in visit.form.0.iter().filter(|(name, _)| name != "csrf" && name != "confirmed") {
                input type="hidden" name=(name) value=(value);
            }
            button.danger type="submit" name="confirmed" value="yes" { "Yes, do it" }
            " "
            a.button href=(visit.form.text("back").filter(|back| is_inside(back)).unwrap_or("/")) { "No, go back" }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_inside;

    #[test]
    fn nobody_is_led_to_another_site() {
        for inside in ["/", "/streams/a%2Fb?x=1", "/dead-letters"] {
            assert!(is_inside(inside), "{inside}");
        }
        for outside in ["", "//evil", "/\\evil", "https://evil", "/\tevil", "/login?token=x", "streams", "/ü"]
        {
            assert!(!is_inside(outside), "{outside}");
        }
    }
}
