//! The beginning of a connection: protocol header, credentials, limits, virtual host.
//!
//! Apart because nothing of it comes again, and because whoever is in it has not said who it is: frames are small, time
//! is short, and nothing is kept.
//!
//! ```text
//! header ─► start ─► start-ok ─► tune ─► tune-ok ─► open ─► open-ok
//! ```

use super::connection::{Capabilities, Connection};
use crate::codec::{Long, Method, PROTOCOL_HEADER, PROTOCOL_HEADER_OLD, Table, TableBuilder, Value};
use crate::errors::{Code, Fault};
use crate::limits::{CHANNEL_MAX, CLIENT_BYTES_MAX, FRAME_BYTES_MIN, FRAME_BYTES_OFFERED, HEARTBEAT_SECONDS};
use millstream_types::Namespace;

/// Ways to say who one is, separated by spaces.
const MECHANISMS: &str = "AMQPLAIN PLAIN";
/// What clients are told that they can do here, under the names that they look for.
const CAPABILITIES: [&str; 9] = [
    "publisher_confirms",
    "exchange_exchange_bindings",
    "basic.nack",
    "consumer_cancel_notify",
    "connection.blocked",
    "consumer_priorities",
    "authentication_failure_close",
    "per_consumer_qos",
    "direct_reply_to",
];
/// The broker that clients take this one for: they decide by the version how prefetch is meant.
const PRODUCT: &str = "RabbitMQ";
pub(crate) const PRODUCT_VERSION: &str = "3.13.7";

/// Whether the first bytes of a connection are the protocol's.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Beginning {
    /// More of them are needed.
    Unknown,
    /// They are.
    Ours,
    /// They are not: why, for the log.
    Foreign(&'static str),
}

/// Looks at the first bytes.
pub(crate) fn beginning(input: &[u8]) -> Beginning {
    let Some(header) = input.first_chunk::<8>() else {
        let could_be = [PROTOCOL_HEADER, PROTOCOL_HEADER_OLD].iter().any(|header| header.starts_with(input));
        return if could_be { Beginning::Unknown } else { Beginning::Foreign(guess(input)) };
    };
    if *header == PROTOCOL_HEADER || *header == PROTOCOL_HEADER_OLD {
        return Beginning::Ours;
    }
    Beginning::Foreign(guess(input))
}

fn guess(input: &[u8]) -> &'static str {
    let begins = |with: &[u8]| input.starts_with(with) || with.starts_with(input) && !input.is_empty();
    if [&b"GET "[..], b"POST ", b"HEAD ", b"PUT "].into_iter().any(begins) {
        "an HTTP request on the port for AMQP"
    } else if begins(&[0x16, 0x03]) {
        "a TLS handshake on the port for AMQP, which is not encrypted"
    } else if begins(b"AMQP") {
        "a version of AMQP that is not served: 0-9-1 is"
    } else {
        "bytes that are not AMQP"
    }
}

/// Says what the broker is.
pub(crate) fn start(cx: &mut Connection) {
    let mut capabilities = TableBuilder::default();
    for name in CAPABILITIES {
        capabilities.put(name, Value::Bool(true));
    }
    let platform = format!("Millstream {}", cx.options.version);
    let cluster = format!("millstream@{:x}", cx.backend.cluster_id());
    let text = |text: &'static str| Value::Long(text.as_bytes());
    let mut properties = TableBuilder::default();
    properties
        .put("capabilities", Value::Table(capabilities.table()))
        .put("cluster_name", Value::Long(cluster.as_bytes()))
        .put("copyright", text("Apache License 2.0"))
        .put("information", text("Millstream, speaking AMQP 0-9-1 as RabbitMQ does"))
        .put("platform", Value::Long(platform.as_bytes()))
        .put("product", text(PRODUCT))
        .put("version", text(PRODUCT_VERSION));
    let start = Method::ConnectionStart {
        version_major: 0,
        version_minor: 9,
        server_properties: properties.table(),
        mechanisms: Long(MECHANISMS.as_bytes()),
        locales: Long(b"en_US"),
    };
    cx.out.method(0, &start);
}

/// Why a client may not come in.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Its credentials: it is told if it understands that, and has to wait otherwise.
    Credentials(Fault),
    /// Anything else.
    Fault(Fault),
}

/// Looks who it is, and offers limits.
pub(crate) fn start_ok(
    cx: &mut Connection,
    client: Table<'_>,
    mechanism: &str,
    response: &[u8],
) -> Result<(), Refusal> {
    if let Some(Value::Table(known)) = client.find("capabilities") {
        let has = |name: &str| known.find(name) == Some(Value::Bool(true));
        cx.capabilities = Capabilities {
            cancel_notify: has("consumer_cancel_notify"),
            blocked: has("connection.blocked"),
            close_on_refusal: has("authentication_failure_close"),
        };
    }
    let user = match mechanism {
        "PLAIN" => plain(response),
        "AMQPLAIN" => amqplain(response),
        other => {
            let text = format!("unknown authentication mechanism '{other}'");
            return Err(Refusal::Fault(Fault::new(Code::COMMAND_INVALID, text)));
        }
    };
    let Some(user) = user else {
        let text = format!(
            "Login was refused using authentication mechanism {mechanism}. For details see the broker logfile."
        );
        return Err(Refusal::Credentials(Fault::new(Code::ACCESS_REFUSED, text)));
    };
    cx.client = if client.bytes().len() <= CLIENT_BYTES_MAX { client.bytes().into() } else { [].into() };
    cx.mechanism = if mechanism == "PLAIN" { "PLAIN" } else { "AMQPLAIN" };
    // While there are no users every one is the local principal (R20); the name is what messages may carry.
    cx.user = user.into();
    let tune = Method::ConnectionTune {
        channel_max: CHANNEL_MAX,
        frame_max: FRAME_BYTES_OFFERED,
        heartbeat: HEARTBEAT_SECONDS,
    };
    cx.out.method(0, &tune);
    Ok(())
}

/// The user of `identity NUL user NUL password`.
fn plain(response: &[u8]) -> Option<&str> {
    let mut parts = response.splitn(3, |byte| *byte == 0);
    let (_identity, user, _password) = (parts.next()?, parts.next()?, parts.next()?);
    core::str::from_utf8(user).ok().filter(|user| !user.is_empty() && user.len() <= 255)
}

/// The user of a table with `LOGIN` and `PASSWORD`.
fn amqplain(response: &[u8]) -> Option<&str> {
    let table = Table::of(response).ok()?;
    table.find("PASSWORD")?;
    table.find("LOGIN")?.as_text().filter(|user| !user.is_empty() && user.len() <= 255)
}

/// Takes the limits that the client chose; returns the seconds between heartbeats.
///
/// # Errors
/// When they are beyond what was offered. 0 means as much as that.
pub(crate) fn tune_ok(
    cx: &mut Connection,
    channel_max: u16,
    frame_max: u32,
    heartbeat: u16,
) -> Result<u16, Fault> {
    let above = |name: &str, value: u32, max: u32| {
        let text = format!("negotiated {name} = {value} is higher than the maximum allowed value ({max})");
        Fault::new(Code::NOT_ALLOWED, text)
    };
    if channel_max > CHANNEL_MAX {
        return Err(above("channel_max", channel_max.into(), CHANNEL_MAX.into()));
    }
    if frame_max > FRAME_BYTES_OFFERED {
        return Err(above("frame_max", frame_max, FRAME_BYTES_OFFERED));
    }
    if frame_max != 0 && frame_max < FRAME_BYTES_MIN {
        let text = format!(
            "negotiated frame_max = {frame_max} is lower than the minimum allowed value ({FRAME_BYTES_MIN})"
        );
        return Err(Fault::new(Code::NOT_ALLOWED, text));
    }
    cx.channel_max = if channel_max == 0 { CHANNEL_MAX } else { channel_max };
    cx.frame_max = if frame_max == 0 { FRAME_BYTES_OFFERED } else { frame_max };
    Ok(heartbeat)
}

/// Enters a virtual host.
///
/// # Errors
/// When there is none of the name.
pub(crate) fn open(cx: &mut Connection, vhost: &str) -> Result<(), Fault> {
    let namespace = match vhost {
        "/" => Some(Namespace::DEFAULT),
        name => cx.backend.namespace(name),
    };
    cx.namespace =
        namespace.ok_or_else(|| Fault::new(Code::NOT_ALLOWED, format!("vhost {vhost} not found")))?;
    cx.vhost = vhost.into();
    cx.out.method(0, &Method::ConnectionOpenOk { known_hosts: "" });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_are_told_apart_as_soon_as_they_differ() {
        assert_eq!(beginning(b""), Beginning::Unknown);
        assert_eq!(beginning(b"AMQP\x00\x00"), Beginning::Unknown);
        assert_eq!(beginning(&PROTOCOL_HEADER), Beginning::Ours);
        assert_eq!(beginning(&PROTOCOL_HEADER_OLD), Beginning::Ours);
        for (bytes, word) in [
            (&b"GET / HTTP/1.1\r\n"[..], "HTTP"),
            (b"G", "HTTP"),
            (b"\x16\x03\x01\x02\x00\x01\x00\x01", "TLS"),
            (b"AMQP\x00\x01\x00\x00", "version"),
            (b"AMQP\x03", "version"),
            (b"\x00\x00\x00\x01", "not AMQP"),
        ] {
            let Beginning::Foreign(why) = beginning(bytes) else { panic!("{bytes:?}") };
            assert!(why.contains(word), "{bytes:?}: {why}");
        }
    }

    #[test]
    fn users_are_read_from_both_mechanisms() {
        assert_eq!(plain(b"\0guest\0guest"), Some("guest"));
        assert_eq!(plain(b"other\0user\0pass\0word"), Some("user"));
        for wrong in [&b""[..], b"guest", b"\0guest", b"\0\0password", b"\0\xff\0password"] {
            assert_eq!(plain(wrong), None, "{wrong:?}");
        }
        let mut table = TableBuilder::default();
        table.put("LOGIN", Value::Long(b"guest"));
        assert_eq!(amqplain(table.table().bytes()), None, "no password");
        table.put("PASSWORD", Value::Long(b"guest"));
        assert_eq!(amqplain(table.table().bytes()), Some("guest"));
        assert_eq!(amqplain(b"\x05LOGIN"), None);
    }
}
