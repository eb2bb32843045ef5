//! The engine on a simulated disk: what callers rely on, across stops, crashes and failing disks.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

mod caller;
mod crash;
mod directory;
mod disk_full;
mod ephemeral;
mod golden;
mod moves;
mod serve;
mod space;
mod upkeep;
mod verify;
