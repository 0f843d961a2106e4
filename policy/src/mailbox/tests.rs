//! Addresses: what is taken, in which form; what strangers try, and the rule that names it.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{Domain, Mailbox, MailboxError};

#[track_caller]
fn check(text: &str, expected: Result<&str, &'static str>) {
    let shown = Mailbox::parse(text).map(|mailbox| mailbox.to_string());
    assert_eq!(shown, expected.map(str::to_owned).map_err(MailboxError), "{text}");
}

#[test]
fn plain_addresses_are_taken_and_their_domains_lower_cased() {
    for (text, taken) in [
        ("letters@elm-surgery.example", "letters@elm-surgery.example"),
        ("Nurse.Team@ELM.Example", "Nurse.Team@elm.example"),
        ("o'brien+gp#1$&*-/?^=_`{|}~@a.bc", "o'brien+gp#1$&*-/?^=_`{|}~@a.bc"),
        ("zoë@bücher.example", "zoë@xn--bcher-kva.example"),
        ("δοκιμή@παράδειγμα.example", "δοκιμή@xn--hxajbheg2az3al.example"),
        ("a@XN--BCHER-KVA.example", "a@xn--bcher-kva.example"),
        ("a@BÜCHER.example", "a@xn--bcher-kva.example"),
        ("a@127.example", "a@127.example"),
    ] {
        check(text, Ok(taken));
    }
}

#[test]
fn what_strangers_try_is_refused_by_name() {
    for (text, rule) in [
        ("@relay.example,@b.example:a@c.example", "source routes are not taken"),
        ("@relay.example:a@c.example", "source routes are not taken"),
        ("a%other.example@listed.example", "the percent hack is not taken"),
        ("other.example!a@listed.example", "bang paths are not taken"),
        ("a@[127.0.0.1]", "address literals are not taken"),
        ("a@[IPv6:::1]", "address literals are not taken"),
        ("a@127.0.0.1", "a bare network address is not taken for a domain"),
        ("a@mail.0x7f.1", "a bare network address is not taken for a domain"),
        ("a(comment)@listed.example", "comments are not taken"),
        ("a@(comment)listed.example", "comments are not taken"),
        ("\"a b\"@listed.example", "quoted local parts are not taken"),
        ("\"a@listed.example\"@other.example", "quoted local parts are not taken"),
        ("=?utf-8?q?a=40other.example?=@listed.example", "encoded words are not taken"),
        ("=?x?q?=41=42?=other.example@listed.example", "encoded words are not taken"),
        ("a@=?utf-8?q?b?=.example", "encoded words are not taken"),
        ("a@listed.example\r\nRCPT TO:<b@c.example", "an address holds no control characters"),
        ("a\0@listed.example", "an address holds no control characters"),
        ("a\u{7f}@listed.example", "an address holds no control characters"),
        ("a\u{85}@listed.example", "an address holds no control characters"),
        ("<a@listed.example>", "an address stands without angle brackets"),
        ("a@listed.example ", "an address holds no spaces"),
        ("a\u{a0}b@listed.example", "an address holds no spaces"),
        ("a@b@listed.example", "an address has one @"),
        ("a@listed.example@", "an address has one @"),
        ("", "an address needs an @"),
        ("listed.example", "an address needs an @"),
        ("@listed.example", "an address needs a local part"),
        ("a@", "an address needs a domain"),
        (".a@listed.example", "dots in a local part stand between other characters"),
        ("a.@listed.example", "dots in a local part stand between other characters"),
        ("a..b@listed.example", "dots in a local part stand between other characters"),
        ("a,b@listed.example", "a local part holds a character that needs quoting"),
        ("a;b@listed.example", "a local part holds a character that needs quoting"),
        ("a\\b@listed.example", "a local part holds a character that needs quoting"),
        ("a:b@listed.example", "a local part holds a character that needs quoting"),
        ("zoe\u{308}@listed.example", "a local part beyond ASCII holds letters and digits in form NFC"),
        ("a\u{200b}b@listed.example", "a local part beyond ASCII holds letters and digits in form NFC"),
        ("a\u{200d}b@listed.example", "a local part beyond ASCII holds letters and digits in form NFC"),
        ("a\u{202e}b@listed.example", "a local part beyond ASCII holds letters and digits in form NFC"),
        ("ａ@listed.example", "a local part beyond ASCII holds letters and digits in form NFC"),
        ("☃@listed.example", "a local part beyond ASCII holds letters and digits in form NFC"),
        ("a@listed.example.", "a domain has no trailing dot"),
        ("a@.listed.example", "a domain has no empty label"),
        ("a@listed..example", "a domain has no empty label"),
        ("a@localhost", "a domain has at least two labels"),
        ("a@ｌisted.example", "a domain holds a character that reads as another"),
        ("a@listed。example", "a domain holds a character that reads as another"),
        ("a@lis\u{ad}ted.example", "a domain holds a character that reads as another"),
        ("a@☃.example", "a domain holds a character that no name may hold"),
        ("a@xn--n3h.example", "a domain holds a character that no name may hold"),
        ("a@list_ed.example", "a domain is labels of letters, digits and inner hyphens, 63 octets each"),
        ("a@-listed.example", "a domain is labels of letters, digits and inner hyphens, 63 octets each"),
        ("a@listed-.example", "a domain is labels of letters, digits and inner hyphens, 63 octets each"),
        ("a@xn--abc-.example", "a domain is labels of letters, digits and inner hyphens, 63 octets each"),
        ("a@li/sted.example", "a domain is labels of letters, digits and inner hyphens, 63 octets each"),
    ] {
        check(text, Err(rule));
    }
}

#[test]
fn lengths_are_held_to_the_octet() {
    let local = |len: usize| format!("{}@listed.example", "a".repeat(len));
    check(&local(64), Ok(&local(64)));
    check(&local(65), Err("a local part has at most 64 octets"));
    check(&local(2000), Err("an address has at most 254 octets"));

    let label = "b".repeat(63);
    let whole = |len: usize| format!("a@{label}.{label}.{label}.{}", "c".repeat(len - 2 - 3 * 64));
    check(&whole(254), Ok(&whole(254)));
    check(&whole(255), Err("an address has at most 254 octets"));
    check(&format!("a@{label}b.example"), Err(LABELS));
    assert_eq!(Domain::parse(&"a.".repeat(2000)), Err(MailboxError("a domain has at most 253 octets")));
}

const LABELS: &str = "a domain is labels of letters, digits and inner hyphens, 63 octets each";

#[test]
fn equality_order_and_hash_follow_the_key() -> Result<(), MailboxError> {
    let (one, two) = (Mailbox::parse("Zoë.A@Listed.example")?, Mailbox::parse("zoË.a@listed.EXAMPLE")?);
    assert_eq!(one, two);
    assert_eq!(one.key(), two.key());
    assert_eq!(one.cmp(&two), std::cmp::Ordering::Equal);
    let set = std::collections::HashSet::from([one.clone(), two.clone()]);
    assert_eq!((set.len(), BTreeSet::from([one.clone(), two]).len()), (1, 1));
    assert_eq!((one.local(), format!("{one:?}").as_str()), ("Zoë.A", "Mailbox(…)"));
    Ok(())
}

proptest! {
    #[test]
    fn no_text_panics_and_what_is_taken_is_taken_again(text in "[a-zA-Z0-9.@%!éαа\\-=?\"\\[\\]\u{200d}\u{0}-\u{2f}]{0,80}") {
        if let Ok(mailbox) = Mailbox::parse(&text) {
            let again = Mailbox::parse(&mailbox.to_string());
            prop_assert_eq!(again.as_ref(), Ok(&mailbox));
            prop_assert!(mailbox.domain().as_str().is_ascii());
            prop_assert_eq!(mailbox.to_string().matches('@').count(), 1);
            prop_assert!(mailbox.to_string().len() <= 254);
        }
    }

    #[test]
    fn any_dot_string_at_any_domain_is_taken_in_any_case(text in "[a-z0-9+_]{1,20}(\\.[a-z0-9]{1,9})?@[a-z]{1,9}\\.[a-z]{2,9}") {
        let (lower, upper) = (Mailbox::parse(&text), Mailbox::parse(&text.to_uppercase()));
        prop_assert_eq!(lower.as_ref().map(Mailbox::key), Ok(text));
        prop_assert_eq!(lower, upper);
    }
}
