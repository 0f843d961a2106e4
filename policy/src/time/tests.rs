//! Dates and times: what is taken, and as what; what is not, and by which rule.

use proptest::prelude::*;

use super::{Moment, TimeError, Timestamp};

#[track_caller]
fn check(text: &str, expected: Result<i64, &'static str>) {
    assert_eq!(Timestamp::parse(text), expected.map(Timestamp).map_err(TimeError), "{text}");
}

#[test]
fn times_are_taken_as_rfc_3339_says() {
    check("1970-01-01", Ok(0));
    check("1970-01-01T00:00:00Z", Ok(0));
    check("1969-12-31t23:59:59z", Ok(-1));
    check("2026-06-15T10:30:00+01:00", Ok(1_781_515_800));
    check("2026-06-15 09:30:00Z", Ok(1_781_515_800));
    check("2026-06-15T09:30:00.999999999-00:00", Ok(1_781_515_800));
    check("2024-02-29", Ok(1_709_164_800));
    check("0001-01-01T00:00:00Z", Ok(-62_135_596_800));
    check("9999-12-31T23:59:59Z", Ok(253_402_300_799));
}

#[test]
fn all_else_is_refused_by_the_rule_it_breaks() {
    for text in ["", "2026", "2026-6-15", "20260615T00", "2026-13-01", "2026-00-10", "2026-01-00", "0000-01-01"] {
        check(text, Err("a date reads YYYY-MM-DD"));
    }
    for text in ["２０２６-06", "+026-06-15", "2026-06-é5"] {
        check(text, Err("a date reads YYYY-MM-DD"));
    }
    for text in ["2026-02-30", "2025-02-29", "1900-02-29", "2026-04-31T00:00:00Z"] {
        check(text, Err("the month has no such day"));
    }
    check("2026-06-15T10:30:00", Err("a time needs an offset: Z or +hh:mm"));
    check("2026-06-15T", Err("a time needs an offset: Z or +hh:mm"));
    check("2026-06-15_10:30:00Z", Err("a T parts the date from the time"));
    for text in ["2026-06-15T10:30Z", "2026-06-15T24:00:00Z", "2026-06-15T10:60:00Z", "2026-06-15T23:59:60Z"] {
        check(text, Err("a time reads hh:mm:ss"));
    }
    for text in ["2026-06-15T10:30:00.Z", "2026-06-15T10:30:00.1234567890Z", "2026-06-15T10:30:00.1.2Z"] {
        check(text, Err("a fraction of a second is one to nine digits"));
    }
    for text in ["+1:00", "+0100", "+24:00", "+01:60", "Zulu", "Z[Europe/London]", "+01:00 "] {
        check(&format!("2026-06-15T10:30:00{text}"), Err("an offset reads Z or +hh:mm"));
    }
}

#[test]
fn a_moment_keeps_its_offset_for_the_local_clock() -> Result<(), TimeError> {
    for (text, offset_secs, minute) in [
        ("2026-06-15T18:00:00+01:00", 3600, 18 * 60),
        ("2026-06-15T00:00:59-05:30", -19_800, 0),
        ("2026-06-15T23:59:59+14:00", 50_400, 1439),
        ("1960-06-15T01:02:03Z", 0, 62),
    ] {
        let moment = Moment::parse(text)?;
        assert_eq!((moment.offset_secs, moment.local_minute()), (offset_secs, minute), "{text}");
    }
    Ok(())
}

#[test]
fn instants_beyond_the_calendar_are_shown_as_seconds() {
    assert_eq!(Timestamp(i64::MAX).to_string(), format!("@{}", i64::MAX));
    assert_eq!(Timestamp(-62_135_596_801).to_string(), "@-62135596801");
    assert_eq!(Moment { at: Timestamp(i64::MAX), offset_secs: 86_399 }.local_minute(), 930);
}

proptest! {
    #[test]
    fn what_is_shown_is_taken_back(secs in -62_135_596_800_i64..=253_402_300_799) {
        prop_assert_eq!(Timestamp::parse(&Timestamp(secs).to_string()), Ok(Timestamp(secs)));
    }

    #[test]
    fn no_text_panics(text in ".{0,48}") {
        let _ = Timestamp::parse(&text);
    }
}
