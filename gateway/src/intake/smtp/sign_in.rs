//! Who is at the door: AUTH PLAIN and LOGIN (RFC 4954, RFC 4616), a client certificate, or a trusted relay's address.
//!
//! Whether a password is right is the desk's to say. Not here, on purpose: AUTH in the clear, which has no code.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;
use secrecy::zeroize::{Zeroize, Zeroizing};
use tokio::io::{AsyncRead, AsyncWrite};

use super::grammar::Mechanism;
use super::reply::{self, Reply};
use super::session::{Flow, Session, Standing};
use super::wire::Lost;
use crate::intake::{Account, Desk, Secret, SignInRefused, certificate_sha256};

/// Longest login and longest password that are looked at.
const LOGIN_BYTES_MAX: usize = 255;
const PASSWORD_BYTES_MAX: usize = 1024;

/// A login and its password, as said.
struct Credentials {
    login: String,
    password: Secret,
}

impl<S, D> Session<'_, S, D>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
    D: Desk,
{
    /// Signs in who need not say anything: the holder of a verified certificate, or a trusted relay.
    pub(super) async fn recognise(&mut self) {
        let (_, tls) = self.wire.stream().get_ref();
        if let Some(leaf) = tls.peer_certificates().and_then(|chain| chain.first()) {
            let sha256 = certificate_sha256(leaf);
            self.account = self.door.desk.certificate(&sha256).await.ok();
        }
        let from = self.visit.from.to_canonical();
        if self.account.is_none()
            && let Some(relay) = self.door.relays.iter().find(|relay| relay.address.to_canonical() == from)
        {
            self.account = self.door.desk.relay(&relay.staff).await.ok();
        }
    }

    /// The AUTH exchange.
    pub(super) async fn auth(&mut self, mechanism: Mechanism, initial: Option<Secret>) -> Result<Flow, Lost> {
        if self.standing == Standing::SignedIn {
            return Ok(self.fault(&reply::ALREADY_SIGNED_IN));
        }
        if self.transaction.is_some() {
            return Ok(self.fault(&reply::MAIL_TWICE));
        }
        let credentials = match mechanism {
            Mechanism::Plain => self.plain(initial).await?,
            Mechanism::Login => self.login(initial).await?,
            Mechanism::Unknown => Err(reply::MECHANISM_UNKNOWN),
        };
        let Credentials { login, password } = match credentials {
            Ok(credentials) => credentials,
            Err(reply) => return Ok(self.fault(&reply)),
        };
        let answer = self.door.desk.sign_in(&login, password, self.visit.from).await;
        Ok(self.signed_in(answer))
    }

    fn signed_in(&mut self, answer: Result<Account, SignInRefused>) -> Flow {
        match answer {
            Ok(account) => {
                self.account = Some(account);
                self.standing = Standing::SignedIn;
                self.wire.say(&reply::SIGNED_IN);
                Flow::On
            }
            Err(SignInRefused::Later) => self.refuse(&reply::SIGN_IN_LATER),
            Err(SignInRefused::Wrong) => {
                self.auth_failures = self.auth_failures.saturating_add(1);
                self.refuse(&reply::SIGN_IN_REFUSED);
                if self.auth_failures < self.door.limits.auth_failures_max {
                    return Flow::On;
                }
                self.refuse(&reply::TOO_MANY_SIGN_INS);
                Flow::End
            }
        }
    }

    async fn plain(&mut self, initial: Option<Secret>) -> Result<Result<Credentials, Reply>, Lost> {
        let response = match initial {
            Some(initial) => Ok(initial),
            None => self.ask(&reply::ASK_PLAIN).await?,
        };
        Ok(response.and_then(|response| of_plain(&response).ok_or(reply::BAD_CREDENTIALS)))
    }

    async fn login(&mut self, initial: Option<Secret>) -> Result<Result<Credentials, Reply>, Lost> {
        let login = match initial {
            Some(initial) => Ok(initial),
            None => self.ask(&reply::ASK_LOGIN).await?,
        };
        let login = match login {
            Ok(login) => login,
            Err(reply) => return Ok(Err(reply)),
        };
        let password = self.ask(&reply::ASK_PASSWORD).await?;
        Ok(password.and_then(|password| of_login(&login, &password).ok_or(reply::BAD_CREDENTIALS)))
    }

    /// One question and its answer, still in base64; `*` breaks off (RFC 4954 §4).
    async fn ask(&mut self, question: &Reply) -> Result<Result<Secret, Reply>, Lost> {
        self.wire.say(question);
        let mut line = self.wire.line(self.door.limits.command_timeout).await?;
        let answer = match std::str::from_utf8(&line) {
            Ok("*") => Err(reply::CANCELLED),
            Ok(text) => Ok(Secret::from(text.to_owned())),
            Err(_) => Err(reply::BAD_CREDENTIALS),
        };
        line.zeroize();
        Ok(answer)
    }
}

/// RFC 4616 §2: `[authzid] NUL authcid NUL passwd`. To act for somebody else is not offered.
fn of_plain(response: &Secret) -> Option<Credentials> {
    let decoded = decoded(response)?;
    let mut parts = decoded.split('\0');
    let (act_for, login, password) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || !(act_for.is_empty() || act_for == login) {
        return None;
    }
    credentials(login, password)
}

fn of_login(login: &Secret, password: &Secret) -> Option<Credentials> {
    credentials(&decoded(login)?, &decoded(password)?)
}

fn credentials(login: &str, password: &str) -> Option<Credentials> {
    let fits = (1..=LOGIN_BYTES_MAX).contains(&login.len()) && (1..=PASSWORD_BYTES_MAX).contains(&password.len());
    fits.then(|| Credentials { login: login.to_owned(), password: Secret::from(password.to_owned()) })
}

/// Base64, then UTF-8; a lone `=` is an empty response (RFC 4954 §4).
fn decoded(response: &Secret) -> Option<Zeroizing<String>> {
    let text = match response.expose_secret() {
        "=" => "",
        text => text,
    };
    let bytes = Zeroizing::new(STANDARD.decode(text).ok()?);
    std::str::from_utf8(&bytes).ok().map(|text| Zeroizing::new(text.to_owned()))
}
