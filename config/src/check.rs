//! Settings that are right one by one and wrong together.

use std::collections::BTreeSet;

use crate::read::Reader;
use crate::settings::Settings;

/// Adds a fault for each rule between settings that is broken.
pub(crate) fn across_sections(settings: &Settings, reader: &mut Reader<'_>) {
    let Settings { provider, storage, smtp, https, outbound, notices, .. } = settings;
    if provider.domains.is_empty() {
        reader.fault("provider", "domains", "the provider has no mail domain", "name at least one");
    }
    if provider.country.as_str().len() != 2 || !provider.country.as_str().bytes().all(|byte| byte.is_ascii_uppercase())
    {
        reader.fault("provider", "country", "a country is two capital letters", "write it as \"GB\"");
    }
    if storage.key_credential.as_ref().is_some_and(|name| name.as_str().contains('/')) {
        reader.fault("storage", "key_credential", "a credential is a name, not a path", "take out the slashes");
    }
    if storage.key_file.starts_with(&storage.folder) && storage.key_credential.is_none() {
        let remedy = "keep it elsewhere, so that a copy of the folder alone opens nothing";
        reader.fault("storage", "key_file", "the storage key lies in the data folder", remedy);
    }
    if smtp.implicit_tls_listen.is_empty() && smtp.starttls_listen.is_empty() && https.listen.is_empty() {
        let remedy = "give at least one of implicit_tls_listen, starttls_listen and https.listen an address";
        reader.fault("smtp", "implicit_tls_listen", "no door is open", remedy);
    }
    if outbound.retry_first_secs > outbound.retry_most_secs {
        reader.fault("outbound", "retry_first_secs", "this is more than retry_most_secs", "make it the smaller one");
    }
    if !provider.domains.contains(notices.from.domain()) {
        reader.fault("notices", "from", "this is in none of provider.domains", "choose an address of the provider's");
    }
    if repeats(smtp.trusted_relay.iter().map(|relay| relay.address)) {
        reader.fault("smtp", "trusted_relay", "two relays have the same address", "keep one of them");
    }
    if repeats(outbound.route.iter().map(|route| &route.domain)) {
        reader.fault("outbound", "route", "two routes are for the same domain", "keep one of them");
    }
}

fn repeats<T: Ord>(mut items: impl Iterator<Item = T>) -> bool {
    let mut seen = BTreeSet::new();
    !items.all(|item| seen.insert(item))
}
