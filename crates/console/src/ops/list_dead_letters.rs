//! `GET /api/v1/dead-letters/{name}/records`: what waits in a stream of dead letters, and why it is there.
//!
//! Only what is not done with is shown. Each record has what its headers say: the reason, the stream that it was in, how
//! often it was delivered there, when it died, and earlier deaths. A record that somebody sent here himself is shown as
//! well, as long as nothing is asked that only a dead letter can answer. A page may be short, or empty, and not be the
//! last: one request looks at so many records and no more.

use super::{CURSOR, Endpoint, LIMIT};
use crate::call::Call;
use crate::context::{Context, Queue, Step, lease_reply, step, submit};
use crate::endpoint;
use crate::errors::Problem;
use crate::limits::{PEEKED_MAX, PEEKS_MAX};
use crate::lookup::{Fate, Keep, Lookup};
use crate::page::{Page, Wanted};
use crate::query::Query;
use crate::respond::document;
use crate::scan::{At, read_place, spell_place};
use crate::translate::{ShownRecord, ShownState};
use millstream_core::lease::{LeaseReply, LeaseRequest, PeekedRecord};
use millstream_front::Action;
use millstream_front::steps::ReadResult;
use millstream_types::dead_letter::DeathReason;
use schemars::JsonSchema;
use serde::Serialize;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    name: "list_dead_letters",
    method: "GET",
    path: "/api/v1/dead-letters/{name}/records",
    query: &[
        endpoint::word(
            "reason",
            &["rejected", "expired", "limit", "length"],
            "only those that died for this",
        ),
        endpoint::text("source", "only those of this stream"),
        endpoint::text("key", "only those with this key"),
        endpoint::number("from_time_ms", 0, i64::MAX as u64, "only those that died then or later"),
        endpoint::number("to_time_ms", 0, i64::MAX as u64, "only those that died before"),
        LIMIT,
        CURSOR,
    ],
    answers: &[endpoint::ok::<Page<DeadLetter>>()],
    doc: "Show the dead letters in a stream, with reason, source, deliveries, time and history.",
    ..Endpoint::PLAIN
};

/// A page being made.
struct Listing {
    queue: Queue,
    from: Option<At>,
    filter: Filter,
    limit: usize,
    found: Vec<DeadLetter>,
    peeks_left: usize,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DeadLetter")]
struct DeadLetter {
    #[serde(flatten)]
    state: ShownState,
    #[serde(flatten)]
    record: ShownRecord,
}

/// Which dead letters are wanted.
#[derive(Clone, Default, PartialEq, Eq)]
struct Filter {
    reason: Option<DeathReason>,
    source: Option<String>,
    key: Option<String>,
    from_ms: Option<i64>,
    to_ms: Option<i64>,
}

impl Filter {
    fn of(query: &Query) -> Result<Filter, Problem> {
        let reason = query.text("reason").map(|word| {
            let wrong = || Problem::parameter("reason", "must be rejected, expired, limit or length");
            DeathReason::from_word(word).ok_or_else(wrong)
        });
        let time = |name: &str| -> Result<Option<i64>, Problem> {
            let time = query.number(name, 0..=i64::MAX as u64)?;
            Ok(time.map(|time| i64::try_from(time).expect("it is in the range")))
        };
        Ok(Filter {
            reason: reason.transpose()?,
            source: query.text("source").map(str::to_owned),
            key: query.text("key").map(str::to_owned),
            from_ms: time("from_time_ms")?,
            to_ms: time("to_time_ms")?,
        })
    }

    fn keeps(&self, record: &ShownRecord) -> bool {
        if self.key.is_some() && record.key() != self.key.as_deref() {
            return false;
        }
        let Some(letter) = record.dead_letter() else {
            return self.reason.is_none()
                && self.source.is_none()
                && self.from_ms.is_none()
                && self.to_ms.is_none();
        };
        self.reason.is_none_or(|reason| letter.reason() == reason.as_str())
            && self.source.as_deref().is_none_or(|source| letter.source() == source)
            && self.from_ms.is_none_or(|from| letter.time_ms() >= from)
            && self.to_ms.is_none_or(|to| letter.time_ms() < to)
    }
}

pub(super) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let queue = cx.queue(call.name(), Action::Read)?;
    let wanted = Wanted::of(&call.query)?;
    let from = match wanted.after.as_deref() {
        None => None,
        Some(cursor) => {
            let at = read_place(cursor).filter(|(partition, _)| *partition < queue.entry.logs);
            Some(at.ok_or_else(|| Problem::parameter("cursor", "is none that was given out here"))?)
        }
    };
    let filter = Filter::of(&call.query)?;
    let listing =
        Listing { queue, from, filter, limit: wanted.limit, found: Vec::new(), peeks_left: PEEKS_MAX };
    Ok(peek(listing))
}

/// Asks which records are not done with.
fn peek(mut listing: Listing) -> Step {
    listing.peeks_left -= 1;
    // Where all are wanted, no more are looked at than fit; a filter may leave few of many.
    let most = match listing.filter == Filter::default() {
        true => u32::try_from(listing.limit - listing.found.len()).unwrap_or(PEEKED_MAX),
        false => PEEKED_MAX,
    };
    let max = most.min(PEEKED_MAX);
    let peek = LeaseRequest::Peek { group: listing.queue.group, from: listing.from, max };
    submit(listing.queue.ask(peek), move |cx, reply| {
        let LeaseReply::Peeked { records, next } = lease_reply(reply)? else {
            return Err(Problem::unexpected());
        };
        let filter = listing.filter.clone();
        let keep: Keep = Box::new(move |record| filter.keeps(record));
        let places = records.iter().map(|record| (record.log, record.offset));
        let lookup = Lookup::new(listing.queue.entry.name.clone(), places, keep);
        Ok(read(cx, listing, records, next, lookup))
    })
}

/// Reads them.
fn read(
    cx: &Context,
    listing: Listing,
    peeked: Vec<PeekedRecord>,
    next: Option<At>,
    mut lookup: Lookup,
) -> Step {
    if cx.abandoned {
        lookup.leave_missing();
    }
    let reads = lookup.reads(listing.queue.entry.id);
    if reads.is_empty() {
        return step(take(cx, listing, &peeked, next, lookup));
    }
    let permitted = reads.iter().map(|read| listing.queue.grant.allow(*read)).collect();
    let then = move |cx: &mut Context, results: Vec<ReadResult>| {
        for (read, result) in reads.into_iter().zip(results) {
            lookup.take(read, result);
        }
        read(cx, listing, peeked, next, lookup)
    };
    Step::Read(permitted, Box::new(then))
}

/// Takes what was found, and goes on or answers.
fn take(
    cx: &Context,
    mut listing: Listing,
    peeked: &[PeekedRecord],
    next: Option<At>,
    lookup: Lookup,
) -> Result<Step, Problem> {
    let (fates, failure) = lookup.into_fates();
    let mut next = next;
    for (record, fate) in peeked.iter().zip(fates) {
        match fate {
            Fate::Found(shown) if listing.found.len() < listing.limit => {
                listing.found.push(DeadLetter { state: ShownState::from(record), record: *shown });
            }
            Fate::Unwanted | Fate::Absent => {}
            Fate::Found(_) | Fate::Later | Fate::Missing => {
                // The page ends before it.
                next = Some((record.log, record.offset));
                listing.peeks_left = 0;
                break;
            }
        }
    }
    if let Some(problem) = failure.filter(|_| listing.found.is_empty()) {
        return Err(problem);
    }
    let is_done = cx.abandoned || listing.found.len() >= listing.limit || listing.peeks_left == 0;
    match next {
        Some(_) if !is_done => Ok(peek(Listing { from: next, ..listing })),
        next => Ok(document(200, &Page::new(listing.found, next.map(spell_place).as_deref()))),
    }
}
