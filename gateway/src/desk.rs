//! The journey's side of a door: who is signing in, which recipients are listed, is there room.
//!
//! Not here: protocols (`intake/`), and what becomes of the message (`journey.rs`).

use std::net::IpAddr;
use std::sync::LazyLock;

use keys::password::{self, PasswordHash};
use keys::token::TokenDigest;
use policy::{Mailbox, Recipient, Staff};
use secrecy::ExposeSecret;
use tokio::sync::Semaphore;

use crate::intake::{
    Account, Answer, Busy, Declaration, Desk, Envelope, Incoming, RecipientAnswer, Secret, SignInRefused,
};
use crate::journey::Journey;
use crate::store::{self, Fault};

/// Each check of a password takes 19 MiB and tens of milliseconds: so many at once.
static PASSWORD_CHECKS: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(password::AT_ONCE_MAX));

impl Desk for Journey {
    type Body = store::Incoming;

    async fn sign_in(&self, login: &str, password: Secret, from: IpAddr) -> Result<Account, SignInRefused> {
        if !self.sign_ins.may_try(login, from) {
            return Err(SignInRefused::Later);
        }
        let user = self.registers.user(login).await.map_err(later)?;
        let _turn = PASSWORD_CHECKS.acquire().await;
        // Those who waited for their turn all asked before the first of them was counted.
        if !self.sign_ins.may_try(login, from) {
            return Err(SignInRefused::Later);
        }
        // An unknown login costs the same as a wrong password.
        let hash = user.as_ref().and_then(|user| PasswordHash::parse(&user.password).ok());
        let check = move || password::verify(password.expose_secret(), hash.as_ref());
        let is_right = tokio::task::spawn_blocking(check).await.unwrap_or(false);
        match user {
            Some(user) if is_right => self.account(&user.staff).await,
            _ => {
                self.sign_ins.failed(login, from);
                Err(SignInRefused::Wrong)
            }
        }
    }

    async fn token(&self, token: Secret) -> Result<Account, SignInRefused> {
        let digest = TokenDigest::of(token.expose_secret());
        match self.registers.token(digest.as_bytes()).await.map_err(later)? {
            Some(staff) => self.account(&staff).await,
            None => Err(SignInRefused::Wrong),
        }
    }

    async fn certificate(&self, sha256: &str) -> Result<Account, SignInRefused> {
        let Ok(Ok(digest)) = hex::decode(sha256).map(<[u8; 32]>::try_from) else { return Err(SignInRefused::Wrong) };
        match self.registers.certificate(&digest).await.map_err(later)? {
            Some(staff) => self.account(&staff).await,
            None => Err(SignInRefused::Wrong),
        }
    }

    async fn relay(&self, staff: &str) -> Result<Account, SignInRefused> {
        self.account(staff).await
    }

    async fn still(&self, account: &Account) -> Result<Account, SignInRefused> {
        self.account(&account.staff).await
    }

    async fn recipient(&self, _account: &Account, to: &Mailbox) -> RecipientAnswer {
        let refused = |sentence: &str| RecipientAnswer::Refused { sentence: sentence.to_owned() };
        match self.registers.recipient(to, None).await {
            Ok(Recipient::Agency(agency)) if agency.suspended => refused("letters to this agency are stopped for now"),
            Ok(Recipient::Agency(_) | Recipient::OwnAddress) => RecipientAnswer::Listed,
            Ok(Recipient::Unlisted { resembles }) => match (self.registers.is_own_address(to).await, resembles) {
                (Ok(true), _) => RecipientAnswer::Listed,
                (Ok(false), Some(_)) => refused("address is not on the safe list, but looks like one that is"),
                (Ok(false), None) => refused("address is not on the safe list"),
                (Err(_), _) => RecipientAnswer::Later,
            },
            Err(_) => RecipientAnswer::Later,
        }
    }

    async fn open_body(&self) -> Result<store::Incoming, Busy> {
        if self.store.is_stopped() {
            return Err(Busy::Fault);
        }
        match self.store.free_bytes() {
            Ok(free) if free >= self.terms.free_bytes_min => Ok(self.store.receive()),
            Ok(_) => Err(Busy::Full),
            Err(fault) => Err(busy(&fault)),
        }
    }

    async fn accept(&self, envelope: Envelope, declaration: Declaration, body: store::Incoming) -> Answer {
        let accepted = match body.finish(declaration.subject_line.clone()).await {
            Ok(received) => Self::accept(self, envelope, declaration, received).await,
            Err(fault) => Err(fault),
        };
        accepted.unwrap_or_else(|fault| Answer::Deferred(busy(&fault)))
    }
}

impl Journey {
    /// What this member of staff may do at a door: nothing, unless active.
    pub(crate) async fn account(&self, staff: &str) -> Result<Account, SignInRefused> {
        match self.registers.read::<Staff>(staff).await.map_err(later)? {
            Some(staff) if staff.active => {
                // Notices go to the reverse-path: one outside the house would make us write to strangers.
                let mut reverse_paths = staff.addresses;
                reverse_paths.retain(|address| self.terms.own_domains.contains(address.domain()));
                Ok(Account { staff: staff.id, reverse_paths })
            }
            _ => Err(SignInRefused::Wrong),
        }
    }
}

impl Incoming for store::Incoming {
    async fn push(&mut self, bytes: &[u8]) -> Result<(), Busy> {
        Self::push(self, bytes).await.map_err(|fault| busy(&fault))
    }
}

fn later(fault: Fault) -> SignInRefused {
    tracing::error!(%fault, "the register could not be read");
    SignInRefused::Later
}

fn busy(fault: &Fault) -> Busy {
    tracing::error!(%fault, "a message could not be taken in");
    Busy::Fault
}
