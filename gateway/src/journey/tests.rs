//! Attack in, promised behaviour out: a register that changes, a body that is gone, a letter that was held for long.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::net::SocketAddr;
use std::path::Path;

use keys::serve::{ClientCertificates, ServerIdentity, server_config};
use policy::{Mailbox, Timestamp};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::net::{TcpListener, TcpStream};
use toml::Value;

use super::*;
use crate::demo::peer::{Peer, Speaks};
use crate::registers::file;
use crate::setup::{self, Seams};
use crate::store::tests::{NOON, World, commit, raw};
use crate::store::{Disk, Opening, State};

/// A road over a store of a test, one practice with a mail server that proves itself, and a patient who said yes.
struct Scene {
    world: World,
    journey: Journey,
    peer: Peer,
    /// Where the practice's mail is sent; whoever listens there may pass it on to the peer.
    listener: Option<TcpListener>,
}

impl Scene {
    async fn new() -> Self {
        let world = World::new();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let names = vec!["mx.elm-surgery.example".to_owned()];
        let leaf = CertificateParams::new(names).unwrap().signed_by(&key, &ca).unwrap();
        let identity = ServerIdentity::from_pem(&leaf.pem(), &key.serialize_pem()).unwrap();
        let tls = server_config(&identity, ClientCertificates::None).unwrap();
        let peer = Peer::start(Speaks::Tls(tls)).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let settings = settings(world.folder.path(), listener.local_addr().unwrap(), &ca.pem());
        let store = world.serve().await;
        let seams = Seams {
            clock: world.clock.clone(),
            dice: world.dice.clone(),
            names: crate::outbound::names::Names::table(crate::outbound::names::Table::default()),
            disk: Disk::real(),
            program: std::env::current_exe().unwrap(),
        };
        let journey = setup::journey(&settings, &seams, store, Vec::new()).unwrap();
        let text = include_str!("../demo/register.toml")
            .replace("{PAST}", &Timestamp(NOON - 90 * 86_400).to_string())
            .replace("{FUTURE}", &Timestamp(NOON + 365 * 86_400).to_string())
            .replace("{CA}", &ca.pem())
            .replace("{AGE_KEY}", "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p");
        let register = file::parse(&text, "register.toml", &file::Known::default()).unwrap();
        journey.registers.import(&register, "adm-reed").await.unwrap();
        Self { world, journey, peer, listener: Some(listener) }
    }

    /// A letter about Amina Yorke to the practice, in the queue.
    async fn letter(&self, opening: Opening) -> LetterRecord {
        let head = b"From: <o.lamb@harbour.example>\r\n\r\nMARKER\r\n";
        let received = self.world.body(&self.journey.store, head).await;
        let mut new = self.world.new_letter(received.body());
        let letter = &mut new.record.letter;
        letter.sender = "dr-lamb".to_owned();
        letter.to = Mailbox::parse("letters@elm-surgery.example").unwrap();
        letter.subject = Some(policy::SubjectId::parse("nhs:9995260182").unwrap());
        new.record.envelope.reverse_path = Some(Mailbox::parse("o.lamb@harbour.example").unwrap());
        (new.opening, new.agency) = (opening, Some("elm".to_owned()));
        let record = new.record.clone();
        commit(&self.journey.store, |batch| batch.accept(new)).await.unwrap();
        record
    }

    async fn attempt(&self) {
        let lease = self.journey.store.due(1).await.unwrap().pop().expect("a letter is due");
        self.journey.attempt(lease).await.unwrap();
    }

    async fn state(&self, record: &LetterRecord) -> State {
        self.journey.store.letter(&record.letter.id).await.unwrap().state
    }
}

fn settings(folder: &Path, elm: SocketAddr, ca: &str) -> config::Settings {
    let text = |text: &str| Value::String(text.to_owned());
    let list = |item: &str| Value::Array(vec![text(item)]);
    let roots = folder.join("roots.pem");
    std::fs::write(&roots, ca).unwrap();
    let route = [
        ("domain", text("elm-surgery.example")),
        ("host", text("mx.elm-surgery.example")),
        ("port", Value::Integer(i64::from(elm.port()))),
        ("address", text(&elm.ip().to_string())),
    ];
    let route = route.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let written = config::annotated(&[
        ("provider.name", text("Harbour Talking Therapies")),
        ("provider.phone", text("01632 960123")),
        ("provider.domains", list("harbour.example")),
        ("storage.folder", text(&folder.join("data").display().to_string())),
        ("smtp.hostname", text("sealgate.harbour.example")),
        ("outbound.roots_file", text(&roots.display().to_string())),
        ("outbound.route", Value::Array(vec![Value::Table(route)])),
        ("notices.from", text("sealgate@harbour.example")),
    ]);
    let file = folder.join("sealgate.toml");
    std::fs::write(&file, &written).unwrap();
    config::Settings::load(&file).unwrap()
}

/// Passes one connection on to the peer.
async fn pass_on(listener: &TcpListener, peer: SocketAddr) {
    let (mut from, _) = listener.accept().await.unwrap();
    tokio::spawn(async move {
        let mut to = TcpStream::connect(peer).await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut from, &mut to).await;
    });
}

const QUEUED: Opening = Opening::Queued { deadline: Timestamp(NOON + 48 * 3600) };

#[tokio::test]
async fn a_letter_that_may_go_goes() {
    let mut scene = Scene::new().await;
    let record = scene.letter(QUEUED).await;
    let (listener, peer) = (scene.listener.take().unwrap(), scene.peer.address());
    tokio::spawn(async move { pass_on(&listener, peer).await });
    scene.attempt().await;
    assert_eq!(scene.state(&record).await, State::Delivered);
    assert_eq!(scene.peer.arrived().len(), 1);
}

/// The patient says no after the letter was decided, and before a way to its recipient is open.
#[tokio::test]
async fn a_no_counts_while_a_way_is_sought() {
    async fn check(change: impl AsyncFn(&Registers, &Clock), expected: State) {
        let mut scene = Scene::new().await;
        let record = scene.letter(QUEUED).await;
        let (listener, peer) = (scene.listener.take().unwrap(), scene.peer.address());
        let registers = scene.journey.registers.clone();
        let meanwhile = async {
            let (mut from, _) = listener.accept().await.unwrap();
            change(&registers, &scene.world.clock).await;
            let mut to = TcpStream::connect(peer).await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut from, &mut to).await;
            std::future::pending().await
        };
        tokio::select! {
            () = scene.attempt() => {}
            () = meanwhile => {}
        }
        assert_eq!(scene.state(&record).await, expected);
        assert_eq!(scene.peer.arrived().len(), 0, "not a byte of it left");
    }
    check(
        async |registers, _| {
            for consent in registers.list::<policy::Consent>().await.unwrap() {
                registers.withdraw(&consent.id, Timestamp(NOON), "adm-reed").await.unwrap();
            }
        },
        State::Refused,
    )
    .await;
    check(
        async |registers, _| {
            registers.update::<Agency>("elm", "adm-reed", |elm| elm.suspended = true).await.unwrap();
        },
        State::Refused,
    )
    .await;
    // An hour has struck: its sender is no longer trained.
    check(async |_, clock| clock.set(Timestamp(NOON + 366 * 86_400)), State::Refused).await;
    // Another agency, whom nobody may write to, has taken over the address; the letter does not know of that agency.
    check(
        async |registers, _| {
            let mut heirs = registers.read::<Agency>("elm").await.unwrap().unwrap();
            let domain = heirs.addresses[0].domain().clone();
            registers
                .update::<Agency>("elm", "adm-reed", |elm| {
                    elm.addresses.clear();
                    elm.domains = vec![domain.clone()];
                })
                .await
                .unwrap();
            (heirs.id, heirs.suspended) = ("heirs".to_owned(), true);
            registers.put(&heirs, "adm-reed").await.unwrap();
        },
        State::Refused,
    )
    .await;
    // It may go still, but not by what was found for the record as it was.
    check(
        async |registers, _| {
            registers.update::<Agency>("elm", "adm-reed", |elm| elm.mx.clear()).await.unwrap();
        },
        State::Failed,
    )
    .await;
}

/// The patient says no when the letter is on the ledger and on its way, before its final dot.
#[tokio::test]
async fn a_no_counts_up_to_the_final_dot() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut scene = Scene::new().await;
    let record = scene.letter(QUEUED).await;
    let (listener, peer) = (scene.listener.take().unwrap(), scene.peer.address());
    let Parts { ledger, registers, .. } = &*scene.journey;
    let meanwhile = async {
        let (from, _) = listener.accept().await.unwrap();
        let (mut from, mut back) = from.into_split();
        let (mut answers, mut to) = TcpStream::connect(peer).await.unwrap().into_split();
        tokio::spawn(async move { tokio::io::copy(&mut answers, &mut back).await });
        let mut piece = [0_u8; 4096];
        while let Ok(count @ 1..) = from.read(&mut piece).await {
            let (_, line) = ledger.tail(1).await.unwrap().pop().unwrap();
            if line.to_string().contains("disclosure") {
                for consent in registers.list::<policy::Consent>().await.unwrap() {
                    registers.withdraw(&consent.id, Timestamp(NOON), "adm-reed").await.unwrap();
                }
            }
            to.write_all(&piece[..count]).await.unwrap();
        }
        drop(to);
        std::future::pending().await
    };
    tokio::select! {
        () = scene.attempt() => {}
        () = meanwhile => {}
    }
    assert_eq!(scene.state(&record).await, State::Refused);
    assert_eq!(scene.peer.arrived().len(), 0, "it was not ended as a message");
    let said: Vec<_> = ledger.tail(10).await.unwrap().iter().map(|(_, line)| line.to_string()).collect();
    assert!(said.iter().any(|line| line.contains("outcome") && line.contains("deferred")), "{said:?}");
}

#[tokio::test]
async fn a_letter_follows_its_address_to_another_agency() {
    let mut scene = Scene::new().await;
    let record = scene.letter(QUEUED).await;
    drop(scene.listener.take());
    scene.attempt().await;
    let (store, registers) = (&scene.journey.store, &scene.journey.registers);
    let mut heirs = registers.read::<Agency>("elm").await.unwrap().unwrap();
    let domain = heirs.addresses[0].domain().clone();
    let let_go = |elm: &mut Agency| (elm.addresses, elm.domains) = (Vec::new(), vec![domain.clone()]);
    registers.update::<Agency>("elm", "adm-reed", let_go).await.unwrap();
    scene.attempt().await;
    heirs.id = "heirs".to_owned();
    registers.put(&heirs, "adm-reed").await.unwrap();
    scene.attempt().await;
    assert!(scene.state(&record).await != State::Delivered);
    assert_eq!(store.letter(&record.letter.id).await.unwrap().summary.agency.as_deref(), Some("heirs"));
    for (agency, letters) in [("elm", 0), ("heirs", 1)] {
        let filter = store::Filter { agency: Some(agency.to_owned()), ..store::Filter::default() };
        assert_eq!(store.letters(&filter).await.unwrap().len(), letters, "{agency}");
    }
}

#[tokio::test]
async fn a_letter_whose_body_is_gone_does_not_wait_in_silence() {
    let mut scene = Scene::new().await;
    let record = scene.letter(QUEUED).await;
    let (listener, peer) = (scene.listener.take().unwrap(), scene.peer.address());
    tokio::spawn(async move {
        loop {
            pass_on(&listener, peer).await;
        }
    });
    std::fs::remove_file(scene.world.data().join("blobs").join(&record.letter.body.blob)).unwrap();
    scene.attempt().await;
    assert_eq!(scene.state(&record).await, State::Queued);
    assert!(scene.journey.store.next_notice().await.unwrap().is_some(), "its sender will be told");
    scene.world.pass(49 * 3600);
    scene.attempt().await;
    assert_eq!(scene.state(&record).await, State::Expired);
}

/// Whatever of it can still be read, it ends, and its sender is told wherever an address can still be known.
#[tokio::test]
async fn a_letter_that_does_not_open_ends() {
    for (what, told) in [("sealed", true), ("wrapped_key", true), ("sealed = x'00', summary", false)] {
        let scene = Scene::new().await;
        let record = scene.letter(QUEUED).await;
        let text = format!("UPDATE letter SET {what} = x'00'");
        sqlx::raw_sql(sqlx::AssertSqlSafe(text)).execute(&mut raw(&scene.world).await).await.unwrap();
        scene.attempt().await;
        let store = &scene.journey.store;
        assert_eq!(store.next_due().await.unwrap(), None, "{what}: it waits no more");
        let trail = store.trail(&record.letter.id).await.unwrap();
        assert!(matches!(trail.last().unwrap().what, store::Happening::Failed), "{what}");
        let notices = store.due_notices(5).await.unwrap();
        let to: Vec<_> = notices.iter().map(|notice| notice.body["to"].as_str().unwrap()).collect();
        assert_eq!(to, if told { vec!["o.lamb@harbour.example"] } else { Vec::new() }, "{what}");
    }
}

/// It was held for longer than the queue keeps letters, then freed; its recipient's server is away for a moment.
#[tokio::test]
async fn a_letter_that_was_held_for_long_is_still_tried_again() {
    let mut scene = Scene::new().await;
    let record = scene.letter(Opening::Held { deadline: Timestamp(NOON + 72 * 3600) }).await;
    drop(scene.listener.take());
    scene.world.pass(60 * 3600);
    scene.attempt().await;
    let overview = scene.journey.store.letter(&record.letter.id).await.unwrap();
    assert_eq!((overview.state, overview.attempts), (State::Queued, 1));
    assert_eq!(overview.deadline, Some(Timestamp(NOON + (60 + 48) * 3600)));
    assert!(scene.journey.store.next_notice().await.unwrap().is_some(), "its sender will be told of the delay");
}

/// Whatever a member of staff's entry lists: letters come from, and notices go to, the provider's own domains alone.
#[tokio::test]
async fn nobody_sends_from_another_s_domain() {
    use crate::intake::Desk;
    let scene = Scene::new().await;
    let at = |text: &str| Mailbox::parse(text).unwrap();
    let registers = &scene.journey.registers;
    let add = |staff: &mut policy::Staff| {
        staff.addresses.insert(0, Mailbox::parse("o.lamb@webmail.example").unwrap());
        staff.addresses.push(Mailbox::parse("o.lamb@sub.harbour.example").unwrap());
    };
    registers.update("dr-lamb", "adm-reed", add).await.unwrap();
    let Ok(account) = scene.journey.relay("dr-lamb").await else { panic!("active") };
    assert!(account.reverse_paths == [at("o.lamb@harbour.example")]);
    // What is taken away counts in sessions that are open.
    registers.update("dr-lamb", "adm-reed", |staff: &mut policy::Staff| staff.addresses.clear()).await.unwrap();
    assert!(scene.journey.still(&account).await.is_ok_and(|account| account.reverse_paths.is_empty()));
    registers.update("dr-lamb", "adm-reed", |staff: &mut policy::Staff| staff.active = false).await.unwrap();
    assert_eq!(scene.journey.still(&account).await.err(), Some(crate::intake::SignInRefused::Wrong));
}
