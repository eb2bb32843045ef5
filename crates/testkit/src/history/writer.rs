//! Writes the events of one process.
//!
//! Apart because it, too, is what the checker relies on: an event is stamped when it is written, so that the times
//! in a file never go back.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use super::{Event, Phase};

/// The history of one process.
#[derive(Debug)]
pub struct Writer<C> {
    file: BufWriter<File>,
    process: String,
    clock: C,
    next_id: u64,
}

impl<C: FnMut() -> u64> Writer<C> {
    /// Creates `<dir>/<process>.jsonl`. `clock` gives nanoseconds of the machine's monotonic clock.
    ///
    /// # Errors
    /// When the file cannot be created.
    pub fn create(dir: &Path, process: &str, clock: C) -> std::io::Result<Self> {
        let file = BufWriter::new(File::create(dir.join(format!("{process}.jsonl")))?);
        Ok(Self { file, process: process.to_owned(), clock, next_id: 0 })
    }

    /// Writes that an operation is about to be asked; give the answer to [`Writer::done`]. The id is chosen here.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn invoke(&mut self, event: Event) -> std::io::Result<Event> {
        self.next_id += 1;
        let event = Event { id: self.next_id, phase: Phase::Invoke, ..event };
        self.write(event.clone())?;
        Ok(event)
    }

    /// Writes how an operation ended: the event of its invocation with what the answer adds.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn done(&mut self, phase: Phase, event: Event) -> std::io::Result<()> {
        self.write(Event { phase, ..event })
    }

    /// Writes what was seen, without an invocation.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn seen(&mut self, event: Event) -> std::io::Result<()> {
        self.write(Event { phase: Phase::Ok, ..event })
    }

    fn write(&mut self, event: Event) -> std::io::Result<()> {
        let event = Event { time: (self.clock)(), process: self.process.clone(), ..event };
        serde_json::to_writer(&mut self.file, &event)?;
        self.file.write_all(b"\n")
    }

    /// Hands what is written to the system.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn finish(mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}
