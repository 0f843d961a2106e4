//! `sealgate user`: staff and system accounts, and how they sign in. Secrets come by standard input, never as options.

use std::io::{BufRead, IsTerminal, Read};
use std::path::Path;

use keys::password::PasswordHash;
use keys::{certificate, password, token};
use policy::Staff;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::args;
use super::files;
use super::out::{Failure, OrFail, Outcome};
use super::record::{absent, record};
use super::visit::Visit;
use crate::registers::{ClientCertificate, Token, User};
use crate::status::Status;

/// Shorter passwords are guessed; nobody types this one often.
const PASSWORD_CHARS_MIN: usize = 12;
/// Longer than any password.
const LINE_BYTES_MAX: u64 = 4096;
/// Longer than any certificate.
const CERTIFICATE_BYTES_MAX: u64 = 64 * 1024;

pub(super) async fn user(visit: &Visit, verb: args::User) -> Outcome {
    match verb {
        args::User::Record(verb) => record::<Staff>(visit, verb).await,
        args::User::Password(login) => set_password(visit, login).await,
        args::User::Token { id, label, by } => make_token(visit, id, label, &by).await,
        args::User::Certificate { id, file, by } => let_certificate_in(visit, id, &file, &by).await,
    }
}

async fn set_password(visit: &Visit, args::Login { id, login, by }: args::Login) -> Outcome {
    expect_both(visit, &id, &by).await?;
    let login = login.unwrap_or_else(|| id.clone());
    if visit.registers.user(&login).await?.is_some_and(|user| user.staff != id) {
        let sentence = format!("login `{login}`: somebody else signs in with it; give another with --login");
        return Err(Failure::new(Status::Conflict, sentence));
    }
    if std::io::stdin().is_terminal() {
        visit.out.say("Type the password, then Enter. It shows as you type: better pipe it in from a file.");
    }
    let hash = hash(first_line()?).await?;
    let user = User { login: login.clone(), staff: id.clone(), password: hash.as_str().to_owned() };
    let what = visit.registers.put(&user, &by).await?;
    let json = json!({ "user": id, "login": login, "change": what });
    visit.out.data(&json, format!("{id} signs in as {login} with the new password"));
    Ok(Status::Done)
}

async fn make_token(visit: &Visit, id: String, label: String, by: &str) -> Outcome {
    expect_both(visit, &id, by).await?;
    let token = token::Token::mint();
    let kept = Token { sha256: token.digest().to_string(), staff: id.clone(), label: label.clone() };
    visit.registers.put(&kept, by).await?;
    visit.out.say("This is the only time that it is shown:");
    visit.out.data(&json!({ "user": id, "label": label, "token": token.expose() }), token.expose());
    Ok(Status::Done)
}

async fn let_certificate_in(visit: &Visit, id: String, file: &Path, by: &str) -> Outcome {
    expect_both(visit, &id, by).await?;
    let name = file.display();
    let no_certificate = |_| Failure::new(Status::Usage, format!("{name}: holds no certificate in PEM form"));
    let pem = files::bytes(file, CERTIFICATE_BYTES_MAX)?;
    let der = CertificateDer::from_pem_slice(&pem).map_err(no_certificate)?;
    let facts = certificate::facts(&der).map_err(|error| Failure::new(Status::Usage, format!("{name}: {error}")))?;
    let known = visit.registers.read::<ClientCertificate>(&facts.sha256).await?;
    if known.is_some_and(|known| known.staff != id) {
        let sentence = format!("{name}: somebody else signs in with this certificate; give each their own");
        return Err(Failure::new(Status::Conflict, sentence));
    }
    let what = visit.registers.put(&ClientCertificate { sha256: facts.sha256.clone(), staff: id.clone() }, by).await?;
    let json = json!({ "user": id, "sha256": facts.sha256, "names": facts.names, "change": what });
    visit.out.data(&json, format!("{id} signs in with the certificate {}", facts.sha256));
    Ok(Status::Done)
}

/// Who changes it may, and whom it is for is on the staff.
async fn expect_both(visit: &Visit, id: &str, by: &str) -> Result<(), Failure> {
    visit.permit(by, &[]).await?;
    match visit.registers.read::<Staff>(id).await? {
        Some(_) => Ok(()),
        None => Err(absent::<Staff>(id)),
    }
}

fn first_line() -> Result<SecretString, Failure> {
    let mut line = String::with_capacity(usize::try_from(LINE_BYTES_MAX).unwrap_or_default());
    std::io::stdin()
        .lock()
        .take(LINE_BYTES_MAX)
        .read_line(&mut line)
        .map_err(|error| Failure::new(Status::Usage, format!("standard input: {error}")))?;
    let chars = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(chars);
    Ok(SecretString::from(line))
}

async fn hash(password: SecretString) -> Result<PasswordHash, Failure> {
    if password.expose_secret().chars().count() < PASSWORD_CHARS_MIN {
        let sentence = format!("the password has fewer than {PASSWORD_CHARS_MIN} characters; choose a longer one");
        return Err(Failure::new(Status::Usage, sentence));
    }
    let hashing = tokio::task::spawn_blocking(move || password::hash(password.expose_secret()));
    hashing.await.or_fail(Status::Fault)?.or_fail(Status::Usage)
}
