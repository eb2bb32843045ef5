//! `cargo xtask sim`: many random crashes of the broker on a simulated disk.
//!
//! Apart from the simulator because a long run is built for speed, and shows first that it can be repeated.

use crate::project;

/// How much, and from which seed on.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Crash points
    #[arg(long, default_value_t = 100_000)]
    points: u64,
    /// Seeds, instead of crash points
    #[arg(long, conflicts_with = "points")]
    seeds: Option<u64>,
    /// First seed
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// What runs on the disk: the whole broker, the same with crashes and failing operations only, queues on the whole broker,
    /// or storage alone
    #[arg(long, default_value = "broker", value_parser = ["broker", "crashes", "queues", "storage"])]
    subject: String,
}

/// Runs the first seed twice, then all of them.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let root = project::root();
    let (unit, count) = options.seeds.map_or(("--points", options.points), |seeds| ("--seeds", seeds));
    let (count, seed) = (count.to_string(), options.seed.to_string());
    let simulate = |more: &[&str]| {
        let mut arguments =
            vec!["run", "--quiet", "--release", "--locked", "-p", "millstream-sim", "--", "--subject"];
        arguments.extend([&options.subject, unit, &count, "--seed", &seed]);
        arguments.extend(more);
        project::run_in(&root, &project::cargo(), &arguments)
    };
    simulate(&["--trace"])?;
    simulate(&[])
}
