//! The kill tests: one for each `// CRASH: slug` in product code, by that slug; and a sweep over all the steps between.
//!
//! The story that each plays is below its name; `strace.rs` pulls the plug on the real program. The checker is in
//! `tidy/crash_points.rs`.
//!
//! What a killed process has written stays in the kernel's cache: these tests show what a crash of the program leaves
//! behind, and not what a loss of power does to a disk that lies about its syncs.

mod sweep;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use gateway::ledger;
use gateway::registers::file::Document;
use gateway::store::{Recovered, Store};
use serde_json::Value;

use crate::ca::Ca;
use crate::hostile::{Hostile, Script, Seen, Step, Taken};
use crate::process::{Client, DOMAIN, Gate, Gateway, Hop, House, run};
use crate::strace::{Kill, was_killed};

/// Defines the kill tests: `"slug" => name { body }`. The table [`SLUGS`] and the tests cannot differ.
macro_rules! kill_tests {
    ($($(#[$doc:meta])* $slug:literal => $name:ident $body:block)*) => {
        /// Every slug that has a kill test.
        pub const SLUGS: &[&str] = &[$($slug),*];
        $($(#[$doc])* #[test] fn $name() $body)*
    };
}

kill_tests! {
    // Before the data folder's own name is synced.
    "folder-made" => an_empty_folder_is_filled_by_the_next_start {
        let scene = Scene::bare();
        scene.killed_at_first_start("fsync", Some("data"));
        assert_eq!(fs::read(scene.house.data("sealgate.db")).unwrap(), b"");
        scene.moves_in();
    }
    // Before the head file is made, whose name nothing else opens.
    "schema-made" => an_empty_ledger_without_a_head_gets_one {
        let scene = Scene::bare();
        scene.killed_at_first_start("openat", Some("data/ledger.head.new"));
        assert!(!scene.house.data("ledger.head").exists());
        scene.moves_in();
    }
    // Before the draft is given the key file's name.
    "key-drafted" => a_key_s_draft_is_never_read {
        let scene = Scene::bare();
        scene.killed_at_first_start("linkat", Some("storage.key"));
        assert!(!scene.house.path("storage.key").exists());
        assert_eq!(scene.key_files(), 1, "the draft");
        scene.moves_in();
        assert_eq!(scene.key_files(), 2, "the key, and the draft that nobody reads");
    }
    // Before the draft's name is taken away: the first time that this program removes anything.
    "key-linked" => a_key_that_stands_is_kept {
        let scene = Scene::bare();
        scene.killed_at_first_start("unlink", None);
        let key = fs::read(scene.house.path("storage.key")).unwrap();
        scene.moves_in();
        assert_eq!(fs::read(scene.house.path("storage.key")).unwrap(), key);
    }
    // The file is there, and a quarter of a mebibyte in it, before more is written.
    "blob-begun" => a_body_that_breaks_off_leaves_nothing {
        let scene = Scene::new();
        let gateway = scene.house.serve();
        let mut client = scene.sign_in(&gateway);
        assert!(client.envelope(SENDER, &[ELM]).unwrap().starts_with("354"));
        client.send(&Letter::long(1).message()[..300_000]).unwrap();
        let plug = gateway.plug("write", Some(scene.house.one_blob()));
        client.send(&Letter::long(1).message()[300_000..]).unwrap();
        assert!(client.finish().is_err());
        gateway.wait_for(plug);
        scene.comes_back(Left { blobs: 1, ..Left::default() }, &[]);
        scene.tries_again(&Letter::long(1), 1);
    }
    "blob-unsynced" => a_body_that_is_not_synced_leaves_nothing {
        let scene = Scene::new();
        scene.killed_while_taking(SYNC);
        scene.comes_back(Left { blobs: 1, ..Left::default() }, &[]);
        scene.tries_again(&Letter::long(1), 1);
    }
    // The blob is next opened to be screened: the first call after its sync that names it.
    "blob-synced" => a_body_that_no_letter_names_leaves_nothing {
        let scene = Scene::new();
        scene.killed_while_taking("openat");
        scene.comes_back(Left { blobs: 1, ..Left::default() }, &[]);
        scene.tries_again(&Letter::long(1), 1);
    }
    // Before the blobs' folder is synced.
    "blob-unnamed" => a_blob_whose_name_is_not_synced_leaves_nothing {
        let scene = Scene::new();
        scene.killed_while_handing_in("fsync", scene.house.data("blobs"), 1);
        scene.comes_back(Left { blobs: 1, ..Left::default() }, &[]);
        scene.tries_again(&Letter::new(1), 1);
    }
    // Some pages of the transaction are in the log, and its end is not: each page is a header and its bytes.
    "row-uncommitted" => a_torn_log_is_cut_back {
        let scene = Scene::new();
        scene.killed_while_handing_in("pwrite64", scene.house.data("sealgate.db-wal"), 4);
        scene.comes_back(Left { blobs: 1, ..Left::default() }, &[]);
        scene.tries_again(&Letter::new(1), 1);
    }
    // The log is whole in the kernel's cache, which outlives the process: its sync is the nearest call to the commit's end.
    "row-committed" => a_letter_whose_sender_was_told_nothing_is_ours {
        let scene = Scene::new();
        scene.killed_while_handing_in(SYNC, scene.house.data("sealgate.db-wal"), 1);
        scene.comes_back(Left::default(), &[(1, 1)]);
        scene.tries_again(&Letter::new(1), 2);
    }
    // The first bytes to a socket after the final dot are the reply; the peer stalls, so that no others come between.
    "letters-committed" => a_reply_that_was_never_sent_makes_a_copy_at_most {
        let scene = Scene::new();
        let gateway = scene.house.serve();
        let mut client = scene.sign_in(&gateway);
        scene.practice.play(Script::Stalls(Step::Greeting));
        assert!(client.envelope(SENDER, &[ELM]).unwrap().starts_with("354"));
        client.send(&Letter::new(1).message()).unwrap();
        let plug = gateway.plug(TO_A_SOCKET, None);
        assert!(client.finish().is_err());
        gateway.wait_for(plug);
        scene.practice.play(Script::Honest);
        scene.comes_back(Left::default(), &[(1, 1)]);
        scene.tries_again(&Letter::new(1), 2);
    }
    // The session stands and the peer's last word is held: what is next said to a socket is the letter's envelope.
    "entry-begun" => a_disclosure_begun_is_closed_as_unknown {
        let scene = Scene::gated(|seen| seen.commands.iter().filter(|line| line.starts_with("EHLO")).count() == 2);
        scene.killed_at_the_gate(TO_A_SOCKET, None);
        assert_eq!(scene.practice.seen().taken.len(), 0, "not one byte has left");
        scene.comes_back(Left { disclosures: 1, ..Left::default() }, &[(1, 1)]);
    }
    // The peer has the letter, and its 250 is held until the next write to the log is the outcome's.
    "letter-sent" => a_letter_sent_and_not_settled_goes_twice_under_one_name {
        let scene = Scene::gated(has_one);
        scene.killed_at_the_gate("pwrite64", Some(scene.house.data("sealgate.db-wal")));
        assert_eq!(scene.practice.seen().taken.len(), 1);
        scene.comes_back(Left { disclosures: 1, ..Left::default() }, &[(1, 2)]);
    }
    // The outcome is committed; the next thing the program does is to log it.
    "delivery-committed" => a_delivery_committed_is_done {
        let scene = Scene::gated(has_one);
        let log = scene.house.path("log-1");
        scene.killed_at_the_gate("write", Some(log));
        let (blobs, letters) = (scene.house.blobs().len(), scene.practice.seen().taken.len());
        assert_eq!(letters, 1);
        scene.comes_back(Left { blobs, ..Left::default() }, &[(1, 1)]);
        assert_eq!(scene.notices(": sent"), 1, "the sender is told");
    }
    "blob-unused" => a_blob_that_no_letter_uses_is_removed {
        let scene = Scene::gated(has_one);
        let blob = scene.killed_at_the_gate_on_the_blob("unlink");
        assert!(blob.exists());
        scene.comes_back(Left { blobs: 1, ..Left::default() }, &[(1, 1)]);
    }
    // A letter that is refused writes a line and is no disclosure, so that nothing else is under way.
    "head-behind" => a_head_that_is_behind_is_no_cut {
        let scene = Scene::new();
        let gateway = scene.house.serve();
        let mut client = scene.sign_in(&gateway);
        assert!(client.envelope(SENDER, &[ELM]).unwrap().starts_with("354"));
        client.send(&Letter::about(1, REFUSER).message()).unwrap();
        let before = scene.head();
        let plug = gateway.plug("rename", Some(scene.house.data("ledger.head.new")));
        // The reply may come before the kill or not: the head follows its commit when it can.
        drop(client.finish());
        gateway.wait_for(plug);
        assert_eq!(scene.head(), before, "the old head stands");
        let lines = scene.house.visit(async |store| ledger::verify(store).await.unwrap().entries);
        assert_eq!(lines, before + 1);
        scene.comes_back(Left::default(), &[]);
        scene.tries_again(&Letter::new(2), 1);
    }
}

/// How a file is synced: SQLite does it by one of these, we by the other.
const SYNC: &str = "fsync,fdatasync";
/// How bytes go to a socket; `write` is left out, for wake-ups and files are written with it.
const TO_A_SOCKET: &str = "sendto,sendmsg,writev";

const SENDER: &str = "o.lamb@trust.example";
const LOGIN: (&str, &str) = ("lamb", "correct horse battery");
const ELM: &str = "letters@elm.example";
const OAK: &str = "letters@oak.example";
const PATIENT: &str = "nhs:9995260182";
const REFUSER: &str = "nhs:9991590838";

/// A peer that has one letter.
fn has_one(seen: &Seen) -> bool {
    seen.taken.len() == 1
}

/// What a crash left behind, as the start after it tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Left {
    blobs: usize,
    disclosures: usize,
}

/// A gateway, the practices that it writes to (one server for both), and the sender's own server.
struct Scene {
    house: House,
    practice: Arc<Hostile>,
    own: Hostile,
    gate: Option<Gate>,
}

impl Scene {
    fn new() -> Self {
        Self::with(None, |hops| House::like(&model().house, hops, &[]))
    }

    /// With a gate before the practices, which holds what they say as soon as what they saw fits.
    fn gated(fits: fn(&Seen) -> bool) -> Self {
        Self::with(Some(fits), |hops| House::like(&model().house, hops, &[]))
    }

    /// Where the program has never run.
    fn bare() -> Self {
        Self::with(None, |hops| House::bare(&model().ca, hops, &[]))
    }

    fn with(fits: Option<fn(&Seen) -> bool>, house: impl FnOnce(&[Hop<'_>]) -> House) -> Self {
        let ca = &model().ca;
        let peer = |host: &str| Hostile::start(Script::Honest, ca, host, &ca.leaf(&[host]));
        let (practice, own) = (Arc::new(peer("mx.practices.example")), peer("mail.trust.example"));
        let gate = fits.map(|fits| Gate::before(&practice, fits));
        let port = gate.as_ref().map_or(practice.port(), Gate::port);
        let house = house(&[
            Hop { domain: "elm.example", host: "mx.practices.example", port },
            Hop { domain: "oak.example", host: "mx.practices.example", port },
            Hop { domain: DOMAIN, host: "mail.trust.example", port: own.port() },
        ]);
        Self { house, practice, own, gate }
    }

    /// Starts where the program has never run, and dies on the way.
    fn killed_at_first_start(&self, syscall: &'static str, path: Option<&str>) {
        let kill = Kill { syscall, when: 1, path: path.map(|path| self.house.path(path)) };
        let end = self.house.serve_until(&kill).err();
        assert!(end.is_some_and(was_killed), "{end:?}\n{}", self.house.log());
    }

    /// The next start goes well, and the gateway does its work.
    fn moves_in(&self) {
        self.house.serve().stop();
        admit(&self.house);
        self.comes_back(Left::default(), &[]);
        self.tries_again(&Letter::new(1), 1);
    }

    fn sign_in(&self, gateway: &Gateway) -> Client {
        gateway.sign_in(LOGIN.0, LOGIN.1).unwrap()
    }

    /// Dies at the next call that touches the letter's blob, once its beginning is on the disk.
    fn killed_while_taking(&self, syscall: &'static str) {
        let gateway = self.house.serve();
        let mut client = self.sign_in(&gateway);
        let message = Letter::long(1).message();
        assert!(client.envelope(SENDER, &[ELM]).unwrap().starts_with("354"));
        client.send(&message[..300_000]).unwrap();
        let plug = gateway.plug(syscall, Some(self.house.one_blob()));
        client.send(&message[300_000..]).unwrap();
        assert!(client.finish().is_err());
        gateway.wait_for(plug);
    }

    /// Dies at the nth such call from when the message has begun to come in.
    fn killed_while_handing_in(&self, syscall: &'static str, path: PathBuf, when: usize) {
        let gateway = self.house.serve();
        let mut client = self.sign_in(&gateway);
        assert!(client.envelope(SENDER, &[ELM]).unwrap().starts_with("354"));
        let plug = gateway.plug_nth(syscall, Some(path), when);
        client.send(&Letter::new(1).message()).unwrap();
        assert!(client.finish().is_err());
        gateway.wait_for(plug);
    }

    /// Hands a letter in, waits until the gate holds the practice's reply, and dies at the next such call after it.
    fn killed_at_the_gate(&self, syscall: &'static str, path: Option<PathBuf>) {
        let gateway = self.house.serve();
        self.hand_in(&gateway, &Letter::new(1));
        self.gate.as_ref().unwrap().wait_until_held();
        let plug = gateway.plug(syscall, path);
        self.gate.as_ref().unwrap().release();
        gateway.wait_for(plug);
    }

    fn killed_at_the_gate_on_the_blob(&self, syscall: &'static str) -> PathBuf {
        let gateway = self.house.serve();
        self.hand_in(&gateway, &Letter::new(1));
        self.gate.as_ref().unwrap().wait_until_held();
        let blob = self.house.one_blob();
        let plug = gateway.plug(syscall, Some(blob.clone()));
        self.gate.as_ref().unwrap().release();
        gateway.wait_for(plug);
        blob
    }

    /// Hands a letter in, asking to be told when it is sent, and sees the 250.
    fn hand_in(&self, gateway: &Gateway, letter: &Letter) {
        let mut client = self.sign_in(gateway);
        let to = format!("{ELM} NOTIFY=SUCCESS,FAILURE");
        let reply = client.hand_in(SENDER, &[&to], &letter.message()).unwrap();
        assert!(reply.starts_with("250"), "{reply}");
        client.command("QUIT").unwrap();
    }

    /// Starts again: it finds `left`, sends what it owes until each of these letters has arrived so often, and then
    /// stands as if nothing had been.
    fn comes_back(&self, left: Left, arrivals: &[(usize, usize)]) {
        let gateway = self.house.serve();
        assert_eq!(found_at_start(&gateway.log), left);
        self.house.wait_until_done();
        gateway.stop();
        let arrived = arrivals_of(&self.practice.seen().taken);
        let expected = arrivals.iter().map(|&(letter, times)| ((letter, ELM.to_owned()), times)).collect();
        assert_eq!(arrived, expected);
        self.is_in_order();
    }

    /// The sender's program tries again, and the letter has then arrived so often in all.
    fn tries_again(&self, letter: &Letter, times: usize) {
        let gateway = self.house.serve();
        self.hand_in(&gateway, letter);
        self.house.wait_until_done();
        gateway.stop();
        let arrived = arrivals_of(&self.practice.seen().taken);
        assert_eq!(arrived.get(&(letter.number, ELM.to_owned())), Some(&times));
        self.is_in_order();
    }

    /// At rest: the ledger verifies, nothing is left to recover, no blob without a letter, the register as it was.
    fn is_in_order(&self) {
        assert!(self.house.register() == model().register, "the register is as it was");
        assert_eq!(self.house.blobs().len(), self.held(), "each letter that waits has its blob");
        run(async {
            let (store, recovered) = Store::serve(self.house.home()).await.unwrap();
            assert_eq!(recovered, Recovered::default());
            ledger::verify(&store).await.unwrap();
            store.close().await;
        });
    }

    /// Letters that wait for a fact.
    fn held(&self) -> usize {
        self.house.visit(async |store| store.held().await.unwrap().len())
    }

    /// Notices that the sender's own server took, with this at the end of the subject line.
    fn notices(&self, end: &str) -> usize {
        let line = format!("{end}\r\n");
        self.own.seen().taken.iter().filter(|taken| String::from_utf8_lossy(&taken.bytes).contains(&line)).count()
    }

    /// Number of the ledger line that the head file names.
    fn head(&self) -> u64 {
        let head: Value = serde_json::from_slice(&fs::read(self.house.data("ledger.head")).unwrap()).unwrap();
        head["seq"].as_u64().unwrap()
    }

    fn key_files(&self) -> usize {
        let entries = fs::read_dir(self.house.path("")).unwrap().map(|entry| entry.unwrap().file_name());
        entries.filter(|name| name.to_str().unwrap().starts_with("storage.key")).count()
    }
}

/// What the start that wrote this log found of the process before.
fn found_at_start(log: &Path) -> Left {
    let text = fs::read_to_string(log).unwrap();
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let open = lines.map(|line| line["fields"].clone()).find(|fields| fields["message"] == "data folder open");
    let open = open.unwrap_or_else(|| panic!("no line tells what was found:\n{text}"));
    let number = |field: &str| usize::try_from(open[field].as_u64().unwrap()).unwrap();
    Left { blobs: number("blobs_removed"), disclosures: number("disclosures_closed") }
}

/// How often each letter has come to each recipient. All that came must be whole, and copies must be alike.
fn arrivals_of(taken: &[Taken]) -> BTreeMap<(usize, String), usize> {
    let mut arrived = BTreeMap::new();
    for Taken { to, bytes, in_tls, .. } in taken {
        let text = String::from_utf8(bytes.clone()).unwrap();
        let name = text.lines().find_map(|line| line.strip_prefix("Message-ID: <letter-")).unwrap();
        let number: usize = name.strip_suffix("@client.trust.example>").unwrap().parse().unwrap();
        let known = [Letter::new(number), Letter::long(number)];
        assert!(known.iter().any(|letter| text.ends_with(&letter.text)), "letter {number} is whole");
        assert!(in_tls);
        *arrived.entry((number, to[0].clone())).or_insert(0) += 1;
    }
    arrived
}

/// A letter of the client's own: its number is in its Message-ID, and in all of its lines.
struct Letter {
    number: usize,
    about: &'static str,
    text: String,
}

impl Letter {
    fn new(number: usize) -> Self {
        Self::of(number, PATIENT, 40)
    }

    /// Larger than what the gateway gathers before it writes.
    fn long(number: usize) -> Self {
        Self::of(number, PATIENT, 12_000)
    }

    fn about(number: usize, about: &'static str) -> Self {
        Self::of(number, about, 40)
    }

    /// About one patient, with another's number in it: it is held.
    fn mixed_up(number: usize) -> Self {
        let letter = Self::new(number);
        Self { text: format!("NHS number {REFUSER}\r\n{}", letter.text), ..letter }
    }

    fn of(number: usize, about: &'static str, lines: usize) -> Self {
        let line = |line| format!("Letter {number}, line {line}: thank you for seeing this patient.\r\n");
        let text = (1..=lines).map(line).collect::<String>() + &format!("End of letter {number}.\r\n");
        Self { number, about, text }
    }

    fn message(&self) -> Vec<u8> {
        let Self { number, about, text } = self;
        format!(
            "From: <{SENDER}>\r\nTo: <{ELM}>\r\nDate: Mon, 2 Mar 2026 10:00:00 +0000\r\n\
             Message-ID: <letter-{number}@client.trust.example>\r\nSubject: A letter\r\n\
             Sealgate-Subject: {about}\r\nSealgate-Purpose: direct-care\r\nSealgate-Category: clinical-letter\r\n\
             \r\n{text}"
        )
        .into_bytes()
    }
}

/// What every scene is a copy of.
struct Model {
    ca: Ca,
    /// All is set up and nothing runs.
    house: House,
    /// As it was taken in.
    register: Document,
}

fn model() -> &'static Model {
    static MODEL: OnceLock<Model> = OnceLock::new();
    MODEL.get_or_init(|| {
        let ca = Ca::new();
        let house = House::bare(&ca, &[], &[]);
        admit(&house);
        let register = house.register();
        Model { ca, house, register }
    })
}

fn admit(house: &House) {
    house.admit(REGISTER, &[(LOGIN.0, "dr-lamb", LOGIN.1)]);
}

const REGISTER: &str = include_str!("crashes/register.toml");
