//! The provider table: the one bundled with the program, and the user's own, which wins.
//!
//! The bundled table is checked and indexed when the crate is built; a lookup parses the one entry it needs.

pub mod table;

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::settings::{
    Access, Endpoint, Instruction, ProviderInfo, Service, Settings, Source, Trust, recommend,
};
use crate::target::Domain;
use table::{BrokenTable, Provider, Table, TableService};

/// The tables a lookup asks.
#[derive(Debug, Default)]
pub struct Providers {
    user: Option<Table>,
}

impl Providers {
    /// The bundled table alone.
    pub fn bundled() -> Self {
        Self::default()
    }

    /// The bundled table behind the user's own.
    pub fn with_user_table(table: Table) -> Self {
        Self { user: Some(table) }
    }

    /// True when the user has a table of their own.
    pub fn has_user_table(&self) -> bool {
        self.user.is_some()
    }

    /// The entry of one table that lists a domain.
    pub fn find_in(&self, table: Source, domain: &Domain) -> Option<Provider> {
        match table {
            Source::UserTable => self.user.as_ref().and_then(|table| table.find(domain)).cloned(),
            _ => find_bundled(domain),
        }
    }

    /// The entry that lists a domain, the user's first.
    pub fn find(&self, domain: &Domain) -> Option<(Source, Provider)> {
        let found = |table| self.find_in(table, domain).map(|provider| (table, provider));
        found(Source::UserTable).or_else(|| found(Source::Bundled))
    }

    /// The entry whose MX patterns name a host, the user's first.
    pub fn find_by_mx(&self, host: &Domain) -> Option<(Source, Provider)> {
        let names = |provider: &Provider| provider.mx.iter().any(|pattern| matches_mx(pattern, host));
        let own = self.user.iter().flat_map(|table| &table.providers).find(|provider| names(provider));
        match own {
            Some(provider) => Some((Source::UserTable, provider.clone())),
            None => bundled_entries().find(names).map(|provider| (Source::Bundled, provider)),
        }
    }

    /// Every entry, the user's first; a bundled entry whose id the user's table has too is left out.
    pub fn all(&self) -> Vec<(Source, Provider)> {
        let own = self.user.iter().flat_map(|table| &table.providers);
        let mut all: Vec<_> = own.map(|provider| (Source::UserTable, provider.clone())).collect();
        let ids: Vec<String> = all.iter().map(|(_, provider)| provider.id.clone()).collect();
        let bundled = bundled_entries().filter(|provider| !ids.contains(&provider.id));
        all.extend(bundled.map(|provider| (Source::Bundled, provider)));
        all
    }
}

/// Reads the user's table from a file.
///
/// # Errors
/// [`UnusableTable`] when the file cannot be read, is too large, or is no table.
pub fn read_table(path: &Path) -> Result<Table, UnusableTable> {
    let unreadable = |source| UnusableTable::Unreadable { path: path.to_owned(), source };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(TABLE_BYTES + 1).read_to_string(&mut text).map_err(unreadable)?;
    if u64::try_from(text.len()).is_ok_and(|size| size > TABLE_BYTES) {
        return Err(UnusableTable::TooLarge { path: path.to_owned() });
    }
    Table::parse(&text).map_err(|problem| UnusableTable::Broken { path: path.to_owned(), problem })
}

/// Why a table file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum UnusableTable {
    /// It cannot be read.
    #[error("cannot read the provider table {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is larger than any table should be.
    #[error("the provider table {} has more than 16 MiB", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// It is not a table as the header of `providers.toml` describes it.
    #[error("{}:{problem}", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// Line, column and what is wrong.
        problem: BrokenTable,
    },
}

impl UnusableTable {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "name a readable file with --providers, or leave the option out",
            Self::TooLarge { .. } | Self::Broken { .. } => {
                "mend the file and run `mailcfg providers check FILE`; `mailcfg providers show disroot` prints an entry to copy"
            }
        }
    }
}

/// The settings an entry gives a domain.
pub fn settings_of(provider: &Provider, domain: &Domain, source: Source, trust: Trust) -> Settings {
    let services = provider.services.iter().filter_map(|service| service_of(service, domain, source, trust));
    let mut services: Vec<Service> = services.collect();
    recommend(&mut services);
    Settings { provider: Some(info_of(provider)), services }
}

/// No service is of "another domain" here: the table itself says that these hosts serve this domain.
fn service_of(service: &TableService, domain: &Domain, source: Source, trust: Trust) -> Option<Service> {
    let host = service.host.of(domain).ok()?;
    let TableService { protocol, port, security, .. } = *service;
    Some(Service {
        access: Access::Server(Endpoint { protocol, host, port, security }),
        username: service.username.clone(),
        auth: service.auth.clone(),
        source,
        trust,
        other_domain: false,
        recommended: false,
    })
}

fn info_of(provider: &Provider) -> ProviderInfo {
    let instructions =
        provider.notes.iter().map(|note| Instruction { text: note.clone(), url: None }).collect();
    ProviderInfo {
        id: provider.id.clone(),
        name: provider.name.clone(),
        documentation: provider.documentation.clone(),
        instructions,
        ..ProviderInfo::default()
    }
}

/// True when an MX pattern of a table names a host: the host itself, or `*.` and a name for all below it.
fn matches_mx(pattern: &str, host: &Domain) -> bool {
    match pattern.strip_prefix("*.") {
        Some(parent) => host.as_str().strip_suffix(parent).is_some_and(|rest| rest.ends_with('.')),
        None => pattern == host.as_str(),
    }
}

/// Finds a domain in the index and parses the one entry it points to.
fn find_bundled(domain: &Domain) -> Option<Provider> {
    let position = INDEX.binary_search_by(|(name, _)| (*name).cmp(domain.as_str())).ok()?;
    let (_, entry) = INDEX.get(position)?;
    ENTRIES.get(usize::from(*entry)).map(|&(start, end)| parse_entry(start, end))
}

fn bundled_entries() -> impl Iterator<Item = Provider> {
    ENTRIES.iter().map(|&(start, end)| parse_entry(start, end))
}

fn parse_entry(start: usize, end: usize) -> Provider {
    BUNDLED
        .get(start..end)
        .and_then(|entry| Table::parse(entry).ok())
        .and_then(|table| table.providers.into_iter().next())
        .expect("the build parsed every entry of the bundled table on its own")
}

const BUNDLED: &str = include_str!("../providers.toml");

/// 16 MiB: a hundred times the bundled table, and small enough to parse at once.
pub const TABLE_BYTES: u64 = 16 * 1024 * 1024;

// `INDEX`: every domain with the number of its entry, sorted; `ENTRIES`: where each entry stands in `BUNDLED`.
include!(concat!(env!("OUT_DIR"), "/providers_index.rs"));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Protocol, Security};

    fn domain(text: &str) -> Domain {
        Domain::parse(text).unwrap()
    }

    #[test]
    fn every_domain_of_the_bundled_table_is_found_through_the_index() {
        let mut count = 0;
        for provider in bundled_entries() {
            for domain in &provider.domains {
                assert_eq!(find_bundled(domain).unwrap().id, provider.id, "{domain}");
                count += 1;
            }
        }
        assert_eq!(count, INDEX.len());
        assert!(count > 1_000, "{count} domains");
    }

    #[test]
    fn the_bundled_entries_are_the_bundled_table() {
        let whole = Table::parse(BUNDLED).unwrap();
        assert!(whole.providers.iter().eq(bundled_entries().collect::<Vec<_>>().iter()));
    }

    #[test]
    fn no_bundled_port_contradicts_its_protocol() {
        for (_, provider) in Providers::bundled().all() {
            for service in &provider.services {
                let expected: &[u16] = match (service.protocol, service.security) {
                    (Protocol::Imap, Security::Tls) => &[993],
                    (Protocol::Imap, _) => &[143],
                    (Protocol::Pop3, Security::Tls) => &[995],
                    (Protocol::Pop3, _) => &[110],
                    // Charter speaks TLS at once on 587, against RFC 8314, and Mozilla's ISPDB says it is meant so.
                    (Protocol::Smtp, Security::Tls) if provider.id == "charter.net" => &[587],
                    (Protocol::Smtp, Security::Tls) => &[465],
                    (Protocol::Smtp, _) => &[25, 587, 2525],
                };
                assert!(expected.contains(&service.port.get()), "{}: {service:?}", provider.id);
            }
        }
    }

    #[test]
    fn disroot_is_as_its_documentation_has_it() {
        let (source, provider) = Providers::bundled().find(&domain("disroot.org")).unwrap();
        let settings = settings_of(&provider, &domain("disroot.org"), source, Trust::Bundled);
        let found: Vec<String> = settings
            .services
            .iter()
            .map(|service| {
                let endpoint = service.access.server().unwrap();
                let username = service.username.as_ref().unwrap().as_str();
                format!("{} {} {} {username}", endpoint.protocol, endpoint.authority(), endpoint.security)
            })
            .collect();
        assert_eq!(
            found,
            [
                "imap disroot.org:993 tls local-part",
                "smtp disroot.org:587 starttls local-part",
                "smtp disroot.org:465 tls local-part",
                "pop3 disroot.org:995 tls local-part"
            ]
        );
    }

    #[test]
    fn an_mx_host_leads_to_its_provider() {
        for (pattern, host, matched) in [
            ("*.mx.example.org", "a.mx.example.org", true),
            ("*.mx.example.org", "mx.example.org", false),
            ("*.mx.example.org", "amx.example.org", false),
            ("mx.example.org", "mx.example.org", true),
            ("mx.example.org", "a.mx.example.org", false),
        ] {
            assert_eq!(matches_mx(pattern, &domain(host)), matched, "{pattern} {host}");
        }
        assert!(Providers::bundled().find_by_mx(&domain("mx.nowhere.example")).is_none());
    }

    #[test]
    fn the_users_table_wins() {
        let text = "[[provider]]\nid = 'own'\nname = 'Own'\ndomains = ['disroot.org']\nusername = 'address'\n\
                    services = [{ protocol = 'SMTPS', host = 'mx.%EMAILDOMAIN%', port = 465 }]\n";
        let providers = Providers::with_user_table(Table::parse(text).unwrap());
        let (source, provider) = providers.find(&domain("disroot.org")).unwrap();
        assert_eq!((source, provider.id.as_str()), (Source::UserTable, "own"));
        let settings = settings_of(&provider, &domain("disroot.org"), source, Trust::Bundled);
        assert_eq!(settings.services[0].access.server().unwrap().authority(), "mx.disroot.org:465");
        assert_eq!(settings.services[0].access.server().unwrap().security, Security::Tls);
        assert_eq!(providers.find(&domain("gmail.com")).unwrap().0, Source::Bundled);
    }
}
