//! What the service manager is told: that the broker is ready, reads its settings again, stops.
//!
//! Apart because it is the protocol of systemd's `Type=notify` (`sd_notify(3)`): lines of text in a datagram to the socket that
//! `NOTIFY_SOCKET` names. Without that variable nobody is told anything.

use anyhow::Context;
use std::ffi::{OsStr, OsString};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// The variable that names the socket.
const SOCKET: &str = "NOTIFY_SOCKET";

/// The service manager, if there is one.
#[derive(Debug)]
pub(crate) struct Notify(Option<(UnixDatagram, SocketAddr)>);

impl Notify {
    /// The one that has started this process. `env` looks up environment variables.
    ///
    /// # Errors
    /// One sentence: the variable names no socket.
    pub(crate) fn find(env: impl Fn(&str) -> Option<OsString>) -> anyhow::Result<Notify> {
        let Some(name) = env(SOCKET).filter(|name| !name.is_empty()) else { return Ok(Notify(None)) };
        let address = address(&name).with_context(|| format!("{SOCKET} {} is no socket", name.display()))?;
        let socket = UnixDatagram::unbound().context("the service manager cannot be told anything")?;
        Ok(Notify(Some((socket, address))))
    }

    /// The broker serves.
    pub(crate) fn ready(&self) {
        self.tell("READY=1\nSTATUS=serving");
    }

    /// The settings are being read again, since a moment of the monotonic clock in microseconds.
    pub(crate) fn reloading(&self, monotonic_micros: u128) {
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={monotonic_micros}"));
    }

    /// The settings were read again; what came of it, in a few words.
    pub(crate) fn reloaded(&self, status: &str) {
        self.tell(&format!("READY=1\nSTATUS={status}"));
    }

    /// The broker stops.
    pub(crate) fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=stopping");
    }

    fn tell(&self, text: &str) {
        let Some((socket, address)) = &self.0 else { return };
        if let Err(error) = socket.send_to_addr(text.as_bytes(), address) {
            tracing::warn!(%error, "the service manager cannot be told how the broker is");
        }
    }
}

/// A path, or behind `@` a name in the abstract namespace.
fn address(name: &OsStr) -> std::io::Result<SocketAddr> {
    match name.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
        _ => SocketAddr::from_pathname(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(receiver: &UnixDatagram) -> String {
        let mut text = [0; 256];
        let bytes = receiver.recv(&mut text).unwrap();
        String::from_utf8(text[..bytes].to_vec()).unwrap()
    }

    #[test]
    fn whoever_is_named_is_told_by_path_and_by_name() {
        let path = std::env::temp_dir().join(format!("millstream-notify-{}", std::process::id()));
        let name = format!("@millstream-notify-{}", std::process::id());
        let receivers = [
            (path.clone().into_os_string(), UnixDatagram::bind(&path).unwrap()),
            (OsString::from(&name), UnixDatagram::bind_addr(&address(OsStr::new(&name)).unwrap()).unwrap()),
        ];
        for (value, receiver) in receivers {
            let notify =
                Notify::find(|variable| (variable == "NOTIFY_SOCKET").then(|| value.clone())).unwrap();
            notify.ready();
            assert_eq!(told(&receiver), "READY=1\nSTATUS=serving");
            notify.reloading(7);
            assert_eq!(told(&receiver), "RELOADING=1\nMONOTONIC_USEC=7");
        }
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn without_a_service_manager_nobody_is_told() {
        for value in [None, Some(OsString::new())] {
            let notify = Notify::find(|_| value.clone()).unwrap();
            notify.ready();
            assert!(notify.0.is_none());
        }
        assert!(Notify::find(|_| Some("/x".repeat(200).into())).is_err());
    }
}
