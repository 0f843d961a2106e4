//! From a domain to a session: order, failover, reuse, limits. Peers listen on loopback.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use keys::peer::Roots;
use policy::{Domain, Proof};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::peer::{Authority, HOST, Script, Seen, self_signed, serve, waits};
use super::{MARKER, agency, desk, domain, refused, report};
use crate::dice::Dice;
use crate::outbound::deliver::{Class, Outbound, ProvenFor, Settings, VerifiedBy};
use crate::outbound::diagnosis::Diagnosis;
use crate::outbound::names::{MxAnswer, Names, Table};
use crate::outbound::pool;
use crate::outbound::route::{FixedRoute, Tls};

/// A listening peer; each connection is served by the script.
struct Peer {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<JoinHandle<Seen>>>>,
}

impl Peer {
    async fn listen(script: Script, tls: TlsAcceptor) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Mutex<Vec<JoinHandle<Seen>>>>::default();
        let served = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                served.lock().unwrap().push(tokio::spawn(serve(stream, script.clone(), tls.clone())));
            }
        });
        Self { address, seen }
    }

    /// What each connection saw, once all have ended.
    async fn seen(&self) -> Vec<Seen> {
        let served = std::mem::take(&mut *self.seen.lock().unwrap());
        let mut seen = Vec::new();
        for connection in served {
            let one = connection.await.unwrap();
            one.assert_nothing_in_clear(MARKER);
            seen.push(one);
        }
        seen
    }

    fn route(&self, host: &str) -> FixedRoute {
        FixedRoute {
            host: domain(host),
            port: self.address.port(),
            address: Some(self.address.ip()),
            tls: Tls::Starttls,
        }
    }
}

fn settings(fixed: BTreeMap<Domain, Vec<FixedRoute>>) -> Settings {
    Settings {
        own_name: domain("gateway.provider.example"),
        own_addresses: vec![],
        fixed,
        allow: vec![],
        connect: Duration::from_secs(10),
        open: Duration::from_secs(60),
        waits: waits(),
        pool: pool::Settings {
            reuse_idle: Duration::from_secs(60),
            letters_per_session_max: 3,
            sessions_per_host_max: 2,
        },
    }
}

fn fixed(peer: &Peer, host: &str) -> Settings {
    settings(BTreeMap::from([(domain("practice.example"), vec![peer.route(host)])]))
}

fn outbound(settings: Settings) -> Outbound {
    Outbound::new(settings, Names::table(Table::default()), Dice::loaded(1))
}

async fn send(outbound: &Outbound, roots: &Roots) {
    let mut lease = outbound.open_session(&domain("practice.example"), &VerifiedBy(roots)).await.unwrap();
    let _words = lease.send_notice(&report(refused()).compose(&desk()).unwrap()).await.unwrap();
    lease.give_back().await;
}

#[tokio::test]
async fn letters_to_one_host_share_a_session_up_to_its_limit() {
    let authority = Authority::new();
    let peer = Peer::listen(Script::honest(), authority.server(HOST)).await;
    let outbound = outbound(fixed(&peer, HOST));
    for _ in 0..7 {
        send(&outbound, &authority.roots()).await;
    }
    drop(outbound);
    let messages: Vec<_> = peer.seen().await.iter().map(|seen| seen.messages.len()).collect();
    assert_eq!(messages, [3, 3, 1]);
}

#[tokio::test]
async fn a_dead_session_costs_a_connection_and_no_letter() {
    let authority = Authority::new();
    for answer in ["drop", "421 4.3.2 too long idle\r\n"] {
        let peer = Peer::listen(Script::honest().with("RSET", answer), authority.server(HOST)).await;
        let outbound = outbound(fixed(&peer, HOST));
        send(&outbound, &authority.roots()).await;
        send(&outbound, &authority.roots()).await;
        drop(outbound);
        let messages: Vec<_> = peer.seen().await.iter().map(|seen| seen.messages.len()).collect();
        assert_eq!(messages, [1, 1], "{answer}");
    }
}

#[tokio::test]
async fn what_is_proven_for_one_record_proves_nothing_for_another() {
    let authority = Authority::new();
    let peer = Peer::listen(Script::honest(), authority.server(HOST)).await;
    let outbound = outbound(fixed(&peer, HOST));
    let roots = authority.roots();
    let record = agency(&[Proof::Pkix], &[HOST], None);
    let mut changed = record.clone();
    changed.mx.push(domain("mx2.practice.example"));
    let to = domain("practice.example");
    for agency in [&record, &record, &changed] {
        let lease = outbound.open_session(&to, &ProvenFor(agency, &roots)).await.unwrap();
        assert_eq!(lease.peer().proof, Some(Proof::Pkix));
        lease.give_back().await;
    }
    outbound.open_session(&to, &VerifiedBy(&roots)).await.unwrap().give_back().await;
    drop(outbound);
    assert_eq!(peer.seen().await.len(), 3);
}

#[tokio::test]
async fn a_host_takes_so_many_sessions_at_once_and_no_more() {
    let authority = Authority::new();
    let peer = Peer::listen(Script::honest(), authority.server(HOST)).await;
    let outbound = outbound(fixed(&peer, HOST));
    let (roots, to) = (authority.roots(), domain("practice.example"));
    let demand = VerifiedBy(&roots);
    let first = outbound.open_session(&to, &demand).await.unwrap();
    let _second = outbound.open_session(&to, &demand).await.unwrap();
    let third = outbound.open_session(&to, &demand);
    tokio::pin!(third);
    assert!(futures_util::poll!(third.as_mut()).is_pending());
    first.give_back().await;
    assert!(third.await.is_ok());
}

#[tokio::test]
async fn a_host_that_is_not_provable_is_not_even_dialled() {
    let authority = Authority::new();
    let peer = Peer::listen(Script::honest(), authority.server(HOST)).await;
    let outbound = outbound(fixed(&peer, HOST));
    let record = agency(&[Proof::Pkix, Proof::Dane], &["mx.elsewhere.example"], None);
    let cannot = outbound.open_session(&domain("practice.example"), &ProvenFor(&record, &authority.roots())).await;
    let cannot = cannot.err().unwrap();
    assert_eq!((cannot.class, cannot.diagnosis), (Class::Never, Diagnosis::NotProvable));
    assert_eq!(cannot.host, Some(domain(HOST)));
    assert!(peer.seen().await.is_empty());
}

#[tokio::test]
async fn a_private_address_from_the_dns_is_not_dialled() {
    let table = Table::default()
        .with_mx(&domain("practice.example"), Ok(MxAnswer::Unsaid))
        .with_addresses(&domain("practice.example"), Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]));
    let outbound = Outbound::new(settings(BTreeMap::new()), Names::table(table), Dice::loaded(1));
    let roots = Authority::new().roots();
    let cannot = outbound.open_session(&domain("practice.example"), &VerifiedBy(&roots)).await.err().unwrap();
    assert_eq!((cannot.class, cannot.diagnosis), (Class::Now, Diagnosis::AddressNotAllowed));
}

#[tokio::test]
async fn what_stood_in_the_way_is_named() {
    let authority = Authority::new();
    let cases = [
        (Script::honest().with("EHLO", "250 mx\r\n"), authority.server(HOST), Diagnosis::StarttlsNotSupported),
        (Script::honest(), self_signed(HOST), Diagnosis::CertificateNotTrusted),
        (Script::honest(), authority.server("mx.other.example"), Diagnosis::CertificateHostMismatch),
    ];
    for (script, tls, expected) in cases {
        let peer = Peer::listen(script, tls).await;
        let outbound = outbound(fixed(&peer, HOST));
        let cannot = outbound.open_session(&domain("practice.example"), &VerifiedBy(&authority.roots())).await;
        let cannot = cannot.err().unwrap();
        assert_eq!((cannot.class, cannot.diagnosis), (Class::Now, expected));
        drop(outbound);
        assert_eq!(peer.seen().await.len(), 1);
    }
}

#[tokio::test]
async fn the_next_host_is_tried_but_never_more_weakly() {
    let authority = Authority::new();
    let stripped = Peer::listen(Script::honest().with("EHLO", "250 mx\r\n"), authority.server(HOST)).await;
    let impostor = Peer::listen(Script::honest(), self_signed("mx2.practice.example")).await;
    let gone = Peer { address: "127.0.0.1:1".parse().unwrap(), seen: Arc::default() };
    let honest = Peer::listen(Script::honest(), authority.server("mx4.practice.example")).await;
    let mut hosts = vec![
        stripped.route(HOST),
        impostor.route("mx2.practice.example"),
        gone.route("mx3.practice.example"),
        honest.route("mx4.practice.example"),
    ];
    let all = BTreeMap::from([(domain("practice.example"), hosts.clone())]);
    send(&outbound(settings(all)), &authority.roots()).await;
    assert_eq!(honest.seen().await.iter().map(|seen| seen.messages.len()).sum::<usize>(), 1);

    hosts.pop();
    let bad = outbound(settings(BTreeMap::from([(domain("practice.example"), hosts)])));
    let cannot = bad.open_session(&domain("practice.example"), &VerifiedBy(&authority.roots())).await.err().unwrap();
    assert_eq!((cannot.class, cannot.diagnosis), (Class::Now, Diagnosis::StarttlsNotSupported));
    assert_eq!(cannot.host, Some(domain(HOST)));
    for peer in [&stripped, &impostor] {
        let seen = peer.seen().await;
        assert_eq!(seen.len(), 2);
        assert!(seen.iter().all(|seen| seen.inside.is_empty() && seen.messages.is_empty()));
    }
}
