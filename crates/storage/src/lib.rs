//! The only crate that touches files: disk trait, write-ahead lane, read views, checkpoints, recovery.
//!
//! Apart because what is durable, and when, must be decided in one place: everything above sees positions and
//! offsets, never a file. Entries are opaque bytes here; batches are known by their facts alone (R2).
//!
//! How a request becomes durable and visible:
//!
//! ```text
//! shard task     Assembler::admit → push → take_group ──┐ Group
//! writer thread  Writer::write: write, fdatasync, publish, wake ──► Durable { position }
//! sessions       Views::get → LogView::watch, read        (no message to shard or writer)
//! housekeeping   Keeper::prepare_one, recycle · Checkpointer::begin … CheckpointWriter::finish
//! start          open → Replay::image, frame → Adoption::object, adopt, finish
//! packed objects ObjectWriter::new … finish into a Store → Objects::register → Publish::Pack … drop_objects, sweep
//!                PartIndex::load, read · object::verify
//! checking       verify::LaneCheck → Replay → ContentCheck      (of a stopped broker's directory) · Scrubber::step
//! rewriting      pack::plan → Packer::step … · compact::plan → Compactor::step → committed …
//! ```

mod adopt;
mod ahead;
mod checkpoint;
pub mod compact;
pub mod disk;
mod ephemeral;
mod error;
mod footer;
mod frame;
mod identity;
mod keeper;
mod lane;
mod log_reader;
pub mod object;
mod objects;
mod options;
mod output;
pub mod pack;
mod publish;
mod recovery;
mod scrub;
pub mod store;
pub mod verify;
mod views;
mod wal;
mod wal_files;

pub use adopt::Adoption;
pub use checkpoint::{CheckpointDone, CheckpointError, CheckpointWriter, Checkpointer};
pub use disk::{Disk, RealDisk};
pub use ephemeral::EphemeralLogs;
pub use error::{LaneError, ObjectError, OpenError, ReadError, ReplayError};
pub use frame::frame_bytes;
pub use keeper::{Keeper, Prepared, Recycled};
pub use lane::{Admit, Assembler, Durable, Frame, Group, LaneCounts, Purpose, Writer};
pub use log_reader::{Aged, HomeId, LogReader, Logs, PieceFacts};
pub use objects::{Object, Objects};
pub use options::{Durability, Options};
pub use publish::Publish;
pub use recovery::{Opened, Recovered, Replay, ReplayedFrame, open};
pub use scrub::{ScrubPlace, ScrubProgress, ScrubStats, Scrubber};
pub use views::{LogTraffic, LogView, ReadMode, ReadOutcome, StoredBatch, TimeCandidate, Views, Watch};
pub use wal_files::{LaneTotals, SealedFile, WalFiles};
