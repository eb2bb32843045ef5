//! The second half of a check: what the shard knows against what there is.
//!
//! Apart because only a shard that was rebuilt can say which objects and logs live. When it could not be rebuilt, every
//! object is checked by itself and nothing is said of logs.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::sync::Arc;

use millstream_types::object::ObjectEntry;
use millstream_types::{LogId, ObjectNumber, Offset};

use super::{Contents, Counts, Finding, Lane, LiveLog, Progress, names};
use crate::disk::OpenMode;
use crate::error::OpenError;
use crate::object::{self, Verifier};
use crate::store::{self, DiskObject, ObjectFile, name_of};
use crate::wal::number_in;

/// Bytes of an object that one step looks at, about.
const STEP_BYTES: u64 = 1 << 20;
/// Logs that one step looks at.
const STEP_LOGS: usize = 4096;
/// Gaps told of one log.
const GAPS_TOLD: usize = 16;

/// The check of objects and logs. See the module's documentation.
pub struct ContentCheck {
    lane: Lane,
    /// What must be there; of an object that is in no manifest, nothing is known.
    objects: Vec<(ObjectNumber, Option<(ObjectEntry, bool)>)>,
    open: Option<OpenObject>,
    parts: BTreeMap<LogId, Vec<(Offset, Offset)>>,
    logs: Vec<LiveLog>,
}

/// The object at hand.
struct OpenObject {
    file: Arc<dyn ObjectFile>,
    verifier: Verifier,
    /// Whether what is wrong with it matters.
    is_live: bool,
}

impl ContentCheck {
    /// Begins to compare what a lane holds with what the shard knows; `None` when it could not be rebuilt.
    pub fn begin(lane: Lane, contents: Option<Contents>, found: &mut Vec<Finding>) -> ContentCheck {
        let listed = names::list(&*lane.disk, store::DIR).unwrap_or_else(|error| {
            found.push(error.into());
            Vec::new()
        });
        let is_known = contents.is_some();
        let Contents { objects: manifest, logs } = contents.unwrap_or_default();
        let mut parts: BTreeMap<LogId, Vec<(Offset, Offset)>> = BTreeMap::new();
        for part in manifest.iter().flat_map(|(entry, _)| &entry.parts) {
            parts.entry(part.log).or_default().push((part.from, part.to));
        }
        let mut objects: BTreeMap<ObjectNumber, Option<(ObjectEntry, bool)>> =
            manifest.into_iter().map(|(entry, is_live)| (entry.number, Some((entry, is_live)))).collect();
        for number in listed.iter().filter_map(|name| number_in(name, "obj")).map(ObjectNumber) {
            if is_known && !objects.contains_key(&number) {
                let what = "the manifest does not list it; the next start removes it";
                found.push(Finding::note(name_of(number), what));
            } else {
                objects.entry(number).or_insert(None);
            }
        }
        // Steps take from the end.
        let objects = objects.into_iter().rev().collect();
        ContentCheck { lane, objects, open: None, parts, logs }
    }

    /// Looks at the next stretch of an object, or the next logs; `None` when there is no more.
    pub fn step(&mut self, found: &mut Vec<Finding>) -> Option<Progress> {
        if let Some(open) = self.open.take() {
            self.verify_on(open, found);
        } else if let Some((number, expected)) = self.objects.pop() {
            self.open_object(number, expected, found);
        } else if self.logs.is_empty() {
            return None;
        } else {
            let rest = self.logs.len().saturating_sub(STEP_LOGS);
            for log in self.logs.split_off(rest) {
                self.check_log(&log, found);
            }
        }
        Some(self.lane.progress)
    }

    /// What was looked at; to be called when no step is left.
    #[must_use]
    pub fn finish(self) -> Counts {
        self.lane.counts
    }

    fn open_object(
        &mut self,
        number: ObjectNumber,
        expected: Option<(ObjectEntry, bool)>,
        found: &mut Vec<Finding>,
    ) {
        let is_live = expected.as_ref().is_none_or(|(_, is_live)| *is_live);
        let name = name_of(number);
        let opened = self.lane.disk.open(&name, OpenMode::Existing).map_err(|error| {
            if error.kind() == ErrorKind::NotFound {
                OpenError::Missing { file: name.clone(), why: "the manifest lists it".into() }
            } else {
                OpenError::io("opening", &name, error)
            }
        });
        let verifier = opened.and_then(|file| {
            let file: Arc<dyn ObjectFile> = Arc::new(DiskObject(file));
            if let Some((entry, _)) = &expected {
                object::check(&*file, self.lane.directory, entry)?;
            }
            let verifier = Verifier::new(&*file, number, self.lane.directory)?;
            Ok(OpenObject { file, verifier, is_live })
        });
        match verifier {
            Ok(open) => {
                self.lane.counts.objects += 1;
                self.open = Some(open);
            }
            Err(error) => found.push(grade(error, is_live)),
        }
    }

    fn verify_on(&mut self, mut open: OpenObject, found: &mut Vec<Finding>) {
        let mut looked_at = 0;
        while looked_at < STEP_BYTES {
            match open.verifier.step(&*open.file) {
                Ok(Some(bytes)) => {
                    looked_at += bytes;
                    self.lane.progress.done_bytes += bytes;
                }
                Ok(None) => return,
                Err(error) => found.push(grade(error, open.is_live)),
            }
        }
        self.open = Some(open);
    }

    fn check_log(&mut self, live: &LiveLog, found: &mut Vec<Finding>) {
        let &LiveLog { log, ref name, start, end } = live;
        self.lane.counts.logs += 1;
        if start == end {
            return;
        }
        let parts = self.parts.get(&log).map_or(&[][..], Vec::as_slice);
        let (gaps, beyond) = self.lane.coverage.compare(log, start, end, parts);
        let place = || format!("log {log} ({name}/{})", log.index);
        for (from, to) in gaps.iter().take(GAPS_TOLD) {
            let what = format!(
                "its records from offset {from} up to {to} are neither in a WAL file nor in an object"
            );
            found.push(Finding::damage(place(), None, what));
        }
        if let Some(more) = gaps.len().checked_sub(GAPS_TOLD + 1) {
            let what = format!("{} more stretches of its records are missing", more + 1);
            found.push(Finding::damage(place(), None, what));
        }
        if let Some(reach) = beyond {
            let what = format!("it ends at offset {end}, but there are records up to {reach}");
            found.push(Finding::damage(place(), None, what));
        }
    }
}

/// What is wrong with an object in which nothing lives harms nobody.
fn grade(error: OpenError, is_live: bool) -> Finding {
    let finding = Finding::from(error);
    if is_live {
        return finding;
    }
    let what = format!("{}; no live record is in it", finding.what);
    Finding { grade: super::Grade::Note, what, ..finding }
}
