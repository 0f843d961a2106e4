//! Every reason code with what it weighs, what the sender reads, and who can act: one table.
//!
//! A sentence is plain, at most 19 words long, and says nothing about the person. `{}` stands for what the
//! gate names: an agency, a country, categories, papers. Not here: what a client is told on the wire
//! (`gateway/intake/smtp/reply.rs`), and the notices that these sentences go into (`gateway/outbound/notice`).

use crate::{Reason, ReasonCode, Verdict};

/// One row: weight, sentence, remedy, who can act.
struct Row(Verdict, &'static str, &'static str, &'static str);

/// Makes the look-up of a row, which will not compile while a code has none.
macro_rules! table {
    ($($code:ident $weight:ident $sentence:literal, $remedy:literal, $who:literal;)+) => {
        const fn row(code: ReasonCode) -> Row {
            match code {
                $(ReasonCode::$code => Row(Verdict::$weight, $sentence, $remedy, $who),)+
            }
        }
    };
}

table! {
    UserUnknown Refuse "This account is not one that may send letters.",
        "Ask an admin to add the account, or to make it active again.", "admin";
    UserRole Refuse "Your role may not send letters for this purpose.",
        "Ask a colleague who may send it, or ask an admin to check your role.", "admin";
    UserTraining Refuse "Your data training is out of date.",
        "Do the training again. Then send the letter again.", "sender";
    UserHours Refuse "Your account does not send letters at this hour.",
        "Send it in your working hours, or ask an admin to put you on duty.", "admin";

    PurposeMissing Hold "We need to know why this letter is being sent.",
        "Tell us the purpose, and we will carry on.", "sender";
    PurposeUnknown Refuse "The purpose you gave is not on our list.",
        "Choose a purpose from the list, and send the letter again.", "sender";
    PurposeMarketing Refuse "We never send letters for marketing.",
        "Nothing can open this. Do not send it another way.", "nobody";
    BasisMissing Hold "A letter for this purpose must say what it rests on.",
        "Add the contract, rule, incident, request or approved exception, and we will carry on.", "sender";

    AgencyNotListed Refuse "This address is not on our list of safe places to send to.",
        "Check how you typed it. If it is right, ask an admin to add it.", "admin";
    RecipientLookalike Refuse "This address looks very much like one on our list: {}",
        "Check how you typed it. If you meant the one on our list, send it there.", "sender";
    AgencySuspended Refuse "We have stopped sending letters to this agency for now.",
        "Ask an admin why. Send the letter again when the agency is back on the list.", "admin";
    AgencyUnauthorised Hold "An area manager has yet to approve this agency.",
        "Ask an area manager who did not ask for the agency to approve it.", "area-manager";
    AgencyPapersMissing Hold "We do not have these papers from the agency: {}.",
        "Ask the information governance lead to get them and put them on file.", "ig-lead";
    AgencyPapersExpired Hold "These papers from the agency are out of date: {}.",
        "Ask the information governance lead to renew them.", "ig-lead";
    AgencyPurpose Refuse "This recipient may not get letters for this purpose.",
        "Check the purpose and the recipient. If both are right, ask the information governance lead.", "ig-lead";
    AgencyCategory Refuse "The agency may not get {}.",
        "Take that out, or ask the information governance lead to look at what the agency may get.", "ig-lead";
    AgencyOnlyVia Refuse "Letters for this agency go through another one: {}.",
        "Send the letter there.", "sender";
    RecipientUnverified Hold "Nobody has checked lately that this address is theirs.",
        "Ask an admin to check it by telephone, and we will carry on.", "admin";
    RecipientNotRelated Refuse "The register does not link this recipient to the person.",
        "Check the recipient. If it is right, ask an admin to correct the register.", "sender";
    TransferCountry Refuse "We have no safeguard for sending this to {}.",
        "Ask the information governance lead about an agreement for that country.", "ig-lead";

    PatientUnresolved Hold "We need to know who this letter is about.",
        "Give us the person's number, and we will carry on.", "sender";
    PatientMixed Hold "The letter seems to be about a different patient as well.",
        "Open the letter and check every page. Swap the file, or tell us that it is right.", "sender";
    PatientMismatch Hold "A name or birth date in the letter does not match the register.",
        "Check who the letter is about. Swap the file, or tell us that it is right.", "sender";
    PatientUnread Hold "Part of the letter could not be read, so we cannot tell who is in it.",
        "Send that part in a form we can read, or tell us that you have checked it.", "sender";
    SubjectDeceased Refuse "The person has died, and letters about them stay private.",
        "Ask the records lead. A person with a right to the record can apply for it.", "records-lead";
    SubjectRestricted Refuse "This record is restricted, so letters about it may not go out.",
        "Ask the information governance lead when the restriction will end.", "ig-lead";
    SubjectObjected Refuse "The person objects to letters for this purpose.",
        "Ask the information governance lead. Do not send it another way.", "ig-lead";
    SubjectMustKnowFirst Hold "The person must read this very letter before it goes.",
        "Show it to them and record that they have read it. Any change means reading it again.", "sender";

    ItemsMissing Hold "We need to know what kind of information this letter holds.",
        "Tell us what it holds, and we will carry on.", "sender";
    ItemsSurplus Hold "This purpose does not allow {}.",
        "Take that out and send the letter again, or check the purpose.", "sender";
    ItemsForbidden Refuse "This purpose never allows {}.",
        "Take that out and send the letter again.", "sender";
    ItemsIdentifiersPresent Refuse "The letter says who somebody is, and here it must not.",
        "Take out names, numbers and dates of birth. Then send the letter again.", "sender";

    ConsentRefused Refuse "The patient has said no to sharing this with the agency.",
        "Respect the answer. If the patient has a change of mind, record the new answer.", "nobody";
    ConsentWithdrawn Refuse "The patient has taken back their consent to share this with the agency.",
        "Respect the answer. If the patient has a change of mind, record the new answer.", "nobody";
    ConsentNone Hold "We have no record that the patient agreed to share with this agency.",
        "Ask the patient. Then record the answer, and we will carry on.", "sender";
    ConsentPurposeMismatch Hold "The patient agreed to share with this agency, but not for this purpose.",
        "Ask the patient about this purpose. Then record the answer, and we will carry on.", "sender";
    ConsentCategoryMismatch Hold "The patient's consent does not cover {}.",
        "Take that out, or ask the patient about it and record the answer.", "sender";
    ConsentExpired Hold "The patient's consent has come to its end.",
        "Ask the patient again. Then record the answer, and we will carry on.", "sender";
    ConsentStale Hold "Much has changed for the patient since they agreed.",
        "Ask the patient again. Then record the answer, and we will carry on.", "sender";
    ConsentFormTooWeak Hold "This letter needs a clearer form of consent than we have.",
        "Ask the patient in plain words, in writing where it says so. Then record the answer.", "sender";
    ConsentNoEvidence Hold "The consent on record lacks its proof, or the notice the patient saw.",
        "Put the form and the notice on file, and we will carry on.", "sender";
    ConsentNoAuthority Hold "Someone agreed for the patient, and their right to do so is not on file.",
        "Record their authority and the note on capacity, and we will carry on.", "sender";

    ExceptionUnapproved Hold "Nobody who may decide it has approved the exception.",
        "Ask the person who decides on this ground.", "the decider";
    ExceptionSelfApproved Refuse "The exception was approved by the one who asked for it or who sends.",
        "Ask another person who may decide on this ground.", "another decider";
    ExceptionIncomplete Hold "The exception is not filled in: {}.",
        "Ask the person who requested it to fill that in.", "requester";
    ExceptionScope Refuse "The exception does not cover this letter.",
        "Check its person, agency, categories and purpose, or ask for a new one.", "requester";
    ExceptionExpired Refuse "The exception has come to its end.",
        "Ask for a new one.", "requester";

    ChannelNoMethod Refuse "We have no safe way to send this to the recipient.",
        "Ask an admin to set one up with the agency. Do not send it another way.", "admin";
}

impl Reason {
    /// A reason as its row has it.
    pub(crate) fn of(code: ReasonCode) -> Self {
        Self::naming(code, "")
    }

    /// A reason that names what it is about.
    pub(crate) fn naming(code: ReasonCode, what: &str) -> Self {
        let Row(weight, sentence, remedy, who) = row(code);
        Self { code, weight, sentence: sentence.replace("{}", what), remedy: remedy.to_owned(), who: who.into() }
    }

    /// The same, with the weight that a purpose gives it.
    pub(crate) fn weighing(self, weight: Verdict) -> Self {
        Self { weight, ..self }
    }
}

impl ReasonCode {
    /// What it comes to by itself: a hold or a refusal. (`items.surplus` refuses for `regulation`, O-007.)
    #[must_use]
    pub const fn weight(self) -> Verdict {
        row(self).0
    }

    /// The sentence for the sender, `{}` where a reason names something; for the reference page of reasons.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        row(self).1
    }

    /// What to do about it.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        row(self).2
    }

    /// Who can act.
    #[must_use]
    pub const fn who(self) -> &'static str {
        row(self).3
    }
}

#[cfg(test)]
mod tests;
