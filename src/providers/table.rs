//! The form of a provider table: TOML text to checked entries, every mistake with its line and column.
//!
//! The build script reads the bundled table with this same code.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use crate::settings::{AuthMethod, HostTemplate, Protocol, Security, Username};
use crate::target::{Domain, Port};

/// A checked table: ids and domains stand in it once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// The entries in the order of the file.
    pub providers: Vec<Provider>,
    by_domain: HashMap<Domain, usize>,
}

/// One entry: who, which domains, which servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// The key people type: lower-case letters, digits, dots and hyphens.
    pub id: String,
    /// The name people know.
    pub name: String,
    /// The domains whose addresses this provider hosts.
    pub domains: Vec<Domain>,
    /// A page of the provider about mail clients.
    pub documentation: Option<String>,
    /// MX hosts by which customers' own domains are recognised: a host name, or `*.` and a name for all below it.
    pub mx: Vec<String>,
    /// What to do before signing in.
    pub notes: Vec<String>,
    /// The servers in the provider's order.
    pub services: Vec<TableService>,
}

/// One server of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableService {
    /// The protocol.
    pub protocol: Protocol,
    /// The host, with `%EMAILDOMAIN%` for the domain asked for.
    pub host: HostTemplate,
    /// The port.
    pub port: Port,
    /// How the connection is protected.
    pub security: Security,
    /// What the server wants as user name, when known.
    pub username: Option<Username>,
    /// How to sign in, best first.
    pub auth: Vec<AuthMethod>,
}

/// What is wrong with a table, and where. Prints `line:column: problem`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenTable {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The problem, in one sentence.
    pub problem: String,
}

impl fmt::Display for BrokenTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.problem)
    }
}

impl std::error::Error for BrokenTable {}

impl Table {
    /// Reads a table.
    ///
    /// # Errors
    /// [`BrokenTable`] for bad TOML, an unknown key or word, and an id or domain that stands in the table twice.
    pub fn parse(text: &str) -> Result<Self, BrokenTable> {
        let raw: RawTable = toml::from_str(text).map_err(|error| broken_toml(text, &error))?;
        let mut table = Self::default();
        let mut ids = HashMap::new();
        for entry in raw.provider {
            let id_span = entry.id.span();
            let id = table.add(entry).map_err(|(span, problem)| at(text, &span, problem))?;
            if let Some(first) = ids.insert(id.clone(), id_span.clone()) {
                let line = at(text, &first, String::new()).line;
                return Err(at(text, &id_span, format!("the id {id:?} stands in line {line} already")));
            }
        }
        Ok(table)
    }

    /// The entry that lists a domain.
    pub fn find(&self, domain: &Domain) -> Option<&Provider> {
        self.by_domain.get(domain).and_then(|&position| self.providers.get(position))
    }

    /// Checks an entry and takes it in; gives its id.
    fn add(&mut self, raw: RawProvider) -> Result<String, Mistake> {
        let id = checked_id(&raw.id)?;
        for (key, is_empty) in [("domains", raw.domains.is_empty()), ("services", raw.services.is_empty())] {
            if is_empty {
                return Err((raw.id.span(), format!("the entry {id} has no {key}")));
            }
        }
        let position = self.providers.len();
        let mut domains = Vec::with_capacity(raw.domains.len());
        for typed in &raw.domains {
            let domain = Domain::parse(typed.get_ref()).map_err(|error| (typed.span(), error.to_string()))?;
            if self.by_domain.insert(domain.clone(), position).is_some() {
                return Err((typed.span(), format!("the domain {domain} stands in the table already")));
            }
            domains.push(domain);
        }
        let services = raw
            .services
            .iter()
            .map(|service| checked_service(service, raw.username.as_ref(), raw.auth.as_deref()))
            .collect::<Result<_, _>>()?;
        self.providers.push(Provider {
            id: id.clone(),
            name: checked_text(&raw.name)?,
            domains,
            documentation: raw.documentation.as_ref().map(checked_url).transpose()?,
            mx: raw.mx.iter().map(checked_mx).collect::<Result<_, _>>()?,
            notes: raw.notes.iter().map(checked_text).collect::<Result<_, _>>()?,
            services,
        });
        Ok(id)
    }
}

/// Where in the text, and what.
type Mistake = (Range<usize>, String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTable {
    #[serde(default)]
    provider: Vec<RawProvider>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProvider {
    id: Spanned<String>,
    name: Spanned<String>,
    domains: Vec<Spanned<String>>,
    documentation: Option<Spanned<String>>,
    #[serde(default)]
    mx: Vec<Spanned<String>>,
    #[serde(default)]
    notes: Vec<Spanned<String>>,
    username: Option<Spanned<String>>,
    auth: Option<Vec<Spanned<String>>>,
    services: Vec<RawService>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawService {
    protocol: Spanned<String>,
    host: Spanned<String>,
    port: Spanned<i64>,
    security: Option<Spanned<String>>,
    username: Option<Spanned<String>>,
    auth: Option<Vec<Spanned<String>>>,
}

fn checked_service(
    raw: &RawService,
    username: Option<&Spanned<String>>,
    auth: Option<&[Spanned<String>]>,
) -> Result<TableService, Mistake> {
    let (protocol, implied) = word(&raw.protocol, "protocol", "imap, pop3, smtp", Protocol::from_word)?;
    let security = match (&raw.security, implied) {
        (Some(typed), _) => word(typed, "security", "tls, starttls, none", Security::from_word)?,
        (None, Some(implied)) => implied,
        (None, None) => return Err((raw.protocol.span(), "this service has no `security`".to_owned())),
    };
    let username = raw.username.as_ref().or(username);
    let auth = raw.auth.as_deref().or(auth);
    Ok(TableService {
        protocol,
        host: HostTemplate::parse(raw.host.get_ref())
            .map_err(|error| (raw.host.span(), error.to_string()))?,
        port: Port::new(*raw.port.get_ref()).map_err(|error| (raw.port.span(), error.to_string()))?,
        security,
        username: username.map(checked_username).transpose()?,
        auth: match auth {
            Some(typed) => typed.iter().map(checked_auth).collect::<Result<_, _>>()?,
            None => vec![AuthMethod::Password],
        },
    })
}

fn checked_username(typed: &Spanned<String>) -> Result<Username, Mistake> {
    let form = word(
        typed,
        "username",
        "address, local-part, or a template with %EMAILLOCALPART%",
        Username::from_word,
    )?;
    if form.as_str().chars().any(char::is_control) {
        return Err((typed.span(), "a user name has a control character".to_owned()));
    }
    Ok(form)
}

fn checked_auth(typed: &Spanned<String>) -> Result<AuthMethod, Mistake> {
    word(
        typed,
        "auth",
        "password, encrypted-password, oauth2, gssapi, ntlm, client-certificate, client-ip, none",
        AuthMethod::from_word,
    )
}

fn word<T>(
    typed: &Spanned<String>,
    key: &str,
    words: &str,
    from_word: impl Fn(&str) -> Option<T>,
) -> Result<T, Mistake> {
    let unknown = || (typed.span(), format!("unknown {key} {:?}; the words are {words}", typed.get_ref()));
    from_word(typed.get_ref()).ok_or_else(unknown)
}

fn checked_id(typed: &Spanned<String>) -> Result<String, Mistake> {
    let id = typed.get_ref();
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
    if id.is_empty() || !id.bytes().all(allowed) {
        return Err((typed.span(), format!("an id is of a-z, 0-9, dots and hyphens, not {id:?}")));
    }
    Ok(id.clone())
}

fn checked_text(typed: &Spanned<String>) -> Result<String, Mistake> {
    let text = typed.get_ref().trim();
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err((typed.span(), "a text is empty or has a control character".to_owned()));
    }
    Ok(text.to_owned())
}

fn checked_url(typed: &Spanned<String>) -> Result<String, Mistake> {
    let text = checked_text(typed)?;
    if !(text.starts_with("https://") || text.starts_with("http://")) || text.contains(' ') {
        return Err((typed.span(), format!("documentation is an https:// or http:// URL, not {text:?}")));
    }
    Ok(text)
}

fn checked_mx(typed: &Spanned<String>) -> Result<String, Mistake> {
    let pattern = typed.get_ref();
    let name = pattern.strip_prefix("*.").unwrap_or(pattern);
    let domain = Domain::parse(name).map_err(|error| (typed.span(), error.to_string()))?;
    Ok(if name.len() == pattern.len() { domain.to_string() } else { format!("*.{domain}") })
}

/// What the parser says of bad TOML, and where.
pub fn broken_toml(text: &str, error: &toml::de::Error) -> BrokenTable {
    at(text, &error.span().unwrap_or_default(), error.message().replace('\n', "; "))
}

/// A problem with the line and column of a piece of text.
pub fn at(text: &str, span: &Range<usize>, problem: String) -> BrokenTable {
    let before = text.get(..span.start).unwrap_or(text);
    let last_line = before.rsplit('\n').next().unwrap_or_default();
    BrokenTable { line: before.matches('\n').count() + 1, column: last_line.chars().count() + 1, problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: &str = r#"
[[provider]]
id = "example"
name = "Example"
domains = ["Example.ORG", "bücher.example"]
documentation = "https://example.org/mail"
mx = ["*.mx.example.org"]
notes = ["Enable IMAP first."]
username = "address"
services = [
  { protocol = "imap", host = "imap.example.org", port = 993, security = "SSL/TLS" },
  { protocol = "SMTPS", host = "smtp.example.org", port = 465, username = "local-part", auth = ["normal password", "oauth2"] },
]
"#;

    #[test]
    fn an_entry_is_read_with_peoples_words() {
        let table = Table::parse(ENTRY).unwrap();
        let provider = table.find(&Domain::parse("xn--bcher-kva.example").unwrap()).unwrap();
        assert_eq!(provider.services[0].security, Security::Tls);
        assert_eq!(provider.services[0].username, Some(Username::Address));
        assert_eq!(provider.services[0].auth, [AuthMethod::Password]);
        assert_eq!(provider.services[1].protocol, Protocol::Smtp);
        assert_eq!(provider.services[1].username, Some(Username::LocalPart));
        assert_eq!(provider.services[1].auth, [AuthMethod::Password, AuthMethod::OAuth2]);
    }

    #[test]
    fn mistakes_are_named_with_line_and_column() {
        let cases = [
            ("port = 993", "port = 0", "11:58", "port"),
            ("port = 993", "port = 70000", "11:58", "70000"),
            ("\"SSL/TLS\"", "\"SSH\"", "11:74", "unknown security \"SSH\""),
            ("\"imap\"", "\"nntp\"", "11:16", "unknown protocol"),
            (", security = \"SSL/TLS\"", "", "11:16", "no `security`"),
            ("\"oauth2\"", "\"magic\"", "12:116", "unknown auth"),
            ("\"address\"", "\"me\"", "9:12", "unknown username"),
            ("notes", "note", "8:1", "unknown field"),
            ("\"Example.ORG\"", "\"exa_mple.org\"", "5:12", "underscore"),
            ("\"bücher.example\"", "\"example.org\"", "5:27", "already"),
            ("https://example.org/mail", "ftp://example.org", "6:17", "documentation"),
            ("*.mx.example.org", "*.*.example.org", "7:7", "not a domain"),
            ("\"example\"", "\"Exa mple\"", "3:6", "an id is"),
            ("imap.example.org", "imap example.org", "11:31", "white space"),
            ("\"Example\"", "\"\\u001b[2J\"", "4:8", "control character"),
            ("id = \"example\"", "id = ", "3:6", ""),
        ];
        let found = cases.map(|(from, to, _, problem)| {
            let error = Table::parse(&ENTRY.replacen(from, to, 1)).unwrap_err();
            assert!(error.problem.contains(problem), "{to}: {error}");
            (to, format!("{}:{}", error.line, error.column))
        });
        assert_eq!(found, cases.map(|(_, to, place, _)| (to, place.to_owned())));
    }

    #[test]
    fn an_entry_without_domains_or_services_is_refused() {
        for key in ["domains", "services"] {
            let (before, rest) = ENTRY.split_once(&format!("{key} = [")).unwrap();
            let (_, after) = rest.split_once("]\n").unwrap();
            let error = Table::parse(&format!("{before}{key} = []\n{after}")).unwrap_err();
            assert!(error.problem.contains(&format!("has no {key}")), "{error}");
        }
    }

    #[test]
    fn an_id_stands_once() {
        let twice = format!("{ENTRY}{}", ENTRY.replace("Example.ORG", "a.example").replace("bücher", "b"));
        let error = Table::parse(&twice).unwrap_err();
        assert!(error.problem.contains("stands in line 3 already"), "{error}");
    }
}
