//! Reading what is stored before somebody needs it: sealed WAL files and packed objects of a running broker, round after
//! round.
//!
//! Apart because a bit that rots is worth knowing while a backup still has it, and because this must disturb nobody: it has
//! no clock and no thread, reads a bounded number of bytes per step, pins a file for one step at a time, and whatever
//! it finds it only says and counts. Nothing is stopped and nothing removed. Footers are not looked at: they may be about to be
//! written, and nothing depends on them.

use std::sync::Arc;

use millstream_types::{ObjectNumber, WalPosition};

use crate::error::OpenError;
use crate::frame::ALIGNMENT_BYTES;
use crate::keeper::Keeper;
use crate::lane::Shared;
use crate::object::{self, Verifier};
use crate::objects::{Object, Objects};
use crate::recovery::scan::{FileScan, Found};
use crate::store::{ObjectFile, name_of};
use crate::verify::{Finding, FrameCheck, next_whole};
use crate::wal::{Pin, WalFile};
use crate::wal_files::WalFiles;

/// How far a step has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ScrubProgress {
    /// There is more in this round.
    Working {
        /// Bytes that the step has read, for whoever paces it.
        bytes: u64,
    },
    /// The round is over; the next step begins another one.
    RoundDone {
        /// Bytes that the step has read.
        bytes: u64,
    },
}

/// What was done since the scrubber was made.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct ScrubStats {
    /// Bytes read and checked.
    pub bytes: u64,
    /// Rounds that are over.
    pub rounds: u64,
    /// Places found damaged; one that stays is counted in every round.
    pub findings: u64,
}

/// Where a round is: the file or object at hand, or the one that comes next. A round that begins there leaves out what was before
/// it, whatever has become of that.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ScrubPlace {
    /// The sealed WAL file of this sequence, or the next one.
    File(u64),
    /// The object of this number, or the next one.
    Object(ObjectNumber),
}

impl ScrubPlace {
    /// Where every round begins.
    pub const START: ScrubPlace = ScrubPlace::File(0);
}

/// Goes over everything that is stored. One goes round by itself; another one may be made when somebody wants to know now.
pub struct Scrubber {
    shared: Arc<Shared>,
    objects: Arc<Objects>,
    at: At,
    stats: ScrubStats,
}

/// Where the round is.
enum At {
    /// Between two WAL files: the sequence of the one before.
    Files(Option<u64>),
    File(OpenFile),
    /// Between two objects.
    Objects(Option<ObjectNumber>),
    Object(ObjectNumber, Verifier),
}

/// The WAL file at hand.
struct OpenFile {
    file: Arc<WalFile>,
    end: WalPosition,
    at: WalPosition,
    /// The frame at `at` is damaged: the next whole one is looked for.
    is_lost: bool,
    scan: FileScan,
    check: FrameCheck,
}

impl Scrubber {
    /// A scrubber of the files that `keeper` keeps, and of `objects`.
    #[must_use]
    pub fn new(keeper: &Keeper, objects: &Arc<Objects>) -> Scrubber {
        let (shared, objects) = (Arc::clone(keeper.shared()), Arc::clone(objects));
        Scrubber { shared, objects, at: At::Files(None), stats: ScrubStats::default() }
    }

    /// A scrubber of its own of the same files and objects, whose first round begins at a place.
    #[must_use]
    pub fn at(files: &WalFiles, objects: &Arc<Objects>, place: ScrubPlace) -> Scrubber {
        let at = match place {
            ScrubPlace::File(sequence) => At::Files(sequence.checked_sub(1)),
            ScrubPlace::Object(number) => At::Objects(number.0.checked_sub(1).map(ObjectNumber)),
        };
        let (shared, objects) = (Arc::clone(files.shared()), Arc::clone(objects));
        Scrubber { shared, objects, at, stats: ScrubStats::default() }
    }

    /// Where the round is.
    #[must_use]
    pub fn place(&self) -> ScrubPlace {
        match &self.at {
            At::Files(before) => ScrubPlace::File(before.map_or(0, |before| before + 1)),
            At::File(open) => ScrubPlace::File(open.file.sequence),
            At::Objects(before) => {
                ScrubPlace::Object(before.map_or(ObjectNumber(0), |before| ObjectNumber(before.0 + 1)))
            }
            At::Object(number, _) => ScrubPlace::Object(*number),
        }
    }

    /// Checks about `budget_bytes`, at least one frame or one block of an object. Blocks.
    pub fn step(&mut self, budget_bytes: u64) -> ScrubProgress {
        let mut spent = 0;
        loop {
            let left = budget_bytes.saturating_sub(spent);
            let at = std::mem::replace(&mut self.at, At::Files(None));
            let (bytes, next) = match at {
                At::Files(before) => (0, self.next_file(before)),
                At::File(open) => self.check_frames(open, left),
                At::Objects(before) => match self.next_object(before) {
                    Some(next) => (0, next),
                    None => {
                        self.stats.rounds += 1;
                        return ScrubProgress::RoundDone { bytes: spent };
                    }
                },
                At::Object(number, verifier) => self.check_object(number, verifier, left),
            };
            self.at = next;
            spent += bytes;
            self.stats.bytes += bytes;
            if spent >= budget_bytes {
                return ScrubProgress::Working { bytes: spent };
            }
        }
    }

    /// What was done so far.
    #[must_use]
    pub fn stats(&self) -> ScrubStats {
        self.stats
    }

    fn next_file(&self, before: Option<u64>) -> At {
        let files = self.shared.files.lock();
        let mut later = files.range(before.map_or(0, |before| before + 1)..);
        // A file is left when its last frame is assembled, and that is written later.
        let published = self.shared.published();
        let is_written = |end: &WalPosition| *end <= published;
        let next =
            later.find_map(|(_, file)| file.end().filter(is_written).map(|end| (Arc::clone(file), end)));
        let Some((file, end)) = next else { return At::Objects(None) };
        let scan = FileScan::new(&file, file.offset_of(end));
        let check = FrameCheck::new(&file);
        At::File(OpenFile { end, at: file.base, is_lost: false, scan, check, file })
    }

    fn check_frames(&mut self, mut open: OpenFile, budget_bytes: u64) -> (u64, At) {
        let sequence = open.file.sequence;
        // Under the lock: whoever frees files looks at pins under it too.
        let pin = {
            let files = self.shared.files.lock();
            let still = files.get(&sequence).filter(|file| Arc::ptr_eq(file, &open.file));
            still.map(Pin::new)
        };
        // It was freed meanwhile.
        let Some(_pin) = pin else { return (0, At::Files(Some(sequence))) };
        let mut spent = 0;
        while open.at < open.end && spent < budget_bytes.max(1) {
            let from = open.at;
            match open.step(budget_bytes - spent) {
                Ok(None) => {}
                Ok(Some(finding)) => self.tell(finding),
                Err(error) => {
                    self.tell(error.into());
                    return (spent, At::Files(Some(sequence)));
                }
            }
            spent += open.at.0 - from.0;
        }
        (spent, if open.at < open.end { At::File(open) } else { At::Files(Some(sequence)) })
    }

    fn next_object(&mut self, before: Option<ObjectNumber>) -> Option<At> {
        let object = self.objects.list().into_iter().find(|object| Some(object.number()) > before)?;
        let number = object.number();
        Some(match self.open_object(&object) {
            Ok(verifier) => At::Object(number, verifier),
            Err(error) => {
                self.tell(error.into());
                At::Objects(Some(number))
            }
        })
    }

    fn open_object(&self, object: &Object) -> Result<Verifier, OpenError> {
        let directory = self.objects.directory();
        let file = self.object_file(object.number())?;
        object::check(&*file, directory, object.entry())?;
        Verifier::new(&*file, object.number(), directory)
    }

    fn object_file(&self, number: ObjectNumber) -> Result<Arc<dyn ObjectFile>, OpenError> {
        let opened = self.objects.store().open(number);
        opened.map_err(|error| OpenError::io("opening", &name_of(number), error))
    }

    fn check_object(&mut self, number: ObjectNumber, mut verifier: Verifier, budget_bytes: u64) -> (u64, At) {
        // Holding the object keeps its file. When it is gone, so is the need.
        let Some(_object) = self.objects.get(number) else { return (0, At::Objects(Some(number))) };
        let file = match self.object_file(number) {
            Ok(file) => file,
            Err(error) => {
                self.tell(error.into());
                return (0, At::Objects(Some(number)));
            }
        };
        let mut spent = 0;
        while spent < budget_bytes.max(1) {
            match verifier.step(&*file) {
                Ok(Some(bytes)) => spent += bytes,
                Ok(None) => return (spent, At::Objects(Some(number))),
                Err(error) => self.tell(error.into()),
            }
        }
        (spent, At::Object(number, verifier))
    }

    fn tell(&mut self, finding: Finding) {
        self.stats.findings += 1;
        let Finding { place, offset, what, .. } = finding;
        tracing::error!(
            file = place,
            offset,
            what,
            "scrubbing found damage; keep the backups that are older"
        );
    }
}

impl OpenFile {
    /// Goes over the next frame, or over `budget_bytes` of a damaged stretch.
    fn step(&mut self, budget_bytes: u64) -> Result<Option<Finding>, OpenError> {
        if self.is_lost {
            let stretch = budget_bytes.max(1).next_multiple_of(ALIGNMENT_BYTES);
            let limit = self.at.advance(stretch).min(self.end);
            let next = next_whole(&mut self.scan, self.at, limit)?;
            self.is_lost = next.is_none();
            self.at = next.unwrap_or(limit);
            return Ok(None);
        }
        let offset = self.file.offset_of(self.at);
        let (header, meta) = match self.scan.frame_at(self.at)? {
            Found::Frame(header, meta) if header.end() <= self.end => (header, meta),
            Found::Frame(..) | Found::Bad(_) => {
                let what = format!("no whole frame stands at position {}, where one was written", self.at);
                self.at = self.at.advance(ALIGNMENT_BYTES).min(self.end);
                self.is_lost = true;
                return Ok(Some(Finding::damage(&*self.file.path, Some(offset), what)));
            }
        };
        self.at = header.end();
        let damage = self.check.damage(&header, meta)?;
        Ok(damage.map(|damage| Finding::damage(&*self.file.path, Some(damage.offset), damage.what)))
    }
}
