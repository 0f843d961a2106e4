//! Changes in; what is found, who is woken, what is kept, and what is refused whole.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use policy::{Domain, Letter, LetterId, Recipient, Role};

use super::file::{Document, Known, parse};
use super::*;
use crate::ledger::verify;
use crate::store::tests::{NOON, World, assert_no_marker, commit};
use crate::store::{Disk, Transition};

const REGISTER: &str = r#"
    [provider]
    name = "MARKER Provider"
    ods = "R1A"
    country = "GB"
    [[staff]]
    id = "MARKER-staff"
    name = "MARKER Clinician"
    roles = ["clinician"]
    trained_until = 2030-01-01
    addresses = ["marker-clinician@marker-provider.example"]
    [[staff]]
    id = "manager"
    name = "MARKER Manager"
    roles = ["area-manager", "senior-clinician"]
    trained_until = 2030-01-01
    [[subject]]
    id = "nhs:9434765919"
    name = "MARKER  Patient"
    birth_date = 1970-01-01
    aliases = ["case:MARKER-1"]
    addresses = ["marker-patient@marker-home.example"]
    usual = ["gp"]
    [[subject]]
    id = "case:MARKER-2"
    name = "MARKER Other"
    birth_date = 1980-01-01
    [[agency]]
    id = "gp"
    name = "MARKER Practice"
    kind = "gp"
    country = "GB"
    purposes = ["direct-care"]
    categories = ["clinical-letter"]
    channels = ["age-email"]
    addresses = ["letters@marker-practice.example"]
    domains = ["marker-practice.example"]
    requested_by = "MARKER-staff"
    authorised = { by = "manager", on = 2020-01-01, until = 2040-01-01 }
    [[agency]]
    id = "trust"
    name = "MARKER Trust"
    kind = "nhs-provider"
    country = "GB"
    purposes = ["direct-care"]
    categories = ["clinical-letter"]
    channels = ["age-email"]
    addresses = ["special@marker-practice.example"]
    domains = ["marker-home.example", "marker-trust.example"]
    [[consent]]
    id = "c1"
    subject = "nhs:9434765919"
    agency = "gp"
    answer = "yes"
    form = "explicit"
    manner = "written"
    purposes = ["direct-care"]
    categories = ["clinical-letter"]
    given = 2026-01-01
    notice = "MARKER notice"
    evidence = "MARKER evidence"
    [[exception]]
    id = "e1"
    ground = "vital-interests"
    agency = "trust"
    categories = ["clinical-letter"]
    requested_by = "MARKER-staff"
    approved_by = "manager"
    approved_on = 2026-01-01
    until = 2040-01-01
    subject = "case:MARKER-2"
    who_at_risk = "MARKER"
    belief = "MARKER"
    why_no_consent = "MARKER"
"#;

fn document() -> Document {
    parse(REGISTER, "register.toml", &Known::default()).unwrap()
}

async fn filled(world: &World) -> (Store, Registers) {
    let store = world.serve().await;
    let registers = Registers::over(&store);
    let plan = registers.import(&document(), "admin").await.unwrap();
    assert_eq!((plan.count(What::Added), plan.0.len()), (9, 9));
    (store, registers)
}

fn mailbox(text: &str) -> Mailbox {
    Mailbox::parse(text).unwrap()
}

fn subject(text: &str) -> SubjectId {
    SubjectId::parse(text).unwrap()
}

#[tokio::test]
async fn what_goes_in_comes_out_and_the_same_again_changes_nothing() {
    let world = World::new();
    let (store, registers) = filled(&world).await;
    let sorted = |mut document: Document| {
        document.staff.sort_by_key(Listed::id);
        document.subjects.sort_by_key(Listed::id);
        document
    };
    assert!(registers.export().await.unwrap() == sorted(document()));
    let commits = store.counters().commits;
    assert_eq!(registers.import(&document(), "admin").await.unwrap().count(What::Same), 9);
    assert_eq!(store.counters().commits, commits, "nothing to write");
    let known = registers.known().await.unwrap();
    assert!(parse(REGISTER, "again.toml", &known).is_ok(), "a file replaces its own entries");
    assert_eq!((known.agencies.len(), known.subjects.len(), known.listed.len()), (2, 3, 5));
    assert_no_marker(&world.data());
    store.close().await;
    assert_no_marker(&world.data());

    let mut changed = document();
    changed.agencies[0].suspended = true;
    changed.agencies[0].name = "MARKER New".to_owned();
    let store = world.serve().await;
    let registers = Registers::over(&store);
    let plan = registers.plan(&changed).await.unwrap();
    let lines: Vec<_> = plan.0.iter().filter(|line| line.what == What::Changed).collect();
    assert_eq!(lines.len(), 1);
    assert_eq!((lines[0].id.as_str(), lines[0].fields.join(" ")), ("gp", "name suspended".to_owned()));
    assert!(!registers.read::<Agency>("gp").await.unwrap().unwrap().suspended, "a plan changes nothing");
    assert_eq!(verify(&store).await.unwrap().entries, 9, "each change has its line");
}

#[tokio::test]
async fn an_address_is_its_agency_s_its_subject_s_or_nobody_s() {
    let world = World::new();
    let (_store, registers) = filled(&world).await;
    let cases = [
        ("letters@marker-practice.example", None, "gp"),
        ("LETTERS@Marker-Practice.Example", None, "gp"),
        ("anyone@marker-practice.example", None, "gp"),
        ("special@marker-practice.example", None, "trust"),
        ("x@sub.marker-practice.example", None, "nobody"),
        ("marker-patient@marker-home.example", Some("nhs:9434765919"), "own"),
        ("marker-patient@marker-home.example", Some("case:MARKER-1"), "own"),
        ("marker-patient@marker-home.example", Some("case:MARKER-2"), "trust"),
        ("marker-patient@marker-home.example", None, "trust"),
        ("letters@marker-practise.example", None, "marker-practice.example"),
        ("a@elsewhere.example", Some("case:unknown"), "nobody"),
    ];
    for (address, about, expected) in cases {
        let about = about.map(subject);
        let whose = match registers.recipient(&mailbox(address), about.as_ref()).await.unwrap() {
            Recipient::Agency(agency) => agency.id,
            Recipient::OwnAddress => "own".to_owned(),
            Recipient::Unlisted { resembles } => resembles.unwrap_or_else(|| "nobody".to_owned()),
        };
        assert_eq!(whose, expected, "{address}");
    }
    // What resembles is known anew as soon as the list changes.
    let mut agency = registers.read::<Agency>("trust").await.unwrap().unwrap();
    agency.domains.push(Domain::parse("elsewhere-trust.example").unwrap());
    registers.put(&agency, "admin").await.unwrap();
    let near = registers.recipient(&mailbox("a@elsewhere-trvst.example"), None).await.unwrap();
    assert!(matches!(near, Recipient::Unlisted { resembles: Some(listed) } if listed == "elsewhere-trust.example"));
    assert!(registers.is_own_address(&mailbox("Marker-Patient@marker-home.example")).await.unwrap());
    assert_eq!(registers.staff_at(&mailbox("marker-clinician@marker-provider.example")).await.unwrap().len(), 1);
    let asked = ["marker patient", "nobody"].map(crate::screening::normalise_name);
    assert_eq!(registers.known_names(&asked).await.unwrap().len(), 1);
    let ids = ["case:MARKER-1", "nhs:9434765919", "case:none"].map(subject);
    assert_eq!(registers.subjects(&ids).await.unwrap().len(), 1);
}

fn letter(to: &str, about: &str, exception: Option<&str>) -> Letter<()> {
    Letter {
        id: LetterId::from_bits(1),
        sender: "MARKER-staff".to_owned(),
        to: mailbox(to),
        subject: Some(subject(about)),
        purpose: None,
        categories: Vec::new(),
        citation: None,
        contradictions: Vec::new(),
        exception: exception.map(str::to_owned),
        found: Vec::new(),
        sha256: None,
        body: (),
    }
}

#[tokio::test]
async fn the_facts_are_all_that_bears_on_the_letter() {
    let world = World::new();
    let (_store, registers) = filled(&world).await;
    let facts = registers.facts(&letter("letters@marker-practice.example", "case:MARKER-1", None)).await.unwrap();
    assert_eq!(facts.sender.unwrap().id, "MARKER-staff");
    assert_eq!(facts.authoriser.unwrap().id, "manager");
    assert_eq!(facts.subject.unwrap().id, subject("nhs:9434765919"));
    assert_eq!(facts.consents.iter().map(|c| c.id.as_str()).collect::<Vec<_>>(), ["c1"]);
    assert!(facts.approval.is_none());
    let facts = registers.facts(&letter("x@marker-trust.example", "case:MARKER-2", Some("e1"))).await.unwrap();
    let approval = facts.approval.unwrap();
    assert_eq!((approval.exception.id.as_str(), approval.approver.unwrap().id.as_str()), ("e1", "manager"));
    assert!(facts.consents.is_empty() && facts.authoriser.is_none());
    let facts = registers.facts(&letter("x@nowhere.example", "case:none", Some("none"))).await.unwrap();
    assert!(facts.subject.is_none() && facts.approval.is_none());
}

/// A held letter from `MARKER-staff` about `about` to agency `to`.
async fn held(world: &World, store: &Store, about: &str, to: &str) -> LetterId {
    let received = world.body(store, b"held").await;
    let mut new = world.new_letter(received.body());
    new.record.letter.subject = Some(subject(about));
    new.agency = Some(to.to_owned());
    let id = new.record.letter.id.clone();
    commit(store, |b| b.accept(new)).await.unwrap();
    hold_again(store).await;
    id
}

fn waiting() -> Transition {
    let deadline = Timestamp(NOON + 72 * 3_600);
    Transition::Held { due: deadline, deadline }
}

async fn hold_again(store: &Store) {
    for lease in store.due(100).await.unwrap() {
        commit(store, |b| b.settle(&lease, waiting(), &"", &[])).await.unwrap();
    }
    assert!(store.due(100).await.unwrap().is_empty());
}

async fn woken(store: &Store) -> Vec<LetterId> {
    let leases = store.due(100).await.unwrap();
    let ids = leases.iter().map(|lease| lease.id().clone()).collect();
    for lease in &leases {
        commit(store, |b| b.settle(lease, waiting(), &"", &[])).await.unwrap();
    }
    ids
}

#[tokio::test]
async fn a_change_wakes_the_letters_it_touches_and_no_other() {
    let world = World::new();
    let (store, registers) = filled(&world).await;
    let to_gp = held(&world, &store, "nhs:9434765919", "gp").await;
    let by_alias = held(&world, &store, "case:MARKER-1", "trust").await;
    let other = held(&world, &store, "case:MARKER-2", "trust").await;
    let new = held(&world, &store, "case:new", "gp").await;
    let sort = |mut ids: Vec<LetterId>| {
        ids.sort();
        ids
    };

    registers.withdraw("c1", Timestamp(NOON), "admin").await.unwrap();
    assert_eq!(sort(woken(&store).await), sort(vec![to_gp.clone(), by_alias.clone()]), "a no counts at once");

    let mut gp = registers.read::<Agency>("gp").await.unwrap().unwrap();
    gp.suspended = true;
    registers.put(&gp, "admin").await.unwrap();
    assert_eq!(sort(woken(&store).await), sort(vec![to_gp.clone(), new.clone()]));

    let mut person = registers.read::<Subject>("case:MARKER-2").await.unwrap().unwrap();
    person.aliases.push(subject("case:MARKER-3"));
    registers.put(&person, "admin").await.unwrap();
    assert_eq!(woken(&store).await, std::slice::from_ref(&other));

    person.id = subject("case:new");
    person.aliases.clear();
    registers.put(&person, "admin").await.unwrap();
    assert_eq!(woken(&store).await, std::slice::from_ref(&new), "a subject that was missing is there now");

    let mut exception = registers.read::<policy::Exception>("e1").await.unwrap().unwrap();
    exception.told = Some("by telephone".to_owned());
    registers.put(&exception, "admin").await.unwrap();
    assert_eq!(sort(woken(&store).await), sort(vec![by_alias.clone(), other.clone()]));

    // The manager authorised one agency and approved an exception for the other.
    let mut manager = registers.read::<Staff>("manager").await.unwrap().unwrap();
    manager.roles = vec![Role::Admin];
    registers.put(&manager, "admin").await.unwrap();
    assert_eq!(sort(woken(&store).await), sort(vec![to_gp, by_alias, other, new]));

    assert_eq!(registers.put(&manager, "admin").await.unwrap(), What::Same);
    assert!(woken(&store).await.is_empty(), "nothing changed, nobody wakes");
}

#[tokio::test]
async fn an_address_that_is_listed_or_dropped_wakes_the_letters_to_it() {
    let world = World::new();
    let (store, registers) = filled(&world).await;
    let to = async |address: &str, agency: Option<&str>| {
        let received = world.body(&store, b"held").await;
        let mut new = world.new_letter(received.body());
        new.record.letter.to = mailbox(address);
        new.agency = agency.map(str::to_owned);
        let id = new.record.letter.id.clone();
        commit(&store, |b| b.accept(new)).await.unwrap();
        id
    };
    let by_domain = to("New@marker-practice.example", Some("gp")).await;
    let own = to("a@marker-own.example", None).await;
    let nobody_s = to("b@marker-other.example", None).await;
    hold_again(&store).await;
    let change = async |change: &dyn Fn(&mut Agency)| {
        registers.update::<Agency>("trust", "admin", change).await.unwrap();
        woken(&store).await
    };
    let listed = change(&|trust| trust.addresses.push(mailbox("new@marker-practice.example"))).await;
    assert_eq!(listed, std::slice::from_ref(&by_domain), "another agency takes the address over");
    assert_eq!(change(&|trust| drop(trust.addresses.pop())).await, [by_domain], "and gives it back");
    let domain = Domain::parse("marker-own.example").unwrap();
    assert_eq!(change(&|trust| trust.domains.push(domain.clone())).await, std::slice::from_ref(&own));
    assert_eq!(change(&|trust| drop(trust.domains.pop())).await, [own]);
    assert_eq!(store.letter(&nobody_s).await.unwrap().state, crate::store::State::Held);
}

#[tokio::test]
async fn a_change_during_an_attempt_is_not_missed() {
    let world = World::new();
    let (store, registers) = filled(&world).await;
    let id = held(&world, &store, "case:MARKER-2", "trust").await;
    world.pass(72 * 3_600);
    let lease = store.due(1).await.unwrap().remove(0);
    let mut trust = registers.read::<Agency>("trust").await.unwrap().unwrap();
    trust.suspended = true;
    registers.put(&trust, "admin").await.unwrap();
    assert!(store.due(1).await.unwrap().is_empty(), "nobody else takes it meanwhile");
    let due = Timestamp(NOON + 100 * 3_600);
    commit(&store, |b| b.settle(&lease, Transition::Deferred { due, deadline: due }, &"", &[])).await.unwrap();
    assert_eq!(store.due(1).await.unwrap()[0].id(), &id);
}

#[tokio::test]
async fn what_does_not_fit_is_refused_whole() {
    let world = World::new();
    let (store, registers) = filled(&world).await;
    let lines = verify(&store).await.unwrap().entries;
    let check = async |what: &str, spoil: &dyn Fn(&mut Document)| {
        let mut document = document();
        document.subjects[1].name = "MARKER Changed".to_owned();
        spoil(&mut document);
        let error = registers.import(&document, "admin").await.err().unwrap_or_else(|| panic!("{what}"));
        assert!(!error.to_string().contains("MARKER"), "{error}");
        let word = match error {
            RegisterError::Unresolved { field, .. } => field,
            RegisterError::Taken { .. } => "taken",
            RegisterError::Edited { .. } => "edited",
            RegisterError::Supersedes { .. } => "supersedes!",
            other => panic!("{what}: {other}"),
        };
        assert_eq!(word, what);
    };
    check("only_via", &|d| d.agencies[0].only_via = Some("none".to_owned())).await;
    check("authorised.by", &|d| d.agencies[0].authorised.as_mut().unwrap().by = "none".to_owned()).await;
    check("usual", &|d| d.subjects[0].usual.push("none".to_owned())).await;
    check("approved_by", &|d| d.exceptions[0].approved_by = Some("none".to_owned())).await;
    check("taken", &|d| d.agencies[0].addresses.push(mailbox("SPECIAL@marker-practice.example"))).await;
    check("taken", &|d| d.agencies[0].addresses.push(mailbox("marker-patient@marker-home.example"))).await;
    check("taken", &|d| d.subjects[0].addresses.push(mailbox("letters@marker-practice.example"))).await;
    check("taken", &|d| d.subjects[1].aliases.push(subject("case:MARKER-1"))).await;
    check("taken", &|d| d.subjects[1].id = subject("case:MARKER-1")).await;
    check("taken", &|d| d.agencies[1].id = "third".to_owned()).await;
    check("edited", &|d| d.consents[0].expires = Some(Timestamp(NOON))).await;
    let add = |d: &mut Document, id: &str, about: &str, earlier: &str| {
        let mut consent = d.consents[0].clone();
        (consent.id, consent.subject) = (id.to_owned(), subject(about));
        consent.supersedes = Some(earlier.to_owned());
        d.consents.push(consent);
    };
    check("supersedes", &|d| add(d, "c2", "nhs:9434765919", "none")).await;
    check("supersedes!", &|d| add(d, "c2", "case:MARKER-2", "c1")).await;
    check("supersedes!", &|d| {
        add(d, "c2", "nhs:9434765919", "c3");
        add(d, "c3", "nhs:9434765919", "c2");
    })
    .await;
    assert_eq!(verify(&store).await.unwrap().entries, lines, "nothing of any of them was taken");
    assert_eq!(registers.read::<Subject>("case:MARKER-2").await.unwrap().unwrap().name, "MARKER Other");

    // An address may move, in one import, whichever agency comes first.
    for (from, to) in [(0, 1), (1, 0)] {
        let mut moved = registers.export().await.unwrap();
        let address = moved.agencies[from].addresses.remove(0);
        moved.agencies[to].addresses.insert(0, address.clone());
        registers.import(&moved, "admin").await.unwrap();
        assert_eq!(registers.agency_at(&address).await.unwrap().unwrap().id, moved.agencies[to].id);
    }
}

#[tokio::test]
async fn history_tells_who_made_what_so_and_when() {
    let world = World::new();
    let (_store, registers) = filled(&world).await;
    world.pass(10);
    registers.withdraw("c1", Timestamp(NOON + 10), "lead").await.unwrap();
    world.pass(10);
    assert_eq!(registers.withdraw("c1", Timestamp(NOON + 20), "late").await.unwrap(), What::Same);
    let history: Vec<_> = registers
        .history::<Consent>("c1")
        .await
        .unwrap()
        .into_iter()
        .map(|version| (version.since.0 - NOON, version.by, version.entry.withdrawn))
        .collect();
    assert_eq!(history, [(0, "admin".to_owned(), None), (10, "lead".to_owned(), Some(Timestamp(NOON + 10)))]);
    assert!(registers.history::<Consent>("none").await.unwrap().is_empty());
    assert!(matches!(
        registers.withdraw("none", Timestamp(NOON), "lead").await.err(),
        Some(RegisterError::NotFound { list: "consent" })
    ));
}

#[tokio::test]
async fn credentials_stand_for_staff_and_can_be_taken_away() {
    let world = World::new();
    let (store, registers) = filled(&world).await;
    let digest = [7_u8; 32];
    let mut user =
        User { login: "marker".to_owned(), staff: "MARKER-staff".to_owned(), password: "$argon2id$MARKER".to_owned() };
    registers.put(&user, "admin").await.unwrap();
    user.password = "$argon2id$MARKER-2".to_owned();
    registers.put(&user, "admin").await.unwrap();
    let token =
        Token { sha256: hex::encode(digest), staff: "MARKER-staff".to_owned(), label: "record system".to_owned() };
    registers.put(&token, "admin").await.unwrap();
    let certificate = ClientCertificate { sha256: hex::encode(digest), staff: "manager".to_owned() };
    registers.put(&certificate, "admin").await.unwrap();
    let stranger = User { login: "x".to_owned(), staff: "none".to_owned(), password: String::new() };
    assert!(matches!(registers.put(&stranger, "admin").await, Err(RegisterError::Unresolved { field: "staff", .. })));

    assert!(registers.user("marker").await.unwrap() == Some(user));
    assert!(registers.user("nobody").await.unwrap().is_none());
    assert_eq!(registers.history::<User>("marker").await.unwrap().len(), 1, "old passwords are forgotten");
    assert_eq!(registers.token(&digest).await.unwrap().as_deref(), Some("MARKER-staff"));
    assert_eq!(registers.certificate(&digest).await.unwrap().as_deref(), Some("manager"));
    registers.remove::<Token>(&hex::encode(digest), "admin").await.unwrap();
    assert_eq!(registers.token(&digest).await.unwrap(), None);
    assert!(matches!(
        registers.remove::<Token>(&hex::encode(digest), "admin").await,
        Err(RegisterError::NotFound { list: "token" })
    ));
    assert_no_marker(&world.data());
    store.close().await;
}

#[tokio::test]
async fn two_processes_do_not_overwrite_each_other() {
    let world = World::new();
    let (_server, registers) = filled(&world).await;
    let visitor = Store::visit(world.home(Disk::real())).await.unwrap();
    let beside = Registers::over(&visitor);
    for n in 0..10 {
        let rename = |agency: &mut Agency| agency.name = format!("name {n}");
        let suspend = |agency: &mut Agency| agency.suspended = !agency.suspended;
        let (a, b) = tokio::join!(registers.update("gp", "a", rename), beside.update("gp", "b", suspend));
        assert_eq!((a.unwrap(), b.unwrap()), (What::Changed, What::Changed));
        let now = beside.read::<Agency>("gp").await.unwrap().unwrap();
        assert_eq!((now.name, now.suspended), (format!("name {n}"), n % 2 == 0));
    }
    assert_eq!(registers.history::<Agency>("gp").await.unwrap().len(), 21);
    let none = registers.update("none", "a", |agency: &mut Agency| agency.suspended = true).await;
    assert!(matches!(none, Err(RegisterError::NotFound { list: "agency" })));
}
