//! One letter that may go, and all the facts that let it: the still point from which every case departs.
#![allow(clippy::panic, reason = "a world that does not parse should stop its test")]

use crate::{
    Agency, AgencyKind, AgencyOrKind, Answer, Approval, Authorisation, Category, Channel, Consent, Decision, Declared,
    Exception, Facts, Form, GivenBy, Ground, Letter, LetterId, Mailbox, Manner, Moment, Papers, Proof, Purpose,
    Recipient, Role, SealingKey, Staff, Subject, SubjectId, Timestamp, Verification, decide,
};

/// Monday 15 June 2026, 10:30 in London.
pub(super) const NOW: Timestamp = Timestamp(1_781_515_800);
pub(super) const YEAR_SECS: i64 = 365 * 86_400;
pub(super) const LATER: Timestamp = Timestamp(NOW.0 + YEAR_SECS);
pub(super) const BEFORE: Timestamp = Timestamp(NOW.0 - YEAR_SECS);

#[derive(Clone)]
pub(super) struct World {
    pub facts: Facts,
    pub letter: Letter<()>,
    pub now: Moment,
}

impl World {
    pub fn new() -> Self {
        let facts = Facts {
            sender: Some(staff("dr-lamb", Role::Clinician)),
            recipient: Recipient::Agency(Box::new(agency())),
            authoriser: Some(staff("am-stone", Role::AreaManager)),
            subject: Some(subject()),
            consents: vec![consent("c-1")],
            approval: None,
        };
        Self { facts, letter: letter(), now: Moment { at: NOW, offset_secs: 3600 } }
    }

    pub fn decide(&self) -> Decision<()> {
        decide(&self.facts, self.letter.clone(), self.now)
    }

    pub fn sender(&mut self) -> &mut Staff {
        self.facts.sender.get_or_insert_with(|| staff("dr-lamb", Role::Clinician))
    }

    pub fn subject(&mut self) -> &mut Subject {
        self.facts.subject.get_or_insert_with(subject)
    }

    pub fn with_sender(&mut self, change: impl FnOnce(&mut Staff)) {
        self.facts.sender.as_mut().map(change).unwrap_or_default();
    }

    pub fn with_subject(&mut self, change: impl FnOnce(&mut Subject)) {
        self.facts.subject.as_mut().map(change).unwrap_or_default();
    }

    /// The agency, where the recipient still is one; else one that nothing reads.
    pub fn with_agency(&mut self, change: impl FnOnce(&mut Agency)) {
        if let Recipient::Agency(agency) = &mut self.facts.recipient {
            change(agency);
        }
    }

    pub fn with_consents(&mut self, change: impl Fn(&mut Consent)) {
        self.facts.consents.iter_mut().for_each(change);
    }

    /// Declares the purpose, and moves the agency's kind, the sender and the citation along, so that all agree.
    pub fn purpose(&mut self, purpose: Purpose, kind: AgencyKind, holds: &[Category]) {
        self.letter.purpose = Some(Declared::Known(purpose));
        self.letter.categories = holds.to_vec();
        self.letter.citation = Some("contract 7".to_owned());
        self.with_agency(|agency| agency.kind = kind);
        self.sender().roles.push(Role::IgLead);
        self.with_consents(|entry| {
            entry.purposes = vec![purpose];
            entry.categories = holds.to_vec();
        });
    }

    /// Names an exception that holds, for the letter as it is.
    pub fn except(&mut self, ground: Ground) {
        let fields = ground.fields().iter().map(|field| ((*field).to_owned(), "filled".to_owned())).collect();
        let exception = Exception {
            id: "x-1".to_owned(),
            ground,
            agency: "elm".to_owned(),
            categories: self.letter.categories.clone(),
            requested_by: "cl-ames".to_owned(),
            until: LATER,
            subject: self.letter.subject.clone(),
            approved_by: Some("cg-fox".to_owned()),
            approved_on: Some(BEFORE),
            fields,
            told: None,
            not_told_because: None,
        };
        self.letter.exception = Some("x-1".to_owned());
        self.facts.approval = Some(Approval { exception, approver: Some(staff("cg-fox", Role::CaldicottGuardian)) });
    }

    pub fn with_approval(&mut self, change: impl FnOnce(&mut Approval)) {
        self.facts.approval.as_mut().map(change).unwrap_or_default();
    }

    pub fn send_home(&mut self) {
        self.letter.to = mailbox("amina@home.example");
        self.facts.recipient = Recipient::OwnAddress;
    }
}

/// Everything, for a failing property: the people here are invented.
impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let json = serde_json::json!({ "facts": self.facts, "letter": self.letter });
        write!(f, "{json:#}")
    }
}

pub(super) fn id(text: &str) -> SubjectId {
    SubjectId::parse(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

pub(super) fn mailbox(text: &str) -> Mailbox {
    Mailbox::parse(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

pub(super) fn staff(id: &str, role: Role) -> Staff {
    Staff {
        id: id.to_owned(),
        name: format!("Dr {id}"),
        roles: vec![role],
        trained_until: Some(LATER),
        addresses: Vec::new(),
        active: true,
        hours: None,
        on_duty: false,
        default_purpose: None,
        default_categories: Vec::new(),
    }
}

fn agency() -> Agency {
    Agency {
        id: "elm".to_owned(),
        name: "Elm Street Surgery".to_owned(),
        kind: AgencyKind::Gp,
        country: "GB".to_owned(),
        purposes: Purpose::ALL.to_vec(),
        categories: Category::ALL.to_vec(),
        channels: vec![Channel::HttpsPush, Channel::AgeEmail, Channel::TlsEmail, Channel::Link],
        addresses: vec![mailbox("letters@elm.example")],
        domains: Vec::new(),
        suspended: false,
        ods: None,
        only_via: None,
        requested_by: Some("dr-lamb".to_owned()),
        authorised: Some(Authorisation { by: "am-stone".to_owned(), on: BEFORE, until: LATER }),
        papers: Papers { agreement_until: Some(LATER), policy_copy_until: Some(LATER), undertaking_until: Some(LATER) },
        verified: Some(Verification {
            on: BEFORE,
            by: "adm-reed".to_owned(),
            method: "telephone".to_owned(),
            until: LATER,
        }),
        transfer: None,
        keys: vec![SealingKey {
            recipient: "age1x".to_owned(),
            verified: true,
            not_before: Some(BEFORE),
            not_after: Some(LATER),
        }],
        proof: vec![Proof::Dane],
        mx: Vec::new(),
        pins: Vec::new(),
        ca: None,
        endpoint: Some("https://elm.example/letters".to_owned()),
    }
}

fn subject() -> Subject {
    Subject {
        id: id("nhs:9995260182"),
        name: "Amina Yorke".to_owned(),
        birth_date: Timestamp(0),
        aliases: vec![id("case:PSU-0142")],
        postcode: None,
        addresses: vec![mailbox("amina@home.example")],
        deceased: false,
        restricted: false,
        objections: Vec::new(),
        usual: Vec::new(),
        trainee: false,
        responsible_officer: None,
        supervisor: None,
        representatives: Vec::new(),
        works: [("EP-1".to_owned(), None)].into(),
        changed: None,
        knows: Vec::new(),
    }
}

pub(super) fn consent(name: &str) -> Consent {
    Consent {
        id: name.to_owned(),
        subject: id("nhs:9995260182"),
        with: AgencyOrKind::Agency("elm".to_owned()),
        answer: Answer::Yes,
        form: Form::Explicit,
        manner: Manner::Written,
        purposes: vec![Purpose::DirectCare],
        categories: vec![Category::ClinicalLetter],
        given: BEFORE,
        given_by: GivenBy::Subject,
        authority: None,
        capacity_note: None,
        notice: Some("notice v3".to_owned()),
        evidence: Some("form 1".to_owned()),
        work: None,
        expires: None,
        withdrawn: None,
        abroad: Vec::new(),
        supersedes: None,
    }
}

/// A `no` to everything.
pub(super) fn no(name: &str) -> Consent {
    Consent { answer: Answer::No, purposes: Vec::new(), categories: Vec::new(), ..consent(name) }
}

fn letter() -> Letter<()> {
    Letter {
        id: LetterId::from_bits(7),
        sender: "dr-lamb".to_owned(),
        to: mailbox("Letters@Elm.example"),
        subject: Some(id("nhs:9995260182")),
        purpose: Some(Declared::Known(Purpose::DirectCare)),
        categories: vec![Category::ClinicalLetter],
        citation: None,
        exception: None,
        contradictions: Vec::new(),
        found: Vec::new(),
        sha256: Some("ab".repeat(32)),
        body: (),
    }
}
