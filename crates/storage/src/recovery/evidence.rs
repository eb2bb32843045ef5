//! What is known about the place where a file's frames stop: the conditions of the decision table.
//!
//! Apart because a start and a check gather them alike, and must not come to different ends.

use millstream_types::{WalPosition, planted};

use super::chain::Chain;
use super::decide::{Evidence, Later, Stop};
use super::scan::{self, Behind};
use crate::error::OpenError;
use crate::footer::{self, FooterFound};
use crate::wal::{HEADER_PAGE_BYTES, WalFile};

const NOTHING: Behind = Behind { later: Later::Nothing, durable_to: WalPosition::ZERO, idle: None };

/// Looks at what stands behind `at`, where the frames of a link of `chain` stopped; `checkpoint_to` is the largest
/// position that a checkpoint knows of. The link's limit is not a soft one that was met: that says nothing.
pub(crate) fn gather(
    chain: &Chain,
    index: usize,
    stop: Stop,
    at: WalPosition,
    checkpoint_to: WalPosition,
) -> Result<(Evidence, Behind), OpenError> {
    let link = &chain.links[index];
    let incarnation = link.file.incarnation;
    let mut successor = chain.links[index..].iter().any(|later| later.file.incarnation > incarnation);
    successor |= match stop {
        Stop::AtLimit => link.limit.is_some(),
        Stop::BadFrame => link.limit.is_some() && !link.limit_is_soft,
        Stop::Closed => false,
    };
    if stop == Stop::BadFrame && planted!(SuccessorOverlooked) {
        successor = false;
    }
    let behind = match stop {
        Stop::AtLimit => NOTHING,
        Stop::Closed => search_behind(chain, index, at, ends_with_footer(chain, &link.file, at)?)?,
        Stop::BadFrame => search_behind(chain, index, at, false)?,
    };
    let evidence = Evidence { stop, later: behind.later, successor, checkpoint_beyond: checkpoint_to > at };
    Ok((evidence, behind))
}

/// Whether the file's footer stands at `at`, behind its closing frame. The next frame would have overwritten it, so there is
/// none in the rest of the file, however much of an earlier life is left there.
fn ends_with_footer(chain: &Chain, file: &WalFile, at: WalPosition) -> Result<bool, OpenError> {
    let found = footer::read(chain.directory, file, at)
        .map_err(|error| OpenError::io("reading", &file.path, error))?;
    Ok(matches!(found, FooterFound::Runs(_)))
}

/// Searches the rest of the file unless it is `known_over`, the files of the same incarnation behind it, and those whose
/// header page is lost.
fn search_behind(
    chain: &Chain,
    index: usize,
    at: WalPosition,
    known_over: bool,
) -> Result<Behind, OpenError> {
    let mut behind = NOTHING;
    let incarnation = chain.links[index].file.incarnation;
    for (later, link) in chain.links.iter().enumerate().skip(index + usize::from(known_over)) {
        let file = &link.file;
        if file.incarnation != incarnation {
            break;
        }
        let offset = if later == index { file.offset_of(at) } else { HEADER_PAGE_BYTES };
        let bytes = file.open().map_err(|error| OpenError::io("opening", &file.path, error))?;
        scan::search(&bytes, &file.path, link.bytes, offset, incarnation, at, &mut behind)?;
    }
    let may_hold = |first: Option<WalPosition>| first.is_some_and(|first| first >= at);
    for (place, idle) in chain.idle.iter().enumerate() {
        if !idle.damaged_header && !may_hold(idle.first_frame) {
            continue;
        }
        let proven = behind.is_proof();
        let bytes = idle.open(&chain.files)?;
        scan::search(&bytes, &idle.path, idle.bytes, 0, incarnation, at, &mut behind)?;
        if behind.is_proof() && !proven {
            behind.idle = Some(place);
        }
    }
    Ok(behind)
}
