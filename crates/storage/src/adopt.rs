//! From what recovery finds to the read views of the logs that live.
//!
//! Apart because storage finds batches and objects, and only the shard knows which logs and objects still exist, and from
//! where to where: what it does not claim is dropped, and what it claims must be there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use millstream_types::object::ObjectEntry;
use millstream_types::{BatchFacts, LogId, ObjectNumber, Offset, WalPosition, planted};

use crate::error::OpenError;
use crate::objects::Object;
use crate::recovery::begin::Leftovers;
use crate::store::name_of;
use crate::views::{FoundRun, LogView, Views};
use crate::wal::WalFile;

/// Takes the shard's word on which objects there are, then on which logs live. Finish it before anything is pushed.
pub struct Adoption {
    views: Arc<Views>,
    adopted: Vec<LogId>,
    /// By log, the objects with a part of it, in ascending number.
    parts: BTreeMap<LogId, Vec<Arc<Object>>>,
    last_object: Option<ObjectNumber>,
    /// Objects in which live records are.
    needed: BTreeSet<ObjectNumber>,
    /// Files that go when nothing can stop the start any more.
    leftovers: Option<Leftovers>,
}

impl Adoption {
    pub(crate) fn new(views: Arc<Views>) -> Adoption {
        Adoption {
            views,
            adopted: Vec::new(),
            parts: BTreeMap::new(),
            last_object: None,
            needed: BTreeSet::new(),
            leftovers: None,
        }
    }

    /// Takes the files that are no part of the lane any more, to be cleared at the end.
    pub(crate) fn leave(&mut self, leftovers: Leftovers) {
        self.leftovers = Some(leftovers);
    }

    pub(crate) fn views(&self) -> Arc<Views> {
        Arc::clone(&self.views)
    }

    /// An object of the manifest. All of them, in ascending number, before the first log.
    ///
    /// # Panics
    /// When they do not come in this order.
    pub fn object(&mut self, entry: &ObjectEntry) {
        assert!(self.adopted.is_empty(), "objects are adopted before logs");
        assert!(self.last_object < Some(entry.number), "objects are adopted in ascending order");
        self.last_object = Some(entry.number);
        let objects = self.views.objects();
        objects.register(entry.clone());
        let object = objects.get(entry.number).expect("it was just registered");
        for part in &entry.parts {
            self.parts.entry(part.log).or_default().push(Arc::clone(&object));
        }
    }

    /// A live log whose records are `start..end`: in WAL files, and where objects have parts of it, in those.
    ///
    /// # Errors
    /// [`OpenError::Hole`] when files and objects do not answer for all of them, or for more.
    pub fn adopt(&mut self, log: LogId, start: Offset, end: Offset) -> Result<(), OpenError> {
        self.adopted.push(log);
        let view = self.view(log, start);
        let mut parts = self.parts.remove(&log).unwrap_or_default();
        if planted!(OlderObjectOnTop) {
            parts.reverse();
        }
        view.complete(start, end, &parts).map_err(|(expected, found)| OpenError::Hole {
            log,
            expected,
            found,
        })?;
        self.needed.extend(view.objects());
        Ok(())
    }

    /// Drops what belongs to no log that was adopted, looks for the objects that live records are in, and only then removes
    /// files: those that are no part of the lane, and objects that the manifest does not list, which were written or removed
    /// when the last process ended.
    ///
    /// # Errors
    /// [`OpenError::Missing`], [`OpenError::Corrupt`] when a needed object is not there or of another length;
    /// [`OpenError::Io`].
    pub fn finish(&mut self) -> Result<(), OpenError> {
        self.adopted.sort_unstable();
        for log in self.views.ids() {
            if self.adopted.binary_search(&log).is_err() {
                self.views.remove(log);
            }
        }
        let objects = self.views.objects();
        for object in objects.list() {
            let checked = objects.check(&object);
            if self.needed.contains(&object.number()) {
                checked?;
            } else if let Err(error) = checked {
                let file = name_of(object.number());
                tracing::warn!(file, %error, "an object is not what the manifest says, but no live record is in it");
            }
        }
        objects.remove_orphans()?;
        objects.leave_uncooled();
        self.leftovers.take().map_or(Ok(()), Leftovers::clear)
    }

    /// Adds a batch that recovery found.
    pub(crate) fn index(
        &mut self,
        facts: &BatchFacts,
        file: &Arc<WalFile>,
        start: WalPosition,
        end: WalPosition,
    ) -> Result<(), OpenError> {
        if self.view(facts.log, facts.base_offset).found_batch(facts, file, start, end) {
            return Ok(());
        }
        Err(twice(facts.log, facts.base_offset, file, start))
    }

    /// Adds a run that a sealed file's footer lists: neighbouring frames, of one log, no longer than 64 KiB but for a single
    /// larger frame, offsets without gaps. Of each log in ascending offsets.
    ///
    /// # Errors
    /// [`OpenError::Corrupt`] when the log has these offsets already.
    pub(crate) fn index_run(
        &mut self,
        log: LogId,
        file: &Arc<WalFile>,
        run: &FoundRun,
    ) -> Result<(), OpenError> {
        if self.view(log, run.from).found_run(file, run) {
            return Ok(());
        }
        Err(twice(log, run.from, file, run.start))
    }

    fn view(&self, log: LogId, start: Offset) -> Arc<LogView> {
        self.views.get(log).unwrap_or_else(|| self.views.create(log, start))
    }
}

fn twice(log: LogId, offset: Offset, file: &WalFile, start: WalPosition) -> OpenError {
    let what = format!("log {log} has offset {offset} twice");
    OpenError::Corrupt { file: file.path.clone(), offset: file.offset_of(start), what }
}
