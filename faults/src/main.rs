//! The fault runs: what real disks, file systems and machines do, done to the real binary under load, and judged.
//!
//! Apart from the crash test because each row here does one kind of harm and knows what must hold under it; the loads
//! and the judge are the crash test's. `cargo xtask faults` builds the broker, gets the tools and runs this.

mod base;
mod image;
mod options;
mod reading;
mod rows;
mod runner;
mod stage;
mod tools;

use clap::Parser as _;

fn main() -> anyhow::Result<()> {
    runner::run(&options::Options::parse())
}
