//! The table of reasons: every row is plain, short, and says who can act.

use crate::{Reason, ReasonCode, Verdict};

#[test]
fn every_sentence_is_plain_and_short() {
    for code in ReasonCode::ALL {
        assert!(code.sentence().ends_with(['.', '}']), "{code} ends its sentence");
        assert!(code.sentence().trim_end_matches('.').find(". ").is_none(), "{code} says one sentence");
        for sentence in code.remedy().split_inclusive(['.', '?']).chain([code.sentence()]) {
            assert!(sentence.split_whitespace().count() <= 19, "{code}: {sentence}");
            assert!(!sentence.contains(['!', ';', '(']), "{code}: {sentence}");
        }
        assert!(code.remedy().ends_with('.'), "{code} ends its remedy");
        assert_ne!(code.weight(), Verdict::Release, "{code}");
    }
}

/// Section 5's last column.
#[test]
fn every_row_says_who_can_act() {
    const WHO: &[&str] = &[
        "admin",
        "sender",
        "nobody",
        "area-manager",
        "ig-lead",
        "records-lead",
        "the decider",
        "another decider",
        "requester",
    ];
    assert!(ReasonCode::ALL.iter().all(|code| WHO.contains(&code.who())));
}

/// H and R of section 5, by their count and by what the codes' words say.
#[test]
fn refusals_and_holds_are_those_of_the_specification() {
    let holds: Vec<_> =
        ReasonCode::ALL.iter().filter(|code| code.weight() == Verdict::Hold).map(|code| code.as_str()).collect();
    let expected = [
        "purpose.missing",
        "basis.missing",
        "agency.unauthorised",
        "agency.papers-missing",
        "agency.papers-expired",
        "recipient.unverified",
        "patient.unresolved",
        "patient.mixed",
        "patient.mismatch",
        "patient.unread",
        "subject.must-know-first",
        "items.missing",
        "items.surplus",
        "consent.none",
        "consent.purpose-mismatch",
        "consent.category-mismatch",
        "consent.expired",
        "consent.stale",
        "consent.form-too-weak",
        "consent.no-evidence",
        "consent.no-authority",
        "exception.unapproved",
        "exception.incomplete",
    ];
    assert_eq!(holds, expected);
    assert_eq!(ReasonCode::ALL.len(), 48);
}

#[test]
fn a_reason_names_what_it_is_told() {
    let reason = Reason::naming(ReasonCode::AgencyOnlyVia, "cmt");
    assert_eq!(reason.sentence, "Letters for this agency go through another one: cmt.");
    assert_eq!(Reason::of(ReasonCode::ConsentNone).sentence, ReasonCode::ConsentNone.sentence());
}

/// `docs/reference/reasons.md` is this table, written out. When it differs, put what this test prints in its place.
#[test]
fn the_page_of_reasons_is_what_the_table_says() {
    let mut page = String::from(
        "# Reasons\n\nWhy a letter is held (H) or refused (R): every reason code, the sentence that its sender reads, \
         what to do, and who can act.\nRefuse beats hold; a decision lists every reason that applies. `{}` stands for \
         what the reason names.\n\n| code | | sentence | what to do | who can act |\n|---|---|---|---|---|\n",
    );
    for code in ReasonCode::ALL {
        let weight = if code.weight() == Verdict::Hold { "H" } else { "R" };
        let row = format!("| `{code}` | {weight} | {} | {} | {} |\n", code.sentence(), code.remedy(), code.who());
        page.push_str(&row);
    }
    let kept = include_str!("../../../docs/reference/reasons.md");
    assert_eq!(kept, page, "docs/reference/reasons.md should read:\n{page}");
}
