//! The whole road between real programs: swaks hands in, Postfix and Exim receive, `age` and `rage` open.

use gateway::store::State;
use mail_parser::{Message, MessageParser, MimeHeaders};

use crate::markers::{Markers, assert_none};
use crate::peers::Tls;
use crate::peers::age::{OPENERS, Opener};
use crate::peers::exim::Exim;
use crate::peers::postfix::Postfix;
use crate::peers::swaks::{Security, Swaks};
use crate::tap::Tap;
use crate::world::{Door, LOGIN, Plan, SENDER, World, Writing, cast, read};

const PDF: &str = "clinic-amina-yorke.pdf";
const ELM_HOST: &str = "mx.elm-surgery.example";
const OAK_HOST: &str = "mx.oak-lane.example";

/// Hands a real letter in as a clinician's program does; its reference.
fn submit(world: &World, security: Security, to: &str) -> policy::LetterId {
    let door = if security == Security::Implicit { Door::ImplicitTls } else { Door::StartTls };
    let ca = world.ca.write(world.folder());
    let swaks = Swaks::to(world.port(door), SENDER, &[to]).with_tls(security, &ca).with_login(LOGIN.0, LOGIN.1);
    let sent = swaks.submit(&Writing::about(cast::AMINA, &[to]).with(PDF).message());
    assert_eq!(sent.code, 0, "{}", sent.transcript);
    let accepted = sent.transcript.lines().find(|line| line.contains("250 2.0.0 Accepted as SG-"));
    assert!(accepted.is_some(), "{}", sent.transcript);
    world.letter_to(to).id
}

fn parsed(bytes: &[u8]) -> Message<'_> {
    MessageParser::default().parse(bytes).unwrap()
}

/// Nothing of a letter is on this wire, nor to whom it goes.
fn assert_secret(tap: &Tap, to: &str) {
    let markers = Markers::new([to, SENDER, "Asthma review", "Dear colleague", "9995260182", PDF]);
    assert_none(&markers.scan("the wire", &tap.copy()));
}

#[test]
fn from_swaks_to_postfix_over_proven_tls() {
    let mut plan = Plan::new();
    let postfix = Postfix::start(ELM_HOST, "elm-surgery.example", Tls::Offers(plan.ca.leaf(&[ELM_HOST])));
    let tap = Tap::before(postfix.port());
    plan.route("elm-surgery.example", tap.port());
    let world = plan.start();
    let id = submit(&world, Security::Implicit, cast::ELM);
    world.wait_for(&id, State::Delivered);
    let mail = postfix.mail().wait_for(1).remove(0);
    let arrived = parsed(&mail);
    assert!(arrived.attachment(0).unwrap().contents() == read(PDF), "byte for byte");
    assert!(arrived.subject().unwrap().ends_with(id.as_str()));
    let text = String::from_utf8_lossy(&mail);
    assert!(text.contains("using TLSv1.3") && !text.contains("Sealgate-"), "{text}");
    assert_secret(&tap, cast::ELM);
    world.end();
}

#[test]
fn from_swaks_to_exim_sealed_and_opened() {
    let identity = Opener::Age.keygen();
    let mut plan = Plan::new();
    let exim = Exim::start(OAK_HOST, "oak-lane.example", Tls::Offers(plan.ca.leaf(&[OAK_HOST])));
    let tap = Tap::before(exim.port());
    plan.route("oak-lane.example", tap.port());
    let world = plan.start();
    let key = identity.recipient.clone();
    world.change_agency("oak", |oak| oak.keys[0].recipient.clone_from(&key));
    let id = submit(&world, Security::StartTls, cast::OAK);
    world.wait_for(&id, State::Delivered);
    let mail = exim.mail().wait_for(1).remove(0);
    let sealed = parsed(&mail).attachment(0).unwrap().contents().to_vec();
    for program in OPENERS {
        let opened = program.open(&identity.path(), &sealed).unwrap();
        let letter = parsed(&opened);
        assert_eq!(letter.subject(), Some("Asthma review"), "{program:?}");
        assert_eq!(letter.attachment(0).unwrap().attachment_name(), Some(PDF));
        assert!(letter.attachment(0).unwrap().contents() == read(PDF), "{program:?}: byte for byte");
    }
    assert_secret(&tap, cast::OAK);
    world.end();
}

#[test]
fn a_sealed_letter_goes_to_postfix_and_one_as_written_to_exim() {
    let mut plan = Plan::new();
    let postfix = Postfix::start(OAK_HOST, "oak-lane.example", Tls::Offers(plan.ca.leaf(&[OAK_HOST])));
    let exim = Exim::start(ELM_HOST, "elm-surgery.example", Tls::Offers(plan.ca.leaf(&[ELM_HOST])));
    plan.route("oak-lane.example", postfix.port());
    plan.route("elm-surgery.example", exim.port());
    let world = plan.start();
    world.submit(&Writing::about(cast::AMINA, &[cast::ELM, cast::OAK]).with(PDF)).unwrap();
    for to in [cast::ELM, cast::OAK] {
        world.wait_for(&world.letter_to(to).id, State::Delivered);
    }
    let sealed = String::from_utf8(postfix.mail().wait_for(1).remove(0)).unwrap();
    assert!(sealed.contains("application/age") && !sealed.contains("Dear colleague"), "{sealed}");
    let written = exim.mail().wait_for(1).remove(0);
    assert!(parsed(&written).attachment(0).unwrap().contents() == read(PDF));
    world.end();
}

/// A real server that does not prove itself gets nothing, and the sender hears which way it failed.
fn check_waits(tls: impl FnOnce(&Plan) -> Tls, word: &str) {
    let mut plan = Plan::new();
    let postfix = Postfix::start(ELM_HOST, "elm-surgery.example", tls(&plan));
    let tap = Tap::before(postfix.port());
    plan.route("elm-surgery.example", tap.port());
    let world = plan.start();
    let id = submit(&world, Security::StartTls, cast::ELM);
    world.wait_deferred(&id, 1);
    world.forward(45);
    let notice = world.wait_notice(&id, "delayed");
    assert!(notice.status["Diagnostic-Code"].ends_with(word), "{:?}", notice.status);
    assert!(postfix.mail().messages().is_empty(), "{}", postfix.log());
    assert!(!String::from_utf8_lossy(&tap.copy()).contains("MAIL FROM"));
    assert_secret(&tap, cast::ELM);
    world.end();
}

#[test]
fn a_postfix_that_only_talks_in_clear_gets_nothing() {
    check_waits(|_| Tls::None, "starttls-not-supported");
}

#[test]
fn a_postfix_with_another_s_certificate_gets_nothing() {
    check_waits(|plan| Tls::Offers(plan.ca.leaf(&["mx.elsewhere.example"])), "certificate-host-mismatch");
}

#[test]
fn a_postfix_that_vouches_for_itself_gets_nothing() {
    check_waits(|_| Tls::Offers(crate::ca::self_signed(&[ELM_HOST])), "certificate-not-trusted");
}
