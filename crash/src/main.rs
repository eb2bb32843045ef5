//! The crash test: the real binary under real clients, killed again and again, and everything they saw judged.
//!
//! Apart from the product and from the simulator: here nothing is simulated, so what is found is real, and what is not
//! found depends on time. `cargo xtask crash` builds the broker, prepares the clients and runs this.

mod broker;
mod chance;
mod clock;
mod disk;
mod drain;
mod load;
mod moment;
mod options;
mod programs;
mod report;
mod run;
mod value;
mod wire;

use clap::Parser as _;

fn main() -> anyhow::Result<()> {
    let options = options::Options::parse();
    match &options.judge {
        Some(histories) => run::judge_only(histories),
        None => run::run(&options),
    }
}
