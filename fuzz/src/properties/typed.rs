//! What people write: targets, URLs and tables of providers.

use std::collections::HashSet;

use mailcfg::net::ConnectTo;
use mailcfg::net::dns::ResolverChoice;
use mailcfg::net::http::Url;
use mailcfg::providers::table::{BrokenTable, Provider, Table};
use mailcfg::providers::{Providers, settings_of};
use mailcfg::settings::{Source, Trust};
use mailcfg::target::{Address, Domain, Host, Target};

use super::is_forbidden;

/// What a person types: what is accepted prints as something that is accepted and means the same.
pub fn target(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Target::parse(text) {
        Ok(Target::Address(address)) => {
            let printed = address.to_string();
            assert_eq!(Address::parse(&printed).expect("a printed address is one"), address);
        }
        Ok(Target::Domain(domain)) => check_domain(&domain),
        Ok(Target::Host { host: Host::Name(name), .. }) => check_domain(&name),
        Ok(Target::Host { .. }) => {}
        Err(error) => assert!(!error.to_string().is_empty() && !error.hint().is_empty()),
    }
    let _ = ConnectTo::parse(text);
    let _ = ResolverChoice::parse(text);
}

fn check_domain(domain: &Domain) {
    assert_eq!(&Domain::parse(domain.as_str()).expect("a domain prints as one"), domain);
    assert!(domain.as_str().is_ascii() && !domain.as_str().contains(char::is_whitespace));
    assert!(domain.as_str().len() <= DOMAIN_BYTES, "{} bytes", domain.as_str().len());
    assert!(!domain.unicode().chars().any(is_forbidden), "{:?}", domain.unicode());
}

/// A URL, as in a redirect: what is accepted prints as something that is accepted and stays the same.
pub fn url(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let base = Url::parse("https://example.org/a/b?c").expect("a URL");
    for read in [Url::parse(&text), base.join(&text)] {
        match read {
            Ok(url) => check_url(&url),
            Err(error) => super::check_sentence(&error.to_string()),
        }
    }
}

/// What is put into a request holds nothing that could end it or begin another.
fn check_url(url: &Url) {
    let printed = url.to_string();
    assert_eq!(&Url::parse(&printed).expect("a printed URL is one"), url, "{printed}");
    assert!(printed.len() <= URL_BYTES, "{} bytes", printed.len());
    for part in [url.path_and_query(), &url.authority()] {
        assert!(part.bytes().all(|byte| byte > b' ' && byte != 0x7f), "{part:?}");
    }
    assert!(url.path_and_query().starts_with('/') && !url.authority().contains('@'), "{printed}");
}

/// A provider table, whatever it is: an error names a place inside the text, and what is read can be looked up.
pub fn table(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match Table::parse(&text) {
        Ok(table) => check_table(table),
        Err(error) => check_mistake(&text, &error),
    }
}

fn check_mistake(text: &str, error: &BrokenTable) {
    let line = error.line.checked_sub(1).and_then(|before| text.split('\n').nth(before));
    let line = line.unwrap_or_else(|| panic!("{error} is behind the end"));
    assert!((1..=line.chars().count() + 1).contains(&error.column), "{error} is behind {line:?}");
    assert!(!error.problem.is_empty());
    assert!(error.problem.len() <= ESCAPED * text.len() + PROBLEM, "{} bytes", error.problem.len());
}

fn check_table(table: Table) {
    let (mut ids, mut domains) = (HashSet::new(), HashSet::new());
    for provider in &table.providers {
        assert!(ids.insert(&provider.id), "{} stands there twice", provider.id);
        assert!(provider.domains.iter().all(|domain| domains.insert(domain)), "{}", provider.id);
        check_provider(provider);
        let found = |domain| table.find(domain).expect("a domain that is listed is found");
        assert!(provider.domains.iter().all(|domain| found(domain) == provider), "{}", provider.id);
    }
    check_by_mx(table.clone());
}

fn check_provider(provider: &Provider) {
    let Provider { id, name, domains, mx, notes, services, documentation } = provider;
    assert!(!id.is_empty() && id.bytes().all(|byte| byte.is_ascii_graphic()), "{id:?}");
    for text in [name].into_iter().chain(documentation).chain(notes) {
        assert!(!text.trim().is_empty() && !text.chars().any(char::is_control), "{text:?}");
    }
    assert!(!domains.is_empty() && !services.is_empty(), "{id} has no domains or services");
    domains.iter().for_each(check_domain);
    mx.iter().for_each(|pattern| check_domain(&mx_name(pattern)));
    for service in services {
        assert_ne!(service.port.get(), 0);
        assert!(!service.host.form().chars().any(is_forbidden), "{:?}", service.host);
    }
    for domain in domains {
        let settings = settings_of(provider, domain, Source::UserTable, Trust::UserTable);
        assert!(settings.services.len() <= services.len());
    }
}

/// Every MX host that a pattern stands for leads to an entry.
fn check_by_mx(table: Table) {
    let patterns: Vec<String> = table.providers.iter().flat_map(|provider| provider.mx.clone()).collect();
    let providers = Providers::with_user_table(table);
    for pattern in patterns.iter().take(PATTERNS) {
        let host = pattern.replacen('*', "a", 1);
        let Ok(host) = Domain::parse(&host) else { continue };
        let found = providers.find_by_mx(&host).expect("a host that a pattern names leads to its entry");
        assert_eq!(found.0, Source::UserTable);
    }
}

fn mx_name(pattern: &str) -> Domain {
    Domain::parse(pattern.strip_prefix("*.").unwrap_or(pattern)).expect("a pattern holds a domain")
}

/// RFC 1035, section 2.3.4, without the dot at the end.
const DOMAIN_BYTES: usize = 253;

/// RFC 9110, section 4.1.
const URL_BYTES: usize = 8_000;

/// A control character of one byte is quoted as `\u{7f}`.
const ESCAPED: usize = 6;

/// The words around what is quoted.
const PROBLEM: usize = 500;

/// Each one is held against all entries.
const PATTERNS: usize = 20;
