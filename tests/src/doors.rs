//! The real listeners, and what strangers say to them. The promise: **what is not strictly well-formed, in TLS and signed
//! in, changes nothing.**

use gateway::registers::User;
use policy::Staff;
use serde_json::json;

use crate::hostile::Script;
use crate::world::{Dialogue, Door, LOGIN, Plan, Request, SENDER, World, Writing, cast};

#[test]
fn only_one_octet_sequence_ends_a_message() {
    let mut plan = Plan::new();
    let elm = plan.peer("elm-surgery.example", Script::Honest);
    let world = plan.start();
    let second = format!("MAIL FROM:<{SENDER}>\r\nRCPT TO:<{}>\r\nDATA\r\nsmuggled\r\n.\r\n", cast::ELM);
    for ending in ["\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r", "\r.\r\n", "\r\n\0.\r\n", "\n", "\r", "\0"] {
        let mut dialogue = Dialogue::signed_in(&world);
        let first = Writing::about(cast::AMINA, &[cast::ELM]).message();
        assert!(dialogue.say(&format!("MAIL FROM:<{SENDER}>")).starts_with("250 "));
        assert!(dialogue.say(&format!("RCPT TO:<{}>", cast::ELM)).starts_with("250 "));
        assert!(dialogue.say("DATA").starts_with("354 "));
        dialogue.write(&[&first, ending.as_bytes(), second.as_bytes()].concat());
        let reply = dialogue.reply();
        assert!(reply.starts_with("550 5.6.11 "), "{ending:?}: {reply}");
        assert!(dialogue.is_closed(), "{ending:?}: what follows is not read");
    }
    assert!(world.letters().is_empty() && elm.seen().connections == 0);
    world.end();
}

#[test]
fn nothing_said_before_the_handshake_is_heard_after_it() {
    let world = World::alone();
    for ahead in ["EHLO evil.example\r\n", "MAIL FROM:<o.lamb@harbour.example>\r\n", "\r\n", "\x16\x03\x01"] {
        let mut dialogue = Dialogue::in_clear(&world, Door::StartTls);
        assert!(dialogue.reply().starts_with("220 "));
        dialogue.write(format!("STARTTLS\r\n{ahead}").as_bytes());
        assert_eq!(dialogue.reply(), "421 4.7.0 Nothing may follow STARTTLS before the handshake", "{ahead:?}");
        assert!(dialogue.is_closed());
    }
    let mut dialogue = Dialogue::in_clear(&world, Door::StartTls);
    dialogue.reply();
    assert!(dialogue.say("EHLO client.example").contains("STARTTLS"));
    assert!(dialogue.say("STARTTLS").starts_with("220 "));
    let mut dialogue = dialogue.secured();
    assert_eq!(dialogue.sign_in(), "503 5.5.1 Say EHLO first", "what was said in clear is forgotten");
    assert!(dialogue.say("EHLO client.example").contains("AUTH PLAIN LOGIN"));
    assert_eq!(dialogue.sign_in(), "235 2.7.0 Signed in");
    world.end();
}

#[test]
fn nothing_is_taken_in_clear() {
    let world = World::alone();
    let mut dialogue = Dialogue::in_clear(&world, Door::StartTls);
    assert!(dialogue.reply().starts_with("220 gateway.harbour.example"));
    let offers = dialogue.say("EHLO client.example");
    assert!(!offers.contains("AUTH"), "{offers}");
    for (command, reply) in [
        ("AUTH PLAIN AG8ubGFtYgB4", "538 5.7.11 "),
        ("AUTH LOGIN", "538 5.7.11 "),
        ("MAIL FROM:<o.lamb@harbour.example>", "530 5.7.0 "),
        ("RCPT TO:<letters@elm-surgery.example>", "530 5.7.0 "),
        ("DATA", "530 5.7.0 "),
        ("VRFY o.lamb", "530 5.7.0 "),
        ("EXPN staff", "502 5.5.1 "),
        ("GET / HTTP/1.1", "421 4.7.0 "),
    ] {
        let said = dialogue.say(command);
        assert!(said.starts_with(reply), "{command}: {said}");
    }
    assert!(dialogue.is_closed());
    world.end();
}

#[test]
fn no_spelling_relays() {
    let world = World::alone();
    let mut stranger = Dialogue::in_tls(&world);
    for command in [format!("MAIL FROM:<{SENDER}>"), "MAIL FROM:<>".to_owned(), "MAIL FROM:<a@b.example>".to_owned()] {
        assert_eq!(stranger.say(&command), "530 5.7.0 Sign in first", "{command}");
    }
    let spellings = [
        "user@nowhere.example",
        "user%nowhere.example@harbour.example",
        "user%nowhere.example@elm-surgery.example",
        "user%nowhere.example",
        "\"user%nowhere.example\"",
        "\"user@nowhere.example\"",
        "\"user@nowhere.example\"@elm-surgery.example",
        "user@nowhere.example@elm-surgery.example",
        "@elm-surgery.example:user@nowhere.example",
        "@[127.0.0.1]:user@nowhere.example",
        "nowhere.example!user",
        "nowhere.example!user@elm-surgery.example",
        "user@[192.0.2.1]",
        "user%nowhere.example@[127.0.0.1]",
        "letters@elm-surgery.example,user@nowhere.example",
        "letters@elm-surgery.example(user@nowhere.example)",
        "=?utf-8?q?user=40nowhere.example?=@elm-surgery.example",
    ];
    // A client that makes many mistakes is sent away, so a session for each.
    for spelling in spellings {
        let mut dialogue = Dialogue::signed_in(&world);
        assert!(dialogue.say(&format!("MAIL FROM:<{SENDER}>")).starts_with("250 "));
        let reply = dialogue.say(&format!("RCPT TO:<{spelling}>"));
        assert!(reply.starts_with("550 5.7.1 ") || reply.starts_with("501 5.1.3 "), "{spelling}: {reply}");
        assert_eq!(dialogue.say("DATA"), "554 5.5.1 No valid recipients", "{spelling}");
    }
    assert!(world.letters().is_empty());
    world.end();
}

#[test]
fn a_sender_is_who_they_say_and_from_the_house() {
    let world = World::alone();
    world.import(&cast::staff("dr-away", "clinician", "d.away@elsewhere.example"));
    let hash = world.block(world.journey().registers.user(LOGIN.0)).unwrap().unwrap().password;
    let away = User { login: "d.away".to_owned(), staff: "dr-away".to_owned(), password: hash };
    world.block(world.journey().registers.put(&away, "adm-reed")).unwrap();
    let mut dialogue = Dialogue::signed_in(&world);
    for (from, reply) in [
        ("p.stone@harbour.example", "553 5.7.1 That sender address is not one of yours"),
        ("d.away@elsewhere.example", "553 5.7.1 That sender address is not one of yours"),
        ("", "550 5.7.1 A letter needs a sender; the null reverse-path is not taken"),
    ] {
        assert_eq!(dialogue.say(&format!("MAIL FROM:<{from}>")), reply, "{from}");
    }
    let forged = String::from_utf8(Writing::about(cast::AMINA, &[cast::ELM]).message()).unwrap();
    let forged = forged.replace(SENDER, "p.stone@harbour.example");
    let reply = dialogue.hand_in(&[cast::ELM], forged.as_bytes());
    assert_eq!(reply, "550 5.7.1 The From address is not one of yours");
    // Notices go to the reverse-path, and never outside the house.
    let mut outside = Dialogue::in_tls(&world);
    assert_eq!(outside.sign_in_as("d.away", LOGIN.1), "235 2.7.0 Signed in");
    let reply = outside.say("MAIL FROM:<d.away@elsewhere.example>");
    assert_eq!(reply, "553 5.7.1 That sender address is not one of yours");
    world.end();
}

#[test]
fn whoever_may_not_sign_in_does_not() {
    let world = World::alone();
    let mut dialogue = Dialogue::in_tls(&world);
    for (login, password) in [(LOGIN.0, "a wrong password"), ("nobody", LOGIN.1)] {
        assert_eq!(dialogue.sign_in_as(login, password), "535 5.7.8 Login or password is wrong", "{login}");
    }
    assert_eq!(dialogue.sign_in_as(LOGIN.0, ""), "501 5.5.2 Cannot read the credentials");
    assert_eq!(dialogue.sign_in_as(LOGIN.0, "a third guess"), "535 5.7.8 Login or password is wrong");
    assert_eq!(dialogue.reply(), "421 4.7.0 Too many failed sign-ins");
    assert!(dialogue.is_closed());
    let leaves = |staff: &mut Staff| staff.active = false;
    world.block(world.journey().registers.update("dr-lamb", "adm-reed", leaves)).unwrap();
    assert_eq!(Dialogue::in_tls(&world).sign_in(), "535 5.7.8 Login or password is wrong", "no longer on the staff");
    assert_eq!(world.post(&Request::json(&json!({ "to": [cast::ELM], "text": "x" }))).status, 401);
    world.end();
}

#[test]
fn everything_that_a_client_can_make_long_has_a_bound() {
    let world = Plan::new()
        .set("smtp.message_bytes_max", 65_536)
        .set("smtp.recipients_max", 2)
        .set("smtp.messages_per_hour_max", 4)
        .set("smtp.sessions_per_address_max", 3)
        .set("https.body_bytes_max", 65_536)
        .start();
    let small = Writing::about(cast::AMINA, &[cast::OAK]).message();
    let large = Writing::about(cast::AMINA, &[cast::OAK]).saying(&"many words\n".repeat(8_000)).message();
    let long_line = [&small[..], &b"x".repeat(999)].concat();
    let mut dialogue = Dialogue::signed_in(&world);
    assert_eq!(
        dialogue.say(&format!("MAIL FROM:<{SENDER}> SIZE=65537")),
        "552 5.3.4 The message is larger than this server takes"
    );
    assert!(dialogue.hand_in(&[cast::OAK], &large).starts_with("552 5.3.4 "));
    assert_eq!(dialogue.hand_in(&[cast::OAK], &long_line), "550 5.6.0 A line of the message is longer than 998 bytes");
    assert!(dialogue.say(&format!("MAIL FROM:<{SENDER}> SIZE=1000")).starts_with("250 "));
    for (to, reply) in [(cast::OAK, "250 "), (cast::ELM, "250 "), ("third@elm-surgery.example", "452 4.5.3 ")] {
        assert!(dialogue.say(&format!("RCPT TO:<{to}>")).starts_with(reply), "{to}");
    }
    assert!(dialogue.say("RSET").starts_with("250 "));
    assert!(dialogue.hand_in(&[cast::OAK], &small).starts_with("250 2.0.0 Accepted as SG-"));
    assert!(dialogue.hand_in(&[cast::OAK], &small).starts_with("250 2.0.0 Accepted as SG-"));
    assert!(dialogue.say(&format!("MAIL FROM:<{SENDER}>")).starts_with("250 "));
    assert!(dialogue.say(&format!("RCPT TO:<{}>", cast::OAK)).starts_with("250 "));
    assert_eq!(dialogue.say("DATA"), "450 4.7.1 Too many letters within an hour; try again in 15 minutes");
    let letter = json!({ "to": [cast::OAK], "text": "x".repeat(70_000) });
    assert_eq!(world.post(&Request::json(&letter)).status, 429, "one limit for both doors");
    world.forward(3600);
    assert_eq!(world.post(&Request::json(&letter)).status, 413);
    let _two_more = (Dialogue::in_tls(&world), Dialogue::in_tls(&world));
    let mut crowded = Dialogue::in_clear(&world, Door::StartTls);
    assert_eq!(crowded.reply(), "421 4.7.0 Too many sessions; try again later");
    assert!(dialogue.say("VRFY x").starts_with("252 "));
    for _ in 0..20 {
        assert!(dialogue.say("NONSENSE").starts_with("500 5.5.2 "));
    }
    assert_eq!(dialogue.reply(), "421 4.7.0 Too many errors");
    assert_eq!(world.letters().len(), 2);
    world.end();
}

#[test]
fn a_short_disk_puts_letters_off_and_loses_none() {
    let world = Plan::new().set("storage.free_bytes_min", 1_099_511_627_776_i64).start();
    let refusal = world.submit(&Writing::about(cast::AMINA, &[cast::OAK])).unwrap_err();
    assert!(refusal.contains("452"), "{refusal}");
    let answered = world.post(&Request::json(&json!({ "to": [cast::OAK], "text": "x" })));
    assert_eq!((answered.status, &answered.body["code"]), (503, &json!("busy")));
    assert!(world.letters().is_empty());
    world.end();
}
