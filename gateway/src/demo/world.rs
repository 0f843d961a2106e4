//! The demo's small world on loopback: a throwaway authority, names, mail servers good and bad, an agency with a key,
//! and a gateway with a register of a dozen invented patients. All of it goes when it is dropped.
//!
//! Not here: what is played in it (`story.rs`).

use std::error::Error;
use std::net::SocketAddr;
use std::path::Path;

use config::{Settings, annotated};
use keys::serve::{ClientCertificates, ServerIdentity, server_config};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use tempfile::TempDir;
use toml::{Table, Value};

use super::cast::{Cast, Opener, Practice};
use super::peer::{Peer, Speaks};
use crate::registers::{User, file};
use crate::server::Server;
use crate::setup::Seams;

/// The register, with `{PAST}`, `{FUTURE}`, `{CA}` and `{AGE_KEY}` to be filled in.
const REGISTER: &str = include_str!("register.toml");

/// Who signs in at the demo's gateway.
pub const LOGIN: &str = "dr-lamb";
/// By what: good for this world alone, which listens on loopback alone.
pub const PASSWORD: &str = "an open demo password";
/// Their address.
pub const CLINICIAN: &str = "o.lamb@harbour.example";

/// Anything that may go wrong while the world is made.
pub type Broken = Box<dyn Error + Send + Sync>;

/// A throwaway authority.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// The small world.
pub struct World {
    /// The gateway.
    pub gateway: Server,
    /// The practice whose mail server proves itself.
    pub elm: Practice,
    /// The solicitor's mail server.
    pub pike: Peer,
    /// The solicitor's own program, which has the key.
    pub solicitor: Opener,
    /// The practice whose mail server only talks in clear.
    pub dale: Peer,
    /// The hospital whose mail server shows a certificate for another name.
    pub coastal: Peer,
    /// The provider's own mail server, where notices go.
    pub home: Peer,
    /// The authority's certificate, PEM.
    pub ca_pem: String,
    /// Settings, keys and data.
    pub folder: TempDir,
}

impl Authority {
    fn new() -> Result<Self, rcgen::Error> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, "Sealgate demo authority");
        Ok(Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate()?)? })
    }

    /// A certificate for these names, and its key, PEM.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn leaf(&self, names: &[&str]) -> Result<(String, String), rcgen::Error> {
        let mut params = CertificateParams::new(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>())?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        Ok((params.signed_by(&key, &self.issuer)?.pem(), key.serialize_pem()))
    }

    fn pem(&self) -> String {
        self.issuer.pem()
    }

    async fn peer(&self, name: &str) -> Result<Peer, Broken> {
        let (certificate, key) = self.leaf(&[name])?;
        let identity = ServerIdentity::from_pem(&certificate, &key)?;
        Ok(Peer::start(Speaks::Tls(server_config(&identity, ClientCertificates::None)?)).await?)
    }
}

impl World {
    /// Makes the world and starts its gateway.
    ///
    /// # Errors
    /// Whatever could not be made or started.
    pub async fn start(cast: Cast) -> Result<Self, Broken> {
        let authority = Authority::new()?;
        let folder = TempDir::with_prefix("sealgate-demo-")?;
        let elm = Practice::start(cast, &authority, "mx.elm-surgery.example").await?;
        let pike = authority.peer("mx.pike-law.example").await?;
        let dale = Peer::start(Speaks::ClearOnly).await?;
        let coastal = authority.peer("mx.somebody-else.example").await?;
        let home = authority.peer("mx.harbour.example").await?;
        let solicitor = Opener::new(cast, folder.path())?;
        let routes = [
            ("elm-surgery.example", elm.address()),
            ("pike-law.example", pike.address()),
            ("dale-practice.example", dale.address()),
            ("coastal.example", coastal.address()),
            ("harbour.example", home.address()),
        ];
        let settings = settings(folder.path(), &authority, &routes)?;
        let gateway = Server::start(&settings, Seams::of_the_system(&settings)?).await?;
        let world = Self { gateway, elm, pike, solicitor, dale, coastal, home, ca_pem: authority.pem(), folder };
        world.fill_register().await?;
        Ok(world)
    }

    async fn fill_register(&self) -> Result<(), Broken> {
        let now = self.gateway.journey.clock.now();
        let text = REGISTER
            .replace("{PAST}", &policy::Timestamp(now.0 - 90 * 86_400).to_string())
            .replace("{FUTURE}", &policy::Timestamp(now.0 + 365 * 86_400).to_string())
            .replace("{CA}", &self.ca_pem)
            .replace("{AGE_KEY}", self.solicitor.recipient());
        let register = file::parse(&text, "register.toml", &file::Known::default())?;
        let registers = &self.gateway.journey.registers;
        registers.import(&register, "adm-reed").await?;
        let password = tokio::task::spawn_blocking(|| keys::password::hash(PASSWORD)).await??;
        let user = User { login: LOGIN.to_owned(), staff: LOGIN.to_owned(), password: password.as_str().to_owned() };
        registers.put(&user, "adm-reed").await?;
        Ok(())
    }
}

fn settings(folder: &Path, authority: &Authority, routes: &[(&str, SocketAddr)]) -> Result<Settings, Broken> {
    let (certificate, key) = authority.leaf(&["sealgate.harbour.example", "localhost"])?;
    std::fs::write(folder.join("certificate.pem"), certificate)?;
    write_private(&folder.join("private-key.pem"), &key)?;
    std::fs::write(folder.join("roots.pem"), authority.pem())?;
    let path = |name: &str| Value::String(folder.join(name).display().to_string());
    let text = |text: &str| Value::String(text.to_owned());
    let list = |items: &[&str]| Value::Array(items.iter().map(|item| text(item)).collect());
    let route = |(domain, address): &(&str, SocketAddr)| {
        let mut route = Table::new();
        route.insert("domain".to_owned(), text(domain));
        route.insert("host".to_owned(), text(&format!("mx.{domain}")));
        route.insert("port".to_owned(), Value::Integer(i64::from(address.port())));
        route.insert("address".to_owned(), text(&address.ip().to_string()));
        Value::Table(route)
    };
    let written = annotated(&[
        ("provider.name", text("Harbour Talking Therapies")),
        ("provider.ods", text("X9H01")),
        ("provider.phone", text("01632 960123")),
        ("provider.domains", list(&["harbour.example"])),
        ("storage.folder", path("data")),
        ("storage.key_file", path("storage.key")),
        ("storage.free_bytes_min", Value::Integer(0)),
        ("smtp.hostname", text("sealgate.harbour.example")),
        ("smtp.implicit_tls_listen", list(&["127.0.0.1:0"])),
        ("smtp.starttls_listen", list(&["127.0.0.1:0"])),
        ("smtp.certificate_file", path("certificate.pem")),
        ("smtp.private_key_file", path("private-key.pem")),
        ("https.listen", list(&["127.0.0.1:0"])),
        ("outbound.roots_file", path("roots.pem")),
        ("outbound.route", Value::Array(routes.iter().map(route).collect())),
        ("notices.from", text("sealgate@harbour.example")),
        ("notices.deferred_after_secs", Value::Integer(1)),
    ]);
    let file = folder.join("sealgate.toml");
    std::fs::write(&file, &written)?;
    Ok(Settings::load(&file)?)
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    std::io::Write::write_all(&mut file, text.as_bytes())
}
