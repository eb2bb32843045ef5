//! Addresses of AMQP brokers: `amqp://USER:PASSWORD@HOST:PORT/VHOST`.
//!
//! Apart because they are typed by people: what is left out has RabbitMQ's defaults, and escapes are undone.

use anyhow::{Context as _, bail};
use percent_encoding::percent_decode_str;

/// The port of AMQP.
const PORT: u16 = 5672;

/// An address, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AmqpUrl {
    pub(super) user: String,
    pub(super) password: String,
    pub(super) host: String,
    pub(super) port: u16,
    /// `None`: none is named.
    pub(super) vhost: Option<String>,
}

impl AmqpUrl {
    /// Reads an address.
    pub(super) fn parse(text: &str) -> anyhow::Result<AmqpUrl> {
        if text.starts_with("amqps://") {
            bail!("amqps:// is not spoken here: give an address of the broker without TLS");
        }
        let rest = text.strip_prefix("amqp://");
        let rest = rest.context("an address like amqp://user:password@host:5672/vhost is needed")?;
        let (authority, vhost) = match rest.split_once('/') {
            Some((authority, vhost)) => (authority, Some(vhost)),
            None => (rest, None),
        };
        let (credential, place) = authority.rsplit_once('@').unwrap_or(("guest:guest", authority));
        let (user, password) = credential.split_once(':').unwrap_or((credential, ""));
        let place: http::uri::Authority = place.parse().context("the address names no host")?;
        let decode = |text: &str| -> anyhow::Result<String> {
            Ok(percent_decode_str(text).decode_utf8().context("the address is not UTF-8")?.into_owned())
        };
        if place.host().is_empty() {
            bail!("the address names no host");
        }
        Ok(AmqpUrl {
            user: decode(user)?,
            password: decode(password)?,
            host: place.host().to_owned(),
            port: place.port_u16().unwrap_or(PORT),
            vhost: vhost.filter(|vhost| !vhost.is_empty()).map(decode).transpose()?,
        })
    }

    /// Host and port, as a socket is opened with.
    pub(super) fn place(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_has_defaults_and_escapes_are_undone() {
        let full = AmqpUrl::parse("amqp://us%40er:p%3Aw@rabbit:5673/%2F").unwrap();
        assert_eq!((&*full.user, &*full.password, &*full.place()), ("us@er", "p:w", "rabbit:5673"));
        assert_eq!(full.vhost.as_deref(), Some("/"));
        let short = AmqpUrl::parse("amqp://rabbit").unwrap();
        assert_eq!((&*short.user, &*short.place(), short.vhost), ("guest", "rabbit:5672", None));
        assert_eq!(AmqpUrl::parse("amqp://[::1]:7/").unwrap().place(), "[::1]:7");
        for wrong in ["rabbit", "http://rabbit", "amqps://rabbit", "amqp://", "amqp://a b"] {
            assert!(AmqpUrl::parse(wrong).is_err(), "{wrong}");
        }
    }
}
