//! The only place in Sealgate that connects.
//!
//! Guards against being talked into the inside of the house: what a stranger's DNS names is dialled only where it is
//! a public address, or where the configuration names the network. Not here: names (`names.rs`), TLS (`keys::peer`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;

/// A network: any address in it, and the length of its prefix in bits.
pub type Network = (IpAddr, u8);

/// Why no connection was made. Names no address: an address may be all that tells who was written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DialError {
    /// A loopback, private, link-local, metadata, multicast or otherwise special address.
    #[error("the address is not a public one; name its network under the outbound settings if it is meant")]
    NotAllowed,
    /// No answer in time.
    #[error("no answer in time")]
    TimedOut,
    /// The operating system said no.
    #[error("the connection failed ({0})")]
    Failed(std::io::ErrorKind),
}

/// Connects, within a time and to allowed addresses only. Cheap to clone.
#[derive(Clone)]
pub struct Dial(Arc<Rules>);

struct Rules {
    timeout: Duration,
    allowed: Vec<Network>,
    fixed: Vec<SocketAddr>,
}

impl Dial {
    /// Dials public addresses, those in `allowed`, and the addresses that `fixed` routes name, each for at most `timeout`.
    #[must_use]
    pub fn new(timeout: Duration, allowed: Vec<Network>, fixed: Vec<SocketAddr>) -> Self {
        Self(Arc::new(Rules { timeout, allowed, fixed }))
    }

    /// Connects, without Nagle's delay.
    ///
    /// # Errors
    /// [`DialError::NotAllowed`] before a packet is sent; else what the network did.
    pub async fn connect(&self, address: SocketAddr) -> Result<TcpStream, DialError> {
        if !self.allows(address) {
            return Err(DialError::NotAllowed);
        }
        let stream = tokio::time::timeout(self.0.timeout, TcpStream::connect(address))
            .await
            .map_err(|_elapsed| DialError::TimedOut)?
            .map_err(|error| DialError::Failed(error.kind()))?;
        // Small writes follow the TLS tickets: Nagle and delayed acknowledgements would cost 40 ms a letter.
        stream.set_nodelay(true).map_err(|error| DialError::Failed(error.kind()))?;
        Ok(stream)
    }

    fn allows(&self, address: SocketAddr) -> bool {
        let ip = address.ip();
        self.0.fixed.contains(&address) || self.0.allowed.iter().any(|&network| holds(network, ip)) || is_public(ip)
    }
}

/// Networks that no stranger's DNS may lead us into (IANA special-purpose registries, RFC 6890).
const SPECIAL: [Network; 20] = [
    v4([0, 0, 0, 0], 8),
    v4([10, 0, 0, 0], 8),
    v4([100, 64, 0, 0], 10),
    v4([127, 0, 0, 0], 8),
    v4([169, 254, 0, 0], 16),
    v4([172, 16, 0, 0], 12),
    v4([192, 0, 0, 0], 24),
    v4([192, 0, 2, 0], 24),
    v4([192, 88, 99, 0], 24),
    v4([192, 168, 0, 0], 16),
    v4([198, 18, 0, 0], 15),
    v4([198, 51, 100, 0], 24),
    v4([203, 0, 113, 0], 24),
    v4([224, 0, 0, 0], 4),
    v4([240, 0, 0, 0], 4),
    // Within 2000::/3; all other IPv6 space is special already.
    v6([0x2001, 0], 23),
    v6([0x2001, 0x0db8], 32),
    v6([0x2002, 0], 16),
    v6([0x3ffe, 0], 16),
    v6([0x3fff, 0], 20),
];

/// IPv6 global unicast. IPv4-mapped, NAT64, unique-local, link-local and multicast addresses lie outside it.
const GLOBAL_V6: Network = v6([0x2000, 0], 3);

fn is_public(ip: IpAddr) -> bool {
    (ip.is_ipv4() || holds(GLOBAL_V6, ip)) && !SPECIAL.iter().any(|&network| holds(network, ip))
}

fn holds((network, length): Network, ip: IpAddr) -> bool {
    let differing = match (network, ip) {
        (IpAddr::V4(network), IpAddr::V4(ip)) => u128::from(network.to_bits() ^ ip.to_bits()) << 96,
        (IpAddr::V6(network), IpAddr::V6(ip)) => network.to_bits() ^ ip.to_bits(),
        _ => return false,
    };
    let longest = if ip.is_ipv4() { 32 } else { 128 };
    length <= longest && differing.leading_zeros() >= u32::from(length)
}

const fn v4([a, b, c, d]: [u8; 4], length: u8) -> Network {
    (IpAddr::V4(Ipv4Addr::new(a, b, c, d)), length)
}

const fn v6([a, b]: [u16; 2], length: u8) -> Network {
    (IpAddr::V6(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0)), length)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]

    use super::*;

    fn check(address: &str, allowed: &[&str], expected: bool) {
        let networks = allowed
            .iter()
            .map(|text| {
                let (ip, length) = text.split_once('/').unwrap();
                (ip.parse().unwrap(), length.parse().unwrap())
            })
            .collect();
        let dial = Dial::new(Duration::from_secs(1), networks, vec!["127.0.0.9:2525".parse().unwrap()]);
        assert_eq!(dial.allows(address.parse().unwrap()), expected, "{address} with {allowed:?}");
    }

    #[test]
    fn only_public_named_and_fixed_addresses_are_dialled() {
        for address in ["8.8.8.8:25", "100.128.0.1:25", "172.32.0.1:25", "[2a00:1450::1]:25", "[2620:fe::fe]:25"] {
            check(address, &[], true);
        }
        for address in [
            "0.0.0.0:25",
            "10.1.2.3:25",
            "100.64.0.1:25",
            "127.0.0.1:25",
            "127.255.255.254:25",
            "169.254.169.254:80",
            "172.16.0.1:25",
            "172.31.255.255:25",
            "192.168.1.1:25",
            "198.19.0.1:25",
            "224.0.0.1:25",
            "255.255.255.255:25",
            "[::]:25",
            "[::1]:25",
            "[::127.0.0.1]:25",
            "[::ffff:8.8.8.8]:25",
            "[::ffff:127.0.0.1]:25",
            "[64:ff9b::a00:1]:25",
            "[2002:7f00:1::]:25",
            "[2001:db8::1]:25",
            "[2001:0:1::1]:25",
            "[fc00::1]:25",
            "[fd00:ec2::254]:80",
            "[fe80::1]:25",
            "[ff02::1]:25",
        ] {
            check(address, &[], false);
        }
        check("10.1.2.3:25", &["10.1.0.0/16"], true);
        check("10.2.2.3:25", &["10.1.0.0/16"], false);
        check("[fd12::1]:25", &["fd12::/16"], true);
        check("[::ffff:10.1.2.3]:25", &["10.1.0.0/16"], false);
        check("127.0.0.9:2525", &[], true);
        check("127.0.0.9:25", &[], false);
        check("10.1.2.3:25", &["::/0"], false);
        check("10.1.2.3:25", &["10.0.0.0/33"], false);
    }

    #[tokio::test]
    async fn a_refused_port_is_an_error_and_a_special_address_is_never_dialled() {
        let open = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = open.local_addr().unwrap();
        let guarded = Dial::new(Duration::from_secs(5), vec![], vec![]);
        assert_eq!(guarded.connect(address).await.err(), Some(DialError::NotAllowed));
        let fixed = Dial::new(Duration::from_secs(5), vec![], vec![address]);
        assert!(fixed.connect(address).await.unwrap().nodelay().unwrap());
        drop(open);
        assert_eq!(fixed.connect(address).await.err(), Some(DialError::Failed(std::io::ErrorKind::ConnectionRefused)));
    }
}
