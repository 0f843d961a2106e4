//! The gateway, running: its listeners and its worker, until it is told to stop.
//!
//! When the store's writer stops after a failed write, everything here ends with [`Ended::StoreStopped`] and whoever
//! started it starts it again: recovery is the same code as the first start.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use config::Settings;
use keys::serve::{ClientCertificates, ServerIdentity, server_config};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::intake::https::{self, Front, Https};
use crate::intake::smtp::{self, Relay, Submission, TlsStart};
use crate::intake::{Crowd, Nameplate, Rates};
use crate::journey::Journey;
use crate::queue::{self, Width};
use crate::setup::{self, Seams, StartError};
use crate::store::{Fault, Store};

/// A running gateway.
pub struct Server {
    /// Where it listens.
    pub listening: Listening,
    /// The road behind the doors.
    pub journey: Journey,
    closing: watch::Sender<bool>,
    tasks: JoinSet<Option<Fault>>,
}

/// Where a gateway listens; the ports that the system chose, where the settings say 0.
#[derive(Clone, Debug, Default)]
pub struct Listening {
    /// SMTP submission, TLS at once.
    pub implicit_tls: Vec<SocketAddr>,
    /// SMTP submission, STARTTLS first.
    pub starttls: Vec<SocketAddr>,
    /// HTTPS.
    pub https: Vec<SocketAddr>,
}

/// One line for people: `SMTP with TLS at once on [::]:465; HTTPS on [::]:443`.
impl fmt::Display for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let doors = [
            ("SMTP with TLS at once", &self.implicit_tls),
            ("SMTP with STARTTLS", &self.starttls),
            ("HTTPS", &self.https),
        ];
        let open = doors.into_iter().filter(|(_, addresses)| !addresses.is_empty());
        let told: Vec<_> = open
            .map(|(door, addresses)| {
                let addresses: Vec<_> = addresses.iter().map(SocketAddr::to_string).collect();
                format!("{door} on {}", addresses.join(", "))
            })
            .collect();
        f.write_str(&told.join("; "))
    }
}

/// How a gateway ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was told to.
    AsTold,
    /// A write failed: start again, which recovers from the disk.
    StoreStopped,
}

struct Sockets {
    implicit_tls: Vec<TcpListener>,
    starttls: Vec<TcpListener>,
    https: Vec<TcpListener>,
}

impl Server {
    /// Opens the data folder, recovers what the process before left, listens and works.
    ///
    /// # Errors
    /// [`StartError`], before anything listens.
    pub async fn start(settings: &Settings, seams: Seams) -> Result<Self, StartError> {
        let doors = Doors::new(settings, &seams)?;
        let sockets = Sockets::bind(settings).await?;
        let listening = sockets.addresses();
        let (home, key_made) = setup::home(settings, &seams)?;
        let (store, recovered) = Store::serve(home).await?;
        tracing::info!(
            blobs_removed = recovered.blobs_removed,
            disclosures_closed = recovered.unfinished.len(),
            "data folder open"
        );
        let own_addresses = [&listening.implicit_tls, &listening.starttls].into_iter().flatten().copied().collect();
        let journey = setup::journey(settings, &seams, store, own_addresses)?;
        if key_made {
            journey.ledger.key_made("storage").await?;
        }
        journey.ledger.started(env!("CARGO_PKG_VERSION")).await?;
        let (closing, told) = watch::channel(false);
        let mut tasks = JoinSet::new();
        doors.open(sockets, &journey, &told, &mut tasks);
        let width = Width(u16::try_from(settings.outbound.sessions_max).unwrap_or(u16::MAX));
        tasks.spawn(work(journey.clone(), width, told));
        Ok(Self { listening, journey, closing, tasks })
    }

    /// Waits until the gateway ends by itself, which it does only when its store has stopped.
    pub async fn ended(&mut self) -> Ended {
        while let Some(task) = self.tasks.join_next().await {
            if !matches!(task, Ok(None)) {
                return Ended::StoreStopped;
            }
        }
        Ended::AsTold
    }

    /// Lets sessions and attempts that are under way end, then closes the store.
    pub async fn stop(mut self) {
        self.closing.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
        self.journey.store.clone().close().await;
    }
}

async fn work(journey: Journey, width: Width, told: watch::Receiver<bool>) -> Option<Fault> {
    let fault = queue::work(journey, width, told).await.err();
    if let Some(fault) = &fault {
        tracing::error!(%fault, "the queue has stopped");
    }
    fault
}

/// The two doors, ready to be opened on any number of listeners.
struct Doors {
    settings: Settings,
    seams: Seams,
    smtp_tls: Arc<rustls::ServerConfig>,
    https_tls: Arc<rustls::ServerConfig>,
}

impl Doors {
    fn new(settings: &Settings, seams: &Seams) -> Result<Self, StartError> {
        let (smtp, https) = (&settings.smtp, &settings.https);
        let tls = |certificate, key, clients: Option<&std::path::Path>| -> Result<_, StartError> {
            let identity = ServerIdentity::load(certificate, key)?;
            let clients = setup::roots(clients)?.map_or(ClientCertificates::None, ClientCertificates::Optional);
            Ok(server_config(&identity, clients)?)
        };
        let smtp_tls = tls(&smtp.certificate_file, &smtp.private_key_file, smtp.client_roots_file.as_deref())?;
        let https_tls = tls(&https.certificate_file, &https.private_key_file, https.client_roots_file.as_deref())?;
        let mut https_tls = Arc::unwrap_or_clone(https_tls);
        https_tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let https_tls = Arc::new(https_tls);
        Ok(Self { settings: settings.clone(), seams: seams.clone(), smtp_tls, https_tls })
    }

    fn open(
        self,
        sockets: Sockets,
        journey: &Journey,
        told: &watch::Receiver<bool>,
        tasks: &mut JoinSet<Option<Fault>>,
    ) {
        let (smtp, clock) = (&self.settings.smtp, &self.seams.clock);
        let letters = Rates::new(clock.clone(), smtp.messages_per_hour_max, Duration::from_hours(1));
        let submission = Arc::new(self.submission(journey, letters.clone()));
        let starts = [(sockets.implicit_tls, TlsStart::Implicit), (sockets.starttls, TlsStart::StartTls)];
        for (listeners, start) in starts {
            for listener in listeners {
                let (submission, told) = (Arc::clone(&submission), told.clone());
                tasks.spawn(async move {
                    smtp::serve(submission, listener, start, told).await;
                    None
                });
            }
        }
        let router = https::router(self.https(journey, letters));
        let front = self.front();
        for listener in sockets.https {
            let (front, router, told) = (front.clone(), router.clone(), told.clone());
            tasks.spawn(async move {
                https::serve(front, router, listener, told).await;
                None
            });
        }
    }

    fn submission(&self, journey: &Journey, rates: Rates) -> Submission<Journey> {
        let smtp = &self.settings.smtp;
        let relay =
            |relay: &config::TrustedRelay| Relay { address: relay.address, staff: relay.staff.as_str().to_owned() };
        Submission {
            desk: journey.clone(),
            plate: Nameplate {
                host: smtp.hostname.as_str().to_owned(),
                phone: self.settings.provider.phone.as_str().to_owned(),
            },
            limits: smtp::Limits {
                recipients_max: smtp.recipients_max,
                message_bytes_max: u64::try_from(smtp.message_bytes_max).unwrap_or(u64::MAX),
                command_timeout: Duration::from_secs(smtp.command_timeout_secs),
                data_timeout: Duration::from_secs(smtp.data_timeout_secs),
                bytes_per_sec_min: smtp.bytes_per_sec_min,
                session_life: Duration::from_secs(smtp.session_secs_max),
                auth_failures_max: smtp.auth_failures_max,
                ..smtp::Limits::default()
            },
            relays: smtp.trusted_relay.iter().map(relay).collect(),
            tls: Arc::clone(&self.smtp_tls),
            clock: self.seams.clock.clone(),
            dice: self.seams.dice.clone(),
            crowd: Crowd::new(smtp.sessions_max, smtp.sessions_per_address_max),
            rates,
        }
    }

    fn https(&self, journey: &Journey, rates: Rates) -> Https<Journey> {
        let (smtp, https) = (&self.settings.smtp, &self.settings.https);
        Https {
            desk: journey.clone(),
            limits: https::Limits {
                recipients_max: smtp.recipients_max,
                message_bytes_max: u64::try_from(smtp.message_bytes_max).unwrap_or(u64::MAX),
                body_bytes_max: https.body_bytes_max,
                ..https::Limits::default()
            },
            clock: self.seams.clock.clone(),
            dice: self.seams.dice.clone(),
            rates,
            requests: Rates::new(self.seams.clock.clone(), https.requests_per_min_max, Duration::from_mins(1)),
        }
    }

    fn front(&self) -> Front {
        let smtp = &self.settings.smtp;
        Front {
            tls: Arc::clone(&self.https_tls),
            crowd: Crowd::new(smtp.sessions_max, smtp.sessions_per_address_max),
            header_timeout: Duration::from_secs(smtp.command_timeout_secs),
            connection_life: Duration::from_secs(smtp.session_secs_max),
            drain: smtp::Limits::default().drain,
        }
    }
}

impl Sockets {
    async fn bind(settings: &Settings) -> Result<Self, StartError> {
        Ok(Self {
            implicit_tls: bind(&settings.smtp.implicit_tls_listen).await?,
            starttls: bind(&settings.smtp.starttls_listen).await?,
            https: bind(&settings.https.listen).await?,
        })
    }

    fn addresses(&self) -> Listening {
        let addresses = |listeners: &[TcpListener]| listeners.iter().filter_map(|l| l.local_addr().ok()).collect();
        Listening {
            implicit_tls: addresses(&self.implicit_tls),
            starttls: addresses(&self.starttls),
            https: addresses(&self.https),
        }
    }
}

async fn bind(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, StartError> {
    let mut listeners = Vec::with_capacity(addresses.len());
    for &address in addresses {
        let listener = TcpListener::bind(address).await.map_err(|error| StartError::Listen { address, error })?;
        listeners.push(listener);
    }
    Ok(listeners)
}
