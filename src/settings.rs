//! The words of the field and the settings made of them: protocol, security, user name, authentication, endpoint.
//!
//! Every word has one spelling that is printed, and the spellings people use, which are understood.

use std::fmt;

use crate::target::{Address, Domain, Host, InvalidTarget, Port, Scheme};

/// A mail access or submission protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// RFC 9051, RFC 3501.
    Imap,
    /// RFC 1939.
    Pop3,
    /// Message submission, RFC 6409; on port 25 relay, RFC 5321.
    Smtp,
}

impl Protocol {
    /// The word for JSON, tables and arguments.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Imap => "imap",
            Self::Pop3 => "pop3",
            Self::Smtp => "smtp",
        }
    }

    /// The name as a person reads it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Imap => "IMAP",
            Self::Pop3 => "POP3",
            Self::Smtp => "SMTP",
        }
    }

    /// Understands the field's word and people's; `smtps`, `imaps` and `pop3s` also say the security.
    pub fn from_word(word: &str) -> Option<(Self, Option<Security>)> {
        Some(match word.trim().to_ascii_lowercase().as_str() {
            "imap" | "imap4" => (Self::Imap, None),
            "imaps" => (Self::Imap, Some(Security::Tls)),
            "pop3" | "pop" => (Self::Pop3, None),
            "pop3s" | "pops" => (Self::Pop3, Some(Security::Tls)),
            "smtp" | "submission" => (Self::Smtp, None),
            "smtps" | "submissions" => (Self::Smtp, Some(Security::Tls)),
            _ => return None,
        })
    }

    /// True for the protocols that fetch mail.
    pub fn is_incoming(self) -> bool {
        !matches!(self, Self::Smtp)
    }
}

/// Prints the word for JSON.
impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How a connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Security {
    /// Implicit TLS: the handshake comes first (RFC 8314).
    Tls,
    /// Clear text, then STARTTLS or STLS (RFC 3207, RFC 2595, RFC 9051).
    StartTls,
    /// Clear text.
    None,
}

impl Security {
    /// The word for JSON, tables and arguments.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::StartTls => "starttls",
            Self::None => "none",
        }
    }

    /// The name as a person reads it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tls => "TLS",
            Self::StartTls => "STARTTLS",
            Self::None => "none",
        }
    }

    /// Understands the field's word and people's: `SSL`, `SSL/TLS`, `SMTPS` … are `tls`, `plain` is `none`.
    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word.trim().to_ascii_lowercase().as_str() {
            "tls" | "ssl" | "ssl/tls" | "tls/ssl" | "implicit tls" | "implicit" | "smtps" | "imaps"
            | "pop3s" => Self::Tls,
            "starttls" | "stls" | "start-tls" | "explicit tls" | "tls-starttls" => Self::StartTls,
            "none" | "plain" | "clear" => Self::None,
            _ => return None,
        })
    }
}

/// Prints the word for JSON.
impl fmt::Display for Security {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How a client proves who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AuthMethod {
    /// The password, sent inside TLS: what clients call "normal password".
    Password,
    /// A challenge mechanism such as CRAM-MD5.
    EncryptedPassword,
    /// A token, RFC 7628.
    OAuth2,
    /// Kerberos, RFC 4752.
    Gssapi,
    /// NTLM.
    Ntlm,
    /// A TLS client certificate.
    ClientCertificate,
    /// The address of the client.
    ClientIp,
    /// No sign-in.
    None,
}

impl AuthMethod {
    /// The word for JSON, tables and screens.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::EncryptedPassword => "encrypted-password",
            Self::OAuth2 => "oauth2",
            Self::Gssapi => "gssapi",
            Self::Ntlm => "ntlm",
            Self::ClientCertificate => "client-certificate",
            Self::ClientIp => "client-ip",
            Self::None => "none",
        }
    }

    /// Understands the field's word and people's: `normal password`, `plain`, `secure` …
    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word.trim().to_ascii_lowercase().as_str() {
            "password" | "normal password" | "password-cleartext" | "plain" | "cleartext" => Self::Password,
            "encrypted-password" | "encrypted password" | "password-encrypted" | "secure" | "cram-md5" => {
                Self::EncryptedPassword
            }
            "oauth2" | "oauth" => Self::OAuth2,
            "gssapi" | "kerberos" => Self::Gssapi,
            "ntlm" => Self::Ntlm,
            "client-certificate" | "tls-client-cert" | "tls certificate" => Self::ClientCertificate,
            "client-ip" | "client-ip-address" | "smtp-after-pop" => Self::ClientIp,
            "none" | "no authentication" => Self::None,
            _ => return None,
        })
    }
}

impl fmt::Display for AuthMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a server wants as user name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Username {
    /// The whole address.
    Address,
    /// The part before the `@`.
    LocalPart,
    /// Text with `%EMAILADDRESS%`, `%EMAILLOCALPART%` and `%EMAILDOMAIN%`, replaced in one pass.
    Template(String),
}

impl Username {
    /// Understands `address`, `local-part`, people's words for them, and templates; `None` for an unknown word.
    pub fn from_word(word: &str) -> Option<Self> {
        let word = word.trim();
        match word.to_ascii_lowercase().as_str() {
            "address" | "email" | "email address" | "%emailaddress%" => Some(Self::Address),
            "local-part" | "local part" | "localpart" | "%emaillocalpart%" => Some(Self::LocalPart),
            _ if word.contains('%') => Some(Self::Template(word.to_owned())),
            _ => None,
        }
    }

    /// The word for JSON: `address`, `local-part` or the template.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Address => "address",
            Self::LocalPart => "local-part",
            Self::Template(template) => template,
        }
    }

    /// The user name of an address.
    pub fn of(&self, address: &Address) -> String {
        match self {
            Self::Address => address.to_string(),
            Self::LocalPart => address.local_part().to_owned(),
            Self::Template(template) => {
                fill(template, &address.to_string(), address.local_part(), address.domain().as_str())
            }
        }
    }

    /// The form in words, for a screen without an address: `<part before @>`.
    pub fn form(&self) -> String {
        match self {
            Self::Address => "<address>".to_owned(),
            Self::LocalPart => "<part before @>".to_owned(),
            Self::Template(template) => fill(template, "<address>", "<part before @>", "<domain>"),
        }
    }
}

/// Replaces the three placeholders of autoconfig in one pass: a value that holds a placeholder is not filled again.
pub fn fill(template: &str, address: &str, local_part: &str, domain: &str) -> String {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('%') {
        filled.push_str(before);
        let placeholder =
            [("EMAILADDRESS%", address), ("EMAILLOCALPART%", local_part), ("EMAILDOMAIN%", domain)]
                .into_iter()
                .find_map(|(name, value)| after.strip_prefix(name).map(|tail| (value, tail)));
        let (value, tail) = placeholder.unwrap_or(("%", after));
        filled.push_str(value);
        rest = tail;
    }
    filled.push_str(rest);
    filled
}

/// One place to connect to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint {
    /// The protocol spoken there.
    pub protocol: Protocol,
    /// The host.
    pub host: Host,
    /// The TCP port.
    pub port: Port,
    /// How the connection is protected.
    pub security: Security,
}

/// What a person fixed on the command line over what a port or a scheme says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `--protocol`
    pub protocol: Option<Protocol>,
    /// `--security`
    pub security: Option<Security>,
}

impl Endpoint {
    /// Completes what was typed: a scheme fixes protocol and security, else the port tells both; overrides win.
    ///
    /// # Errors
    /// [`InvalidEndpoint`] when neither the port nor an override tells protocol or security.
    pub fn complete(
        scheme: Option<Scheme>,
        host: Host,
        port: Option<Port>,
        overrides: Overrides,
    ) -> Result<Self, InvalidEndpoint> {
        let known = scheme.map(of_scheme).or_else(|| port.and_then(|port| of_port(port.get())));
        let unknown = |missing| InvalidEndpoint { host: host.bracketed(), port, missing };
        let protocol =
            overrides.protocol.or(known.map(|(protocol, _)| protocol)).ok_or_else(|| unknown("protocol"))?;
        let security =
            overrides.security.or(known.map(|(_, security)| security)).ok_or_else(|| unknown("security"))?;
        let port = match port {
            Some(port) => port,
            None => default_port(scheme, protocol, security).map_err(|_| unknown("port"))?,
        };
        Ok(Self { protocol, host, port, security })
    }

    /// True for message submission: any SMTP port but 25 (RFC 6409).
    pub fn is_submission(&self) -> bool {
        self.protocol == Protocol::Smtp && !self.is_relay()
    }

    /// True for SMTP on port 25, where TLS is opportunistic.
    pub fn is_relay(&self) -> bool {
        self.protocol == Protocol::Smtp && self.port.get() == RELAY_PORT
    }

    /// `host:port`, with brackets around an IPv6 address.
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host.bracketed(), self.port)
    }
}

/// A `host:port` whose protocol or security is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {missing} of {host}:{} is not known by its port", port.map_or_else(String::new, |port| port.to_string()))]
pub struct InvalidEndpoint {
    host: String,
    port: Option<Port>,
    missing: &'static str,
}

impl InvalidEndpoint {
    /// What to type instead.
    pub fn hint(&self) -> String {
        "add --protocol imap|pop3|smtp and --security tls|starttls|none, or write a URL such as imaps://host:port"
            .to_owned()
    }
}

fn of_scheme(scheme: Scheme) -> (Protocol, Security) {
    match scheme {
        Scheme::Imap => (Protocol::Imap, Security::StartTls),
        Scheme::Imaps => (Protocol::Imap, Security::Tls),
        Scheme::Pop3 => (Protocol::Pop3, Security::StartTls),
        Scheme::Pop3s => (Protocol::Pop3, Security::Tls),
        Scheme::Smtp | Scheme::Submission => (Protocol::Smtp, Security::StartTls),
        Scheme::Submissions => (Protocol::Smtp, Security::Tls),
    }
}

/// What the registered ports carry (RFC 8314, section 7.3; 2525 is common practice).
fn of_port(port: u16) -> Option<(Protocol, Security)> {
    Some(match port {
        143 => (Protocol::Imap, Security::StartTls),
        993 => (Protocol::Imap, Security::Tls),
        110 => (Protocol::Pop3, Security::StartTls),
        995 => (Protocol::Pop3, Security::Tls),
        RELAY_PORT | 587 | 2525 => (Protocol::Smtp, Security::StartTls),
        465 => (Protocol::Smtp, Security::Tls),
        _ => return None,
    })
}

fn default_port(
    scheme: Option<Scheme>,
    protocol: Protocol,
    security: Security,
) -> Result<Port, InvalidTarget> {
    let number = match (protocol, security) {
        (Protocol::Imap, Security::Tls) => 993,
        (Protocol::Imap, _) => 143,
        (Protocol::Pop3, Security::Tls) => 995,
        (Protocol::Pop3, _) => 110,
        (Protocol::Smtp, Security::Tls) => 465,
        (Protocol::Smtp, _) if scheme == Some(Scheme::Smtp) => i64::from(RELAY_PORT),
        (Protocol::Smtp, _) => 587,
    };
    Port::new(number)
}

const RELAY_PORT: u16 = 25;

/// Where settings came from. The order is the rank: the first that answers wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// The user's own table.
    UserTable,
    /// The table bundled into the program.
    Bundled,
    /// The provider's PACC document, its digest in DNS.
    Pacc,
    /// The provider's autoconfig document.
    Autoconfig,
    /// Mozilla's database of autoconfig documents.
    Ispdb,
    /// What is known of the domain that receives the mail.
    Mx,
    /// SRV records (RFC 6186, RFC 8314).
    Srv,
    /// A TXT record that names an autoconfig document.
    Mailconf,
    /// Microsoft's Autodiscover.
    Autodiscover,
    /// Usual names and ports, proved by connecting.
    Guess,
}

impl Source {
    /// Every source in rank order.
    pub const ALL: &[Self] = &[
        Self::UserTable,
        Self::Bundled,
        Self::Pacc,
        Self::Autoconfig,
        Self::Ispdb,
        Self::Mx,
        Self::Srv,
        Self::Mailconf,
        Self::Autodiscover,
        Self::Guess,
    ];

    /// The word for JSON, arguments and screens.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UserTable => "user-table",
            Self::Bundled => "bundled",
            Self::Pacc => "pacc",
            Self::Autoconfig => "autoconfig",
            Self::Ispdb => "ispdb",
            Self::Mx => "mx",
            Self::Srv => "srv",
            Self::Mailconf => "mailconf",
            Self::Autodiscover => "autodiscover",
            Self::Guess => "guess",
        }
    }

    /// The source in a sentence.
    pub fn name(self) -> &'static str {
        match self {
            Self::UserTable => "your own table",
            Self::Bundled => "the bundled table",
            Self::Pacc => "the provider's PACC document",
            Self::Autoconfig => "the provider's autoconfig",
            Self::Ispdb => "the ISPDB",
            Self::Mx => "the domain that receives the mail",
            Self::Srv => "SRV records",
            Self::Mailconf => "the mailconf record",
            Self::Autodiscover => "Autodiscover",
            Self::Guess => "a guess, proved by connecting",
        }
    }

    /// The source of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|source| source.as_str().eq_ignore_ascii_case(word.trim()))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What vouches for a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trust {
    /// The user wrote it.
    UserTable,
    /// It ships with the program.
    Bundled,
    /// A digest in DNS, and https.
    Digest,
    /// A verified certificate of the host that was asked.
    Https,
    /// DNS alone: nobody signed it.
    Dns,
    /// Nothing: anybody on the way could have written it.
    Http,
    /// A server of a usual name that showed a verified certificate.
    Guess,
}

impl Trust {
    /// The word for JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UserTable => "user-table",
            Self::Bundled => "bundled",
            Self::Digest => "digest",
            Self::Https => "https",
            Self::Dns => "dns",
            Self::Http => "http",
            Self::Guess => "guess",
        }
    }
}

/// How to reach a service.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// A mail server, which can be probed.
    Server(Endpoint),
    /// A server for filter scripts (RFC 5804).
    ManageSieve {
        /// Its host.
        host: Host,
        /// Its port.
        port: Port,
        /// How the connection is protected.
        security: Security,
    },
    /// A JMAP session resource (RFC 8620).
    Jmap {
        /// Its URL.
        url: String,
    },
}

impl Access {
    /// The word for JSON.
    pub fn protocol(&self) -> &'static str {
        match self {
            Self::Server(endpoint) => endpoint.protocol.as_str(),
            Self::ManageSieve { .. } => "managesieve",
            Self::Jmap { .. } => "jmap",
        }
    }

    /// The name as a person reads it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Server(endpoint) => endpoint.protocol.name(),
            Self::ManageSieve { .. } => "ManageSieve",
            Self::Jmap { .. } => "JMAP",
        }
    }

    /// The mail server, when it is one.
    pub fn server(&self) -> Option<&Endpoint> {
        match self {
            Self::Server(endpoint) => Some(endpoint),
            _ => None,
        }
    }

    /// Host, port and security, when it has them.
    pub fn place(&self) -> Option<(&Host, Port, Security)> {
        match self {
            Self::Server(endpoint) => Some((&endpoint.host, endpoint.port, endpoint.security)),
            Self::ManageSieve { host, port, security } => Some((host, *port, *security)),
            Self::Jmap { .. } => None,
        }
    }
}

/// One published way to fetch, submit or filter mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// How to reach it.
    pub access: Access,
    /// What the server wants as user name, when the source says.
    pub username: Option<Username>,
    /// How to sign in, best first; empty when the source does not say.
    pub auth: Vec<AuthMethod>,
    /// Where this service was found.
    pub source: Source,
    /// What vouches for it.
    pub trust: Trust,
    /// True when its host is of another registrable domain than the address.
    pub other_domain: bool,
    /// True for the one incoming and the one outgoing service a client should take.
    pub recommended: bool,
}

/// Who runs the servers, and what their users should know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProviderInfo {
    /// The key in the table.
    pub id: String,
    /// The name people know.
    pub name: String,
    /// A page of the provider about mail clients.
    pub documentation: Option<String>,
    /// What to do before signing in ("create an app password").
    pub instructions: Vec<Instruction>,
    /// Where to read mail in a browser.
    pub webmail: Option<String>,
    /// Where to get a token.
    pub oauth2: Option<OAuth2>,
}

/// One thing a person has to do or read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// The sentence.
    pub text: String,
    /// A page about it.
    pub url: Option<String>,
}

/// Where a client gets a token to sign in with (RFC 6749, RFC 8414).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuth2 {
    /// The issuer: a URL in PACC, a host name in autoconfig.
    pub issuer: String,
    /// The scopes to ask for.
    pub scopes: Vec<String>,
    /// The authorization endpoint.
    pub auth_url: Option<String>,
    /// The token endpoint.
    pub token_url: Option<String>,
}

/// The settings of one domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Who runs the servers, when known.
    pub provider: Option<ProviderInfo>,
    /// The services in the order of their source.
    pub services: Vec<Service>,
}

/// Marks the incoming and the outgoing service to take: TLS before STARTTLS before clear text, IMAP before POP3,
/// then the source's own order.
pub fn recommend(services: &mut [Service]) {
    services.iter_mut().for_each(|service| service.recommended = false);
    for incoming in [true, false] {
        let rank = |service: &Service| {
            let server =
                service.access.server().filter(|server| server.protocol.is_incoming() == incoming)?;
            Some((server.protocol, server.security))
        };
        let best =
            services.iter_mut().filter(|service| rank(service).is_some()).min_by_key(|service| rank(service));
        if let Some(service) = best {
            service.recommended = true;
        }
    }
}

/// The host of a table entry or an autoconfig document: `%EMAILDOMAIN%` in it becomes the domain asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostTemplate(String);

impl HostTemplate {
    /// Reads a host name, an IP address, or a name with `%EMAILDOMAIN%`.
    ///
    /// # Errors
    /// [`InvalidTarget`] when the text is no host once the placeholder is filled.
    pub fn parse(text: &str) -> Result<Self, InvalidTarget> {
        Host::parse(&text.replace(DOMAIN_PLACEHOLDER, "example.org"))?;
        Ok(Self(text.to_owned()))
    }

    /// The host for a domain.
    ///
    /// # Errors
    /// [`InvalidTarget`] when the name becomes too long with this domain.
    pub fn of(&self, domain: &Domain) -> Result<Host, InvalidTarget> {
        Host::parse(&self.0.replace(DOMAIN_PLACEHOLDER, domain.as_str()))
    }

    /// The host in words, for a screen without a domain: `mail.<domain>`.
    pub fn form(&self) -> String {
        self.0.replace(DOMAIN_PLACEHOLDER, "<domain>")
    }
}

/// The one placeholder that makes sense in a host.
const DOMAIN_PLACEHOLDER: &str = "%EMAILDOMAIN%";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Target;

    fn endpoint(text: &str, overrides: Overrides) -> Result<Endpoint, InvalidEndpoint> {
        match Target::parse(text).unwrap() {
            Target::Host { scheme, host, port } => Endpoint::complete(scheme, host, port, overrides),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn ports_and_schemes_tell_protocol_and_security() {
        use Protocol::*;
        use Security::*;
        for (text, protocol, port, security) in [
            ("h.example:143", Imap, 143, StartTls),
            ("h.example:993", Imap, 993, Tls),
            ("h.example:110", Pop3, 110, StartTls),
            ("h.example:995", Pop3, 995, Tls),
            ("h.example:25", Smtp, 25, StartTls),
            ("h.example:587", Smtp, 587, StartTls),
            ("h.example:465", Smtp, 465, Tls),
            ("h.example:2525", Smtp, 2525, StartTls),
            ("imap://h.example:993", Imap, 993, StartTls),
            ("imap://h.example", Imap, 143, StartTls),
            ("imaps://h.example", Imap, 993, Tls),
            ("pop3://h.example", Pop3, 110, StartTls),
            ("pop3s://h.example", Pop3, 995, Tls),
            ("smtp://h.example", Smtp, 25, StartTls),
            ("smtp://h.example:465", Smtp, 465, StartTls),
            ("submission://h.example", Smtp, 587, StartTls),
            ("submissions://h.example", Smtp, 465, Tls),
            ("smtps://h.example", Smtp, 465, Tls),
        ] {
            let found = endpoint(text, Overrides::default()).unwrap();
            assert_eq!(
                (found.protocol, found.port.get(), found.security),
                (protocol, port, security),
                "{text}"
            );
        }
    }

    #[test]
    fn overrides_win_and_complete_unknown_ports() {
        assert!(endpoint("h.example:10143", Overrides::default()).unwrap_err().hint().contains("--protocol"));
        let only_protocol = Overrides { protocol: Some(Protocol::Imap), security: None };
        assert!(endpoint("h.example:10143", only_protocol).is_err());
        let both = Overrides { protocol: Some(Protocol::Imap), security: Some(Security::None) };
        assert_eq!(endpoint("h.example:10143", both).unwrap().security, Security::None);
        assert_eq!(endpoint("smtps://h.example", both).unwrap().protocol, Protocol::Imap);
    }

    #[test]
    fn placeholders_are_filled_in_one_pass() {
        let address = Address::parse("%EMAILDOMAIN%@example.org").unwrap();
        let template = Username::from_word("%EMAILLOCALPART%.%EMAILDOMAIN%").unwrap();
        assert_eq!(template.of(&address), "%EMAILDOMAIN%.example.org");
        assert_eq!(template.form(), "<part before @>.<domain>");
        assert_eq!(fill("100%", "", "", ""), "100%");
        assert_eq!(fill("%%EMAILDOMAIN%%", "", "", "d"), "%d%");
    }

    #[test]
    fn peoples_words_are_understood() {
        assert_eq!(Security::from_word("SSL/TLS"), Some(Security::Tls));
        assert_eq!(Security::from_word("SSL"), Some(Security::Tls));
        assert_eq!(Protocol::from_word("SMTPS"), Some((Protocol::Smtp, Some(Security::Tls))));
        assert_eq!(Protocol::from_word("POP"), Some((Protocol::Pop3, None)));
        assert_eq!(AuthMethod::from_word("normal password"), Some(AuthMethod::Password));
        assert_eq!(Username::from_word("nobody"), None);
    }

    #[test]
    fn the_safest_service_is_recommended() {
        let service = |text: &str| Service {
            access: Access::Server(endpoint(text, Overrides::default()).unwrap()),
            username: None,
            auth: Vec::new(),
            source: Source::Bundled,
            trust: Trust::Bundled,
            other_domain: false,
            recommended: false,
        };
        let mut services = vec![
            service("h.example:995"),
            service("h.example:143"),
            service("h.example:587"),
            service("h.example:465"),
        ];
        recommend(&mut services);
        let marks: Vec<bool> = services.iter().map(|service| service.recommended).collect();
        assert_eq!(marks, [false, true, false, true]);
    }
}
