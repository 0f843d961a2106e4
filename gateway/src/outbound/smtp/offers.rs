//! What a peer offers in its reply to EHLO (RFC 5321 §4.1.1.1). Only the reply inside TLS ever counts for a letter.

use crate::outbound::replies::Reply;

/// Extensions that a peer offers and that Sealgate knows what to do with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offers {
    /// RFC 3207.
    pub starttls: bool,
    /// RFC 2920.
    pub pipelining: bool,
    /// RFC 6152.
    pub eight_bit: bool,
    /// RFC 6531.
    pub smtputf8: bool,
    /// RFC 3461.
    pub dsn: bool,
    /// RFC 8689.
    pub requiretls: bool,
    /// RFC 1870: most octets of a message; `None` where no limit is told.
    pub message_bytes_max: Option<u64>,
}

impl Offers {
    /// Reads the lines after the first, keywords in any case; unknown ones are passed over.
    pub fn read(reply: &Reply) -> Self {
        let mut offers = Self::default();
        for line in reply.lines.iter().skip(1) {
            let mut words = line.split_ascii_whitespace();
            let keyword = words.next().unwrap_or_default().to_ascii_uppercase();
            match keyword.as_str() {
                "STARTTLS" => offers.starttls = true,
                "PIPELINING" => offers.pipelining = true,
                "8BITMIME" => offers.eight_bit = true,
                "SMTPUTF8" => offers.smtputf8 = true,
                "DSN" => offers.dsn = true,
                "REQUIRETLS" => offers.requiretls = true,
                // `SIZE 0` and `SIZE` tell no limit (RFC 1870 §3).
                "SIZE" => {
                    let told = words.next().and_then(|most| most.parse().ok());
                    offers.message_bytes_max = told.filter(|&most: &u64| most > 0);
                }
                _ => {}
            }
        }
        offers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &[&str], expected: Offers) {
        let lines = lines.iter().map(|&line| line.to_owned()).collect();
        assert_eq!(Offers::read(&Reply { code: 250, status: None, lines }), expected);
    }

    #[test]
    fn offers_are_read_from_the_second_line_on() {
        let none = Offers::default();
        check(&[], none);
        check(&["STARTTLS"], none);
        check(&["mx", "starttls"], Offers { starttls: true, ..none });
        check(&["mx", "STARTTLSX", "XSTARTTLS", "", "AUTH PLAIN"], none);
        check(&["mx", "SIZE 1000"], Offers { message_bytes_max: Some(1000), ..none });
        check(&["mx", "SIZE"], none);
        check(&["mx", "SIZE 0"], none);
        check(&["mx", "SIZE 99999999999999999999999"], none);
        check(
            &["mx", "PIPELINING", "8BITMIME", "SMTPUTF8", "DSN", "REQUIRETLS"],
            Offers { pipelining: true, eight_bit: true, smtputf8: true, dsn: true, requiretls: true, ..none },
        );
    }
}
