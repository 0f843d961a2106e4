//! A session over TLS: which command may come when, and what is said to it (RFC 5321 §4.1.4, RFC 6409).
//!
//! Not here: signing in (`sign_in.rs`), the message itself (`take_in.rs`), what is said in the clear (`vestibule.rs`).

use secrecy::zeroize::Zeroize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio_rustls::server::TlsStream;

use super::grammar::{self, Command, Hello, Mail, Rcpt};
use super::reply::{self, Reply};
use super::wire::{Lost, Wire};
use super::{Submission, TlsStart, Visit};
use crate::intake::{Account, Desk, EnvelopeRecipient, RecipientAnswer, Script, SignInRefused};

/// A session. All it knows it has heard inside TLS.
pub(super) struct Session<'a, S, D> {
    pub(super) door: &'a Submission<D>,
    pub(super) wire: Wire<TlsStream<S>>,
    pub(super) visit: Visit,
    pub(super) account: Option<Account>,
    pub(super) standing: Standing,
    /// EHLO or HELO has been said inside TLS.
    pub(super) greeted: bool,
    pub(super) auth_failures: u32,
    errors: u32,
    pub(super) transaction: Option<Transaction>,
}

/// Has a password been taken in this session? Only once (RFC 4954 §4).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    MaySignIn,
    SignedIn,
}

/// A message's envelope while it is being said.
pub(super) struct Transaction {
    pub(super) mail: Mail,
    pub(super) recipients: Vec<EnvelopeRecipient>,
    /// RCPT commands, refused ones too.
    asked: usize,
}

/// Does the session go on?
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    On,
    End,
}

impl<'a, S, D> Session<'a, S, D>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
    D: Desk,
{
    pub(super) const fn new(door: &'a Submission<D>, wire: Wire<TlsStream<S>>, visit: Visit) -> Self {
        Self {
            door,
            wire,
            visit,
            account: None,
            standing: Standing::MaySignIn,
            greeted: false,
            auth_failures: 0,
            errors: 0,
            transaction: None,
        }
    }

    /// Runs the session to its end.
    pub(super) async fn run(mut self, start: TlsStart, mut closing: watch::Receiver<bool>) {
        self.recognise().await;
        // After STARTTLS the client speaks first (RFC 3207 §4.2).
        if start == TlsStart::Implicit {
            self.wire.say(&Reply::greeting(&self.door.plate));
        }
        loop {
            match self.turn(&mut closing).await {
                Ok(Flow::On) => {}
                Ok(Flow::End) => break,
                Err(lost) => {
                    if let Some(reply) = Reply::last_words(&lost) {
                        self.refuse(&reply);
                    }
                    break;
                }
            }
        }
        self.wire.close().await;
    }

    /// One command and its answer.
    async fn turn(&mut self, closing: &mut watch::Receiver<bool>) -> Result<Flow, Lost> {
        let mut line = tokio::select! {
            biased;
            _ = closing.wait_for(|now| *now) => {
                self.refuse(&reply::CLOSING);
                return Ok(Flow::End);
            }
            line = self.wire.line(self.door.limits.command_timeout) => line?,
        };
        if grammar::is_http(&line) {
            self.refuse(&reply::NOT_SMTP);
            return Ok(Flow::End);
        }
        let parsed = grammar::parse(&line);
        // It may have held a password.
        line.zeroize();
        match parsed {
            Ok(command) => self.obey(command).await,
            Err(error) => Ok(self.fault(&error.into())),
        }
    }

    async fn obey(&mut self, command: Command) -> Result<Flow, Lost> {
        match command {
            Command::Hello(hello) => self.hello(hello),
            Command::StartTls => return Ok(self.fault(&reply::ALREADY_TLS)),
            Command::Noop => self.wire.say(&reply::OK),
            Command::Help => self.wire.say(&reply::HELP),
            Command::Vrfy => self.wire.say(&reply::NOT_VERIFIED),
            Command::Rset => {
                self.transaction = None;
                self.wire.say(&reply::OK);
            }
            Command::Quit => {
                self.wire.say(&reply::BYE);
                return Ok(Flow::End);
            }
            _ if !self.greeted => return Ok(self.fault(&reply::HELLO_FIRST)),
            // Boxed, so that an idle session does not keep room for what only a busy one needs.
            Command::Auth { mechanism, initial } => return Box::pin(self.auth(mechanism, initial)).await,
            Command::Mail(mail) => return Ok(Box::pin(self.mail(mail)).await),
            Command::Rcpt(rcpt) => return Ok(Box::pin(self.rcpt(rcpt)).await),
            Command::Data => return Box::pin(self.data()).await,
        }
        Ok(Flow::On)
    }

    /// EHLO ends whatever was under way (RFC 5321 §4.1.4), and lists what is offered.
    fn hello(&mut self, hello: Hello) {
        self.greeted = true;
        self.transaction = None;
        let host = &self.door.plate.host;
        if hello == Hello::Plain {
            return self.wire.say_lines(250, std::slice::from_ref(host));
        }
        let mut lines = vec![host.clone(), "PIPELINING".to_owned()];
        lines.push(format!("SIZE {}", self.door.limits.message_bytes_max));
        lines.extend(["8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "DSN"].map(str::to_owned));
        if self.standing == Standing::MaySignIn {
            lines.push("AUTH PLAIN LOGIN".to_owned());
        }
        self.wire.say_lines(250, &lines);
    }

    async fn mail(&mut self, mail: Mail) -> Flow {
        if self.transaction.is_some() {
            return self.fault(&reply::MAIL_TWICE);
        }
        let Some(account) = &self.account else {
            return self.fault(&reply::SIGN_IN_FIRST);
        };
        // A session lives for long: whoever was suspended meanwhile sends no more by it.
        let account = match self.door.desk.still(account).await {
            Ok(account) => &*self.account.insert(account),
            Err(SignInRefused::Later) => return self.refuse(&reply::RECIPIENT_LATER),
            Err(SignInRefused::Wrong) => {
                self.account = None;
                return self.fault(&reply::SIGN_IN_FIRST);
            }
        };
        // RFC 1870 §6.1: refused before a byte of it is sent.
        if mail.size_bytes.is_some_and(|size| size > self.door.limits.message_bytes_max) {
            return self.refuse(&reply::TOO_LARGE);
        }
        // Reports and notices (null reverse-path) are the gateway's own to make.
        match &mail.reverse_path {
            None => return self.refuse(&reply::NULL_SENDER),
            Some(sender) if !account.may_send_as(sender) => return self.refuse(&reply::NOT_YOUR_ADDRESS),
            Some(_) => {}
        }
        self.transaction = Some(Transaction { mail, recipients: Vec::new(), asked: 0 });
        self.wire.say(&reply::SENDER_OK);
        Flow::On
    }

    async fn rcpt(&mut self, rcpt: Rcpt) -> Flow {
        let (Some(account), Some(transaction)) = (&self.account, &mut self.transaction) else {
            return self.fault(&reply::MAIL_FIRST);
        };
        if rcpt.script == Script::Utf8 && transaction.mail.script == Script::Ascii {
            return self.refuse(&reply::NEED_UTF8);
        }
        if transaction.asked >= self.door.limits.recipients_max {
            return self.refuse(&reply::TOO_MANY_RECIPIENTS);
        }
        transaction.asked = transaction.asked.saturating_add(1);
        let Rcpt { to, notify, orcpt, .. } = rcpt;
        // One letter for one address, however often it is named.
        if transaction.recipients.iter().any(|known| known.to.key() == to.key()) {
            self.wire.say(&reply::RECIPIENT_OK);
            return Flow::On;
        }
        match self.door.desk.recipient(account, &to).await {
            RecipientAnswer::Listed => {
                transaction.recipients.push(EnvelopeRecipient { to, notify, orcpt });
                self.wire.say(&reply::RECIPIENT_OK);
                Flow::On
            }
            RecipientAnswer::Refused { sentence } => self.refuse(&Reply::recipient_refused(&sentence)),
            RecipientAnswer::Later => self.refuse(&reply::RECIPIENT_LATER),
        }
    }

    /// Says no, and notes the code alone.
    pub(super) fn refuse(&mut self, reply: &Reply) -> Flow {
        let Visit { number, from } = self.visit;
        tracing::info!(session = number, peer = %from, code = reply.code, enhanced = reply.enhanced, "refused");
        self.wire.say(reply);
        Flow::On
    }

    /// Says no to a mistake of the client, which may not make many.
    pub(super) fn fault(&mut self, reply: &Reply) -> Flow {
        self.refuse(reply);
        self.errors = self.errors.saturating_add(1);
        if self.errors < self.door.limits.errors_max {
            return Flow::On;
        }
        self.refuse(&reply::TOO_MANY_ERRORS);
        Flow::End
    }
}
