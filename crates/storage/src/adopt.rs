//! From the indexes that recovery rebuilds to the read views of the logs that live.
//!
//! Apart because storage finds batches, and only the shard knows which logs still exist and from where: what it
//! does not claim is dropped, and what it claims must be there.

use std::sync::Arc;

use millstream_types::{BatchFacts, LogId, Offset, WalPosition};

use crate::error::OpenError;
use crate::views::Views;
use crate::wal::WalFile;

/// Takes the shard's word on which logs live. Finish it before anything is pushed.
pub struct Adoption {
    views: Arc<Views>,
    adopted: Vec<LogId>,
}

impl Adoption {
    pub(crate) fn new(views: Arc<Views>) -> Adoption {
        Adoption { views, adopted: Vec::new() }
    }

    pub(crate) fn views(&self) -> Arc<Views> {
        Arc::clone(&self.views)
    }

    /// A live log whose records are `start..end`.
    ///
    /// # Errors
    /// [`OpenError::Hole`] when the files do not hold all of them.
    pub fn adopt(&mut self, log: LogId, start: Offset, end: Offset) -> Result<(), OpenError> {
        let hole = |found| OpenError::Hole { log, expected: start, found };
        self.adopted.push(log);
        let Some(view) = self.views.get(log) else {
            if start != end {
                return Err(hole("nothing of it".to_owned()));
            }
            self.views.create(log, start);
            return Ok(());
        };
        if start == end {
            // Its last records may lie in a file that was freed.
            view.restart_at(start);
            return Ok(());
        }
        let (first, last) = (view.log_start(), view.high_watermark());
        if first > start || last != end {
            return Err(hole(format!("{first}..{last}, not {start}..{end}")));
        }
        view.trim(start);
        Ok(())
    }

    /// Drops what belongs to no log that was adopted.
    pub fn finish(mut self) {
        self.adopted.sort_unstable();
        for log in self.views.ids() {
            if self.adopted.binary_search(&log).is_err() {
                self.views.remove(log);
            }
        }
    }

    /// Adds a batch that recovery found.
    pub(crate) fn index(
        &mut self,
        facts: &BatchFacts,
        file: &Arc<WalFile>,
        start: WalPosition,
        end: WalPosition,
    ) -> Result<(), OpenError> {
        let view = match self.views.get(facts.log) {
            Some(view) => view,
            None => self.views.create(facts.log, facts.base_offset),
        };
        if facts.base_offset < view.high_watermark() {
            let what = format!("log {} has offset {} twice", facts.log, facts.base_offset);
            return Err(OpenError::Corrupt { file: file.path.clone(), offset: file.offset_of(start), what });
        }
        if facts.base_offset > view.high_watermark() {
            // A file between was freed, which happens only when all before its end was trimmed.
            view.restart_at(facts.base_offset);
        }
        view.append(facts, file, start, end, None);
        Ok(())
    }
}
