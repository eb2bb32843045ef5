//! What a broker says once it is ready, for people and for programs.
//!
//! Apart because programs read it: its names are promises.

use crate::admin_token;
use crate::config::Durability;
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

/// What a broker that is ready has to say.
pub(crate) struct Ready {
    pub(crate) data_dir: PathBuf,
    pub(crate) durability: Durability,
    pub(crate) interval_ms: u32,
    pub(crate) listen: BTreeMap<&'static str, SocketAddr>,
    /// Where the console is, with what logs one browser in; `None`: nowhere.
    pub(crate) console_url: Option<String>,
}

impl Ready {
    /// One line of JSON.
    pub(crate) fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct Line<'a> {
            ready: bool,
            data_dir: Cow<'a, str>,
            listen: &'a BTreeMap<&'static str, SocketAddr>,
            #[serde(skip_serializing_if = "Option::is_none")]
            console_url: Option<&'a str>,
        }
        let line = Line {
            ready: true,
            data_dir: self.data_dir.to_string_lossy(),
            listen: &self.listen,
            console_url: self.console_url.as_deref(),
        };
        let json = serde_json::to_string(&line).expect("strings and addresses are JSON");
        format!("{json}\n")
    }

    /// For people.
    pub(crate) fn to_text(&self) -> String {
        let mut text = format!("Millstream {} is ready.\n\n", env!("CARGO_PKG_VERSION"));
        // As wide as what stands below the names, unless one is longer.
        let width = self.listen.keys().map(|name| name.len()).max().unwrap_or(0).max(11);
        for (name, addr) in &self.listen {
            text.push_str(&format!("  {name:<width$} {addr}\n"));
        }
        let durability = match self.durability {
            Durability::Fsync => "every acknowledged record is synced to the disk".to_owned(),
            Durability::Interval => {
                format!("synced every {} ms; a power cut takes that much with it", self.interval_ms)
            }
        };
        text.push_str(&format!("  {:<width$} {}\n", "data", self.data_dir.display()));
        text.push_str(&format!("  {:<width$} {durability}\n", "durability"));
        text.push_str(&format!(
            "  {:<width$} Ctrl-C, or SIGTERM to process {}\n\n",
            "stop",
            std::process::id()
        ));
        if let Some(url) = &self.console_url {
            text.push_str(&format!(
                "The console, logged in once: {url}\nLater with the token in {}\n\n",
                admin_token::path(&self.data_dir).display()
            ));
        }
        text
    }
}
