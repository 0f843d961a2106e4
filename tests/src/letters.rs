//! Letters that may go: what leaves, by which way, and what the sender is told. The promise: **what arrives is the
//! letter, whole, and only the one it is for can read it.**

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gateway::store::{Happening, State};
use mail_parser::{Message, MessageParser, MimeHeaders};
use policy::LetterId;
use serde_json::{Value, json};

use crate::hostile::{Hostile, Script, Taken};
use crate::markers::{Markers, assert_none};
use crate::peers::age::{Identity, OPENERS, Opener};
use crate::world::{Answered, Dialogue, Door, Plan, Request, SENDER, World, Writing, cast, read};

const PDF: &str = "clinic-amina-yorke.pdf";
const DOCX: &str = "clinic-amina-yorke.docx";

/// A World with Elm Street, whose server is honest.
fn with_elm() -> (World, Hostile) {
    let mut plan = Plan::new();
    let elm = plan.peer("elm-surgery.example", Script::Honest);
    (plan.start(), elm)
}

/// A World with Oak Lane, whose key this is.
fn with_oak(opener: Opener) -> (World, Hostile, Identity) {
    let identity = opener.keygen();
    let mut plan = Plan::new();
    let oak = plan.peer("oak-lane.example", Script::Honest);
    let world = plan.start();
    let key = identity.recipient.clone();
    world.change_agency("oak", |oak| oak.keys[0].recipient.clone_from(&key));
    (world, oak, identity)
}

fn parsed(bytes: &[u8]) -> Message<'_> {
    MessageParser::default().parse(bytes).unwrap()
}

/// The one attachment of a cover, sealed.
fn sealed(cover: &[u8]) -> Vec<u8> {
    let cover = parsed(cover);
    assert_eq!(cover.attachment_count(), 1);
    let file = cover.attachment(0).unwrap();
    assert!(file.content_type().unwrap().ctype() == "application" && file.attachment_name().unwrap().ends_with(".age"));
    file.contents().to_vec()
}

fn neutral(id: &LetterId) -> String {
    format!("A letter from Harbour Talking Therapies, reference {id}")
}

#[test]
fn a_proven_server_gets_the_letter_as_written_and_nothing_besides() {
    let (world, elm) = with_elm();
    let message = format!(
        "Received: from ward7.internal.example by mail.internal.example; Mon, 2 Mar 2026 08:59:00 +0000\r\n\
         From: Dr Lamb <{SENDER}>\r\n\
         To: {}, someone@else.example\r\n\
         Cc: other@else.example\r\n\
         Bcc: hidden@else.example\r\n\
         Subject: [nhs 999 526 0182] Asthma of Amina Yorke [secure]\r\n\
         Sealgate-Purpose: direct-care\r\n\
         Sealgate-Category: clinical-letter\r\n\
         TLS-Required: No\r\n\
         X-Mailer: WardMail 9 on WARD7-PC\r\n\
         Date: Mon, 2 Mar 2026 08:58:00 +0000\r\n\
         Message-ID: <a1@harbour.example>\r\n\
         MIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: 8bit\r\n\
         \r\n\
         Dear colleague,\r\n\
         ..a line that begins with a dot,\r\n\
         Grüße\r\n",
        cast::ELM
    );
    let id = Dialogue::signed_in(&world).taken(&[cast::ELM], message.as_bytes());
    world.wait_for(&id, State::Delivered);
    let [taken] = elm.wait_for(1).try_into().unwrap();
    let expected = format!(
        "To: <{}>\r\n\
         Subject: {}\r\n\
         From: Dr Lamb <{SENDER}>\r\n\
         Date: Mon, 2 Mar 2026 08:58:00 +0000\r\n\
         Message-ID: <a1@harbour.example>\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: 8bit\r\n\
         MIME-Version: 1.0\r\n\
         \r\n\
         Dear colleague,\r\n\
         .a line that begins with a dot,\r\n\
         Grüße\r\n\r\n",
        cast::ELM,
        neutral(&id)
    );
    assert_eq!(String::from_utf8(taken.bytes).unwrap(), expected);
    assert_eq!((taken.from.as_str(), taken.to, taken.in_tls), (SENDER, vec![cast::ELM.to_owned()], true));
    let asked = format!("MAIL FROM:<{SENDER}> BODY=8BITMIME REQUIRETLS RET=HDRS ENVID={id}");
    assert!(elm.seen().commands.contains(&asked), "{:?}", elm.seen().commands);
    let evidence = evidence(&world, &id);
    assert_eq!(evidence["channel"], "tls-email");
    assert_eq!(evidence["receipt"]["host"], "mx.elm-surgery.example");
    assert_eq!(evidence["receipt"]["words"]["code"], 250);
    assert_eq!(evidence["receipt"]["bytes"], expected.len());
    assert!(evidence["receipt"]["peer"].to_string().contains("pkix"), "{evidence}");
    assert!(world.notices().is_empty(), "nobody asked to hear of it");
    world.end();
}

/// What a delivered letter's trail has to show.
fn evidence(world: &World, id: &LetterId) -> Value {
    let trail = world.block(world.journey().store.trail(id)).unwrap();
    let delivered = trail.iter().find(|event| event.what == Happening::Delivered).unwrap();
    delivered.facts.clone()
}

#[test]
fn each_recipient_gets_a_letter_of_their_own() {
    let mut plan = Plan::new();
    let elm = plan.peer("elm-surgery.example", Script::Honest);
    let oak = plan.peer("oak-lane.example", Script::Honest);
    let world = plan.start();
    world.submit(&Writing::about(cast::AMINA, &[cast::ELM, cast::OAK])).unwrap();
    for (peer, own, other) in [(&elm, cast::ELM, cast::OAK), (&oak, cast::OAK, cast::ELM)] {
        let letter = world.letter_to(own);
        let [taken]: [Taken; 1] = peer.wait_for(1).try_into().unwrap();
        assert_eq!(taken.to, [own]);
        world.wait_for(&letter.id, State::Delivered);
        let text = String::from_utf8(taken.bytes).unwrap();
        assert!(text.contains(own) && !text.contains(other), "{text}");
        assert!(text.contains(&neutral(&letter.id)), "{text}");
    }
    world.end();
}

#[test]
fn what_is_sealed_opens_with_age_and_with_rage() {
    for opener in OPENERS {
        let (world, oak, identity) = with_oak(opener);
        let writing = Writing::about(cast::AMINA, &[cast::OAK]).with(PDF).with(DOCX).at(Door::StartTls);
        let writing = Writing { line: "Grüße: Asthma review of Amina Yorke [secure]".to_owned(), ..writing };
        let id = world.submit_until(&writing, State::Delivered).id;
        let [taken]: [Taken; 1] = oak.wait_for(1).try_into().unwrap();
        let said = ["Amina Yorke", "999 526 0182", "9995260182", "Asthma", "clinic-amina", "Dear colleague", SENDER];
        assert_none(&Markers::new(said).scan("the cover", &taken.bytes));
        assert_eq!(parsed(&taken.bytes).subject(), Some(neutral(&id).as_str()));
        assert_eq!(evidence(&world, &id)["channel"], "age-email");
        for program in OPENERS {
            let opened = program.open(&identity.path(), &sealed(&taken.bytes)).unwrap();
            let letter = parsed(&opened);
            assert_eq!(
                letter.subject(),
                Some("Grüße: Asthma review of Amina Yorke"),
                "sealed for {opener:?}, by {program:?}"
            );
            assert_eq!(
                letter.body_text(0).unwrap().trim_end(),
                "Dear colleague,\r\n\r\nThank you for seeing this patient."
            );
            for (index, name) in [PDF, DOCX].into_iter().enumerate() {
                let file = letter.attachment(u32::try_from(index).unwrap()).unwrap();
                assert_eq!(file.attachment_name(), Some(name));
                assert!(file.contents() == read(name), "{name} is as it was, byte for byte");
            }
            assert_eq!(letter.to().and_then(|to| to.first()).and_then(|to| to.address()), Some(cast::OAK));
            assert!(!String::from_utf8_lossy(&opened).contains("Sealgate-"));
        }
        world.end();
    }
}

#[test]
fn a_large_letter_arrives_as_it_was() {
    let (world, elm) = with_elm();
    let line = "A line of a long letter, with a dot at its end.\r\n.and one at its front\r\n";
    let body = line.repeat(3 << 20 >> 6);
    let writing = Writing::about(cast::AMINA, &[cast::ELM]).saying("placeholder");
    let message = String::from_utf8(writing.message()).unwrap().replace("placeholder", "");
    let (head, _) = message.split_once("\r\n\r\n").unwrap();
    let stuffed = format!("{head}\r\n\r\n{}", body.replace("\r\n.", "\r\n.."));
    let id = Dialogue::signed_in(&world).taken(&[cast::ELM], stuffed.trim_end().as_bytes());
    world.wait_for(&id, State::Delivered);
    let bytes = elm.wait_for(1).remove(0).bytes;
    let at = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    assert!(bytes[at..] == *body.as_bytes(), "{} octets of {}", bytes.len() - at, body.len());
    world.end();
}

/// A letter as a record system hands it in.
fn letter(to: &[&str]) -> Value {
    json!({
        "to": to,
        "subject": cast::AMINA,
        "purpose": "direct-care",
        "categories": ["clinical-letter"],
        "title": "Asthma review",
        "text": "Dear colleague,\nfrom the record system.",
    })
}

fn references(answered: &Answered) -> Vec<LetterId> {
    let letters = answered.body["letters"].as_array().unwrap_or_else(|| panic!("{answered:?}"));
    letters.iter().map(|letter| LetterId::parse(letter["id"].as_str().unwrap()).unwrap()).collect()
}

#[test]
fn both_doors_end_on_one_road() {
    let (world, elm) = with_elm();
    let mut with_file = letter(&[cast::ELM]);
    with_file["files"] = json!([{ "name": PDF, "type": "application/pdf", "base64": STANDARD.encode(read(PDF)) }]);
    let plain = letter(&[cast::ELM]).to_string().into_bytes();
    let envelope = json!({ "to": [cast::ELM] }).to_string().into_bytes();
    let message = Writing::about(cast::AMINA, &[cast::ELM]).with(PDF).message();
    let requests = [
        Request::json(&with_file),
        Request::form(&[
            ("letter", None, "application/json", &plain),
            ("file", Some(PDF), "application/pdf", &read(PDF)),
        ]),
        Request::form(&[
            ("letter", None, "application/json", &envelope),
            ("message", None, "message/rfc822", &message),
        ]),
    ];
    for (index, request) in requests.iter().enumerate() {
        let answered = world.post(request);
        assert_eq!(answered.status, 202, "{answered:?}");
        assert_eq!(answered.body["letters"][0]["verdict"], "release", "{answered:?}");
        let [id] = references(&answered).try_into().unwrap();
        world.wait_for(&id, State::Delivered);
        let taken = elm.wait_for(index + 1).remove(index);
        assert_eq!((taken.from.as_str(), &taken.to), (SENDER, &vec![cast::ELM.to_owned()]));
        let arrived = parsed(&taken.bytes);
        assert_eq!(arrived.subject(), Some(neutral(&id).as_str()));
        assert!(arrived.body_text(0).unwrap().starts_with("Dear colleague,"));
        assert!(arrived.attachment(0).unwrap().contents() == read(PDF));
    }
    assert_eq!(world.post_as("a token of nobody's", &requests[0]).status, 401);
    world.end();
}

#[test]
fn the_same_request_again_is_the_same_letter() {
    let (world, elm) = with_elm();
    let request = Request::json(&letter(&[cast::ELM])).keyed("k-1");
    let first = world.post(&request);
    assert_eq!(first.status, 202, "{first:?}");
    world.wait_for(&references(&first)[0], State::Delivered);
    assert_eq!(world.post(&request), first);
    world.forward(6 * 24 * 3600);
    assert_eq!(world.post(&request), first);
    let mut other = letter(&[cast::ELM]);
    other["title"] = json!("Another letter");
    assert_eq!(world.post(&Request::json(&other).keyed("k-1")).status, 409);
    assert_eq!((world.letters().len(), elm.seen().taken.len()), (1, 1));
    world.forward(24 * 3600);
    let after_a_week = world.post(&request);
    assert_ne!(references(&after_a_week), references(&first), "a week later the key is forgotten");
    world.wait_for(&references(&after_a_week)[0], State::Delivered);
    world.end();
}

#[test]
fn a_dry_run_decides_and_keeps_nothing() {
    let (world, elm) = with_elm();
    let mut unconsented = letter(&[cast::ELM]);
    unconsented["subject"] = json!(cast::DEV);
    for (letter, status, verdict) in [(letter(&[cast::ELM]), 200, "release"), (unconsented, 200, "hold")] {
        let answered = world.post(&Request::json(&letter).dry());
        assert_eq!((answered.status, &answered.body["letters"][0]["verdict"]), (status, &json!(verdict)));
    }
    assert!(world.letters().is_empty() && elm.seen().connections == 0);
    assert_eq!(std::fs::read_dir(world.folder().join("data/blobs")).unwrap().count(), 0);
    world.end();
}

#[test]
fn whoever_asks_for_a_report_of_success_gets_one() {
    let (world, _elm) = with_elm();
    let mut dialogue = Dialogue::signed_in(&world);
    assert!(dialogue.say(&format!("MAIL FROM:<{SENDER}> ENVID=case+2B7 RET=FULL")).starts_with("250 "));
    let rcpt = format!("RCPT TO:<{}> NOTIFY=SUCCESS ORCPT=rfc822;Letters@elm-surgery.example", cast::ELM);
    assert!(dialogue.say(&rcpt).starts_with("250 "));
    assert!(dialogue.say("DATA").starts_with("354 "));
    dialogue.write(&Writing::about(cast::AMINA, &[cast::ELM]).message());
    let reply = dialogue.say("\r\n.");
    let id = world.letter_to(cast::ELM).id;
    assert_eq!(reply, format!("250 2.0.0 Accepted as {id}"));
    let notice = world.wait_notice(&id, "sent");
    notice.says(&["Their mail system has your letter.", "Agency elm", cast::ELM, "01632 960123"]);
    assert_eq!((notice.to.as_str(), notice.status["Action"].as_str()), (SENDER, "relayed"));
    assert_eq!(notice.status["Original-Envelope-Id"], "case+7");
    assert_eq!(notice.status["Original-Recipient"], "rfc822; Letters@elm-surgery.example");
    assert_none(
        &Markers::new(["Asthma", "Amina Yorke", "Dear colleague", "9995260182"])
            .scan("the notice", notice.raw.as_bytes()),
    );
    world.end();
}
