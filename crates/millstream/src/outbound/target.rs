//! Where a request goes, and where it may.
//!
//! Apart because a broker stands where its callers do not: a target must not become a way into the machine or the network
//! beside it. What counts is the address that is connected to, not the name that was given for it, so names are looked up once and
//! the addresses are judged.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};

/// An address: `http://HOST[:PORT][/PATH]`, or the same with `https`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// It is `https`.
    pub(crate) is_tls: bool,
    host: String,
    port: u16,
    /// Path and query.
    pub(crate) path: String,
}

/// Networks that may be reached although they are not public.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Allowed(Vec<Network>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    bits: u8,
}

impl Target {
    /// Reads an address.
    ///
    /// # Errors
    /// What is wrong with it, in a sentence.
    pub(crate) fn parse(text: &str) -> Result<Target, String> {
        let wrong = || format!("{text:?} is not an address like http://host:8000/path");
        let uri: http::Uri = text.parse().map_err(|_| wrong())?;
        let is_tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(format!("{text:?} must begin with http:// or https://")),
        };
        let authority = uri.authority().ok_or_else(wrong)?;
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(wrong());
        }
        let port = match (authority.port_u16(), authority.as_str().len() > authority.host().len()) {
            (Some(port), _) => port,
            (None, false) => {
                if is_tls {
                    443
                } else {
                    80
                }
            }
            (None, true) => return Err(wrong()),
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        Ok(Target { is_tls, host: authority.host().to_owned(), port, path })
    }

    /// With another path, where none was given.
    pub(crate) fn or_path(mut self, path: &str) -> Target {
        if self.path == "/" {
            path.clone_into(&mut self.path);
        }
        self
    }

    /// As it stands in a request's header.
    pub(crate) fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The name, or the address, that a certificate has to be for.
    pub(crate) fn name(&self) -> String {
        self.host.trim_start_matches('[').trim_end_matches(']').to_owned()
    }

    /// Its addresses, whatever they are. Waits for the resolver.
    ///
    /// # Errors
    /// Why there is none, in a sentence.
    pub(crate) fn any_addresses(&self) -> Result<Vec<SocketAddr>, String> {
        let host = self.name();
        let found = (host.as_str(), self.port).to_socket_addrs();
        Ok(found.map_err(|error| format!("{host} is not found: {error}"))?.collect())
    }

    /// Those of its addresses that may be connected to. Waits for the resolver.
    ///
    /// # Errors
    /// Why there is none, in a sentence.
    pub(crate) fn addresses(&self, allowed: &Allowed) -> Result<Vec<SocketAddr>, String> {
        let (host, found) = (&self.host, self.any_addresses()?);
        let good: Vec<SocketAddr> = found.iter().copied().filter(|addr| allowed.permits(addr.ip())).collect();
        match (good.is_empty(), found.first()) {
            (false, _) => Ok(good),
            (true, Some(addr)) => {
                Err(format!("{host} is at {}, which is not public and not in alarm_webhook_allow", addr.ip()))
            }
            (true, None) => Err(format!("{host} has no address")),
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.is_tls { "https" } else { "http" };
        write!(f, "{scheme}://{}:{}{}", self.host, self.port, self.path)
    }
}

impl Allowed {
    /// Reads networks with commas between them, like `127.0.0.1, 10.0.0.0/8`.
    ///
    /// # Errors
    /// Which of them is none, in a sentence.
    pub(crate) fn parse(text: &str) -> Result<Allowed, String> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let network = |part: &str| {
            let wrong = || format!("{part:?} is not a network like 10.0.0.0/8 or an address");
            let (address, bits) =
                part.split_once('/').map_or((part, None), |(address, bits)| (address, Some(bits)));
            let address: IpAddr = address.parse().map_err(|_| wrong())?;
            let most = if address.is_ipv4() { 32 } else { 128 };
            let bits = bits.map_or(Ok(most), |bits| bits.parse().map_err(|_| wrong()))?;
            if bits > most { Err(wrong()) } else { Ok(Network { address, bits }) }
        };
        parts.map(network).collect::<Result<_, _>>().map(Allowed)
    }

    /// Whether an address may be connected to.
    fn permits(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        // Where clouds keep the credentials of their machines: nothing there is ever a webhook.
        if is_link_local(ip) || ip.is_unspecified() || ip.is_multicast() {
            return false;
        }
        is_public(ip) || self.0.iter().any(|network| network.contains(ip))
    }
}

impl std::fmt::Display for Allowed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, Network { address, bits }) in self.0.iter().enumerate() {
            write!(f, "{}{address}/{bits}", if index > 0 { "," } else { "" })?;
        }
        Ok(())
    }
}

impl Network {
    fn contains(self, ip: IpAddr) -> bool {
        match (self.address, ip) {
            (IpAddr::V4(own), IpAddr::V4(ip)) => {
                same_bits(own.to_bits().into(), ip.to_bits().into(), 32 - self.bits)
            }
            (IpAddr::V6(own), IpAddr::V6(ip)) => same_bits(own.to_bits(), ip.to_bits(), 128 - self.bits),
            _ => false,
        }
    }
}

fn same_bits(one: u128, other: u128, without: u8) -> bool {
    one.checked_shr(without.into()).unwrap_or(0) == other.checked_shr(without.into()).unwrap_or(0)
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => {
            let first = ip.segments()[0];
            // Addresses that carry one of the older kind in them are judged by that one.
            let carried = match ip.segments() {
                [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
                    Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
                }
                _ => None,
            };
            !ip.is_loopback() && first & 0xe000 == 0x2000 && carried.is_none_or(is_public_v4)
                || carried.is_some_and(is_public_v4)
        }
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, ..] = ip.octets();
    let is_shared = a == 100 && (64..128).contains(&b);
    let is_benchmark = a == 198 && (b == 18 || b == 19);
    !(a == 0
        || a >= 224
        || ip.is_loopback()
        || ip.is_private()
        || ip.is_link_local()
        || ip.is_documentation()
        || is_shared
        || is_benchmark)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_what_is_none_is_refused() {
        let target = Target::parse("http://hooks.example:8000/a?b=c").unwrap();
        assert_eq!((target.authority().as_str(), target.path.as_str()), ("hooks.example:8000", "/a?b=c"));
        assert_eq!(Target::parse("http://hooks.example").unwrap().to_string(), "http://hooks.example:80/");
        assert_eq!(
            Target::parse("https://hooks.example/a").unwrap().to_string(),
            "https://hooks.example:443/a"
        );
        assert_eq!(Target::parse("https://[::1]:8443/").unwrap().name(), "::1");
        for wrong in
            ["", "hooks", "httpx://a/", "http://", "http://u:p@a/", "http://a:x/", "ftp://a/", "http://a b/"]
        {
            assert!(Target::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_public_addresses_are_reached_unless_others_are_allowed() {
        let none = Allowed::default();
        let permits = |allowed: &Allowed, ip: &str| allowed.permits(ip.parse().unwrap());
        for public in
            ["1.1.1.1", "8.8.8.8", "100.63.0.1", "172.32.0.1", "2606:4700::1111", "64:ff9b::808:808"]
        {
            assert!(permits(&none, public), "{public}");
        }
        let local = [
            "127.0.0.1",
            "::1",
            "::ffff:127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "0.1.2.3",
            "fd00:ec2::254",
            "fec0::1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "198.18.0.1",
            "240.0.0.1",
            "::7f00:1",
        ];
        for local in local {
            assert!(!permits(&none, local), "{local}");
        }
        let some = Allowed::parse("127.0.0.1, 10.0.0.0/8,::1").unwrap();
        assert_eq!(some.to_string(), "127.0.0.1/32,10.0.0.0/8,::1/128");
        for allowed in ["127.0.0.1", "::ffff:127.0.0.1", "10.255.0.1", "::1"] {
            assert!(permits(&some, allowed), "{allowed}");
        }
        for other in ["127.0.0.2", "192.168.0.1", "fe80::1"] {
            assert!(!permits(&some, other), "{other}");
        }
        let all = Allowed::parse("0.0.0.0/0,::/0").unwrap();
        for never in
            ["169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "0.0.0.0", "224.0.0.1", "ff02::1"]
        {
            assert!(!permits(&all, never), "{never}");
        }
        assert!(permits(&all, "192.168.0.1") && permits(&all, "fd00::1"));
        for wrong in ["10.0.0.0/33", "10", "a", "::/129", "10.0.0.0/x"] {
            assert!(Allowed::parse(wrong).is_err(), "{wrong}");
        }
    }
}
