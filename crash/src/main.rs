//! The crash test: the real binary under real clients, killed again and again, and everything they saw judged.
//!
//! Apart from the product and from the simulator: here nothing is simulated, so what is found is real, and what is not
//! found depends on time. `cargo xtask crash` builds the broker, prepares the clients and runs this.

use clap::Parser as _;
use millstream_crash::{Options, judge_only, run};

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    match &options.judge {
        Some(histories) => judge_only(histories),
        None => run(&options),
    }
}
