//! What can be typed: every noun and verb, and the options they share. What they do is beside this file.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use policy::LetterId;

/// A secure document-exchange gateway for health providers.
///
/// Letters go out sealed, or over proven TLS, to recipients the patient agreed to; or they do not go.
///
/// Exit codes: 0 done, 1 failure, 2 usage, 3 not found, 4 not permitted, 5 conflict, 10 refused by rule,
/// 11 would be held, 12 bad configuration, 20 unhealthy.
#[derive(Debug, Parser)]
#[command(name = "sealgate", version, max_term_width = 100, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten)]
    pub shared: Shared,
    #[command(subcommand)]
    pub noun: Noun,
}

/// Options that every verb takes.
#[derive(Clone, Debug, Args)]
pub struct Shared {
    /// The configuration file; else what `SEALGATE_CONFIG` names; else `/etc/sealgate/sealgate.toml`.
    // Looked up here, and not by clap: what clap takes from the environment it shows as typed, in every usage line.
    #[arg(long, global = true, default_value_os_t = configuration(), hide_default_value = true, value_name = "FILE")]
    pub config: PathBuf,
    /// Print JSON, for machines.
    #[arg(long, global = true)]
    pub json: bool,
    /// Print less.
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

fn configuration() -> PathBuf {
    let named = std::env::var_os("SEALGATE_CONFIG").filter(|named| !named.is_empty());
    named.map_or_else(|| "/etc/sealgate/sealgate.toml".into(), PathBuf::from)
}

#[derive(Debug, Subcommand)]
pub enum Noun {
    /// Play the main job in a small world on loopback, with invented patients; nothing is kept.
    Demo(Demo),
    /// Write configuration and keys for a domain, and print what to do next; never overwrites.
    Quickstart(Quickstart),
    /// Run the gateway.
    Serve,
    /// The configuration file.
    #[command(subcommand, arg_required_else_help = true)]
    Config(Config),
    /// The allow-listed agencies.
    #[command(subcommand, arg_required_else_help = true)]
    Agency(Agency),
    /// The consent entries.
    #[command(subcommand, arg_required_else_help = true)]
    Consent(Consent),
    /// The people that letters are about.
    #[command(subcommand, arg_required_else_help = true)]
    Subject(Record),
    /// The staff and system accounts, and how they sign in.
    #[command(subcommand, arg_required_else_help = true)]
    User(User),
    /// Approved disclosures without consent.
    #[command(subcommand, arg_required_else_help = true)]
    Exception(Record),
    /// The storage key, and agencies' sealing keys.
    #[command(subcommand, arg_required_else_help = true)]
    Key(Key),
    /// The letters.
    #[command(subcommand, arg_required_else_help = true)]
    Letter(Letter),
    /// The letters that wait for a fact.
    #[command(subcommand, arg_required_else_help = true)]
    Held(Held),
    /// The decision: run scenario files, explain one letter.
    #[command(subcommand, arg_required_else_help = true)]
    Policy(Policy),
    /// The tamper-evident record of every disclosure.
    #[command(subcommand, arg_required_else_help = true)]
    Ledger(Ledger),
    /// Open a sealed file with an age identity (the agency's side).
    Open(Open),
    /// Read a letter's text in a limited process (started by the gateway itself).
    #[command(hide = true)]
    Screen,
}

#[derive(Debug, Args)]
pub struct Demo {
    /// End after the story; exit 0 only if every line came out as it should.
    #[arg(long)]
    pub once: bool,
    /// Play it against Postfix, swaks and the age program.
    #[arg(long)]
    pub real: bool,
}

#[derive(Debug, Args)]
pub struct Quickstart {
    /// The provider's own mail domain.
    pub domain: String,
    /// Where configuration goes.
    #[arg(long, default_value = "/etc/sealgate", value_name = "FOLDER")]
    pub into: PathBuf,
    /// Where letters and registers are kept.
    #[arg(long, default_value = "/var/lib/sealgate", value_name = "FOLDER")]
    pub data: PathBuf,
    /// The provider's name, as agencies read it; the domain unless given.
    #[arg(long)]
    pub name: Option<String>,
    /// A telephone number that is answered, for whoever doubts a letter.
    #[arg(long)]
    pub phone: Option<String>,
    /// The name that mail programs connect to; `sealgate.DOMAIN` unless given.
    #[arg(long)]
    pub host: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Config {
    /// Check the file; every fault with its place and remedy.
    Check,
    /// Print the settings.
    Show {
        /// With defaults and environment filled in.
        #[arg(long)]
        effective: bool,
    },
    /// Print the annotated reference.
    Describe,
}

/// Who makes a change, and the change: `field=value` pairs with the names of the register file.
#[derive(Debug, Args)]
pub struct Change {
    /// Staff id of who makes the change.
    #[arg(long, value_name = "STAFF")]
    pub by: String,
    /// As in the register file: `name="Elm Street" kind=gp purposes=direct-care,transfer-of-care`.
    #[arg(required = true, value_name = "FIELD=VALUE")]
    pub fields: Vec<String>,
}

#[derive(Debug, Args)]
pub struct Import {
    /// A register file, TOML or JSON; `-` reads TOML from standard input. All of it is taken, or nothing.
    pub file: PathBuf,
    /// Staff id of who makes the change; on an empty register, one who is in the file.
    #[arg(long, value_name = "STAFF")]
    pub by: String,
    /// Show the plan and change nothing.
    #[arg(long)]
    pub dry_run: bool,
}

/// The verbs that every register table has.
#[derive(Debug, Subcommand)]
pub enum Record {
    /// List the entries.
    List,
    /// Show one entry.
    Show {
        /// Its id.
        id: String,
    },
    /// Add an entry, or change the fields given.
    Add(Change),
    /// Import a register file.
    Import(Import),
    /// Export this table as a register file.
    Export,
}

#[derive(Debug, Subcommand)]
pub enum Agency {
    #[command(flatten)]
    Record(Record),
    /// Stop all letters to an agency, at once.
    Suspend(OneBy),
    /// Let letters go to it again.
    Resume(OneBy),
}

#[derive(Debug, Subcommand)]
pub enum Consent {
    #[command(flatten)]
    Record(Record),
    /// Withdraw a consent; it counts at once, on every letter that waits.
    Withdraw(OneBy),
}

#[derive(Debug, Args)]
pub struct OneBy {
    /// Its id.
    pub id: String,
    /// Staff id of who makes the change.
    #[arg(long, value_name = "STAFF")]
    pub by: String,
}

#[derive(Debug, Subcommand)]
pub enum User {
    #[command(flatten)]
    Record(Record),
    /// Set the password that a member of staff signs in with; read from standard input.
    Password(Login),
    /// Make a token for a record system; printed once, and kept only as a digest.
    Token {
        /// Staff id.
        id: String,
        /// What it is for, in words.
        #[arg(long, default_value = "record system", value_name = "WORDS")]
        label: String,
        /// Staff id of who makes the change.
        #[arg(long, value_name = "STAFF")]
        by: String,
    },
    /// Let a client certificate sign in as a member of staff.
    Certificate {
        /// Staff id.
        id: String,
        /// The certificate, PEM.
        file: PathBuf,
        /// Staff id of who makes the change.
        #[arg(long, value_name = "STAFF")]
        by: String,
    },
}

#[derive(Debug, Args)]
pub struct Login {
    /// Staff id.
    pub id: String,
    /// What they type to sign in; their staff id unless given.
    #[arg(long)]
    pub login: Option<String>,
    /// Staff id of who makes the change.
    #[arg(long, value_name = "STAFF")]
    pub by: String,
}

#[derive(Debug, Subcommand)]
pub enum Key {
    /// List agencies' sealing keys, and whether each is usable now.
    List,
    /// Check a recipient, as an admin would type it: `age1…`.
    Check {
        /// Its public key.
        recipient: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum Letter {
    /// List letters, newest first.
    List {
        /// Only those in this state: queued, held, refused, delivered, expired or failed.
        #[arg(long)]
        state: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 50)]
        most: u32,
    },
    /// Show one letter: state, decision, what happens next.
    Show {
        /// The letter's reference, `SG-…`.
        id: LetterId,
    },
    /// Show everything that happened to one letter.
    Trail {
        /// The letter's reference, `SG-…`.
        id: LetterId,
    },
}

#[derive(Debug, Subcommand)]
pub enum Held {
    /// List what waits, why, for whom and until when.
    List,
    /// Show one held letter and the one action that supplies what is missing.
    Show {
        /// The letter's reference, `SG-…`.
        id: LetterId,
    },
    /// Supply what only the sender knows: that a number found in the letter is rightly there.
    Confirm {
        /// The letter's reference, `SG-…`.
        id: LetterId,
        /// The part it was found in, as `held show` numbers them.
        #[arg(long)]
        part: u32,
        /// Staff id of who confirms; the letter's sender.
        #[arg(long, value_name = "STAFF")]
        by: String,
    },
    /// Supply the subject of a letter that named none.
    Subject {
        /// The letter's reference, `SG-…`.
        id: LetterId,
        /// Whom it is about: `nhs:…`, `gmc:…` or `case:…`.
        subject: String,
        /// Staff id of who names it; the letter's sender.
        #[arg(long, value_name = "STAFF")]
        by: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum Policy {
    /// Run scenario files; names each case that differs. Exit 1 if any does.
    Test {
        /// Register files with `[[case]]` tables.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Explain what would happen to one letter against the live register.
    Explain(Explain),
}

#[derive(Debug, Args)]
pub struct Explain {
    /// Staff id of the sender.
    #[arg(long)]
    pub from: String,
    /// The recipient's address.
    #[arg(long)]
    pub to: String,
    /// Whom it is about: `nhs:…`, `gmc:…` or `case:…`.
    #[arg(long)]
    pub subject: Option<String>,
    /// Why it goes, such as `direct-care`; the sender's default unless given.
    #[arg(long)]
    pub purpose: Option<String>,
    /// What it holds, several times or once with commas; the sender's default unless given.
    #[arg(long = "category", value_delimiter = ',')]
    pub categories: Vec<String>,
    /// The contract, rule, incident or request that the purpose rests on.
    #[arg(long)]
    pub citation: Option<String>,
    /// Exception id.
    #[arg(long)]
    pub exception: Option<String>,
    /// A message file: what it declares and holds is read as at the door.
    #[arg(
        long,
        value_name = "EML",
        conflicts_with_all = ["subject", "purpose", "categories", "citation", "exception"]
    )]
    pub file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum Ledger {
    /// Check every link; names the first bad entry.
    Verify,
    /// Print entries, oldest first.
    Tail {
        /// The last so many.
        #[arg(default_value_t = 20)]
        most: u32,
    },
}

#[derive(Debug, Args)]
pub struct Open {
    /// The sealed file, `SG-….age`.
    pub file: PathBuf,
    /// A file with an `AGE-SECRET-KEY-1…`.
    #[arg(long, short)]
    pub identity: PathBuf,
    /// Where the opened letter goes, never over something; standard output unless given.
    #[arg(long, short)]
    pub output: Option<PathBuf>,
}
