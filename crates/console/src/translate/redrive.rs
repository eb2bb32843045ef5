//! Redrives as the API shows them.
//!
//! Apart because starting, listing and ending one all show it.

use crate::context::Context;
use millstream_core::lease::{MoveTarget, Redrive, RedriveState};
use schemars::JsonSchema;
use serde::Serialize;

/// A redrive, under way or over.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Redrive")]
pub(crate) struct ShownRedrive {
    number: u64,
    state: &'static str,
    /// The stream that the records go to; `null`: each to the one that it came from.
    target: Option<String>,
    per_second: Option<u32>,
    started_ms: i64,
    /// Records that are on their way or there.
    moved: u64,
    /// Records that were ready when it began.
    total: u64,
}

impl ShownRedrive {
    /// A redrive of a namespace's streams.
    pub(crate) fn new(cx: &Context, redrive: &Redrive) -> ShownRedrive {
        ShownRedrive {
            number: redrive.number,
            state: redrive_word(redrive.state),
            target: match redrive.target {
                MoveTarget::Source | MoveTarget::DeadLetter => None,
                MoveTarget::Stream(id) => {
                    // A stream that is gone has no name any more.
                    let streams = cx.backend.streams(cx.namespace);
                    let name = streams.into_iter().find(|entry| entry.id == id);
                    Some(name.map_or_else(|| format!("#{id}"), |entry| entry.name.to_string()))
                }
            },
            per_second: redrive.per_second,
            started_ms: redrive.started.0,
            moved: redrive.moved,
            total: redrive.total,
        }
    }
}

/// The word of a state.
pub(crate) fn redrive_word(state: RedriveState) -> &'static str {
    match state {
        RedriveState::Running => "running",
        RedriveState::Completed => "completed",
        RedriveState::Cancelled => "cancelled",
        RedriveState::Failed => "failed",
    }
}
