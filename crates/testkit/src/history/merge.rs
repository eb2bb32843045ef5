//! Many files of events as one history in the order of time.
//!
//! Apart because histories do not fit in memory comfortably: each file is read as far as it is needed.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use super::{Event, Phase};

/// Why a history cannot be judged.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// A file cannot be read.
    #[error("reading {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line is no event.
    #[error("{path}:{line}: no event")]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: u64,
        /// Why.
        source: serde_json::Error,
    },
    /// Time runs backwards in a file.
    #[error("{path}:{line}: earlier than the line before")]
    Time {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: u64,
    },
}

/// The events of all files by time; of those at the same time invocations come first, because an answer at the very
/// moment of a question was not before it.
#[derive(Debug)]
pub struct Merge {
    sources: Vec<Source>,
    heads: BinaryHeap<Reverse<(u64, bool, usize)>>,
}

#[derive(Debug)]
struct Source {
    path: PathBuf,
    lines: BufReader<File>,
    line: u64,
    text: String,
    head: Option<Event>,
}

impl Merge {
    /// Opens the files.
    ///
    /// # Errors
    /// When one cannot be read, or its first line is no event.
    pub fn open(paths: &[impl AsRef<Path>]) -> Result<Merge, HistoryError> {
        let mut merge = Merge { sources: Vec::new(), heads: BinaryHeap::new() };
        for path in paths {
            let path = path.as_ref().to_path_buf();
            let file =
                File::open(&path).map_err(|source| HistoryError::Read { path: path.clone(), source })?;
            let lines = BufReader::new(file);
            merge.sources.push(Source { path, lines, line: 0, text: String::new(), head: None });
            merge.advance(merge.sources.len() - 1, 0)?;
        }
        Ok(merge)
    }

    /// Reads the next line of a file, which may not be before `since`.
    fn advance(&mut self, index: usize, since: u64) -> Result<(), HistoryError> {
        let source = &mut self.sources[index];
        source.text.clear();
        source.line += 1;
        let read = source.lines.read_line(&mut source.text);
        let bytes = read.map_err(|error| HistoryError::Read { path: source.path.clone(), source: error })?;
        if bytes == 0 {
            source.head = None;
            return Ok(());
        }
        let event: Event = serde_json::from_str(&source.text).map_err(|error| HistoryError::Line {
            path: source.path.clone(),
            line: source.line,
            source: error,
        })?;
        if event.time < since {
            return Err(HistoryError::Time { path: source.path.clone(), line: source.line });
        }
        self.heads.push(Reverse((event.time, event.phase != Phase::Invoke, index)));
        source.head = Some(event);
        Ok(())
    }

    fn pop(&mut self) -> Result<Option<Event>, HistoryError> {
        let Some(Reverse((time, _, index))) = self.heads.pop() else { return Ok(None) };
        let event = self.sources[index].head.take();
        self.advance(index, time)?;
        Ok(event)
    }
}

impl Iterator for Merge {
    type Item = Result<Event, HistoryError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.pop().transpose()
    }
}
