//! Settings in, values or faults out.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::net::IpAddr;
use std::path::Path;

use proptest::prelude::*;

use crate::sample::setting_of;
use crate::{ConfigError, Network, Quickstart, Resolver, SAMPLE, Settings, UtcOffset, annotated, quickstart_toml};

/// The least that a file must say.
const LEAST: &str = r#"
provider = { name = "Example Talking Therapies", phone = "01632 960000", domains = ["example.nhs.uk"] }
smtp = { hostname = "sealgate.example.nhs.uk" }
notices = { from = "sealgate@example.nhs.uk" }
"#;

fn faults(result: Result<Settings, ConfigError>) -> Vec<String> {
    match result {
        Ok(_) => Vec::new(),
        Err(ConfigError::Faults(faults)) => faults.iter().map(ToString::to_string).collect(),
        Err(other) => vec![other.to_string()],
    }
}

#[test]
fn the_sample_is_the_defaults() {
    let sample = Settings::parse(SAMPLE, "sealgate.toml").unwrap();
    assert_eq!(sample, Settings::parse(LEAST, "sealgate.toml").unwrap());
    assert_eq!(sample.https.certificate_file, sample.smtp.certificate_file, "https follows smtp");
    assert_eq!(sample.outbound.helo, sample.smtp.hostname, "helo follows the host name");
}

#[test]
fn the_sample_is_the_reference() {
    let (mut section, mut told, mut comments) = ("", Vec::new(), String::new());
    for line in SAMPLE.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name;
        } else if let Some(key) = setting_of(line) {
            told.push((section, key));
            let (_, settings) = Settings::SECTIONS.iter().find(|(name, _)| *name == section).unwrap();
            let (_, bound) = settings.iter().find(|(name, _)| *name == key).unwrap();
            assert!(comments.len() > 20, "[{section}] {key} says why");
            if let Some(bound) = bound {
                let plain = comments.replace(" (RFC 5321 §4.5.3.1.7)", "");
                let words = format!("{} to {}", bound.start(), bound.end());
                assert!(plain.contains(&words), "[{section}] {key} says `{words}`: {plain}");
            }
        } else if let Some(comment) = line.strip_prefix('#') {
            comments.push_str(comment);
        } else {
            comments.clear();
        }
    }
    let known: Vec<_> =
        Settings::SECTIONS.iter().flat_map(|(section, keys)| keys.iter().map(|(key, _)| (*section, *key))).collect();
    assert_eq!(told, known, "the sample tells every setting once, in the order of the code");
}

#[test]
fn what_the_sample_leaves_out_can_be_switched_on() {
    let all_on: String = SAMPLE
        .lines()
        .map(|line| if setting_of(line).is_some() { line.strip_prefix("# ").unwrap_or(line) } else { line })
        .flat_map(|line| [line, "\n"])
        .collect();
    let settings = Settings::parse(&all_on, "sealgate.toml").unwrap();
    assert_eq!(settings.outbound.route.len(), 1);
    assert_eq!(settings.smtp.trusted_relay.len(), 1);
    assert!(settings.provider.ods.is_some() && settings.outbound.roots_file.is_some());
    assert_eq!(Settings::parse(&settings.effective_toml(), "sealgate.toml").unwrap(), settings);
}

#[test]
fn every_fault_is_told_with_place_and_remedy() {
    let check = |text: &str, expected: &[&str]| {
        let text = format!("{text}\n");
        let told = faults(Settings::parse(&text, "s.toml"));
        let told: Vec<_> = told.iter().filter(|fault| !fault.contains("is required")).collect();
        assert_eq!(told.len(), expected.len(), "{text}: {told:#?}");
        for (fault, expected) in told.iter().zip(expected) {
            assert!(fault.contains(expected), "{text}: {fault} has no {expected}");
        }
    };
    check(
        "[smtp]\nrecipient_max = 5",
        &["s.toml:2: smtp.recipient_max: there is no setting of this name; did you mean `recipients_max`?"],
    );
    check("[stmp]\nrecipients_max = 5", &["s.toml:1: stmp: there is no section of this name; did you mean `smtp`?"]);
    check("[zzz]", &["take it out; the sections here are provider, storage, smtp"]);
    check("smtp = 3", &["s.toml:1: smtp: this is a section"]);
    check(
        "[smtp]\n\nrecipients_max = 0",
        &["s.toml:3: smtp.recipients_max = 0: this is out of bounds, which are 1 to 1000; set it"],
    );
    check("[smtp]\nrecipients_max = 1001", &["= 1001: this is out of bounds, which are 1 to 1000"]);
    check("[smtp]\nrecipients_max = -1", &["smtp.recipients_max = -1: this is no whole number of 0 to"]);
    check("[smtp]\nrecipients_max = 1.5", &["this is no whole number"]);
    check("[smtp]\nrecipients_max = \"5\"", &["this is no whole number"]);
    check("[smtp]\nrecipients_max = 99999999999999999999", &["this is no whole number"]);
    check("[smtp]\nhostname = 5", &["smtp.hostname = 5: this is text; write it in quotes"]);
    check("[smtp]\nstarttls_listen = \"[::]:587\"", &["this is a list; write it in brackets"]);
    check(
        "[smtp]\nstarttls_listen = [\"[::]:587\",\n \"localhost\"]",
        &["s.toml:3: smtp.starttls_listen[1] = \"localhost\": this is no address with port"],
    );
    check(
        "[screening]\nunread = \"hodl\"",
        &["screening.unread = \"hodl\": this word is not on the list; did you mean \"hold\"?"],
    );
    check("[screening]\nunread = \"zzz\"", &["choose one of \"hold\", \"pass\""]);
    check("[outbound]\nresolver = []", &["neither \"system\" nor a list of name servers"]);
    check("[outbound]\nresolver = [\"dns.example\"]", &["neither \"system\" nor a list"]);
    check(
        "[outbound]\nallow_private_networks = [\"10.0.0.0/33\"]",
        &["this is no network; write it as \"10.0.0.0/8\""],
    );
    check(
        "[[outbound.route]]\ndomain = \"a.example\"\nhost = \"b.example\"\nprot = 25",
        &["s.toml:4: outbound.route[0].prot: there is no field of this name; did you mean `port`?"],
    );
    check(
        "[[outbound.route]]\ndomain = \"a.example\"\nport = 70000",
        &["outbound.route[0].port = 70000: this is no whole number of 0 to 65535"],
    );
    check("[local]\nutc_offset = \"+24:00\"", &["this is no offset from UTC within"]);
    check("[provider]\nname = \"\"", &["provider.name = \"\": this is one line of 1 to 200 characters"]);
    check(
        "[smtp]\nrecipients_max = 0\n[https]\nbody_byte_max = 1\n[log]\nlevel = \"loud\"",
        &["recipients_max", "body_bytes_max", "choose one of"],
    );
    check("[smtp]\nhostname = ", &["s.toml:2: this is not TOML"]);
    check("[smtp]\nsessions_max = 5\nsessions_max = 6", &["s.toml:3: this is not TOML"]);
}

#[test]
fn what_is_required_is_named() {
    let told = faults(Settings::parse("[smtp]\n", "s.toml"));
    let expected = ["provider.name", "provider.phone", "provider.domains", "smtp.hostname", "notices.from"];
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (fault, key) in told.iter().zip(expected) {
        assert!(fault.contains(&format!("s.toml:1: {key}: this setting is required; add `")), "{fault}");
    }
}

#[test]
fn settings_that_clash_are_told() {
    let check = |values: &[(&str, toml::Value)], expected: &str| {
        let told = faults(Settings::parse(&annotated(values), "s.toml"));
        assert!(told.len() == 1 && told.iter().all(|fault| fault.contains(expected)), "{expected}: {told:#?}");
    };
    let none = || toml::Value::Array(Vec::new());
    check(
        &[("provider.domains", vec!["other.example"].into())],
        "notices.from = \"sealgate@example.nhs.uk\": this is in none of",
    );
    check(
        &[("provider.country", "England".into())],
        "provider.country = \"England\": a country is two capital letters",
    );
    check(&[("storage.key_file", "/var/lib/sealgate/key".into())], "the storage key lies in the data folder");
    check(&[("storage.key_credential", "../key".into())], "a credential is a name");
    check(&[("outbound.retry_first_secs", 3600.into())], "outbound.retry_first_secs = 3600: this is more than");
    check(
        &[("smtp.implicit_tls_listen", none()), ("smtp.starttls_listen", none()), ("https.listen", none())],
        "no door is open",
    );
}

#[test]
fn the_environment_overrides_the_file() {
    let with = |name: &str, value: &str| {
        Settings::parse_with(SAMPLE, "s.toml", [(format!("SEALGATE__{name}"), value.to_owned())])
    };
    assert_eq!(with("SMTP__RECIPIENTS_MAX", "7").unwrap().smtp.recipients_max, 7);
    assert_eq!(with("SMTP__HOSTNAME", "mail.example").unwrap().outbound.helo.as_str(), "mail.example");
    assert_eq!(with("PROVIDER__PHONE", "441632960000").unwrap().provider.phone.as_str(), "441632960000");
    assert_eq!(with("HTTPS__LISTEN", "[]").unwrap().https.listen, []);
    assert_eq!(
        with("OUTBOUND__ROUTE", r#"[{ domain = "a.example", host = "b.example" }]"#).unwrap().outbound.route.len(),
        1
    );

    let check = |name: &str, value: &str, expected: &str| {
        let told = faults(with(name, value));
        assert!(told.len() == 1 && told.iter().all(|fault| fault.starts_with(expected)), "{expected}: {told:#?}");
    };
    check(
        "SMTP__RECIPIENTS_MAX",
        "0",
        "SEALGATE__SMTP__RECIPIENTS_MAX: smtp.recipients_max = 0: this is out of bounds",
    );
    check(
        "SMTP__RECIPIENTS_MAX",
        "many",
        "SEALGATE__SMTP__RECIPIENTS_MAX: smtp.recipients_max = many: this is no whole",
    );
    check(
        "SMTP__RECIPIENT_MAX",
        "5",
        "SEALGATE__SMTP__RECIPIENT_MAX: smtp.recipient_max: there is no setting of this name; did you mean `recipients_max`?",
    );
    check("STMP__RECIPIENTS_MAX", "5", "SEALGATE__STMP__RECIPIENTS_MAX: stmp.recipients_max: there is no section");
    check(
        "HTTPS__LISTEN",
        "[\"localhost\"]",
        "SEALGATE__HTTPS__LISTEN: https.listen[0] = \"localhost\": this is no address",
    );
}

#[test]
fn quickstart_fills_the_sample_in() {
    let answers = Quickstart {
        provider_name: "Harbour \"Talking\" Therapies".to_owned(),
        phone: "01632 960123".to_owned(),
        domain: policy::Domain::parse("harbour.example").unwrap(),
        hostname: policy::Domain::parse("sealgate.harbour.example").unwrap(),
        folder: "/srv/sealgate".into(),
    };
    let text = quickstart_toml(&answers);
    let settings = Settings::parse(&text, "/etc/sealgate/sealgate.toml").unwrap();
    assert_eq!(settings.provider.name.as_str(), answers.provider_name);
    assert_eq!(settings.notices.from.to_string(), "sealgate@harbour.example");
    assert_eq!(settings.storage.folder, answers.folder);
    assert_eq!(settings.storage.key_file, Path::new("/etc/sealgate/storage.key"), "beside the settings");
    assert_eq!(text.lines().count(), SAMPLE.lines().count(), "every comment is kept");
}

#[test]
fn the_key_is_a_file_or_a_credential() {
    let file = Settings::parse(SAMPLE, "/etc/s.toml").unwrap().storage;
    assert_eq!(file.key_path(None).unwrap(), Path::new("/etc/storage.key"));
    let named = annotated(&[("storage.key_credential", "key".into())]);
    let credential = Settings::parse(&named, "/etc/s.toml").unwrap().storage;
    assert_eq!(credential.key_path(Some(Path::new("/run/credentials"))).unwrap(), Path::new("/run/credentials/key"));
    assert!(credential.key_path(None).unwrap_err().to_string().contains("LoadCredentialEncrypted=key"));
}

#[test]
fn a_missing_file_is_named() {
    let told = Settings::load(Path::new("/nonexistent/sealgate.toml")).unwrap_err().to_string();
    assert!(told.contains("/nonexistent/sealgate.toml") && told.contains("sealgate quickstart"), "{told}");
}

#[test]
fn networks_hold_their_own_addresses() {
    let check = |network: &str, address: &str, expected: bool| {
        let address: IpAddr = address.parse().unwrap();
        assert_eq!(Network::parse(network).unwrap().contains(address), expected, "{network} {address}");
    };
    check("10.0.0.0/8", "10.255.0.1", true);
    check("10.0.0.0/8", "11.0.0.1", false);
    check("127.0.0.1", "127.0.0.1", true);
    check("127.0.0.1", "127.0.0.2", false);
    check("127.0.0.0/8", "::ffff:127.0.0.1", true);
    check("0.0.0.0/0", "203.0.113.9", true);
    check("0.0.0.0/0", "2001:db8::1", false);
    check("fd00::/8", "fdff::1", true);
    check("fd00::/8", "fe80::1", false);
    check("::/0", "2001:db8::1", true);
    for text in ["", "10.0.0.0/", "10.0.0.0/33", "10.0.0/8", "::1/129", "10.0.0.0/-1", "/8"] {
        assert_eq!(Network::parse(text), None, "{text}");
    }
}

#[test]
fn offsets_and_resolvers_are_read_and_written_alike() {
    for (text, secs) in [("+00:00", 0), ("+01:00", 3_600), ("-03:30", -12_600), ("+23:59", 86_340)] {
        let offset = UtcOffset::parse(text).unwrap();
        assert_eq!((offset.secs, offset.to_string().as_str()), (secs, text));
    }
    for text in ["", "01:00", "+1:00", "+01:60", "+24:00", "+01", "+-1:00", "Z"] {
        assert_eq!(UtcOffset::parse(text), None, "{text}");
    }
    let servers = annotated(&[("outbound.resolver", vec!["127.0.0.53", "[::1]:5353"].into())]);
    let expected = ["127.0.0.53:53", "[::1]:5353"].map(|text| text.parse().unwrap());
    assert_eq!(Settings::parse(&servers, "s.toml").unwrap().outbound.resolver, Resolver::Servers(expected.into()));
}

proptest! {
    #[test]
    fn no_text_upsets_the_reader(text in "[\\[\\]a-z_=.\"0-9{}, \\n#é]{0,80}") {
        let told = faults(Settings::parse(&text, "s.toml"));
        prop_assert!(!told.is_empty(), "what is required is missing at least");
    }

    #[test]
    fn a_number_is_taken_within_its_bound_alone(number in 0_usize..3_000) {
        let text = annotated(&[("smtp.recipients_max", toml::Value::try_from(number).unwrap())]);
        let result = Settings::parse(&text, "s.toml");
        prop_assert_eq!(result.is_ok(), (1..=1_000).contains(&number));
    }
}
