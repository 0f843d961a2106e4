//! `sealgate quickstart`: settings, keys and a register to begin with, for one domain. Never over something, and all of
//! it or nothing.
//!
//! Not here: settings' meaning (`config`). What is printed last is what is left for people to do.

use std::path::{Path, PathBuf};

use config::{Quickstart as Answers, Settings, quickstart_toml};
use jiff::tz::TimeZone;
use policy::{Domain, Timestamp};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair, date_time_ymd};
use serde::Serialize;
use serde_json::json;

use super::args::{Quickstart, Shared};
use super::files;
use super::out::{Failure, OrFail, Out, Outcome, table};
use super::tables::date;
use super::visit::visit;
use crate::clock::Clock;
use crate::status::Status;

/// The register to begin with.
const STARTER: &str = include_str!("starter.toml");
/// Stands in the settings until somebody gives the number.
const NO_PHONE: &str = "(telephone number to come)";
const YEAR_SECS: i64 = 365 * 86_400;
/// The storage key's file, as the annotated settings name it; made by the first visit.
const KEY_FILE: &str = "storage.key";

pub(super) async fn quickstart(shared: &Shared, out: Out, asked: &Quickstart) -> Outcome {
    let start = Start::plan(asked)?;
    start.expect_nothing_there()?;
    let mut made = Vec::new();
    let done = start.make(shared, out, &mut made).await;
    if done.is_err() {
        start.undo(&made);
        return done;
    }
    start.tell(out);
    Ok(Status::Done)
}

/// What is to be made.
struct Start {
    host: Domain,
    domain: Domain,
    folder: PathBuf,
    data: PathBuf,
    has_phone: bool,
    /// Name within the folder, permission bits, text.
    files: Vec<(&'static str, u32, String)>,
}

/// A record for whoever keeps the domain's DNS.
#[derive(Serialize)]
struct DnsRecord {
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
    value: String,
    why: &'static str,
}

impl Start {
    fn plan(asked: &Quickstart) -> Result<Self, Failure> {
        let name_of = |option: &str, text: &str| {
            Domain::parse(text).map_err(|error| Failure::new(Status::Usage, format!("{option}: {}", error.0)))
        };
        let domain = name_of("DOMAIN", &asked.domain)?;
        let host = match &asked.host {
            Some(host) => name_of("--host", host)?,
            None => name_of("DOMAIN", &format!("sealgate.{domain}"))?,
        };
        let absolute = |path: &Path| std::path::absolute(path).or_fail(Status::Usage);
        let (folder, data) = (absolute(&asked.into)?, absolute(&asked.data)?);
        let settings = quickstart_toml(&Answers {
            provider_name: asked.name.clone().unwrap_or_else(|| domain.to_string()),
            phone: asked.phone.clone().unwrap_or_else(|| NO_PHONE.to_owned()),
            domain: domain.clone(),
            hostname: host.clone(),
            folder: data.clone(),
        });
        let now = Clock::system(0).now();
        let next_year = Timestamp(now.0.saturating_add(YEAR_SECS));
        let (certificate, key) = certificate(&host, now, next_year)?;
        let register = STARTER
            .replace("{FILE}", &folder.join("register.toml").display().to_string())
            .replace("{DOMAIN}", domain.as_str())
            .replace("{TODAY}", &date(now))
            .replace("{NEXT_YEAR}", &date(next_year));
        let settings_file = folder.join("sealgate.toml").display().to_string();
        Settings::parse(&settings, &settings_file).or_fail(Status::Usage)?;
        let files = vec![
            ("sealgate.toml", 0o644, settings),
            ("certificate.pem", 0o644, certificate),
            ("private-key.pem", 0o600, key),
            ("register.toml", 0o600, register),
        ];
        Ok(Self { host, domain, folder, data, has_phone: asked.phone.is_some(), files })
    }

    fn paths(&self) -> impl Iterator<Item = PathBuf> {
        self.files.iter().map(|(name, ..)| *name).chain([KEY_FILE]).map(|name| self.folder.join(name))
    }

    fn expect_nothing_there(&self) -> Result<(), Failure> {
        let mut in_the_way: Vec<PathBuf> = self.paths().filter(|path| path.symlink_metadata().is_ok()).collect();
        if std::fs::read_dir(&self.data).is_ok_and(|mut entries| entries.next().is_some()) {
            in_the_way.push(self.data.clone());
        }
        if in_the_way.is_empty() {
            return Ok(());
        }
        let named: Vec<_> = in_the_way.iter().map(|path| format!("  {}", path.display())).collect();
        let sentence = format!(
            "nothing is written, for these are there already; move them away, or choose others with --into and --data\n{}",
            named.join("\n")
        );
        Err(Failure::new(Status::Conflict, sentence))
    }

    /// Writes the files, and opens the data folder once, which makes it and its key. `made` is what there is to undo.
    async fn make(&self, shared: &Shared, out: Out, made: &mut Vec<PathBuf>) -> Outcome {
        // The store makes the data folder, for its own user alone.
        made.extend([&self.folder, &self.data].into_iter().filter(|folder| !folder.exists()).cloned());
        std::fs::create_dir_all(&self.folder)
            .map_err(|error| Failure::new(Status::Fault, format!("cannot make {}: {error}", self.folder.display())))?;
        for (name, mode, text) in &self.files {
            let path = self.folder.join(name);
            let file = files::make(&path, *mode)?;
            made.push(path.clone());
            files::fill(file, &path, text)?;
        }
        made.push(self.folder.join(KEY_FILE));
        let shared = Shared { config: self.folder.join("sealgate.toml"), ..shared.clone() };
        visit(&shared, out, async |_| Ok(Status::Done)).await
    }

    /// Takes back what was made: the data folder was empty, so all that is in it is ours.
    fn undo(&self, made: &[PathBuf]) {
        for entry in std::fs::read_dir(&self.data).into_iter().flatten().flatten() {
            let path = entry.path();
            let _ = if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        }
        for path in made.iter().rev() {
            let _ = if path.is_dir() { std::fs::remove_dir(path) } else { std::fs::remove_file(path) };
        }
    }

    fn tell(&self, out: Out) {
        let (dns, next) = (self.dns(), self.next());
        let written: Vec<_> = self.paths().map(|path| path.display().to_string()).collect();
        let rows: Vec<_> =
            dns.iter().map(|r| vec![r.name.clone(), r.kind.to_owned(), r.value.clone(), r.why.to_owned()]).collect();
        let mut text = format!("Written:\n  {}\n", written.join("\n  "));
        text.push_str(&format!("Keep a copy of {KEY_FILE} elsewhere: without it nothing opens again.\n"));
        text.push_str(
            "The certificate is signed by itself, to begin with: put one in its place that mail programs trust.\n",
        );
        text.push_str(&format!("\nDNS:\n{}\n\nNext:\n", table(&["NAME", "TYPE", "VALUE", "WHY"], &rows)));
        text.extend(next.iter().map(|command| format!("  {command}\n")));
        if !self.has_phone {
            text.push_str("\nBefore the first letter: put a telephone number that is answered into [provider].\n");
        }
        out.data(&json!({ "written": written, "data": self.data, "dns": dns, "next": next }), text);
    }

    fn dns(&self) -> Vec<DnsRecord> {
        let (host, domain) = (self.host.to_string(), self.domain.to_string());
        let record = |name: &str, kind, value: String, why| DnsRecord { name: name.to_owned(), kind, value, why };
        vec![
            record(&host, "A, AAAA", "this host's addresses".to_owned(), "mail programs find it"),
            record("this host's addresses", "PTR", host.clone(), "servers turn away who greets with another name"),
            record(&host, "TXT", "v=spf1 a -all".to_owned(), "reports with a null reverse-path (RFC 7208 §2.4)"),
            record(&domain, "TXT", format!("v=spf1 … a:{host} …"), "add a: to what is there; letters leave from here"),
            record(
                &format!("_smtp._tls.{domain}"),
                "TXT",
                format!("v=TLSRPTv1; rua=mailto:tls-reports@{domain}"),
                "others tell where TLS to you failed (RFC 8460)",
            ),
        ]
    }

    fn next(&self) -> Vec<String> {
        let path = |name: &str| self.folder.join(name).display().to_string();
        let config = if self.folder == Path::new("/etc/sealgate") {
            String::new()
        } else {
            format!(" --config {}", path("sealgate.toml"))
        };
        vec![
            format!("sealgate{config} agency import {} --by admin", path("register.toml")),
            format!("sealgate{config} user password admin --by admin < PASSWORD-FILE"),
            format!("sealgate{config} serve"),
        ]
    }
}

/// A certificate signed by itself, good for a year, and its key; PEM.
fn certificate(host: &Domain, now: Timestamp, until: Timestamp) -> Result<(String, String), Failure> {
    let day = |at: Timestamp| {
        let day = jiff::Timestamp::from_second(at.0).or_fail(Status::Fault)?.to_zoned(TimeZone::UTC).date();
        let (month, day_of_month) = (day.month().unsigned_abs(), day.day().unsigned_abs());
        Ok::<_, Failure>(date_time_ymd(i32::from(day.year()), month, day_of_month))
    };
    let make = || -> Result<_, rcgen::Error> {
        let params = CertificateParams::new(vec![host.to_string()])?;
        Ok((params, KeyPair::generate()?))
    };
    let (mut params, key) = make().or_fail(Status::Fault)?;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.not_before = day(now)?;
    params.not_after = day(until)?;
    let certificate = params.self_signed(&key).or_fail(Status::Fault)?;
    Ok((certificate.pem(), key.serialize_pem()))
}
