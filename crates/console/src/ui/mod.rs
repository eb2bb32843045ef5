//! Pages for people: everything that is not an address of the API.
//!
//! Apart because a page is made of the same steps as an operation and answers with HTML. A page that shows asks operations
//! and puts their documents into a template; a form does what one operation does and leads back to a page. Everything works
//! without a script; the script makes numbers move.

mod alarms;
mod ask;
mod assets;
mod audit;
mod chart;
mod confirm;
mod connections;
mod dead_letters;
mod frame;
mod groups;
mod jobs;
mod letters;
mod login;
mod overview;
mod process;
mod record;
mod records;
mod routes;
pub(crate) mod samples;
mod settings;
mod show;
mod snippets;
mod stream;
mod streams;
mod visit;

use crate::auth::{Kind, Pending, Who, is_safe};
use crate::context::{Context, Step};
use crate::errors::{Code, Problem};
use crate::route;
use millstream_front::http::Request;
use std::sync::Arc;
use visit::Visit;

/// Opens a page, or carries a form out.
type Open = fn(&mut Context, Arc<Visit>) -> Step;

/// Every page and every form: method, address, and what opens it.
static PAGES: &[(&str, &str, Open)] = &[
    ("GET", "/", overview::show),
    ("GET", "/streams", streams::show),
    ("POST", "/streams", streams::create),
    ("GET", "/streams/{name}", stream::show),
    ("POST", "/streams/{name}/queue", stream::change),
    ("GET", "/streams/{name}/records", records::show),
    ("POST", "/streams/{name}/records", records::publish),
    ("GET", "/streams/{name}/records/{partition}/{offset}", record::show),
    ("GET", "/streams/{name}/settings", settings::show),
    ("POST", "/streams/{name}/settings", settings::change),
    ("POST", "/streams/{name}/delete", settings::delete),
    ("GET", "/dead-letters", dead_letters::show),
    ("GET", "/dead-letters/{name}", letters::show),
    ("POST", "/dead-letters/{name}", letters::act),
    ("GET", "/groups", groups::list),
    ("GET", "/groups/{name}", groups::one),
    ("POST", "/groups/{name}", groups::act),
    ("GET", "/routes", routes::list),
    ("GET", "/routes/{name}", routes::one),
    ("GET", "/connections", connections::list),
    ("POST", "/connections", connections::close),
    ("GET", "/jobs", jobs::list),
    ("POST", "/jobs", jobs::act),
    ("GET", "/storage", process::storage),
    ("GET", "/configuration", process::configuration),
    ("GET", "/alarms", alarms::list),
    ("POST", "/alarms", alarms::act),
    ("GET", "/audit", audit::show),
];

/// Starts a request for a page. `who` is who asks, or why it is nobody.
pub(crate) fn start(
    cx: &mut Context,
    request: &Request<'_>,
    who: Result<Who, Problem>,
) -> Result<Step, Problem> {
    if request.path.starts_with("/assets/") {
        return assets::serve(request).map(Step::Respond);
    }
    let parts = route::parts(request.path)?;
    let refused = match who {
        Ok(who) => {
            cx.act_for(who);
            None
        }
        Err(problem) => Some(problem),
    };
    if let Some(problem) = refused.as_ref().filter(|problem| problem.code != Code::Unauthenticated) {
        return Ok(login::first(request, Some(problem)));
    }
    match (request.method, request.path) {
        ("GET", "/login") => return Ok(login::get(cx, request, &Visit::read(request, Vec::new())?)),
        ("POST", "/login") => return Ok(login::post(cx, request, &Visit::read(request, Vec::new())?)),
        _ => {}
    }
    // Also a program on this machine: pages are for who has logged in, or has the token.
    if refused.is_some() || matches!(cx.kind, Kind::Local) {
        return Ok(login::first(request, None));
    }
    if (request.method, request.path) == ("POST", "/logout") {
        let visit = Visit::read(request, Vec::new())?;
        check_word(cx, &visit)?;
        return Ok(login::log_out(cx, request));
    }
    let here = PAGES.iter().filter_map(|page| Some((page, route::take(page.1, &parts)?)));
    let here: Vec<_> = here.collect();
    let allowed: Vec<&str> = here.iter().map(|((method, ..), _)| *method).collect();
    // What a page shows has no use for a body that is not sent.
    let method = if request.method == "HEAD" { "GET" } else { request.method };
    let found = here.into_iter().find(|((known, ..), _)| *known == method);
    let Some(((.., open), path)) = found else {
        let visit = Visit::read(&Request { method: "GET", ..*request }, Vec::new())?;
        let problem = match allowed[..] {
            [] => Problem::new(Code::UnknownResource, format!("There is no page at {:?}.", request.path)),
            _ => Problem::method(&allowed),
        };
        return Ok(frame::problem(cx, &visit, &problem));
    };
    let visit = Arc::new(Visit::read(request, path)?);
    let begun = begin(cx, request, &visit);
    Ok(match begun {
        Ok(()) => open(cx, visit),
        Err(problem) => frame::problem(cx, &visit, &problem),
    })
}

/// What comes before every page: where its names are, and whether its form may change something.
fn begin(cx: &mut Context, request: &Request<'_>, visit: &Visit) -> Result<(), Problem> {
    if let Some(name) = visit.namespace() {
        cx.enter(name)?;
    }
    if is_safe(request) {
        return Ok(());
    }
    check_word(cx, visit)?;
    cx.audit = Some(Pending::of(request, &cx.kind));
    Ok(())
}

fn check_word(cx: &Context, visit: &Visit) -> Result<(), Problem> {
    match cx.kind.takes(visit.form.text("csrf")) {
        true => Ok(()),
        false => {
            let detail = "The form is not from this session; load the page again and repeat it.";
            Err(Problem::new(Code::CsrfMissing, detail))
        }
    }
}
