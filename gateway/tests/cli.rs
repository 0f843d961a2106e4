//! The command line as a person and a program meet it: the real binary in a folder of its own, exit codes and texts.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use config::Settings;
use gateway::intake::declare::{HeadCollector, Rules, Stamp, declare};
use gateway::intake::{
    Account, Answer, Content, Desk, Door, DryRun, Envelope, EnvelopeRecipient, Incoming, Notify, Script,
};
use gateway::journey::Journey;
use gateway::setup::{self, Seams};
use gateway::store::{Event, Happening, Store, Transition};
use keys::open::OpeningKey;
use policy::{LetterId, Mailbox};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_sealgate");
const REGISTER: &str = include_str!("../src/demo/register.toml");
const AMINA: &str = "nhs:9995260182";

/// What a command did.
struct Done {
    code: i32,
    out: String,
    err: String,
}

/// A folder in which `quickstart` has run, with the demo's register imported.
struct House {
    folder: tempfile::TempDir,
}

fn run(args: &[&str], typed: &str) -> Done {
    let mut child = Command::new(PROGRAM)
        .args(args)
        .env_remove("SEALGATE_CONFIG")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // A command that reads nothing may have ended already.
    let _ = child.stdin.take().expect("a pipe").write_all(typed.as_bytes());
    let output = child.wait_with_output().expect("it ends");
    Done {
        code: output.status.code().expect("an exit code"),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl House {
    fn bare() -> Self {
        let house = Self { folder: tempfile::tempdir().expect("a folder") };
        let (into, data) = (house.path("etc"), house.path("data"));
        let done =
            run(&["quickstart", "harbour.example", "--phone", "01632 960123", "--into", &into, "--data", &data], "");
        assert_eq!(done.code, 0, "{}", done.err);
        house
    }

    fn new() -> Self {
        let house = Self::bare();
        let ca = std::fs::read_to_string(house.path("etc/certificate.pem")).expect("a certificate");
        let register = REGISTER
            .replace("{PAST}", "2026-01-01")
            .replace("{FUTURE}", "2099-01-01")
            .replace("{CA}", &ca)
            .replace("{AGE_KEY}", &OpeningKey::fresh().recipient());
        house.write("people.toml", &register);
        house.check(&["agency", "import", &house.path("people.toml"), "--by", "adm-reed"], 0, &["added    agency elm"]);
        house
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("a file");
    }

    fn run(&self, args: &[&str], typed: &str) -> Done {
        let config = self.path("etc/sealgate.toml");
        run(&[&["--config", &config], args].concat(), typed)
    }

    /// Runs a command: its exit code, and words that stand on one of its two channels.
    #[track_caller]
    fn check(&self, args: &[&str], code: i32, words: &[&str]) -> Done {
        self.check_typed(args, "", code, words)
    }

    #[track_caller]
    fn check_typed(&self, args: &[&str], typed: &str, code: i32, words: &[&str]) -> Done {
        let done = self.run(args, typed);
        let all = format!("{}\n{}", done.out, done.err);
        assert_eq!(done.code, code, "{args:?}: {all}");
        for word in words {
            assert!(all.contains(word), "{args:?} says nothing of {word:?}:\n{all}");
        }
        done
    }

    /// The same as a program asks it: JSON on standard output, or on standard error if it failed.
    #[track_caller]
    fn json(&self, args: &[&str], code: i32) -> Value {
        let done = self.run(&[args, &["--json", "--quiet"]].concat(), "");
        assert_eq!(done.code, code, "{args:?}: {} {}", done.out, done.err);
        let text = if done.out.is_empty() { &done.err } else { &done.out };
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{args:?}: {error}: {text}"))
    }

    /// The road over the house's store, as the gateway has it.
    async fn journey(&self) -> Journey {
        let settings = Settings::load(Path::new(&self.path("etc/sealgate.toml"))).expect("settings");
        let seams = Seams { program: PROGRAM.into(), ..Seams::of_the_system(&settings).expect("seams") };
        let (home, _) = setup::home(&settings, &seams).expect("a home");
        let store = Store::visit(home).await.expect("a store");
        setup::journey(&settings, &seams, store, Vec::new()).expect("a road")
    }
}

/// Hands a message in as a door does; the letter's reference.
async fn hand_in(journey: &Journey, to: &str, message: &str) -> LetterId {
    let from = Mailbox::parse("o.lamb@harbour.example").expect("an address");
    let account = Account { staff: "dr-lamb".to_owned(), reverse_paths: vec![from.clone()] };
    let message = message.replace('\n', "\r\n");
    let mut head = HeadCollector::default();
    let body = head.push(message.as_bytes()).expect("a head").expect("its end").to_vec();
    let stamp = Stamp { moment: journey.clock.moment(), name: "test".to_owned() };
    let rules = Rules { account: &account, script: Script::Ascii, stamp: &stamp };
    let declared = declare(&head.into_head(), &rules).expect("a sound head");
    let mut incoming = journey.open_body().await.expect("room");
    Incoming::push(&mut incoming, &declared.head).await.expect("room");
    Incoming::push(&mut incoming, &body).await.expect("room");
    let recipient =
        EnvelopeRecipient { to: Mailbox::parse(to).expect("an address"), notify: Notify::Unsaid, orcpt: None };
    let envelope = Envelope {
        account,
        reverse_path: Some(from),
        recipients: vec![recipient],
        ret: None,
        envid: None,
        content: Content::SevenBit,
        door: Door::Submission,
        dry_run: DryRun::No,
        idempotency_key: None,
        request_sha256: None,
    };
    match Desk::accept(journey, envelope, declared.declaration, incoming).await {
        Answer::Accepted { reference, .. } => reference,
        Answer::Refused { sentence, .. } => panic!("refused: {sentence}"),
        _ => panic!("not taken"),
    }
}

fn message(subject_line: &str, body: &str) -> String {
    format!("From: o.lamb@harbour.example\nSubject: {subject_line}\n\n{body}\n")
}

#[test]
fn quickstart_writes_all_or_nothing_and_never_over_something() {
    let house = House::bare();
    for (name, mode) in [("etc/storage.key", 0o600), ("etc/private-key.pem", 0o600), ("data", 0o700)] {
        use std::os::unix::fs::PermissionsExt;
        let metadata = std::fs::metadata(house.path(name)).expect("it was made");
        assert_eq!(metadata.permissions().mode() & 0o777, mode, "{name}");
    }
    let (into, data) = (house.path("etc"), house.path("data"));
    let again = run(&["quickstart", "harbour.example", "--into", &into, "--data", &data], "");
    assert_eq!(again.code, 5);
    for name in ["sealgate.toml", "storage.key", "register.toml", "data"] {
        assert!(again.err.contains(name), "{}", again.err);
    }
    // One file in the way, and nothing else is made.
    let (into, data) = (house.path("etc2"), house.path("data2"));
    std::fs::create_dir(&into).expect("a folder");
    house.write("etc2/register.toml", "mine");
    assert_eq!(run(&["quickstart", "a.example", "--into", &into, "--data", &data], "").code, 5);
    // A data folder that cannot be made, and nothing is left of the rest.
    house.write("a-file", "");
    let (into, data) = (house.path("etc3"), house.path("a-file/data"));
    assert_ne!(run(&["quickstart", "a.example", "--into", &into, "--data", &data], "").code, 0);
    for (name, entries) in [("etc2", 1), ("data2", 0), ("etc3", 0)] {
        let found = std::fs::read_dir(house.path(name)).map_or(0, Iterator::count);
        assert_eq!(found, entries, "{name}");
    }
    assert_eq!(run(&["quickstart", "not a domain", "--into", &into], "").code, 2);

    let told =
        run(&["quickstart", "b.example", "--into", &house.path("etc4"), "--data", &house.path("data4"), "--json"], "");
    let told: Value = serde_json::from_str(&told.out).expect("JSON");
    assert_eq!(told["dns"][0]["name"], "sealgate.b.example");
    assert_eq!(told["next"].as_array().map(Vec::len), Some(3));
}

#[test]
fn a_key_that_is_lost_is_not_made_anew() {
    let house = House::bare();
    let key = house.path("etc/storage.key");
    let kept = std::fs::read(&key).expect("the key");
    std::fs::remove_file(&key).expect("it was there");
    house.check(&["letter", "list"], 12, &["storage.key"]);
    house.check(&["serve"], 20, &["storage.key"]);
    assert!(!Path::new(&key).exists(), "nothing stands where the right key belongs");
    house.write("etc/storage.key", &String::from_utf8(kept).expect("text"));
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("its mode");
    house.check(&["letter", "list"], 0, &["LETTER"]);
}

#[test]
fn settings_are_checked_shown_and_described() {
    let house = House::bare();
    house.check(&["config", "check"], 0, &["all is well"]);
    house.check(&["config", "show"], 0, &["# Sealgate's settings", "harbour.example"]);
    house.check(&["config", "show", "--effective"], 0, &["[provider]", "phone = \"01632 960123\""]);
    house.check(&["config", "describe"], 0, &["Required."]);
    assert_eq!(house.json(&["config", "check"], 0)["ok"], true);
    assert_eq!(house.json(&["config", "show"], 0)["provider"]["phone"], "01632 960123");
    assert_eq!(house.json(&["config", "show", "--effective"], 0)["smtp"]["sessions_max"], 500);
    assert!(house.json(&["config", "describe"], 0)["reference"].is_string());

    let file = house.path("etc/sealgate.toml");
    let good = std::fs::read_to_string(&file).expect("the settings");
    house.write("etc/sealgate.toml", &good.replace("sessions_max = 500", "sesions_max = 500"));
    house.check(&["config", "check"], 12, &["sealgate.toml:", "sesions_max", "sessions_max"]);
    house.check(&["letter", "list"], 12, &["sesions_max"]);
    house.write("etc/sealgate.toml", &good);
    house.write("etc/certificate.pem", "no certificate");
    house.check(&["config", "check"], 12, &["[smtp]", "certificate"]);
    let missing = run(&["--config", "/nowhere/sealgate.toml", "config", "check"], "");
    assert_eq!((missing.code, missing.err.contains("sealgate quickstart")), (12, true), "{}", missing.err);
}

#[test]
fn the_starting_register_imports_as_it_is() {
    let house = House::bare();
    let file = house.path("etc/register.toml");
    house.check(&["user", "import", &file, "--by", "somebody"], 4, &["--by", "active member of staff"]);
    house.check(&["user", "import", &file, "--by", "admin", "--dry-run"], 0, &["added    staff admin", "Nothing is"]);
    house.check(&["user", "list"], 0, &["ID"]);
    house.check(&["user", "import", &file, "--by", "admin"], 0, &["1 added, 0 changed, 0 same", "Done."]);
    house.check(&["user", "import", &file, "--by", "admin"], 0, &["0 added, 0 changed, 1 same"]);
    // The examples in it are sound as well.
    let text = std::fs::read_to_string(&file).expect("the register");
    let examples = text.lines().map(|line| match line.strip_prefix("# ") {
        Some(rest) if rest.starts_with("[[") || rest.contains(" = ") => rest,
        _ => line,
    });
    let text = examples.collect::<Vec<_>>().join("\n").replace("age1…", &OpeningKey::fresh().recipient());
    house.write("full.toml", &text);
    house.check(&["agency", "import", &house.path("full.toml"), "--by", "admin"], 0, &["agency elm", "consent c-1"]);
}

#[test]
fn a_faulty_register_file_changes_nothing_and_is_told_by_line() {
    let house = House::new();
    let before = house.run(&["consent", "export"], "").out;
    house.write(
        "bad.toml",
        "[[consent]]\nid = \"c-new\"\nsubject = \"nhs:9995260182\"\nagency = \"elmo\"\nanswer = \"yes\"\n\
         form = \"explicit\"\nmanner = \"written\"\npurposes = [\"direct-care\"]\ncategories = [\"clinical-leter\"]\n\
         given = \"2026-02-01\"\nnotice = \"n\"\nevidence = \"e\"\n",
    );
    let bad = house.path("bad.toml");
    let words = ["bad.toml:4:", "consent[0].agency", "bad.toml:9:", "clinical-letter"];
    let done = house.check(&["consent", "import", &bad, "--by", "adm-reed"], 1, &words);
    assert!(!done.err.contains("9995260182"), "{}", done.err);
    assert!(house.json(&["consent", "import", &bad, "--by", "adm-reed"], 1)["error"].is_string());
    house.check(&["consent", "import", "/nowhere.toml", "--by", "adm-reed"], 3, &["/nowhere.toml"]);
    house.check_typed(
        &["consent", "import", "-", "--by", "adm-reed"],
        "[[consnt]]",
        1,
        &["standard input:", "consent"],
    );
    assert_eq!(house.run(&["consent", "export"], "").out, before);
}

#[test]
fn every_table_lists_shows_adds_and_exports() {
    let house = House::new();
    let add = |noun: &str, fields: &[&str], code: i32, words: &[&str]| {
        house.check(&[&[noun, "add", "--by", "adm-reed"], fields].concat(), code, words);
    };
    add(
        "user",
        &["id=dr-new", "name=Dr New", "roles=clinician", "trained_until=2099-01-01"],
        0,
        &["added    staff dr-new"],
    );
    add("subject", &["id=nhs:9434765919", "name=Kit Vale", "birth_date=1980-05-05"], 0, &["added    subject"]);
    add("agency", &["id=elm", "name=Elm Street Practice"], 0, &["changed  agency elm (name)"]);
    add("agency", &["id=elm", "name=Elm Street Practice"], 0, &["0 added, 0 changed, 1 same"]);
    let exception = [
        "id=x-1",
        "ground=safeguarding",
        "agency=elm",
        "subject=nhs:9434765919",
        "categories=safeguarding",
        "requested_by=dr-lamb",
        "until=2099-01-01",
        "concern=a child at risk",
    ];
    add("exception", &exception, 0, &["added    exception x-1"]);
    let consent = [
        "id=c-kit",
        "subject=nhs:9434765919",
        "agency=elm",
        "answer=yes",
        "form=explicit",
        "manner=written",
        "purposes=direct-care",
        "categories=clinical-letter",
        "given=2026-02-01",
        "notice=leaflet",
        "evidence=form",
    ];
    add("consent", &consent, 0, &["added    consent c-kit"]);
    // What a person said is never edited.
    add("consent", &["id=c-kit", "categories=casework"], 5, &["never edited"]);
    add("agency", &["name=Nobody"], 2, &["id="]);
    add("agency", &["id=elm", "channels=carrier-pigeon"], 2, &["channels[0]:"]);
    add("agency", &["id=elm", "status"], 2, &["field=value"]);
    add("agency", &["id=oak", "name=Oak"], 2, &["kind:", "purposes:"]);
    house.check(&["agency", "add", "--by", "dr-gone", "id=elm", "name=Mine"], 4, &["active member of staff"]);

    for (noun, id, word) in [
        ("agency", "elm", "Elm Street Practice"),
        ("consent", "c-kit", "explicit"),
        ("subject", "nhs:9434765919", "Kit Vale"),
        ("user", "dr-new", "clinician"),
        ("exception", "x-1", "safeguarding"),
    ] {
        house.check(&[noun, "list"], 0, &["ID", id]);
        house.check(&[noun, "show", id], 0, &[word, "by adm-reed"]);
        house.check(&[noun, "show", "nobody"], 3, &["nobody", "list"]);
        assert!(house.json(&[noun, "list"], 0).as_array().is_some_and(|entries| !entries.is_empty()));
        assert!(house.json(&[noun, "show", id], 0)["entry"]["id"].is_string());
        assert!(house.json(&[noun, "export"], 0).is_object());
        // What is exported is what would be imported.
        for (file, flags) in [("again.toml", &[][..]), ("again.json", &["--json"][..])] {
            house.write(file, &house.run(&[&[noun, "export"], flags].concat(), "").out);
            let path = house.path(file);
            house.check(&[noun, "import", &path, "--by", "adm-reed", "--dry-run"], 0, &["0 added, 0 changed"]);
        }
    }
    let history = house.json(&["agency", "show", "elm"], 0);
    assert_eq!(history["history"].as_array().map(Vec::len), Some(2));
    // Whoever is made inactive changes nothing from then on.
    add("user", &["id=am-stone", "active=false"], 0, &["changed  staff am-stone (active)"]);
    house.check(&["agency", "suspend", "elm", "--by", "am-stone"], 4, &[]);
}

#[test]
fn suspending_and_withdrawing_count_at_once() {
    let house = House::new();
    let explain = ["policy", "explain", "--from", "dr-lamb", "--to", "letters@elm-surgery.example", "--subject", AMINA];
    let explain = [&explain[..], &["--purpose", "direct-care", "--category", "clinical-letter"]].concat();
    house.check(&explain, 0, &["Release: this letter may go", "server that proves itself", "c-amina"]);
    assert_eq!(house.json(&explain, 0)["verdict"], "release");

    house.check(&["agency", "suspend", "elm", "--by", "adm-reed"], 0, &["elm is suspended"]);
    house.check(&explain, 10, &["Refuse:", "agency.suspended", "What to do:", "Who can act: admin"]);
    assert_eq!(house.json(&["agency", "resume", "elm", "--by", "adm-reed"], 0)["status"], "active");
    house.check(&explain, 0, &[]);
    house.check(&["agency", "suspend", "elmo", "--by", "adm-reed"], 3, &["elmo"]);

    house.check(&["consent", "withdraw", "c-amina", "--by", "nobody"], 4, &[]);
    house.check(&explain, 0, &[]);
    house.check(
        &["consent", "withdraw", "c-amina", "--by", "dr-lamb"],
        0,
        &["withdrawn since", "nothing had been sent"],
    );
    house.check(&explain, 10, &["consent.withdrawn", "taken back their consent"]);
    house.check(&["consent", "withdraw", "c-nobody", "--by", "dr-lamb"], 3, &["c-nobody"]);
    assert_eq!(house.json(&["consent", "withdraw", "c-amina", "--by", "dr-lamb"], 0)["change"], "same");

    let other = ["policy", "explain", "--from", "dr-lamb", "--to", "letters@elm-surgery.example"];
    house.check(&other, 11, &["Hold:", "patient.unresolved", "purpose.missing"]);
    let near = ["policy", "explain", "--from", "dr-lamb", "--to", "letters@e1m-surgery.example"];
    house.check(&near, 10, &["recipient.lookalike", "agency.not-listed"]);
    house.check(&[&explain[..], &["--category", "gossip"]].concat(), 2, &["--category", "clinical-letter"]);
    house.check(&["policy", "explain", "--from", "dr-lamb", "--to", "not an address"], 2, &["--to:"]);
    house.check(&[&other[..], &["--subject", "nhs:123"]].concat(), 2, &["--subject:"]);
}

#[test]
fn a_message_file_is_explained_as_at_the_door() {
    let house = House::new();
    let to = ["policy", "explain", "--from", "dr-lamb", "--to", "letters@elm-surgery.example", "--file"];
    let explain = |name: &str, text: &str, code: i32, words: &[&str]| {
        house.write(name, text);
        house.check(&[&to[..], &[&house.path(name)]].concat(), code, words);
    };
    let line = "[nhs 999 526 0182] [for direct-care] [holds clinical-letter] Clinic";
    explain("good.eml", &message(line, "Amina Yorke was well."), 0, &["Release:"]);
    explain("mixed.eml", &message(line, "As for NHS number 999 159 0838, he was too."), 11, &["patient.mixed"]);
    explain("bare.eml", &message("Clinic", "All is well."), 11, &["patient.unresolved", "items.missing"]);
    let from_another = message(line, "x").replace("o.lamb@", "p.stone@");
    explain("from.eml", &from_another, 2, &["from.eml", "From address is not one of yours"]);
    explain("none.eml", "no header at all\n\nbody\n", 2, &["none.eml"]);
    house.check(&[&to[..], &["/nowhere.eml"]].concat(), 3, &["/nowhere.eml"]);
    let good = house.path("good.eml");
    let both = [&to[..], &[&good, "--purpose", "research"]].concat();
    house.check(&both, 2, &["cannot be used with"]);
    assert_eq!(house.json(&[&to[..], &[&house.path("mixed.eml")]].concat(), 11)["reasons"][0]["code"], "patient.mixed");
    let left = std::fs::read_dir(house.path("data/blobs")).expect("the blobs").count();
    assert_eq!(left, 0, "nothing of a letter that is only asked about is kept");
}

#[test]
fn scenario_files_run_and_tell_what_differs() {
    let house = House::bare();
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/scenarios");
    let entries = std::fs::read_dir(&folder).expect("the scenarios").map(|entry| entry.expect("an entry").path());
    let files: Vec<String> = entries.filter(|path| path.is_file()).map(|path| path.display().to_string()).collect();
    assert!(files.len() > 5);
    let all: Vec<&str> = ["policy", "test"].into_iter().chain(files.iter().map(String::as_str)).collect();
    house.check(&all, 0, &[" passed, 0 failed"]);
    let letters = folder.join("gp-letters.toml").display().to_string();
    let told = house.json(&["policy", "test", &letters], 0);
    assert_eq!(told["failed"], 0);
    assert!(told["cases"].as_array().is_some_and(|cases| cases.len() > 10));

    house.write("wrong.toml", WRONG);
    let wrong = house.path("wrong.toml");
    let words =
        ["wrong.toml: DIFFERS nobody's address", "verdict: expected hold, decided refuse", "0 passed, 1 failed"];
    house.check(&["policy", "test", &wrong], 1, &words);
    assert_eq!(house.json(&["policy", "test", &wrong], 1)["cases"][0]["passed"], false);

    house.write("bad.toml", "[[case]]\nnmae = \"x\"\n");
    let bad = house.path("bad.toml");
    house.check(&["policy", "test", &letters, &bad], 2, &["bad.toml:", "nmae", "name"]);
    assert!(house.json(&["policy", "test", &bad], 2)["error"].is_string());
    house.check(&["policy", "test", "/nowhere.toml"], 3, &["/nowhere.toml"]);
}

const WRONG: &str = r#"
now = "2026-06-15T10:30:00+01:00"
[[case]]
name = "nobody's address"
letter = { sender = "dr-lamb", to = "a@b.example" }
expect = { verdict = "hold", reasons = ["purpose.missing"] }
"#;

#[test]
fn people_and_programs_get_their_credentials() {
    let house = House::new();
    let password = ["user", "password", "dr-lamb", "--by", "adm-reed"];
    house.check_typed(&password, "too short\n", 2, &["12 characters"]);
    house.check_typed(&password, "", 2, &["12 characters"]);
    let done = house.check_typed(&password, "a long enough secret\n", 0, &["dr-lamb signs in as dr-lamb"]);
    assert!(!format!("{}{}", done.out, done.err).contains("enough secret"));
    let taken = ["user", "password", "am-stone", "--login", "dr-lamb", "--by", "adm-reed"];
    house.check_typed(&taken, "a long enough secret\n", 5, &["somebody else signs in with it"]);
    house.check_typed(&["user", "password", "nobody", "--by", "adm-reed"], "a long enough secret\n", 3, &["nobody"]);
    house.check_typed(&["user", "password", "dr-lamb", "--by", "nobody"], "a long enough secret\n", 4, &[]);

    let token = house.json(&["user", "token", "dr-lamb", "--label", "record system", "--by", "adm-reed"], 0);
    assert_eq!(token["token"].as_str().map(str::len), Some(43));
    let certificate = house.path("etc/certificate.pem");
    let made = house.json(&["user", "certificate", "dr-lamb", &certificate, "--by", "adm-reed"], 0);
    assert_eq!(made["sha256"].as_str().map(str::len), Some(64));
    house.check(&["user", "certificate", "am-stone", &certificate, "--by", "adm-reed"], 5, &["somebody else"]);
    let no_certificate = house.path("etc/sealgate.toml");
    house.check(&["user", "certificate", "dr-lamb", &no_certificate, "--by", "adm-reed"], 2, &["no certificate"]);

    house.check(&["key", "list"], 0, &["pike", "age1", "usable"]);
    assert_eq!(house.json(&["key", "list"], 0)[0]["usable"], true);
    let key = OpeningKey::fresh();
    house.check(&["key", "check", &key.recipient()], 0, &["a good key"]);
    let done = house.check(&["key", "check", &key.secret()], 1, &["secret key"]);
    assert!(!done.err.contains(key.secret().as_str()), "{}", done.err);
}

#[test]
fn the_ledger_is_verified_and_a_change_is_found() {
    let house = House::new();
    house.check(&["ledger", "verify"], 0, &["the ledger is sound"]);
    assert_eq!(house.json(&["ledger", "verify"], 0)["sound"], true);
    let tail = house.json(&["ledger", "tail", "3"], 0);
    assert_eq!(tail.as_array().map(Vec::len), Some(3));
    house.check(&["ledger", "tail"], 0, &["register", "change added"]);
    let head = house.path("data/ledger.head");
    std::fs::remove_file(&head).expect("the head file");
    house.check(&["ledger", "verify"], 1, &["NOT sound", "ledger.head"]);
    assert_eq!(house.json(&["ledger", "verify"], 1)["sound"], false);
    // Another key is not this folder's.
    let stranger = House::bare();
    std::fs::copy(stranger.path("etc/storage.key"), house.path("etc/storage.key")).expect("a key");
    house.check(&["ledger", "verify"], 20, &["another storage key"]);
}

#[tokio::test]
async fn a_held_letter_tells_what_frees_it() {
    let house = House::new();
    let journey = house.journey().await;
    let line = "[nhs 999 526 0182] [for direct-care] [holds clinical-letter] Clinic";
    let body = "Amina Yorke came with NHS number 999 159 0838.";
    let id = hand_in(&journey, "letters@elm-surgery.example", &message(line, body)).await;
    let id = id.as_str();

    house.check(&["held", "list"], 0, &[id, "patient.mixed", "sender"]);
    let told = house.json(&["held", "show", id], 0);
    let command = format!("sealgate held confirm {id} --part 1 --by dr-lamb");
    assert_eq!(told["commands"], json!([command]), "{told}");
    let words = ["held until", "different patient", "number nhs:********38", "rightly here", &command];
    let shown = house.check(&["held", "show", id], 0, &words);
    assert!(!shown.out.contains("9991590838") && !shown.out.contains("Ben"), "{}", shown.out);

    let confirm = |part: &str, by: &str, code: i32, words: &[&str]| {
        house.check(&["held", "confirm", id, "--part", part, "--by", by], code, words);
    };
    confirm("1", "am-stone", 4, &["only the letter's sender"]);
    confirm("1", "nobody", 4, &["active member of staff"]);
    confirm("7", "dr-lamb", 3, &["part 7"]);
    confirm("1", "dr-lamb", 0, &["decided again"]);
    confirm("1", "dr-lamb", 3, &["part 1"]);
    house.check(&["letter", "trail", id], 0, &["accepted", "decided", "amended", "dr-lamb confirmed", "part 1"]);
    assert_eq!(house.json(&["letter", "trail", id], 0)[2]["what"], "amended");
    // The gateway decides again by itself; here nothing runs, so the letter still waits.
    assert!(!journey.store.due(10).await.expect("a store").is_empty());
    journey.store.clone().close().await;
}

#[tokio::test]
async fn a_subject_named_later_is_held_against_the_letter() {
    let house = House::new();
    let journey = house.journey().await;
    let line = "[for direct-care] [holds clinical-letter] Clinic";
    let body = "Patient: Amina Yorke\nDate of birth: 11/02/1984\nShe was well.";
    let id = hand_in(&journey, "letters@elm-surgery.example", &message(line, body)).await;
    let id = id.as_str();
    let command = format!("sealgate held subject {id} SUBJECT --by dr-lamb");
    house.check(&["held", "show", id], 0, &["who this letter is about", &command]);
    let name = |subject: &str, by: &str, code: i32, words: &[&str]| {
        house.check(&["held", "subject", id, subject, "--by", by], code, words);
    };
    name("nhs:1", "dr-lamb", 2, &[]);
    name("case:NOBODY", "dr-lamb", 3, &["no person of this id"]);
    name(AMINA, "am-stone", 4, &["only the letter's sender"]);
    // A wrong person contradicts what the letter says.
    name("nhs:9991590838", "dr-lamb", 0, &[]);
    for lease in journey.store.due(10).await.expect("a store") {
        journey.attempt(lease).await.expect("an attempt");
    }
    house.check(&["held", "show", id], 0, &["patient.mismatch", "not the person's"]);
    name(AMINA, "dr-lamb", 0, &[]);
    let shown = house.json(&["letter", "show", id], 0);
    assert_eq!((&shown["subject"], &shown["state"]), (&json!(AMINA), &json!("held")));
    journey.store.clone().close().await;
}

#[tokio::test]
async fn letters_are_listed_shown_and_told_to_whom_they_went() {
    let house = House::new();
    let journey = house.journey().await;
    let line = "[nhs 999 526 0182] [for direct-care] [holds clinical-letter] Clinic";
    let sent = hand_in(&journey, "letters@elm-surgery.example", &message(line, "Amina Yorke was well.")).await;
    for lease in journey.store.due(10).await.expect("a store") {
        let mut batch = journey.store.batch();
        let event = Event::new(journey.clock.now(), Happening::Delivered, &json!({ "channel": "tls-email" }));
        batch.settle(&lease, Transition::Delivered, &json!({}), &[event]);
        batch.commit().await.expect("a commit");
    }
    let waits = hand_in(&journey, "letters@elm-surgery.example", &message(line, "She is well.")).await;
    let (sent, waits) = (sent.as_str(), waits.as_str());

    house.check(&["letter", "list"], 0, &[sent, waits, "delivered", "queued"]);
    let delivered = house.json(&["letter", "list", "--state", "delivered"], 0);
    assert_eq!((delivered.as_array().map(Vec::len), &delivered[0]["id"]), (Some(1), &json!(sent)));
    house.check(&["letter", "list", "--state", "lost"], 2, &["queued, held, refused"]);
    house.check(&["letter", "show", sent], 0, &["is delivered", "contents are erased"]);
    house.check(&["letter", "show", waits], 0, &["is queued", "Decided:  release", "an attempt at"]);
    house.check(&["letter", "trail", sent], 0, &["delivered", "by tls-email"]);
    for verb in ["show", "trail"] {
        house.check(&["letter", verb, "SG-0000-0000"], 3, &["SG-0000-0000", "no such letter"]);
        house.check(&["letter", verb, "SG-1"], 2, &[]);
    }
    house.check(&["held", "show", waits], 5, &["it is queued, not held"]);
    house.check(&["held", "confirm", waits, "--part", "1", "--by", "dr-lamb"], 5, &["queued, not held"]);
    house.check(&["held", "show", "SG-0000-0000"], 3, &["no such letter"]);
    assert_eq!(house.json(&["held", "list"], 0), json!([]));

    let withdrawn = house.json(&["consent", "withdraw", "c-amina", "--by", "dr-lamb"], 0);
    assert_eq!(withdrawn["waiting"], json!([waits]));
    assert_eq!((&withdrawn["sent"][0]["letter"], &withdrawn["sent"][0]["agency"]), (&json!(sent), &json!("elm")));
    house.check(&["consent", "withdraw", "c-amina", "--by", "dr-lamb"], 0, &["already sent", sent]);
    journey.store.clone().close().await;
}

#[test]
fn a_sealed_file_opens_whole_or_not_at_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (letter, key_file, out) = (path("SG-7K2M-41QD.age"), path("keys.txt"), path("letter.eml"));
    let write = |path: &str, text: &str| std::fs::write(path, text).expect("a file");
    write(&letter, SEALED);
    write(&key_file, &format!("# of nobody\n{KEY}\n"));
    let check = |args: &[&str], code: i32, words: &str| {
        let done = run(&[&["open", &letter, "--identity", &key_file], args].concat(), "");
        assert!(done.code == code && format!("{}{}", done.out, done.err).contains(words), "{} {}", done.out, done.err);
        done
    };
    assert_eq!(check(&[], 0, "").out, OPENED);
    let told: Value = serde_json::from_str(&check(&["-o", &out, "--json"], 0, "").out).expect("JSON");
    assert_eq!(told["octets"], OPENED.len());
    assert_eq!(std::fs::read_to_string(&out).expect("the letter"), OPENED);
    check(&["-o", &out], 5, "letter.eml");

    write(&key_file, &OpeningKey::fresh().secret());
    check(&[], 4, "none of these keys");
    write(&key_file, &OpeningKey::fresh().recipient());
    check(&[], 2, "keys.txt: line 1 is a public key");
    write(&key_file, KEY);
    let lines: Vec<&str> = SEALED.lines().collect();
    let cut = [&lines[..lines.len() - 2], &["AAAA", lines[lines.len() - 1]]].concat().join("\n");
    write(&letter, &cut);
    std::fs::remove_file(&out).expect("it was there");
    check(&["-o", &out], 1, "damaged or cut short");
    assert!(check(&[], 1, "SG-7K2M-41QD.age").out.is_empty(), "not a word of a letter that is not whole");
    assert!(!Path::new(&out).exists());
    write(&letter, "From: somebody\r\n\r\nA message that nobody sealed.\r\n");
    check(&[], 1, "no file sealed with age");
    std::fs::remove_file(&letter).expect("it was there");
    check(&[], 3, "SG-7K2M-41QD.age");
}

/// A key made for this test alone, and what the age program sealed to it.
const KEY: &str = "AGE-SECRET-KEY-1DEJ3QA2RGVCCGMAR3T9TXETJ0WCDHJLTQLWND37AYLVHGJJ5VZVSFP4MWD";
const OPENED: &str = "To: <edie.case@pike-law.example>\r\nSubject: Report\r\n\r\nThe report.\r\n";
const SEALED: &str = "-----BEGIN AGE ENCRYPTED FILE-----\n\
YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSBvRWNuMHlOU29VTjJVS05o\n\
STYxSVBlcnN2Qi9BTklPa0V4QURUWDNlSFJnCnN6Y3dNSXpVem5QdVJ3TnoxZ2hm\n\
WjR0aXFKdHFKV1F1Z3ZYOTdjZEVGdHcKLS0tIFZUVUdwRG12S2FSWG9hYTFOOThF\n\
dXZIbWtDUitmN2R3UEdsK0U1OHBYNncKCC3AfogLJBJin0eFf+8feExeJya0Vz0o\n\
idQ/wVior0wYUJXQzfaJ5QmBGjxGAmKxfbrIHNzL3KPAK+gqWM4NIneKdqGnID0L\n\
5fRFGJRaNO26RZod004xUf/D00BitD1JKD8=\n\
-----END AGE ENCRYPTED FILE-----\n";
