//! Every setting, once: its section, name, type, bound and where its value comes from when it is left out.
//!
//! Default values are not here: they are those of the annotated file. What a setting is for, in
//! full, is there too.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use policy::{Domain, Mailbox};
use serde::Serialize;

use crate::node::{Faults, Node, Setting};
use crate::read::{Absent, Names, Reader};
use crate::value::{LogFormat, LogLevel, Network, OdsCode, Resolver, Text, Unread, UtcOffset};

/// One section: a struct, and the reading of its fields. After a field's type may stand its bound
/// (`where 1..=100`), `as required`, or `as section.key` for the setting whose value it has when left out.
macro_rules! section {
    ($(#[$doc:meta])* $struct:ident [$section:ident] { $($(#[$fdoc:meta])* $field:ident: $ty:ty $(as $from:ident $(. $key:ident)?)? $(where $bound:expr)?;)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize)]
        pub struct $struct { $($(#[$fdoc])* pub $field: $ty,)+ }

        impl $struct {
            /// The names of the settings, and the bound of each that is a number.
            pub(crate) const SETTINGS: (&str, Names) = (
                stringify!($section),
                &[$((stringify!($field), section!(@bound $($bound)?)),)+],
            );

            fn read(reader: &mut Reader<'_>) -> Option<Self> {
                let (section, settings) = Self::SETTINGS;
                reader.no_others(section, settings.iter().map(|(name, _)| *name));
                $(let $field = reader.setting(
                    section, stringify!($field), section!(@absent $($from $(. $key)?)?), section!(@bound $($bound)?),
                );)+
                Some(Self { $($field: $field?,)+ })
            }
        }
    };
    (@bound) => { None };
    (@bound $bound:expr) => { Some($bound) };
    (@absent) => { Absent::Sample };
    (@absent required) => { Absent::Required };
    (@absent $from:ident . $key:ident) => { Absent::As(stringify!($from), stringify!($key)) };
}

section! {
    /// `[provider]`: who sends.
    Provider [provider] {
        /// As senders and agencies read it.
        name: Text as required;
        /// Its ODS code.
        ods: Option<OdsCode>;
        /// ISO 3166-1 alpha-2.
        country: Text;
        /// A number that is answered.
        phone: Text as required;
        /// Its own mail domains, never empty: reverse-paths are in them, notices go nowhere else.
        domains: Vec<Domain> as required;
    }
}

section! {
    /// `[storage]`: where everything is kept.
    Storage [storage] {
        /// The data folder.
        folder: PathBuf;
        /// The storage key's file; see [`Storage::key_path`].
        key_file: PathBuf;
        /// A systemd credential in place of the file.
        key_credential: Option<Text>;
        /// Below this much free space new letters are put off, in bytes.
        free_bytes_min: u64 where 0..=1_099_511_627_776;
    }
}

section! {
    /// `[smtp]`: the door for mail programs (RFC 5321, RFC 6409, RFC 8314).
    Smtp [smtp] {
        /// Greeted with, and named by the certificate.
        hostname: Domain as required;
        /// TLS from the first byte.
        implicit_tls_listen: Vec<SocketAddr>;
        /// STARTTLS before anything else.
        starttls_listen: Vec<SocketAddr>;
        /// Chain in PEM, leaf first.
        certificate_file: PathBuf;
        /// The leaf's key in PEM.
        private_key_file: PathBuf;
        /// Roots of client certificates, PEM.
        client_roots_file: Option<PathBuf>;
        /// Sessions at once.
        sessions_max: usize where 1..=10_000;
        /// Sessions at once from one address.
        sessions_per_address_max: usize where 1..=10_000;
        /// Recipients of one message.
        recipients_max: usize where 1..=1_000;
        /// Size of one message.
        message_bytes_max: usize where 65_536..=268_435_456;
        /// Wait for a command.
        command_timeout_secs: u64 where 10..=3_600;
        /// Wait for the next piece of a message.
        data_timeout_secs: u64 where 10..=3_600;
        /// Life of a session.
        session_secs_max: u64 where 60..=86_400;
        /// Slowest pace of a message, after ten seconds; 0 for no floor.
        bytes_per_sec_min: u64 where 0..=1_048_576;
        /// Failed sign-ins before the session ends.
        auth_failures_max: u32 where 1..=20;
        /// Messages an hour from one account.
        messages_per_hour_max: u32 where 1..=1_000_000;
        /// Hosts that need not sign in.
        trusted_relay: Vec<TrustedRelay>;
    }
}

section! {
    /// `[https]`: the door for programs.
    Https [https] {
        /// Where to listen; may be empty.
        listen: Vec<SocketAddr>;
        /// Chain in PEM, leaf first.
        certificate_file: PathBuf as smtp.certificate_file;
        /// The leaf's key in PEM.
        private_key_file: PathBuf as smtp.private_key_file;
        /// Roots of client certificates, PEM.
        client_roots_file: Option<PathBuf>;
        /// Size of one request.
        body_bytes_max: usize where 65_536..=402_653_184;
        /// Requests a minute from one account.
        requests_per_min_max: u32 where 1..=100_000;
    }
}

section! {
    /// `[screening]`: limits of the process that reads documents.
    Screening [screening] {
        /// Time for one letter.
        wall_secs_max: u64 where 1..=300;
        /// Memory of the process.
        memory_bytes_max: u64 where 67_108_864..=8_589_934_592;
        /// Text taken out of one letter.
        text_bytes_max: usize where 65_536..=268_435_456;
        /// How many times its size a document may swell.
        expansion_max: u64 where 2..=10_000;
        /// Documents within documents.
        depth_max: usize where 1..=32;
        /// What becomes of a letter that holds something unreadable.
        unread: Unread;
    }
}

section! {
    /// `[outbound]`: the road to other servers.
    Outbound [outbound] {
        /// The name to greet with.
        helo: Domain as smtp.hostname;
        /// Wait for a connection.
        connect_timeout_secs: u64 where 1..=300;
        /// Sessions at once.
        sessions_max: usize where 1..=10_000;
        /// Sessions at once to one host.
        sessions_per_host_max: usize where 1..=100;
        /// How long a session waits for its next letter.
        reuse_idle_secs: u64 where 0..=60;
        /// Letters over one session.
        letters_per_session_max: u32 where 1..=10_000;
        /// First pause after a failure.
        retry_first_secs: u64 where 10..=3_600;
        /// Longest pause.
        retry_most_secs: u64 where 60..=86_400;
        /// Spread of each pause.
        retry_jitter_percent: u32 where 0..=50;
        /// Life of a letter in the queue.
        queue_life_hours: u32 where 1..=240;
        /// Whom to ask for names.
        resolver: Resolver;
        /// Certificate authorities in PEM; the public ones when absent.
        roots_file: Option<PathBuf>;
        /// Private networks that may be dialled all the same.
        allow_private_networks: Vec<Network>;
        /// Fixed next hops.
        route: Vec<Route>;
    }
}

section! {
    /// `[held]`: letters that wait for somebody.
    Held [held] {
        /// Refused then.
        deadline_hours: u32 where 1..=720;
    }
}

section! {
    /// `[notices]`: what senders are told.
    Notices [notices] {
        /// Their author address, in one of the provider's domains.
        from: Mailbox as required;
        /// When a letter still waiting is told.
        deferred_after_secs: u64 where 1..=60;
    }
}

section! {
    /// `[log]`: what the program writes about itself.
    Log [log] {
        /// For people or for machines.
        format: LogFormat;
        /// The least that is written.
        level: LogLevel;
    }
}

section! {
    /// `[local]`: where the clock on the wall hangs.
    Local [local] {
        /// The provider's local time.
        utc_offset: UtcOffset;
    }
}

/// Everything that `sealgate.toml` says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Settings {
    /// Who sends.
    pub provider: Provider,
    /// Where everything is kept.
    pub storage: Storage,
    /// The door for mail programs.
    pub smtp: Smtp,
    /// The door for programs.
    pub https: Https,
    /// Limits of the process that reads documents.
    pub screening: Screening,
    /// The road to other servers.
    pub outbound: Outbound,
    /// Letters that wait for somebody.
    pub held: Held,
    /// What senders are told.
    pub notices: Notices,
    /// What the program writes about itself.
    pub log: Log,
    /// Where the clock on the wall hangs.
    pub local: Local,
}

/// A host that hands in letters without signing in.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrustedRelay {
    /// Where it connects from.
    pub address: IpAddr,
    /// The staff id that it acts as.
    pub staff: Text,
}

/// A fixed next hop for a domain. Proof is still by a certificate that names `host`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Route {
    /// Letters to this domain.
    pub domain: Domain,
    /// The host that the certificate must name.
    pub host: Domain,
    /// Its port.
    pub port: u16,
    /// Its address; looked up when absent.
    pub address: Option<IpAddr>,
}

impl Settings {
    /// The sections in the order of the annotated file.
    pub(crate) const SECTIONS: [(&str, Names); 10] = [
        Provider::SETTINGS,
        Storage::SETTINGS,
        Smtp::SETTINGS,
        Https::SETTINGS,
        Screening::SETTINGS,
        Outbound::SETTINGS,
        Held::SETTINGS,
        Notices::SETTINGS,
        Log::SETTINGS,
        Local::SETTINGS,
    ];

    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        reader.no_other_sections(Self::SECTIONS.iter().map(|(section, _)| *section));
        // Each is read before any is asked for, so that every fault is told.
        let (provider, storage) = (Provider::read(reader), Storage::read(reader));
        let (smtp, https) = (Smtp::read(reader), Https::read(reader));
        let (screening, outbound) = (Screening::read(reader), Outbound::read(reader));
        let (held, notices) = (Held::read(reader), Notices::read(reader));
        let (log, local) = (Log::read(reader), Local::read(reader));
        Some(Self {
            provider: provider?,
            storage: storage?,
            smtp: smtp?,
            https: https?,
            screening: screening?,
            outbound: outbound?,
            held: held?,
            notices: notices?,
            log: log?,
            local: local?,
        })
    }
}

impl Setting for TrustedRelay {
    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<Self> {
        let table = node.table(&["address", "staff"], faults)?;
        let (address, staff) = (table.field("address", faults), table.field("staff", faults));
        Some(Self { address: address?, staff: staff? })
    }
}

impl Setting for Route {
    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<Self> {
        const SMTP_PORT: u16 = 25;
        let table = node.table(&["domain", "host", "port", "address"], faults)?;
        let (domain, host) = (table.field("domain", faults), table.field("host", faults));
        let (port, address) = (table.optional_field("port", faults), table.optional_field("address", faults));
        Some(Self { domain: domain?, host: host?, port: port?.unwrap_or(SMTP_PORT), address: address? })
    }
}
