//! Arguments of `millstream route`.
//!
//! Apart because what can be said is read, and checked against the page about it, without what is done.

use clap::{Args, Subcommand, ValueEnum};

use crate::cli::api::ServerArgs;
use crate::cli::remote::name_value;

/// List, create, bind and delete routes, and ask where a record would go.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millstream route create events --match pattern
  millstream route bind events --to-stream audit --key 'order.#'
  millstream route resolve events --key order.created")]
pub(crate) struct RouteArgs {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    #[command(subcommand)]
    pub(crate) action: RouteAction,
}

/// What to do with routes.
#[derive(Debug, Subcommand)]
pub(crate) enum RouteAction {
    /// List the routes.
    List,
    /// List what a route leads to.
    Bindings(NameArgs),
    /// Create a route.
    Create(CreateArgs),
    /// Have a route lead to a stream or to another route.
    Bind(BindArgs),
    /// Take a binding back.
    Unbind(BindArgs),
    /// Say where a record would go; nothing is published.
    Resolve(ResolveArgs),
    /// Delete a route, and the bindings from and to it.
    Delete(DeleteArgs),
}

/// A route's name.
#[derive(Debug, Args)]
pub(crate) struct NameArgs {
    /// The route's name.
    pub(crate) name: String,
}

/// How a route matches.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Match {
    /// The key of a binding is that of the record.
    Exact,
    /// The key of a binding is a pattern: `*` for one word, `#` for any number.
    Pattern,
    /// The record has the headers that a binding asks for.
    Headers,
    /// Every binding.
    Everything,
    /// One binding, by a hash of the key.
    Hash,
}

impl Match {
    /// As the API has it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Match::Exact => "exact",
            Match::Pattern => "pattern",
            Match::Headers => "headers",
            Match::Everything => "everything",
            Match::Hash => "hash",
        }
    }
}

/// Arguments of `route create`.
#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// The route's name.
    pub(crate) name: String,
    /// How it matches.
    #[arg(long = "match", value_name = "HOW")]
    pub(crate) how: Match,
    /// The route that records go to which this one takes nowhere.
    #[arg(long, value_name = "ROUTE")]
    pub(crate) alternate: Option<String>,
}

/// Arguments of `route bind` and `route unbind`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("to").required(true))]
pub(crate) struct BindArgs {
    /// The route's name.
    pub(crate) name: String,
    /// The stream that it leads to.
    #[arg(long, value_name = "STREAM", group = "to")]
    pub(crate) to_stream: Option<String>,
    /// The route that it leads to.
    #[arg(long, value_name = "ROUTE", group = "to")]
    pub(crate) to_route: Option<String>,
    /// The binding's key.
    #[arg(long, short, default_value = "")]
    pub(crate) key: String,
}

/// Arguments of `route resolve`.
#[derive(Debug, Args)]
pub(crate) struct ResolveArgs {
    /// The route's name.
    pub(crate) name: String,
    /// The record's key.
    #[arg(long, short, default_value = "")]
    pub(crate) key: String,
    /// A header of the record; may be given several times.
    #[arg(long, short = 'H', value_name = "NAME=VALUE", value_parser = name_value)]
    pub(crate) header: Vec<(String, String)>,
}

/// Arguments of `route delete`.
#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// The route's name.
    pub(crate) name: String,
    /// Only if no binding leads on from it.
    #[arg(long)]
    pub(crate) if_unused: bool,
}
