//! The seam to the DNS: mail exchangers and addresses of a domain, from a resolver or from a fixed table.
//!
//! "It does not exist", "it has none" and "no answer" are three different values: only the first two may ever end a
//! letter. Not here: what to make of the answers (`route.rs`).

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolverConfig};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{RData, RecordType};
use policy::Domain;

/// A mail exchanger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mx {
    /// The lower, the sooner.
    pub preference: u16,
    /// Its host name.
    pub host: Domain,
}

/// What a domain says of its mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MxAnswer {
    /// These hosts take it; never empty, in the order of the answer.
    Hosts(Vec<Mx>),
    /// It takes none: `MX 0 .` (RFC 7505).
    Null,
    /// It does not say; its own address may take it (RFC 5321 §5.1).
    Unsaid,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NamesError {
    /// The name does not exist.
    #[error("the name does not exist")]
    NoSuchDomain,
    /// The name server failed, or its answer did not validate.
    #[error("the name server failed")]
    ServerFailure,
    /// No name server answered in time.
    #[error("no name server answered in time")]
    TimedOut,
    /// The answer holds no usable host name.
    #[error("the answer holds no usable host name")]
    Unusable,
    /// The resolver could not be set up.
    #[error("the resolver could not be set up: check /etc/resolv.conf or the configured name servers")]
    SetUp,
}

/// A source of names. Cheap to clone.
#[derive(Clone)]
pub struct Names(Source);

#[derive(Clone)]
enum Source {
    Resolver(Box<TokioResolver>),
    Table(Arc<Table>),
}

impl Names {
    /// Asks the system's resolver.
    ///
    /// # Errors
    /// [`NamesError::SetUp`]
    pub fn system() -> Result<Self, NamesError> {
        let mut builder = TokioResolver::builder_tokio().map_err(|_unread| NamesError::SetUp)?;
        builder.options_mut().timeout = QUERY_TIMEOUT;
        builder.build().map(|resolver| Self(Source::Resolver(Box::new(resolver)))).map_err(|_refused| NamesError::SetUp)
    }

    /// Asks these name servers, over UDP and TCP.
    ///
    /// # Errors
    /// [`NamesError::SetUp`]
    pub fn servers(servers: &[SocketAddr]) -> Result<Self, NamesError> {
        if servers.is_empty() {
            return Err(NamesError::SetUp);
        }
        let servers = servers.iter().map(|server| {
            let mut server_config = NameServerConfig::udp_and_tcp(server.ip());
            server_config.connections.iter_mut().for_each(|connection| connection.port = server.port());
            server_config
        });
        let config = ResolverConfig::from_name_servers(servers.collect());
        let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        builder.options_mut().timeout = QUERY_TIMEOUT;
        builder.build().map(|resolver| Self(Source::Resolver(Box::new(resolver)))).map_err(|_refused| NamesError::SetUp)
    }

    /// Answers from `table` alone.
    #[must_use]
    pub fn table(table: Table) -> Self {
        Self(Source::Table(Arc::new(table)))
    }

    /// The mail exchangers of `domain`.
    ///
    /// # Errors
    /// [`NamesError`]
    pub async fn mx(&self, domain: &Domain) -> Result<MxAnswer, NamesError> {
        match &self.0 {
            Source::Resolver(resolver) => {
                match resolver.lookup(absolute(domain), RecordType::MX).await.map_err(|error| kind(&error)) {
                    Ok(answer) => mx_answer(&answer),
                    Err(Absence::NoRecords) => Ok(MxAnswer::Unsaid),
                    Err(Absence::Error(error)) => Err(error),
                }
            }
            Source::Table(table) => table.mx.get(domain.as_str()).cloned().unwrap_or(Ok(MxAnswer::Unsaid)),
        }
    }

    /// The addresses of `host`, IPv4 first; empty where it has none.
    ///
    /// # Errors
    /// [`NamesError`]
    pub async fn addresses(&self, host: &Domain) -> Result<Vec<IpAddr>, NamesError> {
        match &self.0 {
            Source::Resolver(resolver) => {
                let (v4, v6) = tokio::join!(
                    resolver.lookup(absolute(host), RecordType::A),
                    resolver.lookup(absolute(host), RecordType::AAAA)
                );
                merge(addresses_of(v4), addresses_of(v6))
            }
            Source::Table(table) => {
                table.addresses.get(host.as_str()).cloned().unwrap_or(Err(NamesError::NoSuchDomain))
            }
        }
    }
}

const QUERY_TIMEOUT: Duration = Duration::from_secs(5);

/// Fixed names, for a demonstration or a test world.
#[derive(Clone, Debug, Default)]
pub struct Table {
    mx: BTreeMap<String, Result<MxAnswer, NamesError>>,
    addresses: BTreeMap<String, Result<Vec<IpAddr>, NamesError>>,
}

impl Table {
    /// The answer for the mail exchangers of `domain`.
    #[must_use]
    pub fn with_mx(mut self, domain: &Domain, answer: Result<MxAnswer, NamesError>) -> Self {
        self.mx.insert(domain.as_str().to_owned(), answer);
        self
    }

    /// The answer for the addresses of `host`. A host that is never named does not exist.
    #[must_use]
    pub fn with_addresses(mut self, host: &Domain, answer: Result<Vec<IpAddr>, NamesError>) -> Self {
        self.addresses.insert(host.as_str().to_owned(), answer);
        self
    }
}

enum Absence {
    NoRecords,
    Error(NamesError),
}

fn kind(error: &NetError) -> Absence {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => match none.response_code {
            ResponseCode::NoError => Absence::NoRecords,
            ResponseCode::NXDomain => Absence::Error(NamesError::NoSuchDomain),
            _ => Absence::Error(NamesError::ServerFailure),
        },
        NetError::Timeout => Absence::Error(NamesError::TimedOut),
        _ => Absence::Error(NamesError::ServerFailure),
    }
}

/// A trailing dot: the name is whole, and no search list of this machine is tried on it.
fn absolute(domain: &Domain) -> String {
    format!("{domain}.")
}

fn mx_answer(answer: &Lookup) -> Result<MxAnswer, NamesError> {
    let records = answer.answers().iter().filter_map(|record| match &record.data {
        RData::MX(mx) => Some(mx),
        _ => None,
    });
    let (null, named): (Vec<_>, Vec<_>) = records.partition(|mx| mx.exchange.is_root());
    if named.is_empty() {
        return Ok(if null.is_empty() { MxAnswer::Unsaid } else { MxAnswer::Null });
    }
    // A null MX beside others is no null MX (RFC 7505 §3); names that are no host names are passed over.
    let hosts: Vec<Mx> = named
        .into_iter()
        .filter_map(|mx| {
            let host = Domain::parse(mx.exchange.to_ascii().trim_end_matches('.')).ok()?;
            Some(Mx { preference: mx.preference, host })
        })
        .collect();
    if hosts.is_empty() { Err(NamesError::Unusable) } else { Ok(MxAnswer::Hosts(hosts)) }
}

fn addresses_of(answer: Result<Lookup, NetError>) -> Result<Vec<IpAddr>, NamesError> {
    match answer.map_err(|error| kind(&error)) {
        Ok(answer) => {
            let address = |data: &RData| match data {
                RData::A(a) => Some(IpAddr::V4(a.0)),
                RData::AAAA(aaaa) => Some(IpAddr::V6(aaaa.0)),
                _ => None,
            };
            Ok(answer.answers().iter().filter_map(|record| address(&record.data)).collect())
        }
        Err(Absence::NoRecords) => Ok(Vec::new()),
        Err(Absence::Error(error)) => Err(error),
    }
}

/// One family's failure does not hide the other's addresses; but without any address, a failure is a failure.
fn merge(v4: Result<Vec<IpAddr>, NamesError>, v6: Result<Vec<IpAddr>, NamesError>) -> Result<Vec<IpAddr>, NamesError> {
    let found: Vec<IpAddr> = v4.iter().flatten().chain(v6.iter().flatten()).copied().collect();
    if found.is_empty() { v4.and(v6) } else { Ok(found) }
}
