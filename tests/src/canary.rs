//! No patient data outside: markers go in at every input, and come to light nowhere but where the letter is due.
//!
//! The real program, logging all it can, takes letters that are delivered, sealed, held, refused, put off, failed and
//! expired, meets strangers and mistakes, and is killed and started again. Then everything that it leaves behind is
//! searched. What goes in is in `canary/acts.rs` and `canary/register.toml`; how a marker is recognised, in `markers.rs`.

mod acts;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;

use acts::Stage;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gateway::store::{Filter, State};
use mail_parser::MessageParser;

use crate::build::built;
use crate::hostile::Taken;
use crate::markers::{Hit, Markers, assert_none};
use crate::process::Gateway;

/// In letters: what they say, and what people would see of them.
const CONTENT: &str = "betreff-nachtigall text-sperling html-amsel anhang-drossel pdf-zeisig befund-kiebitz notiz-eisvogel \
    unlesbar-fasan Anzeige-Rotkehlchen kopf-bachstelze kommentar-stelzvogel zitat-pirol riesen-kormoran lang-her-kranich \
    abgebrochen-storch";

/// Patients, as the register knows them and letters name them. `_` stands for a space.
const PATIENTS: &str = "9995260182 999_526_0182 999-526-0182 9991860916 9991590838 9990166137 Quendelína Västergård \
    Oxtobyson Finchleyzed 1937-04-19 19/04/1937 1941-08-23 1953-12-07 ZE2_9XW home-vastergard notice-aushang \
    evidence-kartei authority-vollmacht capacity-notiz ausnahme-dohle risiko-wer glaube-plan grund-unerreichbar";

/// Staff and agencies, and who they are on envelopes and in requests.
const OTHERS: &str = "Zwerglamb Tetzlaff Uhlmann Yverdon Elmzeit Pikezeit Dalezeit Echozeit methode-telefonat \
    ottilie.zwerglamb antwort.wiedehopf rezeption.elmzeit kanzlei.pikezeit post.dalezeit niemand.echozeit umschlag-star \
    ziel-elster wiederholung-kondor";

/// Secrets, and what strangers say.
const STRANGE: &str = "zwerglamb-login Kolibri-Passwort-77 Falsch-Wort-Uhu unbekannt-kauz Klartext-Wort-Rabe \
    fremd.mauersegler XBUSSARD parameter-weihe pfad-falke suche-sperber kopf-adler schluessel-geier kaputt-milan \
    falsch-token-habicht hallo-reiher feld-marabu sni-pelikan marke-zaehler";

#[test]
fn no_marker_comes_to_light() {
    let mut stage = Stage::set();
    stage.long_ago();
    let gateway = stage.house.serve();
    stage.letters(&gateway);
    stage.programs(&gateway);
    stage.strangers(&gateway);
    let child = stage.seen_while_reading(&gateway);
    stage.register_changes();
    let mut traces = vec![("the screening child".to_owned(), child), shown_by(&gateway)];
    stage.dies_in_mid_letter(gateway);
    traces.extend(left_by(&stage));
    let gateway = stage.house.serve();
    stage.wait_until_told();
    traces.push(shown_by(&gateway));
    traces.extend(left_by(&stage));
    gateway.stop();
    traces.extend(left_by(&stage));
    traces.extend(stage.wires());
    traces.push(("what strangers were told".to_owned(), stage.told_strangers.clone()));

    let all = markers(&[CONTENT, PATIENTS, OTHERS, STRANGE, &stage.token]);
    let mut hits: Vec<Hit> = traces.iter().flat_map(|(place, bytes)| all.scan(place, bytes)).collect();
    hits.extend(markers(&[CONTENT, PATIENTS]).scan("what senders were told", &stage.told_senders));
    hits.extend(in_notices(&all, &stage.taken_by("trust.example")));
    hits.extend(in_covers(&stage.taken_by("pike.example")));
    assert_none(&hits);
    the_play_was_played(&stage);
}

fn words(lists: &[&str]) -> Vec<String> {
    lists.join(" ").split_whitespace().map(|word| word.replace('_', " ")).collect()
}

fn markers(lists: &[&str]) -> Markers {
    Markers::new(words(lists))
}

/// Every way in was used and every end was met, or else the search says nothing.
fn the_play_was_played(stage: &Stage) {
    let ends: BTreeSet<_> = stage.house.visit(async |store| {
        let letters = store.letters(&Filter { limit: 1_000, ..Filter::default() }).await.unwrap();
        letters.iter().map(|letter| letter.state.as_str()).collect()
    });
    let every: BTreeSet<_> = State::ALL.iter().map(|state| state.as_str()).collect();
    assert_eq!(ends, every);
    let said = [stage.said.clone(), stage.register.clone().into_bytes()].concat();
    holds_all(&said, &words(&[CONTENT, PATIENTS, OTHERS, STRANGE]));
    let arrived: Vec<u8> = stage.taken_by("elm.example").into_iter().flat_map(|taken| taken.bytes).collect();
    let due = "text-sperling html-amsel anhang-drossel befund-kiebitz 999_526_0182 Västergård riesen-kormoran";
    holds_all(&arrived, &words(&[due]));
    let notices = stage.taken_by("trust.example");
    let told: BTreeSet<_> = notices.iter().map(|taken| words_after_the_reference(&taken.bytes)).collect();
    assert_eq!(told, ["delayed", "held", "not sent", "sent"].map(str::to_owned).into());
}

fn holds_all(bytes: &[u8], words: &[String]) {
    let found: BTreeSet<_> = Markers::new(words).scan("", bytes).into_iter().map(|hit| hit.marker).collect();
    let missing: Vec<_> = words.iter().filter(|word| !found.contains(*word)).collect();
    assert!(missing.is_empty(), "never met: {missing:?}");
}

/// What a running gateway shows to whoever may look: command line, environment, the names of its open files.
fn shown_by(gateway: &Gateway) -> (String, Vec<u8>) {
    let id = gateway.pid();
    let files = fs::read_dir(format!("/proc/{id}/fd")).unwrap().map(|entry| entry.unwrap().path());
    let names = files.filter_map(|file| Some(fs::read_link(file).ok()?.into_os_string().into_encoded_bytes()));
    ("the process".to_owned(), [on_display(id), names.collect::<Vec<_>>().join(&b'\n')].concat())
}

/// Command line and environment of a process.
fn on_display(process: u32) -> Vec<u8> {
    let read = |name: &str| fs::read(format!("/proc/{process}/{name}")).unwrap_or_default();
    [read("cmdline"), read("environ")].concat()
}

/// Logs so far, and every file of the data folder and the temporary folder as it is now.
fn left_by(stage: &Stage) -> Vec<(String, Vec<u8>)> {
    let mut found = vec![("the logs".to_owned(), stage.house.log().into_bytes())];
    gather(&stage.house.path("data"), &mut found);
    gather(&stage.house.path("tmp"), &mut found);
    found
}

fn gather(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, found);
        } else {
            let name = path.file_name().unwrap().as_encoded_bytes();
            // Gone between the listing and the reading: a log of the database that was just closed.
            let Ok(bytes) = fs::read(&path) else { continue };
            found.push((path.display().to_string(), [name, b"\n", &bytes].concat()));
        }
    }
}

/// A notice goes to its sender, and may say to whom the letter was; its subject line may not, and none of it says what
/// was in the letter.
fn in_notices(all: &Markers, notices: &[Taken]) -> Vec<Hit> {
    let inside = markers(&[CONTENT, PATIENTS]);
    let mut hits = Vec::new();
    for Taken { bytes, .. } in notices {
        let message = MessageParser::default().parse(bytes).unwrap();
        hits.extend(all.scan("the subject line of a notice", message.subject().unwrap().as_bytes()));
        hits.extend(inside.scan("a notice", bytes));
        hits.extend(message.parts.iter().flat_map(|part| inside.scan("a part of a notice", part.contents())));
    }
    hits
}

/// A sealed letter's cover names its recipient, and neither the letter's sender nor anything in it.
fn in_covers(sealed: &[Taken]) -> Vec<Hit> {
    assert!(!sealed.is_empty(), "a sealed letter arrived");
    let inside = markers(&[CONTENT, PATIENTS, "Zwerglamb wiedehopf"]);
    sealed.iter().flat_map(|taken| inside.scan("a cover", &taken.bytes)).collect()
}

/// `Letter SG-XXXX-XXXX: held`
fn words_after_the_reference(notice: &[u8]) -> String {
    let message = MessageParser::default().parse(notice).unwrap();
    message.subject().unwrap().split_once(": ").unwrap().1.to_owned()
}

/// The search can find: a marker that is planted in each of the places is found there.
#[test]
fn a_planted_marker_is_found() {
    let marker = "gepflanzt-kuckuck";
    let all = markers(&[marker]);
    let stage = Stage::set();
    let mut command = Command::new(&built().sealgate);
    command.env("A_VARIABLE", marker);
    let gateway = stage.house.start(command).unwrap();
    assert_eq!(places(&all, &[shown_by(&gateway)]).len(), 1);
    assert_eq!(places(&all, &left_by(&stage)), Vec::<String>::new());

    fs::write(stage.house.data("blobs").join("0".repeat(32)), format!("sealed {marker}")).unwrap();
    fs::write(stage.house.path("tmp").join(marker), "").unwrap();
    let mut log = File::options().append(true).open(&gateway.log).unwrap();
    log.write_all(STANDARD.encode(format!("a line about {marker}")).as_bytes()).unwrap();
    assert_eq!(places(&all, &left_by(&stage)).len(), 3, "blob, name, log");

    let notice = format!("Subject: Letter SG-0000-0000: {marker}\r\n\r\ntext-sperling\r\n").into_bytes();
    let notice = Taken { from: String::new(), to: Vec::new(), bytes: notice, in_tls: true };
    let hits = in_notices(&all, std::slice::from_ref(&notice));
    assert_eq!(hits.iter().map(|hit| &hit.place).collect::<BTreeSet<_>>().len(), 3, "subject line, whole, part");
    assert!(!in_covers(&[notice]).is_empty());
}

fn places(markers: &Markers, traces: &[(String, Vec<u8>)]) -> Vec<String> {
    let hits = traces.iter().flat_map(|(place, bytes)| markers.scan(place, bytes));
    hits.map(|hit| hit.place).collect::<BTreeSet<_>>().into_iter().collect()
}
