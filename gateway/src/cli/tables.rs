//! The five register tables as lists show them: one row an entry.

use policy::{Agency, AgencyOrKind, Answer, Consent, Exception, Staff, Subject, Timestamp};

use super::out::joined;
use crate::registers::Listed;
use crate::registers::file::Document;

/// An entry of a table that the command line works on.
pub(super) trait Entry: Listed {
    /// What the table is called on the command line.
    const NOUN: &'static str;
    /// Over the columns.
    const HEADINGS: &'static [&'static str];

    fn row(&self) -> Vec<String>;

    /// A register file that holds these entries alone.
    fn alone(entries: Vec<Self>) -> Document;
}

impl Entry for Agency {
    const NOUN: &'static str = "agency";
    const HEADINGS: &'static [&'static str] = &["ID", "NAME", "KIND", "STATUS", "CHANNELS", "ADDRESSES AND DOMAINS"];

    fn row(&self) -> Vec<String> {
        let status = if self.suspended { "suspended" } else { "active" };
        let places = self.addresses.iter().map(ToString::to_string).chain(self.domains.iter().map(ToString::to_string));
        vec![
            self.id.clone(),
            self.name.clone(),
            self.kind.to_string(),
            status.to_owned(),
            joined(&self.channels),
            places.collect::<Vec<_>>().join(", "),
        ]
    }

    fn alone(agencies: Vec<Self>) -> Document {
        Document { agencies, ..Document::default() }
    }
}

impl Entry for Consent {
    const NOUN: &'static str = "consent";
    const HEADINGS: &'static [&'static str] = &["ID", "SUBJECT", "WITH", "ANSWER", "PURPOSES", "UNTIL"];

    fn row(&self) -> Vec<String> {
        let with = match &self.with {
            AgencyOrKind::Agency(id) => id.clone(),
            AgencyOrKind::AgencyKind(kind) => format!("every {kind}"),
        };
        let until = match (self.withdrawn, self.expires) {
            (Some(at), _) => format!("withdrawn {at}"),
            (None, Some(at)) => at.to_string(),
            (None, None) => String::new(),
        };
        let purposes = if self.purposes.is_empty() && self.answer == Answer::No {
            "any".to_owned()
        } else {
            joined(&self.purposes)
        };
        vec![self.id.clone(), self.subject.as_str().to_owned(), with, self.answer.to_string(), purposes, until]
    }

    fn alone(consents: Vec<Self>) -> Document {
        Document { consents, ..Document::default() }
    }
}

impl Entry for Subject {
    const NOUN: &'static str = "subject";
    const HEADINGS: &'static [&'static str] = &["ID", "NAME", "BORN", "MARKED"];

    fn row(&self) -> Vec<String> {
        let marks = [("deceased", self.deceased), ("restricted", self.restricted), ("trainee", self.trainee)];
        let marks: Vec<_> = marks.into_iter().filter(|(_, set)| *set).map(|(mark, _)| mark).collect();
        vec![self.id.as_str().to_owned(), self.name.clone(), date(self.birth_date), marks.join(", ")]
    }

    fn alone(subjects: Vec<Self>) -> Document {
        Document { subjects, ..Document::default() }
    }
}

impl Entry for Staff {
    const NOUN: &'static str = "user";
    const HEADINGS: &'static [&'static str] = &["ID", "NAME", "ROLES", "STATUS", "TRAINED UNTIL"];

    fn row(&self) -> Vec<String> {
        let status = if self.active { "active" } else { "inactive" };
        let trained = self.trained_until.map(date).unwrap_or_default();
        vec![self.id.clone(), self.name.clone(), joined(&self.roles), status.to_owned(), trained]
    }

    fn alone(staff: Vec<Self>) -> Document {
        Document { staff, ..Document::default() }
    }
}

impl Entry for Exception {
    const NOUN: &'static str = "exception";
    const HEADINGS: &'static [&'static str] = &["ID", "GROUND", "AGENCY", "APPROVED BY", "UNTIL"];

    fn row(&self) -> Vec<String> {
        let approved = self.approved_by.clone().unwrap_or_default();
        vec![self.id.clone(), self.ground.to_string(), self.agency.clone(), approved, self.until.to_string()]
    }

    fn alone(exceptions: Vec<Self>) -> Document {
        Document { exceptions, ..Document::default() }
    }
}

/// The day of an instant, UTC.
pub(super) fn date(at: Timestamp) -> String {
    at.to_string().chars().take_while(|&c| c != 'T').collect()
}
