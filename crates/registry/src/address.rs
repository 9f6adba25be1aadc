//! Hosts and addresses: which API host a registry has, and how near an address is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// The host in references of Docker Hub.
pub(crate) const DOCKER_HUB: &str = "docker.io";

/// Returns the host that speaks the protocol for a registry.
pub(crate) fn api_host(registry: &str) -> &str {
    if registry == DOCKER_HUB {
        "registry-1.docker.io"
    } else {
        registry
    }
}

/// Returns a URL's `host` or `host:port`, fit for messages and comparisons.
pub(crate) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// How near an address is: what the outside world must not be able to make us ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// This computer.
    Loopback,
    /// This network segment; 169.254.169.254 is where clouds keep credentials.
    Link,
    /// A private network.
    Private,
    /// A name, or an address of the Internet.
    Public,
}

/// Tells how near a URL's host is, as far as its text says. Names are not looked up.
pub(crate) fn reach(url: &Url) -> Reach {
    match url.host() {
        // The parser has already turned 0x7f.1, 2130706433 and the like into an address.
        Some(Host::Ipv4(address)) => ip_reach(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => ip_reach(IpAddr::V6(address)),
        Some(Host::Domain(name)) => {
            let name = name.strip_suffix('.').unwrap_or(name);
            if name == "localhost" || name.ends_with(".localhost") {
                Reach::Loopback
            } else {
                Reach::Public
            }
        }
        None => Reach::Public,
    }
}

fn ip_reach(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(address) => v4_reach(address),
        IpAddr::V6(address) => v6_reach(address),
    }
}

fn v4_reach(address: Ipv4Addr) -> Reach {
    let [first, second, ..] = address.octets();
    // Linux takes 0.0.0.0/8 for this computer.
    if address.is_loopback() || first == 0 {
        Reach::Loopback
    } else if address.is_link_local() {
        Reach::Link
    } else if address.is_private() || (first == 100 && (64..128).contains(&second)) {
        Reach::Private
    } else {
        Reach::Public
    }
}

fn v6_reach(address: Ipv6Addr) -> Reach {
    if address.is_loopback() || address.is_unspecified() {
        return Reach::Loopback;
    }
    let segments = address.segments();
    // ::ffff:a.b.c.d, ::a.b.c.d and 64:ff9b::a.b.c.d all end at the IPv4 address inside.
    let embedded = matches!(
        segments,
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..]
    );
    if embedded {
        let [.., a, b, c, d] = address.octets();
        return v4_reach(Ipv4Addr::new(a, b, c, d));
    }
    if address.is_unicast_link_local() {
        Reach::Link
    } else if address.is_unique_local() {
        Reach::Private
    } else {
        Reach::Public
    }
}

/// Tells whether a registry's host, as in references, is this computer.
pub(crate) fn is_loopback(registry: &str) -> bool {
    Url::parse(&format!("http://{registry}/")).is_ok_and(|url| reach(&url) == Reach::Loopback)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disguised_addresses_are_seen_through() {
        for (url, expected) in [
            ("http://localhost/", Reach::Loopback),
            ("http://LOCALHOST.:80/", Reach::Loopback),
            ("http://a.localhost/", Reach::Loopback),
            ("http://127.8.9.1/", Reach::Loopback),
            ("http://2130706433/", Reach::Loopback),
            ("http://0/", Reach::Loopback),
            ("http://[::1]/", Reach::Loopback),
            ("http://[::ffff:127.0.0.1]/", Reach::Loopback),
            ("http://169.254.169.254/", Reach::Link),
            ("http://2852039166/", Reach::Link),
            ("http://0xa9.0xfe.0xa9.0xfe/", Reach::Link),
            ("http://[::ffff:a9fe:a9fe]/", Reach::Link),
            ("http://[64:ff9b::a9fe:a9fe]/", Reach::Link),
            ("http://[fe80::1]/", Reach::Link),
            ("http://10.1.2.3/", Reach::Private),
            ("http://192.168.1.1/", Reach::Private),
            ("http://100.64.0.1/", Reach::Private),
            ("http://[fd00::1]/", Reach::Private),
            ("http://localhost.example.com/", Reach::Public),
            ("http://8.8.8.8/", Reach::Public),
        ] {
            let url = Url::parse(url).expect("parses");
            assert_eq!(reach(&url), expected, "{url}");
        }
    }
}
