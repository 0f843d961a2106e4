//! Outbound against scripted peers: each attack in, the promised behaviour out.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop here"
)]

mod deliver;
mod letter;
mod names;
mod notice;
mod peer;
mod session;

use policy::{Agency, AgencyKind, Channel, Domain, LetterId, Mailbox, Papers, Proof, Timestamp};

use super::notice::{Cause, Letterhead, News, Report, Wishes};

/// What must never cross in clear, nor reach a stranger.
const MARKER: &str = "zebra7marker";

fn domain(text: &str) -> Domain {
    Domain::parse(text).unwrap()
}

fn mailbox(text: &str) -> Mailbox {
    Mailbox::parse(text).unwrap()
}

fn desk() -> Letterhead {
    Letterhead {
        provider: "Elm Surgery".to_owned(),
        phone: "01632 960001".to_owned(),
        from: mailbox("sealgate@provider.example"),
        own_name: domain("gateway.provider.example"),
        offset_secs: 3600,
    }
}

fn report(news: News) -> Report {
    Report {
        name: "0123456789abcdef0123456789abcdef".to_owned(),
        written: Timestamp(1_790_000_000),
        to: mailbox(&format!("{MARKER}.doctor@provider.example")),
        letter: LetterId::from_bits(7),
        arrived: Timestamp(1_789_999_000),
        recipient: mailbox(&format!("{MARKER}@practice.example")),
        agency: Some("Oak Practice".to_owned()),
        message_id: Some("<abc@provider.example>".to_owned()),
        wishes: Wishes::default(),
        news,
    }
}

fn refused() -> News {
    let sentence = format!("We have no record that the patient agreed. {MARKER}");
    let cause = Cause { sentence, remedy: "Ask the patient.".to_owned(), who: "your admin".to_owned() };
    News::Refused { reasons: vec![cause] }
}

/// An agency that accepts these proofs, and lists this host.
fn agency(proof: &[Proof], mx: &[&str], ca: Option<String>) -> Agency {
    Agency {
        id: "ag-1".to_owned(),
        name: "Oak Practice".to_owned(),
        kind: AgencyKind::Gp,
        country: "GB".to_owned(),
        purposes: vec![],
        categories: vec![],
        channels: vec![Channel::TlsEmail],
        addresses: vec![],
        domains: vec![domain("practice.example")],
        suspended: false,
        ods: None,
        only_via: None,
        requested_by: None,
        authorised: None,
        papers: Papers::default(),
        verified: None,
        transfer: None,
        keys: vec![],
        proof: proof.to_vec(),
        mx: mx.iter().map(|host| domain(host)).collect(),
        pins: vec![],
        ca,
        endpoint: None,
    }
}
