//! Streams that another stream's records are to go to.
//!
//! Apart because a name that is misspelt here would keep records on their way for ever.

use crate::context::Context;
use crate::errors::{Code, Problem};
use crate::translate::Changes;
use millstream_core::catalog::StreamEntry;
use std::sync::Arc;

/// Refuses settings that send dead letters where they cannot go.
pub(super) fn check_dead_letter(cx: &Context, source: &str, settings: &Changes) -> Result<(), Problem> {
    let Some(target) = settings.dead_letter_stream() else { return Ok(()) };
    if target == source {
        let detail = "A stream cannot be the target of its own dead letters.";
        return Err(Problem::new(Code::InvalidSetting, detail));
    }
    find(cx, target).map(drop)
}

/// The stream of this name.
pub(super) fn find(cx: &Context, target: &str) -> Result<Arc<StreamEntry>, Problem> {
    let entry = cx.backend.stream(cx.namespace, target);
    let missing =
        || Problem::new(Code::InvalidSetting, format!("The target, a stream {target:?}, does not exist."));
    entry.ok_or_else(missing)
}
