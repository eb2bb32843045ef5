//! Who asks: judged for each request, before anything is done with it.
//!
//! Apart because whatever lets somebody in stands here and nowhere else: operations and pages only see whom it let in.

use crate::errors::Problem;
use millstream_front::Principal;
use millstream_front::http::Request;
use millstream_types::EngineTime;

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) struct Who {
    /// In whose name it is done.
    pub(crate) principal: Principal,
}

/// What judges. One per listener.
#[derive(Debug, Default)]
pub(crate) struct Auth {
    _private: (),
}

impl Auth {
    /// Who a request is from, or why it is nobody's. It has passed [`guard`](crate::guard).
    pub(crate) fn check(&self, _now: EngineTime, _request: &Request<'_>) -> Result<Who, Problem> {
        // While there are no users, whoever reaches the listener is the one local principal (R20).
        Ok(Who { principal: Principal::local() })
    }
}
