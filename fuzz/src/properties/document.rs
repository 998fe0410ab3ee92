//! Documents about mail settings: autoconfig, PACC, Autodiscover.

use mailcfg::settings::{OAuth2, Username};
use mailcfg::wire::offer::{Offer, OfferedAccess, OfferedService, SERVICES};
use mailcfg::wire::text::{BadDocument, NAME_CHARACTERS, SENTENCE_CHARACTERS, URL_BYTES};
use mailcfg::wire::{autoconfig, autodiscover, pacc, text};

use super::{check_sentence, check_word};

/// A document of autoconfig, whatever it is.
pub fn autoconfig(bytes: &[u8]) {
    let Ok(text) = text::decode(bytes) else { return };
    match autoconfig::parse(&text) {
        Ok(offer) => check_offer(&offer),
        Err(error) => check_error(&error),
    }
}

/// A document of PACC; what stands before the first NUL is taken for its TXT record too.
pub fn pacc(bytes: &[u8]) {
    let (record, body) = match bytes.iter().position(|byte| *byte == 0) {
        Some(end) => (bytes.get(..end).unwrap_or_default(), bytes.get(end + 1..).unwrap_or_default()),
        None => (bytes, bytes),
    };
    let _ = pacc::verify(body, &[String::from_utf8_lossy(record).into_owned()]);
    let Ok(text) = text::decode(body) else { return };
    match pacc::parse(&text) {
        Ok(offer) => check_offer(&offer),
        Err(error) => check_error(&error),
    }
}

/// A document of Autodiscover, read as XML and as JSON.
pub fn autodiscover(bytes: &[u8]) {
    let Ok(text) = text::decode(bytes) else { return };
    match autodiscover::parse_pox(&text) {
        Ok(autodiscover::PoxReply::Settings(offer)) => check_offer(&offer),
        Ok(autodiscover::PoxReply::RedirectUrl(url)) => check_https(&url),
        Ok(autodiscover::PoxReply::RedirectAddress(_)) => {}
        Ok(autodiscover::PoxReply::Error(refusal)) => check_refusal(&refusal),
        Err(error) => check_error(&error),
    }
    match autodiscover::parse_json(&text) {
        Ok(autodiscover::JsonReply::Url(url)) => check_https(&url),
        Ok(autodiscover::JsonReply::Error(refusal)) => check_refusal(&refusal),
        Err(error) => check_error(&error),
    }
}

fn check_https(url: &str) {
    assert!(url.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://")), "{url:?}");
    check_word(url, URL_BYTES);
}

fn check_refusal(refusal: &autodiscover::Refusal) {
    check_word(&refusal.code, NAME_BYTES);
    check_word(&refusal.message, SENTENCE_BYTES);
}

fn check_error(error: &BadDocument) {
    check_sentence(&error.to_string());
    if let BadDocument::NoServers { notes } = error {
        check_notes(notes);
    }
}

fn check_offer(offer: &Offer) {
    assert!((1..=SERVICES).contains(&offer.services.len()), "{} services", offer.services.len());
    offer.services.iter().for_each(check_service);
    check_notes(&offer.notes);
    let names = [&offer.provider_id, &offer.name];
    names.into_iter().flatten().for_each(|name| check_word(name, NAME_BYTES));
    let urls = [&offer.documentation, &offer.webmail];
    urls.into_iter().flatten().for_each(|url| check_word(url, URL_BYTES));
    assert!(offer.instructions.len() <= INSTRUCTIONS, "{} instructions", offer.instructions.len());
    for instruction in &offer.instructions {
        check_word(&instruction.text, SENTENCE_BYTES);
        instruction.url.iter().for_each(|url| check_word(url, URL_BYTES));
    }
    offer.oauth2.iter().for_each(check_oauth2);
}

fn check_service(service: &OfferedService) {
    match &service.access {
        OfferedAccess::Server { host, port, .. } | OfferedAccess::ManageSieve { host, port, .. } => {
            check_word(&host.form(), NAME_BYTES);
            assert_ne!(port.get(), 0);
        }
        OfferedAccess::Jmap { url } => check_word(url, URL_BYTES),
    }
    if let Some(Username::Template(template)) = &service.username {
        assert!(!template.chars().any(char::is_control), "{template:?}");
        assert!(template.len() <= NAME_BYTES, "{} bytes", template.len());
    }
    assert!(service.auth.len() <= METHODS, "{:?}", service.auth);
}

fn check_oauth2(oauth2: &OAuth2) {
    check_word(&oauth2.issuer, URL_BYTES);
    assert!(oauth2.scopes.len() <= SCOPES, "{} scopes", oauth2.scopes.len());
    oauth2.scopes.iter().for_each(|scope| check_word(scope, NAME_BYTES));
    [&oauth2.auth_url, &oauth2.token_url].into_iter().flatten().for_each(|url| check_word(url, URL_BYTES));
}

fn check_notes(notes: &[String]) {
    assert!(notes.len() <= SERVICES, "{} notes", notes.len());
    for note in notes {
        check_sentence(note);
        assert!(!note.chars().any(super::is_forbidden), "{note:?}");
    }
}

/// UTF-8 has four bytes a character at most.
const NAME_BYTES: usize = 4 * NAME_CHARACTERS;
const SENTENCE_BYTES: usize = 4 * SENTENCE_CHARACTERS;

/// More than a person reads.
const INSTRUCTIONS: usize = 20;

/// Far more than any client asks for.
const SCOPES: usize = 50;

/// Each way to sign in stands there once.
const METHODS: usize = 8;
