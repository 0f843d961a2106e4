//! Scenario files (`decision.md` section 8): a small register, a moment, and letters whose decision is known.
//!
//! Also how a register's [`Document`] becomes the [`Facts`] of one letter. Not here: the decision (`policy`),
//! and facts read from the store (`registers`).

use std::collections::BTreeSet;
use std::fmt;

use policy::{
    Agency, Approval, Category, Channel, Declared, Duty, Explanation, Facts, Letter, LetterId, Mailbox, Moment,
    Purpose, ReasonCode, Recipient, Subject, SubjectId, Verdict,
};

use super::file::error::Fault;
use super::file::field::{sha256, text, wrong};
use super::file::node::Node;
use super::file::record::Fields;
use super::file::{Document, FileError, Known, Placed, TABLES, document, table_of, unknown_tables};

/// A scenario file, read: every case beside the register that it is decided on.
pub struct Scenario {
    document: Document,
    cases: Vec<(Moment, Case)>,
}

/// One letter, and what is expected of it.
struct Case {
    name: String,
    seed: Vec<String>,
    /// In place of the file's own.
    now: Option<Moment>,
    letter: Letter<()>,
    expect: Expect,
}

struct Expect {
    verdict: Verdict,
    reasons: Vec<ReasonCode>,
    channels: Option<Vec<Channel>>,
    duties: Option<Vec<Duty>>,
}

/// What became of one case. Displays its name, and when it differs how, with the whole explanation.
#[derive(Clone, Debug)]
pub struct CaseResult {
    /// As the file names it.
    pub name: String,
    /// The obligations that it stands for (`O-nnn`).
    pub seed: Vec<String>,
    /// What differs from what the file expects; nothing when the case passes.
    pub differences: Vec<String>,
    /// Why it was decided as it was.
    pub explanation: Explanation,
}

/// Decides every case of a scenario file; `file` is its name in faults.
///
/// # Errors
/// With every fault of the file; then no case is decided.
pub fn run(text: &str, file: &str) -> Result<Vec<CaseResult>, FileError> {
    let scenario = Scenario::parse(text, file)?;
    Ok(scenario.cases.iter().map(|(now, case)| case.decide(&scenario.document, *now)).collect())
}

/// What a register says that bears on a letter. Inference of the subject has happened: none is none.
#[must_use]
pub fn facts_from<B>(document: &Document, letter: &Letter<B>) -> Facts {
    let staff = |id: &str| document.staff.iter().find(|staff| staff.id == id).cloned();
    let subject = letter.subject.as_ref().and_then(|id| document.subjects.iter().find(|s| s.answers_to(id)));
    let recipient = recipient(document, &letter.to, subject);
    let authoriser = match &recipient {
        Recipient::Agency(agency) => agency.authorised.as_ref().and_then(|authorised| staff(&authorised.by)),
        Recipient::OwnAddress | Recipient::Unlisted { .. } => None,
    };
    let exception = letter.exception.as_ref().and_then(|id| document.exceptions.iter().find(|x| x.id == *id));
    let of_subject = |consent: &&policy::Consent| subject.is_some_and(|subject| subject.answers_to(&consent.subject));
    Facts {
        sender: staff(&letter.sender),
        recipient,
        authoriser,
        subject: subject.cloned(),
        consents: document.consents.iter().filter(of_subject).cloned().collect(),
        approval: exception.map(|exception| Approval {
            exception: exception.clone(),
            approver: exception.approved_by.as_deref().and_then(staff),
        }),
    }
}

/// Whose an address is. An address beats a domain, so that of another subject is nobody's, also at a listed domain.
fn recipient(document: &Document, to: &Mailbox, subject: Option<&Subject>) -> Recipient {
    let has_address = |agency: &&Agency| agency.addresses.contains(to);
    let has_domain = |agency: &&Agency| agency.domains.contains(to.domain());
    if let Some(agency) = document.agencies.iter().find(has_address) {
        return Recipient::Agency(Box::new(agency.clone()));
    }
    if subject.is_some_and(|subject| subject.addresses.contains(to)) {
        return Recipient::OwnAddress;
    }
    let somebody_elses = document.subjects.iter().any(|subject| subject.addresses.contains(to));
    if let Some(agency) = document.agencies.iter().find(has_domain).filter(|_| !somebody_elses) {
        return Recipient::Agency(Box::new(agency.clone()));
    }
    let mailboxes = document.agencies.iter().flat_map(|agency| &agency.addresses);
    let domains = document.agencies.iter().flat_map(|agency| &agency.domains);
    Recipient::Unlisted { resembles: policy::resembles(to, mailboxes, domains) }
}

impl Scenario {
    /// Reads a scenario file.
    ///
    /// # Errors
    /// With every fault of the file.
    pub fn parse(text: &str, file: &str) -> Result<Self, FileError> {
        let root = Node::parse(text, file)?;
        let tables: Vec<_> = ["now", "case"].into_iter().chain(TABLES).collect();
        let mut faults = unknown_tables(&root, &tables);
        let document = document(&root, &Known::default(), &mut faults);
        let now = root.field("now").and_then(|node| {
            moment(node).map_err(|found| faults.extend(found.into_iter().map(|fault| fault.within("now")))).ok()
        });
        let mut cases = Vec::new();
        for (index, Placed { node, path, record: mut case }) in (0..).zip(table_of(case, "case", &root, &mut faults)) {
            case.letter.id = LetterId::from_bits(index);
            let named = case.letter.exception.as_ref();
            if named.is_some_and(|id| document.exceptions.iter().all(|exception| exception.id != *id)) {
                let place = node.field("letter").and_then(|letter| letter.field("exception")).unwrap_or(node);
                let fault = place.fault("there is no exception of this id", "add it, or correct the id");
                faults.push(fault.within(&format!("{path}.letter.exception")));
            }
            match case.now.or(now) {
                Some(now) => cases.push((now, case)),
                None if root.field("now").is_some() => {}
                None => {
                    let remedy = "add now = … to it, or above every table for all";
                    faults.push(node.fault("the case has no moment", remedy).within(&format!("{path}.now")));
                }
            }
        }
        if faults.is_empty() { Ok(Self { document, cases }) } else { Err(FileError::of(file, faults)) }
    }
}

impl Case {
    fn decide(&self, document: &Document, now: Moment) -> CaseResult {
        let facts = facts_from(document, &self.letter);
        let explanation = policy::decide(&facts, self.letter.clone(), now).explanation;
        let differences = self.expect.differences(&explanation);
        CaseResult { name: self.name.clone(), seed: self.seed.clone(), differences, explanation }
    }
}

impl Expect {
    /// Reasons and duties are sets, channels are in order; all exact.
    fn differences(&self, found: &Explanation) -> Vec<String> {
        let mut differences = Vec::new();
        if self.verdict != found.verdict {
            differences.push(format!("verdict: expected {}, decided {}", self.verdict, found.verdict));
        }
        let codes = found.reasons.iter().map(|reason| reason.code);
        differences.extend(sets_differ("reasons", self.reasons.iter().copied(), codes));
        if let Some(duties) = &self.duties {
            differences.extend(sets_differ("duties", duties.iter().copied(), found.duties.iter().copied()));
        }
        if let Some(channels) = self.channels.as_ref().filter(|channels| **channels != found.channels) {
            differences.push(format!("channels: expected [{}], decided [{}]", list(channels), list(&found.channels)));
        }
        differences
    }
}

fn sets_differ<T: Ord + fmt::Display>(
    what: &str,
    expected: impl Iterator<Item = T>,
    decided: impl Iterator<Item = T>,
) -> Option<String> {
    let (expected, decided): (BTreeSet<T>, BTreeSet<T>) = (expected.collect(), decided.collect());
    let missing: Vec<_> = expected.difference(&decided).collect();
    let surplus: Vec<_> = decided.difference(&expected).collect();
    let differ = !missing.is_empty() || !surplus.is_empty();
    differ.then(|| format!("{what}: missing [{}], not expected [{}]", list(&missing), list(&surplus)))
}

fn list<T: fmt::Display>(items: &[T]) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}

impl CaseResult {
    /// Did it come out exactly as expected?
    #[must_use]
    pub const fn passed(&self) -> bool {
        self.differences.is_empty()
    }
}

impl fmt::Display for CaseResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.passed() {
            return write!(f, "ok      {}", self.name);
        }
        write!(f, "DIFFERS {}", self.name)?;
        for difference in &self.differences {
            write!(f, "\n  {difference}")?;
        }
        let found = &self.explanation;
        write!(f, "\n  decided: {}", found.verdict)?;
        for reason in &found.reasons {
            write!(f, "\n    {}: {} {} ({})", reason.code, reason.sentence, reason.remedy, reason.who)?;
        }
        write!(f, "\n    channels: [{}]; duties: [{}]", list(&found.channels), list(&found.duties))?;
        write!(f, "\n    rests on: [{}]; facts: {}", list(&found.rests_on), found.facts_sha256)
    }
}

fn case(node: &Node) -> Result<Case, Vec<Fault>> {
    let mut fields = Fields::of(node)?;
    let name = fields.must("name");
    let seed = fields.may("seed");
    let now = fields.may_be("now", |node| moment(node).map(Some));
    let letter = fields.must_be("letter", letter);
    let expect = fields.must_be("expect", expect);
    let case = || Some(Case { name: name?, seed: seed?, now: now?, letter: letter?, expect: expect? });
    fields.finish(case())
}

fn letter(node: &Node) -> Result<Letter<()>, Vec<Fault>> {
    let mut fields = Fields::of(node)?;
    let sender = fields.must("sender");
    let to = fields.must("to");
    let subject: Option<Option<SubjectId>> = fields.may("subject");
    let purpose = fields.may_be("purpose", purpose);
    let categories: Option<Vec<Category>> = fields.may("categories");
    let citation = fields.may("citation");
    let exception = fields.may("exception");
    let found = fields.may("found");
    let sha256_of_bytes = fields.may("sha256");
    fields.hold("sha256", sha256);
    let letter = || {
        Some(Letter {
            id: LetterId::from_bits(0),
            sender: sender?,
            to: to?,
            subject: subject?,
            purpose: purpose?,
            categories: categories?,
            citation: citation?,
            exception: exception?,
            contradictions: Vec::new(),
            found: found?,
            sha256: sha256_of_bytes?,
            body: (),
        })
    };
    fields.finish(letter())
}

/// A purpose that is on no list is for the decision to refuse.
fn purpose(node: &Node) -> Result<Option<Declared<Purpose>>, Vec<Fault>> {
    if node.is_blank() {
        return Ok(None);
    }
    let word = text(node)?;
    Ok(Some(word.parse().map_or_else(|()| Declared::Unknown(word.to_owned()), Declared::Known)))
}

fn expect(node: &Node) -> Result<Expect, Vec<Fault>> {
    let mut fields = Fields::of(node)?;
    let verdict = fields.must("verdict");
    let reasons = fields.must("reasons");
    let channels: Option<Option<Vec<Channel>>> = fields.may("channels");
    let duties: Option<Option<Vec<Duty>>> = fields.may("duties");
    if verdict.is_some_and(|verdict| verdict != Verdict::Release) {
        for (name, set) in
            [("channels", matches!(channels, Some(Some(_)))), ("duties", matches!(duties, Some(Some(_))))]
        {
            if set {
                fields.fault(name, "only a release has them", "take it out");
            }
        }
    }
    let expect = || Some(Expect { verdict: verdict?, reasons: reasons?, channels: channels?, duties: duties? });
    fields.finish(expect())
}

fn moment(node: &Node) -> Result<Moment, Vec<Fault>> {
    let remedy = "write it as \"2026-06-15T10:30:00+01:00\"; its offset is the provider's local time";
    Moment::parse(text(node)?).or_else(|error| wrong(node, &format!("this is no moment: {error}"), remedy))
}

#[cfg(test)]
pub(crate) mod tests;
