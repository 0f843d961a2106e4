//! Who is who in the World: the register that every story begins with, and tables to add to it.
//!
//! Invented people; NHS numbers of the test range (999 …). `tests/letters` speaks of the same people.

/// Amina Yorke: consents to clinical letters to Elm Street (`tls-email`) and Oak Lane (`age-email`).
pub const AMINA: &str = "nhs:9995260182";
/// Ben Castle: likewise; his PDF holds a page about Cara Finch.
pub const BEN: &str = "nhs:9991590838";
/// Cara Finch: has said no to everything, to Elm Street.
pub const CARA: &str = "nhs:9990166137";
/// Dev Rao: nobody has asked him.
pub const DEV: &str = "nhs:9991860916";
/// Edie Marsh: wishes her report to go to Pike, solicitors (`age-email`).
pub const EDIE: &str = "nhs:9993909963";

/// A practice whose mail server proves itself.
pub const ELM: &str = "letters@elm-surgery.example";
/// A practice with an age key.
pub const OAK: &str = "post@oak-lane.example";

/// Oak Lane's key, where no story opens what is sealed: whoever held its secret half has thrown it away.
pub const LOST_KEY: &str = "age1cmqun2wg2sl3unxesqryeutztm4kr2g8qweyvnllqw0jz6p9pzes78hezk";

/// How an agency's mail server is known, and by which channel it takes letters.
#[derive(Clone, Copy)]
pub enum Takes<'a> {
    /// `tls-email`, by `pkix`: these hosts under this authority (PEM).
    Tls(&'a [&'a str], &'a str),
    /// `age-email`, to this recipient.
    Age(&'a str),
}

/// The register that every story begins with.
pub fn register(ca_pem: &str) -> String {
    let mut text =
        String::from("[provider]\nname = \"Harbour Talking Therapies\"\nods = \"X9H01\"\ncountry = \"GB\"\n");
    text += &staff("dr-lamb", "clinician", "o.lamb@harbour.example");
    text += &staff("am-stone", "area-manager", "p.stone@harbour.example");
    text += &staff("adm-reed", "admin", "j.reed@harbour.example");
    for (id, name, born) in [
        (AMINA, "Amina Yorke", "1984-02-11"),
        (BEN, "Ben Castle", "1990-07-30"),
        (CARA, "Cara Finch", "1971-12-03"),
        (DEV, "Dev Rao", "1999-05-19"),
        (EDIE, "Edie Marsh", "1962-09-08"),
    ] {
        text += &subject(id, name, born);
    }
    text += &practice("elm", ELM, Takes::Tls(&["mx.elm-surgery.example"], ca_pem));
    text += &practice("oak", OAK, Takes::Age(LOST_KEY));
    for (id, subject, agency) in [
        ("c-amina-elm", AMINA, "elm"),
        ("c-amina-oak", AMINA, "oak"),
        ("c-ben-elm", BEN, "elm"),
        ("c-ben-oak", BEN, "oak"),
    ] {
        text += &consent(id, subject, agency);
    }
    text + &refusal("c-cara", CARA, "elm")
}

/// A member of staff, trained until next year.
pub fn staff(id: &str, role: &str, address: &str) -> String {
    format!(
        "[[staff]]\nid = \"{id}\"\nname = \"Staff {id}\"\nroles = [\"{role}\"]\ntrained_until = \"2027-03-01\"\n\
         addresses = [\"{address}\"]\n"
    )
}

/// A person in the register.
pub fn subject(id: &str, name: &str, born: &str) -> String {
    format!("[[subject]]\nid = \"{id}\"\nname = \"{name}\"\nbirth_date = \"{born}\"\n")
}

/// A GP practice, with all its papers.
pub fn practice(id: &str, address: &str, takes: Takes<'_>) -> String {
    agency(id, ("gp", "\"direct-care\", \"transfer-of-care\""), &[address], takes)
}

/// An agency with all its papers: its kind and purposes, its addresses.
pub fn agency(id: &str, (kind, purposes): (&str, &str), addresses: &[&str], takes: Takes<'_>) -> String {
    let takes = match takes {
        Takes::Tls(hosts, ca_pem) => {
            format!("channels = [\"tls-email\"]\nproof = [\"pkix\"]\nmx = {hosts:?}\nca = \"\"\"{ca_pem}\"\"\"\n")
        }
        Takes::Age(key) => format!(
            "channels = [\"age-email\"]\nkeys = [{{ recipient = \"{key}\", verified = true, \
             not_before = \"2026-01-05\", not_after = \"2027-01-05\" }}]\n"
        ),
    };
    format!(
        "[[agency]]\nid = \"{id}\"\nname = \"Agency {id}\"\nkind = \"{kind}\"\ncountry = \"GB\"\n\
         purposes = [{purposes}]\n\
         categories = [\"identity\", \"contact\", \"appointments\", \"clinical-letter\", \"clinical-record\"]\n\
         addresses = {addresses:?}\n\
         authorised = {{ by = \"am-stone\", on = \"2026-01-05\", until = \"2027-01-05\" }}\n\
         papers = {{ agreement_until = \"2027-01-05\", policy_copy_until = \"2027-01-05\", undertaking_until = \"2027-01-05\" }}\n\
         verified = {{ on = \"2026-01-05\", by = \"adm-reed\", method = \"telephone\", until = \"2027-01-05\" }}\n{takes}"
    )
}

/// A written yes to clinical letters for direct care.
pub fn consent(id: &str, subject: &str, agency: &str) -> String {
    consent_for(id, subject, agency, "direct-care")
}

/// A written yes to clinical letters for this purpose.
pub fn consent_for(id: &str, subject: &str, agency: &str, purpose: &str) -> String {
    format!(
        "[[consent]]\nid = \"{id}\"\nsubject = \"{subject}\"\nagency = \"{agency}\"\nanswer = \"yes\"\nform = \"explicit\"\n\
         manner = \"written\"\npurposes = [\"{purpose}\"]\ncategories = [\"clinical-letter\", \"appointments\"]\n\
         given = \"2026-01-06\"\nnotice = \"how-we-share v3\"\nevidence = \"form {id}\"\n"
    )
}

/// A no to everything.
pub fn refusal(id: &str, subject: &str, agency: &str) -> String {
    format!(
        "[[consent]]\nid = \"{id}\"\nsubject = \"{subject}\"\nagency = \"{agency}\"\nanswer = \"no\"\nform = \"explicit\"\n\
         manner = \"verbal\"\npurposes = [\"any\"]\ncategories = [\"any\"]\ngiven = \"2026-01-06\"\n"
    )
}
