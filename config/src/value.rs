//! The types that settings have, and how each is read: text, numbers, paths, addresses, words.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use policy::{Domain, Mailbox};
use serde::{Serialize, Serializer};
use toml::de::DeValue;

use crate::node::{Faults, Node, Setting, nearest};

/// One line of text: 1 to 200 characters, none of them control characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Text(String);

/// An ODS code: 3 to 10 ASCII letters and digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct OdsCode(String);

/// A network in CIDR notation (RFC 4632 §3.1), such as `10.0.0.0/8` or `::1/128`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix_bits: u8,
}

/// A fixed offset from UTC, within a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UtcOffset {
    /// Seconds to add to UTC; −86,340 to 86,340.
    pub secs: i32,
}

/// Whom to ask for names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolver {
    /// The servers of `/etc/resolv.conf`.
    System,
    /// These, in order; never empty.
    Servers(Vec<SocketAddr>),
}

/// Declares a setting that is one word of a closed list.
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $word)] $variant,)+ }

        impl $name {
            /// The word that stands for it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl Setting for $name {
            fn read(node: &Node<'_>, faults: &mut Faults) -> Option<Self> {
                const WORDS: &[&str] = &[$($word,)+];
                let word = text(node, faults)?;
                match word { $($word => return Some(Self::$variant),)+ _ => {} }
                let remedy = match nearest(word, WORDS) {
                    Some(nearest) => format!("did you mean \"{nearest}\"?"),
                    None => format!("choose one of \"{}\"", WORDS.join("\", \"")),
                };
                faults.push(node.fault("this word is not on the list", &remedy));
                None
            }
        }
    };
}

choice! {
    /// What becomes of a letter that holds something unreadable.
    Unread {
        /// Held until somebody says what is in it.
        Hold = "hold",
        /// Decided on what was declared and read.
        Pass = "pass",
    }
}

choice! {
    /// How log lines are written.
    LogFormat {
        /// For people.
        Text = "text",
        /// One JSON object a line.
        Json = "json",
    }
}

choice! {
    /// The least that is logged.
    LogLevel {
        /// What needs somebody now.
        Error = "error",
        /// What may need somebody.
        Warn = "warn",
        /// What happened.
        Info = "info",
        /// Why it happened.
        Debug = "debug",
        /// Every step.
        Trace = "trace",
    }
}

impl Text {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl OdsCode {
    /// The code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Network {
    /// Its address, and the length of its prefix in bits.
    #[must_use]
    pub const fn parts(self) -> (IpAddr, u8) {
        (self.address, self.prefix_bits)
    }

    /// Reads `address/prefix`; a bare address is a network of one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address.parse().ok()?, Some(prefix)),
            None => (text.parse().ok()?, None),
        };
        let longest = if matches!(address, IpAddr::V4(_)) { 32 } else { 128 };
        let prefix_bits = prefix.map_or(Some(longest), |prefix| prefix.parse().ok())?;
        (prefix_bits <= longest).then_some(Self { address, prefix_bits })
    }

    /// Is `address` in the network? An IPv4 address mapped into IPv6 counts as itself (RFC 4291 §2.5.5.2).
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let top = |bits: u128, width: u32| bits.checked_shr(width.saturating_sub(self.prefix_bits.into())).unwrap_or(0);
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => top(own.to_bits().into(), 32) == top(other.to_bits().into(), 32),
            (IpAddr::V6(own), IpAddr::V6(other)) => top(own.to_bits(), 128) == top(other.to_bits(), 128),
            _ => false,
        }
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix_bits)
    }
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl UtcOffset {
    /// Reads `+01:00`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (sign, rest) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text.strip_prefix('+')?),
        };
        let (hours, minutes) = rest.split_once(':')?;
        let two_digits = |text: &str, most: i32| {
            let plain = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| text.parse::<i32>().ok())?.filter(|number| *number <= most)
        };
        Some(Self { secs: sign * (two_digits(hours, 23)? * 3_600 + two_digits(minutes, 59)? * 60) })
    }
}

impl std::fmt::Display for UtcOffset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (sign, minutes) = (if self.secs < 0 { '-' } else { '+' }, self.secs.abs() / 60);
        write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

impl Serialize for UtcOffset {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Resolver {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::System => serializer.serialize_str("system"),
            Self::Servers(servers) => serializer.collect_seq(servers),
        }
    }
}

/// A setting that is written as text: `parse` takes it, or says what it must be.
macro_rules! written_as_text {
    ($($type:ty: $parse:expr, $problem:literal, $remedy:literal;)+) => {$(
        impl Setting for $type {
            fn read(node: &Node<'_>, faults: &mut Faults) -> Option<Self> {
                let parse: fn(&str, &Node<'_>) -> Option<Self> = $parse;
                let parsed = parse(text(node, faults)?, node);
                if parsed.is_none() {
                    faults.push(node.fault($problem, $remedy));
                }
                parsed
            }
        }
    )+};
}

written_as_text! {
    Text: |text, _| one_line(text, 200).map(Self), "this is one line of 1 to 200 characters", "shorten it, or fill it in";
    OdsCode: |text, _| (3..=10).contains(&text.len()).then_some(text)
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_alphanumeric())).map(|text| Self(text.to_owned())),
        "an ODS code has 3 to 10 letters and digits", "copy it from the ODS directory, or leave it out";
    PathBuf: |text, node| one_line(text, 4_096).map(|path| node.folder.join(path)), "this is the path of a file or folder", "write it in one line";
    SocketAddr: |text, _| text.parse().ok(), "this is no address with port", "write it as \"192.0.2.1:465\" or \"[::]:465\"";
    IpAddr: |text, _| text.parse().ok(), "this is no IP address", "write it as \"192.0.2.1\" or \"2001:db8::1\"";
    Network: |text, _| Self::parse(text), "this is no network", "write it as \"10.0.0.0/8\" or \"fd00::/8\"";
    UtcOffset: |text, _| Self::parse(text), "this is no offset from UTC within \"-23:59\" to \"+23:59\"", "write it as \"+01:00\"";
    Domain: |text, _| Self::parse(text).ok(), "this is no domain name", "write it as \"mail.example.nhs.uk\", without a dot at the end";
    Mailbox: |text, _| Self::parse(text).ok(), "this is no mail address", "write it as \"name@example.nhs.uk\"";
}

/// Whole numbers; the bound of a setting is held besides.
macro_rules! whole_numbers {
    ($($type:ty),+) => {$(
        impl Setting for $type {
            fn read(node: &Node<'_>, faults: &mut Faults) -> Option<Self> {
                let digits = node.value.as_integer();
                let number = digits.and_then(|digits| Self::from_str_radix(digits.as_str(), digits.radix()).ok());
                if number.is_none() {
                    let problem = format!("this is no whole number of 0 to {}", Self::MAX);
                    faults.push(node.fault(&problem, "write digits alone, without quotes or unit"));
                }
                number
            }

            fn number(&self) -> Option<u64> {
                u64::try_from(*self).ok()
            }
        }
    )+};
}

whole_numbers!(u16, u32, u64, usize);

impl<T: Setting> Setting for Option<T> {
    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<Self> {
        T::read(node, faults).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<T: Setting> Setting for Vec<T> {
    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<Self> {
        let Some(elements) = node.elements() else {
            faults.push(node.fault("this is a list", "write it in brackets: [\"…\", \"…\"]"));
            return None;
        };
        // Every element is read before any is asked for, so that every fault is told.
        let read: Vec<_> = elements.iter().map(|element| T::read(element, faults)).collect();
        read.into_iter().collect()
    }

    fn absent() -> Option<Self> {
        Some(Self::new())
    }
}

impl Setting for Resolver {
    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<Self> {
        const DNS_PORT: u16 = 53;
        let server = |text: &str| {
            text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(|address| SocketAddr::new(address, DNS_PORT)))
        };
        let servers = |list: Vec<Node<'_>>| -> Option<Vec<SocketAddr>> {
            list.iter().map(|element| element.value.as_str().and_then(server)).collect()
        };
        let resolver = match node.value {
            DeValue::String(word) if word == "system" => Some(Self::System),
            _ => node.elements().and_then(servers).filter(|list| !list.is_empty()).map(Self::Servers),
        };
        if resolver.is_none() {
            faults.push(node.fault(
                "this is neither \"system\" nor a list of name servers",
                "write \"system\", or a list such as [\"127.0.0.53\", \"[::1]:5353\"]",
            ));
        }
        resolver
    }
}

fn text<'n>(node: &'n Node<'_>, faults: &mut Faults) -> Option<&'n str> {
    let text = node.value.as_str();
    if text.is_none() {
        faults.push(node.fault("this is text", "write it in quotes"));
    }
    text
}

fn one_line(text: &str, chars_max: usize) -> Option<String> {
    let fits = (1..=chars_max).contains(&text.trim().chars().count()) && !text.chars().any(char::is_control);
    fits.then(|| text.trim().to_owned())
}
