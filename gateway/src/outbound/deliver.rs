//! From a domain to a session: host after host, until one meets the demand. Nothing is sealed before that.
//!
//! 1. Route the domain. 2. For each host, in order: what must it show? Where no proof can hold, it is not dialled.
//! 3. A session that waits in the pool, else a connection to each of its addresses. 4. TLS that meets the demand.
//! A host that fails is passed over, never tried more weakly. Not here: what is sent (`smtp`), and when again (`schedule`).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use keys::level::{Level, Proven, Verified};
use keys::peer::{NotProvable, Requirement, Roots};
use policy::{Agency, Domain};

pub use super::diagnosis::Class;
pub use super::pool::Lease;

use super::diagnosis::{Diagnosis, Obstacle};
use super::dial::{Dial, Network};
use super::names::Names;
use super::pool::{self, Key, Pool};
use super::route::{FixedRoute, Hop, Router, Tls};
use super::smtp::{Call, Greeting, Session, Waits, implicit_tls};
use crate::dice::Dice;

/// Longest wait for a free session with a host that is busy with our letters.
const BUSY_WAIT: Duration = Duration::from_secs(30);

/// What outbound goes by.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The name of this gateway, given in EHLO; mail for it is a loop.
    pub own_name: Domain,
    /// Where this gateway listens; mail for these is a loop.
    pub own_addresses: Vec<SocketAddr>,
    /// Hosts that stand in for the DNS, by domain, in the order to try them in.
    pub fixed: BTreeMap<Domain, Vec<FixedRoute>>,
    /// Private networks that may be dialled.
    pub allow: Vec<Network>,
    /// Longest wait for a connection.
    pub connect: Duration,
    /// Longest wait for a session, over all hosts and addresses.
    pub open: Duration,
    /// How long each stage of SMTP may take.
    pub waits: Waits,
    /// Reuse of sessions.
    pub pool: pool::Settings,
}

/// What every host must meet before it is given anything.
pub trait Demand<L: Level>: Sync {
    /// What `host` must show.
    ///
    /// # Errors
    /// [`NotProvable`], where nothing that it could show would do.
    fn of(&self, host: &Domain) -> Result<Requirement<L>, NotProvable>;

    /// Octets that tell this demand from every other of its level: sessions are reused within one demand alone.
    fn distinction(&self) -> Vec<u8>;
}

/// Level verified, by these roots.
pub struct VerifiedBy<'a>(pub &'a Roots);

impl Demand<Verified> for VerifiedBy<'_> {
    fn of(&self, host: &Domain) -> Result<Requirement<Verified>, NotProvable> {
        Ok(Requirement::verified(host, self.0))
    }

    fn distinction(&self) -> Vec<u8> {
        Vec::new()
    }
}

/// Level proven, by the agency's record; the roots serve a record without a `ca` of its own.
pub struct ProvenFor<'a>(pub &'a Agency, pub &'a Roots);

impl Demand<Proven> for ProvenFor<'_> {
    fn of(&self, host: &Domain) -> Result<Requirement<Proven>, NotProvable> {
        Requirement::proven(self.0, host, self.1)
    }

    fn distinction(&self) -> Vec<u8> {
        let Agency { id, addresses, domains, proof, mx, pins, ca, .. } = self.0;
        // The whole of what the requirement is made from: a record that changes starts a session of its own.
        serde_json::to_vec(&(id, addresses, domains, proof, mx, pins, ca)).unwrap_or_default()
    }
}

/// Why no host of the domain can be given anything.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{diagnosis}{}: {detail}", .host.as_ref().map(|host| format!(" at {host}")).unwrap_or_default())]
pub struct CannotSend {
    /// Now, or never.
    pub class: Class,
    /// The most telling obstacle of all hosts tried.
    pub diagnosis: Diagnosis,
    /// In more words, for the operator.
    pub detail: String,
    /// The host that it was met at; none where there was no host.
    pub host: Option<Domain>,
}

/// All that leaves leaves by this.
pub struct Outbound {
    dial: Dial,
    router: Router,
    pool: Pool,
    own_name: Domain,
    waits: Waits,
    open: Duration,
}

impl Outbound {
    /// Sets up by `settings`, with names from `names` and chance from `dice`.
    #[must_use]
    pub fn new(settings: Settings, names: Names, dice: Dice) -> Self {
        let Settings { own_name, own_addresses, fixed, allow, connect, open, waits, pool } = settings;
        let fixed_address = |route: &FixedRoute| route.address.map(|ip| SocketAddr::new(ip, route.port));
        let fixed_addresses = fixed.values().flatten().filter_map(fixed_address).collect();
        Self {
            dial: Dial::new(connect, allow, fixed_addresses),
            router: Router::new(names, dice, fixed, own_name.clone(), own_addresses),
            pool: Pool::new(pool),
            own_name,
            waits,
            open,
        }
    }

    /// A session with the first host of `domain` that meets `demand`.
    ///
    /// # Errors
    /// [`CannotSend`]: now, where some host may yet meet it; never, where none can.
    pub async fn open_session<L: Level>(
        &self,
        domain: &Domain,
        demand: &impl Demand<L>,
    ) -> Result<Lease<L>, CannotSend> {
        let opened = tokio::time::timeout(self.open, self.first_that_meets(domain, demand)).await;
        opened.unwrap_or_else(|_elapsed| {
            Err(CannotSend::at(None, Obstacle::new(Diagnosis::TimedOut, "no session within the time allowed")))
        })
    }

    async fn first_that_meets<L: Level>(
        &self,
        domain: &Domain,
        demand: &impl Demand<L>,
    ) -> Result<Lease<L>, CannotSend> {
        let hops = self.router.route(domain).await.map_err(|none| CannotSend::at(None, none.into()))?;
        let mut telling: Option<CannotSend> = None;
        for hop in hops {
            match self.open_with(&hop, demand).await {
                Ok(lease) => return Ok(lease),
                Err(obstacle) => {
                    let cannot = CannotSend::at(Some(hop.host), obstacle);
                    tracing::info!(host = ?cannot.host, diagnosis = %cannot.diagnosis, "host passed over");
                    telling = Some(telling.map_or(cannot.clone(), |former| former.or_more_telling(cannot)));
                }
            }
        }
        Err(telling.unwrap_or_else(|| CannotSend::at(None, Obstacle::new(Diagnosis::NoMail, "no host was found"))))
    }

    async fn open_with<L: Level>(&self, hop: &Hop, demand: &impl Demand<L>) -> Result<Lease<L>, Obstacle> {
        let requirement = demand.of(&hop.host).map_err(|why| Obstacle::new(Diagnosis::NotProvable, why))?;
        let key = Key::new::<L>(&hop.host, hop.port, demand.distinction());
        let busy = || Obstacle::new(Diagnosis::Busy, "every session with the host is in use");
        let permit = self.pool.permit(&key, BUSY_WAIT).await.ok_or_else(busy)?;
        if let Some(session) = self.pool.take(&key).await {
            return Ok(self.pool.lease(session, key, permit));
        }
        let mut telling = Obstacle::new(Diagnosis::NoMail, "the host has no address");
        for &address in &hop.addresses {
            match self.connect(hop, address, &requirement).await {
                Ok(session) => return Ok(self.pool.lease(session, key, permit)),
                Err(obstacle) if weight(obstacle.diagnosis) > weight(telling.diagnosis) => telling = obstacle,
                Err(_no_more_telling) => {}
            }
        }
        Err(telling)
    }

    async fn connect<L: Level>(
        &self,
        hop: &Hop,
        address: SocketAddr,
        requirement: &Requirement<L>,
    ) -> Result<Session<L>, Obstacle> {
        let stream = self.dial.connect(address).await?;
        let call = Call { own_name: self.own_name.clone(), host: hop.host.clone(), address, waits: self.waits };
        match hop.tls {
            Tls::Starttls => Greeting::read(stream, call).await?.starttls(requirement).await,
            Tls::Implicit => implicit_tls(stream, requirement, call).await,
        }
    }
}

impl CannotSend {
    /// An obstacle that was met before any host was looked for.
    #[must_use]
    pub fn before_any_host(obstacle: Obstacle) -> Self {
        Self::at(None, obstacle)
    }

    fn at(host: Option<Domain>, Obstacle { diagnosis, detail }: Obstacle) -> Self {
        Self { class: diagnosis.class(), diagnosis, detail, host }
    }

    fn or_more_telling(self, other: Self) -> Self {
        if weight(other.diagnosis) > weight(self.diagnosis) { other } else { self }
    }
}

/// How telling a diagnosis is, where several hosts or addresses failed: who failed to prove itself before who was
/// silent; and what may pass before what will not, so that one unlisted backup host does not refuse a letter.
const fn weight(diagnosis: Diagnosis) -> u8 {
    match diagnosis {
        Diagnosis::BytesAfterStarttls => 6,
        Diagnosis::StarttlsNotSupported
        | Diagnosis::CertificateHostMismatch
        | Diagnosis::CertificateExpired
        | Diagnosis::CertificateNotTrusted
        | Diagnosis::ValidationFailure
        | Diagnosis::TlsFailed => 5,
        Diagnosis::TurnedAway(_) | Diagnosis::NotSmtp => 4,
        Diagnosis::ConnectionLost | Diagnosis::TimedOut | Diagnosis::Unreachable | Diagnosis::Busy => 3,
        Diagnosis::AddressNotAllowed | Diagnosis::NamesFailed => 2,
        Diagnosis::NotProvable | Diagnosis::NullMx | Diagnosis::Loop => 1,
        Diagnosis::NotOffered | Diagnosis::KeyUnusable => 1,
        Diagnosis::NoMail => 0,
    }
}
