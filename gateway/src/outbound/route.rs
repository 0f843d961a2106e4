//! Where a domain's mail goes: fixed routes of the configuration first, else the DNS (RFC 5321 §5.1).
//!
//! Not here: whether a host may be trusted (`keys::peer`), and connecting to it (`dial.rs`).

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use futures_util::future::join_all;
use policy::Domain;

use super::diagnosis::{Diagnosis, Obstacle};
use super::names::{Mx, MxAnswer, Names, NamesError};
use crate::dice::Dice;

/// Most hosts that are tried for one domain.
const HOSTS_MAX: usize = 10;
/// Most addresses that are tried for one host.
const ADDRESSES_MAX: usize = 8;
/// Mail between servers (RFC 5321 §4.5.4.2).
const SMTP_PORT: u16 = 25;

/// How TLS begins with a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// By STARTTLS (RFC 3207).
    Starttls,
    /// At once (RFC 8314).
    Implicit,
}

/// A route that the configuration fixes for a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixedRoute {
    /// The host: what its certificate must name.
    pub host: Domain,
    /// Its port.
    pub port: u16,
    /// Its address, in place of a look-up. It may be dialled even where its network is not a public one.
    pub address: Option<IpAddr>,
    /// How TLS begins.
    pub tls: Tls,
}

/// A host that may take the mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// The host: what its certificate must name.
    pub host: Domain,
    /// Its port.
    pub port: u16,
    /// Where it is; never empty.
    pub addresses: Vec<SocketAddr>,
    /// How TLS begins.
    pub tls: Tls,
}

/// Why there is no route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRoute {
    /// The domain takes no mail (RFC 7505): refuse at once, 5.1.10.
    #[error("the domain says that it takes no mail")]
    NullMx,
    /// Neither MX nor address records: refuse after the queue's life, 4.4.7.
    #[error("the domain has neither mail exchanger nor address")]
    NoMail,
    /// A look-up failed: try again.
    #[error("a look-up failed: {0}")]
    Deferred(NamesError),
    /// It leads back to this gateway: refuse, 5.4.6.
    #[error("the route leads back to this gateway")]
    Loop,
}

impl From<NoRoute> for Obstacle {
    fn from(none: NoRoute) -> Self {
        let diagnosis = match none {
            NoRoute::NullMx => Diagnosis::NullMx,
            NoRoute::NoMail => Diagnosis::NoMail,
            NoRoute::Deferred(_) => Diagnosis::NamesFailed,
            NoRoute::Loop => Diagnosis::Loop,
        };
        Self::new(diagnosis, none)
    }
}

/// Finds routes.
pub struct Router {
    names: Names,
    dice: Dice,
    fixed: BTreeMap<Domain, Vec<FixedRoute>>,
    own_name: Domain,
    own_addresses: Vec<SocketAddr>,
}

impl Router {
    /// A router with `fixed` hosts for some domains, in the order to try them in. It sends nothing to `own_name` or to one of `own_addresses`, where this gateway itself listens.
    #[must_use]
    pub const fn new(
        names: Names,
        dice: Dice,
        fixed: BTreeMap<Domain, Vec<FixedRoute>>,
        own_name: Domain,
        own_addresses: Vec<SocketAddr>,
    ) -> Self {
        Self { names, dice, fixed, own_name, own_addresses }
    }

    /// The hosts for `domain`, in the order to try them in.
    ///
    /// # Errors
    /// [`NoRoute`], which says why.
    pub async fn route(&self, domain: &Domain) -> Result<Vec<Hop>, NoRoute> {
        match self.fixed.get(domain) {
            Some(fixed) => self.along(fixed).await,
            None => self.by_dns(domain).await,
        }
    }

    async fn along(&self, fixed: &[FixedRoute]) -> Result<Vec<Hop>, NoRoute> {
        let answers = join_all(fixed.iter().map(|route| async move {
            match route.address {
                Some(address) => Ok(vec![address]),
                None => self.names.addresses(&route.host).await,
            }
        }));
        let hops = fixed.iter().map(|route| (route.host.clone(), route.port, route.tls));
        self.located(hops.zip(answers.await))
    }

    async fn by_dns(&self, domain: &Domain) -> Result<Vec<Hop>, NoRoute> {
        let hosts = match self.names.mx(domain).await.map_err(absence)? {
            MxAnswer::Null => return Err(NoRoute::NullMx),
            MxAnswer::Hosts(exchangers) => self.in_order(exchangers)?,
            // An implicit MX of preference 0 (RFC 5321 §5.1).
            MxAnswer::Unsaid if *domain == self.own_name => return Err(NoRoute::Loop),
            MxAnswer::Unsaid => vec![domain.clone()],
        };
        let answers = join_all(hosts.iter().map(|host| self.names.addresses(host))).await;
        let hops = hosts.into_iter().map(|host| (host, SMTP_PORT, Tls::Starttls));
        self.located(hops.zip(answers))
    }

    /// Hosts with their addresses. One host's failed look-up counts only where no other host is left.
    fn located(
        &self,
        answers: impl Iterator<Item = ((Domain, u16, Tls), Result<Vec<IpAddr>, NamesError>)>,
    ) -> Result<Vec<Hop>, NoRoute> {
        let mut hops = Vec::new();
        let mut failure = None;
        for ((host, port, tls), answer) in answers {
            match answer.map_err(absence) {
                Ok(addresses) => hops.push(hop(host, port, addresses, tls)),
                Err(NoRoute::Deferred(error)) => failure = Some(error),
                Err(_no_such_host) => {}
            }
        }
        match (self.usable(hops), failure) {
            (Err(NoRoute::NoMail), Some(error)) => Err(NoRoute::Deferred(error)),
            (routed, _) => routed,
        }
    }

    /// By preference; equal ones in an order thrown anew each time. If we are among them, only those before us.
    fn in_order(&self, mut exchangers: Vec<Mx>) -> Result<Vec<Domain>, NoRoute> {
        if let Some(ours) = exchangers.iter().filter(|mx| mx.host == self.own_name).map(|mx| mx.preference).min() {
            exchangers.retain(|mx| mx.preference < ours);
            if exchangers.is_empty() {
                return Err(NoRoute::Loop);
            }
        }
        exchangers.sort_by_cached_key(|mx| (mx.preference, self.dice.up_to(u64::MAX)));
        let mut hosts: Vec<Domain> = Vec::new();
        for Mx { host, .. } in exchangers {
            if !hosts.contains(&host) && hosts.len() < HOSTS_MAX {
                hosts.push(host);
            }
        }
        Ok(hosts)
    }

    /// Drops addresses that are our own, then hosts without any.
    fn usable(&self, mut hops: Vec<Hop>) -> Result<Vec<Hop>, NoRoute> {
        let mut ours = false;
        for hop in &mut hops {
            hop.addresses.retain(|address| {
                let own = self.own_addresses.contains(address);
                ours |= own;
                !own
            });
        }
        hops.retain(|hop| !hop.addresses.is_empty());
        match hops.is_empty() {
            false => Ok(hops),
            true if ours => Err(NoRoute::Loop),
            true => Err(NoRoute::NoMail),
        }
    }
}

fn hop(host: Domain, port: u16, addresses: Vec<IpAddr>, tls: Tls) -> Hop {
    let addresses = addresses.into_iter().take(ADDRESSES_MAX).map(|ip| SocketAddr::new(ip, port)).collect();
    Hop { host, port, addresses, tls }
}

const fn absence(error: NamesError) -> NoRoute {
    match error {
        NamesError::NoSuchDomain => NoRoute::NoMail,
        error => NoRoute::Deferred(error),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]

    use super::*;
    use crate::outbound::names::Table;

    fn domain(text: &str) -> Domain {
        Domain::parse(text).unwrap()
    }

    fn mx(hosts: &[(u16, &str)]) -> Result<MxAnswer, NamesError> {
        Ok(MxAnswer::Hosts(hosts.iter().map(|&(preference, host)| Mx { preference, host: domain(host) }).collect()))
    }

    fn router() -> Router {
        let host =
            |table: Table, name: &str, ip: &str| table.with_addresses(&domain(name), Ok(vec![ip.parse().unwrap()]));
        let table = Table::default()
            .with_mx(&domain("two.example"), mx(&[(20, "b.example"), (10, "a.example"), (20, "b.example")]))
            .with_mx(&domain("null.example"), Ok(MxAnswer::Null))
            .with_mx(&domain("servfail.example"), Err(NamesError::ServerFailure))
            .with_mx(&domain("gone.example"), Err(NamesError::NoSuchDomain))
            .with_mx(&domain("backup.example"), mx(&[(10, "a.example"), (20, "gateway.example"), (30, "b.example")]))
            .with_mx(&domain("ours.example"), mx(&[(10, "gateway.example"), (20, "b.example")]))
            .with_mx(&domain("mirror.example"), mx(&[(10, "mirror-mx.example")]))
            .with_mx(&domain("dangling.example"), mx(&[(10, "nowhere.example")]))
            .with_mx(&domain("half.example"), mx(&[(10, "broken.example"), (20, "b.example")]))
            .with_mx(&domain("broken-mx.example"), mx(&[(10, "broken.example"), (20, "nowhere.example")]))
            .with_addresses(&domain("broken.example"), Err(NamesError::TimedOut))
            .with_addresses(&domain("empty.example"), Ok(vec![]));
        let table = [
            ("a.example", "192.0.2.1"),
            ("b.example", "192.0.2.2"),
            ("implicit.example", "192.0.2.3"),
            ("mirror-mx.example", "192.0.2.9"),
        ]
        .into_iter()
        .fold(table, |table, (name, ip)| host(table, name, ip));
        let fixed = |address: Option<&str>| FixedRoute {
            host: domain("relay.example"),
            port: 465,
            address: address.map(|ip| ip.parse().unwrap()),
            tls: Tls::Implicit,
        };
        let fixed = BTreeMap::from([
            (domain("fixed.example"), vec![fixed(None), fixed(Some("127.0.0.1"))]),
            (domain("fixed-lost.example"), vec![fixed(None)]),
        ]);
        let own = vec!["192.0.2.9:25".parse().unwrap()];
        Router::new(Names::table(table), Dice::loaded(1), fixed, domain("gateway.example"), own)
    }

    async fn check(name: &str, expected: Result<&[&str], NoRoute>) {
        let routed = router().route(&domain(name)).await;
        let routed = routed.map(|hops| {
            hops.iter().map(|hop| format!("{} {}", hop.host, hop.addresses.first().unwrap())).collect::<Vec<_>>()
        });
        assert_eq!(routed, expected.map(|hops| hops.iter().map(|&hop| hop.to_owned()).collect()), "{name}");
    }

    #[tokio::test]
    async fn each_answer_of_the_dns_has_its_own_consequence() {
        check("two.example", Ok(&["a.example 192.0.2.1:25", "b.example 192.0.2.2:25"])).await;
        check("implicit.example", Ok(&["implicit.example 192.0.2.3:25"])).await;
        check("fixed.example", Ok(&["relay.example 127.0.0.1:465"])).await;
        check("fixed-lost.example", Err(NoRoute::NoMail)).await;
        check("null.example", Err(NoRoute::NullMx)).await;
        check("gone.example", Err(NoRoute::NoMail)).await;
        check("empty.example", Err(NoRoute::NoMail)).await;
        check("unknown.example", Err(NoRoute::NoMail)).await;
        check("dangling.example", Err(NoRoute::NoMail)).await;
        check("servfail.example", Err(NoRoute::Deferred(NamesError::ServerFailure))).await;
        check("broken-mx.example", Err(NoRoute::Deferred(NamesError::TimedOut))).await;
        check("half.example", Ok(&["b.example 192.0.2.2:25"])).await;
        check("backup.example", Ok(&["a.example 192.0.2.1:25"])).await;
        check("ours.example", Err(NoRoute::Loop)).await;
        check("mirror.example", Err(NoRoute::Loop)).await;
        check("gateway.example", Err(NoRoute::Loop)).await;
    }

    #[test]
    fn equal_preferences_share_the_load() {
        let hosts = ["a.example", "b.example", "c.example"].map(|host| Mx { preference: 5, host: domain(host) });
        let router = router();
        let firsts: std::collections::BTreeSet<_> =
            (0..50).filter_map(|_| router.in_order(hosts.to_vec()).unwrap().into_iter().next()).collect();
        assert_eq!(firsts.len(), 3);
    }
}
