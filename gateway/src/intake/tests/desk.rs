//! A desk that writes down what reaches it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use policy::{LetterId, Mailbox, Verdict};
use secrecy::ExposeSecret;

use crate::intake::{
    Account, Answer, Busy, Declaration, Desk, Door, DryRun, Envelope, Incoming, Judged, RecipientAnswer, Secret,
    SignInRefused,
};

/// Listed: everyone at `practice.example`. Staff: `anna` with password `geheim`; a token, a certificate, a relay.
#[derive(Clone, Default)]
pub struct FakeDesk(Arc<Inside>);

#[derive(Default)]
struct Inside {
    taken: Mutex<Vec<Taken>>,
    keys: Mutex<HashMap<String, Option<String>>>,
    pub open_bodies: Mutex<Mood>,
}

/// How the desk feels about the next message.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub enum Mood {
    #[default]
    Glad,
    /// `open_body` fails.
    NoRoom,
    /// The second push, the one after the head, fails.
    DiskFails,
    /// `accept` cannot decide.
    Faulty,
    /// Whoever has signed in is suspended.
    Suspended,
    /// Nobody's account can be read any more.
    Unread,
}

/// What arrived with one message.
pub struct Taken {
    pub envelope: Envelope,
    pub declaration: Declaration,
    pub bytes: Vec<u8>,
}

pub struct FakeBody {
    bytes: Vec<u8>,
    pushes_left: usize,
}

impl Incoming for FakeBody {
    async fn push(&mut self, bytes: &[u8]) -> Result<(), Busy> {
        self.pushes_left = self.pushes_left.checked_sub(1).ok_or(Busy::Fault)?;
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
}

pub fn anna() -> Account {
    let addresses = ["anna@example.nhs.uk", "clinic@example.nhs.uk"];
    Account { staff: "dr-anna".into(), reverse_paths: addresses.map(|a| Mailbox::parse(a).unwrap()).to_vec() }
}

fn ehr() -> Account {
    Account { staff: "sys-ehr".into(), reverse_paths: vec![Mailbox::parse("ehr@example.nhs.uk").unwrap()] }
}

impl FakeDesk {
    /// All that was accepted or refused as a whole since the last call.
    pub fn taken(&self) -> Vec<Taken> {
        std::mem::take(&mut self.0.taken.lock().unwrap())
    }

    pub fn feel(&self, mood: Mood) {
        *self.0.open_bodies.lock().unwrap() = mood;
    }

    fn mood(&self) -> Mood {
        *self.0.open_bodies.lock().unwrap()
    }
}

impl Desk for FakeDesk {
    type Body = FakeBody;

    async fn sign_in(&self, login: &str, password: Secret, _from: IpAddr) -> Result<Account, SignInRefused> {
        match (login, password.expose_secret()) {
            ("anna", "geheim") => Ok(anna()),
            ("busy", _) => Err(SignInRefused::Later),
            _ => Err(SignInRefused::Wrong),
        }
    }

    async fn token(&self, token: Secret) -> Result<Account, SignInRefused> {
        match token.expose_secret() {
            "good-token" => Ok(anna()),
            "busy-token" => Err(SignInRefused::Later),
            _ => Err(SignInRefused::Wrong),
        }
    }

    async fn certificate(&self, sha256: &str) -> Result<Account, SignInRefused> {
        let looks_right = sha256.len() == 64 && sha256.bytes().all(|b| b.is_ascii_hexdigit());
        if looks_right { Ok(ehr()) } else { Err(SignInRefused::Wrong) }
    }

    async fn relay(&self, staff: &str) -> Result<Account, SignInRefused> {
        if staff == "sys-ehr" { Ok(ehr()) } else { Err(SignInRefused::Wrong) }
    }

    async fn still(&self, account: &Account) -> Result<Account, SignInRefused> {
        match self.mood() {
            Mood::Suspended => Err(SignInRefused::Wrong),
            Mood::Unread => Err(SignInRefused::Later),
            _ => Ok(account.clone()),
        }
    }

    async fn recipient(&self, _account: &Account, to: &Mailbox) -> RecipientAnswer {
        match (to.local(), to.domain().as_str()) {
            ("later", _) => RecipientAnswer::Later,
            (_, "practice.example") => RecipientAnswer::Listed,
            _ => RecipientAnswer::Refused { sentence: "address is not on the safe list".into() },
        }
    }

    async fn open_body(&self) -> Result<FakeBody, Busy> {
        match self.mood() {
            Mood::NoRoom => Err(Busy::Full),
            Mood::DiskFails => Ok(FakeBody { bytes: Vec::new(), pushes_left: 1 }),
            _ => Ok(FakeBody { bytes: Vec::new(), pushes_left: usize::MAX }),
        }
    }

    /// Letters to `refused@…` are refused, letters to `held@…` held.
    async fn accept(&self, envelope: Envelope, declaration: Declaration, body: FakeBody) -> Answer {
        if self.mood() == Mood::Faulty {
            return Answer::Deferred(Busy::Fault);
        }
        if let Some(key) = &envelope.idempotency_key {
            let mut keys = self.0.keys.lock().unwrap();
            let known = keys.entry(key.clone()).or_insert_with(|| envelope.request_sha256.clone());
            if *known != envelope.request_sha256 {
                return Answer::Conflict;
            }
        }
        let letters: Vec<Judged> = envelope.recipients.iter().zip(1..).map(|(r, n)| judged(&r.to, n)).collect();
        let reference = letters[0].id.clone();
        if envelope.dry_run == DryRun::No {
            self.0.taken.lock().unwrap().push(Taken { envelope, declaration, bytes: body.bytes });
        }
        if letters.iter().all(|letter| letter.verdict == Verdict::Refuse) {
            let sentence = "no consent on record for this agency".into();
            return Answer::Refused { reference, sentence, letters };
        }
        Answer::Accepted { reference, letters }
    }
}

fn judged(to: &Mailbox, number: u64) -> Judged {
    let verdict = match to.local() {
        "refused" => Verdict::Refuse,
        "held" => Verdict::Hold,
        _ => Verdict::Release,
    };
    Judged { id: LetterId::from_bits(number), to: to.clone(), verdict, reasons: Vec::new() }
}

/// How a door is named in what arrived.
pub fn by(door: Door) -> &'static str {
    match door {
        Door::Submission => "submission",
        Door::Https => "https",
    }
}
