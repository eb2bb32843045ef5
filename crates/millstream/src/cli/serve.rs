//! `millstream serve`: runs the broker until it is told to stop.

use super::knob_args::KnobArgs;
use crate::config::Effective;
use crate::logging;
use crate::serve::{self, Start};

/// Arguments of `millstream serve`.
#[derive(clap::Args)]
pub(super) struct ServeArgs {
    /// Say that the broker is ready as one line of JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    knobs: KnobArgs,
}

pub(super) fn run(args: &ServeArgs) -> anyhow::Result<()> {
    let effective = Effective::load(&args.knobs.given, |name| std::env::var_os(name))?;
    let logging = logging::start(&effective.settings)?;
    let start = Start { given: args.knobs.given.clone(), effective, logging };
    serve::run(start, |ready| super::print(&if args.json { ready.to_json() } else { ready.to_text() }))
}
