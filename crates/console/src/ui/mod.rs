//! Pages for people: everything that is not an address of the API.
//!
//! Apart because a page is made of the same steps as an operation and answers with HTML.

use crate::auth::Who;
use crate::context::{Context, Step};
use crate::errors::{Code, Problem};
use millstream_front::http::Request;

/// Starts a request for a page. `who` is who asks, or why it is nobody: a page may lead to where one says who one is.
pub(crate) fn start(
    cx: &mut Context,
    request: &Request<'_>,
    who: Result<Who, Problem>,
) -> Result<Step, Problem> {
    cx.act_for(who?);
    Err(Problem::new(Code::UnknownResource, format!("There is nothing at {:?}.", request.path)))
}
