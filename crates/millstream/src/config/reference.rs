//! What is said about the knobs: the text and the JSON of `millstream config`, and the reference page.
//!
//! Apart because it only reads the table; nothing about a single knob may stand here.

use super::live::LIVE;
use super::{Effective, KNOBS, Knob};
use serde_json::json;
use std::fmt::Write as _;

const PAGE_HEAD: &str = "# Configuration

Millstream runs without any configuration. What can be set is set by a key in a TOML file (`--config FILE` or
`MILLSTREAM_CONFIG`), by an environment variable, or by a flag; a flag overrides the environment, and the environment
overrides the file. A key that does not exist is an error that names the file, the line and the key.

`millstream config` prints what is in effect and where each value comes from. This page is made by
`millstream config --markdown`.

## Without a restart

A broker that gets `SIGHUP` (`kill -HUP`, `systemctl reload millstream`) reads the file again, and the files that settings name. What it takes at once:
";

const AFTER_LIVE: &str = "
With them the contents of these files are taken, whether or not their names have changed: credentials (`aws_credentials_file`), the webhook's
secret, the authorities that are trusted, and the admin token in the data directory (`admin.token`; one that was removed is made anew). Another
admin token ends the sessions of browsers.

Everything else needs a restart: what of it has changed is named in the log and left as it was. If anything is wrong with the new settings, or a
file that they name cannot be used, all settings stay as they were, and the log says what is wrong. `millstream config` prints what a start
would take; the console's page of the configuration and `/api/v1/configuration` show what the broker runs with. Variables and flags stay those that the process
was started with.

A terminal that is closed sends `SIGHUP` as well: a broker that was started from it goes on. `SIGTERM` and `SIGINT` stop it.
";

/// The page `docs/configuration.md`.
pub(crate) fn reference_page() -> String {
    let live = LIVE.iter().map(|key| format!("- `{key}`\n")).collect::<String>();
    let mut page = format!("{PAGE_HEAD}\n{live}{AFTER_LIVE}");
    for knob in KNOBS {
        let Knob { key, value, unit, doc, cost, .. } = knob;
        let unit = if unit.is_empty() { String::new() } else { format!(", in {unit}") };
        let (env, flag, default) = (knob.env(), knob.flag(), knob.default_shown());
        let section = format!(
            "\n## `{key}`\n\n{doc}.\n\n- Default: `{default}`{unit}\n- Flag: `--{flag} {value}`\n\
             - Environment: `{env}`\n- Cost: {cost}\n"
        );
        page.push_str(&section.replace("Default: `not set`", "Default: not set"));
    }
    page
}

impl Effective {
    /// Every knob with its value, source, unit and documentation, for people.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        for (knob, source) in KNOBS.iter().zip(&self.sources) {
            let value = (knob.show)(&self.settings);
            let value = if value.is_empty() { "(not set)" } else { &value };
            let unit = if knob.unit.is_empty() { String::new() } else { format!(" {}", knob.unit) };
            let default = knob.default_shown();
            writeln!(text, "{} = {value}{unit}   ({source})", knob.key)
                .and_then(|()| writeln!(text, "    {}.", knob.doc))
                .and_then(|()| writeln!(text, "    Cost: {}", knob.cost))
                .and_then(|()| {
                    writeln!(
                        text,
                        "    Default: {default}{unit}. Flag: --{}. Environment: {}.",
                        knob.flag(),
                        knob.env()
                    )
                })
                .expect("a string takes all text");
        }
        text
    }

    /// The same as one line of JSON.
    pub(crate) fn to_json(&self) -> String {
        let knobs = KNOBS.iter().zip(&self.sources).map(|(knob, source)| {
            json!({
                "key": knob.key,
                "value": (knob.show)(&self.settings),
                "source": source.to_string(),
                "default": (knob.show)(&super::Settings::default()),
                "unit": knob.unit,
                "doc": knob.doc,
                "cost": knob.cost,
                "flag": format!("--{}", knob.flag()),
                "env": knob.env(),
            })
        });
        format!("{}\n", serde_json::Value::from_iter(knobs))
    }
}
