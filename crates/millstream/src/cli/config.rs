//! `millstream config`: what is in effect and why.

use super::knob_args::KnobArgs;
use crate::config::{self, Effective};

/// Arguments of `millstream config`.
#[derive(clap::Args)]
pub(super) struct ConfigArgs {
    /// One line of JSON instead of text.
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// The reference page of all knobs, as in `docs/configuration.md`; nothing of this machine is in it.
    #[arg(long)]
    markdown: bool,
    #[command(flatten)]
    knobs: KnobArgs,
}

pub(super) fn run(args: &ConfigArgs) -> anyhow::Result<()> {
    if args.markdown {
        return super::print(&config::reference_page());
    }
    let effective = Effective::load(&args.knobs.given, |name| std::env::var_os(name))?;
    super::print(&if args.json { effective.to_json() } else { effective.to_text() })
}
