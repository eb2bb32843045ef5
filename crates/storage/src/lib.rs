//! The only crate that touches files: disk trait, write-ahead lane, read views, checkpoints, recovery.
//!
//! Apart because what is durable, and when, must be decided in one place: everything above sees positions and
//! offsets, never a file. Entries are opaque bytes here; batches are known by their facts alone (R2).
//!
//! The shape, as the engine uses it:
//!
//! ```text
//! open(disk: Arc<dyn Disk>, options: Options, replay: &mut dyn Replay) -> Result<Opened, OpenError>
//!   trait Replay { fn image(&mut self, stamp: WalPosition, image: &[u8]) -> Result<(), ReplayError>;
//!                  fn frame(&mut self, frame: ReplayedFrame<'_>) -> Result<(), ReplayError>; }
//!   ReplayedFrame<'a> { start, end: WalPosition, time: EngineTime, entries: &'a [u8], facts: &'a [BatchFacts] }
//!   Opened { assembler, writer, views: Arc<Views>, keeper, checkpointer, adoption, recovered }
//!   Adoption: adopt(&mut self, log, start, end) for each live log, then finish(self) -> Result<(), OpenError>
//!
//! Assembler (shard task, never blocks)
//!   next_position() -> WalPosition
//!   admit(frame_bytes: u64, Purpose::{Append, Relief}) -> Admit::{Yes, Wait, Full}
//!   push(Frame { time, entries: &[u8], batches: &[(BatchFacts, Bytes)], publish: &[Publish] }) -> WalPosition (end)
//!   take_group() -> Option<Group>
//!   frame_bytes(entries_bytes, batch_count, batches_bytes) -> u64     what to ask `admit` for
//!   (neighbouring batches that are clones of the same `Bytes` are stored once)
//! Writer (blocking, one thread)
//!   write(Group) -> Result<Durable { position }, LaneError>      writes, syncs, publishes, wakes
//!   sync() -> Result<Durable, LaneError>                         for Durability::Interval
//!   close(self, Assembler, EngineTime) -> Result<(), LaneError>  closing frame of a clean stop
//! Publish::{Create { log, start }, Trim { log, start }, LastStable { log, offset }, Delete { log },
//!           DeleteStream { stream, logs }}     creates happen before the frame's batches, the others after
//! Views::get(LogId) -> Option<Arc<LogView>>
//! LogView: log_start(), high_watermark(), last_stable(), bytes(), batches(), is_revoked()
//!   read(from: Offset, max_bytes: u32, ReadMode::{CachedOnly, MayBlock}) -> Result<ReadOutcome, ReadError>
//!     ReadOutcome::{Batches(Vec<StoredBatch>), AtEnd, WouldBlock}
//!     StoredBatch { base_offset, last_offset, max_timestamp, head: Bytes, rest: Bytes }   wire bytes = head ++ rest
//!   time_candidate(RecordTime, from: Offset) -> Option<TimeCandidate { from, to }>
//!   watch(&Waker) -> Watch   (dropping it unregisters; register first, then read)
//! Keeper: prepare_one() -> Result<Prepared, LaneError>, recycle() -> Result<Recycled, LaneError>, wants_file() -> bool
//! Checkpointer: begin(at: WalPosition) -> CheckpointWriter; add(stamp, image); finish(durable)
//! ```
