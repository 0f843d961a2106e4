//! Command lines: what is understood, and what is refused by which rule.

use proptest::prelude::*;

use crate::intake::smtp::grammar::{Command, GrammarError, Hello, Mechanism, parse};
use crate::intake::{Notify, Ret, Script};

/// A command in words, so that a table can hold it.
fn told(line: &str) -> String {
    match parse(line.as_bytes()) {
        Err(GrammarError::Sender(_)) => "bad sender".into(),
        Err(GrammarError::Recipient(_)) => "bad recipient".into(),
        Err(error) => error.to_string(),
        Ok(Command::Hello(Hello::Extended)) => "ehlo".into(),
        Ok(Command::Hello(Hello::Plain)) => "helo".into(),
        Ok(Command::Auth { mechanism, initial }) => {
            let mechanism = match mechanism {
                Mechanism::Plain => "plain",
                Mechanism::Login => "login",
                Mechanism::Unknown => "unknown",
            };
            format!("auth {mechanism} {}", initial.is_some())
        }
        Ok(Command::Mail(mail)) => {
            let from = mail.reverse_path.map_or("<>".to_owned(), |path| path.to_string());
            let size = mail.size_bytes.map(|size| format!(" size {size}")).unwrap_or_default();
            let utf8 = if mail.script == Script::Utf8 { " utf8" } else { "" };
            let ret = mail.ret.map_or("", |ret| if ret == Ret::Full { " full" } else { " headers" });
            let envid = mail.envid.map(|id| format!(" id {id}")).unwrap_or_default();
            format!("mail {from}{size}{utf8}{ret}{envid}")
        }
        Ok(Command::Rcpt(rcpt)) => {
            let notify = match rcpt.notify {
                Notify::Unsaid => String::new(),
                Notify::Never => " never".into(),
                Notify::On { success, failure, delay } => format!(" {success} {failure} {delay}"),
            };
            format!("rcpt {}{notify}{}", rcpt.to, rcpt.orcpt.map(|o| format!(" o {o}")).unwrap_or_default())
        }
        Ok(Command::StartTls) => "starttls".into(),
        Ok(Command::Data) => "data".into(),
        Ok(Command::Rset) => "rset".into(),
        Ok(Command::Noop) => "noop".into(),
        Ok(Command::Quit) => "quit".into(),
        Ok(Command::Vrfy) => "vrfy".into(),
        Ok(Command::Help) => "help".into(),
    }
}

#[test]
fn commands() {
    const BAD_VALUE: &str = "A parameter's value is not as it should be";
    const MAIL: &str = "Write MAIL FROM:<address>";
    for (line, expected) in [
        ("EHLO pc.example", "ehlo"),
        ("ehlo [192.0.2.1]", "ehlo"),
        ("HELO pc", "helo"),
        ("EHLO", "EHLO needs one host name"),
        ("EHLO a b", "EHLO needs one host name"),
        ("EHLO é", "EHLO needs one host name"),
        ("STARTTLS", "starttls"),
        ("DATA  ", "data"),
        ("DATA x", "This command stands alone"),
        ("RSET", "rset"),
        ("NOOP anything at all", "noop"),
        ("QUIT", "quit"),
        ("VRFY anna", "vrfy"),
        ("VRFY", "VRFY needs a name"),
        ("HELP mail", "help"),
        ("", "No such command"),
        (" NOOP", "No such command"),
        ("MAIL\u{1}", "Odd bytes in the command"),
        ("NOOP\u{7f}", "Odd bytes in the command"),
        ("BDAT 10 LAST", "Not offered here"),
        ("XCLIENT ADDR=1", "No such command"),
        ("AUTH PLAIN", "auth plain false"),
        ("auth plain AAA=", "auth plain true"),
        ("AUTH LOGIN", "auth login false"),
        ("AUTH XOAUTH2 x", "auth unknown true"),
        ("AUTH PLAIN a b", "AUTH takes a mechanism and one response"),
        ("MAIL FROM:<a@b.example>", "mail a@b.example"),
        ("mail from:<>", "mail <>"),
        ("MAIL FROM:<a@b.example> SIZE=10 RET=FULL ENVID=a+2Bb SMTPUTF8", "mail a@b.example size 10 utf8 full id a+b"),
        ("MAIL FROM:<a@b.example> body=8bitmime ret=hdrs AUTH=<>", "mail a@b.example headers"),
        ("MAIL FROM:<a@b.example> SIZE=99999999999999999999", "mail a@b.example size 18446744073709551615"),
        ("MAIL FROM: <a@b.example>", MAIL),
        ("MAIL FROM:a@b.example", MAIL),
        ("MAIL FROM:<a@b.example", MAIL),
        ("MAIL FROM:<a@b.example>SIZE=1", MAIL),
        ("MAIL TO:<a@b.example>", MAIL),
        ("MAIL", MAIL),
        ("MAIL FROM:<nobody>", "bad sender"),
        ("MAIL FROM:<ä@b.example>", "bad sender"),
        ("MAIL FROM:<a@b.example> BODY=BINARYMIME", "BODY is 7BIT or 8BITMIME"),
        ("MAIL FROM:<a@b.example> BODY", BAD_VALUE),
        ("MAIL FROM:<a@b.example> SIZE=x", BAD_VALUE),
        ("MAIL FROM:<a@b.example> SIZE=1 SIZE=2", "A parameter stands twice"),
        ("MAIL FROM:<a@b.example> SMTPUTF8=yes", BAD_VALUE),
        ("MAIL FROM:<a@b.example> RET=SOME", "RET is FULL or HDRS"),
        ("MAIL FROM:<a@b.example> ENVID=a+2", BAD_VALUE),
        ("MAIL FROM:<a@b.example> ENVID=a+0A", BAD_VALUE),
        ("MAIL FROM:<a@b.example> NOTIFY=NEVER", "Unknown parameter"),
        ("MAIL FROM:<a@b.example> FUTURE", "Unknown parameter"),
        ("RCPT TO:<a@b.example>", "rcpt a@b.example"),
        ("RCPT TO:<a@b.example> NOTIFY=NEVER", "rcpt a@b.example never"),
        ("RCPT TO:<a@b.example> NOTIFY=success,delay", "rcpt a@b.example true false true"),
        ("RCPT TO:<a@b.example> ORCPT=rfc822;x+40y", "rcpt a@b.example o rfc822;x@y"),
        ("RCPT TO:<a@b.example> ORCPT=x@y", BAD_VALUE),
        ("RCPT TO:<a@b.example> NOTIFY=NEVER,DELAY", "NOTIFY is NEVER, or of SUCCESS, FAILURE, DELAY"),
        ("RCPT TO:<a@b.example> NOTIFY=DELAY,DELAY", "NOTIFY is NEVER, or of SUCCESS, FAILURE, DELAY"),
        ("RCPT TO:<a@b.example> SIZE=1", "Unknown parameter"),
        ("RCPT TO:<>", "bad recipient"),
        ("RCPT TO:<postmaster>", "bad recipient"),
        ("RCPT TO <a@b.example>", "Write RCPT TO:<address>"),
    ] {
        assert_eq!(told(line), expected, "{line:?}");
    }
    assert!(matches!(parse(b"NOOP \xff"), Err(GrammarError::Bytes)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    /// Whatever a stranger sends, the parser answers, and repeats none of it.
    #[test]
    fn any_line_is_answered(start in "(MAIL FROM:<|RCPT TO:<|AUTH |EHLO |)", line in "\\PC{0,60}") {
        if let Err(error) = parse(format!("{start}{line}").as_bytes()) {
            prop_assert!(error.to_string().chars().count() <= 120);
        }
    }

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = parse(&bytes);
    }
}
