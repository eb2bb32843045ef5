//! What all pages have in common: the frame around them, the headers that keep strangers' content inert, redirects.
//!
//! Apart because a page is only its content. Scripts and styles come from this origin alone and never stand in a page
//! (`Content-Security-Policy`), so that what a message holds stays text even if an escape were forgotten somewhere.

use super::assets;
use super::visit::Visit;
use crate::auth::Kind;
use crate::context::{Context, Step};
use crate::errors::Problem;
use crate::respond::{no_sniff, no_store};
use bytes::Bytes;
use maud::{DOCTYPE, Markup, html};
use millstream_front::http::{Header, Response};

/// Who may do what in a page: nothing but what comes from here.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The sections of the console: address and name.
const SECTIONS: &[(&str, &str)] = &[
    ("", "Overview"),
    ("streams", "Streams"),
    ("groups", "Groups"),
    ("dead-letters", "Dead letters"),
    ("routes", "Routes"),
    ("connections", "Connections"),
    ("jobs", "Jobs"),
    ("alarms", "Alarms"),
    ("storage", "Storage"),
    ("configuration", "Configuration"),
    ("audit", "Audit"),
];

/// The headers of every page.
fn headers() -> Vec<Header> {
    vec![
        ("content-type", "text/html; charset=utf-8".into()),
        ("content-security-policy", POLICY.into()),
        // Forms must say where they come from, other sites must not learn what is looked at here.
        ("referrer-policy", "same-origin".into()),
        ("cross-origin-opener-policy", "same-origin".into()),
        ("x-frame-options", "DENY".into()),
        no_store(),
        no_sniff(),
    ]
}

/// A page of the console.
pub(super) fn page(cx: &Context, visit: &Visit, title: &str, content: Markup) -> Step {
    with_status(cx, visit, 200, title, content)
}

/// A page that says what went wrong.
pub(super) fn problem(cx: &Context, visit: &Visit, problem: &Problem) -> Step {
    let content = html! {
        h1 { (problem.code.title()) }
        p.problem role="alert" { (problem.detail) }
        p { a href=(visit.href(&[], &[])) { "Go to the overview" } }
    };
    with_status(cx, visit, problem.code.status(), "Problem", content)
}

fn with_status(cx: &Context, visit: &Visit, status: u16, title: &str, content: Markup) -> Step {
    let said = cx.options.gate.said(&cx.kind);
    let here = visit.address.trim_start_matches('/').split(['/', '?']).next().unwrap_or_default();
    let body = html! {
        a.skip href="#main" { "Skip to the content" }
        header {
            a.brand href=(visit.href(&[], &[])) { "Millstream" }
            nav aria-label="Sections" {
                ul {
                    @for (address, name) in SECTIONS {
                        @let parts: &[&str] = if address.is_empty() { &[] } else { &[address] };
                        li {
                            a href=(visit.href(parts, &[])) aria-current=[(here == *address).then_some("page")] {
                                (name)
                            }
                        }
                    }
                }
            }
            @if matches!(cx.kind, Kind::Session { .. }) {
                form.plain method="post" action="/logout" {
                    (word(cx))
                    button.quiet type="submit" { "Log out" }
                }
            }
        }
        main id="main" tabindex="-1" {
            @if let Some(said) = said {
                p.said role="status" { (said) }
            }
            (content)
        }
        footer {
            "Millstream " (cx.version)
            @if let Some(namespace) = visit.namespace() { " · namespace " (namespace) }
            " · " a href="/api/v1" { "API" }
        }
    };
    bare(status, title, body)
}

/// A page without the frame of the console, for who has not said who he is.
pub(super) fn bare(status: u16, title: &str, body: Markup) -> Step {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · Millstream" }
                link rel="icon" href=(assets::ICON.address());
                link rel="stylesheet" href=(assets::STYLE.address());
                script src=(assets::SCRIPT.address()) defer {}
            }
            body { (body) }
        }
    };
    Step::Respond(Response { status, headers: headers(), body: Bytes::from(page.into_string()) })
}

/// Leads on to another address, as after a form: to load the page again repeats nothing.
pub(super) fn redirect(address: &str, more: Option<Header>) -> Step {
    let mut headers = vec![("location", address.to_owned().into()), no_store()];
    headers.extend(more);
    Step::Respond(Response { status: 303, headers, body: Bytes::new() })
}

/// The hidden field that every form carries.
pub(super) fn word(cx: &Context) -> Markup {
    html! {
        @if let Kind::Session { csrf, .. } = &cx.kind {
            input type="hidden" name="csrf" value=(csrf.expose());
        }
    }
}
