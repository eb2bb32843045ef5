//! What is worth writing again (R8), and what goes together.
//!
//! Apart because it is a pure function of a few numbers per file, so that every rule can be seen in a table and tested:
//!
//! ```text
//! home           live                              its logs' pieces       age        packed
//! any            nothing                                                             no: it goes by itself
//! WAL file       crumbs: 1/16 of it or less                               any        yes
//! WAL file       less than half                                           not young  yes
//! WAL file       half or more, no bytes shared     short                  not young  yes, several files at once
//! WAL file       half or more                      long, or bytes shared             no: it is a good home
//! object         less than half                                                      yes
//! object         half or more                                                        no
//! ```
//!
//! *Young* are the newest few sealed files: what is consumed soon should die where it was first written. *Crumbs* are
//! packed even there, so that one slow log never holds many files; they cost little. *Short* means that the file's logs
//! have little each (256 KiB), or that it lies in many small pieces (16 KiB), each of which costs memory in an index; a few
//! busy logs whose batches alternate in a file are read as well from there as from anywhere. Where several logs
//! share the same stored bytes, packing would write them once for each log.

use crate::log_reader::HomeId;

/// What is known of one home. Of WAL files only sealed ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HomeFacts {
    /// Which.
    pub home: HomeId,
    /// Bytes that it takes on the disk for batches.
    pub bytes: u64,
    /// Bytes of batches in it that logs still refer to; counted once for each log.
    pub live_bytes: u64,
    /// Pieces of logs' indexes in it.
    pub live_pieces: u64,
    /// Logs that have a piece in it.
    pub live_logs: u64,
}

/// How much is packed, and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PackOptions {
    /// The newest sealed WAL files that are left alone unless they hold crumbs.
    pub young_files: usize,
    /// WAL files that go together when nothing but short pieces speaks for packing them: the more, the longer the parts.
    pub files_together: usize,
    /// Below so many bytes per log a WAL file's pieces are short.
    pub log_bytes_min: u64,
    /// Below so many bytes per piece they are short too.
    pub piece_bytes_min: u64,
    /// One job rewrites about so many bytes; a single home may have more.
    pub job_bytes: u64,
    /// An object is finished when it has so many bytes of batches.
    pub object_bytes: u64,
    /// From so many bytes in one job on a log gets objects of its own.
    pub own_object_bytes: u64,
}

impl Default for PackOptions {
    /// Files of 256 MiB: two young ones, four together, 1 GiB per job.
    fn default() -> Self {
        PackOptions {
            young_files: 2,
            files_together: 4,
            log_bytes_min: 256 << 10,
            piece_bytes_min: 16 << 10,
            job_bytes: 1 << 30,
            object_bytes: 64 << 20,
            own_object_bytes: 8 << 20,
        }
    }
}

/// So many jobs' worth of objects are stored before jobs become larger ...
const JOBS_STORED: u64 = 16;
/// ... and so many times as large they become: 8 GiB by default, which still waits in WAL files and is looked through at a
/// start.
const LARGER_MAX: u64 = 8;

impl PackOptions {
    /// The same for a directory that has `stored_bytes` in objects: the more there is, the more goes together. Each part of an
    /// object costs memory for as long as it lives, so with jobs of one size the manifest would grow with the data: 10,000
    /// logs have parts of 100 KiB in jobs of 1 GiB, of 800 KiB in the largest.
    #[must_use]
    pub fn with_stored(self, stored_bytes: u64) -> PackOptions {
        let usual = self.job_bytes.max(1).saturating_mul(JOBS_STORED);
        let larger = (stored_bytes / usual).clamp(1, LARGER_MAX);
        PackOptions {
            // At most eight times as many.
            files_together: self.files_together * larger as usize,
            job_bytes: self.job_bytes.saturating_mul(larger),
            ..self
        }
    }
}

/// Homes that are emptied together.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PackJob {
    /// Which, ascending: files of neighbouring sequences (apart from dead ones), or objects.
    pub homes: Vec<HomeId>,
    /// Live bytes in them.
    pub live_bytes: u64,
}

/// What there is to do.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PackPlan {
    /// Jobs: the oldest WAL files first, objects last.
    pub jobs: Vec<PackJob>,
    /// Live bytes in all homes that are worth it, those that wait for more to go together with included.
    pub backlog_bytes: u64,
}

/// Why a home is packed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reason {
    /// It is mostly dead: its space comes free for little work.
    Dead,
    /// It is live, in short pieces.
    Short,
}

/// A share of a WAL file that is little enough to be packed at any age: one sixteenth.
const CRUMBS_IN: u64 = 16;

/// Decides from the facts of all sealed WAL files and all objects, in any order.
#[must_use]
pub fn plan(homes: &[HomeFacts], options: &PackOptions) -> PackPlan {
    let mut sorted: Vec<HomeFacts> = homes.to_vec();
    sorted.sort_unstable_by_key(|facts| facts.home);
    let files = sorted.partition_point(|facts| matches!(facts.home, HomeId::Wal(_)));
    let first_young = files.saturating_sub(options.young_files);
    let mut plan = PackPlan::default();
    let mut group = Group::default();
    for (place, facts) in sorted.iter().enumerate() {
        if place == files {
            group.end(options, &mut plan);
        }
        if facts.live_bytes == 0 {
            continue;
        }
        let Some(reason) = reason(facts, place >= first_young, options) else {
            if place < files {
                // Its logs' offsets lie between those of its neighbours: no part could span it.
                group.end(options, &mut plan);
            }
            continue;
        };
        plan.backlog_bytes += facts.live_bytes;
        if !group.job.homes.is_empty() && group.job.live_bytes + facts.live_bytes > options.job_bytes {
            group.end_full(&mut plan);
        }
        group.job.homes.push(facts.home);
        group.job.live_bytes += facts.live_bytes;
        group.frees |= reason == Reason::Dead;
    }
    group.end(options, &mut plan);
    plan
}

fn reason(facts: &HomeFacts, is_young: bool, options: &PackOptions) -> Option<Reason> {
    let is_half_dead = facts.live_bytes < facts.bytes / 2;
    if matches!(facts.home, HomeId::Object(_)) {
        return is_half_dead.then_some(Reason::Dead);
    }
    let is_crumbs = facts.live_bytes <= facts.bytes / CRUMBS_IN;
    if is_crumbs || (is_half_dead && !is_young) {
        return Some(Reason::Dead);
    }
    let is_shared = facts.live_bytes > facts.bytes;
    let is_short = facts.live_bytes / facts.live_logs.max(1) < options.log_bytes_min
        || facts.live_bytes / facts.live_pieces.max(1) < options.piece_bytes_min;
    (!is_young && !is_shared && is_short).then_some(Reason::Short)
}

/// A job in the making.
#[derive(Default)]
struct Group {
    job: PackJob,
    /// Whether it makes space free for little work.
    frees: bool,
}

impl Group {
    /// Nothing can be added any more. Files that are only short wait for more to go with them, unless they are enough.
    fn end(&mut self, options: &PackOptions, plan: &mut PackPlan) {
        if self.frees || self.job.homes.len() >= options.files_together {
            self.end_full(plan);
        }
        *self = Group::default();
    }

    fn end_full(&mut self, plan: &mut PackPlan) {
        let Group { job, .. } = std::mem::take(self);
        if !job.homes.is_empty() {
            plan.jobs.push(job);
        }
    }
}

#[cfg(test)]
mod tests;
