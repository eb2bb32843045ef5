//! Requests that a web page of somebody else has made a browser send.
//!
//! Apart because without users whoever reaches an HTTP front may do everything, and a browser on this machine reaches it for
//! any page that it shows. Two things betray such a request: a page that had its own name point here (DNS rebinding) is
//! asked for by that name, and one that calls another site says from where (`Origin`, `Sec-Fetch-Site`).

use crate::http::Request;
use core::net::{IpAddr, Ipv6Addr};

/// How a request betrays that another site's page has made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Foreign {
    /// It came by a name that is not this machine's.
    Host(String),
    /// It came from a page of this site.
    Origin(String),
}

impl Foreign {
    /// A sentence for whoever sent the request.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Foreign::Host(host) => format!(
                "The broker listens on this machine alone and is not called {host:?}; use localhost or an address."
            ),
            Foreign::Origin(site) => {
                format!("The request came from {site:?}, which is not the site that it was sent to.")
            }
        }
    }
}

/// Looks whether a page of another site may have sent a request; `is_loopback` says that only this machine is listened to.
///
/// # Errors
/// When it may.
pub fn check(request: &Request<'_>, is_loopback: bool) -> Result<(), Foreign> {
    let host = request.header("host").unwrap_or_default();
    if is_loopback && !is_local_name(host) {
        return Err(Foreign::Host(host.to_owned()));
    }
    let foreign = |site: &str| Err(Foreign::Origin(site.to_owned()));
    if let Some((_, origin)) = request.headers.iter().find(|(name, _)| *name == "origin") {
        let origin = String::from_utf8_lossy(origin);
        // Only the authority: a proxy in between may have ended the TLS that the page came by.
        let is_own = origin.split_once("://").is_some_and(|(_, origin)| origin.eq_ignore_ascii_case(host));
        if !is_own {
            return foreign(&origin);
        }
    }
    match request.header("sec-fetch-site") {
        None | Some("same-origin" | "none") => Ok(()),
        Some(site) => foreign(site),
    }
}

/// Whether nobody else's name can be meant: an address, or a name that always is this machine.
fn is_local_name(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => {
            let Some((address, port)) = rest.split_once(']') else { return false };
            return address.parse::<Ipv6Addr>().is_ok() && (port.is_empty() || is_port(port));
        }
        None => match host.split_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            Some(_) => return false,
            None => host,
        },
    };
    let name = name.to_ascii_lowercase();
    name.parse::<IpAddr>().is_ok() || name == "localhost" || name.ends_with(".localhost")
}

fn is_port(text: &str) -> bool {
    text.strip_prefix(':').is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(headers: &[(&str, &[u8])], is_loopback: bool) -> Result<(), Foreign> {
        let request =
            Request { method: "GET", path: "/", query: "", headers, body: b"", is_tls: false, peer: None };
        check(&request, is_loopback)
    }

    #[test]
    fn on_loopback_only_addresses_and_local_names_are_answered() {
        for host in [
            "127.0.0.1:8080",
            "127.0.0.1",
            "[::1]:8080",
            "[::1]",
            "localhost:8080",
            "LOCALHOST",
            "a.localhost:1",
        ] {
            assert_eq!(verdict(&[("host", host.as_bytes())], true), Ok(()), "{host}");
        }
        for host in [
            "",
            "evil.example:8080",
            "localhost.evil.example",
            "evil-localhost",
            "[::1",
            "[evil]",
            "::1",
            "[::1]evil",
            "localhost:x",
        ] {
            assert_eq!(
                verdict(&[("host", host.as_bytes())], true),
                Err(Foreign::Host(host.to_owned())),
                "{host}"
            );
        }
        assert_eq!(verdict(&[], true), Err(Foreign::Host(String::new())));
        assert_eq!(verdict(&[("host", b"broker.example")], false), Ok(()));
    }

    #[test]
    fn pages_of_other_sites_are_refused_everywhere() {
        let host: (&str, &[u8]) = ("host", b"localhost:8080");
        for is_loopback in [true, false] {
            let of = |header: (&str, &'static [u8])| verdict(&[host, header], is_loopback);
            assert_eq!(of(("origin", b"http://localhost:8080")), Ok(()));
            assert_eq!(of(("origin", b"https://LOCALHOST:8080")), Ok(()));
            assert_eq!(of(("sec-fetch-site", b"same-origin")), Ok(()));
            assert_eq!(of(("sec-fetch-site", b"none")), Ok(()));
            for origin in [&b"http://localhost:3000"[..], b"http://evil.example", b"null", b"", b"\xff"] {
                assert!(matches!(of(("origin", origin)), Err(Foreign::Origin(_))), "{origin:?}");
            }
            for site in [&b"cross-site"[..], b"same-site"] {
                assert!(matches!(of(("sec-fetch-site", site)), Err(Foreign::Origin(_))), "{site:?}");
            }
        }
    }
}
