//! Known mistakes, planted on purpose, to see that the tests find them.
//!
//! Apart, and only with the feature `planted`, because none of it may be in what is shipped: without the feature
//! `planted!(Name)` is the constant `false`, and neither this list nor a switch exists. `cargo xtask purity` checks that
//! no shipped build has the feature; `cargo xtask planted` makes each mistake in turn and fails when one is not caught.
//!
//! The switch is one per process: a build with the feature runs everything as usual until [`select`] is called.

use core::sync::atomic::{AtomicUsize, Ordering};

macro_rules! bugs {
    ($($bug:ident, $place:literal, $what:literal;)*) => {
        /// A mistake.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Bug {
            $(#[doc = $what] $bug,)*
        }

        /// All of them, with the place where each is planted and what is wrong.
        pub const BUGS: &[(Bug, &str, &str, &str)] = &[$((Bug::$bug, stringify!($bug), $place, $what),)*];
    };
}

bugs! {
    AckBeforeSync, "lane", "A group is acknowledged before it is synced.";
    SyncSkipped, "lane", "The lane says that a file is synced, and has not synced it.";
    SyncRetried, "lane", "A failed sync is tried again, and the second answer is believed.";
    PoisonedLaneGoesOn, "lane", "After a failed write or sync the lane goes on.";
    ShownBeforeDurable, "lane", "Read views show a group before it is synced.";
    GateOneFrameEarly, "gate", "A reply leaves one frame too early.";
    BegunNameNotSynced, "lane", "A file is begun while its name may still be lost.";
    FreedWhilePinned, "keeper", "A WAL file is freed while a read is under way in it.";
    FreedWhileLive, "checkpoint", "A WAL file is freed while records live only there.";
    FreedBeforeCovered, "checkpoint", "A WAL file is freed while replay needs its entries.";
    FreedBeforeTrimDurable, "checkpoint", "A WAL file is freed before the trim that emptied it is durable.";
    CheckpointBeforeWal, "checkpoint", "A checkpoint counts before the lane is durable up to its images.";
    CheckpointNameNotSynced, "checkpoint", "Files are freed while the checkpoint's name may still be lost.";
    CheckpointNotSynced, "checkpoint", "A checkpoint gets its name before its bytes are durable.";
    NamesTrustedAtStart, "recovery", "A start decides from names that may be in memory only.";
    TornBatchKept, "recovery", "A frame of the tail is kept although one of its batches is torn.";
    TornFrameKept, "recovery", "A frame's checksum is not looked at.";
    CorruptionTakenForTail, "recovery", "Damage of what was durable is taken for a torn tail and dropped.";
    SuccessorOverlooked, "recovery", "That a later incarnation stands behind a damaged frame proves nothing.";
    TailNotRewritten, "recovery", "The tail that a start keeps is not written and synced again.";
    FactsOfDroppedTail, "recovery", "A log's end counts a frame of the tail that was dropped.";
    StaleFrameAccepted, "recovery", "A frame that a recycled file held before passes for a new one.";
    IncarnationReused, "recovery", "A start goes on under the incarnation of the one before.";
    LaneContinuedInTornFile, "recovery", "A start goes on in the file whose tail is torn.";
    ForeignFileAccepted, "recovery", "A file of another data directory is taken for one of this.";
    MissingFileOverlooked, "recovery", "A file that the checkpoint lists is missing, and the start goes on.";
    ReadUnchecked, "views", "A batch is served without its checksum being looked at.";
    ReadPatchesNextOffset, "views", "A read gives each batch the base offset of the next.";
    IndexOneRunOff, "views", "The index of a log finds the run after the right one.";
    DuplicateAtNewOffset, "core", "A batch that is sent again is answered with the log's end.";
    DuplicateBeforeDurable, "core", "A batch that is sent again is answered before its first copy is durable.";
    ProducersLostInImages, "core", "Images leave the producers out.";
    OffsetsLostInImages, "core", "Images leave the committed offsets of groups out.";
    TrimForgotten, "core", "Images leave out that a log was trimmed.";
    RetentionOneTooMany, "core", "Retention takes one piece of a log more than it may.";
    ObjectsLostInImages, "core", "Images leave the packed objects out.";
    NewestRecordCompacted, "compactor", "Of each key the newest record goes, too.";
    TombstoneDroppedAtOnce, "compactor", "A tombstone goes before its time.";
    KeysNotLearned, "compactor", "A pass goes on over a batch whose keys it has not all learned.";
    PackedOverUnreadable, "packer", "A part answers for offsets that could not be read, so that their WAL file goes.";
    ObjectNotSynced, "store", "An object is committed before its bytes are durable.";
    ObjectNameNotSynced, "store", "An object is committed before its name is durable.";
    OrphansKept, "store", "A start leaves the files of objects that the manifest does not list.";
    ObjectFreedWhileRead, "store", "The file of an object goes while a read is under way in it.";
    DropTakenForDurable, "upkeep", "The file of an object goes before its drop is durable.";
    DoubtfulObjectRemoved, "upkeep", "An object goes although its commit may have been written.";
    BlockOneOff, "object", "The index of an object finds the block after the right one.";
    BlockUnchecked, "object", "A block is served without its checksum being looked at.";
    DeliveredBeforeDurable, "lease", "A record is delivered before it is durable that it is out.";
    SettledBeforeDurable, "lease", "A settle is confirmed before it is durable.";
    OldReceiptHonoured, "lease", "An old receipt settles a newer delivery.";
    LeaseCutShort, "lease", "A lease ends after half of its time.";
    UndeliveredCounted, "lease", "A delivery that was none counts as one.";
    KeyNotBlocked, "lease", "A key with a record out is handed out further.";
    WaitersNotWoken, "lease", "An append wakes nobody who waits for records.";
    OneLogNotedAtATime, "lease", "Who waits is served from a log before it is noted that its records are not durable yet.";
    ConsumedGoesAtOnce, "lease", "Consumed records that are to be kept for a time go at once.";
    SettledLostInImages, "lease", "Images leave out what was settled out of order.";
    DelaysLostInImages, "lease", "Images leave out which records are put off.";
    IdsLostInImages, "lease", "Images leave the dedup ids out.";
    DeadlinesLostAtRestart, "lease", "A restart ends all leases and delays.";
    MovesLostAtRestart, "lease", "Moves that were open are not handed out again after a restart.";
    MovedAndKept, "lease", "A record that was moved into another stream stays where it was, too.";
    NeighbourMoved, "mover", "A record's neighbour in its batch is moved in its place.";
    StampTakenForFrame, "core", "A reply about what an image holds waits for a frame behind it.";
    WaitEndsFirst, "lease", "A wait that ends in the moment in which a lease does gets nothing.";
    PriorityUpsideDown, "lease", "The lower a priority, the sooner a record is delivered.";
    TakenFromHolder, "lease", "A record that somebody has is settled by its place.";
    AttemptForgotten, "lease", "A receive that is repeated gets other records.";
    CapIgnored, "lease", "More records are handed out than may be out.";
    TwoHoldersServed, "lease", "Where one holder is to be served at a time, all are.";
    NamedLeasesEnd, "lease", "A restart ends leases that only their holders end.";
    BindingsLostInImages, "route", "Images leave the bindings of routes out.";
    BoundBeforeDurable, "route", "A binding is confirmed before it is durable.";
    UnboundStillMatches, "route", "What was unbound still matches.";
    WildcardTakesOneWord, "route", "A wildcard for any words stands for just one.";
    TransactedBeforeDurable, "core", "A transaction is confirmed before it is durable.";
    OneHeirOnly, "mover", "Of the streams that dead letters go to by a route only the first one gets them.";
    EphemeralWritten, "core", "Entries about what is in memory only are written.";
    EphemeralInImages, "core", "Images hold streams that are in memory only.";
    EphemeralShownEarly, "core", "What is published to memory and disk together is seen in memory before it is durable.";
    EphemeralForgottenEarly, "lease", "A batch in memory goes with the first of its records that is settled.";
    OlderObjectOnTop, "views", "After a start the older of two objects answers for what both have.";
}

/// Which one is on, plus one; 0 is none.
static SELECTED: AtomicUsize = AtomicUsize::new(0);

/// Turns one on for the whole process, and all others off.
pub fn select(bug: Option<Bug>) {
    SELECTED.store(bug.map_or(0, |bug| bug as usize + 1), Ordering::SeqCst);
}

/// Whether it is on.
#[must_use]
pub fn is_on(bug: Bug) -> bool {
    SELECTED.load(Ordering::Relaxed) == bug as usize + 1
}
