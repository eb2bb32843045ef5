//! Streams with the counts of their queues.
//!
//! Apart because lists and single streams show them, and a queue that is deleted while it is counted must not fail a list.

use crate::context::{Context, Step, lease_reply, submit};
use crate::errors::Problem;
use crate::translate::Counts;
use millstream_core::Request;
use millstream_core::catalog::StreamEntry;
use millstream_core::lease::{LeaseGroupId, LeaseReply, LeaseRequest};
use millstream_front::Grant;
use std::sync::Arc;

/// Counts the queues among some streams, at most a page; goes on with the counts of each, in their order.
pub(super) fn count(
    grant: Grant,
    entries: Vec<Arc<StreamEntry>>,
    then: impl FnOnce(&mut Context, Vec<(Arc<StreamEntry>, Option<Counts>)>) -> Result<Step, Problem>
    + Send
    + 'static,
) -> Step {
    let queues = entries.iter().filter(|entry| entry.config.lease().enabled());
    let groups: Vec<LeaseGroupId> = queues.map(|entry| LeaseGroupId::default_of(entry.id)).collect();
    let request = Request::Lease(Box::new(LeaseRequest::Describe { groups }));
    submit(grant.request(request), move |cx, reply| {
        let LeaseReply::Described(described) = lease_reply(reply)? else { return Err(Problem::unexpected()) };
        let mut described = described.into_iter();
        let counted = entries.into_iter().map(|entry| {
            let is_queue = entry.config.lease().enabled();
            let counts = if is_queue { described.next().and_then(Result::ok) } else { None };
            (entry, counts.map(Counts::from))
        });
        let counted = counted.collect();
        then(cx, counted)
    })
}
